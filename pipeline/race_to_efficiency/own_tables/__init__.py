"""An analyst's own tables through the calibration of the ledgers."""

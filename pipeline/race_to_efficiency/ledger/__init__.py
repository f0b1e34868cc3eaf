"""The ledgers: schemas, intake, as-of views, changes and importers."""

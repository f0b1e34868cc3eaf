"""Words of the report."""

"""The metadata tree of every ledger, one module a subject."""

"""One importer a publisher: a module with ``read(request) -> Parsed`` and ``IMPORTER``, found by registry.py.

``read`` turns a delivery into rows in the ledger's columns (texts) and says of every other record why it was excluded
or quarantined. It knows nothing of versions: ids, revisions, withdrawals, renames and flags are worked out by
`race_to_efficiency.ledger.plan` for all importers alike, and nothing is written before the whole plan stands.
"""

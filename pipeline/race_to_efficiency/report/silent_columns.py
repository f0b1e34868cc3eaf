"""Tables without the columns in which no row says anything."""

from __future__ import annotations

from dataclasses import replace

from race_to_efficiency.report.content import ContentTable, Fact, say


def told(table: ContentTable) -> ContentTable:
    """Return a table without the columns in which no row says anything."""
    silent = (say("–"), (Fact("–"),), ())
    kept = [place for place in range(len(table.columns)) if any(row[place] not in silent for row in table.rows)]
    rows = tuple(tuple(row[place] for place in kept) for row in table.rows)
    return replace(table, columns=tuple(table.columns[place] for place in kept), rows=rows)

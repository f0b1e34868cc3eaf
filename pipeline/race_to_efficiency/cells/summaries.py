"""Rows of totals and means among the rows of a table: set aside, not taken for rows of their own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.cells.physical import SUMMARY, PhysicalRecord
from race_to_efficiency.errors import DataInvalid

if TYPE_CHECKING:
    from race_to_efficiency.cells.table import Table

_WORDS = frozenset(
    [
        *("total", "totals", "grand total", "sum", "mean", "average", "avg", "median", "std", "stdev", "min", "max"),
        *("gesamt", "summe", "mittelwert", "durchschnitt", "somme", "moyenne", "promedio", "media"),
    ]
)
"""Words that begin a row of totals or means."""

_MOST_ROWS = 100_000
"""Longer tables are written by programs, which add no totals."""

_MOST_SHARE = 0.25
"""Share of the rows that may begin so; more of them are rows of their own, as of a column of poolings."""

_COUNTS_ROWS = frozenset(["", "unnamed: 0", "index", "#"])
"""Names of a column that only counts the rows."""


def summaries_aside(table: Table) -> Table:
    """Return a table whose rows of totals and means are unread ones.

    Parameters
    ----------
    table : Table
        The first cell of a row that is not empty, a count of rows left out, tells.
    """
    if not 0 < len(table) <= _MOST_ROWS:
        return table
    start = int(len(table.header) > 1 and table.header[0].lower() in _COUNTS_ROWS)
    try:
        columns = [table.column(place) for place in range(start, min(start + 2, len(table.header)))]
    except DataInvalid:  # lists, say, which are refused where somebody asks for them
        return table
    first = np.full(len(table), "", dtype=object)
    for column in columns:
        if column.dtype != object:
            break
        first = np.where(first == "", column, first)
    found = np.array([word.rstrip(":").lower() in _WORDS for word in first.tolist()])
    if not found.any() or found.sum() > _MOST_SHARE * len(table):
        return table
    places = range(len(table.header))
    unread = [
        PhysicalRecord(int(table.line[row]), tuple(str(table.texts_at(place)[row]) for place in places), SUMMARY)
        for row in np.flatnonzero(found).tolist()
    ]
    kept = np.flatnonzero(~found)
    return replace(
        table,
        line=table.line[kept],
        read_column=lambda place: table.column(place)[kept],
        unread=(*table.unread, *unread),
        _held={},
    )

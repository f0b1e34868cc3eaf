"""What changed between two as-of views of a ledger: rows and cells, each row with one cause.

Every id of either view is unchanged or has exactly one cause, so the causes can be applied one after another, in any
order, and together they lead from the one view to the other: what an attribution by refits needs.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, Literal, cast, get_args

from typing_extensions import TypedDict

from race_to_efficiency.json_fields import Cell, Count, Means
from race_to_efficiency.ledger.history import row_texts
from race_to_efficiency.ledger.lines import ledger_value
from race_to_efficiency.ledger.schemas import table_of

if TYPE_CHECKING:
    import pandas as pd

    from race_to_efficiency.ledger.metadata import Table
    from race_to_efficiency.ledger.vintages import View

Cause = Literal["added", "revised", "withdrawn", "reclassified", "entered_late"]
CAUSES: tuple[Cause, ...] = get_args(Cause)
"""added: only in the later view; withdrawn: only in the earlier; reclassified: used or excluded for another reason
(its new figures come along); revised: other figures, the same classification; entered_late: by a line that says it was
known by the earlier view's day, and that nobody had then."""


class ChangedCell(TypedDict):
    """A cell that differs, in a document."""

    column: str
    old: Annotated[Cell, Means("null: empty.")]
    new: Annotated[Cell, Means("null: empty.")]


class ChangedRow(TypedDict):
    """One row that differs."""

    id: str
    cells: Annotated[list[ChangedCell], Means("Cells that differ, for rows in both views.")]
    old_exclusion: Annotated[str | None, Means("Empty: used; null: not in the earlier view.")]
    new_exclusion: Annotated[str | None, Means("Empty: used; null: not in the later view.")]


class CauseCounts(TypedDict):
    """Rows by cause."""

    added: Count
    revised: Count
    withdrawn: Count
    reclassified: Count
    entered_late: Count


class ChangedTable(TypedDict):
    """One ledger's rows by what happened to them."""

    counts: CauseCounts
    added: list[ChangedRow]
    revised: list[ChangedRow]
    withdrawn: list[ChangedRow]
    reclassified: list[ChangedRow]
    entered_late: list[ChangedRow]


@dataclass(frozen=True)
class RowChange:
    """One row that differs.

    Parameters
    ----------
    row_id : str
    cause : Cause
    cells : tuple of ChangedCell
        What differs, for rows in both views: numbers as numbers, unknown as None.
    old_exclusion, new_exclusion : str or None
        '' for used, None where the row is not in that view.
    """

    row_id: str
    cause: Cause
    cells: tuple[ChangedCell, ...] = ()
    old_exclusion: str | None = None
    new_exclusion: str | None = None

    def to_json(self) -> ChangedRow:
        """Return the change as a JSON-ready mapping."""
        return {
            "id": self.row_id,
            "cells": list(self.cells),
            "old_exclusion": self.old_exclusion,
            "new_exclusion": self.new_exclusion,
        }


@dataclass(frozen=True)
class TableDiff:
    """Every change of one ledger between two views.

    Parameters
    ----------
    table : str
    changes : tuple of RowChange
        Ordered by id.
    """

    table: str
    changes: tuple[RowChange, ...] = field(default_factory=tuple)

    def ids(self, cause: Cause) -> tuple[str, ...]:
        """Return the ids with a cause."""
        return tuple(change.row_id for change in self.changes if change.cause == cause)

    @property
    def counts(self) -> dict[str, int]:
        """Number of rows by cause; every cause is named."""
        return {cause: len(self.ids(cause)) for cause in CAUSES}

    def to_json(self) -> ChangedTable:
        """Return counts and rows by cause as a JSON-ready mapping."""
        rows = {cause: [change.to_json() for change in self.changes if change.cause == cause] for cause in CAUSES}
        return cast("ChangedTable", {"counts": self.counts, **rows})


def diff_views(before: View, after: View, hindsight: View | None = None) -> TableDiff:
    """Return what changed from one view of a ledger to another.

    Parameters
    ----------
    before, after : View
        Of one table.
    hindsight : View, optional
        The ledger as of the earlier day with every line it has today, where ``before`` is made of fewer: what entered
        late is what these two differ in.

    Raises
    ------
    ValueError
        When the views are of different tables.
    """
    if before.table != after.table:
        raise ValueError(f"before and after are views of {before.table} and {after.table}, not of one table")
    table = table_of(before.table)
    old, new = _keyed(table, before.rows), _keyed(table, after.rows)
    late = _keyed(table, hindsight.rows) if hindsight else old
    changes = []
    for row_id in sorted(old.keys() | new.keys()):
        change = _row_change(table, row_id, old.get(row_id), new.get(row_id))
        if change and _entered_late(table, old.get(row_id), late.get(row_id), new.get(row_id)):
            change = replace(change, cause="entered_late")
        if change:
            changes.append(change)
    return TableDiff(before.table, tuple(changes))


def _entered_late(table: Table, old: Keyed | None, late: Keyed | None, new: Keyed | None) -> bool:
    """Tell whether a row is what it is because of a late line: one it came with, or nothing else has changed it."""
    if old == late or _row_change(table, "", old, late) is None:
        return False
    return old is None or late == new or _row_change(table, "", late, new) is None


Keyed = tuple[dict[str, str], str]
"""A row's texts, and why it is excluded."""


def _keyed(table: Table, rows: pd.DataFrame) -> dict[str, Keyed]:
    texts = row_texts(table, rows)
    return {cells[table.key]: (cells, why) for cells, why in zip(texts, rows["exclusion"], strict=True)}


def _row_change(table: Table, row_id: str, old: Keyed | None, new: Keyed | None) -> RowChange | None:
    if old is None or new is None:
        cause: Cause = "added" if old is None else "withdrawn"
        return RowChange(row_id, cause, (), old[1] if old else None, new[1] if new else None)
    cells = tuple(
        ChangedCell(
            column=column.name,
            old=ledger_value(column.kind, old[0][column.name]),
            new=ledger_value(column.kind, new[0][column.name]),
        )
        for column in table.facts
        if old[0][column.name] != new[0][column.name]
    )
    if old[1] != new[1]:
        return RowChange(row_id, "reclassified", cells, old[1], new[1])
    return RowChange(row_id, "revised", cells, old[1], new[1]) if cells else None

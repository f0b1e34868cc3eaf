"""A ledger's versions by id, as texts: what an import compares with and what a difference is made of."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from race_to_efficiency.ledger.lines import cell_text
from race_to_efficiency.ledger.schemas import table_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    import pandas as pd

    from race_to_efficiency.ledger.metadata import Table


@dataclass(frozen=True)
class Version:
    """One line of a ledger.

    Parameters
    ----------
    row_id : str
    recorded : str
        ISO date.
    withdrawn : bool
    cells : Mapping of str to str
        The line's texts, normalised (shortest numbers).
    """

    row_id: str
    recorded: str
    withdrawn: bool
    cells: Mapping[str, str]


class History:
    """Every version of every id.

    Parameters
    ----------
    name : str
        Table.
    rows : DataFrame
        `Intake.rows`.
    """

    def __init__(self, name: str, rows: pd.DataFrame) -> None:
        self.table: Table = table_of(name)
        self.versions: dict[str, list[Version]] = defaultdict(list)
        for cells in row_texts(self.table, rows):
            row_id, withdrawn = cells[self.table.key], cells["withdrawn"] == "true"
            self.versions[row_id].append(Version(row_id, cells["recorded"], withdrawn, cells))
        for versions in self.versions.values():
            # a withdrawal and a newcomer of one day are one rename: the live line stands last
            versions.sort(key=lambda version: (version.recorded, not version.withdrawn))
        self.dates = sorted({version.recorded for versions in self.versions.values() for version in versions})
        self.names = self._names()

    def _names(self) -> dict[str, list[str]]:
        """Return the ids every publisher's name has stood for, first come first."""
        names: dict[str, list[str]] = defaultdict(list)
        column = self.table.name_column
        if column:
            ordered = sorted((v for vs in self.versions.values() for v in vs), key=lambda v: (v.recorded, v.row_id))
            for version in ordered:
                if version.row_id not in names[version.cells[column]]:
                    names[version.cells[column]].append(version.row_id)
        return dict(names)

    def at(self, day: dt.date | str) -> dict[str, Version]:
        """Return the version in force of every id on a day, withdrawals included."""
        until = str(day)
        state = {}
        for row_id, versions in self.versions.items():
            known = [version for version in versions if version.recorded <= until]
            if known:
                state[row_id] = known[-1]
        return state

    def live(self, day: dt.date | str) -> dict[str, Version]:
        """Return the version in force of every id not withdrawn on a day."""
        return {row_id: version for row_id, version in self.at(day).items() if not version.withdrawn}

    def next_date(self, day: dt.date | str) -> str | None:
        """Return the first recorded date after a day."""
        return next((date for date in self.dates if date > str(day)), None)

    def has_line(self, row_id: str, day: dt.date | str) -> bool:
        """Return whether an id has a line recorded on exactly this day."""
        return any(version.recorded == str(day) for version in self.versions.get(row_id, ()))


def row_texts(table: Table, rows: pd.DataFrame) -> list[dict[str, str]]:
    """Return typed rows as normalised ledger texts.

    Parameters
    ----------
    table : Table
    rows : DataFrame
        With the table's columns; others are left out.
    """
    texts: dict[str, list[str]] = {}
    for column in table.columns:
        values = rows[column.name]
        if column.kind == "date":
            texts[column.name] = values.dt.strftime("%Y-%m-%d").fillna("").tolist()
        elif column.kind == "text":
            texts[column.name] = values.tolist()
        else:
            present = values.notna().tolist()
            plain = values.tolist()
            texts[column.name] = [
                cell_text(column, value) if there else "" for value, there in zip(plain, present, strict=True)
            ]
    names = list(texts)
    return [dict(zip(names, cells, strict=True)) for cells in zip(*texts.values(), strict=True)]

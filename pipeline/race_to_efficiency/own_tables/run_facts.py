"""A table with a row a run beside step-level logs: what the logs do not say of their runs, such as their sizes."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from race_to_efficiency.cells.files import open_table
from race_to_efficiency.cells.run_columns import key
from race_to_efficiency.errors import DataInvalid, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pandas as pd

    from race_to_efficiency.cells.table import Table

NAMES = ("run", "runid", "runname", "name", "displayname", "id")
"""What the column that names the run may be called, in letters and digits, lower case."""

SHOWN = 5
"""Runs that are listed by name."""

_DECIMAL_COMMA = re.compile(r"[+-]?[\d.]*,\d+(?:[eE][+-]?\d+)?")


@dataclass(frozen=True)
class RunFacts:
    """A table of runs.

    Parameters
    ----------
    table : Table
    """

    table: Table

    def divided(self, columns: Mapping[str, str], header: Sequence[str]) -> tuple[dict[str, str], dict[str, str]]:
        """Return the columns that the user named, figure -> column, of the logs and of this table.

        The loss is the logs'; another figure is this table's when it has such a column and the logs have not.

        Parameters
        ----------
        columns : mapping of str to str
        header : sequence of str
            Columns of the logs.
        """
        theirs = {
            figure: text
            for figure, text in columns.items()
            if figure != "loss" and text not in header and self._holds(text)
        }
        return {figure: text for figure, text in columns.items() if figure not in theirs}, theirs

    def _holds(self, expression: str) -> bool:
        try:
            self.table.parts(expression)
        except UsageError:
            return False
        return True

    def joined(self, runs: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
        """Return the runs with the columns of this table that they lack, as texts, and notes on what was joined.

        Parameters
        ----------
        runs : DataFrame
            A row a run, its name in ``run``.

        Raises
        ------
        DataInvalid
            When the table names none of the runs, or one of them twice.
        """
        wanted = runs["run"].tolist()
        column = self._naming(wanted)
        names = self.table.texts(column).tolist()
        twice = [name for name, count in Counter(names).items() if count > 1 and name in set(wanted)]
        if twice:
            raise DataInvalid(
                f"'{twice[0]}' stands {names.count(twice[0])} times in column '{column}' of {self.table.name}",
                where=str(self.table.path),
                why="which of these rows is the run of the logs cannot be told",
                remedy="leave one row of each run, or give the runs different names",
            )
        row = {name: place for place, name in enumerate(names)}
        theirs = [name for name in dict.fromkeys(self.table.header) if name not in runs.columns and name != column]
        cells = {name: self._texts(name) for name in theirs}
        more = {name: [texts[row[run]] if run in row else "" for run in wanted] for name, texts in cells.items()}
        lacking = [name for name in wanted if name not in row]
        unasked = [name for name in names if name not in set(wanted)]
        said = [f"{len(wanted) - len(lacking)} of {len(wanted)} runs are rows of {self.table.name}, by its '{column}'"]
        said += [f"not in {self.table.name}: {_listed(lacking)}"] if lacking else []
        said += [f"rows of {self.table.name} that are no runs of the logs: {_listed(unasked)}"] if unasked else []
        unread = len(self.table.unread)
        said += [f"{unread} lines of {self.table.name} are no rows of its header"] if unread else []
        kept = [name for name in self.table.header if name in runs.columns and name != column]
        said += [f"of {self.table.name} not read, since the logs say it: {_listed(kept)}"] if kept else []
        return runs.assign(**more), tuple(said)

    def _naming(self, wanted: Sequence[str]) -> str:
        """Return the column that names most of the runs."""
        shown = ", ".join(self.table.header)
        found = {name: len({*wanted} & {*self.table.texts(name)}) for name in self.table.header if key(name) in NAMES}
        if not found:
            raise DataInvalid(
                f"{self.table.name} has no column that names the run",
                where=f"{self.table.path}:{self.table.header_line}",
                why=f"columns: {shown}",
                remedy=f"call it run, with the names of the logs' runs: {_listed(wanted)}",
            )
        best = max(found, key=lambda name: found[name])
        if not found[best]:
            raise DataInvalid(
                f"{self.table.name} names no run of the logs",
                where=f"{self.table.path}:{best}",
                why=f"its runs: {_listed(self.table.texts(best).tolist())}; those of the logs: {_listed(wanted)}",
                remedy="call the runs there as the logs do",
            )
        return best

    def _texts(self, name: str) -> list[str]:
        """Return a column's cells with decimal points."""
        cells = [str(cell) for cell in self.table.texts(name)]
        if self.table.decimal == ".":
            return cells
        return [cell.replace(".", "").replace(",", ".") if _DECIMAL_COMMA.fullmatch(cell) else cell for cell in cells]


def read_facts(path: Path) -> RunFacts:
    """Return the table of runs that a file holds, in any format `open_table` reads."""
    return RunFacts(open_table(path))


def _listed(names: Sequence[str]) -> str:
    """Return names with commas between them, the first of many."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(f"'{name}'" for name in names[:SHOWN]) + more

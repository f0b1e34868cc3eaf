"""One column, one table: the words from which types, checks and the data dictionary are made."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

ColumnKind = Literal["text", "number", "count", "date", "flag"]

EARLIEST_DATE = "1940-01-01"
LATEST_DATE = "2100-12-31"

RECORDED_BASES = ("snapshot", "assumed_released", "stated")


@dataclass(frozen=True)
class Column:
    """One column of a ledger.

    Parameters
    ----------
    name : str
        Column name; the unit stands last in it.
    kind : {'text', 'number', 'count', 'date', 'flag'}
        number is float64, count a nullable integer, flag true/false.
    meaning : str
        One sentence for the data dictionary.
    unit : str
    required : bool
        A required cell must not be empty.
    above, minimum, maximum : float, optional
        Exclusive lower, inclusive lower and inclusive upper bound.
    allowed : tuple of str
        The only texts accepted; empty means any.
    pattern : str
        Regular expression the whole text must match.
    references : str
        Table whose key must hold this value.
    """

    name: str
    kind: ColumnKind
    meaning: str
    unit: str = ""
    required: bool = False
    above: float | None = None
    minimum: float | None = None
    maximum: float | None = None
    allowed: tuple[str, ...] = ()
    pattern: str = ""
    references: str = ""

    @property
    def numeric(self) -> bool:
        """Whether the column holds numbers."""
        return self.kind in {"number", "count"}

    @property
    def check(self) -> str:
        """The check in words, as the dictionary prints it and a remedy repeats it."""
        parts = ["finite"] if self.kind == "number" else []
        parts += ["whole number"] if self.kind == "count" else []
        parts += [f"> {self.above:g}"] if self.above is not None else []
        parts += [f">= {self.minimum:g}"] if self.minimum is not None else []
        parts += [f"<= {self.maximum:g}"] if self.maximum is not None and math.isfinite(self.maximum) else []
        parts += [f"one of {', '.join(self.allowed)}"] if self.allowed else []
        parts += [f"matches `{self.pattern}`"] if self.pattern else []
        parts += [f"a key of {self.references}"] if self.references else []
        parts += [f"ISO date, {EARLIEST_DATE} to {LATEST_DATE}"] if self.kind == "date" else []
        parts += ["true or false"] if self.kind == "flag" else []
        return "; ".join(parts)


def positive_column(name: str, meaning: str, unit: str = "", *, most: float, required: bool = False) -> Column:
    """Return a column of numbers greater than 0, and at most `most`."""
    return Column(name, "number", meaning, unit, required=required, above=0.0, maximum=most)


@dataclass(frozen=True)
class Table:
    """One ledger: its file, its columns and the table beside it.

    Parameters
    ----------
    name : str
        File stem under data/raw.
    title : str
        What one row is.
    columns : tuple of Column
    vintaged : bool
        True when `recorded` is a snapshot's date, so that older views can be pseudo.
    versioned : bool
        True when lines are versions of rows (with `recorded` and `withdrawn`); else each counts from its `snapshot`.
    aliases : str
        Table of reviewed renames, for publishers that know no stable key.
    name_column : str
        The publisher's own name of a row, used in matching.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    vintaged: bool = False
    versioned: bool = True
    aliases: str = ""
    name_column: str = ""

    @property
    def fields(self) -> dict[str, tuple[str, str]]:
        """Unit and meaning of every column, and of those that intake and the as-of view put beside them."""
        return {column.name: (column.unit, column.meaning) for column in self.columns} | {
            "line": ("", "line of the ledger's file"),
            "exclusion": ("", "why no fit uses the row; empty when one may"),
        }

    @property
    def key(self) -> str:
        """Name of the first column: the stable id."""
        return self.columns[0].name

    @property
    def unique(self) -> tuple[str, str]:
        """Columns that together appear once: the key, and the day of the version."""
        return (self.key, "recorded" if self.versioned else "snapshot")

    @property
    def names(self) -> tuple[str, ...]:
        """Column names in file order."""
        return tuple(column.name for column in self.columns)

    @property
    def file_name(self) -> str:
        """File name under data/raw."""
        return f"{self.name}.csv"

    @property
    def facts(self) -> tuple[Column, ...]:
        """Columns whose change makes a new version: everything but the key, the source and the bookkeeping."""
        bookkeeping = {self.key, "source_id", "recorded", "recorded_basis", "withdrawn"}
        return tuple(column for column in self.columns if column.name not in bookkeeping)

    def column(self, name: str) -> Column:
        """Return a column by name.

        Raises
        ------
        KeyError
            When the table has no such column.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)


def key_column(name: str, meaning: str) -> Column:
    """Return the stable key column: printable, without blanks at its ends."""
    return Column(name, "text", meaning, required=True, pattern=r"\S(.{0,298}\S)?")


def flags_column(meaning: str) -> Column:
    """Return the column of a run's flags."""
    return Column("run_flags", "text", meaning, pattern=r"([^;\s]+(;[^;\s]+)*)?")


SOURCE = Column("source_id", "text", "The citation this row rests on.", required=True, references="sources")

VERSION = (
    Column("released", "date", "When the thing described became public; empty when unknown."),
    Column("recorded", "date", "When this version of the row entered the table.", required=True),
    Column("recorded_basis", "text", "How `recorded` is known.", required=True, allowed=RECORDED_BASES),
    Column("withdrawn", "flag", "True when this version withdraws the row; the last known facts stay.", required=True),
)


def version_table(
    name: str, title: str, *columns: Column, vintaged: bool = False, aliases: str = "", name_column: str = ""
) -> Table:
    """Return a table of versions of rows: its columns, then each version's source and days.

    Parameters
    ----------
    name, title : str
    *columns : Column
        The key first.
    vintaged, aliases, name_column
        See `Table`.
    """
    source = () if columns[0].name == SOURCE.name else (SOURCE,)
    return Table(
        name, title, (*columns, *source, *VERSION), vintaged=vintaged, aliases=aliases, name_column=name_column
    )

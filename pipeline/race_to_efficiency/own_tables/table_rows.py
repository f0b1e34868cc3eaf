"""The rows of an analyst's own CSV file: read cell by cell; a bad row is set aside and takes no other with it."""

from __future__ import annotations

import csv
import io
import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from race_to_efficiency import storage
from race_to_efficiency.cells.dates import MISSING, read_dates
from race_to_efficiency.errors import DataInvalid, UsageError

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from numpy.typing import NDArray

    from race_to_efficiency.calibration.common.series import Floats
    from race_to_efficiency.cells.dates import Dates, Order

ESTIMATORS = ("mean", "quantile", "frontier")
_GROUPED = re.compile(r"^[+-]?\d{1,3}(,\d{3})+(\.\d+)?$")
_NUMBER = re.compile(r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$")


@dataclass(frozen=True)
class Question:
    """What is asked of a table.

    Parameters
    ----------
    date_column, value_column : str
    group_column, cluster_column : str or None
        One fit a group; rows of one cluster are not independent.
    estimator : {'mean', 'quantile', 'frontier'}
    falling : bool
        Smaller is better: the rate is that of 1/value, and records are new minima.
    start, end : date or None
        Window of dates, both inclusive.
    order : str or None
        Meaning of 03/04/2021.
    limit : float or None
        Value below which rows are missing (truncated) or only known to lie (censored).
    limit_kind : {'truncated', 'censored'}

    Raises
    ------
    UsageError
        When the estimator is unknown, or a limit is combined with what it cannot be combined with.
    """

    date_column: str
    value_column: str
    group_column: str | None = None
    cluster_column: str | None = None
    estimator: str = "mean"
    falling: bool = False
    start: date | None = None
    end: date | None = None
    order: Order | None = None
    limit: float | None = None
    limit_kind: Literal["truncated", "censored"] = "truncated"

    def __post_init__(self) -> None:
        if self.estimator not in ESTIMATORS:
            raise UsageError(f"there is no estimator '{self.estimator}'", why=f"it is one of {', '.join(ESTIMATORS)}")
        if self.limit is not None and (self.estimator != "mean" or self.falling or not self.limit > 0):
            raise UsageError(
                f"a limit of {self.limit:g} cannot be used here",
                why="a limit is a positive value, for the estimator mean, of a quantity that grows",
            )

    @property
    def columns(self) -> dict[str, str]:
        """Named columns by role."""
        named = {
            "date": self.date_column,
            "value": self.value_column,
            "group": self.group_column,
            "cluster": self.cluster_column,
        }
        return {role: name for role, name in named.items() if name is not None}


@dataclass(frozen=True)
class Table:
    """Rows of a file: used ones as columns, the others with file, line, column, rule and remedy.

    read = used + outside the window + missing a cell + quarantined.
    """

    name: str
    line: NDArray[np.int64]
    day: NDArray[np.datetime64]
    decimal: Floats
    log2_value: Floats
    group: NDArray[Any]
    cluster: NDArray[Any]
    quarantined: list[dict[str, Any]]
    n_read: int
    n_missing: int
    n_outside: int
    notes: tuple[str, ...]


@dataclass
class _SetAside:
    """Rows that cannot be used, each with the place, the rule it breaks and what to do."""

    file: str
    columns: dict[str, str]
    items: list[dict[str, Any]] = field(default_factory=list)

    def add(self, line: int, role: str, cell: str, rule: str, remedy: str) -> None:
        place = {"file": self.file, "line": line, "column": self.columns[role]}
        self.items.append({**place, "value": cell, "rule": rule, "remedy": remedy})

    @property
    def wrong(self) -> list[dict[str, Any]]:
        return sorted((item for item in self.items if item["rule"] != MISSING), key=lambda item: item["line"])


def read_table(path: Path, question: Question) -> Table:
    """Read a CSV file.

    Parameters
    ----------
    path : Path
    question : Question

    Returns
    -------
    Table

    Raises
    ------
    InputMissing, DataInvalid, UsageError
        When the file is missing, is no table, or lacks a named column (those found are listed).
    """
    header, records = _records(path)
    places = {role: _place(header, name, path) for role, name in question.columns.items()}
    aside = _SetAside(path.name, question.columns)
    complete = []
    for line, record in records:
        if len(record) == len(header):
            complete.append((line, record))
        else:
            rule = f"{len(record)} cells where the header has {len(header)}"
            aside.add(line, "date", "", rule, "quote cells that hold commas")
    lines = [line for line, _ in complete]
    cells = {role: [record[place].strip() for _, record in complete] for role, place in places.items()}
    dates = read_dates(cells["date"], order=question.order, where=f"{path.name}:{question.date_column}")
    values = _values(lines, cells, dates, aside)
    used = np.isfinite(values)
    inside = used & _inside(dates.day, question)
    keep = np.flatnonzero(inside)
    blank = [""] * len(lines)
    # A row that names no cluster is one of its own.
    clusters = [text or f"line {line}" for text, line in zip(cells.get("cluster", blank), lines, strict=True)]
    return Table(
        name=path.name,
        line=np.asarray(lines, dtype=np.int64)[keep],
        day=dates.day[keep],
        decimal=dates.decimal[keep],
        log2_value=(-1.0 if question.falling else 1.0) * np.log2(values[keep]),
        group=np.asarray(cells.get("group", blank), dtype=object)[keep],
        cluster=np.asarray(clusters, dtype=object)[keep],
        quarantined=aside.wrong,
        n_read=len(records),
        n_missing=len(aside.items) - len(aside.wrong),
        n_outside=int(used.sum() - inside.sum()),
        notes=dates.notes,
    )


def _records(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Return the header and each record with the line it starts on; blank lines are skipped."""
    reader = csv.reader(io.StringIO(storage.read_text(path), newline=""), strict=True)
    rows: list[tuple[int, list[str]]] = []
    before = 0
    try:
        for record in reader:
            if any(cell.strip() for cell in record):
                rows.append((before + 1, record))
            before = reader.line_num
    except csv.Error as error:
        where = f"{path}:{reader.line_num}"
        raise DataInvalid(f"{path.name} is not a CSV table", where=where, why=str(error)) from None
    if not rows:
        raise DataInvalid(f"{path.name} is empty", where=str(path), why="a table needs a header line and rows")
    return rows[0][1], rows[1:]


def _place(header: list[str], name: str, path: Path) -> int:
    """Return the position of a column; blanks and line breaks around and inside a name do not matter."""
    tidy = [" ".join(cell.split()) for cell in header]
    places = [index for index, cell in enumerate(tidy) if cell == " ".join(name.split())]
    if len(places) == 1:
        return places[0]
    where = f"{path}:1"
    if places:
        raise DataInvalid(f"column '{name}' stands {len(places)} times", where=where, remedy="rename one of them")
    hint = "; the file seems to use another separator" if len(header) == 1 and re.search(r"[;\t|]", header[0]) else ""
    found = ", ".join(repr(cell) for cell in tidy)
    raise UsageError(
        f"{path.name} has no column '{name}'",
        where=where,
        why=f"the columns found are {found}{hint}",
        remedy="name one of these columns",
    )


def _values(lines: list[int], cells: dict[str, list[str]], dates: Dates, aside: _SetAside) -> Floats:
    """Return the positive numbers of usable rows, NaN elsewhere; the others are set aside."""
    values = np.full(len(lines), np.nan)
    for index, line in enumerate(lines):
        if index in dates.problems:
            aside.add(line, "date", cells["date"][index], dates.problems[index], "write it as YYYY-MM-DD")
            continue
        number, problem = _number(cells["value"][index])
        if problem:
            aside.add(line, "value", cells["value"][index], problem, "give a positive number, or leave the row out")
        elif "group" in cells and not cells["group"][index]:
            aside.add(line, "group", "", MISSING, "name the row's group")
        else:
            values[index] = number
    return values


def _number(cell: str) -> tuple[float, str]:
    """Return a positive finite number, or why the cell is none."""
    if not cell:
        return math.nan, MISSING
    if _GROUPED.match(cell):
        cell = cell.replace(",", "")
    if not _NUMBER.match(cell):
        return math.nan, "not a number"
    number = float(cell)
    if not math.isfinite(number):
        return math.nan, "too large"
    return (number, "") if number > 0 else (math.nan, "not positive: a growth rate needs positive values")


def _inside(days: NDArray[np.datetime64], question: Question) -> NDArray[np.bool_]:
    inside = np.asarray(~np.isnat(days))
    if question.start is not None:
        inside &= days >= np.datetime64(question.start)
    if question.end is not None:
        inside &= days <= np.datetime64(question.end)
    return inside

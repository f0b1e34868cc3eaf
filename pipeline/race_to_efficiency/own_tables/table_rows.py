"""The rows of an analyst's own dated table: a bad row is set aside and takes no other with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from race_to_efficiency.cells.files import opened
from race_to_efficiency.cells.physical import SUMMARY
from race_to_efficiency.cells.run_columns import OTHER_UNITS, key
from race_to_efficiency.cells.table import Table, title_of
from race_to_efficiency.cells.text import MISSING
from race_to_efficiency.errors import UsageError
from race_to_efficiency.named_options import Option
from race_to_efficiency.own_tables.selection import selected_rows

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date
    from pathlib import Path

    from numpy.typing import NDArray

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.cells.date_styles import Order
    from race_to_efficiency.cells.dates import Dates
    from race_to_efficiency.cells.numbers import Numbers

_MOST_COMPARED = 100_000
"""Rows of tables that people keep by hand; longer ones are written by programs."""

ESTIMATORS = ("mean", "quantile", "frontier")


@dataclass(frozen=True)
class Question:
    """What is asked of a table.

    Parameters
    ----------
    date_column, value_column : str
        The value may be a product or ratio of columns: ``flop_s/tdp_w``.
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
    where : tuple of str
        Expressions or flags; only rows that all of them take are used.
    compute_column : str or None
        Training compute, FLOP: the value is a loss or an error, and the rate asked for is that of algorithms.

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
    where: tuple[str, ...] = ()
    compute_column: str | None = None

    def __post_init__(self) -> None:
        if self.estimator not in ESTIMATORS:
            raise UsageError(f"there is no estimator '{self.estimator}'", why=f"it is one of {', '.join(ESTIMATORS)}")
        if self.limit is not None and (self.estimator != "mean" or self.falling or not self.limit > 0):
            raise UsageError(
                f"a limit of {self.limit:g} cannot be used here",
                why="a limit is a positive value, for the estimator mean, of a quantity that grows",
            )

        if self.compute_column is not None and (self.estimator != "mean" or self.falling or self.limit is not None):
            raise UsageError(
                "with a column of compute only the mean of a loss or an error is fitted",
                why="the rate is what a year saves of the compute that reaches one value",
                remedy="leave out estimator, falling and limits",
            )

    @property
    def labels(self) -> dict[str, str]:
        """Columns of labels by role."""
        named = {"group": self.group_column, "cluster": self.cluster_column}
        return {role: name for role, name in named.items() if name is not None}


@dataclass(frozen=True)
class DatedRows:
    """Rows of a file: used ones as columns, the others with file, line, column, rule and remedy.

    `name` is the file's, `title` the same without its endings: what ids are made of. `cluster` is None where rows are
    independent; a row that names no cluster is one of its own. `log2_compute` is None where no compute was asked for.
    read = used + outside the window (or left out on request) + missing a cell + quarantined.
    """

    name: str
    title: str
    line: NDArray[np.int64]
    day: NDArray[np.datetime64]
    decimal: Floats
    log2_value: Floats
    log2_compute: Floats | None
    group: NDArray[Any]
    cluster: NDArray[Any] | None
    quarantined: list[dict[str, Any]]
    n_read: int
    n_missing: int
    n_outside: int
    notes: tuple[str, ...]
    n_repeated: int = 0
    """Rows that say in every cell what a row above them says."""


def read_rows(source: Path | Table, question: Question) -> DatedRows:
    """Read a dated table.

    Parameters
    ----------
    source : Path or Table
        A file (see `cells.files.open_table`), or a table that is open.
    question : Question

    Raises
    ------
    InputMissing, DataInvalid, UsageError
        When the file is missing, is no table, or lacks a named column (those found are listed).
    """
    table = opened(source)
    dates = table.dates(question.date_column, question.order)
    numbers = table.numbers(question.value_column, None)
    labels = {role: table.texts(name) for role, name in question.labels.items()}
    compute = None if question.compute_column is None else table.numbers(question.compute_column, None)
    problems = _problems(dates, {"compute": compute, "value": numbers}, labels.get("group"))
    wanted = np.ones(len(table), dtype=np.bool_)
    for text in question.where:
        wanted &= selected_rows(text, table, {}, option=Option("where"))
    usable = np.ones(len(table), dtype=np.bool_)
    usable[list(problems)] = False
    inside = _inside(dates.day, question)
    keep = np.flatnonzero(usable & wanted & inside)
    wrong = {row: found for row, found in problems.items() if found[1] != MISSING and wanted[row]}
    blank = np.full(len(table), "", dtype=object)
    return DatedRows(
        name=table.name,
        title=title_of(table.name),
        line=table.line[keep],
        day=dates.day[keep],
        decimal=dates.decimal[keep],
        log2_value=(-1.0 if question.falling else 1.0) * np.log2(numbers.value[keep]),
        log2_compute=None if compute is None else np.log2(compute.value[keep]),
        group=labels.get("group", blank)[keep],
        cluster=named_or_line(labels["cluster"][keep], table.line[keep]) if "cluster" in labels else None,
        quarantined=_set_aside(table, question, wrong),
        n_read=table.n_read,
        n_missing=sum(bool(wanted[row]) for row in problems) - len(wrong),
        n_outside=int((~wanted | (usable & ~inside)).sum()),
        notes=(*table.notes, *dates.notes, *numbers.notes, *_of_compute(question, compute)),
        n_repeated=_repeated(table, keep),
    )


def _of_compute(question: Question, compute: Numbers | None) -> tuple[str, ...]:
    """Return the notes on the column of compute, and what the rate is one of where the value is a perplexity."""
    if compute is None:
        return ()
    if OTHER_UNITS.get(key(question.value_column)) != "perplexity":
        return compute.notes
    words = "the rate is that of ln perplexity; R = X^-kappa needs that of ln loss, the loss being ln perplexity"
    return (*compute.notes, words)


def _repeated(table: Table, keep: NDArray[np.intp]) -> int:
    """Return how many of some rows repeat another one of them in every cell; not counted in long tables."""
    if len(keep) > _MOST_COMPARED:
        return 0
    columns = [table.texts_at(place)[keep].tolist() for place in range(len(table.header))]
    return len(keep) - len(set(zip(*columns, strict=True)))


def _problems(
    dates: Dates, numbers: Mapping[str, Numbers | None], group: NDArray[Any] | None
) -> dict[int, tuple[str, str]]:
    """Return the rows that cannot be used: the role of the cell that is the reason, and the rule it breaks."""
    problems: dict[int, tuple[str, str]] = {}
    if group is not None:
        problems |= dict.fromkeys(np.flatnonzero(group == "").tolist(), ("group", MISSING))
    for role, found in numbers.items():
        if found is not None:
            with np.errstate(invalid="ignore"):
                low = np.flatnonzero(found.value <= 0).tolist()
            problems |= dict.fromkeys(low, (role, "not positive"))
            problems |= {row: (role, rule) for row, rule in found.problems.items()}
    problems |= {row: ("date", rule) for row, rule in dates.problems.items()}
    return problems


_REMEDIES = {
    "date": "write it as YYYY-MM-DD",
    "value": "give a positive number, or leave the row out",
    "compute": "give the training compute in FLOP, or leave the row out",
    "group": "name the row's group",
}


def named_or_line(labels: NDArray[Any], lines: NDArray[np.int64]) -> NDArray[Any]:
    """Return labels, (n,) text; an empty one stands for itself, by its line."""
    unnamed = np.flatnonzero(labels == "")
    named = labels.copy()
    named[unnamed] = [f"line {line}" for line in lines[unnamed].tolist()]
    return named


def _set_aside(table: Table, question: Question, wrong: dict[int, tuple[str, str]]) -> list[dict[str, Any]]:
    """Return where each row that is wrong stands, the cell as it is, the rule it breaks and what to do."""
    named = {"date": question.date_column, "value": question.value_column}
    named |= {"compute": question.compute_column or "", "group": question.group_column or ""}
    place = {
        role: next((int(k) for _, k in table.parts(named[role]) if isinstance(k, int)), 0)
        for role in named
        if named[role]
    }
    items = [
        {
            "file": table.name,
            "line": int(table.line[row]),
            "column": named[role],
            "value": str(table.column(place[role])[row]),
            "rule": rule,
            "remedy": _REMEDIES[role],
        }
        for row, (role, rule) in wrong.items()
    ]
    for record in table.unread:
        value = ", ".join(record.cells)[:200]
        remedy = (
            "none is needed: it is left out" if record.problem == SUMMARY else "quote cells that hold the separator"
        )
        place_of = {"file": table.name, "line": record.line, "column": question.date_column, "value": value}
        items.append({**place_of, "rule": record.problem, "remedy": remedy})
    return sorted(items, key=lambda item: item["line"])


def _inside(days: NDArray[np.datetime64], question: Question) -> NDArray[np.bool_]:
    inside = np.asarray(~np.isnat(days))
    if question.start is not None:
        inside &= days >= np.datetime64(question.start)
    if question.end is not None:
        inside &= days <= np.datetime64(question.end)
    return inside

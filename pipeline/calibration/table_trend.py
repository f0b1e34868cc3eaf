"""The trend of any dated table: an analyst's own CSV file, read cell by cell and fitted like the ledgers."""

from __future__ import annotations

import csv
import io
import math
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline import storage
from pipeline.calibration.components import Component, Fitted, Inputs, fit_trend
from pipeline.calibration.fragility import fragility_rows, verdict
from pipeline.calibration.quantile import MAX_EXACT_ROWS, quantile_slopes
from pipeline.calibration.resampling import CELLS_AT_ONCE, stated_coverage
from pipeline.calibration.table_dates import MISSING, read_dates
from pipeline.calibration.trends import Series, line_slopes, record_slopes
from pipeline.errors import DataInvalid, UsageError

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from numpy.typing import NDArray

    from pipeline.calibration.components import Resampling
    from pipeline.calibration.table_dates import Order
    from pipeline.calibration.trends import Floats, Slopes
    from pipeline.config_gamma import GammaParams

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


def read_table(path: Path, question: Question) -> Table:
    """Read a CSV file; a bad row is set aside with its reason and takes no other with it.

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
    if question.estimator not in ESTIMATORS:
        raise UsageError(f"there is no estimator '{question.estimator}'", why=f"it is one of {', '.join(ESTIMATORS)}")
    header, records, lines = _records(path)
    named = {
        "date": question.date_column,
        "value": question.value_column,
        "group": question.group_column,
        "cluster": question.cluster_column,
    }
    where = {role: _column(header, name, path) for role, name in named.items() if name is not None}
    quarantined: list[dict[str, Any]] = []

    def set_aside(index: int, role: str, cell: str, rule: str, remedy: str) -> None:
        quarantined.append(
            {
                "file": path.name,
                "line": lines[index],
                "column": named[role],
                "value": cell,
                "rule": rule,
                "remedy": remedy,
            }
        )

    complete = []
    for index, record in enumerate(records):
        if len(record) != len(header):
            rule = f"{len(record)} cells where the header has {len(header)}"
            set_aside(index, "date", "", rule, "quote cells that hold commas")
        else:
            complete.append(index)
    cells = {role: [records[index][place] for index in complete] for role, place in where.items()}
    dates = read_dates(cells["date"], order=question.order, where=f"{path.name}:{question.date_column}")
    values = np.full(len(complete), np.nan)
    for position, index in enumerate(complete):
        if position in dates.problems:
            set_aside(index, "date", cells["date"][position], dates.problems[position], "write it as YYYY-MM-DD")
            continue
        number, problem = _number(cells["value"][position])
        if problem:
            set_aside(index, "value", cells["value"][position], problem, "give a positive number, or leave the row out")
        elif question.group_column is not None and not cells["group"][position].strip():
            set_aside(index, "group", "", "missing", "name the row's group")
        else:
            values[position] = number
    used = np.isfinite(values)
    inside = used & _inside(dates.day, question)
    keep = np.flatnonzero(inside)
    line = np.asarray([lines[index] for index in complete], dtype=np.int64)
    sign = -1.0 if question.falling else 1.0
    blank = [""] * len(complete)
    cluster = np.asarray(
        [text.strip() or f"line {number}" for text, number in zip(cells.get("cluster", blank), line, strict=True)],
        dtype=object,
    )
    return Table(
        name=path.name,
        line=line[keep],
        day=dates.day[keep],
        decimal=dates.decimal[keep],
        log2_value=sign * np.log2(values[keep]),
        group=np.asarray([text.strip() for text in cells.get("group", blank)], dtype=object)[keep],
        cluster=cluster[keep],
        quarantined=sorted((item for item in quarantined if item["rule"] != MISSING), key=lambda item: item["line"]),
        n_read=len(records),
        n_missing=sum(item["rule"] == MISSING for item in quarantined),
        n_outside=int(used.sum() - inside.sum()),
        notes=dates.notes,
    )


def _records(path: Path) -> tuple[list[str], list[list[str]], list[int]]:
    text = storage.read_text(path)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows, lines, before = [], [], 0
    try:
        for record in reader:
            if any(cell.strip() for cell in record):
                rows.append(record)
                lines.append(before + 1)
            before = reader.line_num
    except csv.Error as error:
        raise DataInvalid(
            f"{path.name} is not a CSV table", where=f"{path}:{reader.line_num}", why=str(error)
        ) from None
    if not rows:
        raise DataInvalid(f"{path.name} is empty", where=str(path), why="a table needs a header line and rows")
    return rows[0], rows[1:], lines[1:]


def _column(header: list[str], name: str, path: Path) -> int:
    """Return the position of a column; blanks and line breaks around and inside a name do not matter."""
    tidy = [" ".join(cell.split()) for cell in header]
    places = [index for index, cell in enumerate(tidy) if cell == " ".join(name.split())]
    if len(places) == 1:
        return places[0]
    if places:
        raise DataInvalid(
            f"column '{name}' stands {len(places)} times in {path.name}", where=f"{path}:1", remedy="rename one of them"
        )
    hint = "; the file seems to use another separator" if len(header) == 1 and re.search(r"[;\t|]", header[0]) else ""
    raise UsageError(
        f"{path.name} has no column '{name}'",
        where=f"{path}:1",
        why=f"the columns found are {', '.join(repr(cell) for cell in tidy)}{hint}",
        remedy="name one of these columns",
    )


def _number(text: str) -> tuple[float, str]:
    """Return a positive finite number, or why the cell is none."""
    cell = text.strip()
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


def fit_table(table: Table, question: Question, params: GammaParams, *, seed: int) -> list[Fitted]:
    """Fit every group of a table.

    Parameters
    ----------
    table : Table
    question : Question
    params : GammaParams
    seed : int

    Returns
    -------
    list of Fitted
        One a group, in the order of names; refused ones without a number.
    """
    names = sorted(set(table.group)) or [""]
    return [_fit_group(table, question, params, seed, str(name)) for name in names]


def _fit_group(table: Table, question: Question, params: GammaParams, seed: int, name: str) -> Fitted:
    keep = table.group == name
    series = Series(
        table=table.name,
        row_ids=np.asarray([f"line {line}" for line in table.line[keep]], dtype=object),
        dates=table.day[keep],
        value=table.log2_value[keep],
        clusters=table.cluster[keep],
        decimal_year=table.decimal[keep],
    ).ordered()
    as_of = series.dates.max().item() if len(series) else table_end(table)
    draws = _affordable_draws(params.draws, len(series), question.estimator)
    inputs = Inputs({}, params.model_copy(update={"draws": draws}), as_of, seed)
    slopes, resampling, estimator = _estimator(question, params)
    component = Component(question.value_column, estimator, (), "none", _meaning(question))
    first = "ols" if question.cluster_column is None and question.estimator == "mean" else None
    fit = fit_trend(inputs, component, series, slopes=slopes, resampling=resampling, first=first)
    if fit.draws is not None:
        reasons = verdict(fragility_rows(inputs, fit, {}))
        fit = fit.with_status("weak", reasons) if reasons else fit
    return _named(fit, name, table)


def _named(fit: Fitted, name: str, table: Table) -> Fitted:
    """Return the fit with the ids of this table, and with the real coverage of its interval where clusters are few."""
    estimate = fit.estimate
    facts = dict(estimate.diagnostics)
    facts["notes"] = list(table.notes)
    if fit.series is not None and fit.draws is not None and fit.slopes is line_slopes:
        facts["stated_coverage"] = stated_coverage(fit.series, estimate.seed or 0)
    label = f"{name}." if name else ""
    renamed = replace(
        estimate,
        id=f"gamma.{label}{fit.component.key}",
        symbol="gamma",
        group=name or None,
        diagnostics=facts,
        computed_by="pipeline.calibration.table_trend.fit_table",
    )
    return replace(fit, estimate=renamed)


def table_end(table: Table) -> date:
    """Return the last date of a table (any date when it holds none: nothing is fitted then)."""
    from datetime import date as calendar_date

    if not len(table.day):
        return calendar_date(2000, 1, 1)
    last: date = table.day.max().item()
    return last


def _estimator(question: Question, params: GammaParams) -> tuple[Slopes, Resampling, str]:
    if question.estimator == "quantile":
        return quantile_slopes(params.quantile), "presence", f"quantile_{params.quantile:g}"
    if question.estimator == "frontier":
        return record_slopes, "presence", "frontier"
    return line_slopes, "clusters", "mean"


def _meaning(question: Question) -> str:
    how = {
        "mean": "least squares of log2 on date",
        "quantile": "quantile regression of log2 on date",
        "frontier": "least squares of log2 on date through the rows that set a strict new record",
    }[question.estimator]
    return f"{'1/' if question.falling else ''}{question.value_column}: {how}"


def _affordable_draws(wanted: int, rows: int, estimator: str) -> int:
    """Return how many draws a table of this size gets: memory, and a fit a draw for quantiles of long tables."""
    if estimator == "quantile" and rows > MAX_EXACT_ROWS:
        return min(wanted, 200)
    return max(200, min(wanted, 4 * CELLS_AT_ONCE // max(rows, 1)))

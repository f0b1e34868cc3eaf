"""The trend of any dated table, fitted and judged like the ledgers' own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.calibration.common.quantile import MAX_EXACT_ROWS, quantile_slopes
from race_to_efficiency.calibration.common.resampling import CELLS_AT_ONCE, stated_coverage
from race_to_efficiency.calibration.common.series import Series
from race_to_efficiency.calibration.gamma.components import Component, Fitted, Inputs
from race_to_efficiency.calibration.gamma.components_algorithm import fit_gain
from race_to_efficiency.calibration.gamma.fragility import fragility_rows
from race_to_efficiency.calibration.gamma.frontier import record_slopes
from race_to_efficiency.calibration.gamma.judging import judged
from race_to_efficiency.calibration.gamma.limited import limited_trend
from race_to_efficiency.calibration.gamma.trend_fit import fit_trend
from race_to_efficiency.calibration.gamma.trends import line_slopes
from race_to_efficiency.cells.physical import SUMMARY
from race_to_efficiency.own_tables.long_trend import LONG, fit_long, rows_in_short, thinned

if TYPE_CHECKING:
    from datetime import date

    from numpy.typing import NDArray

    from race_to_efficiency.calibration.common.series import Slopes
    from race_to_efficiency.calibration.gamma.components import Resampling
    from race_to_efficiency.own_tables.table_rows import DatedRows, Question
    from race_to_efficiency.settings.gamma import GammaParams

_GROUPS_LEFT_OUT = 500
_LARGE_SHARE = 0.1
"""Share of unreadable rows above which the readable ones may not stand for all."""


def fit_trends(table: DatedRows, question: Question, params: GammaParams, *, seed: int) -> list[Fitted]:
    """Fit every group of a table.

    Parameters
    ----------
    table : DatedRows
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


def _fit_group(table: DatedRows, question: Question, params: GammaParams, seed: int, name: str) -> Fitted:
    series = _series(table, np.flatnonzero(table.group == name))
    long = len(series) > LONG and question.limit is None
    as_of = series.dates.max().item() if len(series) else table_end(table)
    draws = params.draws if long else _affordable_draws(params.draws, len(series), question.estimator)
    inputs = Inputs({}, params.model_copy(update={"draws": draws}), as_of, seed)
    slopes, resampling, estimator = _estimator(question, params)
    component = Component(question.value_column, estimator, (), "none", _meaning(question))
    if question.limit is not None:
        part = Component(question.value_column, f"mean_{question.limit_kind}", (), "none", _meaning(question))
        limit = float(np.log2(question.limit))
        return _named(_graded(inputs, limited_trend(inputs, part, series, limit, question.limit_kind)), name, table)
    if question.compute_column is not None:
        joint = Component(question.value_column, "joint", (), "none", _meaning(question))
        fit = _graded(inputs, fit_gain(inputs, joint, _with_compute(series, table)))
        return _named(_doubted(fit, table), name, table)
    first = "ols" if question.cluster_column is None and question.estimator == "mean" else None
    if long and question.estimator != "frontier":
        quantile = params.quantile if question.estimator == "quantile" else None
        leading = "cluster_bootstrap" if quantile else first or "cluster"
        return _named(
            _doubted(fit_long(inputs, component, series, first=leading, quantile=quantile), table), name, table
        )
    rows = thinned(series, params.gate.start_shift_years) if long else series
    fit = fit_trend(inputs, component, rows, slopes=slopes, resampling=resampling, first=first)
    if fit.draws is not None:
        fit = judged(inputs.params.gate, fit, fragility_rows(inputs, fit, {}))
    if long:
        units, named = series.n_clusters, rows_in_short(series)
        estimate = replace(fit.estimate, n_rows=len(series), n_clusters=units, window=series.window, rows_used=named)
        fit = replace(fit, estimate=estimate)
    return _named(_doubted(fit, table), name, table)


def _series(table: DatedRows, keep: NDArray[np.intp]) -> Series:
    """Return the rows of a group, ordered by date and value; of a long one, lines and clusters as numbers."""
    lines = table.line[keep]
    long = len(keep) > LONG
    clusters = lines if table.cluster is None else table.cluster[keep]
    if not long:
        lines = np.asarray([f"line {line}" for line in lines.tolist()], dtype=object)
        clusters = lines if table.cluster is None else clusters
    elif table.cluster is not None:
        clusters = np.unique(clusters, return_inverse=True)[1]
    series = Series(
        table=table.title,
        row_ids=lines,
        dates=table.day[keep],
        value=table.log2_value[keep],
        clusters=clusters,
        decimal_year=table.decimal[keep],
    )
    return series.take(np.lexsort((lines, series.value, series.time))) if long else series.ordered()


def _with_compute(series: Series, table: DatedRows) -> Series:
    """Return the series with log2 of compute as covariate; the rows of a long one in groups, each left out at a time.

    References
    ----------
    Kott (2001), Journal of Official Statistics 17, for the jackknife that deletes groups of independent rows.
    """
    place = {line: number for number, line in enumerate(table.line.tolist())}
    lines = [int(str(row).removeprefix("line ")) for row in series.row_ids]
    compute = np.asarray(table.log2_compute)[[place[line] for line in lines]]
    grouped = len(series) > LONG and table.cluster is None
    clusters = np.arange(len(series)) % _GROUPS_LEFT_OUT if grouped else series.clusters
    return replace(series, covariate=compute, clusters=clusters)


def _graded(inputs: Inputs, fit: Fitted) -> Fitted:
    """Return a fit of which no other choice is tried, with its grade."""
    return judged(inputs.params.gate, fit, ())


def _doubted(fit: Fitted, table: DatedRows) -> Fitted:
    """Doubt a fit to a table of which a large share could not be read, or stands there twice."""
    lost, doubts = sum(item["rule"] != SUMMARY for item in table.quarantined), list[str]()
    if lost > _LARGE_SHARE * (lost + len(table.line)):
        doubts.append(f"{lost} of {table.n_read} rows could not be read: what do they hold?")
    if table.n_repeated > _LARGE_SHARE * len(table.line):
        words = f"{table.n_repeated} of {len(table.line)} rows repeat another row in every cell"
        doubts.append(f"{words}: if they are the same things, the interval is too narrow")
    return fit.with_status("weak", doubts) if doubts and fit.draws is not None else fit


def _named(fit: Fitted, name: str, table: DatedRows) -> Fitted:
    """Return the fit with the ids of this table, and with the real coverage of its interval where clusters are few."""
    estimate = fit.estimate
    facts = dict(estimate.diagnostics)
    facts["notes"] = list(table.notes)
    if fit.series is not None and fit.draws is not None and fit.slopes is line_slopes and len(fit.series) <= LONG:
        facts["stated_coverage"] = stated_coverage(fit.series, estimate.seed or 0)
    label = f"{name}." if name else ""
    renamed = replace(
        estimate,
        id=f"gamma.{label}{fit.component.key}",
        symbol="gamma",
        group=name or None,
        diagnostics=facts,
        computed_by="race_to_efficiency.own_tables.table_trend.fit_trends",
    )
    return replace(fit, estimate=renamed)


def table_end(table: DatedRows) -> date:
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
    if question.compute_column is not None:
        return f"compute saved a year at equal {question.value_column}, from log {question.compute_column} and date"
    return f"{'1/' if question.falling else ''}{question.value_column}: {how}"


def _affordable_draws(wanted: int, rows: int, estimator: str) -> int:
    """Return how many draws a table of this size gets: memory, and a fit a draw for quantiles of long tables."""
    if estimator == "quantile" and rows > MAX_EXACT_ROWS:
        return min(wanted, 200)
    return max(200, min(wanted, 4 * CELLS_AT_ONCE // max(rows, 1)))

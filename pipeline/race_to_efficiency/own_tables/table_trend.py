"""The trend of any dated table, fitted and judged like the ledgers' own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.calibration.common.quantile import MAX_EXACT_ROWS, quantile_slopes
from race_to_efficiency.calibration.common.resampling import CELLS_AT_ONCE, stated_coverage
from race_to_efficiency.calibration.common.series import Series
from race_to_efficiency.calibration.gamma.components import Component, Fitted, Inputs
from race_to_efficiency.calibration.gamma.fragility import fragility_rows, verdict
from race_to_efficiency.calibration.gamma.frontier import record_slopes
from race_to_efficiency.calibration.gamma.limited import limited_trend
from race_to_efficiency.calibration.gamma.trend_fit import fit_trend
from race_to_efficiency.calibration.gamma.trends import line_slopes

if TYPE_CHECKING:
    from datetime import date

    from race_to_efficiency.calibration.common.series import Slopes
    from race_to_efficiency.calibration.gamma.components import Resampling
    from race_to_efficiency.own_tables.table_rows import DatedRows, Question
    from race_to_efficiency.settings.gamma import GammaParams

_LARGE_SHARE = 0.1
"""Share of unreadable rows above which the readable ones may not stand for all."""


def fit_table(table: DatedRows, question: Question, params: GammaParams, *, seed: int) -> list[Fitted]:
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
    keep = table.group == name
    series = Series(
        table=table.title,
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
    if question.limit is not None:
        part = Component(question.value_column, f"mean_{question.limit_kind}", (), "none", _meaning(question))
        limit = float(np.log2(question.limit))
        return _named(limited_trend(inputs, part, series, limit, question.limit_kind), name, table)
    first = "ols" if question.cluster_column is None and question.estimator == "mean" else None
    fit = fit_trend(inputs, component, series, slopes=slopes, resampling=resampling, first=first)
    if fit.draws is not None:
        reasons = verdict(fragility_rows(inputs, fit, {}))
        fit = fit.with_status("weak", reasons) if reasons else fit
    return _named(_doubted(fit, table), name, table)


def _doubted(fit: Fitted, table: DatedRows) -> Fitted:
    """Doubt a fit to a table of which a large share could not be read."""
    lost = len(table.quarantined)
    if fit.draws is None or lost <= _LARGE_SHARE * (lost + len(table.line)):
        return fit
    return fit.with_status("weak", [f"{lost} of {table.n_read} rows could not be read: what do they hold?"])


def _named(fit: Fitted, name: str, table: DatedRows) -> Fitted:
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
        computed_by="race_to_efficiency.own_tables.table_trend.fit_table",
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
    return f"{'1/' if question.falling else ''}{question.value_column}: {how}"


def _affordable_draws(wanted: int, rows: int, estimator: str) -> int:
    """Return how many draws a table of this size gets: memory, and a fit a draw for quantiles of long tables."""
    if estimator == "quantile" and rows > MAX_EXACT_ROWS:
        return min(wanted, 200)
    return max(200, min(wanted, 4 * CELLS_AT_ONCE // max(rows, 1)))

"""From a series to a component: lmfit's line, intervals for dependent rows, draws, and the reasons for doubt."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.calibration.common.estimates import Estimate, Interval, draw_intervals, t_interval
from race_to_efficiency.calibration.common.rates import in_other_units
from race_to_efficiency.calibration.common.resampling import (
    bootstrap_slopes,
    increment_slopes,
    jackknife_stderr,
    stated_coverage,
    stretched,
)
from race_to_efficiency.calibration.gamma.components import Fitted, identity, refused
from race_to_efficiency.calibration.gamma.trends import fit_line, line_slopes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.calibration.common.series import Series, Slopes
    from race_to_efficiency.calibration.gamma.components import Component, Inputs, Resampling
    from race_to_efficiency.calibration.gamma.trends import LineFit


def fit_trend(
    inputs: Inputs,
    component: Component,
    whole: Series | None,
    *,
    absent: str = "no row states it",
    start: date | None = None,
    slopes: Slopes = line_slopes,
    resampling: Resampling = "clusters",
    first: str | None = None,
    diagnostics: Mapping[str, Any] | None = None,
) -> Fitted:
    """Fit a trend: lmfit's line where the estimator is one, uncertainty of dependent rows always.

    Parameters
    ----------
    inputs : Inputs
    component : Component
    whole : Series or None
        Every row that qualifies, ordered by date.
    absent : str
        Why it is refused where there is no such row.
    start : date, optional
        First date of the window; earlier rows are kept only to ask how the window matters.
    slopes : callable
        `line_slopes` for a least-squares line; any other has no lmfit interval.
    resampling : {'clusters', 'presence', 'increments'}
        How draws are made: weights of clusters with the jackknife beside; counts of clusters, for order statistics;
        blocks of increments, for a series of records.
    first : str, optional
        Method of the interval shown first; otherwise the one for dependent rows.
    diagnostics : mapping, optional
        Further facts to keep with the estimate.

    Returns
    -------
    Fitted
        Refused, with the reason, when the rows are too few or all in one cluster.
    """
    if whole is None:
        return refused(component, absent)
    series = whole.since(start)
    if resampling == "increments":
        series = in_blocks(series, inputs.params.block_rows)
    refusal = refusal_of(inputs, series)
    if refusal is not None:
        return refused(component, refusal, series)
    value, intervals, facts = _point(series, slopes)
    try:
        draws, dependent, stderr = resampled(inputs, series, slopes, value, resampling)
    except ValueError as error:
        return refused(component, str(error), series)
    intervals = [*dependent, *intervals, *draw_intervals(draws)]
    intervals.sort(key=lambda item: item.method != (first or dependent[0].method))
    facts |= diagnostics or {}
    return fitted_rate(inputs, component, (series, whole), value, intervals, stderr, facts, draws, slopes, resampling)


def fitted_rate(
    inputs: Inputs,
    component: Component,
    rows: tuple[Series, Series],
    value: float,
    intervals: Sequence[Interval],
    stderr: float,
    facts: Mapping[str, Any],
    draws: Floats,
    slopes: Slopes,
    resampling: Resampling = "clusters",
    rows_used: tuple[str, ...] | None = None,
) -> Fitted:
    """Return a rate with its record; ``rows`` are those fitted and all that qualify, whose doubts make it weak."""
    series, whole = rows
    estimate = Estimate(
        **identity(component),
        value=value,
        intervals=tuple(intervals),
        stderr=stderr,
        n_rows=len(series),
        n_clusters=series.n_clusters,
        window=series.window,
        diagnostics={**in_other_units(value, intervals[0].low, intervals[0].high), **facts},
        rows_used=series.rows_used if rows_used is None else rows_used,
        seed=inputs.seed,
    )
    fitted = Fitted(component, estimate, draws, series, slopes, whole, resampling)
    reasons = weaknesses(inputs, series)
    return fitted.with_status("weak", reasons) if reasons else fitted


def _point(series: Series, slopes: Slopes) -> tuple[float, list[Interval], dict[str, Any]]:
    """Return the estimate, its interval for independent rows where there is one, and what describes the fit."""
    if slopes is not line_slopes:
        return float(slopes(series, np.ones((1, len(series))))[0]), [], {}
    line = fit_line(series)
    return line.slope, [Interval("ols", 0.95, *line.interval())], facts_of(line)


def facts_of(line: LineFit) -> dict[str, Any]:
    """Return what describes a line fitted by least squares."""
    return {
        "residual_sd": line.residual_sd,
        "level": line.level,
        "center_year": line.center,
        "dof": line.dof,
        "stderr_independent_rows": line.stderr,
    }


def resampled(
    inputs: Inputs, series: Series, slopes: Slopes, value: float, resampling: Resampling
) -> tuple[Floats, list[Interval], float]:
    """Return draws, their intervals (the one to trust first), and the standard error."""
    count, seed = inputs.params.draws, inputs.seed
    if resampling == "increments":
        draws = increment_slopes(series, count, inputs.params.block_rows, seed)
        return draws, list(draw_intervals(draws, method="block_bootstrap")), float(np.std(draws))
    if resampling == "presence":
        draws = bootstrap_slopes(series, slopes, count, seed, counts=True)
        return draws, list(draw_intervals(draws, method="cluster_bootstrap")), float(np.std(draws))
    draws = bootstrap_slopes(series, slopes, count, seed)
    intervals = list(draw_intervals(draws, method="cluster_bootstrap"))
    stderr, clusters = jackknife_stderr(series, slopes)
    if np.isfinite(stderr):
        intervals = [Interval("cluster", 0.95, *t_interval(value, stderr, clusters - 1)), *intervals]
        draws = stretched(draws, value, stderr, clusters - 1)
    return draws, intervals, stderr if np.isfinite(stderr) else float(np.std(draws))


def in_blocks(series: Series, block_rows: int) -> Series:
    """Return the series with blocks of consecutive rows as its clusters; a short last block joins the one before."""
    number = np.minimum(np.arange(len(series)) // block_rows, max(len(series) // block_rows - 1, 0))
    return replace(series, clusters=np.asarray([f"block {index:03d}" for index in number], dtype=object))


def refusal_of(inputs: Inputs, series: Series) -> str | None:
    """Return why a series cannot be fitted at all, or None."""
    gate = inputs.params.gate
    if len(series) < gate.min_rows_refused:
        return f"{len(series)} rows; a trend needs at least {gate.min_rows_refused}"
    if len(np.unique(series.dates)) < 3:
        return f"{len(np.unique(series.dates))} distinct dates; a trend needs at least 3"
    if series.n_clusters < 3:
        return f"{series.n_clusters} clusters; clustered uncertainty needs at least 3"
    return None


def _real_level(inputs: Inputs, series: Series) -> str:
    """Return what a 95 % interval is worth with these few clusters, in words, where it can be simulated."""
    if series.cells is not None or series.covariate is not None or series.second_clusters is not None:
        return ""
    covered = stated_coverage(series, inputs.seed)
    return f"; here a 95 % cluster interval covers {covered:.0%} in simulation" if np.isfinite(covered) else ""


def weaknesses(inputs: Inputs, series: Series) -> list[str]:
    """Return why a fitted trend cannot be trusted on any day: few rows, or few clusters. See `aged` for an old one."""
    gate, reasons = inputs.params.gate, []
    if len(series) < gate.min_rows:
        reasons.append(f"only {len(series)} rows (at least {gate.min_rows} wanted)")
    if series.n_clusters < gate.min_clusters:
        reasons.append(
            f"only {series.n_clusters} clusters (at least {gate.min_clusters} wanted){_real_level(inputs, series)}"
        )
    return reasons


def aged(inputs: Inputs, fit: Fitted) -> Fitted:
    """Return a rate with the doubt of its age: its rows may end long before the quarter does.

    It alone depends on the day; no value, draw or interval does, so that rows are fitted once for every day.
    """
    estimate = fit.estimate
    if fit.draws is None or estimate.window is None:
        return fit
    last = estimate.window[1]
    age = (np.datetime64(inputs.as_of, "D") - np.datetime64(last, "D")).astype(int) / 365.25
    if age <= inputs.params.gate.max_age_years:
        return fit
    return fit.with_status("weak", [f"the series ends {last}, {age:.1f} years before the quarter's end"])

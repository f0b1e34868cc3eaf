"""Components of gamma: what each covers, and how a series becomes an estimate with draws.

A component declares which layers of progress it covers and on which basis it counts; routes are composed from these
declarations alone, so that nothing is counted twice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pipeline.calibration.estimates import Estimate, Interval, draw_intervals
from pipeline.calibration.rates import in_other_units
from pipeline.calibration.resampling import (
    bootstrap_slopes,
    increment_slopes,
    jackknife_stderr,
    stated_coverage,
    stretched,
    t_interval,
)
from pipeline.calibration.trends import fit_line, line_slopes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    import pandas as pd

    from pipeline.calibration.estimates import FitStatus
    from pipeline.calibration.trends import Floats, Series, Slopes
    from pipeline.config_gamma import GammaParams

LAYERS = ("chip", "format", "utilisation", "algorithm")
"""The layers of progress a component may cover."""

Resampling = Literal["clusters", "presence", "increments"]

ANY_BASIS = "any"
"""Basis of a gain on fixed hardware: joules, accelerator-hours and dollars fall alike."""


@dataclass(frozen=True)
class Component:
    """What a rate of progress covers.

    Parameters
    ----------
    name : str
    estimator : str
        ``NAME.ESTIMATOR`` identifies the component's number.
    coverage : tuple of str
        Layers covered, of `LAYERS`; empty for growth of inputs (compute, power, price).
    basis : str
        joule, accelerator_hour, dollar, or any.
    meaning : str
        What the number is, in words.
    caveat : str
        What a reader must know before using it.
    cap_doublings : float or None
        Doublings left in a bounded term; None when no bound is known.
    """

    name: str
    estimator: str
    coverage: tuple[str, ...]
    basis: str
    meaning: str
    caveat: str = ""
    cap_doublings: float | None = None

    def __post_init__(self) -> None:
        unknown = set(self.coverage) - set(LAYERS)
        if unknown:
            raise ValueError(f"coverage must be of {LAYERS}, got {sorted(unknown)}")

    @property
    def key(self) -> str:
        """``NAME.ESTIMATOR``."""
        return f"{self.name}.{self.estimator}"

    @property
    def omits(self) -> tuple[str, ...]:
        """Layers not covered."""
        return tuple(layer for layer in LAYERS if layer not in self.coverage)


@dataclass(frozen=True)
class Inputs:
    """What every component function reads.

    Parameters
    ----------
    views : mapping of str to DataFrame
        As-of views by table name; a row with a non-empty ``exclusion`` is not used.
    params : GammaParams
    as_of : date
    seed : int
    """

    views: Mapping[str, pd.DataFrame]
    params: GammaParams
    as_of: date
    seed: int

    def rows(self, table: str) -> pd.DataFrame:
        """Return the used, dated rows of a table (an empty frame when the table is absent)."""
        import pandas as pd

        view = self.views.get(table)
        if view is None or view.empty:
            return pd.DataFrame() if view is None else view
        used = view["released"].notna()
        if "exclusion" in view.columns:
            used &= view["exclusion"].fillna("").eq("")
        return view.loc[used]


@dataclass(frozen=True, eq=False)
class Fitted:
    """A component with its estimate, its draws, and what is needed to fit it again.

    Parameters
    ----------
    component : Component
    estimate : Estimate
    draws : (n_draws,) float or None
        None when refused.
    series : Series or None
    slopes : callable or None
        The estimator over row weights.
    whole : Series or None
        Every row that qualifies, also before the window.
    resampling : str
        How the draws were made.
    """

    component: Component
    estimate: Estimate
    draws: Floats | None = None
    series: Series | None = None
    slopes: Slopes | None = None
    whole: Series | None = None
    resampling: Resampling = "clusters"

    @property
    def usable(self) -> bool:
        """Whether there are draws to propagate."""
        return self.draws is not None

    def with_status(self, status: FitStatus, reasons: Sequence[str]) -> Fitted:
        """Return the component with a status lowered to ``status`` and reasons added; never raised."""
        order = ("trusted", "weak", "refused")
        lowest = max(self.estimate.status, status, key=order.index)
        added = tuple(reason for reason in reasons if reason not in self.estimate.reasons)
        estimate = replace(self.estimate, status=lowest, reasons=self.estimate.reasons + added)
        return replace(self, estimate=estimate)


def fit_trend(
    inputs: Inputs,
    component: Component,
    whole: Series,
    *,
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
    whole : Series
        Every row that qualifies, ordered by date.
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
    series = whole.since(start)
    if resampling == "increments":
        series = in_blocks(series, inputs.params.block_rows)
    refusal = refusal_of(inputs, series)
    if refusal is not None:
        return refused(component, refusal, series)
    value, intervals, facts = _point(series, slopes)
    try:
        draws, dependent, stderr = _resampled(inputs, series, slopes, value, resampling)
    except ValueError as error:
        return refused(component, str(error), series)
    intervals = [*dependent, *intervals, *draw_intervals(draws)]
    intervals.sort(key=lambda item: item.method != (first or dependent[0].method))
    estimate = Estimate(
        **identity(component),
        value=value,
        intervals=tuple(intervals),
        stderr=stderr,
        n_rows=len(series),
        n_clusters=series.n_clusters,
        window=series.window,
        diagnostics={**in_other_units(value, intervals[0].low, intervals[0].high), **facts, **(diagnostics or {})},
        rows_used=series.rows_used,
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
    facts = {
        "residual_sd": line.residual_sd,
        "level": line.level,
        "center_year": line.center,
        "dof": line.dof,
        "stderr_independent_rows": line.stderr,
    }
    return line.slope, [Interval("ols", 0.95, *line.interval())], facts


def _resampled(
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


def identity(component: Component) -> dict[str, Any]:
    """Return the fields that name a component's estimate."""
    return {
        "id": f"gamma.{component.key}",
        "symbol": f"gamma_{component.name}",
        "component": component.name,
        "estimator": component.estimator,
        "unit": "doublings/yr",
        "computed_by": "pipeline.calibration.gamma.fit_components",
    }


def refused(component: Component, reason: str, series: Series | None = None) -> Fitted:
    """Return a component without a number and the reason why."""
    estimate = Estimate(
        **identity(component),
        value=None,
        status="refused",
        reasons=(reason,),
        n_rows=0 if series is None else len(series),
        window=None if series is None else series.window,
        rows_used=() if series is None else series.rows_used,
    )
    return Fitted(component, estimate, None, series, None)


def from_draws(
    inputs: Inputs,
    component: Component,
    draws: Floats,
    *,
    value: float | None = None,
    method: str = "draws",
    diagnostics: Mapping[str, Any] | None = None,
    status: FitStatus = "trusted",
    reasons: Sequence[str] = (),
    n_rows: int = 0,
    unit: str = "doublings/yr",
    rows_used: tuple[str, ...] = (),
) -> Fitted:
    """Return a component that exists only as draws (a prior, a mixture, a route); its value is their median."""
    middle = float(np.median(draws)) if value is None else value
    intervals = draw_intervals(draws, method=method)
    facts = in_other_units(middle, intervals[0].low, intervals[0].high) if unit == "doublings/yr" else {}
    estimate = Estimate(
        **{**identity(component), "unit": unit},
        value=middle,
        intervals=intervals,
        stderr=float(np.std(draws)),
        n_rows=n_rows,
        status=status,
        reasons=tuple(reasons),
        diagnostics={**facts, **(diagnostics or {})},
        rows_used=rows_used,
        seed=inputs.seed,
    )
    return Fitted(component, estimate, draws)


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
    """Return why a fitted trend cannot be trusted: few rows, few clusters, or an old series."""
    gate, reasons = inputs.params.gate, []
    if len(series) < gate.min_rows:
        reasons.append(f"only {len(series)} rows (at least {gate.min_rows} wanted)")
    if series.n_clusters < gate.min_clusters:
        reasons.append(
            f"only {series.n_clusters} clusters (at least {gate.min_clusters} wanted){_real_level(inputs, series)}"
        )
    age = (np.datetime64(inputs.as_of, "D") - series.dates.max()).astype(int) / 365.25
    if age > gate.max_age_years:
        reasons.append(f"the series ends {series.dates.max()}, {age:.1f} years before the quarter's end")
    return reasons

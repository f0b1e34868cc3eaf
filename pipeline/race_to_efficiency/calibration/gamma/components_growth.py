"""Growth of inputs: compute, power and duration of frontier runs, rated power and price of chips, and today's level."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.calibration.common.resampling import cluster_weights, jackknife_stderr, stretched
from race_to_efficiency.calibration.gamma.components import Component, Fitted, Inputs, from_draws, refused
from race_to_efficiency.calibration.gamma.components_hardware import chip_series
from race_to_efficiency.calibration.gamma.components_system import NOTABLE_RUNS, column, run_series
from race_to_efficiency.calibration.gamma.limited import limited_trend
from race_to_efficiency.calibration.gamma.trend_fit import aged, fit_trend
from race_to_efficiency.calibration.gamma.trends import line_levels
from race_to_efficiency.units import HOURS_PER_YEAR, decimal_year

if TYPE_CHECKING:
    import pandas as pd

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.calibration.common.grades import RestsOn
    from race_to_efficiency.calibration.common.series import Series
    from race_to_efficiency.calibration.gamma.components import Parts

_FRONTIER = "runs flagged as frontier: among the largest of their day"
LARGE_RUN_FLOP = 1e25
FRONTIER_RANK = 10
"""Epoch AI flags a model as frontier when its compute was among the ten largest at its release."""


_MODELLED_POWER = ("power", "identity_flop_per_joule")
"""What takes the power that Epoch AI works out from a run's chips: rated power times a share that goes by the year."""


def _component(estimator: str, meaning: str, caveat: str = "") -> Component:
    rests_on: RestsOn = "modelled" if estimator in _MODELLED_POWER else "measured"
    return Component("growth", estimator, (), "none", meaning, caveat, rests_on=rests_on)


def frontier_runs(inputs: Inputs) -> pd.DataFrame:
    """Return used runs flagged frontier with a stated compute."""
    rows = inputs.rows(NOTABLE_RUNS)
    if rows.empty:
        return rows
    return rows.loc[rows["frontier_flag"].fillna(value=False).astype(bool) & rows["compute_flop"].gt(0)]


def frontier_growth(inputs: Inputs) -> list[Fitted]:
    """Return growth of frontier training compute, its level at the quarter's end, and the identity behind it.

    On runs that state compute, power and hours, compute = power x duration x FLOP per joule, so the three growths sum
    to that of compute.
    """
    rows, windows = frontier_runs(inputs), inputs.params.windows
    compute = _component("frontier_compute", f"training compute of {_FRONTIER}")
    level = Component(
        "level", "frontier_compute_log2_flop", (), "none", "trend of frontier compute at the quarter's end"
    )
    names = {
        "identity_compute": "compute of frontier runs that state power and hours",
        "power": "power drawn by frontier runs",
        "duration": "duration of frontier runs",
        "identity_flop_per_joule": "FLOP per joule of frontier runs that state power and hours",
    }
    identity = {name: _component(name, text) for name, text in names.items()}
    if rows.empty:
        missing = "no frontier run is known by this date"
        return [refused(part, missing) for part in (compute, level, *identity.values())]
    series = run_series(rows, column(rows, "compute_flop"))
    if series is None:
        fits = [refused(part, "no frontier run in the window") for part in (compute, level)]
    else:
        growth = fit_trend(inputs, compute, series, start=windows.frontier_compute)
        fits = [growth, _level(inputs, level, growth), _behind_frontier(inputs, growth)]
    stated = rows.loc[rows["power_draw_w"].gt(0) & rows["hours"].gt(0)]
    energy = column(stated, "power_draw_w") * column(stated, "hours")
    values = {
        "identity_compute": column(stated, "compute_flop"),
        "power": column(stated, "power_draw_w"),
        "duration": column(stated, "hours"),
        "identity_flop_per_joule": column(stated, "compute_flop") / energy,
    }
    for name, component in identity.items():
        part = run_series(stated, values[name]) if len(stated) else None
        none = "no frontier run states power and hours"
        fits.append(fit_trend(inputs, component, part, absent=none, start=windows.identity))
    return fits


def _behind_frontier(inputs: Inputs, growth: Fitted) -> Fitted:
    """Return growth by the truncated likelihood: a frontier run is seen only above the tenth largest of its day.

    Least squares on rows that had to pass a rising bar may follow the bar; this asks for the trend behind it.
    """
    component = _component(
        "frontier_compute_truncated", "compute of large runs, by frontier runs cut at the tenth largest of their day"
    )
    series, rows = growth.series, inputs.rows(NOTABLE_RUNS)
    if series is None or growth.draws is None:
        return refused(component, "no frontier run in the window")
    rows = rows.loc[rows["compute_flop"].gt(0)]
    days, compute = rows["released"].to_numpy("datetime64[D]"), np.log2(column(rows, "compute_flop"))
    by_then = np.where(days[None, :] <= series.dates[:, None], compute[None, :], -np.inf)
    bar = np.sort(by_then, axis=1)[:, -min(FRONTIER_RANK, by_then.shape[1])]
    above = np.isfinite(bar) & (series.value >= bar)
    return limited_trend(inputs, component, series.take(above), bar[above], "truncated")


def _level(inputs: Inputs, component: Component, growth: Fitted) -> Fitted:
    """Return log2 of the trend's compute at the quarter's end, drawn together with the growth."""
    series = growth.series
    if growth.draws is None or series is None:
        return refused(component, "; ".join(growth.estimate.reasons), series)
    at = decimal_year(inputs.as_of)

    def levels(part: Series, weights: Floats) -> Floats:
        return line_levels(part, weights, at)

    value = float(levels(series, np.ones((1, len(series))))[0])
    draws = levels(series, cluster_weights(series, inputs.params.draws, inputs.seed))
    stderr, count = jackknife_stderr(series, levels)
    draws = stretched(draws, value, stderr, count - 1)
    largest = float(np.max(2.0**series.value))
    told = aged(inputs, growth).estimate
    return from_draws(
        inputs,
        component,
        draws,
        value=value,
        unit="log2 FLOP",
        n_rows=len(series),
        status=told.status,
        reasons=told.reasons,
        diagnostics={"compute_flop": 2.0**value, "largest_run_flop": largest, "at_year": at},
        rows_used=series.rows_used,
    )


def run_duration(inputs: Inputs) -> Fitted:
    """Return the measured baseline years: median hours of runs of at least 1e25 FLOP over hours in a year."""
    component = Component("level", "baseline_years", (), "none", "median duration of runs of at least 1e25 FLOP")
    rows = inputs.rows(NOTABLE_RUNS)
    series = None
    if not rows.empty:
        large = rows.loc[rows["compute_flop"].ge(LARGE_RUN_FLOP)]
        series = run_series(large, column(large, "hours")) if len(large) else None
    if series is None:
        return refused(component, "no run of at least 1e25 FLOP states its hours by this date")
    hours = 2.0**series.value
    rng_weights = cluster_weights(series, inputs.params.draws, inputs.seed)
    order = np.argsort(hours, kind="stable")
    share = np.cumsum(rng_weights[:, order], axis=1) / rng_weights.sum(axis=1, keepdims=True)
    draws = hours[order][np.argmax(share >= 0.5, axis=1)] / HOURS_PER_YEAR
    return from_draws(
        inputs,
        component,
        draws,
        value=float(np.median(hours)) / HOURS_PER_YEAR,
        unit="yr",
        n_rows=len(series),
        status="weak",
        reasons=(f"only {len(series)} runs",),
        diagnostics={"median_hours": float(np.median(hours))},
        rows_used=series.rows_used,
    )


def chip_growth(inputs: Inputs) -> list[Fitted]:
    """Return growth of rated power and of release price per chip, on chips with a 16-bit tensor figure."""
    fits = []
    for estimator, numerator, meaning in (
        ("tdp", "tdp_w", "rated power a chip"),
        ("price", "release_price_usd", "nominal release price a chip"),
    ):
        component = _component(estimator, meaning, "catalogued chips, unweighted")
        series = chip_series(inputs, numerator)
        fits.append(fit_trend(inputs, component, series, absent=f"no chip states {numerator}"))
    return fits


PLACE = 4
"""Where these components stand among all."""

PARTS: Parts = {
    "frontier_growth": frontier_growth,
    "chip_growth": chip_growth,
    "run_duration": lambda inputs: [run_duration(inputs)],
}

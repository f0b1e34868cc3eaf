"""Did a trend change its slope? A kink at a named date, at an age, or at an unknown date, against dependent noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.calibration.common.resampling import block_paths, stream
from race_to_efficiency.calibration.gamma.frontier import running_maximum_slopes
from race_to_efficiency.calibration.gamma.trends import cell_deviations
from race_to_efficiency.units import decimal_year

if TYPE_CHECKING:
    from collections.abc import Mapping

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.calibration.common.series import Series
    from race_to_efficiency.calibration.gamma.components import Fitted, Inputs
    from race_to_efficiency.calibration.gamma.records import NoSlopeChange, SlopeChange
    from race_to_efficiency.settings.gamma import Change

REPLICATES = 999
"""Bootstrap data sets under one slope; the p-value is (1 + exceedances)/(1 + replicates)."""

SIGNIFICANCE = 0.05
"""A change is called found below this p-value."""

TRIM = 0.15
"""Share of rows kept on each side of an unknown date (Andrews 1993)."""

WEBB = np.sqrt(np.asarray([0.5, 1.0, 1.5]))
"""Magnitudes of Webb's six-point weights, for wild bootstraps with few clusters (Webb 2023)."""


@dataclass(frozen=True)
class Kink:
    """A line that bends at one date.

    Parameters
    ----------
    at : float
        Decimal year, or years of age.
    before, after : float, doublings/yr
    statistic : float
        Fall of the residual sum of squares through the bend, over what is left.
    """

    at: float
    before: float
    after: float
    statistic: float


def fit_kink(clock: Floats, value: Floats, cells: Any, at: float) -> Kink:
    """Fit level + before x min(clock, at) + after x max(clock, at) by lmfit.

    Parameters
    ----------
    clock : (n,) float, years
    value : (n,) float, doublings
    cells : (n,) int or None
        Fixed effects, swept out.
    at : float, years

    Returns
    -------
    Kink
    """
    import lmfit

    ones = np.ones((1, len(value)))
    columns = [np.minimum(clock - at, 0.0), np.maximum(clock - at, 0.0)]
    first, second = (cell_deviations(column, cells, ones)[0] for column in columns)
    target = cell_deviations(value, cells, ones)[0]
    parameters = lmfit.Parameters()
    parameters.add("before", value=0.0)
    parameters.add("after", value=0.0)

    def residual(found: Any) -> Floats:
        line = found["before"].value * first + found["after"].value * second
        return np.asarray(target - line, dtype=np.float64)

    result = lmfit.minimize(residual, parameters, method="leastsq", epsfcn=1e-4, ftol=1e-15)
    straight = cell_deviations(clock, cells, ones)[0]
    slope = float(straight @ target / (straight @ straight))
    left = float(np.sum(result.residual**2))
    gain = float(np.sum((target - slope * straight) ** 2)) - left
    values = result.params
    return Kink(at, float(values["before"].value), float(values["after"].value), gain / left if left > 0 else 0.0)


def bend_statistics(clock: Floats, values: Floats, cells: Any, at: Floats) -> Floats:
    """Return the largest bend statistic over candidate dates, for many series at once.

    Parameters
    ----------
    clock : (n,) float, years
    values : (b, n) float
    cells : (n,) int or None
    at : (k,) float, years

    Returns
    -------
    (b,) float
    """
    ones = np.ones((1, len(clock)))
    target = cell_deviations(values, cells, np.ones_like(values))
    straight = cell_deviations(clock, cells, ones)[0]
    total = np.sum(target**2, axis=1) - (target @ straight) ** 2 / (straight @ straight)
    best = np.zeros(len(values))
    for date_ in at:
        bend = cell_deviations(np.maximum(clock - date_, 0.0), cells, ones)[0]
        bend = bend - straight * (bend @ straight) / (straight @ straight)
        size = float(bend @ bend)
        if size > 1e-12:
            gain = (target @ bend) ** 2 / size
            best = np.maximum(best, gain / np.maximum(total - gain, 1e-300))
    return np.asarray(best)


def share_statistics(clock: Floats, path: Floats, at: Floats) -> Floats:
    """Return the largest gap between the share of the gain and the share of the time gone by the dates, (b,) float.

    Parameters
    ----------
    clock : (b, n) float, years
    path : (b, n) float, doublings
        Cumulative gains.
    at : (k,) float, years

    Returns
    -------
    (b,) float
    """
    rows = np.arange(len(clock))
    span, gain = clock[:, -1] - clock[:, 0], path[:, -1] - path[:, 0]
    safe = np.where(gain > 0, gain, 1.0)
    best = np.zeros(len(clock))
    for date_ in at:
        last = np.maximum(np.sum(clock <= date_, axis=1) - 1, 0)
        share = (path[rows, last] - path[:, 0]) / safe
        best = np.maximum(best, np.where(gain > 0, np.abs(share - (date_ - clock[:, 0]) / span), 0.0))
    return best


def slope_change(inputs: Inputs, change: Change, fits: Mapping[str, Fitted]) -> NoSlopeChange | SlopeChange:
    """Return the test of one series for a change of slope.

    A cumulative series (speedrun records, a running maximum) is compared with paths of its own shuffled blocks of
    steps, by the share of the gain reached at the date; any other with wild-bootstrapped residuals of one straight
    line, the residuals of a cluster changing sign together, by the fall of the residual sum of squares.

    Parameters
    ----------
    inputs : Inputs
    change : Change
        Component, and the date or age of the bend; searched for when neither is given.
    fits : mapping of str to Fitted

    Returns
    -------
    dict
        component, clock, at, searched, slope_before, slope_after, difference, p_value, found, n_rows, method, status;
        with status refused only component, status and reason.
    """
    fit = fits.get(change.component)
    if fit is None or fit.series is None or len(fit.series) < 2 * inputs.params.gate.min_rows_refused:
        return {"component": change.component, "status": "refused", "reason": "too few rows to bend a line"}
    series, value = fit.series, fit.series.value
    cumulative = fit.resampling == "increments"
    if fit.slopes is running_maximum_slopes:
        value, cumulative = np.maximum.accumulate(value), True
    clock = series.time if change.at_age_years is None else _age(series)
    candidates = _candidates(clock, change)
    if not len(candidates):
        return {"component": change.component, "status": "refused", "reason": "the date leaves one side empty"}
    rng = stream(inputs.seed, "slope_change", change.component)
    bends = [fit_kink(clock, value, series.cells, float(at)) for at in candidates]
    best = max(bends, key=lambda item: item.statistic)
    if cumulative:
        observed = float(share_statistics(clock[None], value[None], candidates)[0])
        null = share_statistics(*_shuffled(clock, value, inputs.params.block_rows, rng), candidates)
    else:
        observed = best.statistic
        null = bend_statistics(clock, _wild(series, clock, rng), series.cells, candidates)
    p_value = float((1 + np.sum(null >= observed)) / (1 + len(null)))
    return {
        "component": change.component,
        "clock": "date" if change.at_age_years is None else "age",
        "at": best.at,
        "searched": change.at is None and change.at_age_years is None,
        "slope_before": best.before,
        "slope_after": best.after,
        "difference": best.after - best.before,
        "p_value": p_value,
        "found": p_value < SIGNIFICANCE,
        "n_rows": len(series),
        "method": "block bootstrap of increments" if cumulative else "wild cluster bootstrap",
        "status": "tested",
    }


def _age(series: Series) -> Floats:
    """Return years since a cell's first row (since the series' first without cells)."""
    if series.cells is None:
        return np.asarray(series.time - series.time.min())
    _, index = np.unique(series.cells, return_inverse=True)
    first = np.full(int(index.max()) + 1, np.inf)
    np.minimum.at(first, index, series.time)
    return np.asarray(series.time - first[index])


def _candidates(clock: Floats, change: Change) -> Floats:
    """Return the dates to try: the one named, or every distinct row date inside the trimmed middle."""
    named = change.at_age_years if change.at is None else decimal_year(change.at)
    if named is not None:
        inside = clock.min() < named < clock.max()
        return np.asarray([named] if inside else [])
    low, high = np.quantile(clock, [TRIM, 1.0 - TRIM])
    dates: Floats = np.unique(clock)
    return np.asarray(dates[(dates >= low) & (dates <= high)][:: max(1, len(dates) // 60)])


def _shuffled(clock: Floats, value: Floats, block_rows: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Return clocks and paths of circular blocks of the series' own steps: one rate throughout, the same unevenness."""
    time, path, _ = block_paths(clock, value, REPLICATES, block_rows, rng)
    # Every path is stretched to the observed span, so that a named date cuts it where it cut the series.
    span = np.where(time[:, -1:] > 0, time[:, -1:], 1.0)
    return clock[0] + time / span * (clock[-1] - clock[0]), path


def _wild(series: Series, clock: Floats, rng: np.random.Generator) -> Floats:
    """Return data sets of one straight line with residuals whose clusters change sign and size together."""
    ones = np.ones((1, len(series)))
    straight, target = (cell_deviations(values, series.cells, ones)[0] for values in (clock, series.value))
    line = straight * (straight @ target) / (straight @ straight)
    names, index = np.unique(series.clusters.astype(str), return_inverse=True)
    size = rng.choice(WEBB, size=(REPLICATES, len(names))) * rng.choice([-1.0, 1.0], size=(REPLICATES, len(names)))
    return np.asarray(line + (target - line) * size[:, index])

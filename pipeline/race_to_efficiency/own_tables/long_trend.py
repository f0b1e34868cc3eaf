"""The trend of a long table: every row counts; what is resampled are random blocks of its independent units.

A slope by least squares needs five sums of the rows, so a bootstrap draw or a jackknife of a thousand blocks costs a
matrix product whatever the number of rows. Independent rows dealt at random into blocks are as independent as before.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.calibration.common.estimates import Interval, draw_intervals, t_interval
from race_to_efficiency.calibration.common.resampling import stream, stretched
from race_to_efficiency.calibration.gamma.components import Fitted, refused
from race_to_efficiency.calibration.gamma.fragility import (
    DAYS_PER_YEAR,
    choice_row,
    moved_starts,
)
from race_to_efficiency.calibration.gamma.judging import judged
from race_to_efficiency.calibration.gamma.pairs_out import PAIR_ROWS
from race_to_efficiency.calibration.gamma.trend_fit import facts_of, fitted_rate, refusal_of
from race_to_efficiency.calibration.gamma.trends import fit_line, line_slopes, ratio
from race_to_efficiency.own_tables.records import could_be_records

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.calibration.common.series import Series
    from race_to_efficiency.calibration.gamma.components import Component, Inputs
    from race_to_efficiency.calibration.gamma.records import FragilityRow

LONG = 5_000
"""Rows from which a table is long: pairs of rows and weights a row would fill the memory."""

BLOCKS = 1_000
"""Blocks that are resampled: the t interval of as many is the normal one to a tenth of a percent."""


def fit_long(inputs: Inputs, component: Component, series: Series, *, first: str, quantile: float | None) -> Fitted:
    """Fit a line to a long series, with intervals for dependent rows, draws and the reasons for doubt.

    Parameters
    ----------
    inputs : Inputs
    component : Component
    series : Series
        Ordered by date; its clusters as integers, its row ids the lines of the file.
    first : str
        Method of the interval shown first.
    quantile : float, optional
        Of a quantile line; least squares when omitted.
    """
    fit = _fit(inputs, component, series, first, quantile)
    if fit.draws is None:
        return fit
    rows = moved_starts(inputs, fit, lambda other: _fit(inputs, component, other, first, quantile))
    return judged(inputs.params.gate, fit, [*rows, *(_two_rows_out(inputs, fit) if quantile is None else [])])


def _fit(inputs: Inputs, component: Component, series: Series, first: str, quantile: float | None) -> Fitted:
    refusal = refusal_of(inputs, series)
    if refusal is not None:
        return refused(component, refusal, series)
    value, stderr, draws, own, facts = (_mean if quantile is None else _quantile)(inputs, series, quantile or 0.0)
    if not np.isfinite(stderr):
        return refused(component, "one block of rows holds all that tells of a trend", series)
    intervals = [*own, *draw_intervals(draws, method="cluster_bootstrap"), *draw_intervals(draws)]
    intervals.sort(key=lambda item: item.method != first)
    rows = rows_in_short(series)
    return fitted_rate(
        inputs, component, (series, series), value, intervals, stderr, facts, draws, line_slopes, rows_used=rows
    )


def rows_in_short(series: Series) -> tuple[str, ...]:
    """Return the rows of a long series in one entry."""
    return (f"{series.table}/{len(series)} rows, lines {min(series.row_ids)} to {max(series.row_ids)}",)


_Parts = tuple[float, float, "Floats", list[Interval], dict[str, Any]]
"""Estimate, standard error, draws, intervals of its own, and what describes the fit."""


def _mean(inputs: Inputs, series: Series, _: float) -> _Parts:
    """Fit lmfit's line; leave out and reweight blocks by their sums."""
    line = fit_line(series)
    block, blocks = _blocks(series, inputs.seed)
    sums = np.stack([np.bincount(block, column, blocks) for column in _moments(series).T], axis=1)
    without = _slopes(sums.sum(axis=0) - sums)
    stderr = float(np.sqrt((blocks - 1) / blocks * np.sum((without - line.slope) ** 2)))
    draws = stretched(_slopes(_weights(inputs, series, blocks) @ sums), line.slope, stderr, blocks - 1)
    own = [
        Interval("cluster", 0.95, *t_interval(line.slope, stderr, blocks - 1)),
        Interval("ols", 0.95, *line.interval()),
    ]
    return line.slope, stderr, draws, own, {**facts_of(line), "resampled_blocks": blocks}


def _quantile(inputs: Inputs, series: Series, quantile: float) -> _Parts:
    """Fit a quantile line; reweight the scores of blocks (one Newton step a draw).

    References
    ----------
    Koenker (2005), Quantile Regression, sections 3.4 (Powell's kernel) and 3.9; Kline & Santos (2012) for the score
    bootstrap.
    """
    from scipy.special import ndtri

    time = series.time - series.time.mean()
    slope, level = quantile_line(time, series.value, quantile)
    residual = series.value - level - slope * time
    n, q = len(residual), ndtri(quantile)
    # Hall & Sheather's bandwidth on the scale of probability, as the width of residuals it spans
    share = n ** (-1 / 3) * ndtri(0.975) ** (2 / 3) * (1.5 * np.exp(-(q**2)) / (2 * np.pi) / (2 * q**2 + 1)) ** (1 / 3)
    ends = np.quantile(residual, [max(quantile - share, 0.0), min(quantile + share, 1.0)])
    near = ((residual >= ends[0]) & (residual <= ends[1])) / max(float(np.ptp(ends)), 1e-300)
    design = np.stack([np.ones(n), time], axis=1)
    bread = np.linalg.pinv(design.T @ (design * near[:, None]))
    block, blocks = _blocks(series, inputs.seed)
    score = quantile - (residual < 0)
    sums = np.stack([np.bincount(block, score * column, blocks) for column in design.T], axis=1)
    moved = (_weights(inputs, series, blocks) - 1.0) @ sums @ bread[1]
    return slope, float(np.std(moved)), slope + moved, [], {"resampled_blocks": blocks}


def quantile_line(time: Floats, value: Floats, quantile: float) -> tuple[float, float]:
    """Return slope and level of a quantile line, to twelve digits, by bisection of the slope's score.

    With the level at the quantile of what a slope leaves, the check loss is convex in the slope, so its score has one
    change of sign.

    Parameters
    ----------
    time : (n,) float
        Centred.
    value : (n,) float
    quantile : float
    """
    place = max(math.ceil(quantile * len(value)) - 1, 0)
    width = 4.0 * float(np.std(value)) / float(np.std(time))
    low, high = -width, width
    level = 0.0
    while high - low > 1e-12 * max(1.0, abs(low), abs(high)):
        slope = 0.5 * (low + high)
        left = value - slope * time
        level = float(np.partition(left, place)[place])
        score = quantile - (left < level)
        score[np.abs(left - level).argmin()] -= score.sum()  # the row on the line balances the others
        low, high = (slope, high) if time @ score > 0 else (low, slope)
    return 0.5 * (low + high), level


def _weights(inputs: Inputs, series: Series, blocks: int) -> Floats:
    """Return exponential weights of mean 1, (draws, blocks), as `cluster_weights` gives clusters."""
    return np.asarray(-np.log1p(-stream(inputs.seed, series.table, "blocks").random((inputs.params.draws, blocks))))


def _blocks(series: Series, seed: int) -> tuple[NDArray[np.int64], int]:
    """Return the block of each row: its cluster where there are few, else clusters dealt at random."""
    names, index = np.unique(series.clusters, return_inverse=True)
    if len(names) <= BLOCKS:
        return index, len(names)
    return (stream(seed, series.table, "deal").permutation(len(names)) % BLOCKS)[index], BLOCKS


def _moments(series: Series) -> Floats:
    """Return 1, t, y, t^2 and t y of each row, centred, (n, 5)."""
    time, value = series.time - series.time.mean(), series.value - series.value.mean()
    return np.stack([np.ones(len(series)), time, value, time * time, time * value], axis=1)


def _slopes(sums: Floats) -> Floats:
    """Return the least-squares slope of each row of sums (b, 5), NaN where it is not determined."""
    total, time, value, squares, products = sums.T
    with np.errstate(invalid="ignore", divide="ignore"):
        return ratio(products - time * value / total, squares - time**2 / total)


def _two_rows_out(inputs: Inputs, fit: Fitted) -> list[FragilityRow]:
    """Return the lowest and highest slope without two of the rows whose single removal moves it most."""
    series = fit.series
    if series is None:
        return []
    moments = _moments(series)
    total = moments.sum(axis=0)
    moved = np.abs(_slopes(total - moments) - float(_slopes(total[None])[0]))
    top = np.sort(np.argpartition(-moved, PAIR_ROWS)[:PAIR_ROWS])
    first, second = (top[part] for part in np.triu_indices(len(top), 1))
    found = _slopes(total - moments[first] - moments[second])
    rows = []
    for word, place in (("lowest", int(np.nanargmin(found))), ("highest", int(np.nanargmax(found)))):
        change = f"{word} without line {series.row_ids[first[place]]} and line {series.row_ids[second[place]]}"
        rows.append(choice_row(inputs, fit, "leave_two_out", change, None, value=float(found[place]), gate=True))
    return rows


def thinned(series: Series, start_shift_years: float) -> Series:
    """Return the rows of an ordered series that can be records, in it or in the window that starts later."""
    kept = could_be_records(series.value, series.clusters)
    start = series.dates.min() + np.timedelta64(round(start_shift_years * DAYS_PER_YEAR), "D")
    later = np.flatnonzero(series.dates >= start)
    kept[later[could_be_records(series.value[later], series.clusters[later])]] = True
    return series.take(np.flatnonzero(kept))

"""The members' and the baselines' forecasts at one origin, by kind of target. Nothing here sees an outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.evaluation import baselines, predictive
from race_to_efficiency.evaluation.baselines import Series
from race_to_efficiency.evaluation.members import MEMBERS, Scene, steps
from race_to_efficiency.evaluation.origins import QUARTER_YEARS, CellForecast, quarterly_grid

if TYPE_CHECKING:
    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.evaluation.origins import ForecastOrigin
    from race_to_efficiency.evaluation.targets import Target

_STALE_YEARS = 1.6
_MINIMUM_STEPS = 3


def forecast(origin: ForecastOrigin, published: float | None = None) -> list[CellForecast]:
    """Return the forecasts of all members and baselines at one origin; empty when too little was known.

    Parameters
    ----------
    origin : ForecastOrigin
    published : float, optional
        Published trend that fits the target and was out by then, doublings/yr.
    """
    found = []
    for cell, scene in _SCENES[origin.target.kind](origin).items():
        if not all(changes.size for changes in scene.changes):
            continue
        naive = baselines.quantiles(
            scene.series,
            scene.own.last,
            scene.ahead,
            scene.changes,
            origin.params.moore_doublings_per_year,
            published,
            scatter=scene.scatter,
            monotone=origin.target.monotone,
        )
        models = {name: MEMBERS[name](scene) for name in origin.params.members.by_kind[origin.target.kind]}
        if origin.target.monotone:
            models = {name: predictive.at_least(one, scene.own.last) for name, one in models.items()}
        elif origin.target.window_quarters > 1:
            # windows that overlap hold the same rows: nothing of their scatter is their own
            models = {name: predictive.wholly_shared(one) for name, one in models.items()}
        found.append(CellForecast(cell, models, naive, scene.own.last))
    return found


def _enough(origin: ForecastOrigin) -> bool:
    params, time = origin.params, origin.time
    return time.size >= params.minimum_rows and bool(np.ptp(time) >= params.minimum_span_years)


def _observation(origin: ForecastOrigin) -> dict[str, Scene]:
    time, value = origin.time, origin.value
    if not _enough(origin):
        return {}
    # the level of scattering releases: the median of the year up to each quarter's end
    grid = quarterly_grid(float(time[0]), origin.known.data_to)
    years = [value[(time < end) & (time >= end - 1.0)] for end in grid]
    level = np.array([np.median(year) if year.size else np.nan for year in years])
    have = np.isfinite(level)
    series = Series(grid[have], level[have], time, value)
    middle = origin.ends - QUARTER_YEARS / 2
    return {"": Scene(origin, time, value, middle, [series], series, middle - series.time[-1], scatter=True)}


def aggregates(target: Target, time: Floats, value: Floats, ends: Floats) -> Floats:
    """Return the target's mean or median over the window up to each end, NaN where too few rows fall into it."""
    width = target.window_quarters * QUARTER_YEARS
    # the window's ends are quarter ends, up to the length of a day
    return np.array([target.level(value[(time < end - 1e-6) & (time >= end - width - 1e-6)]) for end in ends])


def _aggregate(origin: ForecastOrigin) -> dict[str, Scene]:
    target, time, value = origin.target, origin.time, origin.value
    if not _enough(origin):
        return {}
    grid = quarterly_grid(float(time[0]), origin.known.data_to)
    level = aggregates(target, time, value, grid)
    width = target.window_quarters
    have = np.isfinite(level)
    # a line is fitted to windows that do not overlap, counted back from now
    apart = have & ((grid.size - 1 - np.arange(grid.size)) % width == 0)
    if apart.sum() < max(4, origin.params.minimum_rows - 1) or have.sum() <= _MINIMUM_STEPS:
        return {}
    half = width * QUARTER_YEARS / 2
    series = Series(grid[have], level[have], grid[have], level[have])
    ahead = origin.ends - series.time[-1]
    return {"": Scene(origin, grid[apart] - half, level[apart], origin.ends - half, [series], series, ahead)}


def _record(origin: ForecastOrigin) -> dict[str, Scene]:
    time, value, now = origin.time, origin.value, origin.known.data_to
    if not _enough(origin):
        return {}
    best = np.maximum.accumulate(value)
    grid = quarterly_grid(float(time[0]), now)
    if grid.size <= _MINIMUM_STEPS:
        return {}
    path = best[np.searchsorted(time, grid, side="left").clip(1) - 1]
    series = Series(grid, path, grid, path)
    return {"": Scene(origin, time, value, origin.ends, [series], series, origin.ends - now)}


def _panel(origin: ForecastOrigin) -> dict[str, Scene]:
    observations, params, now = origin.known.observations, origin.params, origin.known.data_to
    cells: dict[str, Series] = {}
    for cell, rows in observations.groupby("cell", sort=True):
        when = rows["time"].to_numpy(dtype=np.float64)
        level = origin.target.sign * rows["value"].to_numpy(dtype=np.float64)
        cells[str(cell)] = Series(when, level, when, level)
    series = list(cells.values())
    rounds = np.unique(np.concatenate([one.time[1:] for one in series])) if series else np.empty(0)
    if rounds.size < _MINIMUM_STEPS or steps(series)[0].size < params.minimum_rows:
        return {}
    middle = origin.ends - QUARTER_YEARS / 2
    return {
        cell: Scene(origin, one.time, one.level, middle, series, one, middle - one.time[-1])
        for cell, one in cells.items()
        if now - one.time[-1] <= _STALE_YEARS  # else the benchmark has been retired
    }


_SCENES = {
    "observation": _observation,
    "aggregate": _aggregate,
    "record": _record,
    "improvement": _record,
    "panel": _panel,
}

"""The candidate models' forecasts at one origin, by kind of target. Nothing here sees an outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.evaluation import predictive
from race_to_efficiency.evaluation.baselines import Series
from race_to_efficiency.evaluation.origins import QUARTER_YEARS, CellForecast, quarterly_grid
from race_to_efficiency.evaluation.predictive import Predictive

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from race_to_efficiency.evaluation.origins import ForecastOrigin
    from race_to_efficiency.evaluation.targets import Target
    from race_to_efficiency.settings.backtest import BacktestParams

    Array = NDArray[np.float64]

_STALE_YEARS = 1.6
_MINIMUM_STEPS = 3


def forecast(origin: ForecastOrigin) -> list[CellForecast]:
    """Return the forecasts of all candidate models at one origin; empty when too little was known."""
    return _KINDS[origin.target.kind](origin)


def _options(model: str, params: BacktestParams) -> dict[str, float | None]:
    """Return the tails and the walk a trend or drift model's name asks for."""
    return {
        "degrees": params.tail_degrees if "heavy" in model else None,
        "walk": params.slope_walk if "walk" in model else 0.0,
    }


def _trends(origin: ForecastOrigin, time: Array, value: Array, at: Array) -> dict[str, Predictive]:
    params = origin.params
    names = params.candidates[origin.target.kind]
    return {name: predictive.trend(time, value, at, **_options(name, params)) for name in names}  # type: ignore[arg-type]


def _enough(origin: ForecastOrigin, time: Array) -> bool:
    params = origin.params
    return time.size >= params.minimum_rows and bool(np.ptp(time) >= params.minimum_span_years)


def _observation(origin: ForecastOrigin) -> list[CellForecast]:
    time, value = origin.time, origin.value
    if not _enough(origin, time):
        return []
    middle = origin.ends - QUARTER_YEARS / 2
    # the level of scattering releases: the median of the year up to each quarter's end
    grid = quarterly_grid(float(time[0]), origin.known.data_to)
    level = np.array([np.median(value[(time < g) & (time >= g - 1.0)]) if _any(time, g) else np.nan for g in grid])
    have = np.isfinite(level)
    series = Series(grid[have], level[have], time, value)
    ahead = middle - series.time[-1]
    return [CellForecast("", _trends(origin, time, value, middle), [series], series.last, ahead, scatter=True)]


def _any(time: Array, end: float) -> bool:
    return bool(np.any((time < end) & (time >= end - 1.0)))


def aggregates(target: Target, time: Array, value: Array, ends: Array) -> Array:
    """Return the target's mean or median over the window up to each end, NaN where too few rows fall into it."""
    width = target.window_quarters * QUARTER_YEARS
    statistic = np.median if target.statistic == "median" else np.mean
    found = np.full(ends.size, np.nan)
    for k, end in enumerate(ends):
        # the window's ends are quarter ends, up to the length of a day
        inside = value[(time < end - 1e-6) & (time >= end - width - 1e-6)]
        if inside.size >= target.minimum_items:
            found[k] = float(statistic(inside))
    return found


def _aggregate(origin: ForecastOrigin) -> list[CellForecast]:
    target, time, value = origin.target, origin.time, origin.value
    if not _enough(origin, time):
        return []
    grid = quarterly_grid(float(time[0]), origin.known.data_to)
    level = aggregates(target, time, value, grid)
    width = target.window_quarters
    # the trend is fitted to windows that do not overlap, counted back from now
    apart = np.isfinite(level) & ((grid.size - 1 - np.arange(grid.size)) % width == 0)
    have = np.isfinite(level)
    if apart.sum() < max(4, origin.params.minimum_rows - 1) or have.sum() <= _MINIMUM_STEPS:
        return []
    half = width * QUARTER_YEARS / 2
    models = _trends(origin, grid[apart] - half, level[apart], origin.ends - half)
    if width > 1:
        # windows that overlap hold the same rows: nothing of their scatter is their own
        models = {name: Predictive(one.quantiles, np.ones_like(one.shared)) for name, one in models.items()}
    series = Series(grid[have], level[have], grid[have], level[have])
    return [CellForecast("", models, [series], series.last, origin.ends - series.time[-1])]


def _record(origin: ForecastOrigin) -> list[CellForecast]:
    time, value, now = origin.time, origin.value, origin.known.data_to
    if not _enough(origin, time):
        return []
    best = np.maximum.accumulate(value)
    grid = quarterly_grid(float(time[0]), now)
    path = best[np.searchsorted(time, grid, side="left").clip(1) - 1]
    if grid.size <= _MINIMUM_STEPS:
        return []
    names = origin.params.candidates[origin.target.kind]
    models = {
        name: predictive.at_least(_record_model(name, origin, best, grid, path), float(best[-1]))
        for name in names
        if name != "ensemble"
    }
    if "ensemble" in names:
        models["ensemble"] = predictive.ensemble(list(models.values()))
    series = Series(grid, path, grid, path)
    return [CellForecast("", models, [series], series.last, origin.ends - now)]


def _record_model(name: str, origin: ForecastOrigin, best: Array, grid: Array, path: Array) -> Predictive:
    params, time, now = origin.params, origin.time, origin.known.data_to
    rng = origin.stream(name)
    if name.startswith("drift"):
        step, change = np.diff(grid), np.diff(path)
        half_life = params.recent_years if "recent" in name else None
        weight = None if half_life is None else 0.5 ** ((now - grid[1:]) / half_life)
        span, free = float(grid[-1] - grid[0]), float(step.size - 1)
        ahead = origin.ends - now
        return predictive.drift(
            step,
            change,
            best[-1],
            ahead,
            span=span,
            free=free,
            weight=weight,
            **_options(name, params),  # type: ignore[arg-type]
        )
    if name.startswith("jumps"):
        jump = np.diff(best)
        rise = predictive.jump_draws(
            time[1:][jump > 0],
            jump[jump > 0],
            float(time[0]),
            now,
            origin.ends,
            rng,
            draws=params.draws,
            window=params.recent_years if "recent" in name else None,
        )
        return predictive.from_draws(best[-1] + rise)
    window = params.recent_window_years if "recent" in name else None
    return predictive.from_draws(record_draws(origin, origin.ends, window=window))


def record_draws(origin: ForecastOrigin, ends: Array, *, window: float | None = None) -> Array:
    """Return (draws, h) simulated records at each end, by the trend of the releases near the record.

    Parameters
    ----------
    origin : Origin
    ends : (h,) float, decimal years
    window : float, optional
        Years back from the origin the trend is fitted to; all by default, and where fewer rows fall into it.
    """
    params, time, value, now = origin.params, origin.time, origin.value, origin.known.data_to
    best = np.maximum.accumulate(value)
    before = np.concatenate([value[:1], best[:-1]])
    near = value > before - params.near_record_doublings
    choices = (near & (time > now - (window or np.inf)), near, np.ones_like(near))
    used = next(one for one in choices if one.sum() >= params.minimum_rows)
    return predictive.release_draws(
        time[used],
        value[used],
        float(best[-1]),
        now,
        ends,
        origin.stream("releases"),
        draws=params.draws,
        window=params.release_window_years,
    )


def _panel(origin: ForecastOrigin) -> list[CellForecast]:
    observations, params, now = origin.known.observations, origin.params, origin.known.data_to
    cells: dict[str, Series] = {}
    for cell, rows in observations.groupby("cell", sort=True):
        when = rows["time"].to_numpy(dtype=np.float64)
        level = origin.target.sign * rows["value"].to_numpy(dtype=np.float64)
        cells[str(cell)] = Series(when, level, when, level)
    step = np.concatenate([np.diff(one.time) for one in cells.values()]) if cells else np.empty(0)
    change = np.concatenate([np.diff(one.level) for one in cells.values()]) if cells else np.empty(0)
    ends = np.concatenate([one.time[1:] for one in cells.values()]) if cells else np.empty(0)
    rounds = np.unique(ends)
    if step.size < params.minimum_rows or rounds.size < _MINIMUM_STEPS:
        return []
    span = float(ends.max() - observations["time"].min())
    found = []
    for cell, one in cells.items():
        if now - one.time[-1] > _STALE_YEARS:
            continue  # the benchmark has been retired
        ahead = origin.ends - QUARTER_YEARS / 2 - one.time[-1]
        models = {}
        for name in params.candidates[origin.target.kind]:
            weight = 0.5 ** ((now - ends) / params.recent_years) if "recent" in name else None
            models[name] = predictive.drift(
                step,
                change,
                one.last,
                ahead,
                span=span,
                free=rounds.size - 1.0,
                weight=weight,
                **_options(name, params),  # type: ignore[arg-type]
            )
        found.append(CellForecast(cell, models, list(cells.values()), one.last, ahead))
    return found


_KINDS = {
    "observation": _observation,
    "aggregate": _aggregate,
    "record": _record,
    "improvement": _record,
    "panel": _panel,
}

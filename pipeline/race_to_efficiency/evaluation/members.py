"""The simple members whose quantiles a forecast averages, by name; what each kind of target averages is a setting.

A member sees a `Scene`: what was known of one series at one origin, signed so that better is larger. It sees no
outcome, and no member knows how it did before: that is the business of the weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.evaluation import baselines, predictive
from race_to_efficiency.evaluation.origins import QUARTER_YEARS
from race_to_efficiency.evaluation.predictive import Predictive

if TYPE_CHECKING:
    from collections.abc import Callable

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.evaluation.baselines import Series
    from race_to_efficiency.evaluation.origins import ForecastOrigin


@dataclass(frozen=True)
class Scene:
    """What the members see of one series.

    Parameters
    ----------
    origin : ForecastOrigin
        Its settings and random streams.
    time, value : (n,) float, decimal years and log2
        What a line is fitted to: releases, or levels of windows that do not overlap.
    at : (h,) float, decimal years
        Dates a line is read at.
    series : list of Series
        The levels a walk steps through: one, or one for each cell of a panel.
    own : Series
        The one that is forecast.
    ahead : (h,) float, years
        From its last level to each target date.
    scatter : bool
        Whether single outcomes scatter around the level.
    """

    origin: ForecastOrigin
    time: Floats
    value: Floats
    at: Floats
    series: list[Series]
    own: Series
    ahead: Floats
    scatter: bool = False

    @cached_property
    def changes(self) -> list[Floats]:
        """Past changes over each horizon, or over the longest shorter one that has enough; empty where none has."""
        return [baselines.past_changes(self.series, float(ahead)) for ahead in self.ahead]

    def age_weights(self, when: Floats, half_life: float) -> Floats:
        """Return weights that halve with each half-life of age."""
        return np.asarray(0.5 ** ((self.origin.known.data_to - when) / half_life), dtype=np.float64)


def trend(scene: Scene) -> Predictive:
    """Return a straight line through all rows."""
    return predictive.trend(scene.time, scene.value, scene.at)


def trend_heavy(scene: Scene) -> Predictive:
    """Return a straight line with heavy-tailed scatter."""
    return predictive.trend(scene.time, scene.value, scene.at, degrees=scene.origin.params.members.tail_degrees)


def line_by_age(scene: Scene) -> Predictive:
    """Return a straight line whose rows weigh less the older they are."""
    weight = scene.age_weights(scene.time, scene.origin.params.members.line_half_life_years)
    return predictive.trend(scene.time, scene.value, scene.at, weight=weight)


def line_shrunk(scene: Scene) -> Predictive:
    """Return a straight line whose slope is shrunk towards none."""
    prior = scene.origin.params.members.slope_prior_per_year
    return predictive.trend(scene.time, scene.value, scene.at, slope_prior=prior)


def walk(scene: Scene) -> Predictive:
    """Return a random walk whose steps weigh less the older they are, its drift shrunk by years of nothing.

    Where single outcomes scatter around the level the spread is that of past changes over the same horizon.
    """
    settings = scene.origin.params.members
    step, change = np.diff(scene.own.time), np.diff(scene.own.level)
    weight = scene.age_weights(scene.own.time[1:], settings.walk_half_life_years)
    if scene.scatter:
        rate = float(weight @ change / (weight @ step + settings.nothing_years))
        spread = [change - change.mean() for change in scene.changes]
        return _around(scene, scene.own.last + rate * scene.ahead, spread)
    return predictive.drift(
        step,
        change,
        scene.own.last,
        scene.ahead,
        span=float(scene.own.time[-1] - scene.own.time[0]),
        free=float(step.size - 1),
        weight=weight,
        nothing=settings.nothing_years,
    )


def walk_by_age(scene: Scene) -> Predictive:
    """Return a random walk on the clock log(1 + age/step of the grid): drift and shocks fade as the series ages."""
    own, settings = scene.own, scene.origin.params.members
    clock = np.log1p((own.time - own.time[0]) / QUARTER_YEARS)
    age = float(own.time[-1] - own.time[0]) / QUARTER_YEARS
    return predictive.drift(
        np.diff(clock),
        np.diff(own.level),
        own.last,
        np.log1p(age + scene.ahead / QUARTER_YEARS) - np.log1p(age),
        span=float(clock[-1]),
        free=float(clock.size - 2),
        weight=scene.age_weights(own.time[1:], settings.walk_half_life_years),
    )


def _around(scene: Scene, centre: Floats, spread: list[Floats]) -> Predictive:
    """Return centres with empirical spreads; single outcomes share what the parameters of a line through them do."""
    shared = trend(scene).shared if scene.scatter else np.ones(centre.size)
    quantiles = [c + predictive.empirical(one) for c, one in zip(centre, spread, strict=True)]
    return Predictive(np.array(quantiles), shared)


def moore(scene: Scene) -> Predictive:
    """Return growth at Moore's rate with the spread of past changes."""
    spread = [change - change.mean() for change in scene.changes]
    rate = scene.origin.params.moore_doublings_per_year
    return _around(scene, scene.own.last + rate * scene.ahead, spread)


def changes(scene: Scene) -> Predictive:
    """Return the last level plus what past changes over the same horizon came to."""
    return _around(scene, np.full(scene.ahead.size, scene.own.last), scene.changes)


def releases(scene: Scene) -> Predictive:
    """Return the best of the releases to come, which scatter around the trend of those near the record."""
    return predictive.quantiles_of_draws(release_draws(scene))


def release_draws(scene: Scene) -> Floats:
    """Return (draws, h) simulated records by the trend of the releases near the record."""
    origin, settings = scene.origin, scene.origin.params.members
    time, value = origin.time, origin.value
    best = np.maximum.accumulate(value)
    before = np.concatenate([value[:1], best[:-1]])
    near = value > before - settings.near_record_doublings
    used = near if near.sum() >= origin.params.minimum_rows else np.ones_like(near)
    return predictive.release_draws(
        time[used],
        value[used],
        float(best[-1]),
        origin.known.data_to,
        origin.ends,
        origin.stream("releases"),
        draws=settings.draws,
        window=settings.release_window_years,
    )


def jumps(scene: Scene) -> Predictive:
    """Return a record that jumps at random, as often and as far as of late."""
    origin, settings = scene.origin, scene.origin.params.members
    best = np.maximum.accumulate(origin.value)
    jump = np.diff(best)
    rise = predictive.jump_draws(
        origin.time[1:][jump > 0],
        jump[jump > 0],
        float(origin.time[0]),
        origin.known.data_to,
        origin.ends,
        origin.stream("jumps"),
        draws=settings.draws,
        half_life=settings.jump_half_life_years,
    )
    return predictive.quantiles_of_draws(best[-1] + rise)


def drift_pooled(scene: Scene) -> Predictive:
    """Return a walk at the drift of all cells, its shocks theirs, growing with the square root of time."""
    step, change = steps(scene.series)
    return _walking(
        scene, float(change.sum() / step.sum()) * scene.ahead, change - change.sum() / step.sum() * step, step
    )


def drift_by_age(scene: Scene) -> Predictive:
    """Return a walk whose drift fades with the cell's age: level = b log(1 + age/1 yr), b of all cells."""
    step, change = steps(scene.series)
    log_age = np.concatenate([np.diff(np.log1p(one.time - one.time[0])) for one in scene.series])
    rate = float(log_age @ change / (log_age @ log_age))
    age = float(scene.own.time[-1] - scene.own.time[0])
    rise = rate * (np.log1p(age + scene.ahead) - np.log1p(age))
    return _walking(scene, rise, change - rate * log_age, step)


def _walking(scene: Scene, rise: Floats, residual: Floats, step: Floats) -> Predictive:
    """Return the last level plus a rise, with past shocks per square root of time as its spread."""
    shocks = residual / np.sqrt(step)
    shocks = shocks - shocks.mean()
    return _around(scene, scene.own.last + rise, [shocks * np.sqrt(ahead) for ahead in scene.ahead])


def steps(series: list[Series]) -> tuple[Floats, Floats]:
    """Return the lengths (years) and changes (log2) of every step of several series."""
    return (
        np.concatenate([np.diff(one.time) for one in series]),
        np.concatenate([np.diff(one.level) for one in series]),
    )


MEMBERS: dict[str, Callable[[Scene], Predictive]] = {
    one.__name__: one
    for one in (
        trend,
        trend_heavy,
        line_by_age,
        line_shrunk,
        walk,
        walk_by_age,
        moore,
        changes,
        releases,
        jumps,
        drift_pooled,
        drift_by_age,
    )
}
"""Members by name."""

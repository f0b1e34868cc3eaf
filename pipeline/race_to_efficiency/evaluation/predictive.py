"""Predictive distributions: what is known of the parameters plus the scatter around them, for four kinds of series.

Values are log2 of the quantity, signed so that better is larger. `shared` is the part of a forecast's variance that all
forecasts over the same time have in common (trend, level, drift); the rest is the scatter of the single outcome.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.evaluation.scoring import LEVELS

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

TAU = np.array(LEVELS)


@dataclass(frozen=True)
class Predictive:
    """Quantiles of the outcome at each horizon.

    Parameters
    ----------
    quantiles : (h, 23) float
        At `scoring.LEVELS`.
    shared : (h,) float in [0, 1]
    """

    quantiles: Array
    shared: Array


def student(centre: Array, scale: Array, degrees: float) -> Array:
    """Return (h, 23) quantiles of centre + scale t(degrees)."""
    from scipy.special import stdtrit

    return np.asarray(np.asarray(centre)[:, None] + np.asarray(scale)[:, None] * stdtrit(degrees, TAU))


def trend(time: Array, value: Array, at: Array, *, degrees: float | None = None, walk: float = 0.0) -> Predictive:
    """Predict single outcomes around a straight line fitted by least squares.

    Parameters
    ----------
    time : (n,) float, years
    value : (n,) float, log2
    at : (h,) float, years
        Dates of the outcomes.
    degrees : float, optional
        Upper limit of the degrees of freedom: heavier tails than the Student t with n - 2 of the normal model.
    walk : float
        Random walk of the slope after the last row, doublings/yr per square root of a year; adds walk^2 s^3/3 to the
        variance s years ahead.

    Raises
    ------
    ValueError
        With fewer than 4 rows, or all at one date.

    References
    ----------
    Draper & Smith (1998), Applied Regression Analysis, section 3.1: the prediction interval of a new observation.
    Harvey (1989), Forecasting, Structural Time Series Models, section 2.3: the integrated random walk.
    """
    if time.size < 4 or np.ptp(time) <= 0:
        raise ValueError(f"time must hold at least 4 rows at two dates, got {time.size} over {np.ptp(time)} years")
    pivot = time.mean()
    x = time - pivot
    sxx = float(x @ x)
    slope = float(x @ value) / sxx
    residual = value - value.mean() - slope * x
    variance = float(residual @ residual) / (time.size - 2)
    ahead = at - pivot
    common = variance * (1.0 / time.size + ahead**2 / sxx) + walk**2 * np.clip(at - time.max(), 0.0, None) ** 3 / 3.0
    free = float(time.size - 2)
    total = common + variance
    centre = value.mean() + slope * ahead
    shared = np.divide(common, total, out=np.ones_like(total), where=total > 0)
    return Predictive(student(centre, np.sqrt(total), min(free, degrees or free)), shared)


def drift(
    step: Array,
    change: Array,
    last: ArrayLike,
    ahead: Array,
    *,
    span: float,
    free: float,
    weight: Array | None = None,
    degrees: float | None = None,
    walk: float = 0.0,
) -> Predictive:
    """Predict a level that moves by a steady drift plus independent shocks whose variance grows with time.

    Parameters
    ----------
    step : (n,) float, years
        Length of each past step.
    change : (n,) float, log2
        Change over each past step.
    last : float or (h,) float, log2
        Level from which each forecast starts.
    ahead : (h,) float, years
    span : float, years
        Time the drift was measured over (steps of several series over the same months count once).
    free : float
        Degrees of freedom: independent steps less one.
    weight : (n,) float, optional
        Weights of the steps, e.g. falling with age.
    degrees : float, optional
        Upper limit of the degrees of freedom (heavier tails).
    walk : float
        Random walk of the drift; see `trend`.

    References
    ----------
    Hyndman & Athanasopoulos (2021), Forecasting: Principles and Practice, section 5.5: the drift method's variance
    s^2 h (1 + h/T).
    """
    w = np.ones_like(change) if weight is None else np.asarray(weight, dtype=np.float64)
    rate = float((w * change).sum() / (w * step).sum())
    # effective number of weighted steps (Kish) shortens the span and the degrees of freedom alike
    share = float(w.sum() ** 2 / (w**2).sum() / w.size)
    span, free = span * share, max(free * share, 1.5)
    variance = float((w * (change - rate * step) ** 2 / step).sum() / w.sum()) * (free + 1.0) / free
    total = variance * (ahead + ahead**2 / span) + walk**2 * ahead**3 / 3.0
    centre = np.asarray(last, dtype=np.float64) + rate * ahead
    return Predictive(student(centre, np.sqrt(total), min(free, degrees or free)), np.ones_like(ahead))


def jump_draws(
    event: Array,
    jump: Array,
    start: float,
    now: float,
    ends: Array,
    rng: np.random.Generator,
    *,
    draws: int,
    window: float | None = None,
) -> Array:
    """Simulate the rise of a record as a compound Poisson process of exponential jumps, parameters drawn too.

    Parameters
    ----------
    event, jump : (n,) float, years and log2
        Dates and sizes of past record-breaking jumps.
    start, now : float, years
        The time watched.
    ends : (h,) float, years
        Dates at which the rise since ``now`` is wanted, rising.
    rng : Generator
    draws : int
    window : float, optional
        Years back from ``now`` whose jumps count; all by default.

    Returns
    -------
    (draws, h) float, log2
        The rise, 0 where no record falls.

    References
    ----------
    Gelman et al. (2013), Bayesian Data Analysis, sections 2.6 and 2.7: the gamma posteriors of a Poisson rate
    (Jeffreys' prior) and of an exponential's rate.
    """
    if jump.size == 0:
        return np.zeros((draws, ends.size))
    exposure = min(now - start, np.inf if window is None else window)
    recent = jump[event > now - exposure]
    rate = rng.gamma(recent.size + 0.5, 1.0 / exposure, draws)
    # a short window may hold few jumps or none: a prior worth two jumps of the plain mean size steadies their mean
    prior = 0.0 if window is None else 2.0
    mean = (recent.sum() + prior * jump.mean()) / rng.gamma(recent.size + prior + 1.0, 1.0, draws)
    number = rng.poisson(rate[:, None] * np.diff(ends, prepend=now))
    size = rng.standard_gamma(np.maximum(number, 1)) * mean[:, None]
    return np.cumsum(np.where(number > 0, size, 0.0), axis=1)


def release_draws(
    time: Array,
    value: Array,
    record: float,
    now: float,
    ends: Array,
    rng: np.random.Generator,
    *,
    draws: int,
    window: float,
    walk: float = 0.0,
) -> Array:
    """Simulate a record as the best of the releases to come, which scatter around a trend of their own.

    Parameters
    ----------
    time, value : (n,) float, years and log2
        Past releases near the record.
    record : float, log2
        The record to beat.
    now : float, years
    ends : (h,) float, years
        Dates at which the record is wanted, rising.
    rng : Generator
    draws : int
    window : float, years
        Recent time in which the rate of releases is counted.
    walk : float
        Random walk of the slope, doublings/yr per square root of a year.

    Returns
    -------
    (draws, h) float, log2
        Never below ``record``, never falling.

    References
    ----------
    Gelman et al. (2013), Bayesian Data Analysis, section 14.2: draws of a normal regression under the flat prior.
    Arnold, Balakrishnan & Nagaraja (1998), Records, chapter 2: the best of N is F^-1(U^(1/N)).
    """
    from scipy.special import ndtri

    n = time.size
    pivot = time.mean()
    x = time - pivot
    sxx = float(x @ x)
    slope = float(x @ value) / sxx
    residual = value - value.mean() - slope * x
    sigma = np.sqrt(float(residual @ residual) / rng.chisquare(n - 2, draws))
    level = value.mean() + sigma * rng.standard_normal(draws) / np.sqrt(n)
    slopes = slope + sigma * rng.standard_normal(draws) / np.sqrt(sxx)
    recent = min(window, max(now - float(time.min()), 0.25))
    rate = rng.gamma((time > now - recent).sum() + 0.5, 1.0 / recent, draws)
    steps = np.diff(ends, prepend=now)
    kicks = walk * np.sqrt(steps) * rng.standard_normal((draws, ends.size))
    # the slope's walk bends the line from now on; before now the fitted line holds
    bend = np.cumsum(np.cumsum(kicks, axis=1) * steps, axis=1)
    middle = ends - 0.5 * steps - pivot
    number = rng.poisson(rate[:, None] * steps)
    best = ndtri(rng.uniform(size=number.shape) ** (1.0 / np.maximum(number, 1)))
    top = level[:, None] + slopes[:, None] * middle + bend + sigma[:, None] * best
    return np.maximum.accumulate(np.maximum(np.where(number > 0, top, -np.inf), record), axis=1)


def from_draws(draws: Array) -> Predictive:
    """Return the quantiles of (n_draws, h) draws; all of a path's variance is shared."""
    return Predictive(np.quantile(draws, TAU, axis=0).T, np.ones(draws.shape[1]))


def ensemble(members: list[Predictive]) -> Predictive:
    """Return the median over models of each quantile.

    References
    ----------
    Ray et al. (2023), Comparing trained and untrained probabilistic ensemble forecasts of COVID-19: the median of the
    quantiles.
    """
    quantiles = np.median([one.quantiles for one in members], axis=0)
    return Predictive(quantiles, np.mean([one.shared for one in members], axis=0))


def at_least(predictive: Predictive, floor: float) -> Predictive:
    """Return the forecast of a quantity that cannot fall below ``floor`` (a record stands)."""
    return Predictive(np.maximum(predictive.quantiles, floor), predictive.shared)

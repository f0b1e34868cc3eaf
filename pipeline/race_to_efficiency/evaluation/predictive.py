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
    from numpy.typing import ArrayLike

    from race_to_efficiency.arrays import Floats

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

    quantiles: Floats
    shared: Floats


def student(centre: Floats, scale: Floats, degrees: float) -> Floats:
    """Return (h, 23) quantiles of centre + scale t(degrees)."""
    from scipy.special import stdtrit

    return np.asarray(np.asarray(centre)[:, None] + np.asarray(scale)[:, None] * stdtrit(degrees, TAU))


def trend(
    time: Floats,
    value: Floats,
    at: Floats,
    *,
    degrees: float | None = None,
    walk: float = 0.0,
    weight: Floats | None = None,
    slope_prior: float | None = None,
) -> Predictive:
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
    weight : (n,) float, optional
        Weights of the rows, e.g. falling with age; their effective number (Kish) stands in for n.
    slope_prior : float, optional
        Standard deviation of a normal prior of the slope about 0, doublings/yr: shrinks it where the rows say little.

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
    # weights of mean 1 over their effective number: equal weights leave n as it is
    w = np.ones_like(time) if weight is None else weight * weight.sum() / (weight**2).sum()
    count = float(w.sum())
    pivot, level = float(w @ time) / count, float(w @ value) / count
    x = time - pivot
    sxx = float(w @ x**2)
    slope = float(w @ (x * value)) / sxx
    free = max(count - 2.0, 1.0)
    variance = float(w @ (value - level - slope * x) ** 2) / free
    if slope_prior is not None:
        # posterior of the slope under a normal prior: the prior adds variance/prior^2 to the information in sxx
        shrunk = sxx + variance / slope_prior**2
        slope, sxx = slope * sxx / shrunk, shrunk
    ahead = at - pivot
    common = variance * (1.0 / count + ahead**2 / sxx) + walk**2 * np.clip(at - time.max(), 0.0, None) ** 3 / 3.0
    total = common + variance
    centre = level + slope * ahead
    shared = np.divide(common, total, out=np.ones_like(total), where=total > 0)
    return Predictive(student(centre, np.sqrt(total), min(free, degrees or free)), shared)


def drift(
    step: Floats,
    change: Floats,
    last: ArrayLike,
    ahead: Floats,
    *,
    span: float,
    free: float,
    weight: Floats | None = None,
    nothing: float = 0.0,
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
    nothing : float, years
        Time without any change added to what was watched: shrinks the drift of a short or early history towards 0.

    References
    ----------
    Hyndman & Athanasopoulos (2021), Forecasting: Principles and Practice, section 5.5: the drift method's variance
    s^2 h (1 + h/T).
    """
    w = np.ones_like(change) if weight is None else np.asarray(weight, dtype=np.float64)
    rate = float((w * change).sum() / ((w * step).sum() + nothing))
    # effective number of weighted steps (Kish) shortens the span and the degrees of freedom alike
    share = float(w.sum() ** 2 / (w**2).sum() / w.size)
    span, free = span * share, max(free * share, 1.5)
    variance = float((w * (change - rate * step) ** 2 / step).sum() / w.sum()) * (free + 1.0) / free
    total = variance * (ahead + ahead**2 / (span + nothing))
    centre = np.asarray(last, dtype=np.float64) + rate * ahead
    return Predictive(student(centre, np.sqrt(total), free), np.ones_like(ahead))


def jump_draws(
    event: Floats,
    jump: Floats,
    start: float,
    now: float,
    ends: Floats,
    rng: np.random.Generator,
    *,
    draws: int,
    half_life: float | None = None,
) -> Floats:
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
    half_life : float, optional
        Years in which what was watched loses half of its weight; all of it weighs the same by default.

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
    exposure, weight, prior = now - start, np.ones_like(jump), 0.0
    if half_life is not None:
        fall = np.log(2.0) / half_life
        exposure, weight = -np.expm1(-fall * exposure) / fall, np.exp(-fall * (now - event))
        # recent jumps may weigh little: a prior worth two jumps of the plain mean size steadies their mean
        prior = 2.0
    number = float(weight.sum())
    rate = rng.gamma(number + 0.5, 1.0 / exposure, draws)
    mean = (float(weight @ jump) + prior * jump.mean()) / rng.gamma(number + prior + 1.0, 1.0, draws)
    times = rng.poisson(rate[:, None] * np.diff(ends, prepend=now))
    size = rng.standard_gamma(np.maximum(times, 1)) * mean[:, None]
    return np.cumsum(np.where(times > 0, size, 0.0), axis=1)


def release_draws(
    time: Floats,
    value: Floats,
    record: float,
    now: float,
    ends: Floats,
    rng: np.random.Generator,
    *,
    draws: int,
    window: float,
    walk: float = 0.0,
) -> Floats:
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


def empirical(values: Floats) -> Floats:
    """Return the (23,) quantiles of (n,) values, or (23, h) of (n, h): numpy's linear ones, in a tenth of the time."""
    ordered = np.sort(values, axis=0)
    place = TAU * (len(values) - 1)
    index = np.minimum(place.astype(int), len(values) - 2) if len(values) > 1 else np.zeros(TAU.size, dtype=int)
    share = (place - index).reshape(-1, *[1] * (values.ndim - 1))
    low, high = ordered[index], ordered[np.minimum(index + 1, len(values) - 1)]
    return np.asarray(low + share * (high - low))


def quantiles_of_draws(draws: Floats) -> Predictive:
    """Return the quantiles of (n_draws, h) draws; all of a path's variance is shared."""
    return Predictive(empirical(draws).T, np.ones(draws.shape[1]))


def at_least(predictive: Predictive, floor: float) -> Predictive:
    """Return the forecast of a quantity that cannot fall below ``floor`` (a record stands)."""
    return Predictive(np.maximum(predictive.quantiles, floor), predictive.shared)


def wholly_shared(predictive: Predictive) -> Predictive:
    """Return the forecast of outcomes over overlapping windows: nothing of their scatter is their own."""
    return Predictive(predictive.quantiles, np.ones_like(predictive.shared))

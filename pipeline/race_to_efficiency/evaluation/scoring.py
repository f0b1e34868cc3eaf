"""Proper scoring rules for quantile forecasts, samples and probabilities, vectorised over forecasts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from race_to_efficiency.arrays import Floats

LEVELS: tuple[float, ...] = (0.01, 0.025, *(round(0.05 * k, 2) for k in range(1, 20)), 0.975, 0.99)
"""The 23 quantile levels every forecast carries: 11 central intervals and the median."""

QUANTILE_COLUMNS: tuple[str, ...] = tuple(f"q{level:g}" for level in LEVELS)
"""Columns of predicted quantiles in tables: q0.01 to q0.99, in the order of `LEVELS`."""

COVERAGE_LEVELS: tuple[float, ...] = (0.5, 0.8, 0.95)
"""Central intervals whose coverage is reported."""


@dataclass(frozen=True)
class WisParts:
    """The weighted interval score and the three parts it is the sum of, one entry a forecast.

    Parameters
    ----------
    wis, dispersion, overprediction, underprediction : (n,) float, unit of the target
        ``wis = dispersion + overprediction + underprediction``.
    """

    wis: Floats
    dispersion: Floats
    overprediction: Floats
    underprediction: Floats


def _checked(observed: ArrayLike, predicted: ArrayLike, levels: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Return (n,) outcomes, (n, k) quantiles and (k,) levels as float64, or say which of them is off."""
    y = np.atleast_1d(np.asarray(observed, dtype=np.float64))
    tau = np.asarray(levels, dtype=np.float64)
    q = np.atleast_2d(np.asarray(predicted, dtype=np.float64))
    if tau.ndim != 1 or np.any(np.diff(tau) <= 0) or np.any((tau <= 0) | (tau >= 1)):
        raise ValueError(f"levels must rise strictly inside (0, 1), got {tau.tolist()}")
    if q.shape != (y.size, tau.size):
        raise ValueError(f"predicted must be ({y.size}, {tau.size}), got shape {q.shape}")
    if not (np.isfinite(y).all() and np.isfinite(q).all()):
        raise ValueError("observed and predicted must be finite")
    if np.any(np.diff(q, axis=1) < 0):
        raise ValueError(f"predicted quantiles cross in row {int(np.argmax((np.diff(q, axis=1) < 0).any(axis=1)))}")
    return y, q, tau


def quantile_score(observed: ArrayLike, predicted: ArrayLike, levels: ArrayLike = LEVELS) -> Floats:
    """Return the pinball loss of each quantile.

    Parameters
    ----------
    observed : (n,) float
    predicted : (n, k) float, same unit
        Quantiles, not crossing.
    levels : (k,) float
        Quantile levels, rising, inside (0, 1).

    Returns
    -------
    (n, k) float, unit of the target

    Raises
    ------
    ValueError
        When shapes differ, a value is not finite, levels do not rise or quantiles cross.

    References
    ----------
    Gneiting & Raftery (2007), Strictly proper scoring rules, prediction, and estimation, eq. (40).
    """
    y, q, tau = _checked(observed, predicted, levels)
    error = y[:, None] - q
    return np.maximum(tau * error, (tau - 1.0) * error)


def weighted_interval_score(observed: ArrayLike, predicted: ArrayLike, levels: ArrayLike = LEVELS) -> WisParts:
    """Return the weighted interval score with its parts: dispersion, over- and underprediction.

    Parameters
    ----------
    observed : (n,) float
    predicted : (n, k) float, same unit
        Quantiles at symmetric levels with the median among them.
    levels : (k,) float

    Returns
    -------
    WisParts
        Overprediction is the penalty for outcomes below the forecast.

    Raises
    ------
    ValueError
        As `quantile_score`; also when the levels are not symmetric about a median.

    References
    ----------
    Bracher, Ray, Gneiting & Reich (2021), Evaluating epidemic forecasts in an interval format, eqs. (1) to (3).
    """
    y, q, tau = _checked(observed, predicted, levels)
    if tau.size % 2 == 0 or not np.allclose(tau, 1.0 - tau[::-1], rtol=0.0, atol=1e-12):
        raise ValueError(f"levels must be symmetric about 0.5 and hold it, got {tau.tolist()}")
    half = tau.size // 2
    median, low, high = q[:, half], q[:, :half], q[:, :half:-1]
    # alpha/2 times the interval score is tau (high - low) + the distance outside, because alpha = 2 tau
    dispersion = (tau[:half] * (high - low)).sum(axis=1)
    over = np.maximum(low - y[:, None], 0.0).sum(axis=1) + 0.5 * np.maximum(median - y, 0.0)
    under = np.maximum(y[:, None] - high, 0.0).sum(axis=1) + 0.5 * np.maximum(y - median, 0.0)
    weight = half + 0.5
    return WisParts((dispersion + over + under) / weight, dispersion / weight, over / weight, under / weight)


def crps_quantile(observed: ArrayLike, predicted: ArrayLike, levels: ArrayLike = LEVELS) -> Floats:
    """Return the continuous ranked probability score approximated from quantiles.

    Twice the pinball losses are integrated over the levels by trapezoids; the two tails keep the outermost quantile.
    What is given, returned (one score an outcome) and refused is as in `quantile_score`.

    References
    ----------
    Laio & Tamea (2007), Verification tools for probabilistic forecasts of continuous hydrological variables: the CRPS
    is the integral of twice the pinball loss over the levels.
    """
    loss = 2.0 * quantile_score(observed, predicted, levels)
    y, q, tau = _checked(observed, predicted, levels)
    inner = (0.5 * (loss[:, 1:] + loss[:, :-1]) * np.diff(tau)).sum(axis=1)
    # over a tail of width w with a constant quantile: the integral of 2 tau e (or 2 (1 - tau) |e|) has a closed form
    first, last = y - q[:, 0], y - q[:, -1]
    a, b = tau[0], 1.0 - tau[-1]
    low_tail = np.where(first >= 0, a * a * first, -(2.0 * a - a * a) * first)
    high_tail = np.where(last >= 0, (2.0 * b - b * b) * last, -b * b * last)
    return np.asarray(low_tail + inner + high_tail)


def interval_coverage(observed: ArrayLike, low: ArrayLike, high: ArrayLike) -> NDArray[np.bool_]:
    """Return whether each outcome lies inside its closed interval, as an (n,) array of bool."""
    y = np.asarray(observed, dtype=np.float64)
    return np.asarray((y >= np.asarray(low)) & (y <= np.asarray(high)))


def central_interval(predicted: ArrayLike, level: float, levels: ArrayLike = LEVELS) -> tuple[Floats, Floats]:
    """Return the two ends, each (n,), of the central interval at ``level`` out of (n, k) quantiles.

    Raises
    ------
    ValueError
        When the quantiles hold no such interval.
    """
    tau = np.asarray(levels, dtype=np.float64)
    q = np.atleast_2d(np.asarray(predicted, dtype=np.float64))
    ends = [np.flatnonzero(np.isclose(tau, end, rtol=0.0, atol=1e-9)) for end in (0.5 - level / 2, 0.5 + level / 2)]
    if any(found.size != 1 for found in ends):
        raise ValueError(f"level must be one of the central intervals of the quantile levels, got {level!r}")
    return q[:, ends[0][0]], q[:, ends[1][0]]


def pit(observed: ArrayLike, predicted: ArrayLike, levels: ArrayLike = LEVELS) -> Floats:
    """Return the probability integral transform, (F(y-) + F(y))/2, by linear interpolation between quantiles.

    Parameters
    ----------
    observed : (n,) float
    predicted : (n, k) float, same unit
    levels : (k,) float

    Returns
    -------
    (n,) float in (0, 1)
        A point mass (several levels with one value) gives the middle of its jump, so a record that stays where it was
        is not counted as a surprise. Outside the outermost quantiles: the middle of the tail.

    References
    ----------
    Czado, Gneiting & Held (2009), Predictive model assessment for count data: the mid-point form of the PIT.
    """
    y, q, tau = _checked(observed, predicted, levels)
    values = np.empty(y.size)
    for i, (outcome, row) in enumerate(zip(y, q, strict=True)):
        left, right = np.searchsorted(row, outcome, side="left"), np.searchsorted(row, outcome, side="right")
        if right > left:
            # the outcome equals one or several quantiles; a jump at an end reaches halfway into the tail
            low = tau[left] if left else (0.0 if right - left > 1 else tau[0])
            high = tau[right - 1] if right < tau.size else (1.0 if right - left > 1 else tau[-1])
            values[i] = 0.5 * (low + high)
        elif left == 0:
            values[i] = 0.5 * tau[0]
        elif left == tau.size:
            values[i] = 0.5 * (1.0 + tau[-1])
        else:
            share = (outcome - row[left - 1]) / (row[left] - row[left - 1])
            values[i] = tau[left - 1] + share * (tau[left] - tau[left - 1])
    return values


def skill(score: float, reference: float) -> float:
    """Return 1 - score/reference: the share of the reference's score saved; negative when worse, NaN without one."""
    if not (np.isfinite(score) and np.isfinite(reference)) or reference <= 0:
        return float("nan")
    return 1.0 - score / reference


def brier_score(outcome: ArrayLike, probability: ArrayLike) -> Floats:
    """Return (p - o)^2 for outcomes o in {0, 1}.

    Raises
    ------
    ValueError
        When a probability lies outside [0, 1] or an outcome is neither 0 nor 1.

    References
    ----------
    Brier (1950), Verification of forecasts expressed in terms of probability.
    """
    o, p = np.asarray(outcome, dtype=np.float64), np.asarray(probability, dtype=np.float64)
    if np.any((p < 0) | (p > 1)) or np.any(~np.isfinite(p)):
        raise ValueError(f"probability must lie in [0, 1], got {probability!r}")
    if np.any((o != 0) & (o != 1)):
        raise ValueError(f"outcome must be 0 or 1, got {outcome!r}")
    return np.asarray((p - o) ** 2)

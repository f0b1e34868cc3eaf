"""G(t, gamma), the integral of 2^(gamma s) from 0 to t, and its logarithm, exact where the printed form fails.

The printed quotient (2^(gamma t) - 1)/(gamma ln 2) is 0/0 at gamma = 0, loses every digit near it, and overflows once
gamma t > 1023. Everything here goes through phi(z) = (e^z - 1)/z with z = gamma t ln 2, which is entire.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.equation.domain import LN2, FloatArray, duration, finite, scalar_or_array

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

_TERMS = 19
_EXCESS: FloatArray = np.asarray(np.cumprod(1.0 / np.arange(2.0, _TERMS + 2.0)), dtype=np.float64)
"""1/(n + 1)! for n = 1, 2, ...: Taylor coefficients of phi(z) - 1; 19 of them reach 1e-18 at |z| = 1."""
_SLOPE: FloatArray = _EXCESS * np.arange(1.0, _TERMS + 1.0)
"""n/(n + 1)!: Taylor coefficients of phi'(z)."""

_HALVES = 700.0
"""Above this exponent e^z is formed as the product of two halves, so that only a true overflow gives infinity."""


def _horner(coefficients: FloatArray, z: FloatArray) -> FloatArray:
    total = np.full_like(z, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        total = total * z + coefficient
    return total


def exponent(t: FloatArray, rate: FloatArray) -> FloatArray:
    """Return z = rate t ln 2, with 0 (not NaN) where one of the two is 0 and the other infinite."""
    with np.errstate(all="ignore"):
        z = rate * t * LN2
    return np.where((rate == 0.0) | (t == 0.0), 0.0, z)


def phi(z: FloatArray) -> FloatArray:
    """Return (e^z - 1)/z, the mean of e^(z u) over u in [0, 1]: 1 at z = 0.

    Parameters
    ----------
    z : (...) float, dimensionless
        Any real number; infinities give the limits 0 and infinity.

    Returns
    -------
    (...) float, dimensionless
    """
    with np.errstate(all="ignore"):
        value = np.where(z == 0.0, 1.0, np.expm1(z) / np.where(z == 0.0, 1.0, z))
        if np.any(z > _HALVES):
            half = np.exp(0.5 * z)
            value = np.where(z > _HALVES, half / z * half, value)
            value = np.where(z == np.inf, np.inf, value)
    return value


def log_phi(z: FloatArray) -> FloatArray:
    """Return ln phi(z) without forming e^z for large z, to full relative precision near z = 0.

    Parameters
    ----------
    z : (...) float, dimensionless

    Returns
    -------
    (...) float, dimensionless
        The cumulant generating function of a uniform variable on [0, 1]: convex, increasing, slope 1/2 at 0.
    """
    with np.errstate(all="ignore"):
        size = np.abs(z)
        far = np.maximum(size, 1.0)
        tail = np.log1p(-np.exp(-far)) - np.log(far)
        outside = np.where(z > 0.0, far + tail, tail)
        near = np.clip(z, -1.0, 1.0)
        inside = np.log1p(near * _horner(_EXCESS, near))
    value = np.where(size < 1.0, inside, outside)
    return np.where(z == np.inf, np.inf, value)


def log_phi_slope(z: FloatArray) -> FloatArray:
    """Return phi'(z)/phi(z), which rises from 0 through 1/2 at z = 0 to 1; all dimensionless."""
    with np.errstate(all="ignore"):
        near = np.clip(z, -1.0, 1.0)
        inside = _horner(_SLOPE, near) / (1.0 + near * _horner(_EXCESS, near))
        far = np.where(np.abs(z) < 1.0, 1.0, z)
        outside = -1.0 / np.expm1(-far) - 1.0 / far
    return np.where(np.abs(z) < 1.0, inside, outside)


def growth_integral(t: ArrayLike, gamma: ArrayLike) -> FloatArray:
    """Integral of 2^(gamma s) over s from 0 to t: years of baseline-efficiency work done in t years.

    Parameters
    ----------
    t : (...) float, years
        At least 0; infinity gives the limit.
    gamma : (...) float, doublings/year
        Efficiency-doubling rate, of either sign.

    Returns
    -------
    (...) float, years
        Infinity when the value exceeds the largest float64.

    Raises
    ------
    ValueError
        When t is negative or gamma not finite.

    References
    ----------
    Lu (2025), "The Race to Efficiency", arXiv 2501.02156.
    """
    years, rate = duration("t", t), finite("gamma", gamma)
    return scalar_or_array(growth(years, rate))


def growth(t: FloatArray, rate: FloatArray) -> FloatArray:
    """Return `growth_integral` for arguments already checked."""
    z = exponent(t, rate)
    with np.errstate(all="ignore"):
        risen = np.expm1(z)
        still = (rate == 0.0) | (z == 0.0)
        near = t * np.where(still, 1.0, risen / np.where(still, 1.0, z))
        per_year = np.where(still, 1.0, rate) * LN2
        value = np.where((np.abs(z) < 1.0) | still, near, risen / per_year)
        if np.any(z > _HALVES):
            half = np.exp(0.5 * z)
            value = np.where(z > _HALVES, half / per_year * half, value)
            value = np.where(z == np.inf, np.inf, value)
    return value


def log_growth(t: FloatArray, rate: FloatArray) -> FloatArray:
    """Return ln G(t, rate) for arguments already checked; -inf at t = 0."""
    z = exponent(t, rate)
    with np.errstate(all="ignore"):
        size = np.maximum(np.abs(z), 1.0)
        slope = np.log(np.where(rate == 0.0, 1.0, np.abs(rate))) + np.log(LN2)
        far = np.where(z > 0.0, size, 0.0) + np.log1p(-np.exp(-size)) - slope
        near = np.log(t) + log_phi(np.clip(z, -1.0, 1.0))
    return np.where((np.abs(z) < 1.0) | (rate == 0.0), near, far)


def constant_path(t: FloatArray, rate: FloatArray, fleet: FloatArray, baseline_years: FloatArray) -> FloatArray:
    """Return ln(1 + (fleet/baseline_years) G(t, rate)) for checked arguments: the paper's equation without its power.

    Parameters
    ----------
    t : (...) float, years
    rate : (...) float, doublings/year
    fleet : (...) float, multiples of the baseline fleet
    baseline_years : (...) float, years

    Returns
    -------
    (...) float, nats
    """
    with np.errstate(all="ignore"):
        added = (fleet / baseline_years) * growth(t, rate)
        idle = (fleet == 0.0) | (t == 0.0)
        value = np.where(idle, 0.0, np.log1p(added))
        lost = ~(added < np.inf) & ~idle
        if np.any(lost):
            in_logs = np.log(fleet) - np.log(baseline_years) + log_growth(t, rate)
            value = np.where(lost, np.logaddexp(0.0, in_logs), value)
    return value

"""Efficiency that saturates: E(t) with a headroom of Y doublings, its level and its mean.

Four shapes, all with slope gamma at t = 0 and, for gamma > 0, the ceiling 2^Y:

- hard:        log2 E = min(gamma t, Y)
- exponential: log2 E = Y (1 - exp(-gamma t/Y)); its integral needs the exponential integral E1
- tanh:        log2 E = Y tanh(gamma t/Y); its integral needs E1 and Ei
- logistic:    E = (1 + K)/(1 + K exp(-g t ln 2)), K = 2^Y - 1, g = gamma (1 + K)/K

Integrals come as ln of the MEAN of E over [0, t]: t times its exponential loses no digit at small t, and nothing
overflows at a large headroom. Below, c = Y ln 2, z = gamma t ln 2 and u = z/c.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from race_to_efficiency.equation.domain import LN2, FloatArray
from race_to_efficiency.equation.growth import exponent, log_phi

Saturation = Literal["hard", "exponential", "logistic", "tanh"]
SATURATIONS: tuple[Saturation, ...] = get_args(Saturation)

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(24)
_LARGE = 50.0
"""Above this the scaled exponential integrals come from a continued fraction and an asymptotic series."""
_TINY = 1e-8
"""Below this E1(x) and Ei(x) are -+(Euler's constant + ln x) + x to rounding."""
_TERMS = 34
_BIGGEST, _SMALLEST = 1e300, 1e-290
"""Exponents are clipped to +-1e300, and c to at least 1e-290, where the ceiling 2^Y is 1 to rounding."""


def log_efficiency(t: FloatArray, gamma: FloatArray, headroom: FloatArray, kind: Saturation) -> FloatArray:
    """Return ln E(t)/E0 under a headroom.

    Parameters
    ----------
    t : (...) float, years
        Finite.
    gamma : (...) float, doublings/year
    headroom : (...) float, doublings
        Greater than 0.
    kind : {"hard", "exponential", "logistic", "tanh"}

    Returns
    -------
    (...) float, nats
    """
    z, c, u, s = _exponents(t, gamma, headroom)
    with np.errstate(all="ignore"):
        if kind == "hard":
            return np.minimum(z, c)
        if kind == "exponential":
            return np.maximum(-c * np.expm1(-u), -_BIGGEST)
        if kind == "tanh":
            return np.asarray(c * np.tanh(u), dtype=np.float64)
        return -np.logaddexp(-c, _log_one_minus_exp(c) - s)


def efficiency_slope(t: FloatArray, gamma: FloatArray, headroom: FloatArray, kind: Saturation) -> FloatArray:
    """Return dlnE/dt in 1/years, for arguments as in `log_efficiency`; at the hard cap's knee, the slope before it."""
    z, c, u, s = _exponents(t, gamma, headroom)
    with np.errstate(all="ignore"):
        if kind == "hard":
            return gamma * LN2 * (z <= c)
        if kind == "exponential":
            return np.asarray(gamma * LN2 * np.exp(-u), dtype=np.float64)
        if kind == "tanh":
            return np.asarray(gamma * LN2 / np.cosh(u) ** 2, dtype=np.float64)
        below = _log_one_minus_exp(c) - s
        return gamma * LN2 / -np.expm1(-c) * np.exp(below - np.logaddexp(-c, below))


def log_mean_efficiency(t: FloatArray, gamma: FloatArray, headroom: FloatArray, kind: Saturation) -> FloatArray:
    """Return ln of the mean of E(s)/E0 over s in [0, t].

    Parameters
    ----------
    t, gamma, headroom, kind
        As in `log_efficiency`.

    Returns
    -------
    (...) float, nats

    References
    ----------
    Abramowitz & Stegun (1964), "Handbook of Mathematical Functions", chapter 5, for E1 and Ei.
    """
    z, c, u, s = np.broadcast_arrays(*_exponents(t, gamma, headroom))
    with np.errstate(all="ignore"):
        if kind == "hard":
            return _hard(z, c)
        if kind == "logistic":
            return np.where(s == 0.0, 0.0, _logistic(s, c))
        mean = _exponential(u, c) if kind == "exponential" else _tanh(u, c)
        return np.where(u == 0.0, 0.0, mean)


def _exponents(
    t: FloatArray, gamma: FloatArray, headroom: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return z, c, u = z/c and the logistic's s = g t ln2, each clipped so that no infinity arises."""
    c = np.clip(headroom * LN2, _SMALLEST, _BIGGEST)
    z = np.clip(exponent(t, gamma), -_BIGGEST, _BIGGEST)
    with np.errstate(all="ignore"):
        u = np.clip(z / c, -_BIGGEST, _BIGGEST)
        return z, c, u, np.clip(z / -np.expm1(-c), -_BIGGEST, _BIGGEST)


def _log_one_minus_exp(c: FloatArray) -> FloatArray:
    """Return ln(1 - e^-c), right also where e^-c rounds to 1."""
    return np.where(c < 0.5, np.log(-np.expm1(-c)), np.log1p(-np.exp(-c)))


def _hard(z: FloatArray, c: FloatArray) -> FloatArray:
    share = np.where(z > c, c / np.where(z > 0.0, z, 1.0), 1.0)
    at_ceiling = np.where(share < 1.0, np.log1p(-share) + c, -np.inf)
    return np.logaddexp(np.log(share) + log_phi(np.minimum(z, c)), at_ceiling)


def _logistic(s: FloatArray, c: FloatArray) -> FloatArray:
    # mean = e^c/s ln(1 + q), q = (e^s - 1) e^-c; without log1p it loses 0.3 Y digits
    q = np.where(s > 30.0, np.exp(s - c), np.expm1(np.minimum(s, 30.0)) * np.exp(-c))
    q = np.where(q == 0.0, np.finfo(np.float64).tiny, q)
    before = log_phi(s) + np.log(np.log1p(q) / q)
    after = c + np.log(np.logaddexp(_log_one_minus_exp(c), s - c) / s)
    return np.where((q > 1.0) | (q < -0.5), after, before)


def _exponential(u: FloatArray, c: FloatArray) -> FloatArray:
    # integral of exp(c (1 - e^-v)) over v in [0, u] is e^lift e1(a) - e1(c), a = c e^-u, e1(x) = e^x E1(x)
    a, lift = c * np.exp(-u), -c * np.expm1(-u)
    here, start = _scaled_e1(a, np.log(c) - u), _scaled_e1(c, np.log(c))
    rising = lift + np.log(here - np.exp(-lift) * start)
    falling = np.log(start - np.exp(lift) * here)
    closed = np.where(u > 0.0, rising, falling) - np.log(np.abs(u))
    return np.where((np.abs(lift) < 1.0) & (np.abs(u) < 1.5), _quadrature(u, c, "exponential"), closed)


def _tanh(signed: FloatArray, c: FloatArray) -> FloatArray:
    # with w = tanh v the integral of e^(c tanh v) is half of
    # the sum of e^c times (E1(c (1 - w)) - E1(c)) and e^-c times (Ei(c (1 + w)) - Ei(c));
    # for gamma < 0 the sign of c turns and the two brackets change places
    u = np.abs(signed)
    w, log_short = np.tanh(u), np.log(2.0) - np.logaddexp(2.0 * u, 0.0)
    short, long, drop = c * np.exp(log_short), c * (1.0 + w), np.exp(-c * w)
    e1_start, ei_start = _scaled_e1(c, np.log(c)), _scaled_ei(c, np.log(c))
    rising = _scaled_e1(short, np.log(c) + log_short) - drop * e1_start
    rising = c * w + np.log(0.5 * (rising + _scaled_ei(long, np.log(long)) - drop * ei_start))
    falling = ei_start - drop * _scaled_ei(short, np.log(c) + log_short)
    falling = np.log(0.5 * (falling + e1_start - drop * _scaled_e1(long, np.log(long))))
    closed = np.where(signed > 0.0, rising, falling) - np.log(u)
    closed = np.where(c > 1.0, closed, _tanh_series(u, np.sign(signed) * c))
    return np.where((c * w < 1.0) & (u < 1.5), _quadrature(signed, c, "tanh"), closed)


def _tanh_series(u: FloatArray, c: FloatArray) -> FloatArray:
    # sum of c^n/n! I_n, I_n = integral of tanh^n: I_0 = u, I_1 = ln cosh u, I_n = I_(n-2) - tanh^(n-1)/(n - 1)
    w = np.tanh(u)
    even, odd = u, np.logaddexp(2.0 * u, 0.0) - u - np.log(2.0)
    total, factor, power = u + c * odd, c, np.ones_like(w)
    for n in range(2, 22):
        power, factor = power * w, factor * c / n
        even, odd = odd, even - power / (n - 1)
        total = total + factor * odd
    return np.asarray(np.log(total / u), dtype=np.float64)


def _quadrature(u: FloatArray, c: FloatArray, kind: Saturation) -> FloatArray:
    # Gauss-Legendre where the closed forms cancel: E moves by less than a factor e there, 24 nodes are exact
    total = np.zeros_like(u)
    for node, weight in zip(0.5 * (_NODES + 1.0), 0.5 * _WEIGHTS, strict=True):
        rise = np.tanh(u * node) if kind == "tanh" else -np.expm1(-u * node)
        total = total + weight * np.expm1(np.clip(c * rise, -2.0, 2.0))
    return np.log1p(total)


def _scaled_e1(x: FloatArray, log_x: FloatArray) -> FloatArray:
    """Return e^x E1(x); ``log_x`` keeps it right where x itself has underflowed."""
    from scipy.special import exp1

    middle, large = np.clip(x, _TINY, _LARGE), np.maximum(x, _LARGE)
    fraction = np.zeros_like(large)
    for k in range(_TERMS, 0, -1):  # continued fraction, Abramowitz & Stegun 5.1.22 in its contracted form
        fraction = k * k / (large + 2.0 * k + 1.0 - fraction)
    value = np.where(x > _LARGE, 1.0 / (large + 1.0 - fraction), np.exp(middle) * exp1(middle))
    return np.where(x < _TINY, np.exp(x) * (x - np.euler_gamma - log_x), value)


def _scaled_ei(x: FloatArray, log_x: FloatArray) -> FloatArray:
    """Return e^-x Ei(x); ``log_x`` keeps it right where x itself has underflowed."""
    from scipy.special import expi

    middle, large = np.clip(x, _TINY, _LARGE), np.maximum(x, _LARGE)
    total, term = np.ones_like(large), np.ones_like(large)
    for k in range(1, _TERMS):  # asymptotic series, Abramowitz & Stegun 5.1.51
        term = term * k / large
        total = total + term
    value = np.where(x > _LARGE, total / large, np.exp(-middle) * expi(middle))
    return np.where(x < _TINY, np.exp(-x) * (x + np.euler_gamma + log_x), value)

"""Growing, delayed or stepped fleets under smoothly saturating efficiency: no stable closed form, so by quadrature."""

from __future__ import annotations

import numpy as np

from race_to_efficiency.equation.domain import LN2, FloatArray
from race_to_efficiency.equation.growth import exponent, log_phi
from race_to_efficiency.equation.saturation import Saturation, log_efficiency

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(24)
_ROUNDED = 40.0
"""e^-40 is below rounding: a shape that far past its bend follows its limiting slope."""
_GONE = 800.0
"""Nats below which efficiency has underflowed."""
_SPAN, _MOST = 3.0, 3000.0
"""Largest change of the exponent, in nats or bends, within a panel (24 nodes are exact to rounding) and in all."""


def log_mean_rate(
    start: FloatArray, length: FloatArray, gamma: FloatArray, growth: FloatArray, headroom: FloatArray, kind: Saturation
) -> FloatArray:
    """Return ln of the mean of 2^(growth s) E(s)/E0 over s in [start, start + length].

    Parameters
    ----------
    start, length : (...) float, years
    gamma : (...) float, doublings/year
    growth : (...) float, doublings/year
        Growth of the fleet's power.
    headroom : (...) float, doublings
    kind : {"exponential", "logistic", "tanh"}

    Returns
    -------
    (...) float, nats
    """
    start, length, gamma, growth, headroom = np.broadcast_arrays(start, length, gamma, growth, headroom)
    with np.errstate(all="ignore"):
        bend, bends, limit = _bends(gamma, np.maximum(headroom * LN2, 1e-290), kind)
        curved = np.where(gamma == 0.0, 0.0, np.clip(bends * bend - start, 0.0, length))
        straight = length - curved
        knee = start + curved
        end_level = log_efficiency(knee, gamma, headroom, kind)
        fall = np.abs(end_level - log_efficiency(start, gamma, headroom, kind))
        change = np.where(curved > 0.0, np.abs(growth) * LN2 * curved + fall + curved / bend, 0.0)
        count = int(np.ceil(np.max(np.fmin(change, _MOST), initial=0.0) / _SPAN)) + 1
        inner = _panels(start, curved, gamma, growth, headroom, kind, count)
        outer = end_level + exponent(knee, growth) + log_phi(exponent(straight, limit + growth))
        total = np.logaddexp(
            np.where(curved > 0.0, np.log(curved) + inner, -np.inf),
            np.where(straight > 0.0, np.log(straight) + outer, -np.inf),
        )
        return np.where(length > 0.0, total - np.log(length), 0.0)


def _bends(gamma: FloatArray, c: FloatArray, kind: Saturation) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the years of one bend of E, how many bends until it is straight, and its slope then (doublings/year)."""
    rising = gamma >= 0.0
    if kind == "logistic":
        open_share = -np.expm1(-c)
        until = np.where(rising, c + _ROUNDED, _ROUNDED - np.log(open_share))
        return open_share / (np.abs(gamma) * LN2), until, np.where(rising, 0.0, gamma / open_share)
    bend = c / (np.abs(gamma) * LN2)
    if kind == "tanh":
        return bend, 0.5 * (_ROUNDED + np.log(np.maximum(c, 1.0))), np.zeros_like(bend)
    until = np.where(rising, _ROUNDED + np.log(np.maximum(c, 1.0)), np.log1p(_GONE / c))
    return bend, until, np.where(rising, 0.0, -np.inf)


def _panels(
    start: FloatArray,
    length: FloatArray,
    gamma: FloatArray,
    growth: FloatArray,
    headroom: FloatArray,
    kind: Saturation,
    count: int,
) -> FloatArray:
    total = np.full(length.shape, -np.inf)
    for panel in range(count):
        for node, weight in zip(_NODES, _WEIGHTS, strict=True):
            share = (panel + 0.5 * (node + 1.0)) / count
            s = start + share * length
            level = log_efficiency(s, gamma, headroom, kind) + exponent(s, growth)
            total = np.logaddexp(total, level + np.log(0.5 * weight / count))
    return total

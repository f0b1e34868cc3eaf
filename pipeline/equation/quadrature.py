"""A growing fleet under smoothly saturating efficiency: the one path without a closed form, by composite quadrature."""

from __future__ import annotations

import numpy as np

from pipeline.equation.domain import LN2, FloatArray
from pipeline.equation.growth import exponent, log_phi
from pipeline.equation.saturation import Saturation, log_efficiency

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(24)
_SETTLED = 40.0
"""After this many turning times Y/|gamma| every shape has reached its limiting slope (e^-40 is below rounding)."""
_SPAN = 3.0
"""Largest change of the exponent, in nats or turning times, within one panel: 24 nodes are exact to rounding there."""


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
        turning = headroom / np.abs(gamma)
        curved = np.clip(_SETTLED * turning - start, 0.0, length)
        straight = length - curved
        inner = np.log(curved) + _panels(start, curved, gamma, growth, headroom, kind)
        knee = start + curved
        slope = np.where(gamma < 0.0, _falling_slope(gamma, headroom, kind), 0.0) + growth
        outer = (
            log_efficiency(knee, gamma, headroom, kind) + exponent(knee, growth) + log_phi(exponent(straight, slope))
        )
        outer = np.where(straight > 0.0, np.log(straight) + outer, -np.inf)
        total = np.logaddexp(np.where(curved > 0.0, inner, -np.inf), outer) - np.log(length)
    return np.where(length > 0.0, total, 0.0)


def _falling_slope(gamma: FloatArray, headroom: FloatArray, kind: Saturation) -> FloatArray | float:
    if kind == "logistic":
        return gamma / -np.expm1(-headroom * LN2)
    return 0.0 if kind == "tanh" else -np.inf


def _panels(
    start: FloatArray, length: FloatArray, gamma: FloatArray, growth: FloatArray, headroom: FloatArray, kind: Saturation
) -> FloatArray:
    turns = np.nan_to_num(length * np.abs(gamma) / headroom)
    change = np.abs(growth) * LN2 * length + np.abs(log_efficiency(start + length, gamma, headroom, kind)) + turns
    count = int(np.ceil(np.max(np.minimum(change, 3000.0), initial=0.0) / _SPAN)) + 1
    total = np.full(length.shape, -np.inf)
    for panel in range(count):
        for node, weight in zip(_NODES, _WEIGHTS, strict=True):
            share = (panel + 0.5 * (node + 1.0)) / count
            s = start + share * length
            level = log_efficiency(s, gamma, headroom, kind) + exponent(s, growth)
            total = np.logaddexp(total, level + np.log(0.5 * weight / count))
    return total

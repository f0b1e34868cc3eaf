"""Several distributions made one: their quantiles averaged, or their probabilities mixed.

A distribution is its quantiles at `scoring.LEVELS`, joined by straight lines and carried on to levels 0 and 1 at the
slope of the outermost pair. Equal quantiles are a point mass.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.evaluation.predictive import TAU, Predictive

if TYPE_CHECKING:
    from collections.abc import Sequence

    from race_to_efficiency.arrays import Floats

_LEVELS = np.concatenate([[0.0], TAU, [1.0]])


def average(quantiles: Floats, weights: Floats) -> Floats:
    """Return the weighted average of (m, 23) quantiles, level by level; weights (m,) add up to 1.

    References
    ----------
    Vincent (1912); Lichtendahl, Grushka-Cockayne & Winkler (2013), Is it better to average probabilities or quantiles?
    """
    # averages of equal numbers may differ by a rounding; quantiles must not cross
    return np.asarray(np.maximum.accumulate(weights @ quantiles))


def mixture(quantiles: Floats, weights: Floats) -> Floats:
    """Return the (23,) quantiles of the mixture of m distributions: wide where they disagree.

    Parameters
    ----------
    quantiles : (m, 23) float
    weights : (m,) float
        Adding up to 1.

    References
    ----------
    Stone (1961), The opinion pool.
    """
    knots = extended(quantiles)
    at = np.unique(knots)
    below, upto = np.zeros(at.size), np.zeros(at.size)
    for knot, weight in zip(knots, weights, strict=True):
        below += weight * _reached(knot, at, "left")
        upto += weight * _reached(knot, at, "right")
    # at a point mass the distribution steps from what lies below it to what lies up to it
    mass, value = np.column_stack([below, upto]).ravel(), np.repeat(at, 2)
    return np.asarray(np.interp(TAU, mass, value))


def extended(quantiles: Floats) -> Floats:
    """Return (m, 25) knots of (m, 23) quantiles: with the ends at levels 0 and 1."""
    low = quantiles[:, :1] - (quantiles[:, 1:2] - quantiles[:, :1]) * TAU[0] / (TAU[1] - TAU[0])
    high = quantiles[:, -1:] + (quantiles[:, -1:] - quantiles[:, -2:-1]) * (1.0 - TAU[-1]) / (TAU[-1] - TAU[-2])
    return np.hstack([low, quantiles, high])


def _reached(knot: Floats, at: Floats, side: str) -> Floats:
    """Return the probability below (left) or up to (right) each value, (k,)."""
    index = np.searchsorted(knot, at, side=side)  # type: ignore[call-overload]
    first, last = np.clip(index - 1, 0, None), np.clip(index, None, knot.size - 1)
    width = knot[last] - knot[first]
    share = np.divide(at - knot[first], width, out=np.zeros_like(at), where=width > 0)
    inside = _LEVELS[first] + share * (_LEVELS[last] - _LEVELS[first])
    return np.where(index == 0, 0.0, np.where(index == knot.size, 1.0, inside))


def probability_up_to(quantiles: Floats, value: float) -> float:
    """Return the probability of at most a value under (23,) quantiles; 0 or 1 beyond the ends."""
    return float(_reached(extended(quantiles[None])[0], np.array([value]), "right")[0])


def hurdle(quantiles: Floats, weights: Floats, standing: float) -> Floats:
    """Return the (23,) quantiles of a record: the chance that it stays is mixed, how far it rises is averaged.

    Parameters
    ----------
    quantiles : (m, 23) float
        None below ``standing``.
    weights : (m,) float
        Adding up to 1.
    standing : float
        The record today: a point mass, which averaged with one member that is sure of a new record would be gone.
    """
    knots = extended(quantiles)
    stays = np.array([_reached(knot, np.array([standing]), "right")[0] for knot in knots])
    chance = float(weights @ stays)
    rising = chance < TAU
    found = np.full(TAU.size, standing)
    if rising.any():
        level = (TAU[rising] - chance) / (1.0 - chance)
        weight = weights * (1.0 - stays) / (1.0 - chance)
        parts = [np.interp(stay + level * (1.0 - stay), _LEVELS, knot) for stay, knot in zip(stays, knots, strict=True)]
        found[rising] = weight @ np.array(parts)
    return np.asarray(np.maximum.accumulate(np.maximum(found, standing)))


def combine(members: Sequence[Predictive], weights: Floats, standing: float | None = None) -> Predictive:
    """Return the members' weighted average.

    Parameters
    ----------
    members : sequence of m Predictive
    weights : (m, h) float
        Adding up to 1 at every horizon.
    standing : float, optional
        Of a record; see `hurdle`. Quantiles are averaged level by level where there is none.
    """
    stacked = np.array([one.quantiles for one in members])
    rows = [
        average(stacked[:, h], weight) if standing is None else hurdle(stacked[:, h], weight, standing)
        for h, weight in enumerate(weights.T)
    ]
    shared = (weights * [one.shared for one in members]).sum(axis=0)
    return Predictive(np.array(rows), np.minimum(shared, 1.0))

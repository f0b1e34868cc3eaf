"""Exact quantiles of many draws, faster than sorting: bucket, count, sort only the buckets that matter.

The definition is Hyndman & Fan's type 7 (numpy's "linear"), and the result equals `np.quantile` bit for bit on the
same values, because the order statistics are exact and the interpolation is numpy's own, operation by operation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

BUCKETS = 4096
"""Enough that a bucket of 100,000 draws holds some dozens; small enough that the counts stay in the cache."""

SMALL = 16_384
"""Below this many values numpy's own partition is as fast."""


def order_statistics(values: Floats, ranks: NDArray[np.intp]) -> Floats:
    """Return the values at given ranks of the sorted order, without sorting.

    Parameters
    ----------
    values : (n,) float
        Finite; left as they are.
    ranks : (k,) int, increasing, 0 = smallest

    Returns
    -------
    (k,) float
    """
    low, high = float(values.min()), float(values.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ValueError(f"values must be finite, got a range of {low!r} to {high!r}")
    spread = high - low
    scale = (BUCKETS - 1) / spread if spread > 0 else 0.0
    if values.size < SMALL or not (np.isfinite(spread) and np.isfinite(scale)):
        return np.asarray(np.partition(values, np.unique(ranks))[ranks], dtype=np.float64)
    # Subtraction, multiplication by a positive constant and truncation are monotone in floating point too, so a
    # bucket holds exactly the values between two ranks.
    position = values - low
    position *= scale
    bucket = position.astype(np.int16)
    ends = np.cumsum(np.bincount(bucket, minlength=BUCKETS))
    wanted = np.searchsorted(ends, ranks, side="right")
    found = np.empty(ranks.size)
    for number in np.unique(wanted):
        inside = values[bucket == number]
        here = wanted == number
        local = ranks[here] - (ends[number] - inside.size)
        found[here] = np.partition(inside, np.unique(local))[local]
    return found


def exact_quantiles(values: Floats, levels: Sequence[float] | Floats) -> Floats:
    """Return quantiles equal bit for bit to ``np.quantile(values, levels)``.

    Parameters
    ----------
    values : (n,) float
        Finite draws, n >= 1.
    levels : (k,) float, in [0, 1]

    Returns
    -------
    (k,) float, in the unit of ``values``

    Raises
    ------
    ValueError
        When a level lies outside [0, 1], or a value is NaN or infinite.

    References
    ----------
    Hyndman & Fan (1996), Sample quantiles in statistical packages, type 7.
    """
    low, high, weight = _neighbours(values.size, levels)
    ranks, back = np.unique(np.concatenate([low, high]), return_inverse=True)
    found = order_statistics(np.ascontiguousarray(values, dtype=np.float64), ranks)[back]
    return _interpolate(found[: low.size], found[low.size :], weight)


def quantiles_with_infinity(values: Floats, levels: Sequence[float] | Floats) -> Floats:
    """Return quantiles of values of which some may be +inf ("never"): an infinite neighbour gives inf, never NaN.

    Parameters
    ----------
    values : (n,) float
        Draws such as years to a target; +inf where it is never reached.
    levels : (k,) float, in [0, 1]

    Returns
    -------
    (k,) float

    Raises
    ------
    ValueError
        When a value is NaN or -inf.
    """
    if np.isnan(values).any() or np.isneginf(values).any():
        raise ValueError("values must be numbers or +inf, got NaN or -inf among them")
    low, high, weight = _neighbours(values.size, levels)
    ordered = np.sort(values)
    below, above = ordered[low], ordered[high]
    safe = np.isfinite(above)
    result = np.where(weight > 0, above, below)
    result[safe] = _interpolate(below[safe], above[safe], weight[safe])
    return result


def _neighbours(
    n: int, levels: Sequence[float] | Floats
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """Return the ranks on either side of each quantile and the weight of the upper one."""
    probabilities = np.asarray(levels, dtype=np.float64)
    if n < 1:
        raise ValueError("values must not be empty")
    if probabilities.size and not (probabilities.min() >= 0 and probabilities.max() <= 1):
        raise ValueError(f"levels must lie in [0, 1], got {levels!r}")
    virtual = (n - 1) * probabilities
    low = np.floor(virtual)
    weight = virtual - low
    ranks = low.astype(np.intp)
    return ranks, np.minimum(ranks + 1, n - 1), weight


def _interpolate(below: Floats, above: Floats, weight: Floats) -> Floats:
    """Interpolate as numpy does: from the nearer neighbour, so that the ends are met exactly."""
    difference = above - below
    return np.where(weight >= 0.5, above - difference * (1 - weight), below + difference * weight)

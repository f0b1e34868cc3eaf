"""The root of an increasing function, for all cells of an array at once: Newton steps inside a shrinking bracket."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from race_to_efficiency.equation.domain import FloatArray

_STEPS = 300
_RESOLUTION = 1e-15
_NEAR, _EVERY = 1e-3, 4
"""Far from the root every fourth step halves the bracket, so that no shape of f can stall Newton's steps."""


def increasing_root(
    function: Callable[[FloatArray], tuple[FloatArray, FloatArray]], low: FloatArray, high: FloatArray
) -> FloatArray:
    """Return x with f(x) = 0 for an increasing f with f(low) <= 0 <= f(high), cell by cell.

    Parameters
    ----------
    function : callable
        Returns (f, df/dx) at an array of x.
    low, high : (...) float
        Finite brackets.

    Returns
    -------
    (...) float
        Newton's step where it stays inside the bracket, else its middle.
    """
    low, high = np.array(low, dtype=np.float64), np.array(high, dtype=np.float64)
    x = 0.5 * (low + high)
    for number in range(_STEPS):
        value, slope = function(x)
        low, high = np.where(value <= 0.0, x, low), np.where(value >= 0.0, x, high)
        with np.errstate(all="ignore"):
            newton = x - value / slope
        near = np.abs(newton - x) <= _NEAR * (1.0 + np.abs(x))
        usable = (newton >= low) & (newton <= high) & (near | (number % _EVERY != 0))
        step = np.where(usable, newton, 0.5 * (low + high)) - x
        step = np.where(value == 0.0, 0.0, step)
        x = x + step
        if np.all(np.abs(step) <= _RESOLUTION * (1.0 + np.abs(x))):
            break
    return x

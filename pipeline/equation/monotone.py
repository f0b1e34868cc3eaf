"""The root of an increasing function, for all cells of an array at once: Newton steps inside a shrinking bracket."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.equation.domain import FloatArray

_STEPS = 200


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
        Newton's step where it stays inside the bracket and shrinks fast enough, else the middle.
    """
    low, high = np.array(low, dtype=np.float64), np.array(high, dtype=np.float64)
    x, width = 0.5 * (low + high), high - low
    for _ in range(_STEPS):
        value, slope = function(x)
        low, high = np.where(value <= 0.0, x, low), np.where(value >= 0.0, x, high)
        with np.errstate(all="ignore"):
            newton = x - value / slope
        inside = (newton > low) & (newton < high) & (np.abs(newton - x) <= 0.5 * width)
        step = np.where(inside, newton, 0.5 * (low + high)) - x
        step = np.where(value == 0.0, 0.0, step)
        x, width = x + step, np.abs(step)
        if np.all((width <= 4e-16 * np.abs(x)) | (high - low <= 4e-16 * np.abs(x))):
            break
    return x

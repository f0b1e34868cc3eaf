"""The domain of every argument: a value outside is refused by name, so that no NaN can travel through a forecast."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
"""Array of float64; a numpy float64 scalar comes back when every input is a scalar."""

LN2 = float(np.log(2.0))

PAPER_KAPPA = 0.05
"""The paper's kappa: alpha_C = 0.050 of Kaplan et al. (2020), arXiv 2001.08361."""


class DomainError(ValueError):
    """An argument lies outside its domain.

    Parameters
    ----------
    argument : str
    rule : str
        What it must be, and what was given: the rest of the sentence that begins with its name.
    """

    def __init__(self, argument: str, rule: str) -> None:
        super().__init__(argument, rule)
        self.argument = argument

    def __str__(self) -> str:
        """Return the sentence."""
        return " ".join(self.args)


def numbers(name: str, value: ArrayLike) -> FloatArray:
    """Return ``value`` as float64; a NaN or a text that is no number is refused by name.

    Raises
    ------
    ValueError
        Names the argument and the offending value.
    """
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise DomainError(name, f"must be a number or an array of numbers, got {value!r}") from None
    _refuse(name, array, np.isnan(array), "be a number")
    return array


def finite(name: str, value: ArrayLike) -> FloatArray:
    """Return ``value`` as float64, refusing NaN and infinity."""
    array = _plain(value)
    if array is None or not np.isfinite(array).all():
        array = numbers(name, value)
        _refuse(name, array, np.isinf(array), "be finite")
    return array


def positive(name: str, value: ArrayLike) -> FloatArray:
    """Return ``value`` as float64, refusing what is not finite and greater than 0."""
    array = finite(name, value)
    _refuse(name, array, array <= 0.0, "be greater than 0")
    return array


def non_negative(name: str, value: ArrayLike) -> FloatArray:
    """Return ``value`` as float64, refusing what is not finite and at least 0."""
    array = finite(name, value)
    _refuse(name, array, array < 0.0, "be at least 0")
    return array


def duration(name: str, value: ArrayLike) -> FloatArray:
    """Return a time span in years as float64: at least 0; infinity stands for "for ever"."""
    array = numbers(name, value)
    _refuse(name, array, array < 0.0, "be at least 0 years")
    return array


def unit_interval(name: str, value: ArrayLike, *, zero: bool, one: bool) -> FloatArray:
    """Return ``value`` as float64 inside (0, 1); ``zero`` and ``one`` say whether the ends belong to it."""
    array = numbers(name, value)
    low = array < 0.0 if zero else array <= 0.0
    high = array > 1.0 if one else array >= 1.0
    _refuse(name, array, low | high, f"lie in {'[' if zero else '('}0, 1{']' if one else ')'}")
    return array


def scalar_or_array(value: ArrayLike) -> FloatArray:
    """Return a 0-d array as a numpy scalar and every other array as it is."""
    result: FloatArray = np.asarray(value, dtype=np.float64)[()]
    return result


def _plain(value: ArrayLike) -> FloatArray | None:
    """Return ``value`` as float64; None where it is no number: who asked finds the words for it."""
    try:
        return np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        return None


def _refuse(name: str, array: FloatArray, bad: NDArray[np.bool_], rule: str) -> None:
    if bad.any():
        raise DomainError(name, f"must {rule}, got {float(array[bad].flat[0])!r}")

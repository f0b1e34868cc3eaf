"""A run is never counted twice: the same parameters, tokens and loss under another name or in another source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from race_to_efficiency.arrays import Floats

_LOSS_DIGITS = 3
_EXACT_DIGITS = 9
_ALL_PAIRS = 20_000


@dataclass(frozen=True)
class Duplicate:
    """A row that repeats an earlier one.

    Parameters
    ----------
    row, first : int
        Row numbers: the repetition and the first row it repeats.
    """

    row: int
    first: int


def rounding(values: ArrayLike) -> Floats:
    """Return half a unit of the last written digit of each value (its rounding error), (n,).

    A value written with nine digits or more counts as exact.
    """
    halves = []
    for value in np.asarray(values, dtype=np.float64).tolist():
        mantissa, exponent = _shortest(value)
        digits = _digits(mantissa)
        halves.append(0.5 * 10.0 ** (int(exponent) - digits + 1) if digits < _EXACT_DIGITS else 0.0)
    return np.array(halves)


def _digits(mantissa: str) -> int:
    """Return the number of significant digits of a mantissa."""
    return len(mantissa.replace(".", "").replace("-", "").rstrip("0")) or 1


def _shortest(value: float) -> tuple[str, str]:
    """Return mantissa and exponent of the shortest text that reads back as ``value``."""
    mantissa, exponent = np.format_float_scientific(value, unique=True).split("e")
    return mantissa, exponent


def significant_digits(values: ArrayLike) -> NDArray[np.int64]:
    """Return how many significant digits each value is written with, (n,)."""
    values = np.asarray(values, dtype=np.float64)
    return np.array([_digits(_shortest(value)[0]) for value in values.tolist()], dtype=np.int64)


def find_duplicates(params: Floats, tokens: Floats, loss: Floats) -> list[Duplicate]:
    """Return the rows whose params, tokens and loss all equal an earlier row's, up to the rounding they are written in.

    Two runs of one size on one budget have equal params and tokens but different losses (seeds alone scatter by about
    1e-3), so all three must agree, and a loss of fewer than three digits identifies nothing.

    Parameters
    ----------
    params, tokens, loss : (n,) float
    """
    columns = [np.asarray(column, dtype=np.float64) for column in (params, tokens, loss)]
    if len(columns[0]) > _ALL_PAIRS:
        return _exact(columns)
    halves = [rounding(column) for column in columns]
    telling = significant_digits(columns[2]) >= _LOSS_DIGITS
    order = np.argsort(columns[2], kind="stable")
    widest = float(halves[2][telling].max(initial=0.0))
    first: dict[int, int] = {}
    for at, row in enumerate(order):
        if not telling[row]:
            continue
        for other in order[at + 1 :]:
            if columns[2][other] - columns[2][row] > 2.0 * widest:
                break
            if telling[other] and _same(columns, halves, row, other):
                early, late = sorted((int(row), int(other)))
                first[late] = min(first.get(late, early), early)
    return [Duplicate(row, first[row]) for row in sorted(first)]


def _same(columns: Sequence[Floats], halves: Sequence[Floats], row: int, other: int) -> bool:
    """Return whether two rows agree to within the coarser rounding of each figure."""
    return all(
        abs(column[row] - column[other]) <= max(half[row], half[other]) * (1 + 1e-9)
        for column, half in zip(columns, halves, strict=True)
    )


def _exact(columns: Sequence[Floats]) -> list[Duplicate]:
    """Return exact repetitions (for tables too long to compare pair by pair)."""
    marks = np.zeros(len(columns[0]), dtype=np.uint64)
    for column in columns:  # rows that are equal have one mark; nearly all others are told apart by it
        marks = (marks ^ np.ascontiguousarray(column).view(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
        marks ^= marks >> np.uint64(29)
    ordered = np.sort(marks)
    twice = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    rows = np.flatnonzero(np.isin(marks, twice)) if len(twice) else np.empty(0, dtype=np.intp)
    if not len(rows):
        return []
    stacked = np.stack([column[rows] for column in columns], axis=1)
    _, first, inverse = np.unique(stacked, axis=0, return_index=True, return_inverse=True)
    seen = rows[first[inverse.ravel()]]
    return [Duplicate(int(row), int(earlier)) for row, earlier in zip(rows, seen, strict=True) if row != earlier]

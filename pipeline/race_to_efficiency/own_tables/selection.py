"""Which rows an expression takes: comparisons of a column with a number or word, or flags. Parsed, never evaluated."""

from __future__ import annotations

import operator
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.cells.numbers import read_numbers
from race_to_efficiency.errors import UsageError
from race_to_efficiency.named_options import Option, Words

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from race_to_efficiency.cells.table import Table

    Mask = NDArray[np.bool_]

FLAG_COLUMNS = ("run_flags", "flags", "flag")

_COMPARISON = re.compile(r"^(?P<column>.+?)\s*(?P<sign><=|>=|==|!=|<|>|=)\s*(?P<value>.+)$")
_AND = re.compile(r"\s+and\s+", re.IGNORECASE)
_SIGNS: dict[str, Callable[[Any, float], Mask]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_TRUE = ("true", "yes", "1", "y")


def selected_rows(text: str, table: Table, known: Mapping[str, NDArray[np.float64]], *, option: Option) -> Mask:
    """Return the rows ``loss > 4``, ``dataset == C4 and tokens < 1e9``, or a flag such as ``diverged`` takes, (n,).

    Parameters
    ----------
    text : str
    table : Table
    known : mapping of str to (n,) float
        Quantities already read, which may go by another name in the table.
    option : Option
        Option the expression was given to, for errors.

    Raises
    ------
    UsageError
        When the column or flag is unknown, or a number is compared with a word.
    """
    rows = np.ones(len(table), dtype=np.bool_)
    for part in _AND.split(text.strip()):
        rows &= _one(part.strip(), table, known, option)
    return rows


def _one(part: str, table: Table, known: Mapping[str, NDArray[np.float64]], option: Option) -> Mask:
    """Return the rows one comparison or flag takes."""
    match = _COMPARISON.match(part)
    if match is None:
        return _flagged(part, table, option)
    column, sign, value = match["column"].strip(), match["sign"], match["value"].strip().strip("'\"")
    if column not in known and table.place(column) is None:
        raise UsageError(Words(option, f": there is no column '{column}'"), why=f"columns: {', '.join(table.header)}")
    number = read_numbers(np.array([value], dtype=object), dimension=None).value[0]
    figures = known[column] if column in known else table.numbers(column, None).value
    if sign in ("==", "=", "!="):
        words = np.zeros(len(table), dtype=np.bool_) if column in known else table.texts(column) == value
        return np.asarray((words | (figures == number)) != (sign == "!="))
    if np.isnan(number):
        raise UsageError(
            Words(option, f": '{value}' is not a number"), why=f"{sign} compares numbers", remedy="use == for words"
        )
    return np.asarray(_SIGNS[sign](figures, number))


def _flagged(flag: str, table: Table, option: Option) -> Mask:
    """Return the rows that carry a flag: in a flag column, or as a column of yes and no."""
    if table.place(flag) is not None:
        return np.array([cell.lower() in _TRUE for cell in table.texts(flag)], dtype=np.bool_)
    rows = np.zeros(len(table), dtype=np.bool_)
    found: set[str] = set()
    for name in FLAG_COLUMNS:
        for row, cell in enumerate(table.texts(name) if table.place(name) is not None else ()):
            flags = {word.strip() for word in cell.split(";")}
            found |= flags
            rows[row] |= flag in flags or any(word.startswith(f"{flag}=") for word in flags)
    if not rows.any():
        known = ", ".join(sorted(found - {""})[:12])
        raise UsageError(
            Words(option, f": no row has the flag '{flag}'"),
            why=f"flags: {known}" if known else f"there is no column {' or '.join(FLAG_COLUMNS)}",
            remedy="write a comparison such as 'loss > 4', or one of the flags",
        )
    return rows

"""A ledger's cells, read strictly: text becomes a number, a count, a date or a flag, or an error that names the rule.

This happens before the schema sees the table, so one cell that cannot be read never hides what is wrong with another.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from typing import TYPE_CHECKING, Any

from race_to_efficiency.cells.numbers import PLAIN
from race_to_efficiency.cells.text import CONTROL, CellError

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_TEXT_CHARACTERS = 20_000
"""Longest text a cell may hold; longer cells are quarantined, never cut."""

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_LARGEST_COUNT = 2**53


def parse_cell(kind: str, text: str, *, required: bool = False, max_characters: int = MAX_TEXT_CHARACTERS) -> Any:
    """Return a cell's value: float, int, date, bool or str; None for an empty cell (text: the empty text).

    Parameters
    ----------
    kind : {'text', 'number', 'count', 'date', 'flag'}
    text : str
    required : bool
        Whether an empty cell breaks a rule.
    max_characters : int

    Raises
    ------
    CellError
        When the text cannot be read as the kind, or a required cell is empty.
    """
    if required and not text.strip():
        raise CellError("required")
    if kind == "text":
        return _text(text, max_characters)
    stripped = text.strip()
    return _PARSERS[kind](stripped) if stripped else None


def _text(text: str, max_characters: int) -> str:
    if len(text) > max_characters:
        raise CellError(f"at most {max_characters} characters")
    if CONTROL.search(text):
        raise CellError("no control characters")
    return text


def _number(text: str) -> float:
    if not PLAIN.fullmatch(text):
        raise CellError("finite" if text.lower().lstrip("+-") in {"inf", "infinity", "nan"} else "number")
    value = float(text)
    if not math.isfinite(value):
        raise CellError("finite")
    return value


def _count(text: str) -> int:
    value = _number(text)
    if value != int(value) or abs(value) > _LARGEST_COUNT:
        raise CellError("whole number")
    return int(value)


def _date(text: str) -> dt.date:
    if not _DATE.fullmatch(text):
        raise CellError("ISO date")
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise CellError("calendar date") from None


def is_date(text: str) -> bool:
    """Tell whether ``text`` is a calendar date written YYYY-MM-DD."""
    try:
        _date(text)
    except CellError:
        return False
    return True


def _flag(text: str) -> bool:
    if text.lower() not in {"true", "false"}:
        raise CellError("true or false")
    return text.lower() == "true"


_PARSERS: dict[str, Callable[[str], Any]] = {"number": _number, "count": _count, "date": _date, "flag": _flag}

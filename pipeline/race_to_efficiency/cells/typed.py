"""Cell by cell: text becomes a number, a count, a date or a flag, or a finding that names the cell.

This happens before the schema sees the table, so one cell that cannot be read never hides what is wrong with another.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from typing import TYPE_CHECKING, Any

from race_to_efficiency.ledger.metadata import MAX_TEXT_CHARACTERS

if TYPE_CHECKING:
    from race_to_efficiency.ledger.metadata import Column

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_LARGEST_COUNT = 2**53


class CellError(ValueError):
    """A cell's text is not what its column holds; ``rule`` names the rule it breaks."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


def parse_cell(column: Column, text: str, *, max_characters: int = MAX_TEXT_CHARACTERS) -> Any:
    """Return a cell's value: float, int, date, bool or str; None for an empty cell (text: the empty text).

    Raises
    ------
    CellError
        When the text cannot be read as the column's kind, or a required cell is empty.
    """
    if column.kind == "text":
        return _text(column, text, max_characters)
    stripped = text.strip()
    if not stripped:
        if column.required:
            raise CellError("required")
        return None
    return _PARSERS[column.kind](stripped)


def _text(column: Column, text: str, max_characters: int) -> str:
    if column.required and not text.strip():
        raise CellError("required")
    if len(text) > max_characters:
        raise CellError(f"at most {max_characters} characters")
    if _CONTROL.search(text):
        raise CellError("no control characters")
    return text


def _number(text: str) -> float:
    if not _NUMBER.fullmatch(text):
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


def _flag(text: str) -> bool:
    if text.lower() not in {"true", "false"}:
        raise CellError("true or false")
    return text.lower() == "true"


_PARSERS: dict[str, Any] = {"number": _number, "count": _count, "date": _date, "flag": _flag}

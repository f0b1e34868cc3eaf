"""How publishers write numbers, dates and text, and what they mean by it."""

from __future__ import annotations

import datetime as dt
import math
import re

from race_to_efficiency.ledger.lines import number_text, tidy

MISSING_WORDS = frozenset({"", "-", "–", "—", "n/a", "na", "nan", "none", "null", "tbd", "unknown", "?"})
"""Texts that stand for an unknown number or date."""

UNITS: dict[str, dict[str, float]] = {
    "byte": {
        "byte": 1,
        "bytes": 1,
        "b": 1,
        "kb": 1e3,
        "mb": 1e6,
        "gb": 1e9,
        "tb": 1e12,
        "gib": 2.0**30,
        "mib": 2.0**20,
    },
    "byte/s": {"byte/s": 1, "bytes/s": 1, "b/s": 1, "mb/s": 1e6, "gb/s": 1e9, "tb/s": 1e12},
    "op/s": {
        "flop/s": 1,
        "flops": 1,
        "op/s": 1,
        "ops": 1,
        "gflop/s": 1e9,
        "gflops": 1e9,
        "gop/s": 1e9,
        "gops": 1e9,
        "tflop/s": 1e12,
        "tflops": 1e12,
        "top/s": 1e12,
        "tops": 1e12,
        "pflop/s": 1e15,
        "pflops": 1e15,
        "pops": 1e15,
    },
    "flop": {"flop": 1, "flops": 1, "petaflop": 1e15, "petaflop/s-days": 8.64e19},
    "w": {"w": 1, "watt": 1, "watts": 1, "kw": 1e3, "mw": 1e6},
    "mm^2": {"mm^2": 1, "mm2": 1, "mm²": 1, "cm^2": 100},
    "nm": {"nm": 1, "um": 1e3, "µm": 1e3},
    "million": {"millions": 1, "million": 1, "in millions": 1, "billions": 1e3, "billion": 1e3},
    "usd": {"usd": 1, "$": 1, "us$": 1, "thousand usd": 1e3},
    "hour": {"hours": 1, "h": 1, "days": 24},
}
"""Factors by dimension: how many base units one of the publisher's is."""

_PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_GROUPED = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?", re.ASCII)
_LISTED = re.compile(r"[\d.eE+-]+(\s*,\s*[\d.eE+-]+)+", re.ASCII)
_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ].*)?", re.ASCII)
_SLASHED = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4}|\d{2})(?: .*)?", re.ASCII)
_MONTH_FIRST = re.compile(r"([A-Za-z]{3,9})\.? (\d{1,2}),? (\d{4})")
_DAY_FIRST = re.compile(r"(\d{1,2})[ -]([A-Za-z]{3,9})\.?[ -](\d{4})")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


class SeveralNumbersError(ValueError):
    """A cell lists different numbers where the ledger has room for one."""


def plain_text(text: str) -> str:
    """Return a cell's text with blanks and line breaks tidied and a spreadsheet's ``="..."`` wrapping removed."""
    stripped = tidy(text)
    if len(stripped) > 2 and stripped.startswith('="') and stripped.endswith('"'):
        return tidy(stripped[2:-1].replace('""', '"'))
    return stripped


def number_cell(text: str, *, factor: float = 1.0, divisor: float = 1.0) -> str:
    """Return a published number as ledger text; empty for unknown, and for zero, which publishers write for unknown.

    Parameters
    ----------
    text : str
        ``1.979e15``, ``11,458``, ``$11,458.00``, ``46 %``, ``=700``.
    factor, divisor : float
        The value times `factor`, then over `divisor`: two steps, so that bytes become the same GB everywhere.

    Raises
    ------
    SeveralNumbersError
        When it lists numbers that differ.
    ValueError
        When the text is no finite number; its message is the rule.
    """
    cleaned = plain_text(text).removeprefix("=").strip().strip('"').removeprefix("$").replace("US$", "").strip()
    if cleaned.lower() in MISSING_WORDS:
        return ""
    percent = cleaned.endswith("%")
    cleaned = cleaned.removesuffix("%").strip()
    if _GROUPED.fullmatch(cleaned):
        cleaned = cleaned.replace(",", "")
    elif _LISTED.fullmatch(cleaned):
        cleaned = _one_of(cleaned)
    if not _PLAIN.fullmatch(cleaned):
        raise ValueError("finite" if cleaned.lower().lstrip("+-") in {"inf", "infinity"} else "number")
    value = float(cleaned) * factor / divisor / (100.0 if percent else 1.0)
    if not math.isfinite(value):
        raise ValueError("finite")
    return number_text(value) if value else ""


def _one_of(listed: str) -> str:
    """Return the one number a list repeats; joining its digits would invent another."""
    parts = {part.strip() for part in listed.split(",")}
    if len(parts) > 1:
        raise SeveralNumbersError("several numbers")
    return parts.pop()


def date_cell(text: str, *, day_first: bool = False) -> str:
    """Return a published date as ISO text; empty for unknown.

    Parameters
    ----------
    text : str
        ``2024-03-18`` (a time may follow), ``3/18/2024``, ``March 18, 2024``, ``18 Mar 2024``.
    day_first : bool
        Whether ``3/4/2024`` is the third of April.

    Raises
    ------
    ValueError
        When the text is no date of these styles, or the day does not exist; its message is the rule.
    """
    cleaned = plain_text(text).removeprefix("=").strip('"')
    if cleaned.lower() in MISSING_WORDS:
        return ""
    year, month, day = _date_parts(cleaned, day_first=day_first)
    try:
        return dt.date(year, month, day).isoformat()
    except ValueError:
        raise ValueError("calendar date") from None


def _date_parts(text: str, *, day_first: bool) -> tuple[int, int, int]:
    if match := _ISO.fullmatch(text):
        return int(match[1]), int(match[2]), int(match[3])
    if match := _SLASHED.fullmatch(text):
        first, second, year = int(match[1]), int(match[2]), int(match[3])
        year += 0 if year > 99 else 2000 if year < 70 else 1900
        return (year, second, first) if day_first or first > 12 else (year, first, second)
    if match := _MONTH_FIRST.fullmatch(text):
        return int(match[3]), _month(match[1]), int(match[2])
    if match := _DAY_FIRST.fullmatch(text):
        return int(match[3]), _month(match[2]), int(match[1])
    raise ValueError("date (ISO, month/day/year or with the month's name)")


def _month(name: str) -> int:
    if name[:3].lower() not in _MONTHS:
        raise ValueError("calendar date")
    return _MONTHS.index(name[:3].lower()) + 1


def is_day_first(texts: list[str]) -> bool:
    """Return whether a column of slashed dates puts the day first: one first part above 12 decides for all."""
    firsts = [int(match[1]) for match in map(_SLASHED.fullmatch, map(plain_text, texts)) if match]
    seconds = [int(match[2]) for match in map(_SLASHED.fullmatch, map(plain_text, texts)) if match]
    return max(firsts, default=0) > 12 and max(seconds, default=0) <= 12

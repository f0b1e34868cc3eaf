"""Dates in an analyst's table: ISO, decimal years, months by name, and numeric dates whose order the column settles."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Literal

import numpy as np

from race_to_efficiency.errors import DataInvalid
from race_to_efficiency.units import add_years, decimal_year

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from race_to_efficiency.calibration.common.series import Floats

Order = Literal["day_first", "month_first"]

_MONTH_NAMES = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
_MONTHS = {word: number for number, name in enumerate(_MONTH_NAMES, start=1) for word in (name, name[:3])} | {"sept": 9}
_ISO = re.compile(r"^(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T ][\d:.]+(?:Z|[+-]\d\d:?\d\d)?)?$")
_MONTH = re.compile(r"^(\d{4})[-/](\d{1,2})$")
_DECIMAL = re.compile(r"^(\d{4})\.(\d+)$")
_YEAR = re.compile(r"^(\d{4})$")
_NUMERIC = re.compile(r"^(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})(?:[T ][\d:.]+)?$")
_WORDS = re.compile(r"[A-Za-z]+|\d+")
_MID_MONTH = 15

MISSING = "missing"
"""Rule of an empty cell: left out and counted, not wrong."""


@dataclass(frozen=True)
class Dates:
    """A column of dates read one by one.

    Parameters
    ----------
    day : (n,) datetime64[D]
        NaT where a cell could not be read.
    decimal : (n,) float, decimal years
        The date as a decimal year; a decimal year in the file is kept to all its digits.
    problems : dict of int to str
        Position of each unreadable cell and why.
    notes : tuple of str
        How the column was read where that was a choice.
    """

    day: NDArray[np.datetime64]
    decimal: Floats
    problems: dict[int, str]
    notes: tuple[str, ...]


def read_dates(cells: Sequence[str], *, order: Order | None = None, where: str = "") -> Dates:
    """Read a column of dates; a date that could mean two days is refused, never guessed.

    Parameters
    ----------
    cells : sequence of str
    order : {'day_first', 'month_first'}, optional
        Meaning of 03/04/2021; without it the column's own unambiguous dates decide.
    where : str
        File and column, for errors.

    Returns
    -------
    Dates

    Raises
    ------
    DataInvalid
        When numeric dates can be read in two ways and nothing in the column settles it, or it settles it both ways.
    """
    texts = [cell.strip().strip('"') for cell in cells]
    order, notes = _settle(texts, order, where)
    fractions = any(_DECIMAL.match(text) for text in texts)
    days = np.full(len(texts), np.datetime64("NaT"), dtype="datetime64[D]")
    decimals = np.full(len(texts), np.nan)
    problems: dict[int, str] = {}
    whole_years = False
    for index, text in enumerate(texts):
        if not text:
            problems[index] = MISSING
            continue
        year_only = _YEAR.match(text)
        if _DECIMAL.match(text) or (year_only and fractions):
            decimals[index] = float(text)
            days[index] = np.datetime64(add_years(date(int(text[:4]), 1, 1), float(text) - int(text[:4])))
            continue
        whole_years |= bool(year_only)
        day = _one(text, order)
        if day is None or not 1900 <= day.year <= 2100:
            problems[index] = f"'{text}' is not a date between 1900 and 2100 in a style that can be read"
            continue
        days[index], decimals[index] = np.datetime64(day), decimal_year(day)
    if whole_years:
        notes = (*notes, "years without a month were taken at mid-year")
    return Dates(days, decimals, problems, notes)


def _settle(texts: Sequence[str], order: Order | None, where: str) -> tuple[Order | None, tuple[str, ...]]:
    """Return which number of a numeric date is the day, from the dates where only one reading exists."""
    pairs = [(int(found[1]), int(found[2])) for text in texts if (found := _NUMERIC.match(text))]
    if not pairs:
        return order, ()
    if order is not None:
        return order, (f"numeric dates were read {order.replace('_', ' ')}, as asked",)
    day_first = any(first > 12 for first, _ in pairs)
    month_first = any(second > 12 for _, second in pairs)
    if day_first and month_first:
        raise DataInvalid(
            "the dates contradict one another",
            where=where,
            why="some numeric dates can only be day/month, others only month/day",
            remedy="write the dates as YYYY-MM-DD",
        )
    if not (day_first or month_first) and any(first != second for first, second in pairs):
        example = next(text for text in texts if _NUMERIC.match(text))
        raise DataInvalid(
            f"'{example}' can be read in two ways",
            where=where,
            why="no date in the column tells day from month",
            remedy="give --date-order day_first or month_first, or write the dates as YYYY-MM-DD",
        )
    settled: Order = "day_first" if day_first else "month_first"
    return settled, (f"numeric dates were read {settled.replace('_', ' ')}: some allow no other reading",)


def _one(text: str, order: Order | None) -> date | None:
    """Return one calendar date, or None when the text is none."""
    if found := _ISO.match(text):
        return _date(int(found[1]), int(found[2]), int(found[3]))
    if found := _MONTH.match(text):
        return _date(int(found[1]), int(found[2]), _MID_MONTH)
    if found := _YEAR.match(text):
        return _date(int(found[1]), 7, 2)
    if found := _NUMERIC.match(text):
        first, second, year = int(found[1]), int(found[2]), int(found[3])
        return _date(year, second, first) if order == "day_first" else _date(year, first, second)
    return _named(text)


def _named(text: str) -> date | None:
    """Return a date with the month in letters: 1 May 2024, May 1, 2024, May 2024, 01-May-2024."""
    words = [word.lower() for word in _WORDS.findall(text)]
    months = [_MONTHS[word] for word in words if word in _MONTHS]
    numbers = [word for word in words if word.isdigit()]
    if len(months) != 1 or len(words) - len(numbers) > 2:
        return None
    years = [int(word) for word in numbers if len(word) == 4]
    days = [int(word) for word in numbers if len(word) <= 2]
    if len(years) != 1 or len(days) > 1 or len(years) + len(days) != len(numbers):
        return None
    return _date(years[0], months[0], days[0] if days else _MID_MONTH)


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None

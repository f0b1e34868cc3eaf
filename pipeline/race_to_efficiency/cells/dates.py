"""Dates as people and publishers write them: one cell by its style, or a column that settles day and month."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from race_to_efficiency.cells.text import MISSING, MISSING_WORDS, CellError, text_of_cell
from race_to_efficiency.errors import DataInvalid
from race_to_efficiency.units import decimal_year, decimal_years

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Order = Literal["day_first", "month_first"]
Span = Literal["day", "month", "quarter", "half", "year"]

EARLIEST_YEAR, LATEST_YEAR = 1900, 2100

_MONTH_NAMES = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_MONTHS = {word: number for number, name in enumerate(_MONTH_NAMES, start=1) for word in (name, name[:3])} | {"sept": 9}
_ISO = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T ][\d:.]+ ?(?:Z|UTC|[+-]\d\d:?\d\d)?)?", re.ASCII)
_MONTH = re.compile(r"(\d{4})[-/](\d{1,2})", re.ASCII)
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})", re.ASCII)
_DECIMAL = re.compile(r"\d{4}\.\d+", re.ASCII)
_YEAR = re.compile(r"\d{4}", re.ASCII)
_YEAR_FIRST = (_ISO, _COMPACT, _MONTH, re.compile(r"(\d{4})", re.ASCII))
_PART = re.compile(
    r"([QH])([1-4])[ /'-]*(\d{4}|\d\d)|(\d{4})[ /'-]*([QH])([1-4])|([1-4])([QH])[ /'-]*(\d{4}|\d\d)", re.ASCII
)
_NUMERIC = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4}|\d{2})(?:[T ].*)?", re.ASCII)
_SHORT_YEAR = re.compile(r"([A-Za-z]{3,9})\.?\s*[-'’/]\s*'?(\d\d)", re.ASCII)
"""Apr-12 as spreadsheets show a month: no date states a day and a month alone."""

_ABOUT = re.compile(r"^(?:c\.|ca\.?|circa|about|~|≈)\s*(?=\d)", re.IGNORECASE)
_WORDS = re.compile(r"[A-Za-z]+|\d+", re.ASCII)
_SERIAL = re.compile(r"\d{5}(\.\d+)?", re.ASCII)
_SERIAL_RANGE = (20_000.0, 73_415.0)
"""Excel's day numbers from 1954 to 2100."""

_UNIX = re.compile(r"\d{9,10}(\.\d+)?|\d{12,13}(\.0*)?", re.ASCII)
_UNIX_DAY, _MILLISECONDS_FROM = 86_400.0, 1e11
"""Seconds of a day; a count from here on, the year 5138 in seconds, is of milliseconds."""

_SERIAL_ZERO = date(1899, 12, 30)
_MID_MONTH = 15


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
        Position of each unreadable cell and why; `MISSING` where it states no date.
    notes : tuple of str
        How the column was read where that was a choice.
    """

    day: NDArray[np.datetime64]
    decimal: Floats
    problems: dict[int, str]
    notes: tuple[str, ...]


def one_date(text: str, order: Order | None, *, short_years: bool = False) -> tuple[date, Span] | None:
    """Return a calendar date and what the text states of it; None for a cell that states none.

    A month, a quarter, a half-year or a year without more is taken at its middle.

    Parameters
    ----------
    text : str
        ``2024-03-18`` (a time may follow), ``20240318``, ``2024-03``, ``2024-03-00``, ``2024``, ``Q1 2024``,
        ``2024H1``, ``March 18, 2024``, ``18 Mar 2024``, ``3/18/2024``, ``Mar-24``, ``c. 2024``.
    order : {'day_first', 'month_first'} or None
        Meaning of 03/04/2024.
    short_years : bool
        Read 3/18/24: from 70 on a year of the last century.

    Raises
    ------
    CellError
        When the text is no date of these styles, or the day does not exist.
    """
    cleaned = _ABOUT.sub("", text_of_cell(text).removeprefix("=").strip('"'))
    if cleaned.lower() in MISSING_WORDS:
        return None
    if (found := _SHORT_YEAR.fullmatch(cleaned)) and found[1].lower() in _MONTHS:
        return date(_full_year(found[2]), _MONTHS[found[1].lower()], _MID_MONTH), "month"
    if found := next((found for style in _YEAR_FIRST if (found := style.fullmatch(cleaned))), None):
        year, month, day = (*map(int, found.groups()), 0, 0)[:3]
        return _span(year, month, day)
    if found := _PART.fullmatch(cleaned.upper()):
        return _part_of_year(*[group for group in found.groups() if group])
    if (found := _NUMERIC.fullmatch(cleaned)) and (short_years or len(found[3]) == 4):
        first, second, year = int(found[1]), int(found[2]), _full_year(found[3])
        return _calendar(year, second, first) if order == "day_first" else _calendar(year, first, second)
    return _named(cleaned)


def _full_year(digits: str) -> int:
    """Return a year; of two digits, from 70 on one of the last century."""
    year = int(digits)
    return year + (0 if year > 99 else 2000 if year < 70 else 1900)


def _part_of_year(*groups: str) -> tuple[date, Span]:
    """Return the middle of a quarter or a half: a letter, its number and a year, in any order."""
    letter = next(group for group in groups if group in "QH")
    year = _full_year(next(group for group in groups if len(group) > 1))
    number = next(int(group) for group in groups if len(group) == 1 and group != letter)
    if letter == "Q":
        return date(year, 3 * number - 1, _MID_MONTH), "quarter"
    if number > 2:
        raise CellError("calendar date")
    return date(year, 6 * number - 2, 1), "half"


def _span(year: int, month: int, day: int) -> tuple[date, Span]:
    """Return a date whose day, or month and day, may be 0 for unknown."""
    if not month:
        return _calendar(year, 7, 2)[0], "year"
    return _calendar(year, month, day) if day else (_calendar(year, month, _MID_MONTH)[0], "month")


def _named(text: str) -> tuple[date, Span]:
    """Return a date with the month in letters: 1 May 2024, May 1st, 2024, May 2024, 01-May-2024."""
    words = [word.lower() for word in _WORDS.findall(text)]
    months = [_MONTHS[word] for word in words if word in _MONTHS]
    numbers = [word for word in words if word.isdigit()]
    years = [int(word) for word in numbers if len(word) == 4]
    days = [int(word) for word in numbers if len(word) <= 2]
    if len(months) != 1 or len(words) - len(numbers) > 2 or (len(years), len(years) + len(days)) != (1, len(numbers)):
        raise CellError("date")
    if len(days) > 1:
        raise CellError("date")
    return _calendar(years[0], months[0], days[0]) if days else (date(years[0], months[0], _MID_MONTH), "month")


def _calendar(year: int, month: int, day: int) -> tuple[date, Span]:
    try:
        return date(year, month, day), "day"
    except ValueError:
        raise CellError("calendar date") from None


def settled_order(texts: Iterable[str]) -> Order | None:
    """Return which number of a numeric date is the day, from the dates that allow one reading; None without any.

    Raises
    ------
    CellError
        When some can only be day/month and others only month/day.
    """
    pairs = [(int(found[1]), int(found[2])) for text in texts if (found := _NUMERIC.fullmatch(text))]
    day_first = any(first > 12 for first, _ in pairs)
    month_first = any(second > 12 for _, second in pairs)
    if day_first and month_first:
        raise CellError("column of one order of day and month")
    same = all(first == second for first, second in pairs) and bool(pairs)
    return "day_first" if day_first else "month_first" if month_first or same else None


def read_dates(cells: NDArray[Any] | Sequence[str], *, order: Order | None = None, where: str = "") -> Dates:
    """Read a column of dates; a date that could mean two days is refused, never guessed.

    Parameters
    ----------
    cells : (n,) object, float or datetime64
        Texts, or what the file holds as numbers (decimal years) or dates.
    order : {'day_first', 'month_first'}, optional
        Meaning of 03/04/2021; without it the column's own unambiguous dates decide.
    where : str
        File and column, for errors.

    Raises
    ------
    DataInvalid
        When numeric dates can be read in two ways and nothing in the column settles it, or it settles it both ways.
    """
    if not isinstance(cells, np.ndarray):
        cells = np.array(list(cells), dtype=object)
    if cells.dtype.kind == "M":
        days = cells.astype("datetime64[D]")
        missing = dict.fromkeys(np.flatnonzero(np.isnat(days)).tolist(), MISSING)
        return Dates(days, decimal_years(days), missing, ())
    texts = [str(cell).strip().strip('"') for cell in cells.tolist()]
    if texts and all(map(_DECIMAL.fullmatch, texts)):
        years = np.array(texts, dtype=np.float64)
        if ((years >= EARLIEST_YEAR) & (years < LATEST_YEAR + 1)).all():
            return Dates(_days_of(years), years, {}, ())
    distinct = dict.fromkeys(texts)
    order, notes = _settle(distinct, order, where)
    stated = [text for text in distinct if text.lower() not in MISSING_WORDS]
    serials = next((kind for kind in _COUNTS if stated and all(map(kind.fullmatch, stated))), None)
    fractions = any(_DECIMAL.fullmatch(text) for text in stated)
    found = {text: _found(text, order, serials=serials, fractions=fractions) for text in distinct}
    place = {text: k for k, text in enumerate(distinct)}
    index = np.fromiter((place[text] for text in texts), dtype=np.int64, count=len(texts))
    days = np.array([item[0] for item in found.values()], dtype="datetime64[D]")[index]
    decimal = np.array([item[1] for item in found.values()], dtype=np.float64)[index]
    wrong = {place[text]: why for text, (_, _, why) in found.items() if why not in _SPANS}
    problems = {at: wrong[kind] for at, kind in enumerate(index.tolist()) if kind in wrong} if wrong else {}
    spans = {why for *_, why in found.values()}
    notes += (f"numbers such as {stated[0]} were read as {_COUNTS[serials]}",) if serials else ()
    notes += tuple(_SPANS[span] for span in _SPANS if _SPANS[span] and span in spans)
    return Dates(days, decimal, problems, notes)


_SPANS = {
    "day": "",
    "year": "years without a month were taken at mid-year",
    "half": "half-years were taken at their middle",
    "quarter": "quarters were taken at their middle: Q1 is 15 February",
    "month": "months without a day were taken at mid-month",
}
"""What a text may state of a date, and the note it asks for."""


_COUNTS = {_SERIAL: "Excel's day numbers", _UNIX: "seconds or milliseconds since 1970"}
"""Whole columns of counts."""


def _found(
    text: str, order: Order | None, *, serials: re.Pattern[str] | None, fractions: bool
) -> tuple[np.datetime64, float, str]:
    """Return day, decimal year, and the span read or the rule broken."""
    nothing = np.datetime64("NaT"), float("nan")
    if serials is not None and serials.fullmatch(text):
        day = _counted(float(text), serials)
        if day is None:
            return *nothing, "not one of Excel's day numbers from 1954 to 2100"
        return np.datetime64(day), decimal_year(day), "day"
    if _DECIMAL.fullmatch(text) or (fractions and _YEAR.fullmatch(text)):
        value = float(text)
        if EARLIEST_YEAR <= value < LATEST_YEAR + 1:
            return _days_of(np.array([value]))[0], value, "day"
    try:
        read = one_date(text, order)
    except CellError:
        read = date.min, "day"
    if read is None:
        return *nothing, MISSING
    day, span = read
    if not EARLIEST_YEAR <= day.year <= LATEST_YEAR:
        return *nothing, f"not a date between {EARLIEST_YEAR} and {LATEST_YEAR} in a style that can be read"
    return np.datetime64(day), decimal_year(day), span


def _counted(number: float, kind: re.Pattern[str]) -> date | None:
    """Return the day a count stands for; None for one that no day number is."""
    if kind is _UNIX:
        seconds = number / (1e3 if number >= _MILLISECONDS_FROM else 1.0)
        return date(1970, 1, 1) + timedelta(days=int(seconds // _UNIX_DAY))
    inside = _SERIAL_RANGE[0] <= number <= _SERIAL_RANGE[1]
    return _SERIAL_ZERO + timedelta(days=int(number)) if inside else None


def _days_of(years: Floats) -> NDArray[np.datetime64]:
    """Return the calendar days nearest to decimal years."""
    first = (np.floor(years) - 1970).astype(np.int64).astype("datetime64[Y]")
    start, after = first.astype("datetime64[D]"), (first + 1).astype("datetime64[D]")
    days = np.round((years - np.floor(years)) * (after - start).astype(np.float64)).astype(np.int64)
    return np.asarray(np.minimum(start + days, after))


def _settle(texts: Iterable[str], order: Order | None, where: str) -> tuple[Order | None, tuple[str, ...]]:
    """Return which number of a numeric date is the day, from the dates where only one reading exists."""
    numeric = [text for text in texts if (found := _NUMERIC.fullmatch(text)) and len(found[3]) == 4]
    if not numeric:
        return order, ()
    if order is not None:
        return order, (f"numeric dates were read {order.replace('_', ' ')}, as asked",)
    try:
        settled = settled_order(numeric)
    except CellError:
        raise DataInvalid(
            "the dates contradict one another",
            where=where,
            why="some numeric dates can only be day/month, others only month/day",
            remedy="write the dates as YYYY-MM-DD",
        ) from None
    if settled is None:
        raise DataInvalid(
            f"'{numeric[0]}' can be read in two ways",
            where=where,
            why="no date in the column tells day from month",
            remedy="give --date-order day_first or month_first, or write the dates as YYYY-MM-DD",
        )
    return settled, (f"numeric dates were read {settled.replace('_', ' ')}: some allow no other reading",)

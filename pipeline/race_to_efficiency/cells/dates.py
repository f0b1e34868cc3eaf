"""A column of dates: one order of day and month, counts of days or seconds, and what was taken at its middle."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.cells.date_stretches import SeveralDatesError, Span
from race_to_efficiency.cells.date_styles import Order, needs_order, one_date, settled_order
from race_to_efficiency.cells.text import MISSING, MISSING_WORDS, CellError
from race_to_efficiency.errors import DataInvalid
from race_to_efficiency.named_options import Option, Words
from race_to_efficiency.units import decimal_year, decimal_years

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from race_to_efficiency.arrays import Floats

EARLIEST_YEAR, LATEST_YEAR = 1900, 2100

_DECIMAL = re.compile(r"\d{4}\.\d+", re.ASCII)
_MONTHS_AFTER_A_POINT = re.compile(r"0[1-9]|1[0-2]?")  # a number drops the last digit of October
_FEWEST_DECIMALS = 4
"""Different decimals from which on chance is out: each is that of a month for one in eight years."""

_YEAR = re.compile(r"\d{4}", re.ASCII)
_SERIAL = re.compile(r"\d{5}(\.\d+)?", re.ASCII)
_FOR_NONE = re.compile(r"(?:1900-01-00|0000-00-00|1899-12-3[01]|0001-01-01)(?:[T ]00:00(?::00(?:\.0+)?)?Z?)?")
"""Dates that spreadsheets, MySQL and .NET write where there is none."""
_SERIAL_RANGE = (20_000.0, 73_415.0)
"""Excel's day numbers from 1954 to 2100."""

_UNIX = re.compile(r"\d{9,10}(\.\d+)?|\d{12,13}(\.0*)?", re.ASCII)
_UNIX_DAY, _MILLISECONDS_FROM = 86_400.0, 1e11
"""Seconds of a day; a count from here on, the year 5138 in seconds, is of milliseconds."""

_SERIAL_ZERO = date(1899, 12, 30)


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


def read_dates(cells: NDArray[Any] | Sequence[str], *, order: Order | None = None, where: str = "") -> Dates:
    """Read a column of dates; a date that could mean two days is refused, never guessed.

    Parameters
    ----------
    cells : (n,) object, float or datetime64
        Texts, or what the file holds as numbers (decimal years) or dates.
    order : {'day_first', 'month_first'}, optional
        Meaning of 03/04/2021, and of 03/04/21; without it the column's own unambiguous dates decide, for whole years.
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
            _refuse_months(texts, where)
            return Dates(_days_of(years), years, {}, ())
    distinct = dict.fromkeys(texts)
    short_years = order is not None
    order, notes = _settle(distinct, order, where)
    stated = [text for text in distinct if text.lower() not in MISSING_WORDS]
    serials = next((kind for kind in _COUNTS if stated and all(map(kind.fullmatch, stated))), None)
    fractions = any(_DECIMAL.fullmatch(text) for text in stated)
    found = {
        text: _found(text, order, serials=serials, fractions=fractions, short_years=short_years) for text in distinct
    }
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


def _refuse_months(texts: Sequence[str], where: str) -> None:
    """Refuse decimal years whose decimals are all those of months, 2012.01 to 2012.12: no years fall so by chance."""
    decimals = {text.partition(".")[2] for text in texts}
    if len(decimals) >= _FEWEST_DECIMALS and all(_MONTHS_AFTER_A_POINT.fullmatch(part) for part in decimals):
        raise DataInvalid(
            f"'{texts[0]}' can be read in two ways",
            where=where,
            why="decimal years, or years and months: all decimals lie between .01 and .12",
            remedy="write months as YYYY-MM, decimal years with three decimals",
        )


_SPANS: dict[Span, str] = {
    "day": "",
    "year": "years without a month were taken at mid-year",
    "fiscal year": "fiscal years of two years were taken at the turn of the year, which may be three months off",
    "half": "half-years were taken at their middle",
    "third": "early, mid and late of a year were taken as its thirds, at their middle: 1 March, 2 July, 1 November",
    "season": "seasons were taken as those north of the equator, at their middle: spring is 15 April",
    "quarter": "quarters were taken at their middle: Q1 is 15 February",
    "month": "months without a day were taken at mid-month",
    "part of a month": "early, mid and late of a month were taken as its 5th, 15th and 25th",
    "week": "weeks were counted as ISO 8601 does and taken at their Thursday",
    "range": "ranges were taken at their middle",
}
"""What a text may state of a date, and the note it asks for."""


_COUNTS = {_SERIAL: "Excel's day numbers", _UNIX: "seconds or milliseconds since 1970"}
"""Whole columns of counts."""


def _found(
    text: str, order: Order | None, *, serials: re.Pattern[str] | None, fractions: bool, short_years: bool
) -> tuple[np.datetime64, float, str]:
    """Return day, decimal year, and the span read or the rule broken."""
    nothing = np.datetime64("NaT"), float("nan")
    why = f"not a date between {EARLIEST_YEAR} and {LATEST_YEAR} in a style that can be read"
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
        read = None if _FOR_NONE.fullmatch(text) else one_date(text, order, short_years=short_years)
    except CellError as error:
        return *nothing, error.said if isinstance(error, SeveralDatesError) else why
    if read is None:
        return *nothing, MISSING
    day, span = read
    inside = EARLIEST_YEAR <= day.year <= LATEST_YEAR
    return (np.datetime64(day), decimal_year(day), span) if inside else (*nothing, why)


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
    numeric = [text for text in texts if needs_order(text, short_years=order is not None)]
    if not numeric:
        return order, ()
    if order is not None:
        short = ", years of two digits as 1970 to 2069" if any(not needs_order(text) for text in numeric) else ""
        return order, (f"numeric dates were read {order.replace('_', ' ')}, as asked{short}",)
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
            remedy=Words("give ", Option("date_order"), " day_first or month_first, or write the dates as YYYY-MM-DD"),
        )
    return settled, (f"numeric dates were read {settled.replace('_', ' ')}: some allow no other reading",)

"""One date as people and publishers write it: the day, or the middle of the month, season or year that is stated."""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from typing import TYPE_CHECKING, Literal

from race_to_efficiency.cells.date_stretches import (
    MID_MONTH,
    MONTHS,
    MONTHS_OF,
    SeveralDatesError,
    Span,
    first_and_last,
    full_year,
    part_of_year,
    stretch,
)
from race_to_efficiency.cells.text import ABOUT, FOOTNOTE, MISSING_WORDS, CellError, text_of_cell, without_emphasis

if TYPE_CHECKING:
    from collections.abc import Iterable

Order = Literal["day_first", "month_first"]
_ISO = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T ][\d:.]+ ?(?:Z|UTC|[+-]\d\d:?\d\d)?)?", re.ASCII)
_MONTH = re.compile(r"(\d{4})[-/](\d{1,2})", re.ASCII)
_SIX_DIGITS = re.compile(r"(?:19|20)\d{4}", re.ASCII)
"""201203: year and month."""

_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})", re.ASCII)
_YEAR_FIRST = (_ISO, _COMPACT, _MONTH, re.compile(r"(\d{4})", re.ASCII))
_MONTH_YEAR = re.compile(r"(\d{1,2})[-/.](\d{4})", re.ASCII)
_OF_ASIA = re.compile(r"^(\d{4}) *[年년](?:度| *(\d{1,2}) *[月월](?: *(\d{1,2}) *[日号일])?)?")
"""2012年3月18日, and 2012年度, a fiscal year."""

_PART = re.compile(
    r"([QH])([1-4])[ /'-]*(\d{4}|\d\d)|(\d{4})[ /'-]*([QH])([1-4])|([1-4])([QH])[ /'-]*(\d{4}|\d\d)", re.ASCII
)
_NUMERIC = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4}|\d{2})(?:[T ].*)?", re.ASCII)
_SHORT_YEAR = re.compile(r"([A-Za-z]{3,10})\.?\s*[-'’/]\s*'?(\d\d)", re.ASCII)
"""Apr-12 as spreadsheets show a month: no date states a day and a month alone."""

_CALENDAR_YEAR = re.compile(r"\b(?:cy|calendar year) ?(?='?\d)")
_TIME = re.compile(
    r",? \d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?(?: ?[ap]\.?m\.?)?(?: ?(?:utc|gmt|z|[+-]\d\d:?\d\d))?(?=$|[ ,])"
)
_WORDS = re.compile(r"[A-Za-z]+|\d+", re.ASCII)
_BETWEEN = frozenset(["st", "nd", "rd", "th", "of", "the", "de", "del", "di", "do", "le", "er", "o"])
"""Words of a date that add nothing to it."""

_ASIDE = frozenset(["before", "after", "until", "till", "since", "by", "from", "to", "through", "pre", "post", "than"])
"""Words that put a date before or after the one that follows."""

_SEPARATORS_OF_RANGES = (" to ", " through ", " bis ", "–", "—", "..", " - ", "/", "-")
_MOST_MONTHS = 24


def one_date(text: str, order: Order | None, *, short_years: bool = False) -> tuple[date, Span] | None:
    """Return a calendar date and what the text states of it; None for a cell that states none.

    A span longer than a day is taken at its middle. Seasons are those of the northern hemisphere.

    Parameters
    ----------
    text : str
        ``2024-03-18`` (a time may follow), ``20240318``, ``2024-03``, ``2024-03-00``, ``2024``, ``2024-W12``,
        ``Q1 2024``, ``2024H1``, ``March 18, 2024``, ``18 mars 2024``, ``2024年3月``, ``3/18/2024``, ``3/2024``,
        ``Mar-24``, ``c. 2024``, ``early 2024``, ``late March 2024``, ``Spring 2024``, ``Winter 2023/24``,
        ``FY2023/24``, ``Jan-Mar 2024``.
    order : {'day_first', 'month_first'} or None
        Meaning of 03/04/2024.
    short_years : bool
        Read 3/18/24: from 70 on a year of the last century.

    Raises
    ------
    SeveralDatesError
        When it is a fiscal year, or a winter, that may be one or another, or a range longer than two years.
    CellError
        When the text is no date of these styles, or the day does not exist.
    """
    cleaned = _plain_letters(without_emphasis(text_of_cell(text)).removeprefix("=").strip('"'))
    cleaned = _CALENDAR_YEAR.sub("", ABOUT.sub("", FOOTNOTE.sub("", cleaned)))
    if cleaned in MISSING_WORDS:
        return None
    if found := _OF_ASIA.match(cleaned):
        cleaned = "-".join(filter(None, found.groups())) + (" 年度" if "度" in found[0] else cleaned[found.end() :])
    try:
        return _in_figures(cleaned, order, short_years=short_years) or stretch(cleaned) or _in_words(cleaned, order)
    except ValueError as error:
        raise error if isinstance(error, CellError) else CellError("calendar date") from None  # there is no such day


def _plain_letters(text: str) -> str:
    """Return a text in lower case, without accents and without the wide digits of East Asia."""
    apart = unicodedata.normalize("NFKD", text)
    return unicodedata.normalize("NFC", "".join(sign for sign in apart if not unicodedata.combining(sign))).lower()


def _in_figures(text: str, order: Order | None, *, short_years: bool) -> tuple[date, Span] | None:
    """Return a date whose month is a number, or a month or quarter as spreadsheets show it; None for another style."""
    if (found := _SHORT_YEAR.fullmatch(text)) and found[1] in MONTHS:
        return date(full_year(found[2]), MONTHS[found[1]], MID_MONTH), "month"
    if found := next((found for style in _YEAR_FIRST if (found := style.fullmatch(text.upper()))), None):
        year, month, day = (*map(int, found.groups()), 0, 0)[:3]
        return _span(year, month, day)
    if found := _PART.fullmatch(text.upper()):
        return part_of_year(*[group for group in found.groups() if group])
    if _SIX_DIGITS.fullmatch(text):
        raise SeveralDatesError("a month (YYYYMM) or a day (YYMMDD): write it as YYYY-MM or YYYY-MM-DD")
    if found := _NUMERIC.fullmatch(text):
        if len(found[3]) == 2 and not short_years:
            raise SeveralDatesError(
                "a year of two digits, which may be the day: give --date-order, or write YYYY-MM-DD"
            )
        first, second, year = int(found[1]), int(found[2]), full_year(found[3])
        return date(year, second, first) if order == "day_first" else date(year, first, second), "day"
    if found := _MONTH_YEAR.fullmatch(text):
        return date(int(found[2]), int(found[1]), MID_MONTH), "month"
    return None


def _span(year: int, month: int, day: int) -> tuple[date, Span]:
    """Return a date whose day, or month and day, may be 0 for unknown."""
    if not month:
        return date(year, 7, 2), "year"
    return (date(year, month, day), "day") if day else (date(year, month, MID_MONTH), "month")


def _in_words(text: str, order: Order | None) -> tuple[date, Span]:
    """Return a date with its month in letters, or the middle of a range."""
    try:
        return _named(text)
    except CellError:
        found = _range(text, order)
        if found is None:
            raise
        return found


def _named(text: str) -> tuple[date, Span]:
    """Return a date with the month in letters: 1 May 2024, May 1st, 2024, 1er mai 2024, 01-May-2024 10:30."""
    words = [word for word in _WORDS.findall(_TIME.sub("", text)) if word not in _BETWEEN]
    months = [MONTHS[word] for word in words if word in MONTHS]
    numbers = [word for word in words if word.isdigit()]
    years = [int(word) for word in numbers if len(word) == 4]
    days = [int(word) for word in numbers if len(word) <= 2]
    if len(months) != 1 or len(words) - len(numbers) > 2 or (len(years), len(years) + len(days)) != (1, len(numbers)):
        raise CellError("date")
    if len(days) > 1 or not _ASIDE.isdisjoint(words):
        raise CellError("date")
    return _span(years[0], months[0], days[0] if days else 0)


def _range(text: str, order: Order | None) -> tuple[date, Span] | None:
    """Return the middle of what two dates of one kind enclose: Jan-Mar 2012, 2012-01/2012-03; None for no range."""
    for separator in _SEPARATORS_OF_RANGES:
        first, found, last = text.partition(separator)
        if not found or separator in last:
            continue
        year = re.search(r"\d{4}$", last)
        if year and not re.search(r"\d{4}", first):
            first = f"{first.strip()} {year[0]}"
        ends = [_end(part.strip(), order) for part in (first, last)]
        if None in ends or ends[0][1] != ends[1][1]:  # type: ignore[index]
            continue
        (start, _), (_, end) = (first_and_last(*end) for end in ends if end is not None)
        if start > end:
            raise CellError("range of dates")
        if (end - start).days > 31 * _MOST_MONTHS:
            raise SeveralDatesError("a range of more than two years: write one date")
        return start + (end - start) / 2, "range"
    return None


def _end(text: str, order: Order | None) -> tuple[date, Span] | None:
    """Return an end of a range; None for what is none."""
    try:
        found = _in_figures(text, order, short_years=False) or _named(text)
    except ValueError:
        return None
    return found if found[1] == "day" or found[1] in MONTHS_OF else None


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


def needs_order(text: str, *, short_years: bool = False) -> bool:
    """Return whether a text is a date such as 03/04/2024, whose day and month only their order tells apart."""
    found = _NUMERIC.fullmatch(text)
    return found is not None and (short_years or len(found[3]) == 4)

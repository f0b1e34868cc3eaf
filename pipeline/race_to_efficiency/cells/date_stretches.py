"""Spans of time as people write them, each at its middle: weeks, seasons, quarters in words, fiscal years, parts."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Literal

from race_to_efficiency.cells.text import CellError

Span = Literal[
    "day", "week", "part of a month", "month", "quarter", "season", "third", "half", "fiscal year", "year", "range"
]
MONTHS_OF = {"month": (0, 1), "quarter": (-1, 3), "half": (-3, 6), "year": (-6, 12)}
"""First month of a span, counted from that of its middle, and how many months it has."""

_MONTH_WORDS = (
    "january jan januar janner janvier janv enero ene gennaio gen janeiro",
    "february feb februar fevrier fevr fev febrero febbraio fevereiro",
    "march mar marz maerz mrz mars marzo marco",
    "april apr avril avr abril abr aprile",
    "may mai mayo maggio mag maio",
    "june jun juni juin junio giugno giu junho",
    "july jul juli juillet juil julio luglio lug julho",
    "august aug aout agosto ago",
    "september sep sept septembre septiembre setiembre settembre setembro set",
    "october oct oktober okt octobre octubre ottobre ott outubro out",
    "november nov novembre noviembre novembro",
    "december dec dezember dez decembre diciembre dic dicembre dezembro",
)
"""Names and short forms in English, German, French, Spanish, Italian and Portuguese, accents left out."""

MONTHS = {word: number for number, words in enumerate(_MONTH_WORDS, start=1) for word in words.split()}
MID_MONTH = 15
_TURN = 70
"""Two digits from here on are a year of the last century."""

_PARTS = {"quarter": "Q", "quartal": "Q", "trimestre": "Q", "half": "H", "halbjahr": "H", "semestre": "H"}
_PART_WORDS = re.compile(
    rf"(?:([1-4])(?:st|nd|rd|th|\.|er|[aoe]|eme)?|(first|second|third|fourth)) ?-?({'|'.join(_PARTS)})"
    r"(?: of|,| de| do| in)? (\d{4})",
    re.ASCII,
)
_COUNTED = {"first": "1", "second": "2", "third": "3", "fourth": "4"}
_WEEK = re.compile(
    r"(\d{4})[- ]?[KC]?W[ -]?(\d\d?)(?:-([1-7]))?|(\d{4})W(\d\d)([1-7])|[KC]?W[ -]?(\d\d?)[ ,./'-]*(\d{4})", re.ASCII
)
_SEASON = re.compile(
    r"(?:(\d{4})[ ,-]*)?(spring|summer|autumn|fall|winter)(?: of)?(?:[ ,'/-]*(\d{4}|\d\d)(?: ?[-/] ?'?(\d{4}|\d\d))?)?",
    re.ASCII,
)
_SEASONS = {"spring": 4, "summer": 7, "autumn": 10, "fall": 10}
_WITHIN = re.compile(
    r"(early|beginning|start|mid|middle|late|end)(?:[ -]*(?:of|in|the))*[ -]*(?:([a-z]{3,10})\.?(?: of| de|,)?[ -]+)?"
    r"('\d\d|\d{4})",
    re.ASCII,
)
_WORD_OF_THIRD = {"early": 0, "beginning": 0, "start": 0, "mid": 1, "middle": 1, "late": 2, "end": 2}
_FISCAL = re.compile(r"\bfy|\dfy|\bfiscal|\bfinancial|年度")
_FISCAL_YEARS = re.compile(r"(?:fy|(?:fiscal|financial)(?: year)?)[ '-]*(\d{4}|\d\d) ?[-/–] ?'?(\d{4}|\d\d)", re.ASCII)


class SeveralDatesError(CellError):
    """A cell states a time that may be one or another; ``said`` tells which, and how to write it."""

    @property
    def said(self) -> str:
        """The finding in words."""
        return self.rule


def stretch(text: str) -> tuple[date, Span] | None:
    """Return the middle of a week, a season, a part of a year in words or a fiscal year; None for another style."""
    if _FISCAL.search(text):
        return _fiscal(text)
    if found := _WEEK.fullmatch(text.upper()):
        year, week, day = found[1] or found[4] or found[8], found[2] or found[5] or found[7], found[3] or found[6]
        return date.fromisocalendar(int(year), int(week), int(day or 4)), "day" if day else "week"
    if found := _PART_WORDS.fullmatch(text):
        return part_of_year(_PARTS[found[3]], found[1] or _COUNTED[found[2]], found[4])
    if (found := _SEASON.fullmatch(text)) and (found[1] is None) != (found[3] is None):
        return _season(found[2], full_year(found[1] or found[3]), found[4])
    found = _WITHIN.fullmatch(text)
    return _third(_WORD_OF_THIRD[found[1]], found[2], full_year(found[3])) if found else None


def _third(third: int, month: str | None, year: int) -> tuple[date, Span] | None:
    """Return the middle of a third of a month or a year; None where the word is no month."""
    if month:
        return (date(year, MONTHS[month], (5, 15, 25)[third]), "part of a month") if month in MONTHS else None
    return date(year, *((3, 1), (7, 2), (11, 1))[third]), "third"


def _season(name: str, year: int, until: str | None) -> tuple[date, Span]:
    """Return the middle of a season north of the equator; a winter must name both its years."""
    if name != "winter":
        if until:
            raise CellError("date")
        return date(year, _SEASONS[name], MID_MONTH), "season"
    if not until:
        before, after = f"{year - 1}/{year % 100:02d}", f"{year}/{(year + 1) % 100:02d}"
        raise SeveralDatesError(f"a winter lies in two years: write Winter {before}, Winter {after} or a month")
    return date(_year_after(year, until), 1, MID_MONTH), "season"


def _fiscal(text: str) -> tuple[date, Span]:
    """Return the turn of the year for a fiscal year that names both its years."""
    if found := _FISCAL_YEARS.fullmatch(text):
        return date(_year_after(full_year(found[1]), found[2]), 1, 1), "fiscal year"
    raise SeveralDatesError(
        "a fiscal year, whose months its owner sets: write the middle month as YYYY-MM, or FY2011/12"
    )


def _year_after(year: int, stated: str) -> int:
    """Return the year after one, which is stated too."""
    if int(stated) % 100 != (year + 1) % 100:
        raise CellError("date")
    return year + 1


def full_year(digits: str) -> int:
    """Return a year; of two digits, from 70 on one of the last century."""
    year = int(digits.strip("'"))
    return year if len(digits.strip("'")) > 2 else year + (2000 if year < _TURN else 1900)


def part_of_year(*groups: str) -> tuple[date, Span]:
    """Return the middle of a quarter or a half: a letter, its number and a year, in any order."""
    letter = next(group for group in groups if group in "QH")
    year = full_year(next(group for group in groups if len(group) > 1))
    number = next(int(group) for group in groups if len(group) == 1 and group != letter)
    if letter == "Q":
        return date(year, 3 * number - 1, MID_MONTH), "quarter"
    if number > 2:
        raise CellError("calendar date")
    return date(year, 6 * number - 2, 1), "half"


def first_and_last(middle: date, span: Span) -> tuple[date, date]:
    """Return the first and last day of a span."""
    if span not in MONTHS_OF:
        return middle, middle
    before, months = MONTHS_OF[span]
    month = 12 * middle.year + middle.month - 1 + before
    start, after = (date(count // 12, count % 12 + 1, 1) for count in (month, month + months))
    return start, after - timedelta(days=1)

"""Dates, quarters and units: the one place where a calendar date becomes a decimal year."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np

from race_to_efficiency.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

FLOP_PER_PFS_DAY = 1e15 * 86_400
"""FLOP in one petaflop/s-day: 1e15 FLOP/s for 86,400 s (Amodei & Hernandez 2018, 'AI and Compute')."""

HOURS_PER_YEAR = 8766.0
"""Hours in a Julian year of 365.25 days."""

SECONDS_PER_HOUR = 3600.0

DATE_UNIT = "decimal year"

NEVER = float("inf")
"""Years until what does not come."""

YEARS_OF_QUARTERS = range(2000, 2100)
"""Years a quarter may lie in: none of the quantities existed before, and dates up to 200 years later must exist."""

_QUARTER = re.compile(r"^(\d{4})[Qq]([1-4])$", re.ASCII)


class Stamp(TypedDict):
    """What every document of a quarter holds."""

    quarter: str
    as_of: str


@dataclass(frozen=True, order=True)
class Quarter:
    """A calendar quarter; its last day is the only "now" the pipeline knows.

    Parameters
    ----------
    year : int
    number : int
        1 to 4.
    """

    year: int
    number: int

    @classmethod
    def parse(cls, text: str) -> Quarter:
        """Read ``2026Q1``.

        Raises
        ------
        UsageError
            When the text is not a year, the letter Q and a number 1 to 4, or the year is none of `YEARS`.
        """
        match = _QUARTER.match(text.strip())
        if match is None:
            raise UsageError(
                f"'{text}' is not a quarter", why="a quarter is a year, Q and 1 to 4", remedy="write it as 2026Q1"
            )
        year = int(match[1])
        if year not in YEARS_OF_QUARTERS:
            raise UsageError(
                f"the quarter '{text}' lies outside the years {YEARS_OF_QUARTERS[0]} to {YEARS_OF_QUARTERS[-1]}",
                remedy="write it as 2026Q1",
            )
        return cls(year, int(match[2]))

    def __str__(self) -> str:
        return f"{self.year}Q{self.number}"

    @property
    def first_day(self) -> date:
        """First calendar day of the quarter."""
        return date(self.year, 3 * self.number - 2, 1)

    @property
    def as_of(self) -> date:
        """Last calendar day of the quarter."""
        return self.shift(1).first_day - timedelta(days=1)

    @property
    def stamp(self) -> Stamp:
        """What a document of the quarter begins with: the quarter, and the day its data end."""
        return {"quarter": str(self), "as_of": self.as_of.isoformat()}

    def shift(self, quarters: int) -> Quarter:
        """Return the quarter ``quarters`` later (earlier when negative)."""
        index = 4 * self.year + self.number - 1 + quarters
        return Quarter(index // 4, index % 4 + 1)

    @classmethod
    def of(cls, day: date) -> Quarter:
        """Return the quarter that holds ``day``."""
        return cls(day.year, (day.month + 2) // 3)


def decimal_year(day: date) -> float:
    """Return year + (day of year - 1) / (days of that year), e.g. 2024-07-01 -> 2024.4973."""
    days = 366 if calendar.isleap(day.year) else 365
    return day.year + (day.timetuple().tm_yday - 1) / days


def decimal_years(dates: object) -> NDArray[np.float64]:
    """Vectorised `decimal_year`.

    Parameters
    ----------
    dates : (n,) array of datetime64
        Calendar dates; NaT gives NaN.

    Returns
    -------
    (n,) float, decimal years
    """
    days = np.asarray(dates, dtype="datetime64[D]")
    years = days.astype("datetime64[Y]")
    start = years.astype("datetime64[D]")
    length = ((years + 1).astype("datetime64[D]") - start).astype(np.float64)
    number = np.where(np.isnat(days), np.nan, years.astype(np.float64) + 1970.0)
    return np.asarray(number + (days - start).astype(np.float64) / length, dtype=np.float64)


def add_years(day: date, years: float) -> date:
    """Return the calendar date ``years`` after ``day`` (nearest day, via decimal years)."""
    target = decimal_year(day) + years
    year = int(np.floor(target))
    days = 366 if calendar.isleap(year) else 365
    return date(year, 1, 1) + timedelta(days=min(round((target - year) * days), days))


def joules(power_w: Any, hours: Any) -> Any:
    """Return the energy of a mean power over a time, J; numbers or columns."""
    return power_w * hours * SECONDS_PER_HOUR


def pfs_days(flop: float) -> float:
    """Return compute in petaflop/s-days (1 petaflop/s-day = 8.64e19 FLOP)."""
    return flop / FLOP_PER_PFS_DAY

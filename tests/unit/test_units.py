"""Quarters, decimal years and compute units."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from race_to_efficiency.errors import UsageError
from race_to_efficiency.units import Quarter, add_years, decimal_year, decimal_years, joules, pfs_days
from scipy import constants

DAYS = st.dates(date(1950, 1, 1), date(2100, 12, 31))


@given(DAYS)
def test_a_quarter_holds_its_day_and_ends_before_the_next_begins(day: date) -> None:
    quarter = Quarter.of(day)
    assert quarter.first_day <= day <= quarter.as_of
    assert quarter.as_of + timedelta(days=1) == quarter.shift(1).first_day
    if 2000 <= day.year < 2100:
        assert Quarter.parse(str(quarter)) == quarter


@given(DAYS, st.integers(-400, 400))
def test_shifting_quarters_is_invertible(day: date, by: int) -> None:
    quarter = Quarter.of(day)
    assert quarter.shift(by).shift(-by) == quarter
    assert (quarter.shift(by) > quarter) == (by > 0)


@given(DAYS)
def test_decimal_years_agree_increase_and_invert(day: date) -> None:
    assert decimal_years(np.array([day], dtype="datetime64[D]"))[0] == decimal_year(day)
    assert 0 < decimal_year(day + timedelta(days=1)) - decimal_year(day) < 0.0028
    assert add_years(day, 0.0) == day


def test_decimal_year_by_hand() -> None:
    assert decimal_year(date(2024, 7, 1)) == 2024 + 182 / 366  # 182 days of the leap year 2024 lie before 1 July
    assert decimal_year(date(2023, 1, 1)) == 2023.0
    assert np.isnan(decimal_years(np.array(["NaT"], dtype="datetime64[D]"))[0])


def test_gpt3_in_petaflop_days() -> None:
    """Brown et al. (2020), Table D.1: 3.14e23 FLOP are 3.64e3 petaflop/s-days."""
    assert pfs_days(3.14e23) == pytest.approx(3634, abs=0.5)


@pytest.mark.parametrize("text", ["2026", "2026Q5", "Q1", "26Q1", "2026-Q1", ""])
def test_what_is_not_a_quarter_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not a quarter"):
        Quarter.parse(text)


@pytest.mark.parametrize("text", ["9999Q4", "1999Q4", "2100Q1", "0000Q1", "0001Q1"])
def test_a_quarter_out_of_all_reason_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="outside the years 2000 to 2099"):
        Quarter.parse(text)
    assert Quarter.parse("2000Q1") < Quarter.parse("2099Q4")


def test_energy_is_power_times_time_in_joules() -> None:
    """Against scipy's own units: a watt-hour is 3,600 J."""
    assert joules(2.0, 3.0) == 6.0 * constants.hour
    assert joules(25e6, 24.0) == pytest.approx(25 * constants.mega * constants.day, rel=1e-15)

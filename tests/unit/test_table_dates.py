"""Dates in strangers' tables: read when they can mean one day, refused when they can mean two."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from race_to_efficiency.cells.dates import read_dates
from race_to_efficiency.cells.text import MISSING
from race_to_efficiency.errors import DataInvalid
from race_to_efficiency.units import decimal_year

DAYS = st.dates(date(1950, 1, 1), date(2090, 12, 31))
STYLES = [
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d 00:00:00+00:00",
    "%d %B %Y",
    "%B %d, %Y",
    "%b %d %Y",
    "%d-%b-%Y",
    "%Y %B %d",
]


@given(st.lists(DAYS, min_size=1, max_size=8), st.sampled_from(STYLES))
def test_unambiguous_styles_lead_back_to_the_day(days, style):
    found = read_dates([day.strftime(style) for day in days])
    assert found.problems == {}
    assert found.day.tolist() == days
    assert found.decimal.tolist() == [decimal_year(day) for day in days]


@given(DAYS, st.lists(DAYS, max_size=6), st.booleans())
def test_one_day_above_twelve_settles_a_whole_column(day, others, day_first):
    telling = day.replace(day=13)
    style = "%d/%m/%Y" if day_first else "%m/%d/%Y"
    found = read_dates([item.strftime(style) for item in [*others, telling]])
    assert found.day.tolist() == [*others, telling]
    assert any("day first" in note if day_first else "month first" in note for note in found.notes)


def test_dates_that_can_mean_two_days_are_refused_with_a_remedy():
    with pytest.raises(DataInvalid, match="two ways") as caught:
        read_dates(["03/04/2021", "05/06/2021"], where="t.csv:date")
    assert "--date-order" in str(caught.value)
    assert "t.csv:date" in str(caught.value)
    assert read_dates(["03/04/2021"], order="day_first").day.tolist() == [date(2021, 4, 3)]
    assert read_dates(["03/04/2021"], order="month_first").day.tolist() == [date(2021, 3, 4)]


def test_a_column_that_contradicts_itself_is_refused():
    with pytest.raises(DataInvalid, match="contradict"):
        read_dates(["13/04/2021", "04/13/2021"])


def test_the_same_number_twice_is_no_ambiguity():
    assert read_dates(["05/05/2021"]).day.tolist() == [date(2021, 5, 5)]


@given(st.floats(1950.0, 2090.0))
def test_decimal_years_keep_all_their_digits(year):
    text = f"{year:.9f}"
    found = read_dates([text, "2001.5"])
    assert found.decimal[0] == float(text)
    exact = date(int(float(text)), 1, 1)
    days = (float(text) - exact.year) * (366 if exact.year % 4 == 0 else 365)
    assert abs((found.day[0].item() - (exact + timedelta(days=days))).days) <= 1


def test_a_whole_year_among_decimal_years_is_its_first_day_and_alone_its_middle():
    assert read_dates(["2019", "2019.5"]).decimal.tolist() == [2019.0, 2019.5]
    alone = read_dates(["2019", "2020"])
    assert np.allclose(alone.decimal, [2019.5, 2020.5], atol=0.002)
    assert any("mid-year" in note for note in alone.notes)


def test_a_month_is_its_middle():
    assert read_dates(["2024-05", "May 2024"]).day.tolist() == [date(2024, 5, 15)] * 2


@pytest.mark.parametrize(
    "cell", ["soon", "2024-13-01", "2024-02-30", "01/02/24", "May 24", "1e5", "45012", "May June 2024", "0024-01-01"]
)
def test_what_is_no_date_is_a_problem_of_its_row(cell):
    found = read_dates(["2024-05-01", cell])
    assert list(found.problems) == [1]
    assert np.isnat(found.day[1])
    assert np.isnan(found.decimal[1])
    assert found.day[0].item() == date(2024, 5, 1)


def test_an_empty_cell_is_missing():
    assert read_dates(["", "  "]).problems == {0: MISSING, 1: MISSING}


@given(seconds=st.integers(10**8, 4 * 10**9), factor=st.sampled_from([1, 1000]))
def test_seconds_since_1970_are_the_day_the_standard_library_says(seconds, factor):
    cells = [str(seconds * factor), str(1_700_000_000 * factor), ""]
    found = read_dates(cells)
    day = datetime.fromtimestamp(seconds, UTC).date()
    assert found.day[0] == np.datetime64(day)
    assert found.day[1] == np.datetime64("2023-11-14")
    assert found.problems == {2: MISSING}
    assert any("since 1970" in note for note in found.notes)


@pytest.mark.parametrize(("cell", "day"), [("Q1'24", "2024-02-15"), ("2Q24", "2024-05-15"), ("H1 99", "1999-04-01")])
def test_quarters_of_two_digit_years_are_read(cell, day):
    assert read_dates([cell]).day[0] == np.datetime64(day)

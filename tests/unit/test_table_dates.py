"""Dates in strangers' tables: read when they can mean one day, refused when they can mean two."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from race_to_efficiency.cells.date_styles import one_date
from race_to_efficiency.cells.dates import read_dates
from race_to_efficiency.cells.text import MISSING, CellError
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


# spans of time, each at its middle


def middle_of(first, months):
    """Return the middle of some months as pandas counts them."""
    start = pd.Timestamp(first)
    return start + (start + pd.DateOffset(months=months) - start) / 2


def near(found, exact, days):
    return abs(pd.Timestamp(found) - exact) <= pd.Timedelta(days=days)


@given(st.integers(1950, 2090), st.booleans())
def test_early_mid_and_late_are_the_thirds_of_a_year(year, capital):
    texts = [f"early {year}", f"mid-{year}", f"late {year}"]
    found = read_dates([text.capitalize() if capital else text for text in texts])
    for day, month in zip(found.day, (1, 5, 9), strict=True):
        assert near(day, middle_of(f"{year}-{month:02d}-01", 4), 1.5)
    assert [note for note in found.notes if "thirds" in note]
    assert read_dates([f"beginning of {year}", f"mid {year}", f"end of {year}"]).day.tolist() == found.day.tolist()


@given(DAYS)
def test_an_iso_week_is_that_of_the_standard_library(day):
    year, week, weekday = day.isocalendar()
    texts = [f"{year}-W{week:02d}-{weekday}", f"{year}W{week:02d}{weekday}"]
    assert read_dates(texts).day.tolist() == [day, day]
    whole = read_dates([f"{year}-W{week:02d}", f"{year}W{week:02d}", f"W{week} {year}", f"KW {week}/{year}"])
    assert set(whole.day.tolist()) == {day + timedelta(days=4 - weekday)}
    assert any("Thursday" in note for note in whole.notes)


@given(st.integers(1950, 2090), st.sampled_from([("Spring", 3), ("summer", 6), ("Autumn", 9), ("Fall", 9)]))
def test_a_season_is_its_middle_north_of_the_equator_and_that_is_said(year, season):
    name, first = season
    found = read_dates([f"{name} {year}", f"{year} {name}", f"{name}, {year}"])
    assert all(near(day, middle_of(f"{year}-{first:02d}-01", 3), 2) for day in found.day)
    assert any("north of the equator" in note for note in found.notes)
    winter = read_dates([f"Winter {year}/{(year + 1) % 100:02d}", f"winter {year}-{year + 1}"])
    assert all(near(day, middle_of(f"{year}-12-01", 3), 2) for day in winter.day)


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("Winter 2012", "two years"),
        ("FY2012", "fiscal"),
        ("FY 12", "fiscal"),
        ("Q3 FY2012", "fiscal"),
        ("2Q FY12", "fiscal"),
        ("fiscal year 2012", "fiscal"),
        ("2012年度", "fiscal"),
        ("201203", "YYYYMM"),
        ("03/04/12", "two digits"),
        ("2012-2016", "two years"),
        ("Jan 2010 - Mar 2012", "two years"),
    ],
)
def test_what_may_be_one_time_or_another_is_refused_for_that_and_its_rewriting_is_read(text, cause):
    found = read_dates([text, "2012-01-01"])
    assert list(found.problems) == [0]
    assert cause in found.problems[0]
    rewritten = re.findall(r"Winter \d{4}/\d\d|FY\d{4}/\d\d", found.problems[0])
    assert len(rewritten) == {"Winter 2012": 2}.get(text, cause == "fiscal")
    assert read_dates(rewritten).problems == {}


@given(st.integers(1950, 2090))
def test_a_fiscal_year_of_two_years_is_the_turn_of_them(year):
    texts = [f"FY {year}-{(year + 1) % 100:02d}", f"FY{year}/{year + 1}", f"fiscal year {year}/{(year + 1) % 100:02d}"]
    found = read_dates(texts)
    assert found.day.tolist() == [date(year + 1, 1, 1)] * 3
    assert any("three months off" in note for note in found.notes)
    assert list(read_dates([f"FY{year}/{(year + 2) % 100:02d}"]).problems) == [0]


@given(st.dates(date(1950, 1, 1), date(2088, 12, 1)), st.integers(1, 23))
def test_a_range_of_months_is_its_middle(day, more):
    first, last = pd.Period(day, "M"), pd.Period(day, "M") + more
    exact = first.start_time + (last.end_time - first.start_time) / 2
    texts = [f"{first}/{last}", f"{first} to {last}", f"{first:%b %Y} - {last:%b %Y}", f"{first:%B %Y}–{last:%B %Y}"]
    texts += [f"{first:%b}-{last:%b} {last.year}", f"{first:%B}/{last:%B %Y}"] if first.year == last.year else []
    found = read_dates(texts)
    assert found.problems == {}
    assert all(near(middle, exact, 1) for middle in found.day)
    assert any("ranges" in note for note in found.notes)
    assert list(read_dates([f"{last} to {first}"]).problems) == [0]


@pytest.mark.parametrize(
    ("first", "day"),
    [
        ("1Q12", "2012-02-15"),
        ("2h19", "2019-10-01"),
        ("H1 2012", "2012-04-01"),
        ("first half of 2012", "2012-04-01"),
        ("3rd quarter 2012", "2012-08-15"),
        ("Fourth quarter, 2012", "2012-11-15"),
        ("2. Halbjahr 2012", "2012-10-01"),
        ("3. Quartal 2012", "2012-08-15"),
        ("1er trimestre 2012", "2012-02-15"),
        ("2º semestre de 2012", "2012-10-01"),
        ("Q1-Q2 2012", "2012-03-31"),
        ("Q2 CY2012", "2012-05-15"),
        ("CY2012", "2012-07-02"),
        ("03/2012", "2012-03-15"),
        ("3.2012", "2012-03-15"),
        ("early March 2012", "2012-03-05"),
        ("mid-March 2012", "2012-03-15"),
        ("Late Dec. 2012", "2012-12-25"),
        ("18 de março de 2012", "2012-03-18"),
        ("1er août 2012", "2012-08-01"),
        ("févr.-12", "2012-02-15"),
        ("2012年3月", "2012-03-15"),
        ("2012年3月18日", "2012-03-18"),
        ("２０１２年３月", "2012-03-15"),
        ("2012년 3월 18일", "2012-03-18"),
        ("May 2020[3]", "2020-05-15"),
        ("**14 May 2020**", "2020-05-14"),
        ("14 May 2020 [3]", "2020-05-14"),
        ("May 14, 2020[25][26]", "2020-05-14"),
        ("May 1, 2024 10:00 AM", "2024-05-01"),
        ("Fri Nov 27 19:15:54 UTC 2026", "2026-11-27"),
        ("Tue, 15 Nov 1994 08:12:31 GMT", "1994-11-15"),
    ],
)
def test_other_styles_of_dates(first, day):
    found = read_dates([first])
    assert found.problems == {}
    assert found.day[0] == np.datetime64(day)


@pytest.mark.parametrize("language", ["en", "de", "fr", "es", "it", "pt"])
def test_months_go_by_the_names_that_babel_gives_them(language):
    dates = pytest.importorskip("babel.dates")
    for month in range(1, 13):
        names = {
            dates.get_month_names(width, context, language)[month]
            for width in ("wide", "abbreviated")
            for context in ("format", "stand-alone")
        }
        texts = [f"18 {name} 2012" for name in names] + [f"{name.title()} 2012" for name in names]
        found = read_dates(texts)
        assert found.problems == {}
        assert set(found.day.tolist()) <= {date(2012, month, 18), date(2012, month, 15)}


@pytest.mark.parametrize(
    "text",
    [
        *("before May 2024", "late Q3 2012", "Dec-Jan 2012", "13/2012", "T1 2012", "mid 12", "W53 2012"),
        *(
            "spring 2012/13",
            "2012-W54",
            "Jan 2012 - 2013",
            "5-7 May 2024",
            "early 0000",
            "Q1 0000",
            "May 0000",
            "early Foo 2012",
        ),
    ],
)
def test_what_is_vague_or_impossible_is_no_date(text):
    assert list(read_dates([text, "2012-01-01"]).problems) == [0]


@given(st.from_regex(r"\A([a-zQWH年/' -]{0,6}[0-9]{0,5}){1,4}\Z"))
def test_any_text_is_a_date_or_refused(text):
    try:
        found = one_date(text, None)
    except CellError:
        return
    assert found is None or isinstance(found[0], date)


def test_years_and_months_with_a_point_between_are_not_taken_for_decimal_years():
    with pytest.raises(DataInvalid, match="two ways") as caught:
        read_dates([f"2012.{month:02d}" for month in (1, 4, 7, 10)])
    assert "YYYY-MM" in str(caught.value)
    with pytest.raises(DataInvalid, match="two ways"):
        read_dates(np.array([2012.01, 2012.04, 2012.07, 2012.1, 2013.12]))  # numbers: .10 is .1
    assert read_dates(["2012.01", "2012.50", "2012.04", "2012.07", "2012.12"]).problems == {}
    assert read_dates(["2012.010", "2012.040", "2012.070", "2012.120"]).problems == {}


@given(st.lists(st.dates(date(1970, 1, 1), date(2069, 12, 31)), min_size=1), st.booleans())
def test_years_of_two_digits_are_read_where_the_order_is_given(days, day_first):
    texts = [day.strftime("%d/%m/%y" if day_first else "%m/%d/%y") for day in days]
    found = read_dates(texts, order="day_first" if day_first else "month_first")
    assert found.day.tolist() == days
    assert "1970 to 2069" in found.notes[0]
    without = read_dates(texts)
    assert len(without.problems) == len(days)
    assert "--date-order" in without.problems[0]

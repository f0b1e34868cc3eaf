"""The brief's own arithmetic: energy at a rate of efficiency, how a share is said, where a scale is marked."""

from __future__ import annotations

import math
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from race_to_efficiency.report.annex.change_tables import places_of, write_both
from race_to_efficiency.report.annex.energy import energy_share, one_in
from race_to_efficiency.report.brief.front import earlier_medians
from race_to_efficiency.report.figures.front import decades
from race_to_efficiency.report.numbers import decimals
from race_to_efficiency.units import decimal_year


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (1 / 638.7, "1/640"),
        (1 / 7293, "1/7,300"),
        (0.27, "1/3.7"),
        (0.999, "1/1.0"),
        (1.0, "1.0 times"),
        (2.5, "2.5 times"),
    ],
)
def test_a_share_is_said_with_two_digits(share: float, said: str) -> None:
    assert one_in(share) == said


@given(st.floats(-5, 5), st.floats(0, 20))
def test_energy_halves_with_every_doubling_and_years_multiply(gamma: float, years: float) -> None:
    share = energy_share(gamma, years)
    assert math.isclose(math.log2(share), -gamma * years, rel_tol=1e-12, abs_tol=1e-12)
    assert math.isclose(energy_share(gamma, 2 * years), share**2, rel_tol=1e-9)


@given(st.floats(-30, 30), st.floats(0.5, 30))
def test_a_scale_is_marked_at_few_powers_of_ten_within_it(low: float, span: float) -> None:
    marks = decades(10.0**low, 10.0 ** (low + span))
    assert all(10.0**low * (1 - 1e-9) <= mark <= 10.0 ** (low + span) * (1 + 1e-9) for mark in marks)
    assert len(marks) <= 9
    assert marks == sorted(marks)


@given(st.floats(0.01, 0.9), st.lists(st.floats(0.05, 0.99), min_size=1, max_size=4))
def test_an_earlier_quarter_s_line_starts_on_the_fitted_loss_of_its_day(fall: float, medians: list[float]) -> None:
    """2025Q3 ended a year before 2026Q3 does, when the loss was higher by one year of the fitted fall."""
    rows = [{"reading": "reducible", "years": float(t), "median": m} for t, m in enumerate(medians, start=1)]
    other = {"reading": "total", "years": 1.0, "median": 0.5}
    end = decimal_year(date(2026, 9, 30))
    ((years, losses),) = earlier_medians([{"quarter": "2025Q3", "rows": [other, *rows]}], end, fall)
    assert math.isclose(years[0], end - 1, abs_tol=1e-9)
    assert math.isclose(math.log2(losses[0]), fall, rel_tol=1e-9)
    assert [year - years[0] for year in years[1:]] == pytest.approx([row["years"] for row in rows])
    assert [loss / losses[0] for loss in losses[1:]] == pytest.approx(medians)


@given(st.floats(0.01, 3.0), st.floats(-0.2, 0.2))
def test_a_change_that_is_told_shows_between_before_and_now(old: float, delta: float) -> None:
    item = {"old": old, "new": old + delta, "delta": delta}
    write = write_both(item, decimals(2))
    if abs(delta) >= 10.0 ** -places_of(item):
        assert write(old) != write(old + delta)
    if decimals(2)(old) != decimals(2)(old + delta):
        assert write(old) == decimals(2)(old)


def test_what_did_not_move_is_written_as_always() -> None:
    assert write_both({"old": 0.1664, "new": 0.1664, "delta": 0.0}, decimals(2))(0.1664) == "0.17"

"""The brief's own arithmetic: energy at a rate of efficiency, how a share is said, where a scale is marked."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from race_to_efficiency.report.brief.energy import energy_share, one_in
from race_to_efficiency.report.figures.front import decades


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

"""What is printed of probabilities and intervals: each end where it belongs, nothing rounded to certainty."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from race_to_efficiency.api.words import estimate_line, rate_line
from race_to_efficiency.calibration.common.estimates import Estimate, Interval, draw_intervals
from race_to_efficiency.calibration.common.rates import in_other_units
from race_to_efficiency.commands.screens import said_cells
from race_to_efficiency.commands.tables import interval_text
from race_to_efficiency.report.numbers import probability

NUMERAL = r"-?\d+(?:\.\d+)?(?:e[+-]\d+)?"
ENDS = st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)).map(sorted)


@given(st.floats(0, 1))
@example(0.005)
@example(0.995)
def test_a_probability_is_rounded_to_whole_per_cent_and_never_to_certainty(value: float) -> None:
    """The one rule for all: half a per cent at most is lost, and 0 and 100 % are said of 0 and 1 alone."""
    text = probability(value)
    if text in ("> 99 %", "< 1 %"):
        assert round(100 * value) in (0, 100)
        assert 0 < value < 1
        assert (value > 0.5) == text.startswith(">")
    else:
        assert abs(float(text.removesuffix(" %")) / 100 - value) <= 0.005 + 1e-12
        assert text not in ("0 %", "100 %") or value in (0, 1)


@pytest.mark.parametrize(("value", "text"), [(0.95, "95 %"), (0.985, "98 %"), (0.9949, "99 %"), (0.996, "> 99 %")])
def test_what_is_merely_likely_is_given_in_per_cent(value: float, text: str) -> None:
    assert probability(value) == text


@given(ENDS, ENDS)
def test_an_interval_is_printed_low_end_first_at_the_level_asked_for(wide: list[float], narrow: list[float]) -> None:
    intervals = [
        {"method": "profile", "level": 0.8, "low": narrow[0], "high": narrow[1]},
        {"method": "profile", "level": 0.95, "low": wide[0], "high": wide[1]},
    ]
    for level, ends in ((0.95, wide), (0.8, narrow)):
        found = re.fullmatch(rf"\[({NUMERAL}), ({NUMERAL})\] profile", interval_text(intervals, level))
        assert found is not None
        assert [float(text) for text in found.groups()] == pytest.approx(ends, rel=6e-4, abs=1e-300)


def test_an_open_end_is_said_on_its_own_side() -> None:
    assert interval_text([{"method": "profile", "level": 0.95, "low": None, "high": 2.0}], 0.95) == "[open, 2] profile"
    assert interval_text([{"method": "profile", "level": 0.95, "low": 1.0, "high": None}], 0.95) == "[1, open] profile"


def test_a_fit_prints_its_value_and_both_ends() -> None:
    estimate = Estimate(
        "kappa_total.mine.power_law", "kappa_total", 0.07, "1", form="power_law", n_rows=9,
        intervals=(Interval("profile", 0.95, 0.05, 0.11), Interval("profile", 0.8, 0.06, 0.09)),
    )  # fmt: skip
    assert "0.07 [0.05, 0.11] (95 %, profile)" in estimate_line(estimate)


def test_a_rate_prints_both_ends_in_every_unit() -> None:
    """0.5 doublings a year [0.25, 1]: doubling in 24 months [12, 48], a factor of 1.414 a year [1.189, 2]."""
    facts = in_other_units(0.5, 0.25, 1.0)
    ends = (Interval("cluster", 0.95, 0.25, 1.0),)
    estimate = Estimate("gamma.mine.ols", "gamma_mine", 0.5, "doublings/yr", component="mine", intervals=ends,
                        n_rows=9, diagnostics=facts)  # fmt: skip
    text = rate_line(estimate)
    assert "0.5 doublings/yr [0.25, 1] (95 %, cluster)" in text
    assert "doubling in 24 months [12, 48]" in text
    assert "x1.414 a year [1.189, 2]" in text


def test_a_statement_says_its_median_and_its_ends() -> None:
    item = {"kind": "quantiles", "median": 3e24, "low80": 2e24, "high80": 4e24, "unit": "FLOP"}
    assert said_cells(item) == ("3e24", "2e24 to 4e24", "FLOP")
    assert said_cells({"kind": "probability", "median": 0.31}) == ("31%", "chance", "")
    dated = {"median": "2027-05-01", "low80": "2026-11-02", "high80": "never", "unit": "decimal year"}
    assert said_cells({**dated, "kind": "quantiles"})[:2] == ("2027-05-01", "2026-11-02 to never")


@given(st.lists(st.floats(-1e3, 1e3), min_size=40, max_size=60))
def test_the_interval_of_a_level_leaves_half_of_the_rest_on_either_side(draws: list[float]) -> None:
    """Counted, not computed again: beyond each end lies half of what the level leaves, give or take one draw."""
    for item in draw_intervals(np.asarray(draws)):
        beyond = (1 - item.level) / 2 * (len(draws) - 1)
        below, above = sum(draw < item.low for draw in draws), sum(draw > item.high for draw in draws)
        upto, upfrom = sum(draw <= item.low for draw in draws), sum(draw >= item.high for draw in draws)
        assert below <= beyond + 1
        assert above <= beyond + 1
        assert upto >= beyond
        assert upfrom >= beyond

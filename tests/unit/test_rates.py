from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from race_to_efficiency.calibration.common.rates import (
    doubling_time_interval,
    doubling_time_months,
    factor_per_year,
    in_other_units,
    orders_per_year,
)

RATES = st.floats(-50.0, 50.0, allow_nan=False).filter(lambda rate: abs(rate) > 1e-9)


@given(RATES)
def test_every_unit_leads_back_to_the_rate(rate):
    assert 12.0 / doubling_time_months(rate) == pytest.approx(rate, rel=1e-12)
    assert math.log2(factor_per_year(rate)) == pytest.approx(rate, rel=1e-12, abs=1e-12)
    assert orders_per_year(rate) * math.log2(10.0) == pytest.approx(rate, rel=1e-12)


@given(RATES, RATES)
def test_factor_and_orders_keep_the_order_of_rates(first, second):
    low, high = sorted((first, second))
    assert factor_per_year(low) <= factor_per_year(high)
    assert orders_per_year(low) <= orders_per_year(high)


@given(st.floats(-50, 50), st.floats(-50, 50))
def test_doubling_time_intervals_are_ordered_and_hold_exactly_the_rates_inside(first, second):
    low, high = sorted((first, second))
    pieces = doubling_time_interval(low, high)
    assert all(a <= b for a, b in pieces)
    assert [b for _, b in pieces] == sorted(b for _, b in pieces)
    for share in (0.0, 0.25, 0.5, 0.9, 1.0):
        rate = (1.0 - share) * low + share * high  # exactly the ends at 0 and 1
        time = doubling_time_months(rate)
        inside = any(a <= time <= b or math.isclose(time, a) or math.isclose(time, b) for a, b in pieces)
        assert inside or math.isinf(time)


@given(RATES, st.floats(0.01, 5.0))
def test_a_rate_outside_the_interval_has_a_doubling_time_outside_the_pieces(low, width):
    high = low + width
    time = doubling_time_months(high + 1.0) if high + 1.0 != 0 else math.inf
    assert not any(a < time < b for a, b in doubling_time_interval(low, high))


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.5, 2.0, ((6.0, 24.0),)),
        (-2.0, -0.5, ((-24.0, -6.0),)),
        (-0.5, 2.0, ((-math.inf, -24.0), (6.0, math.inf))),
        (0.0, 2.0, ((6.0, math.inf),)),
        (-2.0, 0.0, ((-math.inf, -6.0),)),
        (0.0, 0.0, ((math.inf, math.inf),)),
    ],
)
def test_doubling_time_intervals_by_hand(low, high, expected):
    assert doubling_time_interval(low, high) == expected


@given(RATES, st.floats(0, 5), st.floats(0, 5))
def test_other_units_hold_value_and_ordered_ends(rate, below, above):
    units = in_other_units(rate, rate - below, rate + above)
    for name in ("factor_per_year", "orders_of_magnitude_per_year"):
        assert units[name]["low"] <= units[name]["value"] <= units[name]["high"]
    time = units["doubling_time"]
    for low, high in time["intervals"]:
        assert low is None or high is None or low <= high
    if rate - below > 0:
        assert time["low"] <= time["value"] * (1 + 1e-12)
        assert time["value"] <= time["high"] * (1 + 1e-12)


def test_published_conversions():
    # Ho et al. (2024): halving every 8.44 months is 1.42 doublings a year; Epoch: +40 % a year is 2.06 years.
    assert doubling_time_months(1.4218) == pytest.approx(8.44, abs=1e-3)
    assert doubling_time_months(math.log2(1.40)) / 12 == pytest.approx(2.06, abs=0.005)
    assert factor_per_year(0.5) == pytest.approx(math.sqrt(2))
    assert orders_per_year(1.0) == pytest.approx(0.30103, abs=1e-6)


def test_limits():
    assert doubling_time_months(0.0) == math.inf
    assert factor_per_year(2000.0) == math.inf
    assert factor_per_year(-2000.0) == 0.0


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: doubling_time_months(math.nan), "doublings_per_year"),
        (lambda: doubling_time_interval(2.0, 1.0), "low"),
    ],
)
def test_domain_errors_name_the_argument(call, name):
    with pytest.raises(ValueError, match=name):
        call()

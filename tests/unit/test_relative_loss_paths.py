"""Fleet paths, saturating efficiency, the two conventions, and times along any path."""

from __future__ import annotations

import json
import math
from pathlib import Path

import mpmath as mp
import numpy as np
import pytest
import relative_loss_oracle as oracle
from hypothesis import given, settings
from hypothesis import strategies as st
from race_to_efficiency import relative_loss as rl
from race_to_efficiency.equation.domain import LN2
from race_to_efficiency.equation.saturation import SATURATIONS, efficiency_slope, log_efficiency

SETTINGS = settings(deadline=None, max_examples=25, derandomize=True)
SMOOTH = ("exponential", "logistic", "tanh")
ORACLE_NAME = {"hard": "hard", "exponential": "exp", "logistic": "logistic", "tanh": "tanh"}


KEPT = json.loads((Path(__file__).parents[1] / "data" / "saturating_paths.json").read_text("utf-8"))
"""Kind, t, gamma, headroom, growth, start, fleet and panels, and ln(1 + work) by quadrature, which takes a tenth of a
second each; a case that is not among them is worked out."""


def by_quadrature(kind, t, gamma, headroom, growth, start, fleet, panels):
    work = oracle.saturating_work(ORACLE_NAME[kind], *map(mp.mpf, (t, gamma, headroom, growth, start)), panels=panels)
    return float(mp.log1p(mp.mpf(fleet) * work))


def exact_log_ratio(t, gamma, headroom, kind, *, growth=0.0, start=0.0, fleet=1.0, panels=8):
    case = [kind, t, gamma, headroom, growth, start, fleet, panels]
    kept = next((value for *given, value in KEPT if given == case), None)
    return by_quadrature(*case) if kept is None else kept


@pytest.mark.parametrize("every", [9, pytest.param(1, marks=pytest.mark.slow)])
def test_what_is_kept_of_quadrature_is_what_it_says_today(every):
    assert len(KEPT) > 60
    for *case, value in KEPT[::every]:
        assert by_quadrature(*case) == pytest.approx(value, rel=1e-15), case


@pytest.mark.parametrize("kind", SATURATIONS)
@pytest.mark.parametrize(
    ("t", "gamma", "headroom", "fleet"),
    [
        (1e-9, 2.0, 7.6, 1.0),
        (0.3, 2.0, 0.05, 1e6),
        (5.0, 2.0, 7.6, 1.0),
        (200.0, 1.3, 10.0, 1e-3),
        (3.0, 40.0, 100.0, 1.0),
        (30.0, -0.5, 4.0, 10.0),
        (12.0, 0.001, 7.6, 1.0),
    ],
)
def test_saturating_paths_match_quadrature_at_30_digits(kind, t, gamma, headroom, fleet):
    ours = rl.log_compute_ratio(t, gamma, fleet=fleet, headroom=headroom, saturation=kind)
    assert float(ours) == pytest.approx(exact_log_ratio(t, gamma, headroom, kind, fleet=fleet), rel=5e-14)


@pytest.mark.parametrize("kind", SATURATIONS)
@pytest.mark.parametrize("growth", [1.1, -0.7])
@pytest.mark.parametrize(
    ("t", "gamma", "headroom", "start"), [(8.0, 2.0, 7.6, 0.0), (40.0, 1.0, 0.3, 3.0), (9, -0.4, 2, 1)]
)
def test_growing_fleet_under_saturation_matches_quadrature(kind, growth, t, gamma, headroom, start):
    ours = rl.log_compute_ratio(t, gamma, headroom=headroom, saturation=kind, fleet_growth=growth, start_delay=start)
    exact = exact_log_ratio(t, gamma, headroom, kind, growth=growth, start=start)
    assert float(ours) == pytest.approx(exact, rel=5e-14)


def test_growing_fleet_long_after_saturation_keeps_its_closed_tail():
    # after 40 turning times efficiency is 2^Y to rounding: the integral is 2^Y (2^(pi t) - ...)/(pi ln2)
    t, growth, headroom = 1e4, 0.01, 0.5
    tail = headroom * LN2 + growth * t * LN2 - math.log(growth * LN2)
    for kind in SATURATIONS:
        ours = rl.log_compute_ratio(t, 5.0, headroom=headroom, saturation=kind, fleet_growth=growth)
        assert float(ours) == pytest.approx(tail, rel=1e-12)


@pytest.mark.parametrize("kind", SATURATIONS)
def test_a_large_headroom_is_no_headroom(kind):
    t = np.array([0.1, 3.0, 20.0])
    free = rl.log_compute_ratio(t, 2.0)
    assert np.allclose(rl.log_compute_ratio(t, 2.0, headroom=1e9, saturation=kind), free, rtol=1e-6)
    assert np.allclose(rl.log_compute_ratio(t, 2.0, headroom=1e15, saturation=kind), free, rtol=1e-12)


@pytest.mark.parametrize("kind", SATURATIONS)
@given(t=st.floats(0.0, 60.0), gamma=st.floats(0.0, 5.0), headroom=st.floats(0.05, 50.0))
@SETTINGS
def test_saturation_only_slows_and_stays_below_its_ceiling(kind, t, gamma, headroom):
    capped = rl.log_compute_ratio(t, gamma, headroom=headroom, saturation=kind)
    assert capped <= rl.log_compute_ratio(t, gamma) * (1 + 1e-13)
    assert capped <= math.log1p(2.0**headroom * t) * (1 + 1e-13)
    assert capped >= math.log1p(t) * (1 - 1e-13)


@pytest.mark.parametrize("kind", SATURATIONS)
def test_efficiency_slope_is_the_derivative_of_efficiency(kind):
    for gamma in (2.0, -0.6):
        for t in (0.2, 1.0, 2.9, 9.0):
            exact = mp.diff(lambda s, g=gamma: oracle.log2_efficiency(ORACLE_NAME[kind], s, mp.mpf(g), mp.mpf(6)), t)
            ours = efficiency_slope(np.array(t), np.array(gamma), np.array(6.0), kind)
            assert float(ours) == pytest.approx(float(exact) * LN2, rel=1e-12, abs=1e-20)
            level = oracle.log2_efficiency(ORACLE_NAME[kind], mp.mpf(t), mp.mpf(gamma), mp.mpf(6))
            assert float(log_efficiency(np.array(t), np.array(gamma), np.array(6.0), kind)) == pytest.approx(
                float(level * oracle.L2), rel=1e-14
            )


@given(t=st.floats(0.0, 30.0), gamma=st.floats(-2.0, 3.0), pi=st.floats(-2.0, 3.0), m=st.floats(0.01, 100.0))
@SETTINGS
def test_loss_sees_only_the_sum_of_gamma_and_fleet_growth(t, gamma, pi, m):
    ours = rl.log_compute_ratio(t, gamma, fleet=m, fleet_growth=pi)
    assert float(ours) == pytest.approx(float(rl.log_compute_ratio(t, gamma + pi, fleet=m)), rel=1e-13, abs=1e-300)


@given(t=st.floats(0.0, 30.0), gamma=st.floats(-2.0, 3.0), d=st.floats(0.0, 20.0), m=st.floats(0.01, 100.0))
@SETTINGS
def test_a_delay_is_a_fleet_of_zero_before_it(t, gamma, d, m):
    delayed = rl.log_compute_ratio(t, gamma, fleet=m, start_delay=d)
    if d > 0.0:
        stepped = rl.log_compute_ratio(t, gamma, fleet=m, fleet_breaks=[0.0, d], fleet_multiples=[0.0, 1.0])
        assert float(delayed) == pytest.approx(float(stepped), rel=1e-13, abs=1e-300)
    assert delayed <= rl.log_compute_ratio(t, gamma, fleet=m) * (1 + 1e-13)


def test_nothing_runs_before_the_first_break():
    t = np.array([0.0, 1.0, 3.0, 8.0])
    late = {"fleet_breaks": [2.0], "fleet_multiples": [5.0]}
    assert np.allclose(rl.log_compute_ratio(t, 1.1, **late), rl.log_compute_ratio(t, 1.1, fleet=5.0, start_delay=2.0))
    assert rl.decay_rate(1.0, 0.05, 1.1, **late) == 0.0
    with pytest.raises(ValueError, match="fleet_breaks must keep its default in the run convention"):
        rl.log_compute_ratio(t, 1.1, convention="run", **late)


def test_steps_of_equal_size_are_no_steps():
    t = np.linspace(0.0, 9.0, 19)
    stepped = rl.log_compute_ratio(t, 1.3, fleet=4.0, fleet_breaks=[0, 1, 2.5, 7], fleet_multiples=[1, 1, 1, 1])
    assert np.allclose(stepped, rl.log_compute_ratio(t, 1.3, fleet=4.0), rtol=1e-14, atol=0.0)


def test_steps_far_beyond_float_range_stay_finite():
    value = rl.log_compute_ratio(4000.0, 2.0, fleet_breaks=[0.0, 3000.0], fleet_multiples=[1.0, 1e6])
    expected = 8000.0 * LN2 + math.log(1e6) - math.log(2.0 * LN2)
    assert float(value) == pytest.approx(expected, rel=1e-14)


def test_hardware_frozen_at_each_break_keeps_the_efficiency_of_its_day():
    value = rl.log_compute_ratio(5.0, 2.0, fleet_breaks=[0.0, 1.0, 3.0], fleet_multiples=[10.0, 2.0, 1.0], frozen=True)
    assert float(value) == pytest.approx(math.log(1 + 10 * 1 + 2 * 4 * 2 + 1 * 64 * 2), rel=1e-15)


def test_frozen_with_growth_and_headroom_buys_at_the_saturated_level():
    value = rl.log_compute_ratio(10.0, 2.0, headroom=3.0, frozen=True, start_delay=4.0, fleet_growth=0.5)
    work = mp.quad(lambda s: mp.power(2, mp.mpf("0.5") * s), [4, 10]) * 8
    assert float(value) == pytest.approx(float(mp.log1p(work)), rel=1e-14)


def test_fleet_in_baseline_multiplies_everything_but_its_own_r():
    t = np.array([0.0, 2.0, 7.0])
    shared = rl.log_compute_ratio(t, 1.0, fleet=100.0, fleet_in_baseline=True)
    assert np.allclose(shared - math.log(100.0), rl.log_compute_ratio(t, 1.0), rtol=1e-15, atol=1e-15)
    assert rl.relative_loss(0.0, 0.05, 1.0, fleet=0.5, fleet_in_baseline=True) > 1.0


def test_run_convention_is_a_plain_exponential():
    t = np.linspace(0.0, 12.0, 7)
    ours = rl.log_relative_loss(t, 0.05, 0.78, convention="run", power_growth=1.13, duration_growth=0.32)
    assert np.allclose(ours, -0.05 * 2.23 * LN2 * t, rtol=1e-14, atol=0.0)
    slope = rl.decay_rate(t, 0.05, 0.78, convention="run", power_growth=1.13, duration_growth=0.32)
    assert np.allclose(slope, 0.05 * 2.23 * LN2, rtol=1e-14)
    capped = rl.log_compute_ratio(t, 0.78, convention="run", power_growth=1.0, headroom=2.0)
    assert np.allclose(capped, (np.minimum(0.78 * t, 2.0) + t) * LN2, rtol=1e-14, atol=0.0)
    assert rl.relative_loss(3.0, 0.05, -1.0, convention="run") > 1.0


@pytest.mark.parametrize(
    "path",
    [
        {"headroom": 5.0, "saturation": "hard"},
        {"headroom": 5.0, "saturation": "exponential"},
        {"headroom": 5.0, "saturation": "logistic"},
        {"headroom": 5.0, "saturation": "tanh", "fleet_growth": 0.4},
        {"fleet_breaks": [0.0, 2.0], "fleet_multiples": [1.0, 5.0], "start_delay": 0.5},
        {"start_delay": 1.0, "frozen": True},
        {"fleet_growth": 0.7},
        {"convention": "run", "power_growth": 0.5, "headroom": 3.0, "saturation": "logistic"},
    ],
)
def test_decay_rate_along_a_path_is_the_slope_of_ln_r(path):
    for t in (0.3, 1.7, 3.0, 6.0):
        h = 1e-5
        below, above = (rl.log_relative_loss(t + s * h, 0.1, 1.5, floor=0.2, **path) for s in (-1, 1))
        slope = (below - above) / (2 * h)
        assert float(rl.decay_rate(t, 0.1, 1.5, floor=0.2, **path)) == pytest.approx(float(slope), rel=2e-8, abs=1e-9)


@pytest.mark.parametrize("gamma", [-0.2, 0.0, 0.5, 3.0])
def test_time_along_a_constant_path_is_the_closed_form(gamma):
    target = np.array([1.0, 0.999, 0.9, 0.7, 0.3])
    closed = rl.time_to_target(target, 0.2, gamma, fleet=3.0, baseline_years=0.5, floor=0.1)
    searched = rl.time_to_target_on_path(target, 0.2, gamma, fleet=3.0, baseline_years=0.5, floor=0.1)
    assert np.array_equal(np.isinf(closed), np.isinf(searched))
    assert np.allclose(searched[np.isfinite(closed)], closed[np.isfinite(closed)], rtol=1e-12, atol=0.0)


@pytest.mark.parametrize("kind", SATURATIONS)
@given(
    target=st.floats(0.3, 0.99), gamma=st.floats(-0.5, 4.0), headroom=st.floats(0.5, 12.0), delay=st.floats(0.0, 4.0)
)
@settings(SETTINGS, max_examples=6)
def test_time_along_a_path_is_undone_by_the_path(kind, target, gamma, headroom, delay):
    path = {"headroom": headroom, "saturation": kind, "start_delay": delay}
    years = rl.time_to_target_on_path(target, 0.3, gamma, **path)
    if math.isfinite(years):
        assert rl.relative_loss(years, 0.3, gamma, **path) == pytest.approx(target, rel=1e-9)
        assert years >= delay
    else:
        assert gamma < 0.0
        assert rl.relative_loss(1e9, 0.3, gamma, **path) > target


def test_time_along_a_path_reaches_array_shapes_and_corners():
    years = rl.time_to_target_on_path([[0.9], [0.4]], 0.15, [0.5, 2.0, -3.0], floor=0.5, headroom=7.6)
    assert years.shape == (2, 3)
    assert np.isinf(years[1]).all()
    assert np.isinf(years[0, 2])
    assert rl.time_to_target_on_path(1.0, 0.05, 2.0, start_delay=3.0) == 0.0
    assert rl.time_to_target_on_path(0.9, 0.05, 2.0, fleet=1e6, fleet_in_baseline=True) == 0.0
    stepped = rl.time_to_target_on_path(0.9, 0.05, 0.0, fleet_breaks=[0, 1], fleet_multiples=[0.0, 10.0])
    assert float(stepped) == pytest.approx(1.0 + 0.7225263339969954, rel=1e-12)


@pytest.mark.parametrize("kind", SATURATIONS)
@pytest.mark.parametrize(("gamma", "headroom"), [(-1.0, 0.5), (-1.5, 6.0), (2.0, 7.6)])
def test_a_late_start_under_saturation_does_not_cancel(kind, gamma, headroom):
    # almost all of the integral from 0 lies before the start: a difference of two integrals would keep no digit
    ours = rl.log_compute_ratio(12.0, gamma, fleet=1e9, headroom=headroom, saturation=kind, start_delay=9.0)
    exact = exact_log_ratio(12.0, gamma, headroom, kind, start=9.0, fleet=1e9, panels=40)
    assert float(ours) == pytest.approx(exact, rel=1e-12, abs=1e-300)


@pytest.mark.parametrize("kind", SATURATIONS)
@pytest.mark.parametrize(
    "path",
    [
        {},
        {"fleet": 0.0},
        {"start_delay": 2.0, "frozen": True},
        {"fleet_breaks": [0.0, 1.0, 3.0], "fleet_multiples": [1.0, 0.0, 5.0]},
    ],
)
def test_no_nan_along_paths_of_extremes(kind, path):
    t = np.array([0.0, 5e-324, 1e-9, 1.0, 50.0, 1e4, 1e308])[:, None, None]
    gamma = np.array([-1e100, -50.0, -1.0, 0.0, 5e-324, 1.0, 50.0, 1e308])[None, :, None]
    headroom = np.array([5e-324, 1e-6, 1.0, 100.0, 1e300])
    if "fleet_breaks" in path:  # by quadrature: the far corners would take a thousand panels each
        t, headroom, gamma = t[:5], headroom[1:3], gamma[:, 2:7]
    for function in (rl.log_compute_ratio, lambda *a, **k: rl.decay_rate(a[0], 0.05, a[1], **k)):
        values = function(t, gamma, headroom=headroom, saturation=kind, **path)
        assert not np.isnan(values).any()

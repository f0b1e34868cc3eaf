"""Milestones and crossings: years for every draw, never included, and no mean anywhere."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from race_to_efficiency.forecasting.milestones import (
    Passage,
    crossing,
    log_ratio_of_target,
    reducible_target,
    time_to_log_ratio,
)
from race_to_efficiency.forecasting.trust import date_after
from race_to_efficiency.scenarios import RunPath, ShapedPath, SteadyPath, build_path
from race_to_efficiency.scenarios.paths import CappedPath, CappedTerm
from race_to_efficiency.settings.scenarios import ScenarioParams
from race_to_efficiency.units import Quarter
from scipy.optimize import brentq

AS_OF = Quarter(2026, 1).as_of


def steady(rate, scale=1.0, n=1) -> SteadyPath:
    return SteadyPath(np.broadcast_to(np.float64(rate), n).copy(), np.full(n, scale))


def general(rate: float, scale: float = 1.0) -> ShapedPath:
    """The same as a steady path, by the route of paths that have no closed form."""
    return ShapedPath(np.array([rate]), {"fleet": scale})


@settings(max_examples=40)
@given(st.floats(-0.5, 3), st.floats(0.05, 20), st.floats(0.01, 8))
def test_the_time_found_is_the_time_it_happens_on_either_route(rate, scale, level):
    wanted = np.array([level])
    closed = time_to_log_ratio(steady(rate, scale), wanted).years[0]
    scanned = time_to_log_ratio(general(rate, scale), wanted).years[0]
    if np.isinf(closed):
        ceiling = np.log1p(scale / (-rate * math.log(2.0)))
        assert rate < 0
        assert ceiling <= level * (1 + 1e-9)
        assert np.isinf(scanned) or scanned > 50 / abs(rate)
        return
    assert steady(rate, scale).log_compute_ratio(closed)[0] == pytest.approx(level, rel=1e-9, abs=1e-12)
    if closed > 1e-3 and (rate >= 0 or closed * -rate < 20):
        assert scanned == pytest.approx(closed, rel=1e-6)


def test_a_target_met_at_once_takes_no_time_and_one_below_the_floor_is_never_met():
    path = steady(1.0, n=3)
    found = time_to_log_ratio(path, np.array([0.0, -1.0, np.inf])).years
    np.testing.assert_array_equal(found, [0.0, 0.0, np.inf])
    kappa = np.array([0.15, 0.15, 0.15])
    goal = reducible_target(0.5, np.array([0.2, 0.5, 0.9]))
    np.testing.assert_allclose(goal, [0.375, 0.0, 0.0])
    years = time_to_log_ratio(path, log_ratio_of_target(kappa, goal)).years
    assert np.isfinite(years[0])
    assert np.isinf(years[1:]).all()


def test_the_published_years_under_a_floor():
    # years to a total ratio of .7 at gamma 0, kappa_reducible .1535: 9 with floor 0, 390 with .5, never with .75; the
    # paper's form at .05 says 1,252
    path, kappa = steady(0.0, n=1), np.array([0.1535])
    years = [
        time_to_log_ratio(path, log_ratio_of_target(kappa, reducible_target(0.7, np.array([floor])))).years[0]
        for floor in (0.0, 0.5, 0.75)
    ]
    assert years[0] == pytest.approx(9, abs=0.5)
    assert years[1] == pytest.approx(390, abs=1)
    assert years[2] == math.inf
    assert time_to_log_ratio(path, log_ratio_of_target(np.array([0.05]), 0.7)).years[0] == pytest.approx(
        1252.25, rel=1e-5
    )


def test_a_run_that_shrinks_never_arrives_and_one_that_stops_at_its_cap_arrives_before_it_or_never():
    shrinking = RunPath(np.array([-0.5]), ())
    assert time_to_log_ratio(shrinking, np.array([0.1])).years[0] == math.inf
    capped = RunPath(np.zeros(1), (CappedTerm(np.array([1.0]), 3.0),))
    assert time_to_log_ratio(capped, np.array([2.9 * math.log(2)])).years[0] == pytest.approx(2.9, rel=1e-12)
    assert time_to_log_ratio(capped, np.array([3.1 * math.log(2)])).years[0] == math.inf
    ahead = RunPath(np.zeros(1), (), multiple=4.0)
    assert time_to_log_ratio(ahead, np.array([1.0])).years[0] == 0.0


@settings(max_examples=60)
@given(
    st.floats(-0.4, 2),
    st.floats(-0.4, 2),
    st.floats(0, 5),
    st.floats(-0.4, 2),
    st.floats(0, 5),
    st.floats(0.2, 9),
    st.floats(0.02, 12),
)
def test_a_chain_of_stretches_arrives_when_its_curve_does(gamma, first, cap, second, limit, scale, t):
    terms = (CappedTerm(np.array([first]), cap), CappedTerm(np.array([second]), limit))
    for path in (CappedPath(np.array([gamma]), terms, np.array([scale])), RunPath(np.array([gamma]), terms)):
        level = path.log_compute_ratio(t)
        years = path.years_to(level)[0]
        if level[0] <= 0:
            assert years == 0
        else:  # a run may fall back later: the first time it is there is the one that counts
            assert years <= t * (1 + 1e-7)
            assert path.log_compute_ratio(years)[0] == pytest.approx(level[0], rel=1e-7, abs=1e-9)


@pytest.mark.parametrize("gamma", [-1.0, 0.0, 0.5])
def test_a_chain_that_ends_short_of_its_target_never_arrives(gamma):
    terms = (CappedTerm(np.array([2.0]), 1.0),)
    path = CappedPath(np.array([gamma]), terms, np.ones(1))
    # X is bounded only when what goes on decays: 1 + G(.5, 1) + 2^(...)/(1 x ln 2)
    ceiling = path.log_compute_ratio(5000.0 if gamma < 0 else 10.0)
    years = path.years_to(ceiling + 0.01)[0]
    assert np.isinf(years) if gamma < 0 else years > 10
    np.testing.assert_array_equal(path.years_to(np.array([np.inf])), [np.inf])
    nothing = CappedPath(np.array([gamma]), terms, np.zeros(1))
    assert nothing.years_to(np.array([0.1]))[0] == math.inf
    assert nothing.log_compute_ratio(3.0)[0] == 0.0


def test_a_fleet_of_nothing_never_arrives():
    assert time_to_log_ratio(steady(1.0, scale=0.0), np.array([0.5])).years[0] == math.inf


def test_probabilities_count_draws():
    passage = Passage(np.array([1.0, 3.0, np.inf, np.inf]))
    assert passage.probability_never == 0.5
    assert passage.probability_by(2.0) == 0.25
    np.testing.assert_array_equal(passage.quantiles([0.0, 1 / 3, 0.5, 0.9]), [1.0, 3.0, np.inf, np.inf])


# ---- Hare and Turtle


def test_the_published_crossing_of_hare_and_turtle():
    # m = 10, gamma .5 v 2: cumulative crossover after 3.170 years
    hare, turtle = steady(0.5, 10.0), steady(2.0, 1.0)
    assert crossing(hare, turtle).passage.years[0] == pytest.approx(3.170, abs=5e-4)


@settings(max_examples=25)
@given(st.floats(1.2, 50), st.floats(0, 1.5), st.floats(0.3, 2))
def test_a_crossing_is_where_the_curves_meet_on_either_route(multiple, slow, lead):
    hare, turtle = steady(slow, multiple), steady(slow + lead, 1.0)
    found = crossing(hare, turtle)
    scanned = crossing(general(slow, multiple), general(slow + lead, 1.0)).passage.years[0]
    years = found.passage.years[0]
    if np.isinf(years):
        assert np.isinf(scanned)
        return
    assert not found.ahead_from_start[0]
    exact = brentq(
        lambda t: turtle.log_compute_ratio(t)[0] - hare.log_compute_ratio(t)[0], 0.2 * years, 3 * years, xtol=1e-13
    )
    assert years == pytest.approx(exact, rel=1e-7)
    assert scanned == pytest.approx(exact, rel=1e-6)


def test_the_slower_of_two_never_overtakes_and_the_larger_and_faster_leads_from_the_start():
    behind = crossing(steady(2.0, 10.0), steady(0.5, 1.0))
    assert behind.passage.probability_never == 1.0
    assert not behind.ahead_from_start.any()
    ahead = crossing(steady(0.5, 1.0), steady(2.0, 10.0))
    assert ahead.ahead_from_start.all()
    assert np.isinf(ahead.passage.years).all()


def test_curves_of_two_conventions_do_not_cross():
    run = build_path(
        ScenarioParams(name="run", gamma=1.0, convention="run"), {"x": np.zeros(1)}, measured_baseline_years=1.0
    )
    with pytest.raises(ValueError, match="must share a convention"):
        crossing(steady(1.0), run)


def test_dates_stop_where_the_calendar_does():
    assert date_after(AS_OF, 5.0) == "2031-03-31"
    assert date_after(AS_OF, math.inf) is None
    assert date_after(AS_OF, 1e5) is None

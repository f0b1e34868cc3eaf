"""Averages and mixtures of quantiles, against closed forms and brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from race_to_efficiency.evaluation import averaging
from race_to_efficiency.evaluation.predictive import TAU, Predictive
from scipy import stats

MIDDLE = slice(2, 21)


def normal(centre: float, scale: float) -> np.ndarray:
    return np.asarray(stats.norm.ppf(TAU, centre, scale))


def test_averaged_quantiles_of_normals_are_a_normal() -> None:
    found = averaging.average(np.array([normal(0, 1), normal(4, 3)]), np.array([0.25, 0.75]))
    np.testing.assert_allclose(found, normal(3.0, 2.5), rtol=1e-12)


def test_a_mixture_has_the_probabilities_of_its_parts() -> None:
    parts, weights = np.array([normal(0, 1), normal(2, 0.5)]), np.array([0.4, 0.6])
    found = averaging.mixture(parts, weights)
    # against the mixture's own distribution function; straight lines between quantiles cost a little
    reached = 0.4 * stats.norm.cdf(found, 0, 1) + 0.6 * stats.norm.cdf(found, 2, 0.5)
    np.testing.assert_allclose(reached[MIDDLE], TAU[MIDDLE], atol=0.01)


@given(st.integers(0, 5000), st.integers(1, 4))
def test_a_mixture_of_one_distribution_is_that_distribution(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    one = np.sort(np.round(rng.normal(size=23), 1))  # rounding makes point masses
    weights = rng.dirichlet(np.ones(n))
    np.testing.assert_allclose(averaging.mixture(np.tile(one, (n, 1)), weights), one, atol=1e-9)


@given(st.integers(0, 5000), st.integers(2, 4))
def test_mixtures_and_averages_lie_between_their_parts(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    parts = np.sort(np.round(rng.normal(size=(n, 23)), 1), axis=1)
    weights = rng.dirichlet(np.ones(n))
    for found in (averaging.average(parts, weights), averaging.mixture(parts, weights)):
        assert (np.diff(found) >= 0).all()
        assert (found >= parts.min(axis=0) - 1e-9).all()
        assert (found <= parts.max(axis=0) + 1e-9).all()


def test_a_point_mass_keeps_its_share_in_a_mixture() -> None:
    stays, rises = np.zeros(23), normal(10, 1)
    found = averaging.mixture(np.array([stays, rises]), np.array([0.3, 0.7]))
    assert (found[TAU < 0.3 - 1e-9] == 0).all()
    assert (found[TAU > 0.32] > 5).all()


def test_the_chance_that_a_record_stays_is_mixed_and_its_rise_averaged() -> None:
    # one member stays with .4 and else rises by 1 to 2, the other never stays and rises by 3 to 5 (uniformly both)
    first = np.where(TAU <= 0.4, 0.0, 1.0 + (TAU - 0.4) / 0.6)
    second = 3.0 + 2.0 * TAU
    found = averaging.hurdle(np.array([first, second]), np.array([0.5, 0.5]), 0.0)
    chance = 0.5 * 0.4
    assert (found[chance - 1e-9 > TAU] == 0).all()
    # given a rise, level v: weights .5 x .6 and .5 x 1 of 1 + v and 3 + 2 v
    v = (TAU[TAU > 0.26] - chance) / (1 - chance)
    np.testing.assert_allclose(found[TAU > 0.26], (0.3 * (1 + v) + 0.5 * (3 + 2 * v)) / 0.8, atol=0.06)


@given(st.integers(0, 5000))
def test_a_hurdle_of_members_that_never_stay_is_their_average(seed: int) -> None:
    rng = np.random.default_rng(seed)
    parts = np.sort(rng.uniform(1.0, 9.0, size=(3, 23)), axis=1) + 10.0
    weights = rng.dirichlet(np.ones(3))
    found = averaging.hurdle(parts, weights, 0.0)
    np.testing.assert_allclose(found, averaging.average(parts, weights), rtol=1e-12)
    still = averaging.hurdle(np.zeros((2, 23)), np.array([0.5, 0.5]), 0.0)
    assert (still == 0).all()


def test_probability_up_to_runs_through_the_quantiles() -> None:
    quantiles = normal(0, 1)
    for tau, value in zip(TAU, quantiles, strict=True):
        assert averaging.probability_up_to(quantiles, float(value)) == pytest.approx(tau)
    assert averaging.probability_up_to(quantiles, -99.0) == 0.0
    assert averaging.probability_up_to(quantiles, 99.0) == 1.0
    assert averaging.probability_up_to(np.maximum(quantiles, 0.0), 0.0) == pytest.approx(0.5)
    assert averaging.probability_up_to(np.maximum(quantiles, 0.0), -1e-9) == 0.0


def test_members_are_combined_horizon_by_horizon() -> None:
    members = [Predictive(np.array([normal(k, 1), normal(k, 2)]), np.array([0.2, 1.0])) for k in (0.0, 6.0)]
    found = averaging.combine(members, np.array([[1.0, 0.5], [0.0, 0.5]]))
    np.testing.assert_allclose(found.quantiles, [normal(0, 1), normal(3, 2)], atol=1e-12)
    np.testing.assert_allclose(found.shared, [0.2, 1.0])

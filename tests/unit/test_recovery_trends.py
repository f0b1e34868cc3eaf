"""The recovery harness itself: repeatable, honest about refusals, and the bounds at a small number of data sets."""

from __future__ import annotations

import numpy as np
import pytest
from quick_fits import studied
from race_to_efficiency.recovery.trends import CASES, TRUE_RATE, measure


def test_a_perfect_estimator_has_no_bias_and_a_refusing_one_is_counted():
    assert measure("perfect", lambda _: (TRUE_RATE, TRUE_RATE, TRUE_RATE), 10, 1)["coverage"] == 1.0
    half = measure("half", lambda rng: None if rng.random() < 0.5 else (TRUE_RATE + 0.1, 0.45, 0.55), 400, 1)
    assert half["refused"] == pytest.approx(0.5, abs=0.1)
    assert half["bias"] == pytest.approx(0.1)
    assert half["coverage"] == 0.0
    assert measure("never", lambda _: None, 10, 1)["coverage"] is None


def test_a_normal_estimator_covers_what_it_says():
    def attempt(rng):
        found = TRUE_RATE + 0.1 * rng.standard_normal()
        return found, found - 0.196, found + 0.196

    result = measure("normal", attempt, 4000, 3)
    assert result["coverage"] == pytest.approx(0.95, abs=4 * np.sqrt(0.95 * 0.05 / 4000))
    assert result["sd"] == pytest.approx(0.1, rel=0.05)


@pytest.mark.parametrize("name", CASES)
def test_every_case_runs_and_repeats(name):
    first = CASES[name](6, 7)
    assert first == CASES[name](6, 7)
    told = {"n_datasets", "bias", "sd", "coverage", "refused", "bounds", "note"}
    assert set(first) - {"stated_coverage"} == told
    assert ("stated_coverage" in first) == ("stated_within" in first["bounds"])


@pytest.mark.parametrize("count", studied(30, 150))
@pytest.mark.parametrize("name", ["clustered_10", "clustered_20", "truncated_50", "censored_50"])
def test_the_bounds_hold_as_far_as_so_many_data_sets_can_tell(name, count):
    result = CASES[name](count, 11)
    slack = 3 * np.sqrt(0.92 * 0.08 / count)
    assert result["coverage"] >= 0.92 - slack
    assert abs(result["bias"]) <= 0.01 + 3 * result["sd"] / np.sqrt(count)


def test_independent_intervals_fail_under_clustering():
    assert CASES["clustered_10_independent_rows"](150, 11)["coverage"] < 0.85

"""Predictive intervals on simulated truth: repeatable, and covering as far as a few hundred data sets can tell."""

from __future__ import annotations

import numpy as np
import pytest
from race_to_efficiency.evaluation.scoring import LEVELS
from race_to_efficiency.recovery.predictive import CASES, predictive_coverage
from scipy import stats

QUICK = [name for name in CASES if "larger_run" not in name]


def test_a_known_forecaster_covers_what_it_says() -> None:
    right = predictive_coverage("right", lambda rng: (float(rng.normal()), stats.norm.ppf(LEVELS)), 2000, 3)
    assert right["coverage"] == pytest.approx(0.95, abs=0.02)
    narrow = predictive_coverage("narrow", lambda rng: (float(rng.normal()), 0.5 * stats.norm.ppf(LEVELS)), 2000, 3)
    assert narrow["coverage"] == pytest.approx(stats.norm.cdf(0.98) * 2 - 1, abs=0.03)
    half = predictive_coverage(
        "half", lambda rng: None if rng.random() < 0.5 else (0.0, stats.norm.ppf(LEVELS)), 400, 3
    )
    assert half["refused"] == pytest.approx(0.5, abs=0.1)
    assert predictive_coverage("never", lambda _: None, 10, 1)["coverage"] is None


@pytest.mark.parametrize("name", CASES)
def test_every_case_runs_and_repeats(name: str) -> None:
    first = CASES[name](3, 7)
    assert first == CASES[name](3, 7)
    assert set(first) == {"n_datasets", "bias", "sd", "coverage", "refused", "bounds", "note"}


@pytest.mark.parametrize("name", QUICK)
def test_the_bounds_hold_as_far_as_400_data_sets_can_tell(name: str) -> None:
    result = CASES[name](400, 11)
    assert result["refused"] <= 0.05
    if "coverage" in result["bounds"]:
        assert result["coverage"] >= result["bounds"]["coverage"] - 3 * np.sqrt(0.92 * 0.08 / 400)
    if "coverage_at_most" in result["bounds"]:
        assert result["coverage"] <= result["bounds"]["coverage_at_most"] + 3 * np.sqrt(0.98 * 0.02 / 400)


def test_a_wandering_slope_breaks_intervals_that_do_not_allow_for_it() -> None:
    assert CASES["predictive_no_walk_6y"](400, 11)["coverage"] < 0.8
    assert CASES["predictive_walk_6y"](400, 11)["coverage"] > 0.9


def test_larger_runs_are_covered() -> None:
    # 40 data sets tell 75 % from 95 %
    assert CASES["predictive_larger_run_walk"](40, 5)["coverage"] >= 0.85

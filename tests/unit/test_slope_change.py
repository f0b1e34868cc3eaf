"""Changes of slope: the right size without one, found where there is one, and what the ledgers say."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
import statsmodels.api as sm
from gamma_views import inputs, inputs_of, series_of
from race_to_efficiency.calibration.gamma.components import Component
from race_to_efficiency.calibration.gamma.components_algorithm import speedrun
from race_to_efficiency.calibration.gamma.slope_change import fit_kink, share_statistics, slope_change
from race_to_efficiency.calibration.gamma.trend_fit import fit_trend
from race_to_efficiency.settings.gamma import Change

PART = Component("x", "mean", (), "none", "x")


def outcome_of(series, change, **extra):
    made = inputs_of({})
    return slope_change(made, change, {"x.mean": fit_trend(made, PART, series.ordered(), **extra)})


def bent(seed, before, after, count=60):
    rng = np.random.default_rng(seed)
    years = np.sort(rng.uniform(2015, 2025, count))
    return series_of(
        years, before * np.minimum(years - 2020, 0) + after * np.maximum(years - 2020, 0) + rng.normal(0, 0.3, count)
    )


def test_the_kink_is_least_squares_on_two_arms():
    series = bent(0, 0.8, 0.2)
    clock = series.time - 2020.0
    design = np.column_stack([np.ones(60), np.minimum(clock, 0), np.maximum(clock, 0)])
    theirs = sm.OLS(series.value, design).fit()
    kink = fit_kink(series.time, series.value, None, 2020.0)
    assert (kink.before, kink.after) == pytest.approx((theirs.params[1], theirs.params[2]), rel=1e-6)


def test_a_bend_is_found_at_a_named_and_at_an_unknown_date():
    series = bent(1, 0.8, 0.1)
    named = outcome_of(series, Change(component="x.mean", at=date(2020, 1, 1)))
    assert named["found"]
    assert (named["slope_before"], named["slope_after"]) == pytest.approx((0.8, 0.1), abs=0.1)
    searched = outcome_of(series, Change(component="x.mean"))
    assert searched["found"]
    assert searched["at"] == pytest.approx(2020.0, abs=1.0)
    assert searched["p_value"] >= 1 / 1000


def test_without_a_bend_few_are_found():
    hits = [outcome_of(bent(seed, 0.4, 0.4, 30), Change(component="x.mean"))["found"] for seed in range(40)]
    assert sum(hits) <= 6  # 40 x 5 %: 2 expected, 6 or more by chance in 1.4 % of such forties


def cumulative(seed, early, late):
    rng = np.random.default_rng(seed)
    years = 2024 + np.concatenate([[0], np.cumsum(rng.exponential(2 / 80, 79))])
    gains = np.where(years[1:] < 2025, early, late) * rng.gamma(0.7, 1 / 0.7, 79) * 2 / 80
    return series_of(years, np.concatenate([[0], np.cumsum(gains)]))


def test_cumulative_series_are_judged_against_their_own_unevenness():
    change = Change(component="x.mean", at=date(2025, 1, 1))
    assert outcome_of(cumulative(1, 4.0, 0.5), change, resampling="increments")["found"]
    steady = [outcome_of(cumulative(seed, 1.0, 1.0), change, resampling="increments")["found"] for seed in range(30)]
    assert sum(steady) <= 5


def test_the_share_statistic_by_hand():
    # Half the time gone at year 1 of 2, three quarters of the gain made: a gap of a quarter.
    clock = np.asarray([[0.0, 1.0, 2.0]])
    assert share_statistics(clock, np.asarray([[0.0, 3.0, 4.0]]), np.asarray([1.0])) == pytest.approx([0.25])
    assert share_statistics(clock, np.asarray([[1.0, 1.0, 1.0]]), np.asarray([1.0])) == pytest.approx([0.0])


def test_gains_after_a_chips_launch_come_early():
    rng = np.random.default_rng(5)
    cells = np.repeat(np.arange(40), 4)
    age = np.tile([0.0, 0.5, 1.0, 2.0], 40)
    start = np.repeat(rng.uniform(2018, 2023, 40), 4)
    value = rng.normal(0, 2, 40)[cells] + 0.5 * np.minimum(age, 1.0) + rng.normal(0, 0.1, 160)
    order = np.lexsort((value, start + age))
    series = series_of(
        (start + age)[order], value[order], [f"b{cell % 12}" for cell in cells[order]], cells=cells[order]
    )
    result = outcome_of(series, Change(component="x.mean", at_age_years=1.0))
    assert result["clock"] == "age"
    assert result["found"]
    assert (result["slope_before"], result["slope_after"]) == pytest.approx((0.5, 0.0), abs=0.08)


def test_the_speedrun_slowed_in_2025():
    made = inputs("2026-03-31")
    fits = {fit.component.key: fit for fit in speedrun(made, "speedrun_time", "record_time_s", ("algorithm",))}
    result = slope_change(made, Change(component="speedrun_time.ols", at=date(2025, 1, 1)), fits)
    assert result["found"]
    assert result["slope_before"] > 4 * result["slope_after"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (Change(component="nothing.x"), "too few rows"),
        (Change(component="x.mean", at=date(1990, 1, 1)), "one side empty"),
    ],
)
def test_what_cannot_be_tested_says_why(change, reason):
    result = outcome_of(bent(0, 0.3, 0.3), change)
    assert result["status"] == "refused"
    assert reason in result["reason"]

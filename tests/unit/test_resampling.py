"""Clustered uncertainty against explicit loops, statsmodels and simulated truth."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from gamma_views import series_of
from hypothesis import given
from hypothesis import strategies as st
from race_to_efficiency.calibration.common.estimates import t_interval
from race_to_efficiency.calibration.common.resampling import (
    bootstrap_slopes,
    cluster_weights,
    increment_slopes,
    jackknife_stderr,
    stated_coverage,
    stream,
    stretched,
)
from race_to_efficiency.calibration.gamma.frontier import record_slopes
from race_to_efficiency.calibration.gamma.trends import fit_line, line_slopes


def clustered(seed: int, groups: int = 12, each: int = 5):
    rng = np.random.default_rng(seed)
    label = np.repeat(np.arange(groups), each)
    years = 2015 + np.repeat(rng.uniform(0, 9, groups), each) + rng.uniform(0, 1, groups * each)
    value = 0.3 * years + rng.normal(0, 0.5, groups)[label] + rng.normal(0, 0.5, groups * each)
    return series_of(years, value, [f"g{index}" for index in label])


def test_the_jackknife_is_the_loop_over_left_out_clusters():
    series = clustered(1)
    point = fit_line(series).slope
    names = np.unique(series.clusters.astype(str))
    without = [fit_line(series.take(series.clusters != name)).slope for name in names]
    expected = np.sqrt((len(names) - 1) / len(names) * np.sum((np.asarray(without) - point) ** 2))
    stderr, count = jackknife_stderr(series, line_slopes)
    assert stderr == pytest.approx(expected, rel=1e-7)
    assert count == 12


def test_each_row_its_own_cluster_gives_nearly_statsmodels_hc3():
    series = clustered(2)
    alone = series_of(series.time, series.value)
    theirs = sm.OLS(series.value, sm.add_constant(series.time - series.time.mean())).fit().get_robustcov_results("HC3")
    # HC3 squares e/(1-h) without centring on the full estimate: equal up to 1/n.
    assert jackknife_stderr(alone, line_slopes)[0] == pytest.approx(theirs.bse[1], rel=0.02)


def test_the_jackknife_is_wider_than_the_usual_cluster_estimator_with_few_clusters():
    ratios = []
    for seed in range(20):
        series = clustered(seed, groups=8)
        index = np.unique(series.clusters.astype(str), return_inverse=True)[1]
        design = sm.add_constant(series.time - series.time.mean())
        usual = sm.OLS(series.value, design).fit(cov_type="cluster", cov_kwds={"groups": index}).bse[1]
        ratios.append(jackknife_stderr(series, line_slopes)[0] / usual)
    assert min(ratios) > 1.0
    assert 1.05 < np.median(ratios) < 2.0


def test_crossed_clusters_are_at_least_as_wide_as_either():
    series = clustered(3)
    second = np.asarray([f"s{index % 7}" for index in range(len(series))], dtype=object)
    crossed = series_of(series.time, series.value, series.clusters, second_clusters=second)
    both, count = jackknife_stderr(crossed, line_slopes)
    one = jackknife_stderr(series, line_slopes)[0]
    two = jackknife_stderr(series_of(series.time, series.value, second), line_slopes)[0]
    assert both >= max(one, two) - 1e-12
    assert count == 7


def test_one_cluster_has_no_error():
    series = series_of([2000, 2001, 2002, 2003], [1, 2, 2.5, 4], ["a"] * 4)
    assert jackknife_stderr(series, line_slopes)[0] == np.inf


def test_weights_belong_to_names():
    series = clustered(4)
    shuffled = series.take(np.random.default_rng(0).permutation(len(series)))
    one = cluster_weights(series, 50, 7)
    two = cluster_weights(shuffled, 50, 7)
    by_name = {name: one[:, index] for index, name in enumerate(series.clusters)}
    for index, name in enumerate(shuffled.clusters):
        assert np.array_equal(two[:, index], by_name[name])
    smaller = series.take(series.clusters != "g3")
    assert np.array_equal(cluster_weights(smaller, 50, 7)[:, 0], by_name[smaller.clusters[0]])
    assert not np.array_equal(cluster_weights(series, 50, 8), one)


def test_rows_of_a_cluster_share_weights_of_mean_and_variance_one():
    series = clustered(5)
    for counts in (False, True):
        weights = cluster_weights(series, 20_000, 3, counts=counts)
        assert np.array_equal(weights[:, 0], weights[:, 1])
        assert weights.mean() == pytest.approx(1.0, abs=0.01)
        assert weights[:, ::5].var() == pytest.approx(1.0, abs=0.03)
        assert (weights >= 0).all()
    assert np.array_equal(weights, np.round(weights))


def test_the_cluster_bootstrap_has_the_spread_of_the_sandwich():
    series = clustered(6, groups=80)
    index = np.unique(series.clusters.astype(str), return_inverse=True)[1]
    design = sm.add_constant(series.time - series.time.mean())
    usual = sm.OLS(series.value, design).fit(cov_type="cluster", cov_kwds={"groups": index}).bse[1]
    draws = bootstrap_slopes(series, line_slopes, 4000, 1)
    assert draws.std() == pytest.approx(usual, rel=0.1)
    assert draws.mean() == pytest.approx(fit_line(series).slope, abs=3 * usual / np.sqrt(80))


def test_undetermined_draws_are_replaced_and_too_many_refused():
    series = clustered(7)
    draws = bootstrap_slopes(series, record_slopes, 500, 1, counts=True)
    assert np.isfinite(draws).all()
    few = series_of([2000, 2001, 2002], [1, 2, 3], ["a", "b", "c"])
    with pytest.raises(ValueError, match="undetermined"):
        bootstrap_slopes(few, lambda _, weights: np.full(len(weights), np.nan), 100, 1)


@given(st.floats(0.01, 2.0), st.integers(2, 40))
def test_stretching_reaches_the_jackknife_interval_and_never_narrows(stderr, dof):
    draws = 0.3 + 0.1 * stream(1, "normal").standard_normal(2000)
    wide = stretched(draws, 0.3, stderr, dof)
    low, high = t_interval(0.3, stderr, dof)
    assert wide.std() >= draws.std() * (1 - 1e-12)
    if wide.std() > draws.std() * 1.001:
        assert 1.96 * wide.std() == pytest.approx((high - low) / 2, rel=1e-3)


def test_increments_of_a_straight_path_leave_no_doubt():
    series = series_of(2024 + np.arange(30) / 15, np.arange(30) * 0.1)
    draws = increment_slopes(series, 200, 6, 1)
    assert draws == pytest.approx(np.full(200, 1.5), rel=1e-9)


def test_increments_see_what_residuals_do_not():
    # A cumulative sum of uneven steps: the line's own residuals look small, its slope is far less certain.
    rng = np.random.default_rng(4)
    years = 2024 + np.concatenate([[0], np.cumsum(rng.exponential(1 / 60, 62))])
    series = series_of(years, np.concatenate([[0], np.cumsum(rng.gamma(0.7, 0.02, 62))]))
    assert increment_slopes(series, 1000, 6, 1).std() > 2 * fit_line(series).stderr


def test_stated_coverage_is_near_nominal_with_many_clusters_and_repeats():
    series = clustered(8, groups=30)
    covered = stated_coverage(series, 5)
    assert 0.92 < covered < 0.98
    assert stated_coverage(series, 5) == covered


def test_stated_coverage_is_honest_for_few_clusters():
    """What six clusters say of themselves is what a fresh simulation on the same dates finds."""
    series = clustered(9, groups=6)
    rng = np.random.default_rng(10)
    index = np.unique(series.clusters.astype(str), return_inverse=True)[1]
    hits = 0
    for _ in range(300):
        noise = rng.normal(size=6)[index] * np.sqrt(0.5) + rng.normal(size=30) * np.sqrt(0.5)
        trial = series_of(series.time, noise, series.clusters)
        low, high = t_interval(fit_line(trial).slope, jackknife_stderr(trial, line_slopes)[0], 5)
        hits += low <= 0.0 <= high
    assert stated_coverage(series, 5) == pytest.approx(hits / 300, abs=0.05)


def test_streams_differ_by_name_and_seed_and_repeat():
    first = stream(1, "a", "b").random(4)
    assert np.array_equal(first, stream(1, "a", "b").random(4))
    assert not np.array_equal(first, stream(1, "ab").random(4))
    assert not np.array_equal(first, stream(2, "a", "b").random(4))

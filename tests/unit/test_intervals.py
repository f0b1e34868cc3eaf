"""Intervals of few clusters: expanded percentiles against Student's t, and the coverage they state."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from race_to_efficiency.calibration.kappa.intervals import (
    bootstrap_weights,
    cluster_coverage,
    expanded_tail,
    percentile_intervals,
)
from scipy import stats


@given(st.integers(2, 500), st.sampled_from([0.5, 0.8, 0.95]))
def test_expanded_percentiles_of_normal_draws_are_a_t_interval(n_clusters, level):
    """The bootstrap of a mean of n has sd s sqrt((n-1)/n)/sqrt(n): its expanded percentiles are mean -+ t s/sqrt(n)."""
    tail = expanded_tail(level, n_clusters)
    half = -stats.norm.ppf(tail) * np.sqrt((n_clusters - 1) / n_clusters)
    assert half == pytest.approx(stats.t.ppf(0.5 + level / 2, n_clusters - 1), rel=1e-9)
    assert tail < 0.5 - level / 2 == expanded_tail(level, None)


def test_only_clusters_are_expanded():
    draws = np.random.default_rng(1).standard_normal(20_000)
    plain, wide = (
        percentile_intervals(draws, method="cluster_bootstrap", levels=[0.95], n_clusters=count)[0]
        for count in (None, 6)
    )
    assert (plain.low, plain.high) == pytest.approx(tuple(np.quantile(draws, [0.025, 0.975])), abs=1e-3)
    half = np.sqrt(6 / 5) * stats.t.ppf(0.975, 5)
    assert (wide.low, wide.high) == pytest.approx((-half, half), abs=0.12)


@pytest.mark.parametrize("n_clusters", [4, 8])
def test_the_stated_coverage_is_what_other_data_sets_show(n_clusters):
    rng = np.random.default_rng(n_clusters)
    member = np.repeat(np.arange(n_clusters), 5)
    x = rng.uniform(40, 48, n_clusters)[member] + rng.uniform(0, 2.3, member.size)
    names = [f"model {k}" for k in member]
    stated = cluster_coverage(x, names, seed=1)
    hits, data_sets = 0, 200
    weights = bootstrap_weights(names, 150, 99)
    for _ in range(data_sets):
        y = rng.standard_normal(n_clusters)[member] * np.sqrt(0.5) + rng.standard_normal(member.size) * np.sqrt(0.5)
        slopes = [np.polyfit(x, y, 1, w=np.sqrt(w))[0] for w in weights if len(set(member[w > 0])) > 1]
        low, high = np.quantile(slopes, [expanded_tail(0.95, n_clusters), 1 - expanded_tail(0.95, n_clusters)])
        hits += low <= 0 <= high
    assert stated == pytest.approx(hits / data_sets, abs=0.06)


def test_one_value_of_compute_states_nothing():
    assert np.isnan(cluster_coverage(np.zeros(12), [f"m{k // 4}" for k in range(12)], seed=0))

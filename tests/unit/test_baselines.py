"""Baselines worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from race_to_efficiency.evaluation import baselines
from race_to_efficiency.evaluation.baselines import Series
from race_to_efficiency.evaluation.scoring import LEVELS
from scipy import stats

QUARTERLY = Series(
    *(np.array(x) for x in ([0.0, 0.25, 0.5, 0.75, 1.0], [0.0, 1.0, 1.0, 3.0, 4.0])),
    *(np.array(x) for x in ([0.0, 0.25, 0.5, 0.75, 1.0], [0.0, 1.0, 1.0, 3.0, 4.0])),
)


def test_past_changes_over_the_same_horizon() -> None:
    assert sorted(baselines.past_changes([QUARTERLY], 0.25)) == [0.0, 1.0, 1.0, 2.0]
    assert sorted(baselines.past_changes([QUARTERLY], 0.5)) == [1.0, 2.0, 3.0]


def test_a_horizon_longer_than_the_series_is_stretched() -> None:
    # half a year is the longest horizon with three changes; a year is twice as long
    np.testing.assert_allclose(sorted(baselines.past_changes([QUARTERLY], 1.0)), np.sqrt(2) * np.array([1.0, 2.0, 3.0]))
    short = Series(*(np.array([0.0, 0.25]) for _ in range(4)))
    assert baselines.past_changes([short], 1.0).size == 0


def test_quarters_a_day_apart_are_one_horizon() -> None:
    assert sorted(baselines.past_changes([QUARTERLY], 0.253)) == [0.0, 1.0, 1.0, 2.0]


def test_last_value_is_symmetric_about_it() -> None:
    q = baselines.last_value(4.0, np.array([1.0, 2.0, 3.0]))
    assert q[11] == 4.0
    np.testing.assert_allclose(q + q[::-1], 8.0)
    assert q[-1] == pytest.approx(4.0 + np.quantile([-3, -2, -1, 1, 2, 3], 0.99))


def test_random_walk_with_drift_by_hand() -> None:
    # steps 1, 0, 2, 1: drift 4/yr; residuals 0, -1, 1, 0 a quarter: variance (1 + 1)/.25/3 a year
    q = baselines.random_walk_drift([QUARTERLY], 4.0, 0.5)
    assert q[11] == pytest.approx(4.0 + 2.0)
    sd = np.sqrt(2 / 0.25 / 3 * (0.5 + 0.25))
    np.testing.assert_allclose(q, 6.0 + sd * stats.norm.ppf(LEVELS))


def test_fixed_rate_moves_the_centre_alone() -> None:
    changes = np.array([1.0, 2.0, 3.0])
    moore = baselines.fixed_rate(4.0, 0.5, 2.0, changes)
    assert moore[11] == pytest.approx(5.0)
    assert moore[-1] - moore[0] == pytest.approx(np.quantile(changes, 0.99) - np.quantile(changes, 0.01))


def test_level_is_the_last_one_known() -> None:
    np.testing.assert_array_equal(QUARTERLY.level_at(np.array([-0.5, 0.0, 0.4, 9.0])), [np.nan, 0.0, 1.0, 4.0])


def test_baselines_of_a_record_stay_where_it_stands() -> None:
    ahead = np.array([0.25, 0.5])
    past = [baselines.past_changes([QUARTERLY], float(step)) for step in ahead]
    free, held = (
        baselines.quantiles([QUARTERLY], 4.0, ahead, past, 0.5, 1.5, monotone=monotone) for monotone in (False, True)
    )
    assert set(free) == set(held) == set(baselines.BASELINES)
    for name, rows in held.items():
        assert (rows >= 4.0).all()
        # the upper half is what it was, what lay below counts as staying
        np.testing.assert_array_equal(rows, np.maximum(free[name], 4.0))
    np.testing.assert_array_equal(free["last_value"][1], baselines.last_value(4.0, past[1]))
    np.testing.assert_array_equal(free["published"][1], baselines.fixed_rate(4.0, 1.5, 0.5, past[1]))
    assert "published" not in baselines.quantiles([QUARTERLY], 4.0, ahead, past, 0.5, None)

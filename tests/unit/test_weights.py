"""Weights learnt online: by hand, on simulated forecasters, and their limits."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from race_to_efficiency import storage
from race_to_efficiency.evaluation.effective_n import effective_n
from race_to_efficiency.evaluation.outcomes import SettledOutcome
from race_to_efficiency.evaluation.weights import (
    Learned,
    OutcomeHistory,
    Settled,
    best_baseline,
    learn,
    weigh,
    weights_document,
)
from small_settings import section

PARAMS = section("backtest").learning
HORIZONS = np.array([1.0, 4.0, 12.0])


def settled(wis: np.ndarray, horizon: float = 1.0) -> Settled:
    """Outcomes of windows that follow one another: all of them independent."""
    n = len(wis)
    start = np.arange(n) * horizon / 4
    return Settled(
        np.full(n, horizon), start, start + horizon / 4, np.array([f"{k}" for k in range(n)]), np.ones(n), wis
    )


def test_without_outcomes_all_weigh_the_same() -> None:
    weights, relative, n_eff = learn(settled(np.empty((0, 4))), HORIZONS, PARAMS)
    np.testing.assert_array_equal(weights, np.full((4, 3), 0.25))
    assert np.isnan(relative).all()
    assert (n_eff == 0).all()


def test_weights_by_hand() -> None:
    wis = np.array([[1.0, 3.0], [2.0, 2.0]])
    weights, relative, n_eff = learn(settled(wis), np.array([1.0]), PARAMS)
    np.testing.assert_allclose(relative[:, 0], [1.5 / 2.0, 2.5 / 2.0])
    assert n_eff[0] == pytest.approx(2.0)
    ratio = np.exp(-PARAMS.learning_rate * 2.0 * 0.5)
    learnt = 2.0 / (2.0 + PARAMS.prior_outcomes)
    np.testing.assert_allclose(
        weights[:, 0], learnt * np.array([1.0, ratio]) / (1 + ratio) + (1 - learnt) / 2, rtol=1e-12
    )


def test_other_horizons_count_less_the_further_off_they_are() -> None:
    near, far = settled(np.array([[1.0, 2.0]]), 4.0), settled(np.array([[2.0, 1.0]]), 12.0)
    both = Settled(*(np.concatenate([getattr(near, name), getattr(far, name)]) for name in near.__dataclass_fields__))
    weights, _, _ = learn(both, HORIZONS, PARAMS)
    # the first member leads near four quarters, the second at twelve
    assert weights[0, 1] > 0.5 > weights[0, 2]


@given(st.integers(0, 3000), st.integers(1, 30))
def test_equal_windows_have_the_effective_number_of_their_outcomes(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    start = np.round(4 * rng.uniform(0, 3, n)) / 4
    blocks = [f"{k}" for k in rng.integers(0, 5, n)]
    shared = rng.uniform(size=n)
    own = Settled(np.full(n, 2.0), start, start + 0.5, np.array(blocks), shared, np.ones((n, 3)))
    _, _, n_eff = learn(own, np.array([2.0]), PARAMS)
    # the number of blocks is a cap that correlations below 1 can pass
    assert min(n_eff[0], len(set(blocks))) == pytest.approx(effective_n(blocks, start, start + 0.5, shared))


def test_the_better_of_two_forecasters_is_found_and_a_turn_is_followed() -> None:
    rng = np.random.default_rng(3)
    first = np.abs(rng.normal(size=40))
    wis = np.column_stack([first, 2.0 * first])
    assert learn(settled(wis), np.array([1.0]), PARAMS)[0][0, 0] > 0.9
    turned = np.concatenate([wis, 3.0 * wis[:, ::-1], 3.0 * wis[:, ::-1]])
    assert learn(settled(turned), np.array([1.0]), PARAMS)[0][1, 0] > 0.9


def test_few_outcomes_move_little() -> None:
    lucky = weigh(np.array([[0.1], [1.9]]), np.array([1.0]), PARAMS)
    assert lucky[1, 0] > 0.4
    free = PARAMS.model_copy(update={"prior_outcomes": 0.0})
    assert weigh(np.array([[0.1], [1.9]]), np.array([1.0]), free)[1, 0] < 0.01
    none = PARAMS.model_copy(update={"learning_rate": 0.0})
    np.testing.assert_allclose(weigh(np.array([[0.1], [1.9]]), np.array([9.0]), none), 0.5)


def test_the_best_baseline_is_compared_where_both_were_made() -> None:
    names = ("last_value", "moore", "published")
    nan = np.nan
    assert best_baseline(names, np.empty((0, 3))) == "last_value"
    assert best_baseline(names, np.array([[1.0, 2.0, nan], [1.0, 2.0, nan]])) == "last_value"
    assert best_baseline(names, np.array([[1.0, 0.9, nan], [4.0, 4.0, 3.0]])) == "published"


def test_history_scores_what_has_settled_alone() -> None:
    history = OutcomeHistory(("a", "b"), ("last_value",))
    made = [np.full((3, 23), 1.0), [np.full(23, 2.0), np.full(23, 5.0), np.full(23, np.nan)]]
    keys, places = [("2024Q1", ""), ("2024Q2", "")], [(1.0, 2024.0, 2024.25, 1.0), (2.0, 2024.0, 2024.5, 1.0)]
    history.made.append(SimpleNamespace(keys=keys, places=np.array(places), made=np.array(made)))
    found = history.settled([SettledOutcome("t", "2024Q2", "", "", "x", -2.0, np.nan)], -1)
    # one entry: quantiles all at 2, 5 against an outcome of 2, turned so that better is larger
    np.testing.assert_array_equal(found.horizon, [2.0])
    np.testing.assert_allclose(found.wis[0, :2], [0.0, 3.0])
    assert np.isnan(found.wis[0, 2])
    learned = history.learned(found, np.arange(1.0, 5.0), PARAMS)
    assert learned.weights[0, 0] > learned.weights[1, 0]
    document = weights_document("t", learned, (1, 4, 8))
    assert [item["horizon_quarters"] for item in document["horizons"]] == [1, 4]
    assert sum(document["horizons"][0]["weights"].values()) == pytest.approx(1.0)


def test_what_was_learnt_survives_json():
    shares = np.array([[1 / 3, 0.1], [2 / 3, 0.9]])
    unknown = np.array([[np.nan, 1.25], [np.nan, 0.75]])
    learned = Learned(("a", "b"), shares, unknown, np.array([0.0, 7.1]), "moore")
    again = Learned.from_json(json.loads(storage.dumps(learned.to_json())))
    assert (again.names, again.baseline) == (learned.names, learned.baseline)
    for name in ("weights", "relative", "n_eff"):
        np.testing.assert_array_equal(getattr(again, name), getattr(learned, name))

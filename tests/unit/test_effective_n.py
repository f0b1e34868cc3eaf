"""Effective outcomes, binomial bands and verdicts: hand cases, published values, simulated truth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from race_to_efficiency.evaluation import effective_n as en
from race_to_efficiency.evaluation.scoring import LEVELS
from scipy import stats


def test_independent_outcomes_count_fully() -> None:
    assert en.effective_n(list("abcde"), [0, 1, 2, 3, 4], [1, 2, 3, 4, 5], np.ones(5)) == 5
    assert en.effective_n(list("abcde"), np.zeros(5), np.ones(5), np.zeros(5)) == 5


def test_one_block_is_one_outcome() -> None:
    assert en.effective_n(["round v4.0"] * 7, np.zeros(7), np.ones(7), np.zeros(7)) == pytest.approx(1.0)
    assert en.effective_n(["a", "a", "b", "b"], np.zeros(4), np.ones(4), np.zeros(4)) == pytest.approx(2.0)


def test_overlapping_horizons_by_hand() -> None:
    # three paths of two years, one year apart: correlations 1/2, 1/2, 0: 9 / (3 + 2 * (.5 + .5))
    assert en.effective_n(list("abc"), [0, 1, 2], [2, 3, 4], np.ones(3)) == pytest.approx(9 / 5)
    # the same, half of the variance shared
    assert en.effective_n(list("abc"), [0, 1, 2], [2, 3, 4], np.full(3, 0.5)) == pytest.approx(9 / 4)


def test_no_outcome_is_zero() -> None:
    assert en.effective_n([], [], [], []) == 0.0


@given(st.integers(1, 30), st.integers(0, 10_000))
def test_never_more_than_the_blocks_nor_less_than_one(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    blocks = [f"b{k}" for k in rng.integers(0, 6, n)]
    start = rng.uniform(0, 5, n)
    value = en.effective_n(blocks, start, start + rng.uniform(0.25, 3, n), rng.uniform(0, 1, n))
    assert 1.0 - 1e-12 <= value <= len(set(blocks)) + 1e-12


def test_effective_n_gives_the_variance_of_a_mean_of_overlapping_sums() -> None:
    # forecasts four quarters ahead, made each quarter, of a random walk: their errors share up to three quarters
    rng = np.random.default_rng(11)
    steps = rng.normal(size=(4000, 43))
    errors = np.stack([steps[:, k : k + 4].sum(axis=1) for k in range(40)], axis=1)
    start = np.arange(40) / 4
    n_eff = en.effective_n([str(k) for k in range(40)], start, start + 1.0, np.ones(40))
    assert errors[:, 0].var() / errors.mean(axis=1).var() == pytest.approx(n_eff, rel=0.08)


def test_intraclass_correlation_equals_the_published_example() -> None:
    # Shrout & Fleiss (1979), table 2: six targets rated by four judges, ICC(1, 1) = .17
    ratings = np.array(
        [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], dtype=float
    )
    groups = np.repeat(list("abcdef"), 4)
    assert en.intraclass_correlation(ratings.ravel(), groups) == pytest.approx(0.17, abs=0.005)


def test_intraclass_correlation_of_degenerate_groups_is_zero() -> None:
    assert en.intraclass_correlation([1.0, 2.0], ["a", "b"]) == 0.0
    assert en.intraclass_correlation([1.0, 2.0], ["a", "a"]) == 0.0
    assert en.intraclass_correlation([1.0, 1.0, 1.0, 1.0], ["a", "a", "b", "b"]) == 0.0


@pytest.mark.parametrize("n", [1, 20, 57])
@pytest.mark.parametrize("level", [0.5, 0.8, 0.95])
def test_band_holds_the_binomial(n: int, level: float) -> None:
    low, high = en.coverage_band(n + 0.9, level)
    inside = stats.binom.cdf(round(high * n), n, level) - stats.binom.cdf(round(low * n) - 1, n, level)
    assert inside >= 0.95
    assert en.coverage_band(0.4, level) == (0.0, 1.0)


@given(st.integers(1, 400), st.sampled_from([0.5, 0.8, 0.95]), st.floats(0.5, 0.999))
def test_a_band_ends_at_scipys_quantiles_of_the_binomial(n: int, level: float, confidence: float) -> None:
    tail = (1.0 - confidence) / 2.0
    expected = stats.binom.ppf([tail, 1.0 - tail], n, level) / n
    np.testing.assert_array_equal(en.coverage_band(n, level, confidence=confidence), expected)


def test_relative_distance_by_hand() -> None:
    q = [[0.0, 2.0, 6.0]]
    levels = [0.1, 0.5, 0.9]
    for outcome, expected in ((2.0, 0.0), (4.0, 0.5), (6.0, 1.0), (0.0, 1.0), (-2.0, 2.0), (8.0, 1.5)):
        assert en.relative_distance([outcome], q, 0.8, levels)[0] == pytest.approx(expected)
    # a record that cannot fall: no width below the median
    assert en.relative_distance([1.0], [[1.0, 1.0, 2.0]], 0.8, levels)[0] == 0.0
    assert en.relative_distance([0.5], [[1.0, 1.0, 2.0]], 0.8, levels)[0] == np.inf


def sample_forecasts(scale: float, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    y = np.random.default_rng(seed).normal(size=n)
    return y, np.tile(scale * stats.norm.ppf(LEVELS), (n, 1))


def test_verdicts() -> None:
    assert en.coverage_verdict(*sample_forecasts(1.0, 60, 3), 60).word == "pass"
    narrow = en.coverage_verdict(*sample_forecasts(0.5, 60, 3), 60)
    assert narrow.word == "fail"
    assert "narrow" in narrow.reason
    wide = en.coverage_verdict(*sample_forecasts(2.0, 60, 3), 60)
    assert wide.word == "fail"
    assert "wide" in wide.reason
    few = en.coverage_verdict(*sample_forecasts(0.2, 60, 3), 19.9)
    assert few.word == en.TOO_FEW
    assert "19.9" in few.reason


def test_nothing_is_said_without_power() -> None:
    # outcomes sit either at the median or far out: half the width covers the very same ones
    y = np.zeros(25)
    y[:5] = 10.0
    forecasts = np.tile([-1.0, 0.0, 1.0], (25, 1))
    verdict = en.coverage_verdict(y, forecasts, 25, levels=[0.1, 0.5, 0.9], coverage_levels=(0.8,))
    assert verdict.word == en.TOO_FEW
    assert "half the width" in verdict.reason


def test_true_intervals_rarely_fail_and_half_ones_mostly_do() -> None:
    words = [en.coverage_verdict(*sample_forecasts(1.0, 40, seed), 40).word for seed in range(400)]
    assert words.count("fail") <= 0.07 * len(words)
    halves = [en.coverage_verdict(*sample_forecasts(0.5, 40, seed), 40).word for seed in range(400)]
    assert halves.count("fail") >= 0.95 * len(halves)


def test_a_point_mass_counts_by_its_share() -> None:
    # 70 % chance of no change: F jumps from 0 to .7 at the outcome; .25 to .7 of it lies in the 50 % interval
    tau = np.array(LEVELS)
    row = np.where(tau <= 0.7, 5.0, 5.0 + tau)[None, :]
    assert en.coverage_share([5.0], row, 0.5)[0] == pytest.approx(0.45 / 0.7)
    assert en.coverage_share([5.0], row, 0.95)[0] == pytest.approx(0.675 / 0.7)
    assert en.coverage_share([4.0], row, 0.95)[0] == 0.0
    assert en.coverage_share([5.71], row, 0.5)[0] == 1.0


@pytest.mark.parametrize("level", [0.5, 0.8, 0.95])
@pytest.mark.parametrize("stay", [0.3, 0.7])
def test_coverage_share_is_calibrated_for_records(level: float, stay: float) -> None:
    # truth: the record stays with probability `stay`, else rises by an exponential jump; the forecast says just that
    rng = np.random.default_rng(7)
    u = rng.uniform(size=40_000)
    rise = np.where(u < stay, 0.0, -np.log1p(-np.clip((u - stay) / (1 - stay), 0, None)))
    tau = np.array(LEVELS)
    row = np.where(tau <= stay, 0.0, -np.log1p(-np.clip((tau - stay) / (1 - stay), 0, None)))
    share = en.coverage_share(rise, np.tile(row, (rise.size, 1)), level)
    assert share.mean() == pytest.approx(level, abs=0.02)
    plain = rise <= row[np.searchsorted(tau, 0.5 + level / 2)]
    assert plain.mean() > level + 0.02


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ((["a"], [0.0], [0.0], [1.0]), "end"),
        ((["a"], [0.0], [1.0], [1.5]), "shared"),
        ((["a", "b"], [0.0], [1.0], [1.0]), "length"),
    ],
)
def test_bad_input_is_named(arguments: tuple[object, ...], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        en.effective_n(*arguments)  # type: ignore[arg-type]

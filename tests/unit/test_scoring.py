"""Scores against the `scoringrules` package, closed forms and cases worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
import scoringrules
from hypothesis import given
from hypothesis import strategies as st
from race_to_efficiency.evaluation import scoring
from scipy import stats

TAU = np.array(scoring.LEVELS)
finite = st.floats(-50, 50, allow_nan=False, width=64)


def sorted_rows(seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=n) * 3, np.sort(rng.standard_t(3, size=(n, TAU.size)), axis=1)


def test_levels_are_the_23_of_the_forecast_hubs() -> None:
    assert len(TAU) == 23
    assert TAU[0] == 0.01
    assert TAU[11] == 0.5
    np.testing.assert_allclose(TAU + TAU[::-1], 1.0, atol=1e-15)


def test_hand_case_of_one_interval() -> None:
    # interval [2, 6] at 80 % with median 3 and outcome 8: IS = 4 + (2/.2)(8-6) = 24;
    # WIS = (|8-3|/2 + .1 * 24)/1.5 = (2.5 + 2.4)/1.5
    parts = scoring.weighted_interval_score([8.0], [[2.0, 3.0, 6.0]], [0.1, 0.5, 0.9])
    assert parts.wis[0] == pytest.approx(4.9 / 1.5)
    assert parts.dispersion[0] == pytest.approx(0.4 / 1.5)
    assert parts.overprediction[0] == 0
    assert parts.underprediction[0] == pytest.approx(4.5 / 1.5)


@given(st.integers(0, 10_000))
def test_weighted_interval_score_equals_scoringrules(seed: int) -> None:
    y, q = sorted_rows(seed, 7)
    alpha = 2 * TAU[:11]
    # scoringrules 0.10 weighs the median itself, not |y - median|, in its numpy form of the score: its interval scores
    # are the oracle, put together by the published equation
    intervals = scoringrules.interval_score(y, q[:, :11], q[:, :11:-1], alpha, backend="numpy")
    expected = (np.abs(y - q[:, 11]) / 2 + (intervals * alpha / 2).sum(axis=1)) / 11.5
    parts = scoring.weighted_interval_score(y, q)
    np.testing.assert_allclose(parts.wis, expected, rtol=1e-12)
    np.testing.assert_allclose(parts.wis, parts.dispersion + parts.overprediction + parts.underprediction, rtol=1e-12)
    assert (parts.dispersion >= 0).all()
    assert ((parts.overprediction == 0) | (parts.underprediction == 0)).all()


@given(st.integers(0, 10_000))
def test_quantile_scores_equal_scoringrules(seed: int) -> None:
    y, q = sorted_rows(seed, 5)
    np.testing.assert_allclose(
        scoring.quantile_score(y, q),
        scoringrules.quantile_score(y[:, None], q, TAU[None, :], backend="numpy"),
        rtol=1e-12,
    )
    # the mean of twice the pinball losses at symmetric levels IS the weighted interval score
    np.testing.assert_allclose(
        scoring.weighted_interval_score(y, q).wis, scoringrules.crps_quantile(y, q, TAU, backend="numpy"), rtol=1e-12
    )


def test_crps_from_quantiles_nears_the_closed_form_of_the_normal() -> None:
    y = np.array([-3.0, -1.0, 0.0, 0.4, 2.5])
    expected = scoringrules.crps_normal(y, 0.0, 1.0, backend="numpy")
    coarse = scoring.crps_quantile(y, np.tile(stats.norm.ppf(TAU), (y.size, 1)))
    np.testing.assert_allclose(coarse, expected, rtol=0.01)
    fine = np.arange(1, 2000) / 2000
    dense = scoring.crps_quantile(y, np.tile(stats.norm.ppf(fine), (y.size, 1)), fine)
    np.testing.assert_allclose(dense, expected, rtol=1e-4)


def test_trapezoid_tails_are_exact_for_a_point_forecast() -> None:
    # all quantiles equal: the forecast is a point, and its CRPS the absolute error
    for y in (-2.0, 7.0):
        score = scoring.crps_quantile([y], np.full((1, TAU.size), 3.0))
        assert score[0] == pytest.approx(abs(y - 3.0), rel=1e-12)


@given(finite, st.floats(0.01, 20), st.integers(0, 10_000))
def test_scores_shift_and_scale_with_the_unit(shift: float, scale: float, seed: int) -> None:
    y, q = sorted_rows(seed, 3)
    for score in (
        lambda a, b: scoring.weighted_interval_score(a, b).wis,
        scoring.crps_quantile,
    ):
        moved = score(scale * y + shift, scale * q + shift)
        np.testing.assert_allclose(moved, scale * score(y, q), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("spread", [0.5, 2.0])
@pytest.mark.parametrize("centre", [-0.7, 0.0, 0.7])
def test_scores_are_proper(spread: float, centre: float) -> None:
    y = stats.norm.ppf((np.arange(4000) + 0.5) / 4000)
    truth = np.tile(stats.norm.ppf(TAU), (y.size, 1))
    rival = centre + spread * truth
    for score in (lambda a, b: scoring.weighted_interval_score(a, b).wis, scoring.crps_quantile):
        assert score(y, truth).mean() < score(y, rival).mean()


def test_pit_is_uniform_under_the_truth_and_agrees_with_scipy() -> None:
    y = stats.norm.ppf((np.arange(2000) + 0.5) / 2000)
    values = scoring.pit(y, np.tile(stats.norm.ppf(TAU), (y.size, 1)))
    inside = (values > 0.05) & (values < 0.95)
    np.testing.assert_allclose(values[inside], stats.norm.cdf(y[inside]), atol=4e-3)
    assert stats.kstest(values, "uniform").statistic < 0.01


def test_pit_gives_the_middle_of_a_point_mass() -> None:
    # a record that can only rise: 30 % chance of staying at 5, then up
    levels = [0.1, 0.2, 0.3, 0.5, 0.7, 0.9]
    row = [[5.0, 5.0, 5.0, 6.0, 7.0, 9.0]]
    assert scoring.pit([5.0], row, levels)[0] == pytest.approx(0.15)
    assert scoring.pit([6.0], row, levels)[0] == pytest.approx(0.5)
    assert scoring.pit([6.5], row, levels)[0] == pytest.approx(0.6)
    assert scoring.pit([4.0], row, levels)[0] == pytest.approx(0.05)
    assert scoring.pit([10.0], row, levels)[0] == pytest.approx(0.95)


def test_coverage_counts_closed_ends() -> None:
    q = np.tile(stats.norm.ppf(TAU), (4, 1))
    low, high = scoring.central_interval(q, 0.8)
    assert low[0] == pytest.approx(stats.norm.ppf(0.1))
    inside = scoring.interval_coverage([low[0], high[0], high[0] + 1e-9, 0.0], low, high)
    assert inside.tolist() == [True, True, False, True]


def test_brier_equals_scoringrules() -> None:
    o, p = np.array([0, 1, 1, 0]), np.array([0.1, 0.7, 0.0, 1.0])
    np.testing.assert_allclose(
        scoring.brier_score(o, p), scoringrules.brier_score(o.astype(float), p, backend="numpy"), rtol=1e-12
    )


def test_skill_is_negative_when_worse_and_nan_without_reference() -> None:
    assert scoring.skill(2.0, 1.0) == -1.0
    assert scoring.skill(0.5, 1.0) == 0.5
    assert np.isnan(scoring.skill(1.0, 0.0))
    assert np.isnan(scoring.skill(1.0, float("nan")))


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: scoring.quantile_score([1.0], [[1.0, 0.5]], [0.1, 0.9]), "cross"),
        (lambda: scoring.quantile_score([1.0], [[1.0, 1.5]], [0.9, 0.1]), "levels"),
        (lambda: scoring.quantile_score([1.0], [[1.0, 1.5]], [0.0, 0.1]), "levels"),
        (lambda: scoring.quantile_score([np.nan], [[1.0, 1.5]], [0.1, 0.9]), "finite"),
        (lambda: scoring.quantile_score([1.0, 2.0], [[1.0, 1.5]], [0.1, 0.9]), "shape"),
        (lambda: scoring.weighted_interval_score([1.0], [[1.0, 1.5]], [0.1, 0.9]), "symmetric"),
        (lambda: scoring.weighted_interval_score([1.0], [[1.0, 1.5, 2.0]], [0.1, 0.5, 0.8]), "symmetric"),
        (lambda: scoring.central_interval([[1.0, 2.0]], 0.5, [0.1, 0.9]), "level"),
        (lambda: scoring.brier_score([0.5], [0.5]), "outcome"),
        (lambda: scoring.brier_score([1], [1.5]), "probability"),
    ],
)
def test_bad_input_is_named(call: object, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        call()  # type: ignore[operator]

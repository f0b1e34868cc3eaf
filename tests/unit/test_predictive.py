"""Predictive models against statsmodels, closed forms and brute force."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from race_to_efficiency.evaluation import predictive
from race_to_efficiency.evaluation.scoring import LEVELS
from scipy import stats

TAU = np.array(LEVELS)


@given(st.integers(0, 5000), st.integers(4, 30))
def test_trend_is_the_prediction_interval_of_ols(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    time = 2020 + 5 * rng.uniform(size=n)
    value = 0.4 * time + rng.normal(size=n)
    at = np.array([2025.5, 2027.0])
    found = predictive.trend(time, value, at)
    fit = sm.OLS(value, sm.add_constant(time - 2020)).fit()
    for alpha in (0.05, 0.2, 0.5):
        expected = fit.get_prediction(np.column_stack([np.ones(2), at - 2020])).conf_int(obs=True, alpha=alpha)
        columns = [int(np.argmin(np.abs(TAU - end))) for end in (alpha / 2, 1 - alpha / 2)]
        np.testing.assert_allclose(found.quantiles[:, columns], expected, rtol=1e-7, atol=1e-7)


def test_trend_shares_what_the_parameters_contribute() -> None:
    rng = np.random.default_rng(1)
    time = np.linspace(2018, 2024, 25)
    value = 0.3 * time + rng.normal(size=25)
    at = np.array([2024.5, 2030.0])
    found = predictive.trend(time, value, at)
    fit = sm.OLS(value, sm.add_constant(time - 2021)).fit()
    prediction = fit.get_prediction(np.column_stack([np.ones(2), at - 2021]))
    np.testing.assert_allclose(found.shared, prediction.var_pred_mean / (prediction.se_obs**2), rtol=1e-9)


def test_heavy_tails_and_walk_widen_by_their_formulas() -> None:
    rng = np.random.default_rng(2)
    time, at = np.linspace(2018, 2024, 25), np.array([2025.0, 2027.0])
    value = 0.3 * time + rng.normal(size=25)
    plain = predictive.trend(time, value, at)
    heavy = predictive.trend(time, value, at, degrees=4.0)
    walk = predictive.trend(time, value, at, walk=0.5)
    last = TAU.size - 1

    def half(one: predictive.Predictive) -> np.ndarray:
        return one.quantiles[:, last] - one.quantiles[:, 11]

    np.testing.assert_allclose(half(heavy) / half(plain), stats.t.ppf(0.99, 4) / stats.t.ppf(0.99, 23))
    scale = half(plain) / stats.t.ppf(0.99, 23)
    expected = np.sqrt(scale**2 + 0.25 * (at - 2024) ** 3 / 3)
    np.testing.assert_allclose(half(walk) / stats.t.ppf(0.99, 23), expected)


def test_trend_covers_what_it_says() -> None:
    rng = np.random.default_rng(3)
    hits = np.zeros(2)
    for _ in range(2000):
        time = np.sort(2020 + 4 * rng.uniform(size=12))
        value = 0.5 * time + rng.normal(size=12)
        one = predictive.trend(time, value, np.array([2025.0]))
        outcome = 0.5 * 2025 + rng.normal()
        hits += [
            one.quantiles[0, 3] <= outcome <= one.quantiles[0, 19],
            one.quantiles[0, 1] <= outcome <= one.quantiles[0, 21],
        ]
    np.testing.assert_allclose(hits / 2000, [0.8, 0.95], atol=0.02)


@pytest.mark.parametrize("time", [np.array([1.0, 2.0, 3.0]), np.full(6, 2.0)])
def test_trend_refuses_too_little(time: np.ndarray) -> None:
    with pytest.raises(ValueError, match="time"):
        predictive.trend(time, np.arange(time.size, dtype=float), np.array([4.0]))


def test_drift_is_hyndmans_drift_method() -> None:
    # quarterly series, textbook variance s^2 h (1 + h/T) with h and T in steps
    y = np.array([0.0, 0.3, 0.2, 0.9, 1.4, 1.3])
    change = np.diff(y)
    step = np.full(5, 0.25)
    h = np.array([1.0, 4.0])
    found = predictive.drift(step, change, y[-1], h / 4, span=1.25, free=4.0)
    s = change.std(ddof=1)
    np.testing.assert_allclose(found.quantiles[:, 11], y[-1] + change.mean() * h)
    width = found.quantiles[:, 21] - found.quantiles[:, 11]
    np.testing.assert_allclose(width, s * np.sqrt(h + h**2 / 5) * stats.t.ppf(0.975, 4))


def test_drift_weights_follow_the_recent_steps() -> None:
    change = np.concatenate([np.full(10, 1.0), np.full(10, 0.1)])
    weight = 0.5 ** (np.arange(19, -1, -1) / 2.0)
    found = predictive.drift(np.full(20, 0.25), change, 0.0, np.array([1.0]), span=5.0, free=19.0, weight=weight)
    assert 0.4 < found.quantiles[0, 11] < 0.6


def test_jumps_have_the_moments_of_a_compound_poisson_process() -> None:
    # 40 jumps of mean .5 in 10 years: two years bring 8 jumps, mean rise 4; sd sqrt(8 * 2 * .25) plus parameters
    rng = np.random.default_rng(5)
    jump = rng.exponential(0.5, 40)
    event = np.sort(2010 + 10 * rng.uniform(size=40))
    found = predictive.jump_draws(event, jump, 2010.0, 2020.0, np.array([2021.0, 2022.0]), rng, draws=40_000)
    assert found[:, 1].mean() == pytest.approx(40.5 / 10 * 2 * jump.sum() / 40, rel=0.05)
    assert found[:, 1].std() >= np.sqrt(8 * 2) * jump.mean() * 0.95
    assert (np.diff(found, axis=1) >= 0).all()
    assert (found[:, 0] == 0).mean() == pytest.approx(np.exp(-4.05), rel=0.35)


def test_no_jump_seen_means_no_rise() -> None:
    none = np.empty(0)
    found = predictive.jump_draws(none, none, 2010.0, 2020.0, np.array([2021.0]), np.random.default_rng(1), draws=50)
    assert (found == 0).all()


def test_jumps_weigh_less_the_older_they_are() -> None:
    event = np.concatenate([np.linspace(2015, 2018.9, 40), np.linspace(2019.1, 2020, 10)])
    jump = np.concatenate([np.full(40, 1.0), np.full(10, 0.1)])
    rng = np.random.default_rng(2)
    found = predictive.jump_draws(event, jump, 2015.0, 2020.0, np.array([2021.0]), rng, draws=40_000, half_life=0.5)
    # exposure and jumps are discounted alike; a prior worth two jumps of the plain mean size steadies their mean
    weight = 0.5 ** ((2020 - event) / 0.5)
    exposure = (1 - 0.5**10) * 0.5 / np.log(2)
    mean = (weight @ jump + 2 * jump.mean()) / (weight.sum() + 2)
    assert found.mean() == pytest.approx((weight.sum() + 0.5) / exposure * mean, rel=0.05)
    # an endless half-life is the process without one, but for that prior
    rate = predictive.jump_draws(event, jump, 2015.0, 2020.0, np.array([2021.0]), rng, draws=40_000, half_life=1e9)
    assert rate.mean() == pytest.approx(50.5 / 5 * (jump.sum() + 2 * jump.mean()) / 52, rel=0.05)


def test_weighted_trend_is_weighted_least_squares() -> None:
    rng = np.random.default_rng(4)
    time, at = 2020 + 5 * rng.uniform(size=30), np.array([2026.0])
    value, weight = 0.4 * time + rng.normal(size=30), rng.uniform(0.1, 1.0, size=30)
    found = predictive.trend(time, value, at, weight=weight)
    fit = sm.WLS(value, sm.add_constant(time - 2020), weights=weight).fit()
    assert found.quantiles[0, 11] == pytest.approx(float(fit.predict(np.array([[1.0, 6.0]]))[0]), rel=1e-12)
    # scaling the weights changes nothing; equal ones are none
    np.testing.assert_allclose(predictive.trend(time, value, at, weight=7 * weight).quantiles, found.quantiles)
    plain, equal = predictive.trend(time, value, at), predictive.trend(time, value, at, weight=np.full(30, 0.3))
    np.testing.assert_allclose(equal.quantiles, plain.quantiles)


def test_shrunk_slope_is_the_bayesian_posterior() -> None:
    rng = np.random.default_rng(6)
    time = np.linspace(2018, 2024, 12)
    value = 0.9 * time + rng.normal(size=12)
    pivot, at = time.mean(), np.array([2030.0])
    plain = predictive.trend(time, value, at)
    slope = (plain.quantiles[0, 11] - value.mean()) / (2030 - pivot)
    residual = value - value.mean() - slope * (time - pivot)
    sxx, variance = ((time - pivot) ** 2).sum(), (residual**2).sum() / 10
    found = predictive.trend(time, value, at, slope_prior=0.2)
    posterior = slope * (sxx / variance) / (sxx / variance + 1 / 0.2**2)
    assert found.quantiles[0, 11] == pytest.approx(value.mean() + posterior * (2030 - pivot))
    np.testing.assert_allclose(predictive.trend(time, value, at, slope_prior=1e6).quantiles, plain.quantiles)


def test_years_of_nothing_shrink_a_drift() -> None:
    step, change, ahead = np.full(8, 0.25), np.full(8, 0.3), np.array([2.0])
    found = predictive.drift(step, change, 1.0, ahead, span=2.0, free=7.0, nothing=2.0)
    assert found.quantiles[0, 11] == pytest.approx(1.0 + 2.4 / 4.0 * 2.0)


@given(st.integers(0, 5000), st.integers(1, 60), st.integers(1, 4))
def test_empirical_quantiles_are_numpys(seed: int, n: int, h: int) -> None:
    values = np.random.default_rng(seed).normal(size=(n, h))
    np.testing.assert_allclose(predictive.empirical(values), np.quantile(values, TAU, axis=0), rtol=0, atol=1e-12)
    np.testing.assert_allclose(predictive.empirical(values[:, 0]), np.quantile(values[:, 0], TAU), rtol=0, atol=1e-12)


def test_record_of_releases_against_brute_force() -> None:
    # many rows: the parameters are known, so plain simulation of releases gives the same record
    rng = np.random.default_rng(8)
    n = 4000
    time = np.sort(2000 + 20 * rng.uniform(size=n))
    value = 0.5 * (time - 2020) + rng.normal(size=n)
    window = 3.0
    rate = float((time > 2020 - window).sum()) / window
    ends = np.array([2020.5, 2021.5])
    keep = slice(None, None)
    found = predictive.release_draws(time[keep], value[keep], 2.5, 2020.0, ends, rng, draws=4000, window=window)
    brute = np.empty((4000, 2))
    for k in range(4000):
        count = rng.poisson(rate * 1.5)
        when = 2020 + 1.5 * rng.uniform(size=count)
        level = 0.5 * (when - 2020) + rng.normal(size=count)
        brute[k] = [max([2.5, *level[when <= end]]) for end in ends]
    np.testing.assert_allclose(np.quantile(found, TAU, axis=0), np.quantile(brute, TAU, axis=0), atol=0.12)


@given(st.integers(0, 5000))
def test_records_never_fall_below_the_record(seed: int) -> None:
    rng = np.random.default_rng(seed)
    time = np.sort(2015 + 5 * rng.uniform(size=8))
    value = rng.normal(size=8)
    record = float(value.max())
    ends = np.arange(1, 9) / 4 + 2020.0
    draws = predictive.release_draws(time, value, record, 2020.0, ends, rng, draws=200, window=2.0, walk=0.3)
    assert (draws >= record).all()
    assert (np.diff(draws, axis=1) >= 0).all()
    one = predictive.quantiles_of_draws(draws)
    assert (np.diff(one.quantiles, axis=1) >= 0).all()


def test_a_floor_holds() -> None:
    one = predictive.at_least(predictive.Predictive(np.arange(23.0)[None, :], np.ones(1)), 4.0)
    assert one.quantiles[0, :5].tolist() == [4.0] * 5
    assert one.quantiles[0, -1] == 22.0

"""Limited likelihoods against scipy's truncated normal, numerical derivatives and a known truth."""

from __future__ import annotations

import numpy as np
import pytest
from gamma_views import inputs_of, series_of
from race_to_efficiency.calibration.gamma import limited
from race_to_efficiency.calibration.gamma.components import Component
from race_to_efficiency.calibration.gamma.trends import fit_line
from scipy.optimize import approx_fprime
from scipy.stats import norm, truncnorm

LIMIT = 1.0


def made(kind: str, seed: int = 0, count: int = 400):
    rng = np.random.default_rng(seed)
    years = rng.uniform(2016, 2024, count)
    value = 0.4 * (years - 2016) + rng.normal(0, 0.7, count)
    if kind == "truncated":
        return series_of(years[value > LIMIT], value[value > LIMIT])
    return series_of(years, np.maximum(value, LIMIT))


def likelihood(kind, parameters, series, limit):
    slope, level, log_sigma = parameters
    sigma, mean = np.exp(log_sigma), level + slope * (series.time - series.time.mean())
    if kind == "truncated":
        return truncnorm.logpdf(series.value, (limit - mean) / sigma, np.inf, loc=mean, scale=sigma).sum()
    seen = series.value > limit
    return norm.logpdf(series.value[seen], mean[seen], sigma).sum() + norm.logcdf(limit, mean[~seen], sigma).sum()


@pytest.mark.parametrize("kind", ["truncated", "censored"])
def test_the_likelihood_is_scipys_and_the_scores_its_derivatives(kind):
    series = made(kind)
    at = np.asarray([0.3, 1.7, -0.2])
    time, bounds = series.time - series.time.mean(), np.full(len(series), LIMIT)
    hidden = (series.value <= LIMIT) & (kind == "censored")
    ours = limited._log_density(at, time, series.value, bounds, hidden, kind)
    assert ours.sum() == pytest.approx(likelihood(kind, at, series, LIMIT), rel=1e-10)
    scores = limited._scores(at, time, series.value, bounds, hidden, kind).sum(axis=0)
    numeric = approx_fprime(at, lambda p: likelihood(kind, p, series, LIMIT), 1e-6)
    assert scores == pytest.approx(numeric, rel=2e-3)


@pytest.mark.parametrize("kind", ["truncated", "censored"])
def test_lmfit_stands_on_the_optimum(kind):
    series = made(kind)
    fit = limited.fit_limited(series, LIMIT, kind)
    best = np.asarray([fit.slope, fit.level, np.log(fit.sigma)])
    assert -fit.objective == pytest.approx(likelihood(kind, best, series, LIMIT), rel=1e-9)
    gradient = approx_fprime(best, lambda p: likelihood(kind, p, series, LIMIT), 1e-5)
    assert np.abs(gradient).max() < 0.05


@pytest.mark.parametrize("kind", ["truncated", "censored"])
def test_the_truth_is_found_where_least_squares_is_biased(kind):
    found, naive = [], []
    for seed in range(30):
        series = made(kind, seed)
        found.append(limited.fit_limited(series, LIMIT, kind).slope)
        naive.append(fit_line(series).slope)
    assert np.mean(found) == pytest.approx(0.4, abs=0.02)
    assert np.mean(naive) < 0.36


def test_without_a_binding_limit_it_is_least_squares():
    series = made("censored")
    far = limited.fit_limited(series, -1000.0, "truncated")
    line = fit_line(series)
    assert far.slope == pytest.approx(line.slope, rel=1e-4)
    assert far.sigma == pytest.approx(line.residual_sd * np.sqrt(line.dof / len(series)), rel=1e-3)


def test_the_sandwich_is_the_maximum_likelihood_error_for_independent_rows():
    series = made("truncated", 3, 3000)
    fit = limited.fit_limited(series, LIMIT, "truncated")
    step, best = 1e-3, np.asarray([fit.slope, fit.level, np.log(fit.sigma)])
    hessian = np.empty((3, 3))
    for i in range(3):
        for j in range(3):
            a, b = np.eye(3)[i] * step, np.eye(3)[j] * step
            hessian[i, j] = sum(
                sign * likelihood("truncated", best + s * a + t * b, series, LIMIT)
                for s, t, sign in ((1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1))
            ) / (4 * step**2)
    assert fit.stderr == pytest.approx(np.sqrt(np.linalg.inv(-hessian)[0, 0]), rel=0.08)


def test_rows_below_a_truncation_limit_contradict_it():
    with pytest.raises(ValueError, match="must not lie below limit"):
        limited.fit_limited(made("censored"), LIMIT + 1.0, "truncated")


def test_all_rows_censored_is_refused():
    with pytest.raises(ValueError, match="at least 3 rows"):
        limited.fit_limited(made("censored"), 100.0, "censored")


def test_a_limited_component_carries_draws_and_the_biased_slope():
    part = Component("x", "truncated", (), "none", "x")
    fit = limited.limited_trend(inputs_of({}), part, made("truncated"), LIMIT, "truncated")
    assert fit.estimate.intervals[0].method == "cluster"
    assert fit.estimate.diagnostics["least_squares_slope"] < fit.estimate.value
    low, high = np.quantile(fit.draws, [0.025, 0.975])
    assert (low, high) == pytest.approx((fit.estimate.intervals[0].low, fit.estimate.intervals[0].high), abs=0.02)


def test_a_contradicted_limit_is_a_refusal_in_words():
    part = Component("x", "truncated", (), "none", "x")
    fit = limited.limited_trend(inputs_of({}), part, made("censored"), LIMIT + 1.0, "truncated")
    assert fit.estimate.status == "refused"
    assert "limit" in fit.estimate.reasons[0]

"""What refits and residuals stand for: against integrals, order statistics, statsmodels and the t interval."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import race_to_efficiency as race
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from quick_fits import studied
from race_to_efficiency.calibration.kappa.forms import CHINCHILLA
from race_to_efficiency.calibration.kappa.law import Law
from race_to_efficiency.calibration.kappa.prediction import optimum, predicted
from race_to_efficiency.calibration.kappa.scatter import (
    MOST_ROWS,
    Scatter,
    huber_lines,
    inefficiency,
    not_known,
    refit_variance,
    scatter_of,
)
from scipy import integrate, stats


@settings(max_examples=30)
@given(st.floats(1e-3, 8.0))
def test_the_inefficiency_is_that_of_hubers_estimate_of_normal_data(threshold):
    squared = integrate.quad(lambda e: min(e, threshold) ** 2 * stats.norm.pdf(e), 0, 40, points=[threshold])[0]
    inside = integrate.quad(stats.norm.pdf, 0, threshold)[0]
    found = inefficiency(threshold)
    assert found == pytest.approx(2 * squared / (2 * inside) ** 2, rel=1e-6)
    assert 1.0 - 1e-12 <= found <= np.pi / 2
    assert inefficiency(1.1 * threshold) <= found + 1e-12
    assert inefficiency(0.0) == pytest.approx(np.pi / 2)


@pytest.mark.parametrize("n", [11, 41])
def test_refits_of_a_median_scatter_as_its_order_statistics_say(n):
    """Of n runs, odd, the median of a resample is the k-th with a probability of the binomial law (Efron 1979)."""
    below = stats.binom.sf((n - 1) / 2, n, np.arange(n + 1) / n)
    ordered = np.sort(np.random.default_rng(1).standard_normal((40_000, n)), axis=1)
    apart = (ordered - ordered[:, [n // 2]]) ** 2 @ np.diff(below)
    assert refit_variance(np.full((n, 1), n**-0.5), 1e-3) == pytest.approx(n * apart.mean(), rel=0.12)


def test_refits_of_a_mean_scatter_as_textbooks_say():
    for n in (8, 30):
        assert refit_variance(np.full((n, 1), n**-0.5), 50.0) == pytest.approx((n - 1) / n, rel=0.1)


def test_lines_are_those_of_least_squares_and_of_median_regression():
    rng = np.random.default_rng(3)
    axes = np.linalg.qr(np.c_[np.ones(40), rng.standard_normal((40, 2))])[0]
    values, weights = rng.standard_t(3, (5, 40)), rng.integers(1, 4, (5, 40)).astype(float)
    squares, medians = huber_lines(axes, values, weights, 1e3), huber_lines(axes, values, weights, 1e-3)
    for k in range(5):
        assert squares[k] == pytest.approx(sm.WLS(values[k], axes, weights[k]).fit().params, abs=1e-9)
        times = weights[k].astype(int)
        known = sm.QuantReg(np.repeat(values[k], times), np.repeat(axes, times, axis=0)).fit(0.5).params
        least, reached = (float(weights[k] @ np.abs(values[k] - axes @ b)) for b in (known, medians[k]))
        assert reached <= least * 1.003


@pytest.mark.parametrize(("n", "p", "threshold"), [(40, 2, 0.13), (60, 5, 0.13), (40, 3, 5.0)])
def test_a_fit_lies_from_the_truth_as_far_as_its_scaled_refits_from_it(n, p, threshold):
    rng = np.random.default_rng([n, p])
    slopes = np.c_[np.ones(n), rng.uniform(size=(n, p - 1)) ** 2]
    noise, tables = 0.0076, 4000
    errors = noise * rng.standard_normal((tables, n))
    axes = np.linalg.qr(slopes)[0]
    counts = rng.multinomial(n, np.full(n, 1 / n), size=tables).astype(float)
    fits = huber_lines(axes, errors, np.ones((tables, n)), threshold * noise)
    refits = huber_lines(axes, errors, counts, threshold * noise)
    known = scatter_of(slopes, noise * stats.norm.ppf((np.arange(n) + 0.5) / n), threshold * noise)
    student = stats.t.ppf(0.975, n - p) / stats.norm.ppf(0.975)
    real, shown = np.mean(fits**2), np.mean((refits - fits) ** 2)
    assert (known.draws / student) ** 2 * shown == pytest.approx(real, rel=0.12)
    assert known.draws < 0.95 or threshold > 1  # refits that are nearly medians do scatter more
    left = np.mean((errors - fits @ axes.T) ** 2)
    assert (known.residuals / student) ** 2 * left == pytest.approx(noise**2, rel=0.012)


def normal_runs(rng, n, noise):
    compute = 10.0 ** rng.uniform(18, 21, n)
    return {"compute_flop": compute, "loss": 3.0 * (compute / 1e20) ** -0.05 * np.exp(noise * rng.standard_normal(n))}


@pytest.mark.parametrize("n", [25, 60])
def test_least_squares_of_normal_runs_is_given_the_t_interval_of_a_new_run(n):
    """A threshold far above the noise makes the power law a linear regression, whose exact interval is known."""
    rng, ratios = np.random.default_rng(n), []
    for _ in range(12):
        runs = normal_runs(rng, n, 0.01)
        fit = race.fit_kappa(runs, forms="power_law", frontier="all", delta=1.0, bootstrap=600)
        fit = replace(fit, laws=tuple(replace(law, discrepancy=None) for law in fit.laws))
        said = race.predict_loss(fit, compute=1e22).columns
        exact = sm.OLS(np.log(runs["loss"]), sm.add_constant(np.log(runs["compute_flop"]))).fit()
        ends = exact.get_prediction([[1.0, np.log(1e22)]]).conf_int(obs=True, alpha=0.05)[0]
        low, high = np.log(said["loss_new_run_low"][0]), np.log(said["loss_new_run_high"][0])
        ratios.append((high - low) / (ends[1] - ends[0]))
        assert (low + high) / 2 == pytest.approx(ends.mean(), abs=0.15 * (ends[1] - ends[0]))
    assert np.mean(ratios) == pytest.approx(1.0, abs=0.04)


@pytest.mark.parametrize("count", studied(30, 1000))
def test_a_new_run_lies_within_its_interval_as_often_as_said(count):
    """Runs as few as seven a parameter, and noise eight times the threshold."""
    rng, held = np.random.default_rng(11), 0
    for k in range(count):
        fit = race.fit_kappa(normal_runs(rng, 15, 0.008), forms="power_law", frontier="all", bootstrap=200, seed=k)
        law = replace(fit.laws[0], discrepancy=None)
        new = 3.0 * 1e3**-0.05 * np.exp(0.008 * rng.standard_normal())
        said = predicted(law, [np.array([1e23])])
        held += said.new_low[0] <= new <= said.new_high[0]
    assert stats.binom.ppf(0.0005, count, 0.93) <= held <= stats.binom.ppf(0.9995, count, 0.97)


def chinchilla_law(scatter):
    rng = np.random.default_rng(6)
    theta = np.array([482.01, 2085.43, 1.8172, 0.3478, 0.3658])
    draws = theta * np.exp(0.02 * rng.standard_normal((199, 5)))
    residuals, compute = 0.01 * rng.standard_normal(50), np.geomspace(1e18, 1e21, 50)
    ranges = {"compute_flop": (1e18, 1e21)}
    known = {"scattering": scatter.itself}
    return Law("g", CHINCHILLA, theta, draws, residuals, compute, 50, None, ranges, "trusted", (), **known)


@given(st.floats(0.2, 2.0))
def test_ends_move_with_the_factors_and_nothing_else_does(factor):
    plain, scaled = chinchilla_law(Scatter(1.0, 1.0)), chinchilla_law(Scatter(factor, 1.0))
    sizes = [np.array([1e9, 3e10]), np.array([2e10, 6e11])]
    before, after = predicted(plain, sizes), predicted(scaled, sizes)
    assert (before.loss == after.loss).all()
    for end in ("mean_low", "mean_high"):
        moved = np.log(getattr(after, end) / after.loss), np.log(getattr(before, end) / before.loss)
        assert moved[0] == pytest.approx(factor * moved[1], rel=1e-9)
    budget = np.array([1e20, 1e23])
    best, other = optimum(plain, budget), optimum(scaled, budget)
    for name in ("params", "tokens", "tokens_per_param", "loss_nats"):
        for end in (1, 2):
            one, two = (getattr(found, name) for found in (best, other))
            assert np.log(two[end] / two[0]) == pytest.approx(factor * np.log(one[end] / one[0]), rel=1e-9)
    # the fifth of 199 draws leaves a fortieth of 200 beyond it
    ordered = np.sort(CHINCHILLA.log_loss(plain.draws, [values[:1] for values in sizes])[:, 0])
    assert np.log(before.mean_low[0]) == pytest.approx(ordered[4], rel=1e-12)
    assert np.log(before.mean_high[0]) == pytest.approx(ordered[-5], rel=1e-12)


def test_errors_of_a_new_run_are_the_scaled_residuals():
    law = chinchilla_law(Scatter(1.0, 3.0))
    sure = replace(law, draws=np.tile(law.theta, (50, 1)))
    found = predicted(sure, [np.array([1e9]), np.array([2e10])], level=1 - 1e-9)
    assert np.log(found.new_high / found.loss) == pytest.approx(3.0 * np.abs(law.residuals).max(), rel=1e-9)
    counted = predicted(replace(sure, scattering=not_known), [np.array([1e9]), np.array([2e10])], level=1 - 1e-9)
    by_count = np.sqrt(50 / 45) * stats.t.ppf(0.975, 45) / stats.norm.ppf(0.975)
    assert np.log(counted.new_high / counted.loss) == pytest.approx(by_count * np.abs(law.residuals).max(), rel=1e-9)


def test_a_saved_law_keeps_its_factors_and_what_cannot_be_one_is_refused():
    law = chinchilla_law(Scatter(0.87, 1.05))
    assert Law.from_json(law.to_json()).scatter == law.scatter
    older = law.to_json()
    del older["scatter"]
    assert Law.from_json(older).scatter is None
    for wrong in (0.0, -1.0, np.inf, np.nan):
        for name in ("draws", "residuals"):
            document = law.to_json()
            document["scatter"][name] = wrong
            with pytest.raises(ValueError, match="positive and finite"):
                Law.from_json(document)


def test_where_resamples_are_of_another_kind_their_number_alone_is_known():
    runs = normal_runs(np.random.default_rng(2), 40, 0.005)
    known = {"forms": "power_law", "bootstrap": 100}
    assert race.fit_kappa(runs, frontier="all", **known).law().scatter is not None
    assert race.fit_kappa(runs, frontier="pareto", **known).law().scatter is None
    models = {**runs, "model": [f"m{k // 2}" for k in range(40)]}
    assert race.fit_kappa(models, cluster="model", frontier="all", **known).law().scatter is None


def test_many_runs_and_runs_without_noise_are_not_simulated():
    rng = np.random.default_rng(4)
    many = np.c_[np.ones(MOST_ROWS + 1), rng.standard_normal(MOST_ROWS + 1)]
    found = scatter_of(many, rng.standard_normal(MOST_ROWS + 1), 1e-3)
    assert found == pytest.approx((1.0, 1.0), abs=2e-3)
    assert scatter_of(many[:20], np.zeros(20), 1e-3) == Scatter.by_count(20, 2)


def test_outliers_do_not_change_what_the_other_runs_say():
    rng = np.random.default_rng(8)
    slopes, residuals = np.c_[np.ones(60), rng.standard_normal((60, 4))], rng.standard_normal(60)
    clean = scatter_of(slopes, residuals, 0.5)
    residuals[np.argsort(np.abs(residuals))[-3:]] *= 10.0
    assert scatter_of(slopes, residuals, 0.5) == pytest.approx(clean, rel=0.01)
    assert scatter_of(slopes, 3.0 * residuals, 1.5) == pytest.approx(scatter_of(slopes, residuals, 0.5), rel=1e-9)


def test_few_runs_widen_refits_as_student_s_t_does():
    rng = np.random.default_rng(9)
    slopes, residuals = np.c_[np.ones(10), np.linspace(-1, 1, 10)], 0.01 * rng.standard_normal(10)
    widened = scatter_of(slopes, residuals, 10.0).draws * np.sqrt(refit_variance(np.linalg.qr(slopes)[0], 1000.0) / 2)
    assert widened == pytest.approx(stats.t.ppf(0.975, 8) / stats.norm.ppf(0.975), rel=1e-6)


@pytest.mark.parametrize("n", [3, 4, 15])
def test_a_run_that_alone_tells_a_direction_leaves_refits_as_they_are(n):
    rng = np.random.default_rng(n)
    residuals, near = rng.standard_normal(n), np.linspace(-1.0, 1.0, n)
    far = np.r_[near[:-1], 5.0 * np.sqrt(n)]
    assert scatter_of(np.c_[np.ones(n), far], residuals, 0.1).draws == 1.0
    assert (scatter_of(np.c_[np.ones(n), near], residuals, 0.1).draws < 1.0) == (n == 15)

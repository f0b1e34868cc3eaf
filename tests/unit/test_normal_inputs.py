"""R and the time to a target under jointly normal kappa and gamma, against a second method and the worked case."""

from __future__ import annotations

import math

import mpmath as mp
import numpy as np
import pytest
import relative_loss_oracle as oracle
from race_to_efficiency.equation import normal_inputs as ni
from race_to_efficiency.relative_loss import relative_loss, time_to_target

WORKED = ni.NormalInputs(kappa_mean=0.05, kappa_sd=0.005, gamma_mean=0.8, gamma_sd=0.2, correlation=0.3)


def test_the_worked_case():
    assert ni.relative_loss_mean(10.0, WORKED) == pytest.approx(0.735458, abs=5e-7)
    assert ni.relative_loss_sd(10.0, WORKED) == pytest.approx(0.052520, abs=5e-7)
    ends = ni.relative_loss_quantile([0.025, 0.975], 10.0, WORKED)
    assert ends == pytest.approx([0.628603, 0.833461], abs=5e-7)
    years = ni.time_to_target_quantile([0.025, 0.975], 0.7, WORKED)
    assert years == pytest.approx([7.62, 23.3], abs=0.05)


@pytest.mark.parametrize("correlation", [-0.9, 0.0, 0.7])
def test_moments_match_mpmath_integration(correlation):
    inputs = ni.NormalInputs(
        kappa_mean=0.1,
        kappa_sd=0.02,
        gamma_mean=0.3,
        gamma_sd=0.5,
        correlation=correlation,
        fleet=3.0,
        baseline_years=0.5,
    )
    within = mp.mpf("0.02") ** 2 * (1 - mp.mpf(correlation) ** 2)

    def moment(power):
        def integrand(z):
            x = oracle.log_compute_ratio(mp.mpf(4), mp.mpf("0.3") + z / 2, mp.mpf(3), mp.mpf("0.5"))
            mean = mp.mpf("0.1") + mp.mpf(correlation) * mp.mpf("0.02") * z
            return mp.npdf(z) * mp.exp(-power * mean * x + power**2 * within * x**2 / 2)

        return mp.quad(integrand, [-12, -6, -3, 0, 3, 6, 12])

    mean, second = moment(1), moment(2)
    assert float(ni.relative_loss_mean(4.0, inputs)) == pytest.approx(float(mean), rel=1e-11)
    assert float(ni.relative_loss_sd(4.0, inputs)) == pytest.approx(float(mp.sqrt(second - mean**2)), rel=1e-10)


def test_distribution_matches_draws():
    rng = np.random.default_rng(np.random.SeedSequence(11))
    inputs = ni.NormalInputs(kappa_mean=0.06, kappa_sd=0.01, gamma_mean=0.2, gamma_sd=0.4, correlation=-0.5)
    z = rng.standard_normal((2, 200_000))
    gamma = 0.2 + 0.4 * z[0]
    kappa = 0.06 + 0.01 * (-0.5 * z[0] + math.sqrt(0.75) * z[1])
    r = relative_loss(8.0, kappa, gamma)
    assert ni.relative_loss_cdf(0.85, 8.0, inputs) == pytest.approx(float((r <= 0.85).mean()), abs=4e-3)
    years = time_to_target(0.8, kappa, gamma)
    reached = float(np.isfinite(years).mean())
    assert ni.time_to_target_cdf(20.0, 0.8, inputs) == pytest.approx(float((years <= 20).mean()), abs=4e-3)
    assert ni.time_to_target_quantile(0.3, 0.8, inputs) == pytest.approx(float(np.quantile(years, 0.3)), rel=0.02)
    # some draws never arrive: no mean, and an infinite upper quantile
    assert 0.5 < reached < 0.99
    assert ni.time_to_target_quantile(0.5 * (1 + reached), 0.8, inputs) == math.inf


def test_quantiles_undo_the_distribution():
    levels = np.array([0.01, 0.2, 0.5, 0.9])
    r = ni.relative_loss_quantile(levels, 6.0, WORKED)
    assert np.allclose(ni.relative_loss_cdf(r, 6.0, WORKED), levels, rtol=1e-10)
    t = ni.time_to_target_quantile(levels, 0.6, WORKED)
    assert np.allclose(ni.time_to_target_cdf(t, 0.6, WORKED), levels, rtol=1e-10)


def test_delta_method_is_near_for_small_spreads_and_misses_the_tail_of_times():
    narrow = ni.NormalInputs(kappa_mean=0.05, kappa_sd=1e-5, gamma_mean=0.8, gamma_sd=1e-4, correlation=0.3)
    assert ni.relative_loss_sd_delta(10.0, narrow) == pytest.approx(float(ni.relative_loss_sd(10.0, narrow)), rel=1e-5)
    low, high = ni.time_to_target_quantile([0.025, 0.975], 0.7, WORKED)
    middle, sd = float(time_to_target(0.7, 0.05, 0.8)), float(ni.time_to_target_sd_delta(0.7, WORKED))
    assert high > middle + 1.96 * sd + 3.0
    assert low > middle - 1.96 * sd + 1.0


def test_at_the_reference_date_r_is_one():
    assert ni.relative_loss_mean(0.0, WORKED) == pytest.approx(1.0, rel=1e-14)
    assert ni.relative_loss_cdf([0.999, 1.0], 0.0, WORKED).tolist() == [0.0, 1.0]
    assert ni.time_to_target_quantile(0.5, 1.0, WORKED) == 0.0


@pytest.mark.parametrize(
    ("field", "value"), [("kappa_sd", 0.0), ("gamma_sd", -1.0), ("correlation", 1.0), ("fleet", -1.0)]
)
def test_inputs_out_of_domain_are_named(field, value):
    values = {"kappa_mean": 0.05, "kappa_sd": 0.005, "gamma_mean": 0.8, "gamma_sd": 0.2, field: value}
    with pytest.raises(ValueError, match=f"{field} must"):
        ni.NormalInputs(**values)

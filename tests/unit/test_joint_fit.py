"""kappa and gamma from losses over time: the optimum against scipy, the ridge, the region, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from race_to_efficiency.calibration.kappa.joint_fit import fit_joint
from scipy import stats
from scipy.optimize import minimize


def ratio(time, kappa, gamma):
    """The equation as printed (gamma away from 0)."""
    grown = (np.exp2(gamma * time) - 1.0) / (gamma * np.log(2.0))
    return (1.0 + grown) ** -kappa


def losses(seed, *, years=6.0, floor=0.0, n=40, noise=0.005, kappa=0.1, gamma=0.8):
    rng = np.random.default_rng(seed)
    time = np.sort(rng.uniform(0.0, years, n))
    curve = 3.0 * (floor + (1.0 - floor) * ratio(time, kappa, gamma))
    return time, curve * np.exp(noise * rng.standard_normal(n))


def squares(parameters, time, loss):
    level, log_kappa, gamma, *rest = parameters
    floor = rest[0] if rest else 0.0
    curve = floor + (1.0 - floor) * ratio(time, np.exp(log_kappa), gamma)
    return float(((level + np.log(curve) - np.log(loss)) ** 2).sum())


def best_by_scipy(time, loss, starts, held=None):
    def objective(x):
        return squares(x if held is None else [x[0], *held, *x[1:]], time, loss)

    options = {"xatol": 1e-12, "fatol": 1e-16, "maxiter": 20000, "maxfev": 20000}
    return min(minimize(objective, start, method="Nelder-Mead", options=options).fun for start in starts)


@pytest.mark.parametrize("seed", range(4))
def test_the_optimum_is_the_one_a_simplex_search_finds(seed):
    time, loss = losses(seed)
    fit = fit_joint(time, loss)
    best = best_by_scipy(time, loss, [[1.1, -2.5, 0.7], [1.0, -3.0, 1.5]])
    assert fit.sum_of_squares <= best * (1 + 1e-7)
    assert fit.sum_of_squares == pytest.approx(squares(fit.theta, time, loss), rel=1e-9)


def test_without_noise_the_truth_is_found_with_and_without_a_floor():
    for floor in (0.0, 0.6):
        time, loss = losses(1, years=10.0, floor=floor, noise=1e-9)
        point = fit_joint(time, loss, floor="free" if floor else "none").point()
        assert point == pytest.approx({"loss0": 3.0, "kappa": 0.1, "gamma": 0.8, "floor": floor}, rel=1e-4, abs=1e-9)


def test_the_covariance_is_that_of_repeated_samples_and_the_ridge_is_reported():
    found = [fit_joint(*losses(seed, noise=0.002)) for seed in range(36)]
    theta = np.array([fit.theta for fit in found])
    stated = np.median([np.sqrt(np.diag(fit.covariance)) for fit in found], axis=0)
    # the sd of 36 values is known to 12 %
    assert theta.std(axis=0, ddof=1) == pytest.approx(stated, rel=0.4)
    kappa, gamma = np.exp(theta[:, 1]), theta[:, 2]
    ridge = float(np.median([fit.correlations["kappa_gamma"] for fit in found]))
    assert -0.995 < ridge < -0.95
    assert np.corrcoef(kappa, gamma)[0, 1] == pytest.approx(ridge, abs=0.02)
    assert all(fit.status == "weak" and "correlation" in fit.reasons[0] for fit in found)


def test_draws_keep_the_correlation():
    fit = fit_joint(*losses(5))
    draws = fit.draws(4000, 3)
    assert np.corrcoef(np.log(draws["kappa"]), draws["gamma"])[0, 1] == pytest.approx(
        fit.correlations["kappa_gamma"], abs=0.005
    )
    assert np.array_equal(draws.values, fit.draws(4000, 3).values)
    assert not draws["floor"].any()


@pytest.mark.parametrize("floor", ["none", "free"])
def test_the_deviance_is_the_f_statistic_of_the_refitted_rest(floor):
    time, loss = losses(7, years=8.0, floor=0.5 if floor == "free" else 0.0)
    fit = fit_joint(time, loss, floor=floor)
    held = (np.log(0.11), 0.75)
    starts = [[1.1, 0.4], [1.1, 0.6]] if floor == "free" else [[1.1], [1.0]]
    restricted = best_by_scipy(time, loss, starts, held=held)
    freedom = len(time) - len(fit.theta)
    expected = (restricted - fit.sum_of_squares) / 2.0 / (fit.sum_of_squares / freedom)
    assert fit.deviance(0.11, 0.75) == pytest.approx(expected, rel=1e-4, abs=1e-6)
    inside = expected <= stats.f.ppf(0.95, 2, freedom)
    assert fit.region_holds(0.11, 0.75) is bool(inside)
    point = fit.point()
    assert fit.region_holds(point["kappa"], point["gamma"], level=0.01)


@given(years=st.floats(0.2, 2.99), seed=st.integers(0, 50))
def test_a_free_floor_is_refused_under_three_years(years, seed):
    fit = fit_joint(*losses(seed, years=years, floor=0.5), floor="free")
    assert fit.status == "refused"
    assert "years of losses" in fit.reasons[-1]
    assert fit.correlations == {}
    with pytest.raises(ValueError, match="refused"):
        fit.point()
    with pytest.raises(ValueError, match="refused"):
        fit.draws(10, 1)


def test_too_few_or_indistinct_losses_are_refused():
    time, loss = losses(1)
    assert fit_joint(time[:5], loss[:5]).status == "refused"
    same = fit_joint(np.full(20, 2.0), loss[:20])
    assert same.status == "refused"
    assert "singular" in same.reasons[0]


@pytest.mark.parametrize(
    ("years", "loss", "named"),
    [([0.0, -1.0], [1.0, 1.0], "years"), ([0.0, 1.0], [1.0, 0.0], "loss"), ([0.0], [1.0, 2.0], "years")],
)
def test_values_outside_the_domain_are_named(years, loss, named):
    with pytest.raises(ValueError, match=named):
        fit_joint(years, loss)

"""The batched solver against finite differences, scipy, lmfit, statsmodels and laws known beforehand."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from race_to_efficiency.calibration.kappa.forms import CHINCHILLA, FLOOR, FORMS, POWER_LAW, Coordinates
from race_to_efficiency.calibration.kappa.objective import Objective
from race_to_efficiency.calibration.kappa.record_fit import fit_of_record
from race_to_efficiency.calibration.kappa.robust import (
    fit_batch,
    fit_chinchilla_batch,
    fit_floor_batch,
)
from runs_for_tests import chinchilla, law, ledger_rows, simulated

PUBLISHED_OBJECTIVE = 0.00101827401780
DELTA = 1e-3


def inputs_of(name, params, tokens):
    return {"chinchilla": (params, tokens), "floor": (6 * params * tokens,), "power_law": (6 * params * tokens,)}[name]


def independent_objective(theta, params, tokens, loss, weights):
    """Hoffmann's objective, written from the paper."""
    amplitude_n, amplitude_d, floor, alpha, beta = theta
    predicted = np.logaddexp(
        np.logaddexp(np.log(amplitude_n) - alpha * np.log(params), np.log(amplitude_d) - beta * np.log(tokens)),
        np.log(floor),
    )
    r = np.abs(np.log(loss) - predicted)
    return float((weights * np.where(r <= DELTA, r**2 / 2, DELTA * (r - DELTA / 2))).sum())


def scipy_best(params, tokens, loss, counts, starts):
    """The lowest objective scipy's trust-region least squares reaches from several starts (counts repeat rows)."""
    rows = np.repeat(np.arange(len(loss)), counts.astype(int))
    n, d, y = np.log(params[rows]), np.log(tokens[rows]), np.log(loss[rows])
    n0, d0 = n.mean(), d.mean()

    def parts(x):
        return np.exp(x[0] - x[3] * (n - n0)), np.exp(x[1] - x[4] * (d - d0)), x[2]

    def residual(x):
        return y - np.log(np.maximum(sum(parts(x)), 1e-12))

    def slope(x):
        a, b, e = parts(x)
        total = a + b + e
        return -np.stack([a, b, np.ones_like(a), -a * (n - n0), -b * (d - d0)], axis=1) / total[:, None]

    best = np.inf
    for start in starts:
        x0 = [np.log(start[0]) - start[3] * n0, np.log(start[1]) - start[4] * d0, *start[2:]]
        found = scipy.optimize.least_squares(
            residual, x0, slope, loss="huber", f_scale=DELTA, xtol=1e-15, ftol=1e-15, gtol=1e-15, max_nfev=500
        )
        best = min(best, found.cost)
    return best


@pytest.mark.parametrize("name", sorted(FORMS))
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_gradient_and_hessian_are_the_derivatives_of_the_objective(name, seed):
    params, tokens, loss = simulated(seed, n=40)
    form = FORMS[name]
    space = Coordinates.of(form, inputs_of(name, params, tokens), loss)
    rng = np.random.default_rng(seed)
    weights = rng.poisson(1.0, size=(3, 40)).astype(float)
    objective = Objective(space.rows, weights, 0.02)
    grid = space.grid()
    x = grid[seed % len(grid)] * (1 + 0.05 * rng.standard_normal(grid.shape[1]))
    who = np.array([seed % 3])
    residual = space.rows.log_loss - space.rows.log_prediction(x[None])[0]
    assume(np.abs(np.abs(residual) - 0.02).min() > 1e-5)  # no kink of the Huber function between two points
    _, gradient, hessian = objective(x[None], who)
    step = 1e-6 * np.eye(len(x))
    numeric = [(objective((x + h)[None], who)[0][0] - objective((x - h)[None], who)[0][0]) / 2e-6 for h in step]
    np.testing.assert_allclose(gradient[:, 0], numeric, rtol=1e-5, atol=1e-7)
    small = 1e-7 * np.eye(len(x))
    second = [(objective((x + h)[None], who)[1][:, 0] - objective((x - h)[None], who)[1][:, 0]) / 2e-7 for h in small]
    rounding = 1e-8 * weights[who].sum() * 0.02  # of the differences: all residuals may lie outside the threshold
    atol = 1e-4 * np.abs(hessian).max() + rounding
    np.testing.assert_allclose(hessian[:, :, 0], np.array(second), rtol=1e-3, atol=atol)


def test_objective_is_hoffmanns_at_every_replicate():
    params, tokens, loss = chinchilla()
    weights = np.random.default_rng(1).multinomial(240, np.full(240, 1 / 240), size=8)
    fit = fit_chinchilla_batch(params, tokens, loss, weights)
    expected = [independent_objective(t, params, tokens, loss, w) for t, w in zip(fit.theta, weights, strict=True)]
    np.testing.assert_allclose(fit.objective, expected, rtol=1e-9)


def test_chinchilla_point_estimate_is_the_published_one():
    fit = fit_chinchilla_batch(*chinchilla(), np.ones(240))
    assert fit.objective[0] == pytest.approx(PUBLISHED_OBJECTIVE, rel=1e-9)
    assert fit.columns == ("A", "B", "E", "alpha", "beta")
    np.testing.assert_allclose(fit.theta[0, 2:], [1.81722, 0.34731, 0.36717], atol=6e-6)
    np.testing.assert_allclose(fit.theta[0, :2], [477.83, 2143.4], rtol=1e-4)
    assert CHINCHILLA.kappa(fit.theta[0]) == pytest.approx(0.17848, abs=6e-6)
    assert fit.converged[0]
    assert fit.n_starts_agreeing[0] == fit.n_starts[0] > 20


def test_every_bootstrap_replicate_reaches_the_best_optimum_scipy_finds_from_many_starts():
    params, tokens, loss = chinchilla()
    weights = np.random.default_rng(20260331).multinomial(240, np.full(240, 1 / 240), size=400)
    fit = fit_chinchilla_batch(params, tokens, loss, weights)
    assert fit.converged.all()
    assert (fit.n_starts_agreeing >= 2).all()
    starts = [
        (482.01, 2085.43, 1.8172, 0.3478, 0.3658),
        (406.4, 410.7, 1.69, 0.34, 0.28),
        (np.exp(5), np.exp(12), np.exp(0.8), 0.3, 0.6),
    ]
    for row in range(0, 400, 10):
        best = scipy_best(params, tokens, loss, weights[row], starts)
        assert fit.objective[row] <= best * (1 + 1e-9), row


def test_a_fit_that_leaves_slow_starts_finds_the_same_optimum_where_enough_agree_and_follows_all_where_they_do_not():
    fewer = 0
    ledger = ledger_rows("gadre2024_c4")[["params", "tokens", "loss_nats"]].to_numpy().T
    for params, tokens, loss in (*(simulated(seed, 12 + 4 * seed, 0.02) for seed in (0, 3)), ledger):
        ones = np.ones(len(loss))
        whole, hurried = (fit_chinchilla_batch(params, tokens, loss, ones, thorough=each) for each in (True, False))
        assert hurried.objective == pytest.approx(whole.objective, rel=1e-9)
        assert (hurried.converged == whole.converged).all()
        assert (hurried.n_starts <= whole.n_starts).all()
        few = 3 * hurried.n_starts_agreeing < whole.n_starts
        assert not few.any() or hurried.n_starts_agreeing == whole.n_starts_agreeing
        fewer += int((hurried.n_starts_agreeing < whole.n_starts_agreeing).sum())
    assert fewer > 0, "no slow start was ever left: the shorter way saves nothing"


def test_few_rugged_rows_hide_no_better_optimum():
    """With 34 rows optima compete: of thousands of replicates some find the better one only from far away (84 did)."""
    rows = ledger_rows("gadre2024_c4")
    params, tokens, loss = (rows[name].to_numpy() for name in ("params", "tokens", "loss_nats"))
    weights = np.random.default_rng(5).multinomial(34, np.full(34, 1 / 34), size=500)
    fit = fit_chinchilla_batch(params, tokens, loss, weights)
    assert fit.converged.all()
    rng = np.random.default_rng(11)
    for row in (84, *range(0, 500, 34)):
        others = fit.theta[(fit.theta[:, 2] > 0) & (np.arange(500) != row)]
        starts = [*others[rng.choice(len(others), 3)], (482.01, 2085.43, 1.8172, 0.3478, 0.3658)]
        best = scipy_best(params, tokens, loss, weights[row], starts)
        assert fit.objective[row] <= best * (1 + 1e-9), row
    known = np.exp([0.1013725 + 0.28947603 * np.log(params).mean(), -1.02188548 + 0.58838591 * np.log(tokens).mean()])
    hidden = (*known, np.exp(0.65581192), 0.28947603, 0.58838591)
    assert fit.objective[84] <= scipy_best(params, tokens, loss, weights[84], [hidden]) * (1 + 1e-9)


@pytest.mark.parametrize("name", sorted(FORMS))
@pytest.mark.parametrize("seed", range(4))
def test_lmfit_and_the_batched_solver_agree(name, seed):
    params, tokens, loss = simulated(seed)
    form, inputs = FORMS[name], inputs_of(name, params, tokens)
    batched = fit_batch(form, inputs, loss, np.ones(len(loss)), delta=DELTA)
    record = fit_of_record(form, inputs, loss, delta=DELTA, start=batched.theta[0])
    assert record.objective == pytest.approx(batched.objective[0], rel=1e-8)
    cold = fit_of_record(form, inputs, loss, delta=DELTA)
    assert cold.objective == pytest.approx(batched.objective[0], rel=1e-8)


def test_least_squares_limit_is_statsmodels_ordinary_least_squares():
    import statsmodels.api as sm

    params, tokens, loss = simulated(3)
    compute = 6 * params * tokens
    fit = fit_batch(FORMS["power_law"], (compute,), loss, np.ones(60), delta=1e3)
    ols = sm.OLS(np.log(loss), sm.add_constant(np.log(compute))).fit()
    assert fit.theta[0, 1] == pytest.approx(-ols.params[1], rel=1e-7)
    assert np.log(fit.theta[0, 0]) == pytest.approx(ols.params[0], rel=1e-7)
    assert fit.objective[0] == pytest.approx(ols.ssr / 2, rel=1e-9)


@settings(max_examples=8, deadline=None)
@given(alpha=st.floats(0.2, 0.6), beta=st.floats(0.2, 0.6), floor=st.floats(0.5, 2.5))
def test_a_law_without_noise_is_recovered(alpha, beta, floor):
    rng = np.random.default_rng(7)
    params, tokens = np.exp(rng.uniform(17, 23, 50)), np.exp(rng.uniform(20, 26, 50))
    truth = (400.0, 2000.0, floor, alpha, beta)
    fit = fit_chinchilla_batch(params, tokens, law(params, tokens, truth), np.ones(50))
    np.testing.assert_allclose(fit.theta[0, 2:], truth[2:], rtol=1e-5)


def test_a_vanishing_floor_ends_at_the_power_law():
    compute = np.geomspace(1e18, 1e23, 40)
    loss = 30 * compute**-0.05 * np.exp(0.01 * np.sin(np.arange(40.0)))
    bent = loss * np.exp(-2e-4 * (np.log(compute) - np.log(compute).mean()) ** 2)
    fit = fit_floor_batch(compute, bent, np.ones(40))
    straight = fit_batch(FORMS["power_law"], (compute,), bent, np.ones(40))
    assert fit.status[0] == "floor_at_zero"
    assert fit.converged[0]
    assert fit.theta[0, 1] == 0.0
    np.testing.assert_allclose(fit.theta[0, [0, 2]], straight.theta[0], rtol=1e-7)


@pytest.mark.parametrize("present", [0, 1, 3, 5])
def test_weights_on_too_few_distinct_rows_are_reported_not_fitted(present):
    params, tokens, loss = chinchilla()
    weights = np.zeros((2, 240))
    weights[0, :present] = 240 / max(present, 1)
    weights[1] = 1.0
    fit = fit_chinchilla_batch(params, tokens, loss, weights)
    assert fit.status.tolist() == ["too_few_rows", "converged"]
    assert fit.converged.tolist() == [False, True]
    assert np.isnan(fit.theta[0]).all()
    assert np.isnan(fit.objective[0])


def test_copies_of_few_rows_are_still_few():
    params, tokens, loss = (np.tile(column[:4], 20) for column in chinchilla())
    assert fit_chinchilla_batch(params, tokens, loss, np.ones(80)).status[0] == "too_few_rows"


def test_one_model_size_does_not_determine_alpha():
    _, tokens, loss = chinchilla()
    fit = fit_chinchilla_batch(np.full(240, 1e9), tokens, loss, np.ones(240))
    assert not fit.converged[0]


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 1000), units=st.floats(1e-6, 1e6), factor=st.floats(0.3, 3.0))
def test_units_of_size_and_loss_leave_the_exponents_alone(seed, units, factor):
    params, tokens, loss = simulated(seed)
    ones = np.ones(len(loss))
    first = fit_chinchilla_batch(params, tokens, loss, ones)
    other = fit_chinchilla_batch(params * units, tokens, loss * factor, ones)
    np.testing.assert_allclose(other.theta[0, 3:], first.theta[0, 3:], rtol=1e-5)
    assert other.theta[0, 2] == pytest.approx(factor * first.theta[0, 2], rel=1e-5)
    assert other.objective[0] == pytest.approx(first.objective[0], rel=1e-7)


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 1000))
def test_a_weight_of_two_is_a_row_written_twice_and_order_does_not_matter(seed):
    params, tokens, loss = simulated(seed, n=40)
    weights = np.random.default_rng(seed).integers(1, 4, size=40)
    weighted = fit_chinchilla_batch(params, tokens, loss, weights)
    rows = np.random.default_rng(seed + 1).permutation(np.repeat(np.arange(40), weights))
    repeated = fit_chinchilla_batch(params[rows], tokens[rows], loss[rows], np.ones(len(rows)))
    assert weighted.objective[0] == pytest.approx(repeated.objective[0], rel=1e-9)
    np.testing.assert_allclose(weighted.theta[0], repeated.theta[0], rtol=1e-5)


def test_given_starts_are_used_in_the_same_columns():
    params, tokens, loss = chinchilla()
    starts = [(482.01, 2085.43, 1.8172, 0.3478, 0.3658), (406.4, 410.7, 1.69, 0.34, 0.28)]
    fit = fit_chinchilla_batch(params, tokens, loss, np.ones(240), starts=starts)
    assert fit.n_starts.tolist() == [2]
    assert fit.n_starts_agreeing.tolist() == [2]
    assert fit.objective[0] == pytest.approx(PUBLISHED_OBJECTIVE, rel=1e-9)


def test_long_tables_are_fitted_in_pieces():
    compute = np.geomspace(1e17, 1e24, 40_000)
    noise = 0.01 * np.random.default_rng(2).standard_normal(40_000)
    loss = (1.7 + 150 * compute**-0.11) * np.exp(noise)
    fit = fit_floor_batch(compute, loss, np.ones(40_000))
    short = fit_of_record(FLOOR, (compute,), loss, delta=DELTA, start=fit.theta[0])
    assert fit.objective[0] == pytest.approx(short.objective, rel=1e-8)
    np.testing.assert_allclose(fit.theta[0, 1:], [1.7, 0.11], rtol=0.02)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"params": -1.0}, "params"),
        ({"tokens": np.nan}, "tokens"),
        ({"loss": 0.0}, "loss"),
        ({"weights": -0.5}, "weights"),
        ({"weights": np.inf}, "weights"),
    ],
)
def test_bad_values_are_named(change, named):
    params, tokens, loss = simulated(1, n=20)
    columns = {"params": params, "tokens": tokens, "loss": loss, "weights": np.ones(20)}
    (name, value), *_ = change.items()
    columns[name] = columns[name].copy()
    columns[name][3] = value
    with pytest.raises(ValueError, match=named):
        fit_chinchilla_batch(columns["params"], columns["tokens"], columns["loss"], columns["weights"])


def test_shapes_thresholds_and_starts_are_checked():
    params, tokens, loss = simulated(1, n=20)
    with pytest.raises(ValueError, match="weights"):
        fit_chinchilla_batch(params, tokens, loss, np.ones(19))
    with pytest.raises(ValueError, match="delta"):
        fit_chinchilla_batch(params, tokens, loss, np.ones(20), delta=0.0)
    with pytest.raises(ValueError, match="starts"):
        fit_chinchilla_batch(params, tokens, loss, np.ones(20), starts=[(1.0, 1.0, 1.0)])
    with pytest.raises(ValueError, match="starts"):
        fit_chinchilla_batch(params, tokens, loss, np.ones(20), starts=[(-1.0, 1.0, 1.0, 0.3, 0.3)])


def test_coordinates_go_there_and_back():
    params, tokens, loss = simulated(5)
    space = Coordinates.of(CHINCHILLA, (params, tokens), loss)
    theta = np.array([477.8, 2143.0, 1.817, 0.347, 0.367])
    np.testing.assert_allclose(space.natural(space.solver(theta)), theta, rtol=1e-12)
    predicted = np.log(space.level) + space.rows.log_prediction(space.solver(theta)[None])[0]
    np.testing.assert_allclose(predicted, np.log(law(params, tokens, tuple(theta))), rtol=1e-12)
    np.testing.assert_allclose(CHINCHILLA.log_loss(theta, [params, tokens]), predicted, rtol=1e-12)
    assert POWER_LAW.floor_column is None


def test_starts_that_are_left_are_not_counted_as_starts_that_disagree():
    rng = np.random.default_rng(5)
    params, tokens = 10 ** rng.uniform(7, 10, 118), 10 ** rng.uniform(8.5, 12, 118)
    loss = (1.8 + 400 * params**-0.34 + 410 * tokens**-0.28) * np.exp(rng.normal(0, 0.004, 118))
    whole, some = (fit_chinchilla_batch(params, tokens, loss, np.ones(118), thorough=all_) for all_ in (True, False))
    assert some.theta[0] == pytest.approx(whole.theta[0], rel=1e-6)
    assert whole.n_starts[0] / 3 <= some.n_starts_agreeing[0] <= some.n_starts[0] < whole.n_starts[0]

"""Damped Newton: its steps against dense linear algebra, its ends against another solver, and who is never given up."""

from __future__ import annotations

import numpy as np
import pytest
from race_to_efficiency.calibration.kappa import newton
from race_to_efficiency.calibration.kappa.forms import CHINCHILLA, FLOOR, POWER_LAW, Coordinates
from race_to_efficiency.calibration.kappa.newton import (
    CONVERGED,
    NOT_FINISHED,
    SINGULAR,
    damped_steps,
    diagonal_of,
    minimise,
)
from race_to_efficiency.calibration.kappa.objective import Objective
from race_to_efficiency.calibration.kappa.record_fit import fit_of_record
from race_to_efficiency.calibration.kappa.robust import fit_batch
from scipy.optimize import approx_fprime, minimize_scalar

DELTA = 1e-3


def matrices(size, count, *, definite):
    rng = np.random.default_rng([size, count, definite])
    factor = rng.normal(size=(count, size, size))
    squares = factor @ factor.transpose(0, 2, 1) if definite else factor + factor.transpose(0, 2, 1)
    return np.ascontiguousarray(squares.transpose(1, 2, 0)), rng.normal(size=(size, count)), rng.uniform(size=count)


@pytest.mark.parametrize("size", [2, 3, 4, 5])
def test_a_step_solves_the_damped_equations(size):
    hessian, gradient, damping = matrices(size, 40, definite=True)
    typical = np.geomspace(1e-3, 1e3, 40)  # above and below the diagonal
    before = hessian.copy(), gradient.copy()
    step, _ = damped_steps(hessian, gradient, damping, typical)
    for k in range(40):
        whole = hessian[:, :, k] + np.diag(damping[k] * np.maximum(np.abs(np.diag(hessian[:, :, k])), typical[k]))
        assert step[:, k] == pytest.approx(np.linalg.solve(whole, -gradient[:, k]), rel=1e-6)
    assert np.array_equal(hessian, before[0])
    assert np.array_equal(gradient, before[1])


@pytest.mark.parametrize("size", [2, 3, 4, 5])
@pytest.mark.parametrize("definite", [True, False])
def test_pivots_tell_the_signs_of_the_eigenvalues_until_one_is_replaced(size, definite):
    hessian, gradient, _ = matrices(size, 200, definite=definite)
    _, pivots = damped_steps(hessian, gradient, np.zeros(200), np.full(200, 1e-12))
    least = np.linalg.eigvalsh(hessian.transpose(2, 0, 1)).min(axis=1)
    assert np.array_equal((pivots > 0).all(axis=0), least > 0)
    if definite:
        assert pivots.prod(axis=0) == pytest.approx(np.linalg.det(hessian.transpose(2, 0, 1)), rel=1e-8)
    else:
        assert (least < 0).sum() > 100


@pytest.mark.parametrize("size", [2, 3, 5])
def test_a_step_leads_downhill_whatever_the_curvature(size):
    hessian, gradient, damping = matrices(size, 300, definite=False)
    hessian[:, :, :20] = 0.0
    step, _ = damped_steps(hessian, gradient, 0.1 * damping, np.ones(300))
    assert ((step * gradient).sum(axis=0) < 0).all()


def test_the_diagonal_is_a_view_also_of_a_wider_matrix():
    wide = np.arange(24.0).reshape(2, 3, 4)
    diagonal_of(wide)[:] = -1.0
    assert np.argwhere(wide[:, :, 0] == -1.0).tolist() == [[0, 0], [1, 1]]
    assert (wide == -1.0).sum() == 8


def simulated(form, seed):
    rng = np.random.default_rng(seed)
    params = 10 ** rng.uniform(7.5, 10.0, 60)
    tokens = params * 10 ** rng.uniform(0.5, 2.0, 60)
    loss = (1.7 + 400 * params**-0.34 + 410 * tokens**-0.28) * np.exp(rng.normal(0.0, 0.003, 60))
    return ((params, tokens) if form is CHINCHILLA else (6 * params * tokens,)), loss


@pytest.mark.parametrize("form", [CHINCHILLA, FLOOR, POWER_LAW])
def test_pairs_end_as_they_end_alone(form):
    inputs, loss = simulated(form, 4)
    space = Coordinates.of(form, inputs, loss)
    weights = np.random.default_rng(5).poisson(1.0, (30, 60)).astype(float)
    objective = Objective(space.rows, weights, DELTA)
    start = space.solver(fit_batch(form, inputs, loss, np.ones(60), thorough=False).theta[0])
    who = np.arange(30)
    ends, values, status = minimise(objective, np.tile(start, (30, 1)), who)
    assert (status == CONVERGED).mean() > 0.8
    at_end, gradient, _ = objective(ends, who)
    assert values == pytest.approx(at_end, rel=1e-12)
    pull = DELTA * weights.sum(axis=1)
    assert (np.abs(gradient).max(axis=0) / pull)[status == CONVERGED].max() < 1e-6
    for k in np.flatnonzero(status == CONVERGED)[:6]:
        alone, value, state = minimise(objective, start[None], np.array([k]))
        assert state[0] == CONVERGED
        assert value[0] == pytest.approx(values[k], rel=1e-10)
        assert alone[0] == pytest.approx(ends[k], rel=1e-6, abs=1e-7)


@pytest.mark.parametrize("form", [CHINCHILLA, FLOOR])
def test_a_cold_start_ends_alone_as_among_others(form):
    inputs, loss = simulated(form, 7)
    space = Coordinates.of(form, inputs, loss)
    objective = Objective(space.rows, np.ones((1, 60)), DELTA)
    grid, only = space.grid(), np.zeros(1, dtype=np.intp)
    _, values, status = minimise(objective, grid, np.repeat(only, len(grid)))
    assert (status == CONVERGED).sum() > 5
    for k in range(len(grid)):
        _, value, state = minimise(objective, grid[k : k + 1], only)
        assert state[0] == status[k]
        if status[k] == CONVERGED:
            assert value[0] == pytest.approx(values[k], rel=1e-10)


def test_a_coarse_end_has_no_steeper_slope_than_it_may():
    inputs, loss = simulated(CHINCHILLA, 8)
    space = Coordinates.of(CHINCHILLA, inputs, loss)
    smooth = Objective(space.rows, np.ones((1, 60)), 0.3)
    grid = space.grid()
    who = np.zeros(len(grid), dtype=np.intp)
    ends, values, status = minimise(smooth, grid, who, tolerance=1e-2)
    _, gradient, _ = smooth(ends, who)
    pull = 60 * np.minimum(0.3, np.sqrt(2 * values / 60))
    steepest = (np.abs(gradient).max(axis=0) / pull)[status == CONVERGED]
    assert len(steepest) > 5
    assert steepest.max() <= 1e-2


def test_a_valley_without_a_lowest_point_is_not_called_converged():
    params = np.geomspace(1e8, 1e10, 40)  # tokens in a fixed ratio to them: which term is which is not determined
    loss = (1.7 + 800 * params**-0.3) * np.exp(np.random.default_rng(6).normal(0.0, 0.002, 40))
    space = Coordinates.of(CHINCHILLA, (params, 20 * params), loss)
    objective = Objective(space.rows, np.ones((1, 40)), DELTA)
    grid = space.grid()
    grid[:, 1], grid[:, 4] = grid[:, 0], grid[:, 3]  # both terms alike: the steps keep them so
    _, _, status = minimise(objective, grid, np.zeros(len(grid), dtype=np.intp))
    assert (status == SINGULAR).any()
    assert not (status == CONVERGED).any()


def test_a_lowest_point_with_a_floor_below_zero_is_no_end(monkeypatch):
    """Its floor is to be held at zero instead, also where a search begins at that very point."""
    compute = np.geomspace(1e18, 1e22, 40)
    loss = (4 * (compute / 1e20) ** -0.08 - 1.0) * np.exp(np.random.default_rng(3).normal(0.0, 0.003, 40))
    space = Coordinates.of(FLOOR, (compute,), loss)
    objective, only = Objective(space.rows, np.ones((1, 40)), DELTA), np.zeros(1, dtype=np.intp)
    with monkeypatch.context() as free:
        free.setattr(newton, "_FLOOR_GONE", -1e9)
        ends, _, status = minimise(objective, space.grid()[:1], only)
    assert status[0] == CONVERGED
    assert ends[0, 1] < -0.1
    again, _, status = minimise(objective, ends, only)
    assert status[0] == NOT_FINISHED
    assert again == pytest.approx(ends, abs=1e-9)


@pytest.mark.parametrize("form", [CHINCHILLA, FLOOR, POWER_LAW])
@pytest.mark.parametrize("seed", [1, 2])
def test_an_optimum_that_is_only_polished_is_where_lmfit_ends(form, seed):
    inputs, loss = simulated(form, seed)
    start = fit_batch(form, inputs, loss, np.ones(60), thorough=False).theta[0]
    polished = fit_of_record(form, inputs, loss, delta=DELTA, start=start, cold_starts=0)
    whole = fit_of_record(form, inputs, loss, delta=DELTA, start=start)
    assert polished.theta == pytest.approx(whole.theta, rel=1e-9)
    assert polished.objective == pytest.approx(whole.objective, rel=1e-12)
    assert (polished.n_starts, polished.n_agreeing) == (1, 1)
    assert whole.n_starts == 3
    nearby = start * np.array([1.0 + 1e-7] * len(start))
    again = fit_of_record(form, inputs, loss, delta=DELTA, start=nearby, cold_starts=0)
    assert again.theta == pytest.approx(whole.theta, rel=1e-9)


def loud(n_rows, seed):
    """Return a power law's objective of runs whose noise is far above the threshold, under ten weightings."""
    rng = np.random.default_rng(seed)
    compute = 10 ** rng.uniform(18.0, 21.0, n_rows)
    loss = 3.0 * (compute / 1e20) ** -0.07 * np.exp(0.05 * rng.standard_normal(n_rows))
    space = Coordinates.of(POWER_LAW, (compute,), loss)
    return Objective(space.rows, rng.poisson(1.0, (10, n_rows)) + 0.25, DELTA), rng


@pytest.mark.parametrize("n_rows", [8, 31, 90])
def test_a_line_through_loud_runs_is_found_from_anywhere(n_rows):
    objective, rng = loud(n_rows, n_rows)
    who = np.repeat(np.arange(10), 4)
    start = rng.normal(0.0, 1.0, (40, 2))
    _, values, status = minimise(objective, start, who, max_iterations=60)
    assert (status == CONVERGED).all()

    def lowest(slope, k):
        """Return the least objective at a slope: of the amplitudes where a residual passes the threshold, refined."""
        at = objective.rows.log_loss + slope * objective.rows.features[0]

        def value(amplitude):
            theta = np.column_stack([np.atleast_1d(amplitude), np.full(np.size(amplitude), slope)])
            return objective(theta, np.full(len(theta), k))[0]

        knots = np.sort(np.concatenate([at - DELTA, at + DELTA]))
        best = int(value(knots).argmin())
        span = knots[max(best - 1, 0)], knots[min(best + 1, len(knots) - 1)]
        return minimize_scalar(lambda a: value(a)[0], bounds=span, method="bounded", options={"xatol": 1e-13}).fun

    for k in range(10):
        least = minimize_scalar(lowest, bracket=(-0.2, 0.6), args=(k,), tol=1e-12).fun
        assert values[who == k] == pytest.approx(np.full(4, least), rel=1e-9)


def test_a_step_is_followed_to_the_lowest_point_on_its_line():
    objective, rng = loud(25, 3)
    who = np.arange(10)
    start = rng.normal(0.0, 0.3, (10, 2))
    state = [start, *objective(start, who)]
    step = -rng.uniform(0.5, 5.0, (10, 1)) * state[2].T / np.abs(state[2].T).max(axis=1, keepdims=True)
    lengths = objective.step_lengths(state, step, who)
    assert len(np.unique(lengths)) == 10
    for k in range(10):

        def value(t, k=k):
            return objective(start[[k]] + t * step[[k]], who[[k]])[0][0]

        other = minimize_scalar(value, bounds=(0.0, 8.0), method="bounded", options={"xatol": 1e-12})
        assert value(lengths[k]) <= other.fun * (1.0 + 1e-10)


def test_a_step_of_the_floor_form_moves_its_predictions_evenly():
    inputs, loss = simulated(FLOOR, 5)
    rows = Coordinates.of(FLOOR, inputs, loss).rows
    x = rows.features[0]
    three = np.array([x.min(), 0.5 * (x.min() + x.max()), x.max()])

    def predicted(theta):
        return np.log(np.exp(theta[0] - theta[2] * three) + theta[1])

    theta, step = np.array([-1.5, 0.6, 0.5]), np.array([0.1, -0.05, 0.08])
    moved = rows.moved(theta[None], step[None])[0]
    wanted = predicted(theta) + approx_fprime(theta, predicted, 1e-7) @ step
    assert predicted(moved) == pytest.approx(wanted, abs=1e-6)
    assert np.abs(moved - theta - step).max() > 1e-3  # it is a curve
    far = np.array([0.0, 5.0, 0.0])
    assert np.array_equal(rows.moved(theta[None], far[None])[0], theta + far)  # changes too large to be told at once


@pytest.mark.parametrize("form", [CHINCHILLA, POWER_LAW])
def test_other_forms_step_straight(form):
    inputs, loss = simulated(form, 5)
    rows = Coordinates.of(form, inputs, loss).rows
    theta = np.full((1, rows.n_parameters), 0.4)
    assert np.array_equal(rows.moved(theta, 0.1 * theta), theta + 0.1 * theta)


@pytest.mark.parametrize("seed", [3, 19, 22])
def test_every_resample_of_a_line_ends(seed):
    rng = np.random.default_rng(seed)
    compute = np.geomspace(1e18, 1e21, 30)
    loss = 3.0 * (compute / 1e20) ** -0.06 * np.exp(0.002 * rng.standard_normal(30))
    weights = rng.multinomial(30, np.full(30, 1 / 30), size=700).astype(float)
    fits = fit_batch(POWER_LAW, (compute,), loss, weights, starts=[[42.0, 0.06]], delta=DELTA)
    assert set(fits.status) == {"converged"}  # one in each stopped a rounding error off a kink

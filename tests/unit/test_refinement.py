"""An optimum to its last digits: the gradient against 50 digits, and one point from whichever side it is approached."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from race_to_efficiency.calibration.kappa.forms import FORMS, Coordinates
from race_to_efficiency.calibration.kappa.newton import CONVERGED, minimise
from race_to_efficiency.calibration.kappa.objective import Objective
from race_to_efficiency.calibration.kappa.refinement import gradient, refined
from runs_for_tests import simulated

DELTA = 1e-3
DIGITS = float(np.finfo(np.longdouble).eps)
"""Of the extended precision here: 1e-19 on x86, more or fewer elsewhere."""


def inputs_of(name, params, tokens):
    return [params, tokens] if name == "chinchilla" else [6 * params * tokens]


def problem(name, *, seed, noise, n=40):
    """A table's objective in solver coordinates, and its optimum in double precision."""
    params, tokens, loss = simulated(seed, n, noise)
    space = Coordinates.of(FORMS[name], inputs_of(name, params, tokens), loss)
    objective = Objective(space.rows, np.ones((1, n)), DELTA)
    starts = space.grid()[:: max(1, len(space.grid()) // 20)]
    ends, value, status = minimise(objective, starts, np.zeros(len(starts), dtype=np.intp))
    if not (status == CONVERGED).any():  # the floor vanishes: the optimum lies on its bound
        objective, starts = objective.without_floor(), np.delete(starts, objective.terms, axis=1)
        ends, value, status = minimise(objective, starts, np.zeros(len(starts), dtype=np.intp))
    return objective, ends[np.where(status == CONVERGED, value, np.inf).argmin()]


def slope_in_50_digits(objective, theta):
    """d objective/d theta by mpmath's own differentiation of the objective written out row by row."""
    rows, terms, delta = objective.rows, objective.terms, mpmath.mpf(objective.delta)
    head = terms + rows.floor

    def value(*x):
        found = mpmath.mpf(0)
        for i, y in enumerate(rows.log_loss):
            total = sum(mpmath.exp(x[k] - x[head + k] * mpmath.mpf(float(rows.features[k][i]))) for k in range(terms))
            r = abs(mpmath.mpf(float(y)) - mpmath.log(total + (x[terms] if rows.floor else 0)))
            found += r * r / 2 if r <= delta else delta * (r - delta / 2)
            found += mpmath.mpf(objective.ridge) * r * r / 2
        return found

    with mpmath.workdps(50):
        at = [mpmath.mpf(float(v)) for v in theta]
        return [mpmath.diff(value, at, tuple(int(j == k) for j in range(len(at)))) for k in range(len(at))]


@pytest.mark.parametrize("name", FORMS)
def test_the_gradient_is_right_to_the_digits_of_extended_precision(name):
    objective, optimum = problem(name, seed=3, noise=0.005, n=25)
    for theta in (optimum, optimum * 1.01):
        exact = slope_in_50_digits(objective, theta)
        found = gradient(objective, theta.astype(np.longdouble))
        near = [abs(float(mpmath.mpf(str(got)) - right)) for got, right in zip(found, exact, strict=True)]
        assert max(near) < 300 * DIGITS * DELTA * len(objective.rows.log_loss)
        assert max(map(abs, exact)) > 1e-12 or theta is optimum


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_of_a_flat_optimum_every_side_reaches_the_same_point(name, seed):
    """Noise fifty times the threshold: the Huber sum is nearly one of absolute residuals."""
    objective, optimum = problem(name, seed=seed, noise=0.05)
    aside = [optimum + 1e-5 * np.random.default_rng(k).standard_normal(len(optimum)) for k in range(4)]
    ends = np.array([refined(objective, start) for start in (optimum, *aside)])
    scale = np.abs(ends[0]).max()
    assert np.ptp(ends, axis=0).max() < 1e6 * DIGITS * scale
    before, after = (max(map(abs, slope_in_50_digits(objective, theta))) for theta in (aside[0], ends[0]))
    assert after < 1e-3 * before


def test_where_no_step_is_possible_the_start_is_returned():
    objective, optimum = problem("floor", seed=1, noise=0.005)
    lost = optimum.copy()
    lost[1] = -1e9  # a floor far below zero: no loss is positive, and no gradient finite
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(refined(objective, lost), lost)

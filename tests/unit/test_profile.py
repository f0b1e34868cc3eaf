"""The ends of a kappa profile against fits at fixed kappa by another solver."""

from __future__ import annotations

import numpy as np
import pytest
from race_to_efficiency.calibration.kappa.forms import CHINCHILLA, FLOOR, POWER_LAW, Coordinates
from race_to_efficiency.calibration.kappa.intervals import kappa_gradient, sandwich
from race_to_efficiency.calibration.kappa.objective import RIDGE
from race_to_efficiency.calibration.kappa.profile import profile_kappa
from race_to_efficiency.calibration.kappa.record_fit import fit_of_record
from race_to_efficiency.calibration.kappa.split_starts import split_starts
from scipy.optimize import minimize, minimize_scalar
from scipy.special import huber
from scipy.stats import chi2

DELTA = 1e-3


def profiled(form, inputs, loss):
    """Return a fit, the ends of its profile, and what twice the objective's rise is multiplied with."""
    fit = fit_of_record(form, inputs, loss, delta=DELTA)
    space = Coordinates.of(form, inputs, loss)
    x = space.solver(fit.theta)
    robust = sandwich(space, x, fit.residuals, [str(k) for k in range(len(loss))], delta=DELTA)
    slope = kappa_gradient(space, x)
    ratio = float((slope @ robust.bread @ slope) / (slope @ robust.covariance @ slope))
    return fit, profile_kappa(space, x, robust, delta=DELTA).ends, ratio


@pytest.mark.parametrize(("n_rows", "seed"), [(8, 1), (8, 2), (8, 3), (20, 4)])
def test_the_ends_of_a_power_law_through_few_loud_runs_are_on_the_limit(n_rows, seed):
    rng = np.random.default_rng(seed)
    compute = 10 ** rng.uniform(18.0, 21.0, n_rows)
    loss = 3.0 * (compute / 1e20) ** -0.07 * np.exp(0.05 * rng.standard_normal(n_rows))
    fit, ends, ratio = profiled(POWER_LAW, (compute,), loss)

    def lowest(kappa):
        """Return the least cost at a kappa: of the amplitudes where a residual passes the threshold, refined."""
        at = np.log(loss) + kappa * np.log(compute)

        def cost(amplitude):
            left = at - amplitude
            return float((huber(DELTA, left) + 0.5 * RIDGE * left**2).sum())

        knots = np.sort(np.concatenate([at - DELTA, at + DELTA]))
        best = int(np.argmin([cost(knot) for knot in knots]))
        span = knots[max(best - 1, 0)], knots[min(best + 1, len(knots) - 1)]
        return minimize_scalar(cost, bounds=span, method="bounded", options={"xatol": 1e-14}).fun

    best = lowest(fit.theta[1])
    for level, pair in ends.items():
        for kappa in pair:
            root = np.sqrt(2.0 * (lowest(kappa) - best) * ratio)
            assert root == pytest.approx(np.sqrt(chi2.ppf(level, 1)), rel=1e-7)


@pytest.mark.parametrize(
    ("n_rows", "noise", "seed"), [(90, 0.004, 2), (12, 0.03, 0), (12, 0.03, 4), (12, 0.03, 6), (12, 0.03, 57)]
)
def test_the_deviance_at_every_end_is_the_limit_of_its_level(n_rows, noise, seed):
    rng = np.random.default_rng([n_rows, seed])
    compute = 10 ** rng.uniform(18.0, 21.0, n_rows)
    loss = (1.7 + 1.3 * (compute / 3e19) ** -0.19) * np.exp(noise * rng.standard_normal(n_rows))
    fit, ends, ratio = profiled(FLOOR, (compute,), loss)
    middle = np.exp(np.log(compute).mean())

    def cost(free, kappa):
        """Return the Huber sum and its ridge; free: ln of the reducible loss at the middle, and E."""
        with np.errstate(invalid="ignore"):
            left = np.log(loss) - np.log(np.exp(free[0]) * (compute / middle) ** -kappa + free[1])
        value = float((huber(DELTA, left) + 0.5 * RIDGE * left**2).sum())
        return value if np.isfinite(value) else 1e9

    def refined(start, kappa, xatol):
        options = {"xatol": xatol, "fatol": 0.0 if xatol < 1e-9 else 1e-9, "maxiter": 2000}
        return minimize(cost, start, args=(kappa,), method="Nelder-Mead", options=options)

    amplitude = np.log(fit.theta[0]) - fit.theta[2] * np.log(middle)
    best = cost((amplitude, fit.theta[1]), fit.theta[2])
    for level, pair in ends.items():
        for kappa in pair:
            if kappa is None:
                continue
            starts = np.array([amplitude, fit.theta[1]]) + np.vstack([np.zeros(2), rng.normal(0.0, 0.3, (2, 2))])
            reached = [refined(start, kappa, xatol=1e-6) for start in starts]
            lowest = min(reached, key=lambda found: found.fun)
            for _ in range(2):
                lowest = refined(lowest.x, kappa, xatol=1e-13)
            root = np.sqrt(2.0 * (lowest.fun - best) * ratio)
            assert root == pytest.approx(np.sqrt(chi2.ppf(level, 1)), rel=2e-9)
    assert ends[0.95][1] is not None


@pytest.mark.parametrize(("seed", "side"), [(11, 0), (34, 0), (22, 1)])
def test_an_end_is_found_where_sizes_are_nearly_tied_and_splits_between_terms_compete(seed, side):
    rng = np.random.default_rng(seed)
    compute = 10 ** rng.uniform(18.0, 22.0, 60)
    params = np.sqrt(compute / 120.0) * np.exp(0.05 * rng.standard_normal(60))
    tokens = compute / 6.0 / params
    loss = (1.69 + 480.0 * params**-0.35 + 2100.0 * tokens**-0.37) * np.exp(0.005 * rng.standard_normal(60))
    fit, ends, ratio = profiled(CHINCHILLA, (params, tokens), loss)
    middles = np.log(params).mean(), np.log(tokens).mean()

    def cost(free, kappa):
        """Return the Huber sum and its ridge; free: ln of both terms at the middle, E, and ln(alpha / kappa - 1)."""
        share = np.exp(free[3])
        alpha, beta = kappa * (1.0 + share), kappa * (1.0 + 1.0 / share)
        terms = free[0] - alpha * (np.log(params) - middles[0]), free[1] - beta * (np.log(tokens) - middles[1])
        with np.errstate(invalid="ignore", over="ignore"):
            left = np.log(loss) - np.log(np.exp(terms[0]) + np.exp(terms[1]) + free[2])
            value = float((huber(DELTA, left) + 0.5 * RIDGE * left**2).sum())
        return value if np.isfinite(value) else 1e9

    big_a, big_b, floor, alpha, beta = fit.theta
    kappa = alpha * beta / (alpha + beta)
    free = np.log(big_a) - alpha * middles[0], np.log(big_b) - beta * middles[1], floor, np.log(alpha / kappa - 1.0)
    best, end, lowest = cost(free, kappa), ends[0.95][side], np.inf
    assert end is not None
    for shift in (0.0, -0.7, 0.7, -1.5, 1.5):
        start = (*free[:3], free[3] + shift)
        for _ in range(3):
            options = {"maxiter": 4000, "xatol": 1e-12, "fatol": 1e-14}
            found = minimize(cost, start, args=(end,), method="Nelder-Mead", options=options)
            start, lowest = found.x, min(lowest, found.fun)
    assert 2.0 * (lowest - best) * ratio == pytest.approx(chi2.ppf(0.95, 1), rel=1e-3)


def test_starts_of_every_split_have_the_kappa_asked_for_and_one_is_the_law_itself():
    rng = np.random.default_rng(1)
    params, tokens = 10 ** rng.uniform(7.0, 9.0, 40), 10 ** rng.uniform(9.0, 11.0, 40)
    law = np.array([480.0, 2100.0, 1.69, 0.31, 0.45])
    loss = np.exp(CHINCHILLA.log_loss(law, (params, tokens)))
    space = Coordinates.of(CHINCHILLA, (params, tokens), loss)
    kappa = float(CHINCHILLA.kappa(law))
    starts = space.natural(split_starts(space, space.solver(law), np.array([0.7 * kappa, kappa])))
    assert CHINCHILLA.kappa(starts) == pytest.approx(np.tile([0.7 * kappa, kappa], len(starts) // 2), rel=1e-12)
    assert starts[1] == pytest.approx(law, rel=1e-9)
    shares = np.log(starts[1::2, 3] / starts[1::2, 4])
    assert np.ptp(shares) == pytest.approx(3.0)
    assert shares.mean() == pytest.approx(shares[0])


@pytest.mark.parametrize("seed", [0, 1, 2, 3, 4, 5, 175, 245])  # in the last two a lower valley lies above the estimate
def test_sizes_that_are_tied_exactly_leave_ends_on_their_sides_or_open(seed):
    rng = np.random.default_rng(seed)
    compute = 10 ** rng.uniform(18.0, 22.0, 60)
    params = np.sqrt(compute / 120.0)
    loss = (1.7 + 1.3 * (compute / 1e20) ** -0.17) * np.exp(0.007 * rng.standard_normal(60))
    with np.errstate(all="ignore"):
        fit, ends, _ = profiled(CHINCHILLA, (params, 20.0 * params), loss)
    kappa = CHINCHILLA.kappa(fit.theta)
    for low, high in ends.values():
        assert low is None or low <= kappa * (1.0 + 1e-6)
        assert high is None or high >= kappa * (1.0 - 1e-6)

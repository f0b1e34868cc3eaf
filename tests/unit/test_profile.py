"""The ends of a kappa profile against fits at fixed kappa by another solver."""

from __future__ import annotations

import numpy as np
import pytest
from race_to_efficiency.calibration.kappa.forms import FLOOR, Coordinates
from race_to_efficiency.calibration.kappa.intervals import kappa_gradient, sandwich
from race_to_efficiency.calibration.kappa.objective import RIDGE
from race_to_efficiency.calibration.kappa.profile import profile_kappa
from race_to_efficiency.calibration.kappa.record_fit import fit_of_record
from scipy.optimize import minimize
from scipy.special import huber
from scipy.stats import chi2

DELTA = 1e-3


@pytest.mark.parametrize("seed", [2])
def test_the_deviance_at_every_end_is_the_limit_of_its_level(seed):
    rng = np.random.default_rng(seed)
    compute = np.geomspace(1e18, 1e22, 90)
    loss = (1.7 + 5e3 * compute**-0.19) * np.exp(rng.normal(0.0, 0.004, 90))
    fit = fit_of_record(FLOOR, (compute,), loss, delta=DELTA)
    space = Coordinates.of(FLOOR, (compute,), loss)
    x = space.solver(fit.theta)
    robust = sandwich(space, x, fit.residuals, [str(k) for k in range(90)], delta=DELTA)
    slope = kappa_gradient(space, x)
    ratio = float((slope @ robust.bread @ slope) / (slope @ robust.covariance @ slope))
    ends = profile_kappa(space, x, robust, delta=DELTA).ends

    def cost(free, kappa):
        """Return the Huber sum and its ridge; free: ln of the reducible loss at the middle, and E."""
        middle = np.exp(np.log(compute).mean())
        left = np.log(loss) - np.log(np.exp(free[0]) * (compute / middle) ** -kappa + free[1])
        return float((huber(DELTA, left) + 0.5 * RIDGE * left**2).sum())

    amplitude = np.log(fit.theta[0]) - fit.theta[2] * np.log(compute).mean()
    best = cost((amplitude, fit.theta[1]), fit.theta[2])
    for level, pair in ends.items():
        for kappa in pair:
            start = (amplitude, fit.theta[1])
            for _ in range(3):
                options = {"xatol": 1e-13, "fatol": 0.0, "maxiter": 2000}
                start = minimize(cost, start, args=(kappa,), method="Nelder-Mead", options=options).x
            root = np.sqrt(2.0 * (cost(start, kappa) - best) * ratio)
            assert root == pytest.approx(np.sqrt(chi2.ppf(level, 1)), rel=2e-9)

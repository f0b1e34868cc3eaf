"""What efficiency growth is worth: in compute by a date, and in growth of the fleet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.equation import domain
from race_to_efficiency.equation.domain import LN2, FloatArray, scalar_or_array
from race_to_efficiency.equation.growth import constant_path, exponent, growth, log_phi_slope

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def compute_equivalent_gain(
    t: ArrayLike, gamma: ArrayLike, *, fleet: ArrayLike = 1.0, baseline_years: ArrayLike = 1.0
) -> FloatArray:
    """Compute by t with efficiency growth over compute by t without it, X(t, gamma)/X(t, 0).

    Parameters
    ----------
    t : (...) float, years
    gamma : (...) float, doublings/year
    fleet : (...) float, multiples of the baseline fleet
    baseline_years : (...) float, years

    Returns
    -------
    (...) float, dimensionless
    """
    years, rate = domain.finite("t", domain.duration("t", t)), domain.finite("gamma", gamma)
    power, tau0 = domain.non_negative("fleet", fleet), domain.positive("baseline_years", baseline_years)
    with np.errstate(all="ignore"):
        scale = power / tau0
        direct = (1.0 + scale * growth(years, rate)) / (1.0 + scale * years)
        still = constant_path(years, np.zeros(()), power, tau0)
        in_logs = np.exp(constant_path(years, rate, power, tau0) - still)
        return scalar_or_array(np.where(np.isfinite(direct) & (power > 0.0), direct, in_logs))


def gamma_fleet_exchange(t: ArrayLike, gamma: ArrayLike) -> FloatArray:
    """Relative growth of the fleet that is worth one doubling/year of gamma at horizon t: dlnG/dgamma.

    Parameters
    ----------
    t : (...) float, years
    gamma : (...) float, doublings/year

    Returns
    -------
    (...) float, years
        t ln2 phi'(z)/phi(z): t ln2/2 at gamma = 0.
    """
    years, rate = domain.finite("t", domain.duration("t", t)), domain.finite("gamma", gamma)
    return scalar_or_array(years * LN2 * log_phi_slope(exponent(years, rate)))

"""Derivatives of the equation for a fleet of constant size.

All pass through the share w = (X - 1)/X of compute gathered since the reference date, and through
dlnG/dgamma = t ln2 phi'(z)/phi(z), both finite and exact at gamma = 0 and beyond gamma t = 1023.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from race_to_efficiency.equation import domain
from race_to_efficiency.equation.domain import LN2, FloatArray, scalar_or_array
from race_to_efficiency.equation.growth import constant_path, exponent, growth, log_phi_slope

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


class Gradient(NamedTuple):
    """Derivatives of R: per unit of kappa, per doubling/year, per year, per baseline fleet."""

    d_kappa: FloatArray
    d_gamma: FloatArray
    d_t: FloatArray
    d_fleet: FloatArray


def _product(small: FloatArray, large: FloatArray) -> FloatArray:
    """Return small x large with 0 x infinity = 0: R has underflowed, and its fall outruns every factor beside it."""
    return np.where(small == 0.0, 0.0, small * large)


def relative_loss_gradient(
    t: ArrayLike,
    kappa: ArrayLike,
    gamma: ArrayLike,
    *,
    fleet: ArrayLike = 1.0,
    baseline_years: ArrayLike = 1.0,
    floor: ArrayLike = 0.0,
) -> Gradient:
    """Gradient of the relative loss to kappa, gamma, t and fleet.

    Parameters
    ----------
    t : (...) float, years
        Finite, at least 0.
    kappa, gamma, fleet, baseline_years, floor
        As in `relative_loss`.

    Returns
    -------
    Gradient of (...) float
        (d_kappa, d_gamma, d_t, d_fleet).
    """
    years, rate = domain.finite("t", domain.duration("t", t)), domain.finite("gamma", gamma)
    slope, power = domain.positive("kappa", kappa), domain.non_negative("fleet", fleet)
    tau0 = domain.positive("baseline_years", baseline_years)
    lowest = domain.unit_interval("floor", floor, zero=True, one=False)
    log_ratio = constant_path(years, rate, power, tau0)
    with np.errstate(all="ignore"):
        above_floor = (1.0 - lowest) * np.exp(-slope * log_ratio)
        share = -np.expm1(-log_ratio)
        d_log_growth = years * LN2 * log_phi_slope(exponent(years, rate))
        steep = -slope * above_floor
        speed = np.where(years == 0.0, power / tau0, share / growth(years, -rate))
        per_fleet = np.where(power == 0.0, growth(years, rate) / tau0, share / power)
        return Gradient(
            d_kappa=scalar_or_array(_product(-above_floor, log_ratio)),
            d_gamma=scalar_or_array(_product(steep * share, d_log_growth)),
            d_t=scalar_or_array(_product(steep, speed)),
            d_fleet=scalar_or_array(_product(steep, per_fleet)),
        )

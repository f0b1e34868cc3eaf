"""Derivatives, limits and the moving window of the equation for a fleet of constant size.

All pass through the share w = (X - 1)/X of compute gathered since the reference date, and through
dlnG/dgamma = t ln2 phi'(z)/phi(z), both finite and exact at gamma = 0 and beyond gamma t = 1023.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from race_to_efficiency.equation import domain
from race_to_efficiency.equation.domain import LN2, FloatArray, scalar_or_array
from race_to_efficiency.equation.growth import constant_path, exponent, growth, log_growth, log_phi_slope

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


class Gradient(NamedTuple):
    """Derivatives of R: per unit of kappa, per doubling/year, per year, per baseline fleet."""

    d_kappa: FloatArray
    d_gamma: FloatArray
    d_t: FloatArray
    d_fleet: FloatArray


class _State(NamedTuple):
    t: FloatArray
    kappa: FloatArray
    gamma: FloatArray
    fleet: FloatArray
    tau0: FloatArray
    above_floor: FloatArray
    log_ratio: FloatArray
    share: FloatArray
    d_log_growth: FloatArray


def _state(
    t: ArrayLike, kappa: ArrayLike, gamma: ArrayLike, fleet: ArrayLike, baseline_years: ArrayLike, floor: ArrayLike
) -> _State:
    years, rate = domain.finite("t", domain.duration("t", t)), domain.finite("gamma", gamma)
    slope, power = domain.positive("kappa", kappa), domain.non_negative("fleet", fleet)
    tau0 = domain.positive("baseline_years", baseline_years)
    lowest = domain.unit_interval("floor", floor, zero=True, one=False)
    log_ratio = constant_path(years, rate, power, tau0)
    with np.errstate(all="ignore"):
        return _State(
            t=years,
            kappa=slope,
            gamma=rate,
            fleet=power,
            tau0=tau0,
            above_floor=(1.0 - lowest) * np.exp(-slope * log_ratio),
            log_ratio=log_ratio,
            share=-np.expm1(-log_ratio),
            d_log_growth=years * LN2 * log_phi_slope(exponent(years, rate)),
        )


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
    kappa : (...) float, dimensionless
    gamma : (...) float, doublings/year
    fleet : (...) float, multiples of the baseline fleet
    baseline_years : (...) float, years
    floor : (...) float, dimensionless

    Returns
    -------
    Gradient of (...) float
        (d_kappa, d_gamma, d_t, d_fleet).

    Raises
    ------
    ValueError
        Names the argument and the value outside its domain.
    """
    s = _state(t, kappa, gamma, fleet, baseline_years, floor)
    with np.errstate(all="ignore"):
        steep = -s.kappa * s.above_floor
        speed = np.where(s.t == 0.0, s.fleet / s.tau0, s.share / growth(s.t, -s.gamma))
        per_fleet = np.where(s.fleet == 0.0, growth(s.t, s.gamma) / s.tau0, s.share / s.fleet)
        return Gradient(
            d_kappa=scalar_or_array(_product(-s.above_floor, s.log_ratio)),
            d_gamma=scalar_or_array(_product(steep * s.share, s.d_log_growth)),
            d_t=scalar_or_array(_product(steep, speed)),
            d_fleet=scalar_or_array(_product(steep, per_fleet)),
        )


def relative_loss_cross_derivative(
    t: ArrayLike,
    kappa: ArrayLike,
    gamma: ArrayLike,
    *,
    fleet: ArrayLike = 1.0,
    baseline_years: ArrayLike = 1.0,
    floor: ArrayLike = 0.0,
) -> FloatArray:
    """Second derivative of R to kappa and gamma: how an error in one changes the weight of the other.

    Returns
    -------
    (...) float, per unit of kappa and doubling/year
        r (kappa ln X - 1) dlnX/dgamma, times 1 - floor.
    """
    s = _state(t, kappa, gamma, fleet, baseline_years, floor)
    with np.errstate(all="ignore"):
        return scalar_or_array(_product(s.above_floor * s.share, s.d_log_growth * (s.kappa * s.log_ratio - 1.0)))


def decay_rate_asymptote(kappa: ArrayLike, gamma: ArrayLike) -> FloatArray:
    """Late decay rate of ln R, kappa gamma ln2; 0 for gamma <= 0.

    Late data identify only this product of kappa and gamma.

    Returns
    -------
    (...) float, 1/years
    """
    return scalar_or_array(domain.positive("kappa", kappa) * np.maximum(domain.finite("gamma", gamma), 0.0) * LN2)


def relative_loss_limit(
    kappa: ArrayLike,
    gamma: ArrayLike,
    *,
    fleet: ArrayLike = 1.0,
    baseline_years: ArrayLike = 1.0,
    floor: ArrayLike = 0.0,
) -> FloatArray:
    """Relative loss after infinite time: above the floor only when gamma < 0 or nothing runs.

    Returns
    -------
    (...) float, dimensionless
        floor + (1 - floor)(1 + fleet/(baseline_years |gamma| ln2))^(-kappa) for gamma < 0, else the floor.
    """
    slope, rate = domain.positive("kappa", kappa), domain.finite("gamma", gamma)
    power, tau0 = domain.non_negative("fleet", fleet), domain.positive("baseline_years", baseline_years)
    lowest = domain.unit_interval("floor", floor, zero=True, one=False)
    with np.errstate(all="ignore"):
        reached = np.exp(-slope * constant_path(np.full((), np.inf), rate, power, tau0))
        return scalar_or_array(lowest + (1.0 - lowest) * reached)


def relative_loss_window(
    t: ArrayLike,
    kappa: ArrayLike,
    gamma: ArrayLike,
    window: ArrayLike,
    *,
    fleet: ArrayLike = 1.0,
    baseline_years: ArrayLike = 1.0,
    floor: ArrayLike = 0.0,
) -> FloatArray:
    """Relative loss of a fresh run that ends at t and had only the last ``window`` years of the fleet.

    Parameters
    ----------
    t : (...) float, years
        End of the run.
    kappa : (...) float, dimensionless
    gamma : (...) float, doublings/year
    window : (...) float, years
        Length of the run, greater than 0; a run longer than t began before the reference date.
    fleet, baseline_years, floor
        As in `relative_loss`.

    Returns
    -------
    (...) float, dimensionless
        floor + (1 - floor) X^(-kappa) with X = (fleet/baseline_years) 2^(gamma (t - window)) G(window, gamma);
        above 1 when the run had less compute than the reference.
    """
    years, span = domain.finite("t", domain.duration("t", t)), domain.positive("window", window)
    slope, rate = domain.positive("kappa", kappa), domain.finite("gamma", gamma)
    power, tau0 = domain.positive("fleet", fleet), domain.positive("baseline_years", baseline_years)
    lowest = domain.unit_interval("floor", floor, zero=True, one=False)
    with np.errstate(all="ignore"):
        log_ratio = exponent(years - span, rate) + log_growth(span, rate) + np.log(power / tau0)
        return scalar_or_array(lowest + (1.0 - lowest) * np.exp(-slope * log_ratio))

"""The relative-loss equation of Lu (2025), R(t) = X(t)^(-kappa), stable in every corner, and the door to its inverses.

``X(t) = 1 + (fleet/baseline_years) * integral of 2^(gamma s)`` is the compute gathered by year t over that of the
reference date. Two readings share the equation, and a kappa belongs to one of them: with ``floor = 0`` R is the ratio
of TOTAL loss (kappa_total); with a floor, X^(-kappa) is the ratio of the loss above it (kappa_reducible), and
R = floor + (1 - floor) X^(-kappa).

All functions take scalars or broadcastable arrays and return float64; arguments outside their domain raise ValueError
with the argument's name and value; what is never reached is infinity, never NaN. The module can be
called as the function it is named after: ``race.relative_loss(t, kappa, gamma)``.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.equation import domain
from race_to_efficiency.equation.crossover import crossover_time
from race_to_efficiency.equation.domain import FloatArray, scalar_or_array
from race_to_efficiency.equation.gathered_compute import log_compute_ratio
from race_to_efficiency.equation.growth import growth_integral
from race_to_efficiency.equation.inverses import fleet_required, gamma_required, kappa_implied, time_to_target
from race_to_efficiency.equation.path_inverse import time_to_target_on_path
from race_to_efficiency.equation.path_options import Convention, FleetOptions, PathOptions, compute_path
from race_to_efficiency.equation.paths import compute_rate
from race_to_efficiency.equation.rates import compute_equivalent_gain, gamma_fleet_exchange
from race_to_efficiency.equation.saturation import Saturation
from race_to_efficiency.equation.sensitivity import Gradient, relative_loss_gradient

if TYPE_CHECKING:
    from typing import Unpack

    from numpy.typing import ArrayLike

__all__ = [
    "Convention",
    "Gradient",
    "PathOptions",
    "Saturation",
    "compute_equivalent_gain",
    "crossover_time",
    "decay_rate",
    "effective_kappa",
    "fleet_required",
    "gamma_fleet_exchange",
    "gamma_required",
    "growth_integral",
    "kappa_implied",
    "log_compute_ratio",
    "log_relative_loss",
    "loss_reduction",
    "relative_loss",
    "relative_loss_gradient",
    "time_to_target",
    "time_to_target_on_path",
]


def _reducible(
    t: ArrayLike, kappa: ArrayLike, gamma: ArrayLike, *, floor: ArrayLike = 0.0, **path: Unpack[FleetOptions]
) -> tuple[FloatArray, FloatArray]:
    """Return ln r = -kappa ln X and the checked floor."""
    slope = domain.positive("kappa", kappa)
    lowest = domain.unit_interval("floor", floor, zero=True, one=False)
    return -slope * log_compute_ratio(t, gamma, **path), lowest


def relative_loss(
    t: ArrayLike,
    kappa: ArrayLike,
    gamma: ArrayLike,
    *,
    fleet: ArrayLike = 1.0,
    baseline_years: ArrayLike = 1.0,
    floor: ArrayLike = 0.0,
    **path: Unpack[PathOptions],
) -> FloatArray:
    """Loss at t over the loss of the reference date, R(t) = floor + (1 - floor) X(t)^(-kappa).

    Parameters
    ----------
    t : (...) float, years
    kappa : (...) float, dimensionless
        kappa_total with floor 0, kappa_reducible with the floor of its group; greater than 0.
    gamma : (...) float, doublings/year
    fleet : (...) float, multiples of the baseline fleet
    baseline_years : (...) float, years
    floor : (...) float, dimensionless
        Irreducible loss over the loss of the reference date, in [0, 1).
    **path
        Fleet and efficiency paths, as in `log_compute_ratio`.

    Returns
    -------
    (...) float, dimensionless
        1 at t = 0.

    Raises
    ------
    ValueError
        Names the argument and the value outside its domain.

    References
    ----------
    Lu (2025), "The Race to Efficiency", arXiv 2501.02156.

    Examples
    --------
    >>> import race_to_efficiency as race
    >>> race.relative_loss([0, 1, 5], kappa=0.05, gamma=2.0).round(4)
    array([1.    , 0.944 , 0.7187])
    """
    log_r, lowest = _reducible(t, kappa, gamma, fleet=fleet, baseline_years=baseline_years, floor=floor, **path)
    with np.errstate(all="ignore"):
        return scalar_or_array(lowest + (1.0 - lowest) * np.exp(log_r))


def log_relative_loss(
    t: ArrayLike, kappa: ArrayLike, gamma: ArrayLike, *, floor: ArrayLike = 0.0, **path: Unpack[FleetOptions]
) -> FloatArray:
    """Natural log of `relative_loss`, exact also where R is near 1 or below the smallest float64."""
    log_r, lowest = _reducible(t, kappa, gamma, floor=floor, **path)
    with np.errstate(all="ignore"):
        fallen = -(1.0 - lowest) * np.expm1(log_r)
        direct = np.log(lowest + (1.0 - lowest) * np.exp(log_r))
        value = np.where(fallen < 0.5, np.log1p(-fallen), direct)
    return scalar_or_array(np.where(lowest == 0.0, log_r, value))


def loss_reduction(
    t: ArrayLike, kappa: ArrayLike, gamma: ArrayLike, *, floor: ArrayLike = 0.0, **path: Unpack[FleetOptions]
) -> FloatArray:
    """Share of the loss gone by t, 1 - R, without the cancellation of forming R first."""
    log_r, lowest = _reducible(t, kappa, gamma, floor=floor, **path)
    with np.errstate(all="ignore"):
        return scalar_or_array(-(1.0 - lowest) * np.expm1(log_r))


def effective_kappa(
    t: ArrayLike, kappa: ArrayLike, gamma: ArrayLike, *, floor: ArrayLike = 0.0, **path: Unpack[FleetOptions]
) -> FloatArray:
    """Local slope of total loss, kappa_reducible (1 - E/L(t)): what joins the two readings of kappa.

    Returns
    -------
    (...) float, dimensionless
        -dlnL/dlnC at the compute reached by t; kappa itself when there is no floor.
    """
    log_r, lowest = _reducible(t, kappa, gamma, floor=floor, **path)
    slope = domain.positive("kappa", kappa)
    with np.errstate(all="ignore"):
        value = slope / (1.0 + lowest / (1.0 - lowest) * np.exp(-log_r))
    return scalar_or_array(np.where(lowest == 0.0, slope, value))


def decay_rate(
    t: ArrayLike, kappa: ArrayLike, gamma: ArrayLike, *, floor: ArrayLike = 0.0, **path: Unpack[FleetOptions]
) -> FloatArray:
    """Rate at which ln of the loss falls, -dlnR/dt.

    At t = 0 it is kappa fleet/baseline_years for every gamma; late it tends to kappa gamma ln2.

    Returns
    -------
    (...) float, 1/years
    """
    years = domain.duration("t", t)
    slope = effective_kappa(t, kappa, gamma, floor=floor, **path)
    route = compute_path(gamma, **path)
    with np.errstate(all="ignore"):
        return scalar_or_array(slope * compute_rate(route, years))


class _Callable(ModuleType):
    """The module, which is the public name `race_to_efficiency.relative_loss` too."""

    def __call__(self, *arguments: Any, **named: Any) -> FloatArray:
        return relative_loss(*arguments, **named)


sys.modules[__name__].__class__ = _Callable

"""The forecast when kappa and gamma are jointly normal: the exact answers a Monte-Carlo engine is checked against.

Given gamma, kappa is normal, so R = exp(-kappa ln X(t, gamma)) is lognormal and the inner integral is closed; only the
outer one, over gamma, is done by quadrature. The time to a target has no finite mean here (P(gamma <= 0) > 0): only its
quantiles, its distribution and, for comparison, its delta-method sd are offered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from race_to_efficiency.equation import domain
from race_to_efficiency.equation.domain import FloatArray, scalar_or_array
from race_to_efficiency.equation.growth import constant_path
from race_to_efficiency.equation.inverses import time_to_target_gradient
from race_to_efficiency.equation.sensitivity import relative_loss_gradient

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

_HALF_WIDTH = 12.0
_POINTS = 4001
"""Trapezoid nodes over +-12 sd: for an analytic integrand that dies at both ends the rule converges exponentially."""
_BISECTIONS = 90


@dataclass(frozen=True, kw_only=True)
class NormalInputs:
    """kappa and gamma as jointly normal, for a constant fleet.

    Parameters
    ----------
    kappa_mean, kappa_sd : float, dimensionless
    gamma_mean, gamma_sd : float, doublings/year
    correlation : float, dimensionless
        Inside (-1, 1).
    fleet : float, multiples of the baseline fleet
    baseline_years : float, years
    """

    kappa_mean: float
    kappa_sd: float
    gamma_mean: float
    gamma_sd: float
    correlation: float = 0.0
    fleet: float = 1.0
    baseline_years: float = 1.0

    def __post_init__(self) -> None:
        domain.finite("gamma_mean", self.gamma_mean)
        for name in ("kappa_mean", "kappa_sd", "gamma_sd", "baseline_years"):
            domain.positive(name, getattr(self, name))
        domain.non_negative("fleet", self.fleet)
        if not -1.0 < self.correlation < 1.0:
            raise ValueError(f"correlation must lie in (-1, 1), got {self.correlation!r}")

    def _nodes(self, t: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, float]:
        """Return weights, ln X and kappa's conditional mean at every gamma node, and kappa's conditional sd."""
        z = np.linspace(-_HALF_WIDTH, _HALF_WIDTH, _POINTS)
        weight = np.exp(-0.5 * z * z)
        gamma = self.gamma_mean + self.gamma_sd * z
        fleet, tau0 = np.asarray(self.fleet, dtype=np.float64), np.asarray(self.baseline_years, dtype=np.float64)
        log_ratio = constant_path(t[..., None], gamma, fleet, tau0)
        mean = self.kappa_mean + self.correlation * self.kappa_sd * z
        return weight / weight.sum(), log_ratio, mean, self.kappa_sd * float(np.sqrt(1.0 - self.correlation**2))

    def _covariance(self) -> FloatArray:
        shared = self.correlation * self.kappa_sd * self.gamma_sd
        return np.array([[self.kappa_sd**2, shared], [shared, self.gamma_sd**2]])


def relative_loss_mean(t: ArrayLike, inputs: NormalInputs) -> FloatArray:
    """Mean of R(t)."""
    years = domain.duration("t", t)
    weight, log_ratio, mean, sd = inputs._nodes(years)  # noqa: SLF001 - one module
    return scalar_or_array(np.sum(weight * np.exp(-mean * log_ratio + 0.5 * (sd * log_ratio) ** 2), axis=-1))


def relative_loss_sd(t: ArrayLike, inputs: NormalInputs) -> FloatArray:
    """Return the standard deviation of R(t), from variance between gammas and within one, neither by cancelling."""
    years = domain.duration("t", t)
    weight, log_ratio, mean, sd = inputs._nodes(years)  # noqa: SLF001 - one module
    spread = (sd * log_ratio) ** 2
    inner = np.exp(-mean * log_ratio + 0.5 * spread)
    overall = np.sum(weight * inner, axis=-1, keepdims=True)
    return scalar_or_array(np.sqrt(np.sum(weight * ((inner - overall) ** 2 + inner**2 * np.expm1(spread)), axis=-1)))


def relative_loss_cdf(r: ArrayLike, t: ArrayLike, inputs: NormalInputs) -> FloatArray:
    """Probability that R(t) is at most ``r``."""
    ratio, years = np.broadcast_arrays(domain.positive("r", r), domain.duration("t", t))
    weight, log_ratio, mean, sd = inputs._nodes(years)  # noqa: SLF001 - one module
    with np.errstate(divide="ignore", invalid="ignore"):
        critical = -np.log(ratio)[..., None] / log_ratio
        value = np.sum(weight * special.ndtr((mean - critical) / sd), axis=-1)
    return scalar_or_array(np.where(years == 0.0, ratio >= 1.0, value))


def relative_loss_quantile(level: ArrayLike, t: ArrayLike, inputs: NormalInputs) -> FloatArray:
    """Quantile of R(t), by bisection on its distribution."""
    share = domain.unit_interval("level", level, zero=False, one=False)
    share, years = np.broadcast_arrays(share, domain.duration("t", t))
    low, high = np.full(share.shape, -700.0), np.full(share.shape, 100.0)
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        below = np.asarray(relative_loss_cdf(np.exp(middle), years, inputs)) < share
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return scalar_or_array(np.exp(0.5 * (low + high)))


def relative_loss_sd_delta(t: ArrayLike, inputs: NormalInputs) -> FloatArray:
    """Delta-method standard deviation of R(t), for comparison with `relative_loss_sd`."""
    slope = relative_loss_gradient(
        t, inputs.kappa_mean, inputs.gamma_mean, fleet=inputs.fleet, baseline_years=inputs.baseline_years
    )
    return _delta(slope.d_kappa, slope.d_gamma, inputs)


def time_to_target_cdf(t: ArrayLike, target: ArrayLike, inputs: NormalInputs) -> FloatArray:
    """Probability that the target is reached by t: that R(t) is at most the target."""
    return relative_loss_cdf(domain.unit_interval("target", target, zero=False, one=True), t, inputs)


def time_to_target_quantile(level: ArrayLike, target: ArrayLike, inputs: NormalInputs) -> FloatArray:
    """Quantile of the time to a target; infinity when the target is reached with a smaller probability than ``level``.

    Parameters
    ----------
    level : (...) float, dimensionless
        Inside (0, 1).
    target : (...) float, dimensionless
        R* in (0, 1].
    inputs : NormalInputs

    Returns
    -------
    (...) float, years
    """
    share = domain.unit_interval("level", level, zero=False, one=False)
    share, aim = np.broadcast_arrays(share, domain.unit_interval("target", target, zero=False, one=True))
    never = np.asarray(relative_loss_cdf(aim, np.inf, inputs)) < share
    low, high = np.full(share.shape, -30.0), np.full(share.shape, 100.0)
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        below = np.asarray(relative_loss_cdf(aim, np.exp(middle), inputs)) < share
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return scalar_or_array(np.where(never, np.inf, np.where(aim == 1.0, 0.0, np.exp(0.5 * (low + high)))))


def time_to_target_sd_delta(target: ArrayLike, inputs: NormalInputs) -> FloatArray:
    """Delta-method standard deviation of the time to a target, in years: misses both ends, for comparison only."""
    slope = time_to_target_gradient(
        target, inputs.kappa_mean, inputs.gamma_mean, fleet=inputs.fleet, baseline_years=inputs.baseline_years
    )
    return _delta(slope.d_kappa, slope.d_gamma, inputs)


def _delta(d_kappa: FloatArray, d_gamma: FloatArray, inputs: NormalInputs) -> FloatArray:
    slopes = np.stack(np.broadcast_arrays(d_kappa, d_gamma), axis=-1)
    variance = np.einsum("...i,ij,...j->...", slopes, inputs._covariance(), slopes)  # noqa: SLF001 - one module
    return scalar_or_array(np.sqrt(variance))

"""The equation solved for each of its unknowns: time, gamma, fleet, kappa. Unreachable is infinity, never NaN.

Everything enters through ln X = -ln(r)/kappa, the log of the compute ratio a target needs, and through
A = (tau0/m)(X - 1), the years it would take at gamma = 0; A overflows early, so its log is kept beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.equation import domain
from race_to_efficiency.equation.domain import LN2, FloatArray, scalar_or_array
from race_to_efficiency.equation.growth import constant_path, growth, log_growth, log_phi, log_phi_slope

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

_NEWTON_STEPS = 30
_SATURATED = 0.02
"""For a = phi(z) below this, phi(z) = -1/z to rounding: z = -1/a."""


def log_quotient(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return ln(a/b), to full relative precision also where a and b nearly agree."""
    with np.errstate(all="ignore"):
        near = np.log1p((a - b) / b)
        far = np.log(a) - np.log(b)
        return np.where((a > 0.5 * b) & (a < 2.0 * b), near, far)


def log_ratio_needed(target: ArrayLike, kappa: ArrayLike, floor: ArrayLike, *, name: str = "target") -> FloatArray:
    """Return ln X at which the loss reaches a target, which errors call ``name``; infinity at or below the floor."""
    target = domain.unit_interval(name, target, zero=False, one=True)
    kappa = domain.positive("kappa", kappa)
    floor = domain.unit_interval("floor", floor, zero=True, one=False)
    with np.errstate(all="ignore"):
        missing = (1.0 - target) / (1.0 - floor)
        log_reducible = np.where(missing < 0.5, np.log1p(-missing), log_quotient(target - floor, 1.0 - floor))
        needed = np.where(target == 1.0, 0.0, -log_reducible / kappa)
    return np.where(target > floor, needed, np.inf)


def _checked(
    target: ArrayLike, kappa: ArrayLike, floor: ArrayLike, baseline_years: ArrayLike
) -> tuple[FloatArray, FloatArray]:
    return log_ratio_needed(target, kappa, floor), domain.positive("baseline_years", baseline_years)


def static_years(needed: FloatArray, scale: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return A = (X - 1) x ``scale`` (years at gamma = 0) and ln A, for ln X = ``needed``."""
    with np.errstate(all="ignore"):
        years = np.where(needed == 0.0, 0.0, np.expm1(needed) * scale)
        logs = np.where(needed > 1.0, needed + np.log1p(-np.exp(-needed)), np.log(np.expm1(needed))) + np.log(scale)
    return years, np.where(needed == 0.0, -np.inf, logs)


def time_to_target(
    target: ArrayLike,
    kappa: ArrayLike,
    gamma: ArrayLike,
    *,
    fleet: ArrayLike = 1.0,
    baseline_years: ArrayLike = 1.0,
    floor: ArrayLike = 0.0,
) -> FloatArray:
    """Years until the loss ratio L/L0 reaches a target.

    Parameters
    ----------
    target : (...) float, dimensionless
        R* in (0, 1], a ratio of TOTAL loss; at or below the floor it is never reached.
    kappa : (...) float, dimensionless
        kappa_total with floor 0, kappa_reducible with the floor of its group.
    gamma : (...) float, doublings/year
    fleet : (...) float, multiples of the baseline fleet
    baseline_years : (...) float, years
        tau0: how long the baseline fleet ran to gather C0.
    floor : (...) float, dimensionless
        Irreducible loss over today's loss, in [0, 1).

    Returns
    -------
    (...) float, years
        ln(1 + gamma ln2 A)/(gamma ln2); infinity where the target is unreachable.

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
    >>> years = race.time_to_target(0.8, kappa=0.05, gamma=2.0)
    >>> round(float(years), 3), round(float(race.relative_loss(years, 0.05, 2.0)), 6)
    (3.453, 0.8)
    """
    needed, tau0 = _checked(target, kappa, floor, baseline_years)
    rate, power = domain.finite("gamma", gamma), domain.non_negative("fleet", fleet)
    with np.errstate(all="ignore"):
        years, logs = static_years(needed, tau0 / power)
        x = rate * LN2 * years
        safe = np.where(x == 0.0, 1.0, x)
        direct = np.where(x == 0.0, years, years * (np.log1p(np.maximum(safe, -1.0)) / safe))
        slope = np.abs(rate) * LN2
        in_logs = np.logaddexp(0.0, np.log(slope) + logs) / slope
    value = np.where(np.isfinite(x) & np.isfinite(years), direct, np.where(rate > 0.0, in_logs, np.inf))
    value = np.where((rate < 0.0) & (x <= -1.0), np.inf, value)
    return scalar_or_array(np.where(needed == 0.0, 0.0, value))


def gamma_required(
    target: ArrayLike,
    t: ArrayLike,
    kappa: ArrayLike,
    *,
    fleet: ArrayLike = 1.0,
    baseline_years: ArrayLike = 1.0,
    floor: ArrayLike = 0.0,
) -> FloatArray:
    """Efficiency-doubling rate that reaches a target by t; negative when no growth is needed.

    Parameters
    ----------
    target, kappa, fleet, baseline_years, floor
        As in `time_to_target`.
    t : (...) float, years

    Returns
    -------
    (...) float, doublings/year
        Solution of phi(gamma t ln2) = A/t: infinity where no rate reaches the target, -inf for a target of 1.
    """
    needed, tau0 = _checked(target, kappa, floor, baseline_years)
    years, power = domain.finite("t", domain.duration("t", t)), domain.non_negative("fleet", fleet)
    with np.errstate(all="ignore"):
        needed, years, scale = np.broadcast_arrays(needed, years, tau0 / power)
        ratio, log_ratio = static_years(needed, scale / years)
        normal = (ratio > 0.0) & np.isfinite(ratio)
        log_ratio = np.where(normal, np.log(np.where(normal, ratio, 1.0)), log_ratio)
        solved = invert_log_phi(log_ratio) / years / LN2
    solved = np.where((years == 0.0) | (power == 0.0) | np.isposinf(needed), np.inf, solved)
    return scalar_or_array(np.where(needed == 0.0, -np.inf, solved))


def invert_log_phi(log_a: FloatArray) -> FloatArray:
    """Return z with ln phi(z) = ``log_a``: Newton on a convex increasing function, so every step is safe.

    The Lambert-W form z = -1/a - W(-exp(-1/a)/a) loses half the digits near a = 1, its branch point; this does not.
    """
    with np.errstate(all="ignore"):
        a = np.exp(np.minimum(log_a, 0.0))
        z = np.where(log_a > 0.0, 2.0 * log_a, np.where(a < 0.5, -1.0 / a, 2.0 * log_a))
        z = np.where(np.isfinite(log_a), z, 0.0)
        for _ in range(_NEWTON_STEPS):
            step = np.where(a < _SATURATED, 0.0, (log_phi(z) - log_a) / log_phi_slope(z))
            step = np.where(np.isfinite(step), step, 0.0)
            z = z - step
            if np.all(np.abs(step) <= 1e-15 * np.abs(z)):
                break
        z = np.where(a < _SATURATED, -1.0 / a, z)
    return np.where(np.isfinite(log_a), z, log_a)


def fleet_required(
    target: ArrayLike,
    t: ArrayLike,
    kappa: ArrayLike,
    gamma: ArrayLike,
    *,
    baseline_years: ArrayLike = 1.0,
    floor: ArrayLike = 0.0,
    fleet_in_baseline: bool = False,
) -> FloatArray:
    """Fleet, in multiples of the baseline, that reaches a target by t.

    Parameters
    ----------
    target, kappa, gamma, baseline_years, floor
        As in `time_to_target`.
    t : (...) float, years
    fleet_in_baseline : bool
        Whether the fleet also did the first tau0 years (C0 = m P0 E0 tau0); the target stays relative to the baseline.

    Returns
    -------
    (...) float, multiples of the baseline fleet
        Infinity where no fleet reaches the target.
    """
    needed, tau0 = _checked(target, kappa, floor, baseline_years)
    years, rate = domain.duration("t", t), domain.finite("gamma", gamma)
    one = np.ones(())
    with np.errstate(all="ignore"):
        if fleet_in_baseline:
            value = np.exp(needed - constant_path(years, rate, one, tau0))
            small = constant_path(years, rate, one, tau0) < 600.0
            direct = np.exp(needed) / (1.0 + growth(years, rate) / tau0)
            value = np.where(small & np.isfinite(direct), direct, value)
            return scalar_or_array(np.where(np.isposinf(needed), np.inf, value))
        gathered = growth(years, rate)
        direct = np.expm1(needed) * (tau0 / gathered)
        in_logs = np.exp(static_years(needed, tau0)[1] - log_growth(years, rate))
        plain = np.isfinite(direct) & (direct > 0.0) & np.isfinite(gathered)
        value = np.where(plain, direct, in_logs)
    value = np.where(np.isposinf(needed) | (years == 0.0), np.inf, value)
    return scalar_or_array(np.where(needed == 0.0, 0.0, value))


def kappa_implied(
    r: ArrayLike,
    t: ArrayLike,
    gamma: ArrayLike,
    *,
    fleet: ArrayLike = 1.0,
    baseline_years: ArrayLike = 1.0,
    floor: ArrayLike = 0.0,
) -> FloatArray:
    """Exponent kappa that an observed loss ratio implies: -ln r/ln X.

    Parameters
    ----------
    r : (...) float, dimensionless
        Observed L/L0 in (0, 1].
    t : (...) float, years
    gamma, fleet, baseline_years, floor
        As in `time_to_target`.

    Returns
    -------
    (...) float, dimensionless
        0 for r = 1; infinity when the loss fell although no compute was added, or fell to the floor.
    """
    needed = log_ratio_needed(r, 1.0, floor, name="r")
    gathered = constant_path(
        domain.duration("t", t),
        domain.finite("gamma", gamma),
        domain.non_negative("fleet", fleet),
        domain.positive("baseline_years", baseline_years),
    )
    with np.errstate(all="ignore"):
        value = np.where(np.isposinf(needed), np.inf, needed / gathered)
    return scalar_or_array(np.where(needed == 0.0, 0.0, value))

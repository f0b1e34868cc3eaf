"""Hare against Turtle: when a smaller fleet of faster-growing efficiency overtakes a larger one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from race_to_efficiency.equation import domain
from race_to_efficiency.equation.domain import LN2, FloatArray, scalar_or_array
from race_to_efficiency.equation.growth import constant_path, exponent, growth, log_growth, log_phi, phi
from race_to_efficiency.equation.inverses import log_quotient
from race_to_efficiency.equation.monotone import increasing_root

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

CrossoverBasis = Literal["cumulative", "throughput", "fleet_in_baseline"]
BASES: tuple[CrossoverBasis, ...] = get_args(CrossoverBasis)
_LATEST = 690.0
"""ln of the latest date searched, e^690 years: beyond it the crossover is called never."""


def crossover_time(
    hare_fleet: ArrayLike,
    hare_gamma: ArrayLike,
    turtle_fleet: ArrayLike,
    turtle_gamma: ArrayLike,
    *,
    basis: CrossoverBasis = "cumulative",
    baseline_years: ArrayLike = 1.0,
) -> FloatArray:
    """Years until the Turtle overtakes the Hare.

    Parameters
    ----------
    hare_fleet, turtle_fleet : (...) float, multiples of the baseline fleet
    hare_gamma, turtle_gamma : (...) float, doublings/year
    basis : {"cumulative", "throughput", "fleet_in_baseline"}
        What is compared: compute gathered since the reference date, compute per year, or all compute when each fleet
        also did the first `baseline_years` (C0 = m P0 E0 tau0).
    baseline_years : (...) float, years
        Used by "fleet_in_baseline" only.

    Returns
    -------
    (...) float, years
        Infinity when the Turtle's gamma is not the larger, or its decaying fleet never catches up; 0 when it leads from
        the start.

    Raises
    ------
    ValueError
        Names the argument and the value outside its domain.
    """
    if basis not in BASES:
        raise domain.DomainError("basis", f"must be one of {', '.join(BASES)}, got {basis!r}")
    arrays = np.broadcast_arrays(
        domain.non_negative("hare_fleet", hare_fleet),
        domain.finite("hare_gamma", hare_gamma),
        domain.non_negative("turtle_fleet", turtle_fleet),
        domain.finite("turtle_gamma", turtle_gamma),
        domain.positive("baseline_years", baseline_years),
    )
    m_hare, g_hare, m_turtle, g_turtle, tau0 = arrays
    with np.errstate(all="ignore"):
        lead = np.where(m_hare == m_turtle, 0.0, log_quotient(m_hare, m_turtle))
        throughput = lead / LN2 / (g_turtle - g_hare)
    value = throughput
    if basis != "throughput":
        value = _solved(lead, g_hare, g_turtle, tau0 if basis == "fleet_in_baseline" else None, throughput)
    value = np.where(lead <= 0.0, 0.0, value)
    return scalar_or_array(np.where((g_turtle > g_hare) & (lead < np.inf), value, np.inf))


def _log_advantage(
    x: FloatArray, g_hare: FloatArray, g_turtle: FloatArray, tau0: FloatArray | None
) -> tuple[FloatArray, FloatArray]:
    """Return ln(Turtle's work/Hare's work) for equal fleets at t = e^x, and its derivative to x."""
    t = np.exp(x)
    if tau0 is None:
        z_hare, z_turtle = exponent(t, g_hare), exponent(t, g_turtle)
        return log_phi(z_turtle) - log_phi(z_hare), 1.0 / phi(-z_turtle) - 1.0 / phi(-z_hare)
    one = np.ones(())
    hare, turtle = constant_path(t, g_hare, one, tau0), constant_path(t, g_turtle, one, tau0)
    slope = -np.expm1(-turtle) / growth(t, -g_turtle) + np.expm1(-hare) / growth(t, -g_hare)
    return turtle - hare, t * slope


def _solved(
    lead: FloatArray, g_hare: FloatArray, g_turtle: FloatArray, tau0: FloatArray | None, throughput: FloatArray
) -> FloatArray:
    possible = (g_turtle > g_hare) & (lead > 0.0) & (lead < np.inf)
    with np.errstate(all="ignore"):
        forever = np.full(lead.shape, np.inf)
        if tau0 is None:
            limit = np.where(g_turtle < 0.0, log_growth(forever, g_turtle) - log_growth(forever, g_hare), np.inf)
        else:
            one = np.ones(())
            ends = constant_path(forever, g_turtle, one, tau0) - constant_path(forever, g_hare, one, tau0)
            limit = np.where(g_turtle < 0.0, ends, np.inf)
        never = ~possible | (limit <= lead)
        # work lags throughput: the crossover of throughput is a lower bound, and doubling finds an upper one
        low = np.where(never, 0.0, np.log(np.where(never, 1.0, throughput)))
        high = low + np.log(2.0)
        for _ in range(60):
            short = ~never & (_log_advantage(high, g_hare, g_turtle, tau0)[0] < lead) & (high < _LATEST)
            if not np.any(short):
                break
            low, high = (
                np.where(short, high, low),
                np.where(short, np.minimum(high + (high - low) * 2.0, _LATEST), high),
            )
        never |= _log_advantage(high, g_hare, g_turtle, tau0)[0] < lead

        def gap(x: FloatArray) -> tuple[FloatArray, FloatArray]:
            value, slope = _log_advantage(x, g_hare, g_turtle, tau0)
            return np.where(never, 0.0, value - lead), np.where(never, 1.0, slope)

        return np.where(never, np.inf, np.exp(increasing_root(gap, low, high)))

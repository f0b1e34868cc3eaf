"""A budget between fleet and efficiency R&D: how much of today's fleet to give up for a larger gamma."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from race_to_efficiency.equation import domain
from race_to_efficiency.equation.domain import LN2, FloatArray, scalar_or_array
from race_to_efficiency.equation.growth import constant_path, exponent, log_growth, log_phi_slope

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

_GRID = 1025
_BISECTIONS = 60

NO_FREE_WAITING = (
    "Without a cost of R&D waiting never pays: compute only accumulates, so while gamma does not depend on the budget "
    "the best R&D share is 0 and the best start is now. Holding back pays only when R&D has a price, or when hardware "
    "keeps the efficiency of the day it was bought."
)


class BudgetSplit(NamedTuple):
    """The best split of a budget at a horizon."""

    rd_share: FloatArray
    gamma: FloatArray
    fleet: FloatArray
    log_compute_ratio: FloatArray
    gain: FloatArray
    """Compute gathered over that of spending everything on the fleet."""


def best_split(
    budget_fleet: ArrayLike,
    t: ArrayLike,
    base_gamma: ArrayLike,
    gamma_per_budget: ArrayLike,
    *,
    baseline_years: ArrayLike = 1.0,
) -> BudgetSplit:
    """Find the R&D share f that gathers most compute by t, with gamma = g0 + g1 f and fleet = (1 - f) budget.

    Parameters
    ----------
    budget_fleet : (...) float, multiples of the baseline fleet
        The fleet that the whole budget would buy.
    t : (...) float, years
    base_gamma : (...) float, doublings/year
        g0: what comes without own R&D.
    gamma_per_budget : (...) float, doublings/year
        g1: what the whole budget spent on R&D would add; at least 0.
    baseline_years : (...) float, years

    Returns
    -------
    BudgetSplit of (...) float
        rd_share in [0, 1). At an interior optimum 1/(1 - f) = g1 dlnG/dgamma. See `NO_FREE_WAITING` for g1 = 0.
    """
    arrays = np.broadcast_arrays(
        domain.positive("budget_fleet", budget_fleet),
        domain.finite("t", domain.duration("t", t)),
        domain.finite("base_gamma", base_gamma),
        domain.non_negative("gamma_per_budget", gamma_per_budget),
        domain.positive("baseline_years", baseline_years),
    )
    budget, years, base, gain, tau0 = arrays
    share = _best_share(years, base, gain)
    rate, fleet = base + gain * share, budget * (1.0 - share)
    gathered, without = constant_path(years, rate, fleet, tau0), constant_path(years, base, budget, tau0)
    return BudgetSplit(
        rd_share=scalar_or_array(share),
        gamma=scalar_or_array(rate),
        fleet=scalar_or_array(fleet),
        log_compute_ratio=scalar_or_array(gathered),
        gain=scalar_or_array(np.exp(np.minimum(gathered - without, 709.0))),
    )


def _best_share(years: FloatArray, base: FloatArray, gain: FloatArray) -> FloatArray:
    """Maximise ln(1 - f) + ln G(t, g0 + g1 f): a grid finds the hill, for there may be a valley; bisection its top."""
    shares = np.linspace(0.0, 1.0, _GRID)[:-1]
    with np.errstate(all="ignore"):
        rates = base[..., None] + gain[..., None] * shares
        value = np.log1p(-shares) + log_growth(np.broadcast_to(years[..., None], rates.shape), rates)
        best = np.argmax(np.where(np.isnan(value), -np.inf, value), axis=-1)
        low, high = (
            shares[np.maximum(best - 1, 0)],
            np.where(best == _GRID - 2, 1.0, shares[np.minimum(best + 1, _GRID - 2)]),
        )
        for _ in range(_BISECTIONS):
            middle = 0.5 * (low + high)
            rising = gain * years * LN2 * log_phi_slope(exponent(years, base + gain * middle)) * (1.0 - middle) > 1.0
            low, high = np.where(rising, middle, low), np.where(rising, high, middle)
    top = 0.5 * (low + high)
    at_zero = gain * years * LN2 * log_phi_slope(exponent(years, base)) <= 1.0
    return np.where(((best == 0) & at_zero) | (years == 0.0), 0.0, top)

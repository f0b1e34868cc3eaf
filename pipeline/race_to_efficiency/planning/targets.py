"""From a target to a plan: fleet, energy and money to reach it by a date, and when to buy hardware that ages."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from race_to_efficiency.equation import domain
from race_to_efficiency.equation.domain import FloatArray, scalar_or_array
from race_to_efficiency.equation.growth import exponent
from race_to_efficiency.equation.inverses import fleet_required, time_to_target
from race_to_efficiency.planning.cost import CostParameters, FleetBill, energy_twh, fleet_bill
from race_to_efficiency.planning.crossovers import Crossovers, crossovers_by_basis
from race_to_efficiency.planning.waiting import decline_rate, optimal_run_length

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def target_bill(
    target: ArrayLike,
    by: ArrayLike,
    kappa: ArrayLike,
    gamma: ArrayLike,
    cost: CostParameters,
    *,
    baseline_years: ArrayLike = 1.0,
    floor: ArrayLike = 0.0,
) -> FleetBill:
    """Fleet, energy and money that reach a target by a date, with hardware that follows gamma.

    Parameters
    ----------
    target : (...) float, dimensionless
        Ratio of total loss, in (0, 1].
    by : (...) float, years
    kappa : (...) float, dimensionless
    gamma : (...) float, doublings/year
        Per joule: the fleet is held at constant power.
    cost : CostParameters
    baseline_years : (...) float, years
    floor : (...) float, dimensionless

    Returns
    -------
    FleetBill of (...) float
        Infinite where the target cannot be reached.
    """
    fleet = fleet_required(target, by, kappa, gamma, baseline_years=baseline_years, floor=floor)
    return fleet_bill(fleet, by, cost)


class Purchase(NamedTuple):
    """Hardware bought once and run to the deadline."""

    purchase_date_years: FloatArray
    run_years: FloatArray
    fleet: FloatArray
    energy_twh: FloatArray
    capital_usd: FloatArray
    energy_usd: FloatArray
    total_usd: FloatArray
    buy_now_total_usd: FloatArray


def best_purchase(work: ArrayLike, deadline: ArrayLike, gamma: ArrayLike, cost: CostParameters) -> Purchase:
    """Best date to buy hardware frozen at purchase for work due by a deadline, and how long to run it.

    Minimises (c/s + e) exp(-lambda (T - s)) over the run length s, lambda = (gamma + eta) ln2 + rho, with c the price
    of the capacity to do a fleet-year of today's work a year and e the energy of one: capital and energy are taken to
    fall alike, which is exact when the price of a watt does not fall (eta = 0).

    Parameters
    ----------
    work : (...) float, baseline-fleet years at today's efficiency
        For a target: (X - 1) baseline_years.
    deadline : (...) float, years
        Greater than 0.
    gamma : (...) float, doublings/year
    cost : CostParameters

    Returns
    -------
    Purchase of (...) float
        With the cost of buying everything now beside it.
    """
    load, horizon = domain.non_negative("work", work), domain.positive("deadline", deadline)
    rate = domain.finite("gamma", gamma)
    capacity = cost.baseline_accelerators * cost.installed_price_usd
    energy = cost.baseline_accelerators * cost.annual_energy_usd
    fall = np.asarray(decline_rate(rate, cost.price_decline_doublings_per_year, cost.discount_rate_per_year))
    with np.errstate(all="ignore"):
        length = np.asarray(optimal_run_length(np.maximum(fall, 0.0), capacity, energy))
        run = np.minimum(length, horizon)
        wait = horizon - run
        bill = _frozen_bill(load, wait, run, rate, cost)
        now = _frozen_bill(load, np.zeros_like(wait), horizon + 0.0 * wait, rate, cost)
    return Purchase(*(scalar_or_array(part) for part in (wait, run, *bill, now[-1])))


def _frozen_bill(
    work: FloatArray, wait: FloatArray, run: FloatArray, gamma: FloatArray, cost: CostParameters
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    fleet = work / run * np.exp(-exponent(wait, gamma))
    discount = np.exp(-cost.discount_rate_per_year * wait)
    price = np.exp(-exponent(wait, np.asarray(cost.price_decline_doublings_per_year))) * discount
    capital = fleet * cost.baseline_accelerators * cost.installed_price_usd * price
    energy = fleet * run * cost.baseline_accelerators * cost.annual_energy_usd * discount
    return fleet, np.asarray(energy_twh(fleet * cost.baseline_power_w, run)), capital, energy, capital + energy


class Race(NamedTuple):
    """Hare against Turtle on the way to one target."""

    hare_years: FloatArray
    turtle_years: FloatArray
    hare_energy_twh: FloatArray
    turtle_energy_twh: FloatArray
    hare_usd: FloatArray
    turtle_usd: FloatArray
    crossovers: Crossovers
    first: str
    least_energy: str
    cheapest: str


def hare_against_turtle(
    hare: tuple[float, float],
    turtle: tuple[float, float],
    target: float,
    kappa: float,
    cost: CostParameters,
    *,
    baseline_years: float = 1.0,
    floor: float = 0.0,
) -> Race:
    """Who reaches a target first, with least energy, and for least money.

    Parameters
    ----------
    hare, turtle : (float, float), (multiples of the baseline fleet, doublings/year)
        Fleet and gamma of each.
    target : float, dimensionless
    kappa : float, dimensionless
    cost : CostParameters
    baseline_years : float, years
    floor : float, dimensionless

    Returns
    -------
    Race
        Each verdict is "hare", "turtle", "tie" or "neither" (when no one reaches the target).
    """
    years, bills = [], []
    for fleet, gamma in (hare, turtle):
        arrival = time_to_target(target, kappa, gamma, fleet=fleet, baseline_years=baseline_years, floor=floor)
        years.append(arrival)
        bills.append(fleet_bill(fleet, arrival, cost))
    return Race(
        hare_years=years[0],
        turtle_years=years[1],
        hare_energy_twh=bills[0].energy_twh,
        turtle_energy_twh=bills[1].energy_twh,
        hare_usd=bills[0].total_usd,
        turtle_usd=bills[1].total_usd,
        crossovers=crossovers_by_basis(*hare, *turtle, baseline_years=baseline_years),
        first=_least(years[0], years[1], years),
        least_energy=_least(bills[0].energy_twh, bills[1].energy_twh, years),
        cheapest=_least(bills[0].total_usd, bills[1].total_usd, years),
    )


def _least(hare: FloatArray, turtle: FloatArray, years: list[FloatArray]) -> str:
    if all(np.isinf(years)):
        return "neither"
    reached = [np.inf if np.isinf(year) else float(value) for value, year in zip((hare, turtle), years, strict=True)]
    if reached[0] == reached[1]:
        return "tie"
    return "hare" if reached[0] < reached[1] else "turtle"

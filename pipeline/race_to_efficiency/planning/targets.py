"""Hare against Turtle on the way to a target: years, energy and money."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from race_to_efficiency.equation.inverses import time_to_target
from race_to_efficiency.planning.cost import CostParameters, fleet_bill
from race_to_efficiency.planning.crossovers import Crossovers, crossovers_by_basis

if TYPE_CHECKING:
    from race_to_efficiency.equation.domain import FloatArray

Winner = Literal["hare", "turtle", "tie", "neither"]


class Race(NamedTuple):
    """Hare against Turtle on the way to one target."""

    hare_years: FloatArray
    turtle_years: FloatArray
    hare_energy_twh: FloatArray
    turtle_energy_twh: FloatArray
    hare_usd: FloatArray
    turtle_usd: FloatArray
    crossovers: Crossovers
    first: Winner
    least_energy: Winner
    cheapest: Winner


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


def _least(hare: FloatArray, turtle: FloatArray, years: list[FloatArray]) -> Winner:
    if all(np.isinf(years)):
        return "neither"
    reached = [np.inf if np.isinf(year) else float(value) for value, year in zip((hare, turtle), years, strict=True)]
    if reached[0] == reached[1]:
        return "tie"
    return "hare" if reached[0] < reached[1] else "turtle"

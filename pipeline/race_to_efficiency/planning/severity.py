"""The severity table, recomputed: how long, and how large a fleet, for a loss ratio R* at a given gamma.

The paper's own table is not available here, so every number is computed from the equation and labelled "recomputed".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from race_to_efficiency.equation.domain import PAPER_KAPPA, positive
from race_to_efficiency.equation.inverses import fleet_required, log_ratio_needed, time_to_target
from race_to_efficiency.json_fields import Means, Positive, Unbounded, Written
from race_to_efficiency.planning.cost import energy_twh

if TYPE_CHECKING:
    from collections.abc import Sequence

LABEL = "recomputed"
SEVERITY_TARGETS = (0.9, 0.8, 0.7, 0.6, 0.5)
GAMMAS = (0.0, 0.5, 1.0, 2.0, 3.0)
DEADLINES_YEARS = (1.0, 5.0, 10.0)


FleetRecord = Annotated[dict[str, Any], Written("planning.severity:FleetNeed")]


@dataclass(frozen=True)
class FleetNeed:
    """The fleet that reaches a target by a deadline, and what it draws until then."""

    by_years: Annotated[Positive, Means("Years.")]
    fleet: Annotated[Unbounded, Means("Baseline fleets.")]
    power_w: Annotated[float | None, Means("W.")]
    energy_twh: Annotated[float | None, Means("TWh until then.")]


@dataclass(frozen=True)
class SeverityRow:
    """One target at one gamma."""

    target: float
    gamma: float
    years: float
    log_compute_ratio: float
    fleets: tuple[FleetNeed, ...]


def severity_table(
    *,
    kappa: float = PAPER_KAPPA,
    baseline_power_w: float | None,
    targets: Sequence[float] = SEVERITY_TARGETS,
    gammas: Sequence[float] = GAMMAS,
    deadlines_years: Sequence[float] = DEADLINES_YEARS,
    baseline_years: float = 1.0,
    floor: float = 0.0,
) -> tuple[SeverityRow, ...]:
    """Years with the baseline fleet, and fleets for given deadlines, for every target and gamma.

    Parameters
    ----------
    kappa : float, dimensionless
    baseline_power_w : float, W
        Power of the baseline fleet at the meter; None leaves power and energy out.
    targets : (n,) float, dimensionless
    gammas : (k,) float, doublings/year
    deadlines_years : (d,) float, years
    baseline_years : float, years
    floor : float, dimensionless

    Returns
    -------
    (n k,) tuple of SeverityRow
        Infinity where a target is never reached.

    Raises
    ------
    ValueError
        Names the argument and the value outside its domain.
    """
    power = None if baseline_power_w is None else float(positive("baseline_power_w", baseline_power_w))
    rows = []
    for target in targets:
        ratio = log_ratio_needed(target, kappa, floor)
        for gamma in gammas:
            years = time_to_target(target, kappa, gamma, baseline_years=baseline_years, floor=floor)
            needs = []
            for deadline in deadlines_years:
                fleet = float(
                    fleet_required(target, deadline, kappa, gamma, baseline_years=baseline_years, floor=floor)
                )
                draw = None if power is None else fleet * power
                energy = None if draw is None else float(energy_twh(draw, deadline))
                needs.append(FleetNeed(float(deadline), fleet, draw, energy))
            rows.append(SeverityRow(float(target), float(gamma), float(years), float(ratio), tuple(needs)))
    return tuple(rows)

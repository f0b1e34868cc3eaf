"""What ``race severity`` prints with ``--json``."""

from __future__ import annotations

from typing import Annotated, Literal

from typing_extensions import TypedDict

from race_to_efficiency.commands.options import COMPUTE_UNITS
from race_to_efficiency.json_fields import Means, Notes, Positive, Target
from race_to_efficiency.planning.claims import ClaimRecord
from race_to_efficiency.planning.severity import LABEL, FleetRecord

ComputeUnit = Annotated[str, Means(enum=[*COMPUTE_UNITS])]


class SeverityCells(TypedDict):
    """One target at one gamma.

    Parameters
    ----------
    compute
        Cumulative compute, in `compute_unit`; null beyond the largest number a computer holds.
    """

    target: Target
    gamma: Annotated[float, Means("Doublings a year.")]
    years: Annotated[float | None, Means("Years with the baseline fleet; null: never.")]
    compute: float | None
    fleets: list[FleetRecord]


class Severity(TypedDict):
    """Years, fleets and energy to reach a loss ratio, by gamma, recomputed from the equation.

    Public claims are checked against it.

    Parameters
    ----------
    baseline_power_w
        Power of the baseline fleet, W; null: power and energy are left out.
    """

    label: Annotated[str, Means(const=LABEL)]
    kappa: Annotated[Positive, Means("Exponent of total loss.")]
    kappa_form: Literal["total"]
    baseline_years: Annotated[Positive, Means("Years the baseline fleet ran.")]
    baseline_power_w: float | None
    baseline_power_source: str
    anchor_compute: Annotated[Positive, Means("C0 in `compute_unit`.")]
    compute_unit: ComputeUnit
    rows: list[SeverityCells]
    claims: list[ClaimRecord]
    notes: Notes

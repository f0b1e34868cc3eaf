"""What ``race solve`` prints with ``--json``: a record an unknown, and what ``race predict`` shares with it."""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired

from typing_extensions import TypedDict

from race_to_efficiency.equation.crossover import CrossoverBasis
from race_to_efficiency.equation.path_options import Convention
from race_to_efficiency.equation.saturation import Saturation
from race_to_efficiency.json_fields import Means, Notes, Positive, Target
from race_to_efficiency.planning.targets import Winner

Kappa = Annotated[Positive, Means("Exponent of loss in compute.")]
Gamma = Annotated[float, Means("Doublings of efficiency a year.")]
BaselineYears = Annotated[Positive, Means("Years the baseline fleet ran to gather C0.")]
Floor = Annotated[float, Means("Irreducible loss over today's loss.", minimum=0, exclusiveMaximum=1)]
By = Annotated[float, Means("Years from the reference date.", minimum=0)]
InBaseline = Annotated[bool, Means("The fleet also did the baseline years.")]
Form = Annotated[
    Literal["total", "reducible"],
    Means("total: slope of total loss, no floor; reducible: slope of the loss above the floor."),
]


class Size(TypedDict):
    """The size of the fleet."""

    fleet: Annotated[float, Means("Power in multiples of the baseline fleet.", minimum=0)]
    baseline_years: BaselineYears


class PathInputs(TypedDict, total=False):
    """Where a fleet differs from one of constant size, under the names `PathOptions` gives."""

    fleet_growth: Annotated[float, Means("Doublings of power a year.")]
    fleet_breaks: Annotated[list[float], Means("Years at which the fleet changes.")]
    fleet_multiples: Annotated[list[float], Means("Multiple of `fleet` from each break on.")]
    start_delay: Annotated[float, Means("Years before anything runs.")]
    frozen: Annotated[bool, Means("Hardware keeps the efficiency of the day it was bought.")]
    headroom: Annotated[float, Means("Doublings by which efficiency can still rise.")]
    saturation: Saturation
    fleet_in_baseline: InBaseline
    convention: Convention
    power_growth: Annotated[float, Means("Doublings of a run's power a year.")]
    duration_growth: Annotated[float, Means("Doublings of a run's length a year.")]


class Answer(TypedDict):
    """What every answer holds beside its quantity, its unit and what was asked."""

    value: Annotated[float | None, Means("In `unit`; null with a reason where no finite number answers.")]
    unreachable: Annotated[bool, Means("Whether nothing reaches what was asked.")]
    reason: Annotated[str | None, Means("Why `value` is null.")]
    notes: Notes


Watts = Annotated[float | None, Means("Power of that fleet, W.")]
FleetEnergy = Annotated[float | None, Means("Energy until the date, TWh.")]
Dollars = Annotated[float | None, Means("USD.")]


class AskedOfLoss(TypedDict):
    """What every question about the loss asks."""

    target: Target
    floor: Floor
    kappa_form: Form


class TimeInputs(AskedOfLoss, Size, PathInputs):
    """What was asked."""

    kappa: Kappa
    gamma: Gamma


class Time(Answer):
    """Years until R falls to the target."""

    quantity: Literal["time"]
    unit: Literal["years"]
    inputs: TimeInputs


class GammaInputs(AskedOfLoss, Size):
    """What was asked."""

    by: By
    kappa: Kappa


class GammaNeeded(Answer):
    """Efficiency-doubling rate that reaches the target by the date; null with unreachable false: every rate does."""

    quantity: Literal["gamma"]
    unit: Literal["doublings/year"]
    inputs: GammaInputs


class FleetAsked(TypedDict):
    """The baseline of a fleet that is looked for."""

    baseline_years: BaselineYears
    floor: Floor
    fleet_in_baseline: InBaseline


class FleetInputs(FleetAsked):
    """What was asked."""

    target: Target
    by: By
    kappa: Kappa
    gamma: Gamma
    kappa_form: Form
    baseline_power: NotRequired[Annotated[Positive, Means("Power of the baseline fleet, W, where given.")]]


class Fleet(Answer):
    """Fleet, in multiples of the baseline, that reaches the target by the date."""

    quantity: Literal["fleet"]
    unit: Literal["baseline fleets"]
    inputs: FleetInputs
    power_w: NotRequired[Watts]
    energy_twh: NotRequired[FleetEnergy]
    accelerators: NotRequired[Annotated[float | None, Means("Accelerators needed.")]]
    capital_usd: NotRequired[Dollars]
    energy_usd: NotRequired[Dollars]
    total_usd: NotRequired[Dollars]


class KappaAsked(Size):
    """The fleet, and the floor of the loss."""

    floor: Floor


class KappaInputs(KappaAsked):
    """What was asked."""

    target: Target
    by: By
    gamma: Gamma
    kappa_form: Form


class KappaImplied(Answer):
    """Exponent that an observed loss ratio implies."""

    quantity: Literal["kappa"]
    unit: Literal["dimensionless"]
    inputs: KappaInputs


NEVER = "null: never, or beyond the largest number a computer holds."
Fleets = Annotated[float, Means("Baseline fleets.")]
Doublings = Annotated[float, Means("Doublings a year.")]
Years = Annotated[float | None, Means(f"Years; {NEVER}")]
Energy = Annotated[float | None, Means("TWh until the target.")]
Money = Annotated[float | None, Means("USD until the target.")]


class CrossoverInputs(TypedDict):
    """What was asked."""

    hare_fleet: Fleets
    hare_gamma: Doublings
    turtle_fleet: Fleets
    turtle_gamma: Doublings
    basis: CrossoverBasis
    baseline_years: BaselineYears
    target: NotRequired[Target]
    kappa: NotRequired[Kappa]
    floor: NotRequired[Floor]


class Crossover(Answer):
    """Years until the smaller fleet of faster-growing efficiency overtakes."""

    quantity: Literal["crossover"]
    unit: Literal["years"]
    cumulative_years: Annotated[float | None, Means(f"Years until the Turtle has done more work; {NEVER}")]
    throughput_years: Annotated[float | None, Means(f"Years until the Turtle is the faster one; {NEVER}")]
    fleet_in_baseline_years: Annotated[
        float | None, Means(f"As cumulative, where the fleets also did the baseline years; {NEVER}")
    ]
    inputs: CrossoverInputs
    hare_to_target_years: NotRequired[Years]
    turtle_to_target_years: NotRequired[Years]
    hare_energy_twh: NotRequired[Energy]
    turtle_energy_twh: NotRequired[Energy]
    hare_usd: NotRequired[Money]
    turtle_usd: NotRequired[Money]
    first: NotRequired[Annotated[Winner, Means("Who reaches the target first.")]]
    least_energy: NotRequired[Annotated[Winner, Means("Who uses least energy.")]]
    cheapest: NotRequired[Annotated[Winner, Means("Who spends least.")]]


class WaitInputs(TypedDict):
    """What was asked."""

    gamma: Gamma
    work: NotRequired[Annotated[float, Means("Years the job takes on hardware of today.")]]
    deadline: NotRequired[Annotated[float, Means("Years until the compute is needed.")]]
    price_decline: NotRequired[Annotated[float, Means("Halvings of the price a year.")]]
    discount: NotRequired[Annotated[float, Means("Discount rate, 1/year.")]]
    capital_cost: NotRequired[Annotated[float, Means("Price of the capacity for one unit of compute a year.")]]
    energy_cost: NotRequired[Annotated[float, Means("Energy for one unit of compute.")]]


class Wait(Answer):
    """Best date to buy hardware that keeps the efficiency of that day."""

    quantity: Literal["wait"]
    unit: Literal["years"]
    inputs: WaitInputs
    completion_years: NotRequired[Annotated[float | None, Means("Years until the job is done.")]]
    completion_without_waiting_years: NotRequired[Annotated[float | None, Means("Years, bought today.")]]
    run_length_years: NotRequired[Annotated[float | None, Means("Years from purchase to deadline.")]]
    decline_rate_per_year: NotRequired[Annotated[float | None, Means("Fall of the cost of compute, 1/year.")]]


class SplitInputs(TypedDict):
    """What was asked."""

    budget_fleet: Annotated[float, Means("Fleet that the whole budget would buy, baseline fleets.")]
    by: By
    base_gamma: Annotated[float, Means("Doublings a year without own R&D.")]
    gamma_per_budget: Annotated[float, Means("Doublings a year that the whole budget would add.")]
    baseline_years: BaselineYears
    kappa: Annotated[float | None, Means("Exponent of loss in compute, where given.")]


class Split(Answer):
    """Share of a budget for efficiency R&D that gathers most compute by the date."""

    quantity: Literal["split"]
    unit: Literal["share of the budget for R&D"]
    gamma: Annotated[float, Means("Doublings a year at that split.")]
    fleet: Annotated[float, Means("Baseline fleets at that split.")]
    log_compute_ratio: Annotated[float, Means("ln of compute over C0 by the date.")]
    compute_gain: Annotated[float | None, Means("Times the compute of R&D share 0.")]
    inputs: SplitInputs
    relative_loss: NotRequired[Annotated[float, Means("R at the date, where --kappa is given.")]]


ANSWERED = {"value": {"type": "number"}, "unreachable": {"const": False}, "reason": {"type": "null"}}
UNANSWERED = {"value": {"type": "null"}, "reason": {"type": "string", "minLength": 1}}
Solved = Annotated[
    Time | GammaNeeded | Fleet | KappaImplied | Crossover | Wait | Split,
    Means(
        "The equation solved for one unknown, named in `quantity`. JSON has no infinity: an answer that no finite "
        'number gives is {"value": null, "unreachable": true, "reason": ...}; further figures beside it that no finite '
        "number gives are null.",
        oneOf=[{"properties": ANSWERED}, {"properties": UNANSWERED}],
    ),
]
"""What ``race solve`` prints with ``--json``."""

"""The options that `race predict` and `race solve` share: one name, one unit, one meaning each."""

from __future__ import annotations

import inspect
from dataclasses import asdict, dataclass
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import typer

from race_to_efficiency.checkout import WAIT_SECONDS
from race_to_efficiency.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from race_to_efficiency.commands.solved import Form, PathInputs, Size

KAPPA = typer.Option("--kappa", help="exponent of loss in compute, greater than 0")
GAMMA = typer.Option("--gamma", help="efficiency-doubling rate, doublings a year; may be 0 or negative")
Gamma = Annotated[float, GAMMA]
TargetOption = Annotated[float, typer.Option("--target", help="loss ratio R* to reach, above 0 and at most 1")]
By = Annotated[float, typer.Option("--by", "--t", help="years from the reference date")]
FleetOption = Annotated[float, typer.Option("--fleet", help="power in multiples of the baseline fleet")]
BaselineYears = Annotated[
    float, typer.Option("--baseline-years", help="years the baseline fleet ran to gather C0 (tau0)")
]
Floor = Annotated[float, typer.Option("--floor", help="irreducible loss over today's loss, at least 0 and below 1")]
KappaForm = Annotated[
    str | None,
    typer.Option("--kappa-form", help="total (slope of total loss, no floor) or reducible (loss above the floor)"),
]
FleetGrowth = Annotated[float, typer.Option("--fleet-growth", help="growth of the fleet's power, doublings a year")]
Breaks = Annotated[
    str | None, typer.Option("--breaks", help="years at which the fleet changes; nothing runs before the first: 0,2,5")
]
Multiples = Annotated[str | None, typer.Option("--multiples", help="multiple of --fleet from each break on: 1,4,0.5")]
StartDelay = Annotated[float, typer.Option("--start-delay", help="years before anything runs")]
Frozen = Annotated[bool, typer.Option("--frozen", help="hardware keeps the efficiency of the day it was bought")]
Headroom = Annotated[
    float | None, typer.Option("--headroom", help="doublings by which efficiency can still rise; none: no limit")
]
SaturationShape = Annotated[
    str, typer.Option("--saturation", help="approach to the headroom: hard, exponential, logistic or tanh")
]
FleetInBaseline = Annotated[
    bool,
    typer.Option("--fleet-in-baseline", help="the fleet also did the baseline years; R stays relative to the baseline"),
]
ConventionName = Annotated[
    str, typer.Option("--convention", help="cumulative (compute gathers, the paper) or run (the largest single run)")
]
PowerGrowth = Annotated[
    float, typer.Option("--power-growth", help="growth of a run's power, doublings a year (run only)")
]
DurationGrowth = Annotated[
    float, typer.Option("--duration-growth", help="growth of a run's length, doublings a year (run only)")
]
Unit = Annotated[str, typer.Option("--unit", help="unit of compute: flop or pfs-day")]
Wait = Annotated[float, typer.Option("--wait", min=0.0, help="seconds to wait for another race command to end")]
WAIT = WAIT_SECONDS
AsJson = Annotated[bool, typer.Option("--json", help="one JSON document on stdout")]
Money = Annotated[bool, typer.Option("--money", help="add energy and money by the cost section of params.yaml")]

Quarter = Annotated[
    str | None, typer.Option("--quarter", help="with --scenario: another quarter than params.yaml's, e.g. 2026Q1")
]
Scenario = Annotated[
    str | None,
    typer.Option("--scenario", help="instead of kappa, gamma and fleet: what a quarter found for this scenario"),
]

TOTAL: Literal["total"] = "total"
REDUCIBLE: Literal["reducible"] = "reducible"
COMPUTE_UNITS = ("flop", "pfs-day")


@dataclass(frozen=True)
class Path:
    """The path options of one call, as typed."""

    fleet_growth: FleetGrowth = 0.0
    breaks: Breaks = None
    multiples: Multiples = None
    start_delay: StartDelay = 0.0
    frozen: Frozen = False
    headroom: Headroom = None
    saturation: SaturationShape = "hard"
    fleet_in_baseline: FleetInBaseline = False
    convention: ConventionName = "cumulative"
    power_growth: PowerGrowth = 0.0
    duration_growth: DurationGrowth = 0.0

    def keywords(self) -> PathInputs:
        """Return what differs from a constant fleet, as keywords of `log_compute_ratio`."""
        given = asdict(self)
        given |= {name: number_list(f"--{name}", given[name]) for name in ("breaks", "multiples")}
        names = {"breaks": "fleet_breaks", "multiples": "fleet_multiples"}
        typed = {names.get(name, name): value for name, value in given.items() if value != getattr(Path, name)}
        return cast("PathInputs", typed)


CONSTANT = Path()
"""The path of a fleet of constant size."""


def with_path(*, without: Collection[str] = ()) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of a path where its parameter `path` stands.

    Parameters
    ----------
    without : collection of str
        Options that the command does not have.
    """

    def given(command: Callable[..., None]) -> Callable[..., None]:
        own = inspect.signature(command, eval_str=True)
        options = [
            one for name, one in inspect.signature(Path, eval_str=True).parameters.items() if name not in without
        ]
        shown = [one for kept in own.parameters.values() for one in (options if kept.name == "path" else [kept])]

        @wraps(command)
        def called(**typed: Any) -> None:
            path = Path(**{option.name: typed.pop(option.name) for option in options})
            command(path=path, **typed)

        called.__signature__ = own.replace(parameters=shown)  # type: ignore[attr-defined]
        called.__annotations__ = {one.name: one.annotation for one in shown}
        return called

    return given


def needed(option: str, value: float | None) -> float:
    """Return the value of an option that only a scenario can take the place of.

    Raises
    ------
    UsageError
        When it was not given.
    """
    if value is None:
        raise UsageError(f"{option} is needed", where=option, remedy="give it, or name a quarter's --scenario")
    return value


def values_asked(
    quarter: str | None, scenario: str | None, kappa_form: str | None, floor: float, size: Size, **given: float | None
) -> tuple[list[float], Size]:
    """Return the values asked for and the size of the fleet: those given, or what a quarter found for a scenario.

    Raises
    ------
    UsageError
        When a value is missing, or given beside a scenario, or the scenario has no such values.
    """
    if scenario is None:
        return [needed(f"--{name}", value) for name, value in given.items()], size
    from race_to_efficiency.commands.quarter_solution import scenario_point

    only_scenario(**given)
    found = scenario_point(quarter, scenario, checked_form(kappa_form, floor))
    return [found[name] for name in given], {"fleet": found["fleet"], "baseline_years": found["baseline_years"]}


def only_scenario(**given: float | None) -> None:
    """Refuse values of one's own beside a scenario's.

    Raises
    ------
    UsageError
        When there is one.
    """
    typed = [f"--{name}" for name, value in given.items() if value is not None]
    if typed:
        raise UsageError(f"--scenario takes the place of {' and '.join(typed)}", where=typed[0])


def number_list(option: str, text: str | None) -> list[float] | None:
    """Read ``0,2,5``.

    Raises
    ------
    UsageError
        When a part is no number.
    """
    if text is None:
        return None
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise UsageError(
            f"{option} must be numbers with commas, got '{text}'", where=option, remedy="write it as 0,2,5"
        ) from None


def checked_form(kappa_form: str | None, floor: float) -> Form:
    """Return the form a kappa belongs to, refusing the two mixtures that have no meaning.

    Raises
    ------
    UsageError
        When the name is unknown, or a total kappa is given together with a floor.
    """
    if kappa_form is None:
        return REDUCIBLE if floor > 0.0 else TOTAL
    if kappa_form not in (TOTAL, REDUCIBLE):
        raise UsageError(
            f"--kappa-form must be total or reducible, got '{kappa_form}'",
            where="--kappa-form",
            why="a kappa is the slope of total loss, or of the loss above a floor",
        )
    if kappa_form == TOTAL and floor > 0.0:
        raise UsageError(
            f"a total kappa cannot be used together with a floor ({floor:g})",
            where="--kappa-form",
            why="kappa_total is the slope of TOTAL loss and knows no irreducible part (R = X^-kappa); only "
            "kappa_reducible, the slope of the loss above the floor, goes with one: mixing them counts the floor twice",
            remedy="drop --floor, or give a kappa_reducible with --kappa-form reducible",
        )
    return kappa_form


def checked_unit(unit: str) -> str:
    """Return the unit of compute.

    Raises
    ------
    UsageError
        When it is neither flop nor pfs-day.
    """
    if unit not in COMPUTE_UNITS:
        raise UsageError(f"--unit must be flop or pfs-day, got '{unit}'", where="--unit")
    return unit


def compute_in(flop: float, unit: str) -> float:
    """Return compute given in FLOP in the chosen unit."""
    from race_to_efficiency.units import pfs_days

    return pfs_days(flop) if unit == "pfs-day" else flop

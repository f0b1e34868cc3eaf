"""The inverses of the equation as answers: value or reason, what was asked, and what a reader must know."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from race_to_efficiency.commands import options as opt
from race_to_efficiency.commands.answers import (
    answer,
    domain_errors,
    emit,
    form_notes,
    label,
    read_cost,
    six_digits,
    unreachable_reason,
)
from race_to_efficiency.commands.measured import remarks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from race_to_efficiency.commands import solved


@dataclass(frozen=True)
class Solution:
    """One answer with what goes beside it; ``extra`` are further named numbers with their units."""

    quantity: str
    answer: dict[str, Any]
    inputs: Mapping[str, Any]
    extra: dict[str, tuple[Any, str]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """Return the JSON document."""
        beside = {name: value for name, (value, _) in self.extra.items()}
        return {
            "quantity": self.quantity,
            **self.answer,
            **beside,
            "inputs": self.inputs,
            "notes": [*self.notes, *remarks({**self.inputs, self.quantity: self.answer["value"]})],
        }

    def show(self, *, as_json: bool) -> None:
        """Print the document, or a table."""
        value = self.answer["value"]
        rows = [[self.quantity, six_digits(value), self.answer["unit"]]]
        if self.answer["reason"]:
            rows.append(["reason", self.answer["reason"], ""])
        rows += [
            [label(name), cell if isinstance(cell, str) else six_digits(cell), unit]
            for name, (cell, unit) in self.extra.items()
        ]
        emit(self.document(), as_json=as_json, title=f"Solved for {self.quantity}", rows=rows)


def time_solution(
    target: float,
    kappa: float,
    gamma: float,
    size: solved.Size,
    floor: float,
    kappa_form: str | None,
    path: opt.Path,
) -> Solution:
    """Years to a target, in closed form for a constant fleet, else along the path."""
    from race_to_efficiency.relative_loss import time_to_target, time_to_target_on_path

    form, keywords = opt.checked_form(kappa_form, floor), path.keywords()
    with domain_errors():
        if keywords:
            years = time_to_target_on_path(target, kappa, gamma, floor=floor, **size, **keywords)
        else:
            years = time_to_target(target, kappa, gamma, floor=floor, **size)
    reason = unreachable_reason(target, gamma, floor, size["fleet"], path=bool(keywords))
    inputs: solved.TimeInputs = {
        "target": target, "kappa": kappa, "gamma": gamma, **size, "floor": floor, "kappa_form": form, **keywords,
    }  # fmt: skip
    return Solution("time", answer(float(years), "years", reason), inputs, notes=tuple(form_notes(form, floor)))


def gamma_solution(
    target: float, by: float, kappa: float, size: solved.Size, floor: float, kappa_form: str | None
) -> Solution:
    """Gamma that reaches a target by a date, with a note when none is needed."""
    from race_to_efficiency.relative_loss import gamma_required, relative_loss

    form = opt.checked_form(kappa_form, floor)
    with domain_errors():
        value = float(gamma_required(target, by, kappa, floor=floor, **size))
        static = float(relative_loss(by, kappa, 0.0, floor=floor, **size))
    notes = form_notes(form, floor)
    inputs: solved.GammaInputs = {
        "target": target, "by": by, "kappa": kappa, **size, "floor": floor, "kappa_form": form,
    }  # fmt: skip
    if value <= 0.0:
        notes.append(
            f"no growth is needed: at gamma = 0 the loss ratio is already {static:.6g} by year {by:g}, at or below "
            f"{target:g}; efficiency could even decay at the rate given"
        )
    result = answer(value, "doublings/year", _no_gamma(target, by, floor, size["fleet"]))
    if value == -float("inf"):
        result = {
            **result,
            "unreachable": False,
            "reason": "a target of 1 is the reference date itself: every gamma does",
        }
    return Solution("gamma", result, inputs, notes=tuple(notes))


def _no_gamma(target: float, by: float, floor: float, fleet: float) -> str:
    if by == 0.0:
        return "no rate changes the loss at the reference date itself"
    return unreachable_reason(target, 0.0, floor, fleet)


def fleet_solution(
    target: float,
    by: float,
    kappa: float,
    gamma: float,
    asked: solved.FleetAsked,
    kappa_form: str | None,
    baseline_power: float | None,
    *,
    money: bool,
) -> Solution:
    """Fleet that reaches a target by a date, with its power, energy and money when asked."""
    from race_to_efficiency.relative_loss import fleet_required

    form = opt.checked_form(kappa_form, asked["floor"])
    with domain_errors():
        fleet = float(fleet_required(target, by, kappa, gamma, **asked))
        extra = _power(fleet, by, baseline_power)
    if money:
        extra.update(_bill(fleet, by))
    if not math.isfinite(fleet):  # a fleet that does not exist has no bill, not one of 0 by year 0
        extra = {name: (fleet, unit) for name, (_, unit) in extra.items()}
    reason = (
        "no fleet changes the loss at the reference date itself"
        if by == 0.0
        else unreachable_reason(target, 0.0, asked["floor"])
    )
    inputs: solved.FleetInputs = {
        "target": target,
        "by": by,
        "kappa": kappa,
        "gamma": gamma,
        "baseline_years": asked["baseline_years"],
        "floor": asked["floor"],
        "fleet_in_baseline": asked["fleet_in_baseline"],
        "kappa_form": form,
    }
    if baseline_power is not None:
        inputs["baseline_power"] = baseline_power
    return Solution(
        "fleet", answer(fleet, "baseline fleets", reason), inputs, extra, tuple(form_notes(form, asked["floor"]))
    )


def _power(fleet: float, by: float, baseline_power: float | None) -> dict[str, tuple[Any, str]]:
    from race_to_efficiency.equation.domain import positive
    from race_to_efficiency.planning import energy_twh

    if baseline_power is None:
        return {}
    power = fleet * float(positive("baseline_power", baseline_power))
    return {"power_w": (power, "W"), "energy_twh": (float(energy_twh(power, by)), "TWh")}


def _bill(fleet: float, by: float) -> dict[str, tuple[Any, str]]:
    from race_to_efficiency.planning import fleet_bill

    bill = fleet_bill(fleet, by, read_cost())
    units = {"accelerators": "", "power_w": "W", "energy_twh": "TWh"}
    units |= dict.fromkeys(("capital_usd", "energy_usd", "total_usd"), "USD")
    return {name: (float(getattr(bill, name)), unit) for name, unit in units.items()}


def kappa_solution(ratio: float, by: float, gamma: float, size: solved.KappaAsked) -> Solution:
    """Kappa that an observed loss ratio implies."""
    from race_to_efficiency.relative_loss import kappa_implied

    with domain_errors():
        value = float(kappa_implied(ratio, by, gamma, **size))
    reason = (
        unreachable_reason(ratio, gamma, size["floor"])
        if ratio <= size["floor"]
        else "the loss fell although no compute was added: no kappa explains it"
    )
    form: solved.Form = opt.REDUCIBLE if size["floor"] > 0.0 else opt.TOTAL
    inputs: solved.KappaInputs = {"target": ratio, "by": by, "gamma": gamma, **size, "kappa_form": form}
    return Solution("kappa", answer(value, "dimensionless", reason), inputs)

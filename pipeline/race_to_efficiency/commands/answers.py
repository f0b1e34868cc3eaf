"""How an answer of the equation is given: a value or a reason, one JSON document or one table, errors as usage."""

from __future__ import annotations

import math
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from race_to_efficiency.commands import terminal
from race_to_efficiency.commands.options import REDUCIBLE
from race_to_efficiency.equation.domain import DomainError
from race_to_efficiency.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from race_to_efficiency.planning import CostParameters


OPTIONS = {"fleet_breaks": "--breaks", "fleet_multiples": "--multiples", "r": "--target", "decline_rate": "--gamma"}
"""Options whose name differs from the argument the maths names in an error."""

MAX_FLOAT = sys.float_info.max
"""Largest number a computer holds: beyond it a quantity is null in JSON."""

UNIT_SUFFIXES = ("_per_year", "_years", "_twh", "_usd", "_w")


@contextmanager
def domain_errors() -> Iterator[None]:
    """Turn an argument outside the domain of the maths into a usage error (exit 2) of its option."""
    try:
        yield
    except DomainError as error:
        option = OPTIONS.get(error.argument, f"--{error.argument.replace('_', '-')}")
        why = "outside the domain of the equation"
        raise UsageError(str(error), where=option, why=why, remedy="see --help") from None


def answer(value: float, unit: str, reason: str) -> dict[str, Any]:
    """Return a value with its unit; infinity becomes null, unreachable and its reason."""
    never = not math.isfinite(value)
    return {
        "value": None if never else value,
        "unit": unit,
        "unreachable": never,
        "reason": reason if never else None,
    }


def form_notes(form: str, floor: float) -> list[str]:
    """Return what a reader must know of the reading of R."""
    if form == REDUCIBLE and floor == 0.0:
        return ["with a reducible kappa and no floor, R is the ratio of the loss ABOVE the floor, not of total loss"]
    return []


def overflow_notes(values: Iterable[float | None]) -> list[str]:
    """Return what an amount of compute that no number gives is written as, where there is one."""
    if all(value is not None and math.isfinite(value) for value in values):
        return []
    return [f"compute beyond {MAX_FLOAT:.2g}, the largest number a computer holds, is null in JSON"]


def unreachable_reason(target: float, gamma: float, floor: float, fleet: float = 1.0, *, path: bool = False) -> str:
    """Return why no time reaches a target."""
    if target <= floor:
        return f"the target {target:g} is at or below the floor {floor:g}: no compute brings total loss there"
    if fleet == 0.0:
        return "a fleet of 0 adds no compute"
    if path:
        return "not reached within a thousand million years along this path"
    if gamma < 0.0:
        return (
            f"efficiency that decays (gamma = {gamma:g}) gathers a limited amount of compute, too little for the target"
        )
    return f"the answer exceeds the largest number a computer holds ({MAX_FLOAT:.2g})"


def emit(document: dict[str, Any], *, as_json: bool, title: str, rows: Sequence[Sequence[object]]) -> None:
    """Print one JSON document, or a table of (what, value, unit) rows with the notes under it."""
    if as_json:
        terminal.document(document)
        return
    print_table(title, ("what", "value", "unit"), rows, document.get("notes", ()))


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], notes: Sequence[str]) -> None:
    """Print a table for a person, and its notes."""
    terminal.table(title, columns, rows)
    terminal.lines(notes)


def six_digits(value: float | None) -> str:
    """Return a number with six significant digits; "never" for none."""
    return "never" if value is None or not math.isfinite(value) else f"{value:.6g}"


def amount_text(value: float | None) -> str:
    """Return a number with six significant digits; for none, that it is larger than any a computer holds."""
    return f"> {MAX_FLOAT:.2g}" if value is None or not math.isfinite(value) else six_digits(value)


def label(name: str) -> str:
    """Return a JSON name as words, without the unit at its end (which has a column of its own)."""
    for suffix in UNIT_SUFFIXES:
        name = name.removesuffix(suffix)
    return name.replace("_", " ")


def read_cost() -> CostParameters:
    """Return the cost section of params.yaml.

    Raises
    ------
    DataInvalid
        When params.yaml cannot be read, lacks a value or has one outside its domain.
    """
    from pathlib import Path

    from race_to_efficiency.planning import CostParameters
    from race_to_efficiency.settings.params import find_params, read_params

    return CostParameters(**read_params(find_params(Path.cwd())).cost.values.model_dump())

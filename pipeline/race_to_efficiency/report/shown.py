"""How an estimate, an interval and a cell become numbers on the page, each with its id and what it is made with."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from race_to_efficiency.calibration.common.grades import REFUSED
from race_to_efficiency.report.content import Badge, Code, Fact, Label, Num, Rich, Text, join, say
from race_to_efficiency.report.numbers import NumberRegistry, count, decimals, id_part, percent, scientific, significant
from race_to_efficiency.report.words.names import name_in_words

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from race_to_efficiency.calibration.common.estimates import Estimate, Interval

WRITERS: dict[str, Callable[[float], str]] = {
    "doublings/yr": decimals(2),
    "doublings": decimals(1),
    "nats/token": decimals(3),
    "FLOP": scientific(1),
    "yr": decimals(2),
    "years": decimals(1),
    "share": percent(0),
    "rows": count,
    "log2 FLOP": decimals(1),
}
"""How a value in a unit is written; anything else with three significant digits."""

LOST = ("", "one step", "two steps", "three steps")
"""Steps that a grade lost on an axis, in words."""


def writer(unit: str) -> Callable[[float], str]:
    """Return how values in a unit are written."""
    return WRITERS.get(unit, significant(3))


class Shown:
    """Puts estimates and table cells into the registry of numbers.

    Parameters
    ----------
    numbers : Numbers
    known : collection of str
        Ids of the estimates there are; a number refers to no other.
    """

    def __init__(self, numbers: NumberRegistry, known: Collection[str] = ()) -> None:
        self.numbers = numbers
        self.known = known

    def value(self, estimate: Estimate) -> Num:
        """Return an estimate's value."""
        return self.numbers.add(
            f"{id_part(estimate.id)}.value",
            estimate.value,
            estimate.unit,
            writer(estimate.unit),
            absent="refused",
            estimates=(estimate.id,),
            status=estimate.status,
        )

    def ends(self, estimate: Estimate, interval: Interval) -> tuple[Num, Num]:
        """Return the two ends of an interval; an end that does not close is the word open."""
        found = [
            self.numbers.add(
                f"{id_part(estimate.id)}.{interval.method}{100 * interval.level:.4g}.{name}",
                end,
                estimate.unit,
                writer(estimate.unit),
                absent="open",
                estimates=(estimate.id,),
                status=estimate.status,
            )
            for name, end in (("low", interval.low), ("high", interval.high))
        ]
        return found[0], found[1]

    def interval(self, estimate: Estimate, level: float = 0.95) -> Rich:
        """Return ``[low, high]`` of the headline interval at a level, or say that there is none."""
        found = estimate.interval(level)
        if found is None:
            return say("not given")
        return self.numbers.bracket(*self.ends(estimate, found))

    def with_interval(self, estimate: Estimate, level: float = 0.95) -> Rich:
        """Return ``value [low, high]``."""
        found = estimate.interval(level)
        return (
            (self.value(estimate),)
            if found is None
            else (self.value(estimate), Text(" "), *self.interval(estimate, level))
        )

    def rows(self, estimate: Estimate) -> Num:
        """Return the number of rows an estimate used."""
        return self.numbers.add(
            f"{id_part(estimate.id)}.n_rows", estimate.n_rows, "rows", estimates=(estimate.id,), status=estimate.status
        )

    def cell(
        self,
        number_id: str,
        value: Any,
        unit: str,
        write: Callable[[float], str] | None = None,
        *,
        nodes: Sequence[str] = (),
        estimates: Sequence[str] = (),
        forecast_rows: Sequence[str] = (),
        absent: str = "–",
        status: str | None = None,
    ) -> Rich:
        """Return any other number as a cell; a missing one is a dash that has an id too."""
        known = None if value is None or (isinstance(value, float) and not math.isfinite(value)) else value
        return (
            self.numbers.add(
                number_id,
                known,
                unit,
                write or (count if isinstance(known, int) else writer(unit)),
                absent=absent,
                nodes=nodes,
                estimates=tuple(name for name in estimates if name in self.known),
                forecast_rows=tuple(forecast_rows),
                status=status,
            ),
        )

    def range_of(self, middle: Rich, low: Rich, high: Rich, *, level: float = 0.95, method: str = "draws") -> Rich:
        """Return ``[low, high]``, and have the number it stands beside carry it; a dash is no number."""
        numbers = [part for rich in (middle, low, high) for part in rich if isinstance(part, Num)]
        if len(numbers) == 3:
            self.numbers.enclose(*numbers, level=level, method=method)
        return say("[{low}, {high}]", low=low, high=high)


def badge(estimate: Estimate, *, short: bool = False) -> Badge:
    """Return an estimate's grade with its reasons."""
    return Badge(estimate.grade.confidence, estimate.reasons, short)


def said(texts: Sequence[str]) -> Rich:
    """Return what a stage wrote, one text after another: text, whose numerals are no numbers of the page."""
    return join([Fact(text) for text in texts], "; ")


def state(estimate: Estimate) -> Rich:
    """Return an estimate's grade, where it lost steps, and why; what is refused has no steps to tell."""
    grade = estimate.grade
    axes = [
        f"{LOST[steps]} for {name}"
        for name, steps in (("evidence", grade.evidence), ("agreement", grade.agreement))
        if steps and grade.confidence != REFUSED
    ]
    told = [say(" {axes}", axes=Text(", ".join(axes)))] if axes else []
    why = [(Text(": " if axes else " "), *said(estimate.reasons))] if estimate.reasons else []
    return (badge(estimate, short=True), *(part for rich in (*told, *why) for part in rich))


def window(estimate: Estimate) -> Rich:
    """Return the first and last date of the rows used."""
    if estimate.window is None:
        return say("–")
    first, last = estimate.window
    return (Label(first),) if first == last else (Label(first), Text(" to "), Label(last))


def name_list(values: Sequence[str] | Mapping[str, object]) -> Rich:
    """Return names from data as a list in prose."""
    return join([Fact(name_in_words(str(item))) for item in values]) or say("none")


def identifier(text: str) -> Rich:
    """Return an identifier in the fixed-width type."""
    return (Code(text),)

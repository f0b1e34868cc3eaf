"""How an estimate, an interval and a forecast row become numbers on the page, each with its id and its source."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from race_to_efficiency.report.content import Badge, Code, Fact, Inline, Label, Num, Rich, Text, join, say
from race_to_efficiency.report.numbers import MINUS, Numbers, count, decimals, percent, scientific, significant, slug
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

NUMERAL = re.compile(r"(?<![\w.,/\u2212-])([-\u2212]?(?:\d[\d,]*\.?\d*|\.\d+)(?:e[+-]?\d+)?)(?=$|[\s,;:)\]%]|\.(?!\w))")
"""A numeral that stands alone in prose: not part of a name, a date or a version."""


def writer(unit: str) -> Callable[[float], str]:
    """Return how values in a unit are written."""
    return WRITERS.get(unit, significant(3))


def as_written(text: str) -> Callable[[float], str]:
    """Return a formatter that shows a number as a stage wrote it."""
    return lambda _: text


class Shown:
    """Puts estimates and table cells into the registry of numbers.

    Parameters
    ----------
    numbers : Numbers
    known : collection of str
        Ids of the estimates there are; a number refers to no other.
    """

    def __init__(self, numbers: Numbers, known: Collection[str] = ()) -> None:
        self.numbers = numbers
        self.known = known

    def value(self, estimate: Estimate) -> Num:
        """Return an estimate's value."""
        return self.numbers.add(
            f"{slug(estimate.id)}.value",
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
                f"{slug(estimate.id)}.{interval.method}{100 * interval.level:.4g}.{name}",
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
            f"{slug(estimate.id)}.n_rows", estimate.n_rows, "rows", estimates=(estimate.id,), status=estimate.status
        )

    def sentence(self, text: str, key: str, *, source: str, estimates: Sequence[str] = ()) -> Rich:
        """Return text a stage wrote, its numerals as numbers with ids; names that hold digits stay text.

        Parameters
        ----------
        text : str
        key : str
            Start of the numbers' ids.
        source : str
            Where the text stands.
        estimates : sequence of str
        """
        out: list[Inline] = []
        words: list[str] = []
        for place, piece in enumerate(NUMERAL.split(text)):
            if NUMERAL.fullmatch(piece):
                out += [Fact("".join(words))] if words else []
                words = []
                number = self.numbers.add(
                    f"{key}.said{place}",
                    float(piece.replace(",", "").replace(MINUS, "-")),
                    "as written",
                    as_written(piece),
                    source=source,
                    estimates=estimates,
                )
                out.append(number)
            else:
                words.append(piece)
        return (*out, *([Fact("".join(words))] if words else []))

    def state(
        self, status: str, reasons: Sequence[str], key: str, *, source: str, estimates: Sequence[str] = ()
    ) -> Rich:
        """Return a state with its reasons after it, as the stages wrote them."""
        mark: Rich = (Badge(status, tuple(reasons)),)
        if not reasons:
            return mark
        return (
            *mark,
            Text(" "),
            *self.sentence("; ".join(reasons), f"{key}.reason", source=source, estimates=estimates),
        )

    def estimate_state(self, estimate: Estimate) -> Rich:
        """Return an estimate's state with its reasons after it."""
        ids = (estimate.id,)
        return self.state(
            estimate.status, estimate.reasons, slug(estimate.id), source=f"{estimate.id}: reasons", estimates=ids
        )

    def cell(
        self,
        number_id: str,
        value: Any,
        unit: str,
        write: Callable[[float], str] | None = None,
        *,
        source: str = "",
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
                estimates=tuple(name for name in estimates if name in self.known),
                forecast_rows=tuple(forecast_rows),
                source=source or "; ".join(estimates),
                status=status,
            ),
        )


def badge(estimate: Estimate) -> Badge:
    """Return an estimate's state with its reasons."""
    return Badge(estimate.status, estimate.reasons)


def window(estimate: Estimate) -> Rich:
    """Return the first and last date of the rows used."""
    if estimate.window is None:
        return say("–")
    first, last = estimate.window
    return (Label(first),) if first == last else (Label(first), Text(" to "), Label(last))


def words(values: Sequence[str] | Mapping[str, object]) -> Rich:
    """Return names from data as a list in prose."""
    return join([Fact(name_in_words(str(item))) for item in values]) or say("none")


def identifier(text: str) -> Rich:
    """Return an identifier in the fixed-width type."""
    return (Code(text),)

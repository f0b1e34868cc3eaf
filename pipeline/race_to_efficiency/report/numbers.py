"""The numbers of a report: each with an id, a value, a unit, the text it is shown as, and the outputs it was made with.

numbers.json is ``{id: {value, unit, text, nodes, estimates, forecast_rows, status, ends}}``; ``nodes`` are outputs,
named in `race_to_efficiency.quarter.lineage`; ``estimates`` only where they are not the nodes; ``ends`` are the
intervals printed beside a number that is no estimate and no row of the forecast: level, method and the ids of the two
ends; what is empty is left out.
HTML, PDF, Markdown and every figure's data table take their numbers from here and nowhere else.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from race_to_efficiency.quarter.lineage import Lineage
from race_to_efficiency.report.content import Num, Rich, Text

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Sequence

SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
MINUS = "−"
SETTINGS_MODULE = "race_to_efficiency.settings.params"
"""Module that read a setting."""


@dataclass(frozen=True)
class PublishedNumber:
    """One published number.

    Parameters
    ----------
    id : str
        Stable name, read off the page by ``data-id``.
    value : float, int or None
        None where it is unreachable or open (``text`` says which).
    unit : str
    text : str
        As it is shown.
    nodes : tuple of str
        Outputs it was made with.
    estimates : tuple of str
        Ids of the estimates it is, or is computed from.
    forecast_rows : tuple of str
        Ids of the forecast rows it is.
    status : str or None
        trusted, weak or refused, where it is an estimate or rests on one.
    """

    id: str
    value: float | int | None
    unit: str
    text: str
    nodes: tuple[str, ...]
    estimates: tuple[str, ...] = ()
    forecast_rows: tuple[str, ...] = ()
    status: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the entry of numbers.json; JSON has no infinity, so an unreachable value says so in words."""
        document: dict[str, Any] = {
            "value": self.value,
            "unit": self.unit,
            "text": self.text,
            "nodes": list(self.nodes),
        }
        if self.estimates and self.estimates != self.nodes:
            document["estimates"] = list(self.estimates)
        if self.forecast_rows:
            document["forecast_rows"] = list(self.forecast_rows)
        if self.status is not None:
            document["status"] = self.status
        if self.value is None:
            document["unreachable"] = self.text == "never"
            document["reason"] = self.text
        return document


def decimals(places: int) -> Callable[[float], str]:
    """Return a formatter with a fixed number of decimals (a true minus sign, thousands separated)."""
    return lambda value: true_minus(f"{value:,.{places}f}")


def significant(digits: int) -> Callable[[float], str]:
    """Return a formatter with a fixed number of significant digits; powers of ten outside 0.001 to 100,000."""

    def write(value: float) -> str:
        if value == 0 or 1e-3 <= abs(value) < 1e5:
            places = digits - 1 - (math.floor(math.log10(abs(value))) if value else 0)
            return true_minus(f"{round(value, places):,.{max(places, 0)}f}")
        return scientific(digits - 1)(value)

    return write


def scientific(places: int) -> Callable[[float], str]:
    """Return a formatter in powers of ten with unicode superscripts."""

    def write(value: float) -> str:
        mantissa, exponent = f"{value:.{places}e}".split("e")
        return true_minus(f"{mantissa} × 10{str(int(exponent)).translate(SUPERSCRIPT)}")

    return write


def general(value: float) -> str:
    """Return a number that was given, with the digits it was given with (up to six)."""
    return true_minus(f"{value:.6g}")


def percent(places: int = 0) -> Callable[[float], str]:
    """Return a formatter of shares as per cent."""
    return lambda value: true_minus(f"{100 * value:.{places}f} %")


def probability(value: float) -> str:
    """Return a probability in per cent; what is nearly certain or nearly impossible is not rounded to certainty."""
    if 0.995 <= value < 1:
        return "> 99 %"
    if 0 < value <= 0.005:
        return "< 1 %"
    return percent(0)(value)


def count(value: float) -> str:
    """Return a whole number with its thousands separated."""
    return true_minus(f"{round(value):,}")


def true_minus(text: str) -> str:
    """Return the text with a true minus sign, and none before a zero."""
    body = text.lstrip("-")
    negative = text.startswith("-") and any(digit in body for digit in "123456789")
    return (MINUS if negative else "") + body


NOT_IN_ID = re.compile(r"[^A-Za-z0-9_.@+-]+")


def id_part(text: str) -> str:
    """Return text as a part of an id: letters, digits, ``_ . @ + -``, at most 60 characters."""
    return NOT_IN_ID.sub("_", text).strip("_")[:60] or "_"


class NumberRegistry:
    """The registry a report is built with; the same id always means the same number.

    ``lineage`` holds the edges of the outputs that the report makes itself.
    """

    def __init__(self) -> None:
        self._entries: dict[str, PublishedNumber] = {}
        self._ends: dict[str, dict[float, dict[str, Any]]] = {}
        self.lineage = Lineage()

    def __contains__(self, number_id: str) -> bool:
        return number_id in self._entries

    def __getitem__(self, number_id: str) -> PublishedNumber:
        return self._entries[number_id]

    def __len__(self) -> int:
        return len(self._entries)

    def add(
        self,
        number_id: str,
        value: float | None,
        unit: str,
        write: Callable[[float], str] | None = None,
        *,
        absent: str = "never",
        nodes: Sequence[str] = (),
        estimates: Sequence[str] = (),
        forecast_rows: Sequence[str] = (),
        status: str | None = None,
    ) -> Num:
        """Register a number and return its place in the prose.

        Parameters
        ----------
        number_id : str
        value : float or None
            None or a non-finite value is shown as ``absent``.
        unit : str
        write : callable, optional
            Value to text; three significant digits by default, whole numbers for integers.
        absent : str
            The word for a missing value: never, open, not identified ...
        nodes : sequence of str
            Outputs it is made with; its estimates where none is given.

        Raises
        ------
        ValueError
            When the id already stands for another number, or nothing says what the number is made with.
        """
        made_with = tuple(nodes or estimates)
        if not made_with:
            raise ValueError(f"number {number_id!r} is made with no output")
        for node in made_with:
            self._shown_as_it_is(node)
        known = None if value is None or not math.isfinite(value) else value
        if known is not None:
            known = int(known) if isinstance(known, int) else float(known)
        if write is None:
            write = count if isinstance(known, int) else significant(3)
        text = absent if known is None else write(known)
        entry = PublishedNumber(
            number_id, known, unit, text, made_with, tuple(estimates), tuple(forecast_rows), status=status
        )
        if self._entries.setdefault(number_id, entry) != entry:
            raise ValueError(f"number id {number_id!r} already stands for {self._entries[number_id]}, not {entry}")
        return Num(number_id)

    def enclose(self, number: Num, low: Num, high: Num, *, level: float, method: str) -> None:
        """Tell which two numbers are the ends of another's interval, its level and how it was made.

        Raises
        ------
        ValueError
            When the number has another interval of that level.
        """
        interval = {"level": level, "method": method, "low": low.id, "high": high.id}
        if self._ends.setdefault(number.id, {}).setdefault(level, interval) != interval:
            raise ValueError(f"number {number.id!r} has another {100 * level:g} % interval, not {interval}")

    def made(self, output: str, *, code: str, rows: Iterable[str] = (), sources: Iterable[str] = ()) -> tuple[str]:
        """Tell what an output rests on that the report makes itself; return it as a number's nodes.

        Parameters
        ----------
        output, code, rows, sources
            As in `Lineage.add`.
        """
        parts = tuple(sources)
        for source in parts:
            self._shown_as_it_is(source)
        self.lineage.add(output, code=code, rows=rows, sources=parts)
        return (output,)

    def _shown_as_it_is(self, output: str) -> None:
        """Tell what a setting or a ledger's figure rests on: no stage before writes those."""
        kind, _, name = output.partition(".")
        if kind == "setting":
            self.lineage.add(output, code=SETTINGS_MODULE)
        elif kind == "row":
            self.lineage.add(output, code=__name__, rows=(name,))

    def span(self, low: Num, high: Num) -> Rich:
        """Return ``low to high`` as prose."""
        return (low, Text(" to "), high)

    def bracket(self, low: Num, high: Num) -> Rich:
        """Return ``[low, high]`` as prose."""
        return (Text("["), low, Text(", "), high, Text("]"))

    def check(self, known: Container[str]) -> None:
        """Hold every number's outputs, and what the report's own outputs rest on, against those that are known.

        Parameters
        ----------
        known : container of str
            Outputs of the stages before.

        Raises
        ------
        ValueError
            When a number was made with an output of which no stage tells what it rests on.
        """
        edges = self.lineage.edges()
        for entry in self._entries.values():
            own = edges.reached(entry.nodes)
            unknown = next((output for output in own if output not in edges and output not in known), None)
            if unknown is not None:
                raise ValueError(f"number {entry.id!r} is made with {unknown!r}, which no stage's edges know")

    def to_json(self) -> dict[str, Any]:
        """Return numbers.json: id to entry, sorted by id."""
        return {name: self._entries[name].to_json() | self._ends_json(name) for name in sorted(self._entries)}

    def _ends_json(self, name: str) -> dict[str, Any]:
        """Return the ``ends`` of an entry of numbers.json, the narrowest interval first; nothing where it has none."""
        found = self._ends.get(name, {})
        return {"ends": [found[level] for level in sorted(found)]} if found else {}

"""What every section is built with: the inputs, the registry of numbers, the line that figures carry."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from race_to_efficiency import storage
from race_to_efficiency.errors import NOT_WRITTEN
from race_to_efficiency.report.content import Block, Callout, Figure, FigureData, Rich, Section, data_table, say
from race_to_efficiency.report.forecasts import Forecasts
from race_to_efficiency.report.inputs import Missing, QuarterFiles, reason_of
from race_to_efficiency.report.numbers import NumberRegistry
from race_to_efficiency.report.presets import presets
from race_to_efficiency.report.shown import Shown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from race_to_efficiency.quarter.lineage import Edges

    Make = Callable[["Page"], list[Block]]
    Part = tuple[str, str, Make]

    class Drawing(Protocol):
        """A chart whose data are given: what is left is its name, its words and its source."""

        def __call__(self, figure_id: str, *, title: str, short: str, cite: str) -> str:
            """Return the chart as SVG."""


UNWRITABLE = (Missing, LookupError, TypeError, ValueError, AttributeError)
"""What a part may fail with when a file is missing or is not what it should be."""


@dataclass
class Page:
    """A report being built.

    Parameters
    ----------
    inputs : Inputs
    version : str
        Of the project.
    title : str
    digests : mapping of str to str
        SHA-256 by name of the files the report is made from.
    edges : Edges, optional
        What the numbers of the stages before rest on.
    """

    inputs: QuarterFiles
    version: str
    title: str
    digests: dict[str, str] = field(default_factory=dict)
    numbers: NumberRegistry = field(default_factory=NumberRegistry)
    problems: list[str] = field(default_factory=list)
    figures: dict[str, Figure] = field(default_factory=dict)
    edges: Edges | None = None

    def __post_init__(self) -> None:
        self.shown = Shown(self.numbers, self.inputs.estimates)

    @cached_property
    def forecasts(self) -> Forecasts:
        """The forecast table; raises `Missing` when there is none."""
        return Forecasts(self.inputs, self.numbers)

    @property
    def scenario(self) -> str:
        """Scenario of the headline."""
        return self.inputs.params.report.headline_scenario

    @property
    def anchor(self) -> str:
        """Anchor of the headline: what R = 1 is."""
        return self.inputs.params.report.headline_anchor

    @property
    def years(self) -> tuple[float, ...]:
        """Horizons of the tables, in years."""
        return tuple(float(year) for year in self.inputs.params.report.headline_years)

    @cached_property
    def presets(self) -> list[dict[str, Any]]:
        """Starting points of the interactive chart; raises `Missing` when no scenario gives one."""
        return presets(self.inputs, self.scenario, self.anchor, self.years)

    @property
    def cite(self) -> str:
        """How to cite the report; also the line inside every figure, so that a screenshot carries its source."""
        return (
            f"{self.title}, quarterly report {self.inputs.quarter}{' (reconstructed)' if self.reconstructed else ''}, "
            f"version {self.version}, data to {self.inputs.as_of.isoformat()}"
        )

    @property
    def reconstructed(self) -> bool:
        """Whether the quarter was worked out after its time."""
        return self.inputs.params.report.reconstructed

    def figure(
        self,
        figure_id: str,
        draw: Drawing,
        *,
        title: str,
        short: str,
        caption: str | Rich,
        long: str,
        data: FigureData,
        narrow: Drawing | None = None,
    ) -> Figure:
        """Draw a figure, and register it with its texts and the table of what it shows."""
        svg = draw(figure_id, title=title, short=short, cite=self.cite)
        other = narrow(f"{figure_id}-narrow", title=title, short=short, cite=self.cite) if narrow else ""
        table = data_table(f"{figure_id}-data", data)
        words = say(caption) if isinstance(caption, str) else caption
        made = Figure(figure_id, title, short, svg, words, say(long), table, other)
        self.figures[figure_id] = made
        return made

    def numbers_json(self) -> bytes:
        """Return numbers.json."""
        return storage.record_lines(self.numbers.to_json()).encode()

    def attempt(self, what: str, make: Callable[[], list[Block]]) -> list[Block]:
        """Return the blocks of a part, or a note saying in words why it is not here; nothing breaks the report.

        What a stage did not write is a `Missing` and expected; anything else is listed in ``problems``, which the
        stage reports and the tests hold empty.
        """
        before = len(self.problems)
        try:
            return make()
        except UNWRITABLE as error:
            why = reason_of(error)
            if not isinstance(error, Missing):
                self.problems[before:] = [f"{what}: {why}"]
            heading = "Not in this report." if isinstance(error, Missing) else NOT_WRITTEN
            return [Callout(heading, say("{what}: {why}.", what=what, why=why), "missing")]


def section(
    page: Page, section_id: str, title: str, make: Make, parts: Sequence[Part] = (), *, what: str | None = None
) -> Section:
    """Return a section of blocks that may be missing, which are then named by ``what`` or the title, and its parts."""
    return Section(section_id, title, tuple(page.attempt(what or title, lambda: make(page))), subsections(page, parts))


def subsections(page: Page, parts: Sequence[Part]) -> tuple[Section, ...]:
    """Return one section for each id, title and function."""
    return tuple(section(page, section_id, title, make) for section_id, title, make in parts)

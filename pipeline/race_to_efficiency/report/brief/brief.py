"""The brief's parts, in the order they are read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from race_to_efficiency.report.brief import (
    choices,
    confidence,
    contest,
    drivers,
    finding,
    footing,
    front,
    others,
    record,
    watch,
)
from race_to_efficiency.report.page import subsections

if TYPE_CHECKING:
    from race_to_efficiency.report.content import Section
    from race_to_efficiency.report.page import Page

PARTS = (
    ("brief-record", "How our forecasts have done", record.record),
    ("brief-confidence", "How sure we are", confidence.confidence),
    ("brief-moved", "What moved since last quarter", record.moved),
    ("brief-drivers", "What it hangs on", drivers.drivers),
    ("brief-watch", "What would change our mind", watch.watch),
    ("brief-choices", "If power stays, and if it grows", choices.choices),
    ("brief-contest", "Hare or Turtle?", contest.contest),
    ("brief-others", "How others see it", others.others),
    ("brief-footing", "What it stands on", footing.footing),
)
"""Id, title and blocks of what follows the finding and the front chart."""


def brief_sections(page: Page) -> tuple[Section, ...]:
    """Return the brief."""
    return (finding.finding_section(page), front.front_section(page), *subsections(page, PARTS))

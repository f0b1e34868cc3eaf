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

if TYPE_CHECKING:
    from race_to_efficiency.report.content import Section
    from race_to_efficiency.report.page import Page

PARTS = (
    finding.finding_section,
    front.front_section,
    record.record_section,
    confidence.confidence_section,
    record.moved_section,
    drivers.drivers_section,
    watch.watch_section,
    choices.choices_section,
    contest.contest_section,
    others.others_section,
    footing.footing_section,
)


def brief_sections(page: Page) -> tuple[Section, ...]:
    """Return the brief."""
    return tuple(build(page) for build in PARTS)

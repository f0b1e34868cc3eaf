"""Estimates as lines of a forest plot and as rows of the table beside it: shared by the sections on kappa and gamma."""

from __future__ import annotations

from typing import TYPE_CHECKING

from race_to_efficiency.report.figures.forest import Bar
from race_to_efficiency.report.shown import badge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from race_to_efficiency.calibration.common.estimates import Estimate
    from race_to_efficiency.report.content import FigureData, Rich
    from race_to_efficiency.report.page import Page


HOLLOW = "hollow marks: medium confidence or lower; crosses: refused"
"""Legend of the marks of a forest plot."""


def bar(estimate: Estimate, name: str, *, strong: bool = False) -> Bar:
    """Return an estimate as a line of a forest plot."""
    ends = [(None, None) if found is None else (found.low, found.high) for found in map(estimate.interval, (0.8, 0.95))]
    return Bar(name, estimate.value, ends[0], ends[1], estimate.grade.confidence, strong)


def forest_data(page: Page, of: str | Rich, value_title: str, rows: Sequence[tuple[Rich, Estimate]]) -> FigureData:
    """Return what a forest plot shows: value, 80 % and 95 % interval, rows, grade."""
    shown = page.shown
    body = [
        (
            name,
            (shown.value(item),),
            shown.interval(item, 0.8),
            shown.interval(item),
            (shown.rows(item),),
            (badge(item, short=True),),
        )
        for name, item in rows
    ]
    return of, ("estimate", f"#{value_title}", "#80 %", "#95 %", "#rows", "confidence"), body


def disjoint(first: Estimate, second: Estimate) -> bool:
    """Tell whether two estimates' 95 % intervals are closed and do not overlap."""
    one, other = first.interval(), second.interval()
    if one is None or other is None:
        return False
    ends = (one.low, one.high, other.low, other.high)
    if any(end is None for end in ends):
        return False
    low, high, other_low, other_high = (float(end) for end in ends if end is not None)
    return high < other_low or other_high < low

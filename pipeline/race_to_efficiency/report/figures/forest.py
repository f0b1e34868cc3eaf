"""Estimates side by side: a point, hollow below high confidence, a thick bar for 80 % and a thin one for 95 %."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from race_to_efficiency.calibration.common.grades import GRADES, REFUSED
from race_to_efficiency.report.figures.drawn import drawn
from race_to_efficiency.report.figures.style import (
    BLUE,
    INK,
    MUTED,
    VERMILION,
    WIDTH_IN,
    Frame,
    Rows,
    rows_of,
    stacked_panels,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FULL = GRADES[:2]
"""Grades whose mark is full."""


@dataclass(frozen=True)
class Bar:
    """One line of a forest plot; an open or missing end is None.

    Parameters
    ----------
    name : str
    value : float or None
    inner, outer : (float or None, float or None)
        80 % and 95 % interval.
    confidence : str
        Of the estimate's grade: a full mark for the best two, a cross for what is refused, else a hollow one.
    strong : bool
        A headline: drawn in the second colour.
    """

    name: str
    value: float | None
    inner: tuple[float | None, float | None]
    outer: tuple[float | None, float | None]
    confidence: str
    strong: bool = False


def draw_bars(axis: Axes, rows: Rows, bars: Sequence[Bar], label: str, reference: float | None = None) -> None:
    """Draw the bars from top to bottom; an end that does not close is an arrow at the edge."""
    known = [x for bar in bars for x in (bar.value, *bar.inner, *bar.outer) if x is not None]
    low, high = min(known), max(known)
    room = 0.06 * (high - low or 1.0)
    edges = (low - room, high + room)
    for row, bar in zip(rows.places, bars, strict=True):
        colour = VERMILION if bar.strong else BLUE
        for (left, right), width in ((bar.outer, 1.1), (bar.inner, 3.6)):
            if left is None and right is None:
                continue
            ends = (edges[0] if left is None else left, edges[1] if right is None else right)
            axis.plot(ends, (row, row), color=colour, linewidth=width, solid_capstyle="butt")
        for end, mark, place in ((bar.outer[0], "<", edges[0]), (bar.outer[1], ">", edges[1])):
            if end is None and bar.outer != (None, None):
                axis.plot([place], [row], marker=mark, color=colour, markersize=4)
        if bar.value is not None:
            face = colour if bar.confidence in FULL else "#ffffff"
            mark = "x" if bar.confidence == REFUSED else "o"
            axis.plot([bar.value], [row], marker=mark, color=colour, markerfacecolor=face, markersize=6)
    rows.mark(axis)
    axis.set_xlim(*edges)
    axis.set_xlabel(label)
    if reference is not None:
        axis.axvline(reference, color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)))
    elif low < 0 < high:
        axis.axvline(0, color=INK, linewidth=0.7)


@dataclass(frozen=True)
class Group:
    """Bars that share an axis; ``reference`` is a value to compare with, drawn as a dashed line."""

    bars: Sequence[Bar]
    label: str
    title: str = ""
    reference: float | None = None


@drawn
def forest(groups: Sequence[Group]) -> Figure:
    """Return forest plots one below another as SVG.

    Parameters
    ----------
    groups : sequence of Group
        Each on an axis of its own.
    """
    stacks = [rows_of(bar.name for bar in group.bars) for group in groups]
    titled = any(group.title for group in groups)
    frame = Frame(left=max(rows.width_in for rows in stacks), top=0.3 if titled else 0.1, down=0.8)
    figure, axes = stacked_panels(stacks, frame)
    for axis, rows, group in zip(axes, stacks, groups, strict=True):
        draw_bars(axis, rows, group.bars, group.label, group.reference)
        axis.set_title(group.title, x=-frame.left / (WIDTH_IN - frame.left - frame.right))
    return figure

"""Bars: a tornado of what-ifs around a value, and a waterfall from an old value to a new one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from race_to_efficiency.report.figures.drawn import drawn
from race_to_efficiency.report.figures.style import BLUE, INK, MUTED, ORANGE, Frame, panels, rows_of, stacked_panels
from race_to_efficiency.report.numbers import true_minus

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.figure import Figure


THICK_IN = 0.16
"""Thickness of a bar."""

FEW_TICKS = 4
"""Steps between ticks: labels such as 0.9815 must not meet."""


@dataclass(frozen=True)
class WhatIf:
    """One what-if: its name and the values it gives (one, or a lowest and a highest)."""

    name: str
    values: tuple[float, ...]


@drawn
def tornado_bars(items: Sequence[WhatIf], centre: float, *, label: str) -> Figure:
    """Return a tornado as SVG: each bar runs from the headline value to what it would be.

    Parameters
    ----------
    items : sequence of WhatIf
        From top to bottom, the most influential first.
    centre : float
        The headline value.
    """
    rows = rows_of(item.name for item in items)
    frame = Frame(left=rows.width_in, top=0.1)
    figure, (axis,) = panels(height_in=frame.top + frame.bottom + rows.height_in, frame=frame)
    for row, item in zip(rows.places, items, strict=True):
        for value in item.values:
            colour = ORANGE if value > centre else BLUE
            axis.barh(row, value - centre, left=centre, height=THICK_IN, color=colour, linewidth=0)
            axis.annotate(
                true_minus(f"{value:.2f}"),
                (value, row),
                xytext=(3 if value >= centre else -3, 0),
                textcoords="offset points",
                ha="left" if value >= centre else "right",
                va="center",
            )
    axis.axvline(centre, color=INK, linewidth=0.9)
    rows.mark(axis)
    axis.locator_params(axis="x", nbins=FEW_TICKS)
    axis.margins(x=0.36)
    axis.set_xlabel(label)
    return figure


@dataclass(frozen=True)
class Steps:
    """A waterfall from ``old`` through named steps to ``new``; how steps and ends are written."""

    name: str
    old: float
    new: float
    parts: tuple[tuple[str, float], ...]
    write: Callable[[float], str]
    write_end: Callable[[float], str]


@drawn
def waterfall(content: Sequence[Steps], *, label: str) -> Figure:
    """Return waterfalls one below another as SVG; rises and falls differ by colour and by the sign written on them."""
    stacks = [rows_of(["before", *(name for name, _ in item.parts), "now"]) for item in content]
    frame = Frame(left=max(rows.width_in for rows in stacks), down=0.6)
    figure, axes = stacked_panels(stacks, frame)
    for axis, rows, item in zip(axes, stacks, content, strict=True):
        level = item.old
        ends = [item.old, item.new]
        for above, row, (_, step) in zip(rows.places, rows.places[1:], item.parts, strict=False):
            axis.barh(row, step, left=level, height=THICK_IN, color=ORANGE if step > 0 else BLUE, linewidth=0)
            axis.plot([level, level], [above, row], color=MUTED, linewidth=0.7)
            level += step
            ends.append(level)
            axis.annotate(
                item.write(step),
                (max(level, level - step), row),
                xytext=(3, 0),
                textcoords="offset points",
                va="center",
            )
        axis.plot([level, level], rows.places[-2:], color=MUTED, linewidth=0.7)
        for row, value in ((rows.places[0], item.old), (rows.places[-1], item.new)):
            axis.plot([value], [row], marker="D", color=INK, markersize=5)
            axis.annotate(
                item.write_end(value),
                (value, row),
                xytext=(6, 0),
                textcoords="offset points",
                va="center",
            )
        room = 0.25 * (max(ends) - min(ends) or abs(item.new) * 0.05 or 1.0)
        axis.set_xlim(min(ends) - room, max(ends) + 2.4 * room)
        rows.mark(axis)
        axis.locator_params(axis="x", nbins=FEW_TICKS)
        axis.set_title(item.name)
    axes[-1].set_xlabel(label)
    return figure

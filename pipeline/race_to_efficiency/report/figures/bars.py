"""Bars: a tornado of what-ifs around a value, and a waterfall from an old value to a new one."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

from race_to_efficiency.report.figures.style import (
    BLUE,
    INK,
    MUTED,
    ORANGE,
    Frame,
    finished_figure,
    label_width_in,
    panels,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True)
class WhatIf:
    """One what-if: its name and the values it gives (one, or a lowest and a highest)."""

    name: str
    values: tuple[float, ...]


def tornado_bars(
    items: Sequence[WhatIf], centre: float, figure_id: str, *, label: str, title: str, short: str, cite: str
) -> str:
    """Return a tornado as SVG: each bar runs from the headline value to what it would be.

    Parameters
    ----------
    items : sequence of WhatIf
        From top to bottom, the most influential first.
    centre : float
        The headline value.
    """
    names = ["\n".join(textwrap.wrap(item.name, 44)) for item in items]
    figure, (axis,) = panels(
        height_in=1.0 + 0.32 * len(items),
        frame=Frame(left=label_width_in(line for name in names for line in name.split("\n")), right=0.3, top=0.1),
    )
    for row, item in enumerate(items):
        for value in item.values:
            colour = ORANGE if value > centre else BLUE
            axis.barh(row, value - centre, left=centre, height=0.6, color=colour, linewidth=0)
            axis.annotate(
                f"{value:.2f}",
                (value, row),
                xytext=(3 if value >= centre else -3, 0),
                textcoords="offset points",
                ha="left" if value >= centre else "right",
                va="center",
                fontsize=7.8,
            )
    axis.axvline(centre, color=INK, linewidth=0.9)
    axis.set_yticks(range(len(items)), names)
    axis.set_ylim(len(items) - 0.4, -0.6)
    axis.margins(x=0.16)
    axis.set_xlabel(label)
    axis.grid(visible=False, axis="y")
    axis.tick_params(axis="y", length=0)
    return finished_figure(figure, figure_id, title=title, short=short, cite=cite)


@dataclass(frozen=True)
class Steps:
    """A waterfall from ``old`` through named steps to ``new``; how steps and ends are written."""

    name: str
    old: float
    new: float
    parts: tuple[tuple[str, float], ...]
    write: Callable[[float], str]
    write_end: Callable[[float], str]


def waterfall(content: Sequence[Steps], figure_id: str, *, label: str, title: str, short: str, cite: str) -> str:
    """Return waterfalls one below another as SVG; rises and falls differ by colour and by the sign written on them."""
    sizes = [len(item.parts) + 2 for item in content]
    names = ["before", *(name for item in content for name, _ in item.parts)]
    figure, axes = panels(
        1,
        len(content),
        height_in=0.35 + 0.26 * sum(sizes) + 0.62 * len(content),
        frame=Frame(left=label_width_in(names), down=0.6),
        height_ratios=sizes,
    )
    for axis, item in zip(axes, content, strict=True):
        names = ["before", *(name for name, _ in item.parts), "now"]
        level = item.old
        ends = [item.old, item.new]
        for row, (_, step) in enumerate(item.parts, 1):
            axis.barh(row, step, left=level, height=0.6, color=ORANGE if step > 0 else BLUE, linewidth=0)
            axis.plot([level, level], [row - 1, row], color=MUTED, linewidth=0.7)
            level += step
            ends.append(level)
            axis.annotate(
                item.write(step),
                (max(level, level - step), row),
                xytext=(3, 0),
                textcoords="offset points",
                va="center",
                fontsize=7.8,
            )
        last = len(item.parts) + 1
        axis.plot([level, level], [last - 1, last], color=MUTED, linewidth=0.7)
        for row, value in ((0, item.old), (last, item.new)):
            axis.plot([value], [row], marker="D", color=INK, markersize=5)
            axis.annotate(
                item.write_end(value),
                (value, row),
                xytext=(6, 0),
                textcoords="offset points",
                va="center",
                fontsize=7.8,
            )
        room = 0.25 * (max(ends) - min(ends) or abs(item.new) * 0.05 or 1.0)
        axis.set_xlim(min(ends) - room, max(ends) + 1.6 * room)
        axis.set_yticks(range(len(names)), names)
        axis.set_ylim(last + 0.6, -0.6)
        axis.set_title(item.name)
        axis.grid(visible=False, axis="y")
        axis.tick_params(axis="y", length=0)
    axes[-1].set_xlabel(label)
    return finished_figure(figure, figure_id, title=title, short=short, cite=cite)

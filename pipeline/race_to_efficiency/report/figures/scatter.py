"""Measured points with the lines fitted through them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from race_to_efficiency.report.figures.drawn import drawn
from race_to_efficiency.report.figures.style import (
    CYCLE,
    DASHES,
    INK,
    Frame,
    dots,
    legend,
    panel_grid,
    power_of_ten,
    small_title,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike


FEW = 2
"""Panels that have the whole width each."""


@dataclass(frozen=True)
class Cloud:
    """Points of one kind."""

    name: str
    x: ArrayLike
    y: ArrayLike


@dataclass(frozen=True)
class Line(Cloud):
    """A fitted line; a dashed one is beyond what was fitted."""

    beyond: bool = False


@dataclass(frozen=True)
class Panel:
    """One pair of axes."""

    title: str
    x_label: str
    y_label: str
    clouds: Sequence[Cloud]
    lines: Sequence[Line] = ()
    log_x: bool = False
    log_y: bool = False
    options: dict[str, Any] = field(default_factory=dict)


def draw_panel(axis: Axes, panel: Panel) -> None:
    """Draw points below lines; log axes are labelled in powers of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

    for on, set_scale in ((panel.log_x, axis.set_xscale), (panel.log_y, axis.set_yscale)):
        if on:
            set_scale("log")
    for index, cloud in enumerate(panel.clouds):
        colour = CYCLE[index % len(CYCLE)]
        dots(axis, cloud.x, cloud.y, size=4.2, edgecolor=colour, alpha=0.7, label=cloud.name)
    for index, line in enumerate(panel.lines):
        axis.plot(
            line.x,
            line.y,
            color=INK if index == 0 else CYCLE[(index + 2) % len(CYCLE)],
            linewidth=1.6,
            linestyle=DASHES[1] if line.beyond else DASHES[0 if index == 0 else index + 1],
            label=line.name,
        )
    for on, way in ((panel.log_x, axis.xaxis), (panel.log_y, axis.yaxis)):
        if on:
            way.set_major_locator(LogLocator(numticks=5))
            way.set_major_formatter(FuncFormatter(power_of_ten))
            way.set_minor_locator(NullLocator())
    if not panel.log_x:
        axis.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set(title=small_title(panel.title), xlabel=panel.x_label, ylabel=panel.y_label, **panel.options)


@drawn
def scatter(content: Sequence[Panel], *, height_in: float = 2.9) -> Figure:
    """Return panels as SVG: two a row, or one below another where there are two."""
    columns = 1 if len(content) <= FEW else 2
    frame = Frame(top=0.85, down=0.95)
    figure, axes = panel_grid(len(content), columns=columns, row_in=height_in, more_in=0.5, frame=frame)
    for axis, panel in zip(axes, content, strict=True):
        draw_panel(axis, panel)
    legend(figure, axes, columns=2)
    return figure

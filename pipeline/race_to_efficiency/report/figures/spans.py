"""A tornado small enough for any width: one bar a driver, its two values written at its ends, its name above it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from race_to_efficiency.report.figures.drawn import drawn
from race_to_efficiency.report.figures.style import BLUE, INK, ORANGE, Frame, panels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

NARROW_IN = 4.2
"""Width of a figure that is shown beside text, and whole on a telephone, in inches."""


class Span(NamedTuple):
    """One bar: its name and its two ends."""

    name: str
    low: float
    high: float


@drawn
def spans(items: Sequence[Span], centre: float) -> Figure:
    """Return the bars as SVG, from top to bottom.

    Parameters
    ----------
    items : sequence of Span
    centre : float
        The headline's value, drawn as a mark across every bar.
    """
    figure, (axis,) = panels(
        height_in=0.8 + 0.55 * len(items), frame=Frame(left=0.3, right=0.3, top=0.08, bottom=0.62), width_in=NARROW_IN
    )
    for row, item in enumerate(items):
        low, high = sorted((item.low, item.high))
        for end, colour in ((low, BLUE), (high, ORANGE)):
            axis.barh(row, end - centre, left=centre, height=0.34, color=colour, linewidth=0)
        axis.annotate(
            item.name, (0.0, row), xycoords=("axes fraction", "data"), xytext=(0, 12), textcoords="offset points",
            va="bottom", fontsize=9,
        )  # fmt: skip
        for end, side, shift in ((low, "right", -4), (high, "left", 4)):
            axis.annotate(
                f"{end:.2f}",
                (end, row),
                xytext=(shift, 0),
                textcoords="offset points",
                ha=side,
                va="center",
                fontsize=9,
            )
    for row in range(len(items)):
        axis.vlines(centre, row - 0.24, row + 0.24, color=INK, linewidth=1.2)
    axis.set_yticks([])
    axis.set_ylim(len(items) - 0.6, -0.75)
    axis.margins(x=0.14)
    axis.grid(visible=False, axis="y")
    axis.spines["left"].set_visible(False)
    return figure

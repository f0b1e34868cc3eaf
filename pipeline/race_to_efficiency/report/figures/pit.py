"""Where outcomes fell in their forecast distributions: one histogram a horizon, level when forecasts are honest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from race_to_efficiency.report.figures.drawn import drawn
from race_to_efficiency.report.figures.style import BLUE, INK, Frame, panel_grid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure


@drawn
def histograms(content: Sequence[tuple[str, Sequence[float]]]) -> Figure:
    """Return one panel a horizon as SVG.

    Parameters
    ----------
    content : sequence of (str, sequence of float)
        Heading and shares of the bins, which sum to 1.
    """
    frame = Frame(across=0.2, down=0.55)
    figure, axes = panel_grid(len(content), row_in=1.6, more_in=0.5, frame=frame, sharey=True)
    for axis, (heading, shares) in zip(axes, content, strict=True):
        count = len(shares)
        axis.bar([(i + 0.5) / count for i in range(count)], shares, width=0.9 / count, color=BLUE, linewidth=0)
        axis.axhline(1 / count, color=INK, linewidth=0.9, linestyle=(0, (4, 3)))
        axis.set_xlim(0, 1)
        axis.set_xticks([0, 0.5, 1], ["lowest", "", "highest"])
        axis.get_xticklabels()[0].set_horizontalalignment("left")
        axis.get_xticklabels()[2].set_horizontalalignment("right")
        axis.set_title(heading)
        axis.grid(visible=False, axis="x")
    axes[0].set_ylabel("share of outcomes")
    return figure

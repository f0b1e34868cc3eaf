"""Were the intervals honest? Coverage by target beside the binomial band around what was promised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from race_to_efficiency.report.figures.drawn import drawn
from race_to_efficiency.report.figures.style import BLUE, GRID, INK, VERMILION, Frame, panels, rows_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Covered:
    """One target: share of outcomes inside each interval, and the band that chance allows (None: not computed)."""

    name: str
    shares: tuple[float, ...]
    bands: tuple[tuple[float, float] | None, ...]


@drawn
def coverage_plot(targets: Sequence[Covered], levels: Sequence[float]) -> Figure:
    """Return one panel a level, one row a target, as SVG."""
    rows = rows_of((target.name for target in targets), characters=22)
    frame = Frame(left=rows.width_in, across=0.3, right=0.3)
    figure, axes = panels(len(levels), height_in=frame.top + frame.bottom + rows.height_in, frame=frame)
    for column, (axis, level) in enumerate(zip(axes, levels, strict=True)):
        for row, target in zip(rows.places, targets, strict=True):
            band, share = target.bands[column], target.shares[column]
            if band is not None:
                axis.plot(band, (row, row), color=GRID, linewidth=7, solid_capstyle="butt")
            outside = band is not None and not band[0] <= share <= band[1]
            mark, colour = ("D", VERMILION) if outside else ("o", BLUE)
            axis.plot([share], [row], marker=mark, color=colour, markersize=5, clip_on=False)
        axis.axvline(level, color=INK, linewidth=0.9, linestyle=(0, (4, 3)))
        axis.set_xlim(0, 1)
        axis.set_xticks([0, 0.5, 1], ["0", "", "100 %"])
        axis.set_title(f"{100 * level:.0f} %")
        rows.mark(axis, named=column == 0)
    axes[len(axes) // 2].set_xlabel("outcomes inside the interval")
    return figure

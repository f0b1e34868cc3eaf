"""Were the intervals honest? Coverage by target beside the binomial band around what was promised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from race_to_efficiency.report.figures.style import (
    BLUE,
    GRID,
    INK,
    VERMILION,
    Frame,
    finished_figure,
    label_width_in,
    panels,
)

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Covered:
    """One target: share of outcomes inside each interval, and the band that chance allows (None: not computed)."""

    name: str
    shares: tuple[float, ...]
    bands: tuple[tuple[float, float] | None, ...]


def coverage_plot(
    targets: Sequence[Covered], levels: Sequence[float], figure_id: str, *, title: str, short: str, cite: str
) -> str:
    """Return one panel a level, one row a target, as SVG."""
    figure, axes = panels(
        len(levels),
        height_in=1.0 + 0.24 * len(targets),
        frame=Frame(left=label_width_in(target.name for target in targets), bottom=0.55, across=0.42, right=0.3),
        sharey=True,
    )
    for column, (axis, level) in enumerate(zip(axes, levels, strict=True)):
        for row, target in enumerate(targets):
            band, share = target.bands[column], target.shares[column]
            if band is not None:
                axis.plot(band, (row, row), color=GRID, linewidth=7, solid_capstyle="butt")
            outside = band is not None and not band[0] <= share <= band[1]
            mark, colour = ("D", VERMILION) if outside else ("o", BLUE)
            axis.plot([share], [row], marker=mark, color=colour, markersize=5, clip_on=False)
        axis.axvline(level, color=INK, linewidth=0.9, linestyle=(0, (4, 3)))
        axis.set_xlim(0, 1)
        axis.set_xticks([0, 0.5, 1], ["0", "50 %", "100 %"])
        axis.set_title(f"{100 * level:.0f} % interval")
        axis.grid(visible=False, axis="y")
        axis.tick_params(axis="y", length=0)
    axes[0].set_yticks(range(len(targets)), [target.name for target in targets])
    axes[0].set_ylim(len(targets) - 0.5, -0.5)
    return finished_figure(figure, figure_id, title=title, short=short, cite=cite)

"""The ridge along which two parameters trade against each other: every refit a faint point, and the profile a line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from race_to_efficiency.report.figures.drawn import drawn
from race_to_efficiency.report.figures.style import BLUE, INK, Frame, dots, panel_grid, small_title

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

SHOWN_DRAWS = 120
"""Refits drawn in a panel: enough to show the band, few enough for a small file."""


@dataclass(frozen=True)
class Ridge:
    """One panel: draws of the floor and of kappa, and the path of the profile through them (floor, kappa)."""

    title: str
    floor: NDArray[np.float64]
    kappa: NDArray[np.float64]
    path: Sequence[tuple[float, float]]


@drawn
def ridges(content: Sequence[Ridge]) -> Figure:
    """Return the panels, two a row, as SVG."""
    figure, axes = panel_grid(len(content), row_in=2.35, more_in=0.25, frame=Frame(top=0.45, down=0.95))
    for axis, item in zip(axes, content, strict=True):
        chosen = slice(SHOWN_DRAWS)
        dots(axis, item.floor[chosen], item.kappa[chosen], size=2.2, edgecolor=BLUE, alpha=0.35)
        if item.path:
            axis.plot(*zip(*item.path, strict=True), color=INK, linewidth=1.6)
        axis.set(title=small_title(item.title), xlabel="floor E, nats per token", ylabel="kappa, reducible")
        axis.locator_params(nbins=4)
    return figure

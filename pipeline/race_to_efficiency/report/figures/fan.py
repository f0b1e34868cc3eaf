"""Fan charts: median, 50, 80 and 95 % bands over the years to come, with what is known and where trust ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from race_to_efficiency.report.figures.drawn import drawn
from race_to_efficiency.report.figures.style import INK, MUTED, VERMILION, Frame, legend, panel_grid

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BANDS = ((0.025, 0.975, "#d3e6f2"), (0.1, 0.9, "#a3cbe3"), (0.25, 0.75, "#5fa8d3"))
"""Lower and upper quantile of each band and its shade of blue: 95, 80 and 50 %."""

FAN_LEVELS = (0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975)


@dataclass(frozen=True)
class Fan:
    """One fan.

    Parameters
    ----------
    title : str
    years : sequence of float
        Years from the data date.
    quantiles : mapping of float to sequence of float
        By level, each as long as ``years``.
    limits : sequence of (float, str)
        Years at which a limit of trust is passed, with a number that stands for it in the caption.
    """

    title: str
    years: Sequence[float]
    quantiles: Mapping[float, Sequence[float]]
    limits: Sequence[tuple[float, str]] = ()


def draw_fan(axis: Axes, fan: Fan, *, named: bool) -> None:
    """Draw the bands from wide to narrow, the median, the last datum at year 0, and the limits of trust."""
    for low, high, shade in BANDS:
        name = f"{100 * (high - low):.0f} % interval"
        axis.fill_between(
            fan.years, fan.quantiles[low], fan.quantiles[high], color=shade, linewidth=0, label=name if named else None
        )
    axis.plot(fan.years, fan.quantiles[0.5], color=INK, label="median" if named else None)
    axis.plot(
        [0],
        [1],
        marker="o",
        color=VERMILION,
        markersize=6,
        clip_on=False,
        zorder=5,
        linestyle="none",
        label="last datum: today" if named else None,
    )
    axis.set_title(fan.title, pad=14)  # above the names of the limits
    axis.set(xlabel="years after the data date")
    axis.set_xlim(0, max(fan.years))
    axis.locator_params(axis="x", nbins=5, integer=True)
    axis.set_ylim(0, 1.04)
    passed = [name for years, name in fan.limits if years <= 0]
    if passed:
        words = f"{'limit' if len(passed) == 1 else 'limits'} {', '.join(passed)} already passed"
        axis.set_xlabel(f"{axis.get_xlabel()}\n{words}")
    for years, name in fan.limits:
        if years > 0:
            axis.axvline(years, color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
            axis.annotate(
                name,
                (years, 1),
                xycoords=("data", "axes fraction"),
                xytext=(0, 2),
                textcoords="offset points",
                ha="center",
                va="bottom",
                color=MUTED,
            )


@drawn
def fans(content: Sequence[Fan]) -> Figure:
    """Return fans side by side as SVG, each on an axis of its own."""
    frame = Frame(top=0.95, across=0.5, down=1.05, bottom=1.05)
    figure, axes = panel_grid(len(content), row_in=2.6, more_in=0.9, frame=frame)
    for index, (axis, fan) in enumerate(zip(axes, content, strict=True)):
        draw_fan(axis, fan, named=index == 0)
    axes[0].set_ylabel("loss relative to today")
    legend(figure, axes, columns=2)
    return figure

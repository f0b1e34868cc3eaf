"""The front chart: what was on the left, what may come on the right, compute above and loss below, in one time."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

from race_to_efficiency.report.figures.drawn import drawn
from race_to_efficiency.report.figures.fan import BANDS
from race_to_efficiency.report.figures.style import BLUE, INK, MUTED, VERMILION, Frame, dots, panels, power_of_ten

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDE_IN, NARROW_IN = 10.0, 3.7
"""Widths of the drawing for a desk and of that for a telephone, in inches."""

LABELS = ((0.025, "19 of 20"), (0.5, "median"), (0.9, "8 of 10"))
"""What is written at the right end of a fan, and the quantile it is written at."""

LINE_POINTS = 10.0
"""Least distance of two labels, in points."""


@dataclass(frozen=True)
class Course:
    """One quantity over time: as it was, and as it may be.

    Parameters
    ----------
    title : str
    past : sequence of (float, float)
        Decimal year and fitted value up to the data's end.
    seen : sequence of (float, float)
        Observed points; empty where there are none.
    years : sequence of float
        Decimal years of the fan, the first at the data's end.
    quantiles : mapping of float to sequence of float
        By level, each as long as ``years``.
    earlier : sequence of (sequence of float, sequence of float)
        Decimal years and medians of the last quarters' forecasts.
    """

    title: str
    past: Sequence[tuple[float, float]]
    seen: Sequence[tuple[float, float]]
    years: Sequence[float]
    quantiles: Mapping[float, Sequence[float]]
    earlier: Sequence[tuple[Sequence[float], Sequence[float]]] = ()


@drawn
def front_chart(courses: Sequence[Course], *, narrow: bool) -> Figure:
    """Return the chart as SVG, one panel a course below another, drawn for a desk or for a telephone."""
    width, height = (NARROW_IN, 4.3) if narrow else (WIDE_IN, 4.4)
    frame = Frame(left=0.5, right=0.72, top=0.49 if narrow else 0.34, bottom=0.55 if narrow else 0.46, down=0.55)
    figure, axes = panels(1, len(courses), height_in=height, frame=frame, width_in=width)
    panel_points = 72 * (height - frame.top - frame.bottom - frame.down * (len(courses) - 1)) / len(courses)
    for axis, course in zip(axes, courses, strict=True):
        axis.set_title("\n".join(textwrap.wrap(course.title, 34)) if narrow else course.title)
        draw_course(axis, course, panel_points, step=4 if narrow else 2)
    return figure


def draw_course(axis: Axes, course: Course, panel_points: float, *, step: int) -> None:
    """Draw one panel: the fan from wide to narrow, the past, the point where data end, the labels at the right."""
    import numpy as np

    end, last = course.years[0], course.years[-1]
    for low, high, shade in BANDS:
        if low in course.quantiles:
            axis.fill_between(course.years, course.quantiles[low], course.quantiles[high], color=shade, linewidth=0)
    axis.plot(course.years, course.quantiles[0.5], color=INK)
    for years, medians in course.earlier:
        axis.plot(years, medians, color=MUTED, linewidth=0.8, linestyle=(0, (3, 2)))
    axis.plot(*zip(*course.past, strict=True), color=BLUE, linewidth=1.4)
    axis.set_yscale("log")
    axis.set_xlim(course.past[0][0], last)
    if course.seen:
        dots(axis, *np.array(course.seen).T, size=3.2, edgecolor=BLUE, alpha=0.6)
    axis.axvline(end, color=VERMILION, linewidth=1.0, linestyle=(0, (4, 2)))
    axis.annotate(
        "data end", (end, 0), xycoords=("data", "axes fraction"), xytext=(4, 4), textcoords="offset points",
        color=VERMILION, va="bottom",
    )  # fmt: skip
    first = int(course.past[0][0]) + 1
    axis.set_xticks(range(first + first % 2, int(last) + 1, step))
    axis.minorticks_off()
    low, high = axis.get_ylim()
    ticks = decades(low, high)
    axis.set_yticks(ticks, [power_of_ten(tick) if tick >= 1e3 else f"{tick:g}" for tick in ticks])
    axis.set_ylim(low, high)
    write_labels(axis, course, panel_points)


def decades(low: float, high: float) -> list[float]:
    """Return four to seven powers of ten between two values, or steps of three where there is room for few."""
    import math

    first, last = math.ceil(math.log10(low)), math.floor(math.log10(high))
    step = max(1, round((last - first) / 5))
    return [10.0**power for power in range(first, last + 1, step)]


def write_labels(axis: Axes, course: Course, panel_points: float) -> None:
    """Write at the right end what each band holds, apart from each other."""
    import math

    low, high = (math.log10(value) for value in axis.get_ylim())
    places: list[tuple[float, str]] = sorted(
        ((math.log10(course.quantiles[level][-1]) - low) / (high - low) * panel_points, words)
        for level, words in LABELS
        if level in course.quantiles
    )
    lowest = 0.0
    for place, words in places:
        lowest = max(place, lowest)
        axis.annotate(
            words, (1, lowest / panel_points), xycoords="axes fraction", xytext=(4, 0), textcoords="offset points",
            va="center",
        )  # fmt: skip
        lowest += LINE_POINTS

"""One look for every figure: palette, type, and the line that says where a figure comes from."""

from __future__ import annotations

import io
import math
import textwrap
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any, cast

from race_to_efficiency.report.figures.svg import finish_svg
from race_to_efficiency.report.numbers import SUPERSCRIPT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike

INK = "#1a1a1a"
MUTED = "#595959"
GRID = "#dddddd"
PAPER = "#ffffff"

# Okabe & Ito (2008), ordered so that neighbours differ in lightness as well as hue: they survive a grey copy.
BLUE = "#0072b2"
ORANGE = "#e69f00"
VERMILION = "#d55e00"
SKY = "#56b4e9"
GREEN = "#009e73"
PURPLE = "#cc79a7"
CYCLE = (BLUE, ORANGE, GREEN, VERMILION, SKY, PURPLE, INK)
DASHES = ("-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)), (0, (3, 1)), (0, (8, 3)), (0, (1, 2.5)))

WIDTH_IN = 4.5
"""Width of a figure, 72 units of its drawing to the inch: a telephone of 360 pixels shows one unit as one pixel."""

NAME_CHARACTERS = 26
"""Characters of a name left of an axis; a longer one takes another line."""

CITE_POINTS = 9.0
"""Size of the cite line, in proportion smaller in a figure narrower than `WIDTH_IN`."""

CITE_CHARACTERS = 122.4
"""Characters of the cite line that fit an inch of a figure, times its size in points."""

STYLE_SETTINGS: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titley": 1.0,
    "axes.labelsize": 9.0,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 9.0,
    "ytick.labelsize": 9.0,
    "text.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 9.0,
    "lines.linewidth": 1.8,
    "figure.facecolor": PAPER,
    "axes.facecolor": "none",
    "svg.fonttype": "none",
    "svg.hashsalt": "race-to-efficiency",
    "text.parse_math": False,
}


NO_DRAWING = ("backend", "interactive", "toolbar", "webagg", "tk", "figure.max_open_warning", "docstring", "timezone")
"""Settings of windows and of the process, which no figure depends on."""


@contextmanager
def drawing() -> Iterator[None]:
    """Hold matplotlib to our settings alone: no user's style file reaches a figure."""
    import matplotlib as mpl

    built_in = {key: value for key, value in mpl.rcParamsDefault.items() if not key.startswith(NO_DRAWING)}
    with mpl.rc_context():
        dict.update(mpl.rcParams, built_in)  # validated when matplotlib was loaded; doing it again takes half a second
        mpl.rcParams.update(cast("Any", STYLE_SETTINGS))
        yield


@dataclass(frozen=True)
class Frame:
    """Room around and between panels, in inches: fixed, so that a figure is laid out once and always alike."""

    left: float = 0.62
    right: float = 0.16
    top: float = 0.3
    bottom: float = 0.88
    across: float = 0.68
    down: float = 0.78


@dataclass(frozen=True)
class Rows:
    """Named rows one below another, each as high as its name has lines.

    Parameters
    ----------
    names : sequence of str
        Broken into lines.
    places : sequence of float
        Middle of each row below the first one's upper edge, in inches.
    height_in : float
        Of all rows.
    """

    names: Sequence[str]
    places: Sequence[float]
    height_in: float

    @property
    def width_in(self) -> float:
        """Room that the names need left of an axis (9 points; DejaVu Sans is the widest we meet)."""
        return 0.12 + 0.077 * max((len(line) for name in self.names for line in name.split("\n")), default=0)

    def mark(self, axis: Axes, *, named: bool = True) -> None:
        """Lay an axis out for the rows, its values downwards in inches, and write their names at it."""
        axis.grid(visible=False, axis="y")
        axis.tick_params(axis="y", left=False, length=0)
        axis.set_yticks(self.places if named else (), self.names if named else ())
        axis.set_ylim(self.height_in, 0)


def rows_of(names: Iterable[str], characters: int = NAME_CHARACTERS) -> Rows:
    """Return rows that have room for their names."""
    broken = ["\n".join(textwrap.wrap(name, characters, break_on_hyphens=False)) or " " for name in names]
    heights = [0.1 + 0.15 * (1 + name.count("\n")) for name in broken]
    ends = list(accumulate(heights))
    places = [end - height / 2 for end, height in zip(ends, heights, strict=True)]
    return Rows(broken, places, ends[-1] if ends else 0.0)


def small_title(title: str) -> str:
    """Return the title of one of two panels side by side, broken into lines that its panel holds."""
    return "\n".join(textwrap.wrap(title, 18))


def panels(
    columns: int = 1,
    rows: int = 1,
    *,
    height_in: float = 3.2,
    frame: Frame | None = None,
    height_ratios: Sequence[float] | None = None,
    sharey: bool = False,
    width_in: float = WIDTH_IN,
) -> tuple[Figure, list[Axes]]:
    """Return a figure and its axes, row by row; the foot keeps room for the cite line."""
    from matplotlib.figure import Figure

    room = frame or Frame()
    figure = Figure(figsize=(width_in, height_in))
    width = (width_in - room.left - room.right - (columns - 1) * room.across) / columns
    height = (height_in - room.top - room.bottom - (rows - 1) * room.down) / rows
    axes = figure.subplots(
        rows,
        columns,
        squeeze=False,
        sharey=sharey,
        height_ratios=height_ratios,
        gridspec_kw={
            "left": room.left / width_in,
            "right": 1 - room.right / width_in,
            "bottom": room.bottom / height_in,
            "top": 1 - room.top / height_in,
            "wspace": room.across / width,
            "hspace": room.down / height,
        },
    )
    return figure, [axis for line in axes for axis in line]


def panel_grid(
    count: int, *, columns: int = 2, row_in: float, more_in: float, frame: Frame, sharey: bool = False
) -> tuple[Figure, list[Axes]]:
    """Return a figure and the axes of so many panels; what is left of the last row stays empty.

    Parameters
    ----------
    count : int
    columns : int
        Panels a row, where there are so many.
    row_in, more_in : float
        Height of a row, and of all that is above and below the rows.
    frame : Frame
    sharey : bool
    """
    columns = min(columns, count)
    rows = -(-count // columns)
    figure, axes = panels(columns, rows, height_in=row_in * rows + more_in, frame=frame, sharey=sharey)
    for axis in axes[count:]:
        axis.set_axis_off()
    return figure, axes[:count]


def stacked_panels(stacks: Sequence[Rows], frame: Frame) -> tuple[Figure, list[Axes]]:
    """Return a figure and the axes of panels one below another, each as high as its rows."""
    sizes = [rows.height_in for rows in stacks]
    height_in = frame.top + frame.bottom + sum(sizes) + frame.down * (len(sizes) - 1)
    return panels(1, len(sizes), height_in=height_in, frame=frame, height_ratios=sizes)


def legend(figure: Figure, axes: Iterable[Axes], *, columns: int) -> None:
    """Name what the panels show once, along the top edge."""
    named = {name: mark for axis in axes for mark, name in zip(*axis.get_legend_handles_labels(), strict=True)}
    figure.legend(
        named.values(),
        named.keys(),
        loc="upper left",
        bbox_to_anchor=(0.0, 1.0),
        ncols=columns,
        columnspacing=1.4,
        handlelength=1.8,
        borderaxespad=0.1,
    )


def dots(axis: Axes, x: ArrayLike, y: ArrayLike, *, size: float, **options: Any) -> None:
    """Draw many round points as one path of zero-length strokes with round ends: a tenth of a marker's bytes each.

    Parameters
    ----------
    axis : Axes
    x, y : (n,) float
    size : float, points
    **options
        Of `matplotlib.patches.PathPatch`: edgecolor, alpha, label.
    """
    import numpy as np
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    points = np.column_stack([np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)])
    path = Path(np.repeat(points, 2, axis=0), np.tile([Path.MOVETO, Path.LINETO], len(points)))
    path.should_simplify = False
    name = options.pop("label", None)
    if name is not None:
        axis.plot([], [], linestyle="none", marker="o", markersize=size, color=options.get("edgecolor"), label=name)
    axis.add_patch(PathPatch(path, facecolor="none", linewidth=size, capstyle="round", **options))
    axis.update_datalim(points)
    axis.autoscale_view()


def finished_figure(figure: Figure, figure_id: str, *, title: str, short: str, cite: str) -> str:
    """Return the finished SVG of a figure, with its cite line inside it."""
    width_in = figure.get_figwidth()
    points = CITE_POINTS * min(1.0, width_in / WIDTH_IN)
    text = "\n".join(textwrap.wrap(cite, int(CITE_CHARACTERS / points * width_in)))
    figure.text(0.995, 3.5 / (72 * figure.get_figheight()), text, ha="right", va="bottom", fontsize=points, color=MUTED)
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return finish_svg(buffer.getvalue(), figure_id, title=title, short=short)


def power_of_ten(value: float, _position: object = None) -> str:
    """Return an axis label such as 10²⁴ in unicode."""
    exponent = round(math.log10(value))
    return f"10{str(exponent).translate(SUPERSCRIPT)}" if math.isclose(value, 10.0**exponent, rel_tol=1e-6) else ""

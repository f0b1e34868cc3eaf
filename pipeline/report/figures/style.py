"""One look for every figure: palette, type, and the line that says where a figure comes from."""

from __future__ import annotations

import io
import math
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from pipeline.report.figures.svg import finish
from pipeline.report.numbers import SUPERSCRIPT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

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
YELLOW = "#f0e442"
CYCLE = (BLUE, ORANGE, GREEN, VERMILION, SKY, PURPLE, INK)
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DASHES = ("-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)), (0, (3, 1)), (0, (8, 3)), (0, (1, 2.5)))

WIDTH_IN = 7.2
"""Width of a figure; 72 units of its drawing to the inch."""

SETTINGS: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
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
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "text.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "lines.linewidth": 1.8,
    "figure.facecolor": PAPER,
    "axes.facecolor": "none",
    "svg.fonttype": "none",
    "svg.hashsalt": "race-to-efficiency",
    "text.parse_math": False,
}


@contextmanager
def drawing() -> Iterator[None]:
    """Hold matplotlib to our settings alone: no user's style file reaches a figure."""
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(cast("Any", SETTINGS))
        yield


def panels(columns: int = 1, rows: int = 1, *, height_in: float = 3.2, **options: Any) -> tuple[Figure, list[Axes]]:
    """Return a figure and its axes, row by row; a strip at the foot stays free for the cite line."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    foot = 0.18 / height_in
    engine = ConstrainedLayoutEngine(w_pad=0.06, h_pad=0.06, rect=(0.0, foot, 1.0, 1.0 - foot))
    figure = Figure(figsize=(WIDTH_IN, height_in), layout=engine)
    axes = figure.subplots(rows, columns, squeeze=False, **options)
    return figure, [axis for line in axes for axis in line]


def render(figure: Figure, figure_id: str, *, title: str, short: str, cite: str) -> str:
    """Return the finished SVG of a figure, with its cite line inside it."""
    figure.text(0.995, 3.5 / (72 * figure.get_figheight()), cite, ha="right", va="bottom", fontsize=6.8, color=MUTED)
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return finish(buffer.getvalue(), figure_id, title=title, short=short)


def power_of_ten(value: float, _position: object = None) -> str:
    """Return an axis label such as 10²⁴ in unicode."""
    exponent = round(math.log10(value))
    return f"10{str(exponent).translate(SUPERSCRIPT)}" if math.isclose(value, 10.0**exponent, rel_tol=1e-6) else ""

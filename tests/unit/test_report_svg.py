"""Drawings that may stand in a page with a strict policy: no style, unique ids, a name, their source, always alike."""

from __future__ import annotations

import re
from functools import cache
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from race_to_efficiency.calibration.common.grades import GRADES, REFUSED
from race_to_efficiency.report.annex.forests import HOLLOW
from race_to_efficiency.report.content import clean
from race_to_efficiency.report.figures.bars import Steps, WhatIf, tornado_bars, waterfall
from race_to_efficiency.report.figures.coverage import Covered, coverage_plot
from race_to_efficiency.report.figures.fan import FAN_LEVELS, Fan, fans
from race_to_efficiency.report.figures.forest import Bar, Group, draw_bars, forest
from race_to_efficiency.report.figures.ridge import Ridge, ridges
from race_to_efficiency.report.figures.scatter import Cloud, Line, Panel, scatter
from race_to_efficiency.report.figures.style import drawing, power_of_ten, rows_of
from race_to_efficiency.report.figures.svg import finish_svg
from report_quarter import HOSTILE

CITE = "The race to efficiency, quarterly report 2026Q1, version 0.1.0, data to 2026-03-31"
TEXTS = {"title": "A <title> & more", "short": 'What "it" shows', "cite": CITE}
X = np.linspace(1.0, 10.0, 30)


@cache
def draw(name: str, _time: int = 1) -> str:
    """Draw one of every kind of figure; another ``_time`` draws it anew."""
    bars = [
        Bar("closed", 0.26, (0.2, 0.3), (0.1, 0.4), "very high", strong=True),
        Bar("open above", 0.3, (0.2, None), (0.1, None), "medium"),
        Bar("refused", None, (None, None), (None, None), "refused"),
        Bar(clean(HOSTILE[0]), 0.2, (0.1, 0.3), (0.0, 0.5), "low"),
    ]
    fan = Fan("R", X, {level: 1.0 - level * X / 20.0 for level in FAN_LEVELS}, [(0.0, "a"), (4.0, "b")])
    panel = Panel("t", "x", "y", [Cloud("points", 10.0**X, X)], [Line("fit", 10.0**X, X)], log_x=True)
    kinds = {
        "forest": lambda: forest([Group(bars, "x", "t", 0.25), Group(bars[:1], "y")], "f", **TEXTS),
        "fan": lambda: fans([fan, fan], "f", **TEXTS),
        "scatter": lambda: scatter([panel] * 3, "f", **TEXTS),
        "ridge": lambda: ridges([Ridge("g", X, X**2, [(1.0, 1.0), (9.0, 80.0)])] * 4, "f", **TEXTS),
        "tornado": lambda: tornado_bars([WhatIf(clean(HOSTILE[6]), (1.2,)), WhatIf("b", (0.7, 1.1))], 1.0, "f",
                                   label="x", **TEXTS),
        "waterfall": lambda: waterfall([Steps("s", 1.0, 1.1, (("up", 0.3), ("down", -0.2)), str, str)], "f",
                                       label="x", **TEXTS),
        "coverage": lambda: coverage_plot([Covered("c", (0.4, 0.8, 1.0), ((0.3, 0.6), None, (0.9, 0.99)))],
                                     (0.5, 0.8, 0.95), "f", **TEXTS),
    }  # fmt: skip
    with drawing():
        return kinds[name]()


KINDS = ("forest", "fan", "scatter", "ridge", "tornado", "waterfall", "coverage")


@pytest.mark.parametrize("kind", KINDS)
def test_a_drawing_carries_no_style_and_needs_nothing_from_outside(kind):
    svg = draw(kind)
    assert "style=" not in svg
    assert "<style" not in svg
    assert "<script" not in svg
    assert not re.search(r"(href|src)=\"(?!#)", svg)
    assert not re.search(r"https?://(?!www\.w3\.org/)", svg)


def words_of(root):
    """Return all that a drawing says, in the order it is drawn."""
    return " ".join(element.text for element in root.iter() if element.tag.endswith("}text"))


@pytest.mark.parametrize("kind", KINDS)
def test_a_drawing_has_a_name_a_description_and_its_source(kind):
    root = ET.fromstring(draw(kind))  # noqa: S314  (our own drawing)
    by_id = {element.get("id"): element for element in root.iter() if element.get("id")}
    assert by_id[root.attrib["aria-labelledby"]].text == TEXTS["title"]
    assert by_id[root.attrib["aria-describedby"]].text == TEXTS["short"]
    assert root.get("role") == "img"
    assert CITE in words_of(root)


@pytest.mark.parametrize("kind", KINDS)
def test_every_id_is_unique_prefixed_and_every_reference_resolves(kind):
    svg = draw(kind)
    ids = re.findall(r'\bid="([^"]+)"', svg)
    assert len(ids) == len(set(ids))
    assert all(name.startswith("f-") for name in ids)
    assert set(re.findall(r'(?:href="#|url\(#)([^")]+)', svg)) <= set(ids)


@pytest.mark.parametrize("kind", KINDS)
def test_a_drawing_is_the_same_twice(kind):
    assert draw(kind, 2) == draw(kind)


def test_hostile_names_are_drawn_as_text():
    root = ET.fromstring(draw("forest"))  # noqa: S314  (our own drawing)
    assert clean(HOSTILE[0]) in words_of(root)
    assert not [element for element in root.iter() if element.tag.endswith(("}img", "}script", "}image"))]


def test_a_users_own_style_does_not_reach_a_figure():
    import matplotlib as mpl

    before = draw("fan")
    with mpl.rc_context({"lines.linewidth": 9.0, "font.size": 30.0, "svg.fonttype": "path", "axes.facecolor": "red"}):
        assert draw("fan", 3) == before
        assert mpl.rcParams["lines.linewidth"] == 9.0


def test_what_cannot_be_said_in_an_attribute_is_an_error():
    svg = '<svg xmlns="http://www.w3.org/2000/svg"><text style="font: 10px Arial">a</text></svg>'
    with pytest.raises(ValueError, match="no presentation attribute"):
        finish_svg(svg, "f", title="t", short="s")


def test_coordinates_are_rounded_to_a_hundredth_of_a_point():
    svg = '<svg xmlns="http://www.w3.org/2000/svg"><path d="M 1.23456789 -0.001 L 2.5 3.999999"/></svg>'
    assert 'd="M 1.23 0 L 2.5 4"' in finish_svg(svg, "f", title="t", short="s")


@pytest.mark.parametrize(("value", "text"), [(1e24, "10²⁴"), (1e-3, "10⁻³"), (2e24, "")])
def test_axes_are_labelled_in_powers_of_ten(value, text):
    assert power_of_ten(value) == text


def test_colours_keep_their_order_in_grey():
    """Neighbours of the palette differ in luminance (WCAG definition), so a grey copy can still be read."""
    from race_to_efficiency.report.figures.style import BLUE, INK, ORANGE, VERMILION

    def luminance(colour: str) -> float:
        channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return float(np.dot([0.2126, 0.7152, 0.0722], linear))

    for one, other in ((BLUE, ORANGE), (INK, BLUE), (INK, VERMILION)):
        light, dark = max(luminance(one), luminance(other)), min(luminance(one), luminance(other))
        assert (light + 0.05) / (dark + 0.05) > 1.8


@given(st.lists(st.text("ab ,-", min_size=1, max_size=60), min_size=1, max_size=8), st.integers(5, 40))
def test_rows_have_room_for_their_names_and_keep_every_word(names, characters):
    rows = rows_of(names, characters)
    lines = [name.split("\n") for name in rows.names]
    assert [" ".join(name.split()) for name in rows.names] == [" ".join("".join(n).split()) for n in names] or any(
        len(word) > characters for name in names for word in name.split()
    )
    half = [0.075 * len(found) for found in lines]  # nine points a line, leading a fifth of it
    assert rows.places[0] >= half[0]
    assert rows.places[-1] + half[-1] <= rows.height_in + 1e-9
    gaps = zip(rows.places, rows.places[1:], half, half[1:], strict=False)
    assert all(below - above >= one + other for above, below, one, other in gaps)
    assert rows.width_in >= 0.077 * max(len(line) for found in lines for line in found)


def test_a_mark_is_full_for_the_best_two_grades_hollow_below_and_a_cross_where_refused():
    words = (*GRADES, REFUSED)
    bars = [Bar(name, 1.0 + k, (None, None), (None, None), name) for k, name in enumerate(words)]
    with drawing():
        figure = Figure()
        axis = figure.subplots()
        draw_bars(axis, rows_of(bar.name for bar in bars), bars, "x")
        marks = {float(line.get_xdata()[0]): line for line in axis.get_lines() if len(line.get_xdata()) == 1}
    looks = [
        (marks[1.0 + k].get_marker(), marks[1.0 + k].get_markerfacecolor() != "#ffffff") for k in range(len(words))
    ]
    assert looks == [("o", True)] * 2 + [("o", False)] * 3 + [("x", False)]
    assert f"hollow marks: {GRADES[2]} confidence or lower; crosses: {REFUSED}" == HOLLOW

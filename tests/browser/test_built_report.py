"""The built report, unfolded: no table that says nothing or is cut, no text of a drawing over text or an edge."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from chromium import MARKS, Noise
from drawings import CROPPED, OVER_DATA
from race_to_efficiency import storage
from race_to_efficiency.report.html import TEMPLATES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser
    from playwright.sync_api import Page as Tab
    from race_to_efficiency.settings.params import Workspace

pytestmark = MARKS

FAULTS = {
    "a drawing's text over what it shows": OVER_DATA,
    "every row says the same": """() => [...document.querySelectorAll('table')].filter(table => {
        const rows = [...table.tBodies[0].rows].map(row =>
          [...row.cells].slice(1).map(cell => cell.textContent.trim()).join('|'));
        return rows.length > 1 && new Set(rows).size === 1; }).map(table => table.id)""",
    "a column in which no row says anything": """() => [...document.querySelectorAll('table')].flatMap(table => {
        const rows = [...table.tBodies[0].rows], titles = [...table.tHead.rows[0].cells];
        return rows.length < 3 ? [] : titles.filter((_, i) => rows.every(row => ['', '–', '-'].includes(
          row.cells[i] ? row.cells[i].textContent.trim() : ''))).map(title => [table.id, title.textContent]); })""",
    "a heading over nothing": """() => [...document.querySelectorAll('h2, h3, h4')]
        .filter(item => !item.closest('summary'))
        .filter(item => !item.nextElementSibling || /^H[1-4]$/.test(item.nextElementSibling.tagName))
        .map(item => item.textContent)""",
    "a drawing's text cut at an edge": """() => [...document.querySelectorAll('figure svg')]
        .filter(svg => svg.getBoundingClientRect().width > 0).flatMap(svg => {
          const frame = svg.getBoundingClientRect();
          return [...svg.querySelectorAll('text')].filter(text => { const box = text.getBoundingClientRect();
            return box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1
              || box.bottom > frame.bottom + 1; }).map(text => [svg.closest('figure').id, text.textContent]); })""",
    "a drawing's text over another, or run into it": """() => [...document.querySelectorAll('figure svg')]
        .filter(svg => svg.getBoundingClientRect().width > 0).flatMap(svg => {
          const texts = [...svg.querySelectorAll('text')].filter(text => text.textContent.trim());
          const boxes = texts.map(text => text.getBoundingClientRect());
          return boxes.flatMap((a, i) => boxes.slice(i + 1).flatMap((b, j) =>
            Math.min(a.right, b.right) - Math.max(a.left, b.left) > -2
            && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 3
              ? [[svg.closest('figure').id, texts[i].textContent, texts[i + 1 + j].textContent]] : [])); })""",
    "a part cut with no way to it": """() => [...document.querySelectorAll('main table, main svg')].filter(item => {
        const box = item.getBoundingClientRect(), place = item.closest('.scroll');
        return box.width > 0 && !place && box.right > innerWidth + 1; })
        .map(item => item.id || item.outerHTML.slice(0, 60))""",
}
"""What is wrong with a page, and what finds it."""

CUT = """() => [...document.querySelectorAll('.scroll')].filter(item => item.scrollWidth > item.clientWidth + 1)
    .map(item => [item.querySelector('[id]')?.id, item.scrollWidth, item.clientWidth])"""


def unfolded(browser: Browser, address: str, width: int) -> Tab:
    tab = browser.new_context(viewport={"width": width, "height": 900}).new_page()
    noise = Noise(tab)
    tab.goto(address)
    tab.evaluate("document.querySelectorAll('details').forEach(item => item.open = true)")
    tab.wait_for_selector("#explorer-chart svg", state="visible")
    assert noise.said == []
    return tab


@pytest.fixture(scope="module", params=[1440, 360])
def tab(request: pytest.FixtureRequest, browser: Browser, small_quarter: Workspace) -> Iterator[Tab]:
    """The report of the small quarter, on a desk and on a telephone."""
    address = (small_quarter.processed / "report" / "report.html").as_uri()
    made = unfolded(browser, address, request.param)
    yield made
    made.context.close()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_nowhere_on_the_page(fault: str, tab: Tab) -> None:
    assert tab.evaluate(FAULTS[fault]) == []


def test_no_table_is_cut_on_a_desk(tab: Tab) -> None:
    """On a telephone a table scrolls in its own frame, which the keyboard reaches."""
    if tab.viewport_size == {"width": 1440, "height": 900}:
        assert tab.evaluate(CUT) == []
    else:
        assert tab.evaluate("[...document.querySelectorAll('.scroll')].every(item => item.tabIndex === 0)")


def test_every_drawing_is_whole_and_read_without_a_glass(tab: Tab) -> None:
    """Also on the widths between, where the front chart for a desk gives way to that for a telephone."""
    own = tab.viewport_size
    assert own is not None
    for width in (own["width"], 801, 800, 641):
        tab.set_viewport_size({"width": width, "height": own["height"]})
        found = tab.evaluate(CROPPED)
        tab.set_viewport_size(own)
        assert found == [], width


@pytest.fixture(scope="module")
def blank(browser: Browser) -> Iterator[Tab]:
    """A small screen, for pages of our own."""
    made = browser.new_context(viewport={"width": 360, "height": 600}).new_page()
    yield made
    made.context.close()


@pytest.mark.parametrize(
    ("page", "found"),
    [
        ("<figure id=f><svg width=300 height=40><text x=9 y=20>whole</text></svg></figure>", []),
        (
            "<figure id=f><svg width=300 height=40><text x=9 y=20 font-size=8.5>small</text></svg></figure>",
            [["f", 8.5]],
        ),
        ("<figure id=f><svg viewBox='0 0 600 40' width=300><text x=9 y=20>halved</text></svg></figure>", [["f", 8]]),
        ("<figure id=f><svg width=900 height=40><text x=9 y=20>wide</text></svg></figure>", [["f", "screen"]]),
        ("<figure id=f style='width:200px;overflow-x:auto'><svg width=300></svg></figure>", [["f", "frame"]]),
    ],
)
def test_a_drawing_cut_or_too_small_is_found(blank: Tab, page: str, found: list[object]) -> None:
    blank.set_content(f"<body style='margin:8px'><main>{page}</main>")
    assert blank.evaluate(CROPPED) == found


LEFT, RIGHT = (f"<clipPath id='c'><rect x='{x}' y='0' width='40' height='40'/></clipPath>" for x in (0, 60))
LINE = "<path d='M 5 17 L 80 17' stroke='#0072b2' fill='none' clip-path='url(#c)'/>"
POINT = "<path d='M 20 17 L 20 17' stroke='#0072b2' stroke-width='4' stroke-linecap='round' fill='none'/>"
MARK = "<defs><path id='m' d='M -3 -3 H 3 V 3 H -3 Z'/></defs><use href='#m' x='25' y='17' fill='#ffffff'/>"
DRAWN_OVER = {
    "a line": (LINE, True),
    "a line as its group says": ("<g stroke='#595959' fill='none'><path d='M 5 17 L 80 17'/></g>", True),
    "a point": (POINT, True),
    "a bar": ("<path d='M 5 5 H 80 V 30 H 5 Z' fill='#e69f00'/>", True),
    "a mark": (MARK, True),
    "what a clip leaves of a line": (LEFT + LINE, True),
    "a line clipped away": (RIGHT + LINE, False),
    "a line beside": ("<path d='M 5 35 L 80 35' stroke='#0072b2' fill='none'/>", False),
    "a line around": ("<path d='M 0 5 L 120 5 L 120 38' stroke='#0072b2' fill='none'/>", False),
    "a band": ("<path d='M 5 5 H 80 V 30 H 5 Z' fill='#a3cbe3'/>", False),
    "a line of the grid": ("<path d='M 5 17 L 80 17' stroke='#dddddd' stroke-width='0.6' fill='none'/>", False),
    "a thick grey bar": ("<path d='M 5 17 L 80 17' stroke='#dddddd' stroke-width='7' fill='none'/>", True),
}
"""What may lie under the word at (10, 20), and whether the word hides it."""


@pytest.mark.parametrize("kind", DRAWN_OVER)
def test_a_text_over_what_a_drawing_shows_is_found(blank: Tab, kind: str) -> None:
    drawn, over = DRAWN_OVER[kind]
    text = "<text x=10 y=20 font-size=12>word</text>"
    blank.set_content(f"<figure id=f><svg viewBox='0 0 150 40' width=300>{drawn}{text}</svg></figure>")
    assert [found[:2] for found in blank.evaluate(OVER_DATA)] == ([["f", "word"]] if over else [])


def test_each_fault_is_found_where_it_is(blank: Tab) -> None:
    """A page that has them all: a linter that finds nothing there would find nothing anywhere."""
    rows = "".join(f"<tr><th>{name}</th><td>same</td><td>–</td></tr>" for name in "abc")
    blank.set_content(
        "<main><h2>Nothing under it</h2><h3>Empty</h3>"
        f"<table id=t><thead><tr><th>a</th><th>b</th><th>c</th></tr></thead><tbody>{rows}</tbody></table>"
        "<figure id=f><svg width=900 height=40><text x=10 y=20>first</text><text x=14 y=20>second</text>"
        "<text x=890 y=20>beyond the edge</text><path d='M 0 16 H 60' stroke='red' fill='none' /></svg></figure></main>"
    )
    for fault, script in FAULTS.items():
        assert blank.evaluate(script), fault


def test_a_mark_in_the_dark_has_the_colour_of_its_line(browser: Browser) -> None:
    """A mark is drawn by reference: a rule that asks for what stands around it would not reach it."""
    from matplotlib.image import imread

    tab = browser.new_context(viewport={"width": 100, "height": 50}, color_scheme="dark").new_page()
    drawn = "<path id='m' d='M -9 -9 H 9 V 9 H -9 Z' stroke='#0072b2' stroke-width='8' fill='none'/>"
    line = "<path d='M 50 11 H 90' stroke='#0072b2' stroke-width='8'/>"
    tab.set_content(
        f"<style>{storage.read_text(TEMPLATES / 'report.css')} body {{ margin: 0 }}</style>"
        f"<svg width=100 height=50><defs>{drawn}</defs><use href='#m' x='20' y='20'/>{line}</svg>"
    )
    seen = imread(io.BytesIO(tab.screenshot()))
    assert seen[11, 20].tolist() == seen[11, 70].tolist() != seen[40, 70].tolist()
    tab.context.close()

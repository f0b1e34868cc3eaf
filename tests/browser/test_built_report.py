"""The built report, unfolded: no table that says nothing or is cut, no text of a drawing over text or an edge."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from chromium import MARKS, Noise

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser
    from playwright.sync_api import Page as Tab
    from race_to_efficiency.settings.params import Workspace

pytestmark = MARKS

FAULTS = {
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
    "a drawing's text over another": """() => [...document.querySelectorAll('figure svg')]
        .filter(svg => svg.getBoundingClientRect().width > 0).flatMap(svg => {
          const texts = [...svg.querySelectorAll('text')].filter(text => text.textContent.trim());
          const boxes = texts.map(text => text.getBoundingClientRect());
          return boxes.flatMap((a, i) => boxes.slice(i + 1).flatMap((b, j) =>
            Math.min(a.right, b.right) - Math.max(a.left, b.left) > 2
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


def test_no_table_or_drawing_is_cut_on_a_desk(tab: Tab) -> None:
    """On a telephone a table scrolls in its own frame, which the keyboard reaches."""
    if tab.viewport_size == {"width": 1440, "height": 900}:
        assert tab.evaluate(CUT) == []
    else:
        assert tab.evaluate("[...document.querySelectorAll('.scroll')].every(item => item.tabIndex === 0)")


def test_each_fault_is_found_where_it_is(browser: Browser) -> None:
    """A page that has them all: a linter that finds nothing there would find nothing anywhere."""
    tab = browser.new_context(viewport={"width": 360, "height": 600}).new_page()
    rows = "".join(f"<tr><th>{name}</th><td>same</td><td>–</td></tr>" for name in "abc")
    tab.set_content(
        "<main><h2>Nothing under it</h2><h3>Empty</h3>"
        f"<table id=t><thead><tr><th>a</th><th>b</th><th>c</th></tr></thead><tbody>{rows}</tbody></table>"
        "<figure id=f><svg width=900 height=40><text x=10 y=20>first</text><text x=14 y=20>second</text>"
        "<text x=890 y=20>beyond the edge</text></svg></figure></main>"
    )
    for fault, script in FAULTS.items():
        assert tab.evaluate(script), fault
    tab.context.close()

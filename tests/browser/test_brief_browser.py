"""The brief in a real browser: its screens, its numbers at first sight, its stops by keyboard, its drawings whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from chromium import AXE, AXE_COLOURS, MARKS, Noise

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext
    from playwright.sync_api import Page as Tab
    from race_to_efficiency.settings.params import Workspace

pytestmark = MARKS

SCREENS = {1440: (900, 4), 360: (800, 7)}
"""Width to height of a screen, and how many of them the brief may take."""

MOST_NUMBERS = 12
MOST_STOPS = 40


@pytest.fixture(scope="module")
def address(small_quarter: Workspace) -> str:
    """The address of the report on the real ledgers, with small settings."""
    return (small_quarter.processed / "report" / "report.html").as_uri()


def opened(context: BrowserContext, address: str) -> Tab:
    tab = context.new_page()
    noise = Noise(tab)
    tab.goto(address)
    tab.wait_for_selector("#explorer-chart svg", state="attached")
    assert noise.said == []
    return tab


@pytest.mark.parametrize("width", SCREENS)
def test_the_brief_keeps_to_its_screens_and_nothing_is_cut(browser: Browser, address: str, width: int) -> None:
    height, most = SCREENS[width]
    context = browser.new_context(viewport={"width": width, "height": height})
    tab = opened(context, address)
    bottom = tab.evaluate("document.querySelector('.brief').getBoundingClientRect().bottom + scrollY")
    assert 1 < bottom / height <= most
    assert tab.evaluate("document.scrollingElement.scrollWidth") <= width
    seen = tab.evaluate(
        """() => [...document.querySelectorAll('h1 data, .brief data')].map(item => item.getBoundingClientRect())
             .filter(box => box.width > 0 && box.bottom <= innerHeight).length"""
    )
    assert 1 <= seen <= MOST_NUMBERS
    cut = tab.evaluate(
        """() => [...document.querySelectorAll('.brief figure svg')]
             .filter(svg => svg.getBoundingClientRect().width > 0).flatMap(svg => {
               const frame = svg.getBoundingClientRect();
               return [...svg.querySelectorAll('text')].filter(text => { const box = text.getBoundingClientRect();
                 return box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1
                   || box.bottom > frame.bottom + 1; }).map(text => text.textContent); })"""
    )
    assert cut == []
    drawn = tab.evaluate(
        "[...document.querySelectorAll('#fig-front svg')].map(svg => svg.getBoundingClientRect().width > 0)"
    )
    assert drawn == [width > 800, width <= 800]
    context.close()


@pytest.mark.parametrize("width", SCREENS)
def test_no_text_of_the_briefs_drawings_lies_on_another(browser: Browser, address: str, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": SCREENS[width][0]})
    tab = opened(context, address)
    over = tab.evaluate(
        """() => [...document.querySelectorAll('.brief figure svg')]
             .filter(svg => svg.getBoundingClientRect().width > 0).flatMap(svg => {
               const texts = [...svg.querySelectorAll('text')].filter(text => text.textContent.trim());
               const boxes = texts.map(text => text.getBoundingClientRect());
               return boxes.flatMap((a, i) => boxes.slice(i + 1).flatMap((b, j) =>
                 Math.min(a.right, b.right) - Math.max(a.left, b.left) > 2
                 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 3
                   ? [[texts[i].textContent, texts[i + 1 + j].textContent]] : [])); })"""
    )
    assert over == []
    context.close()


def test_the_brief_is_walked_in_few_stops_before_any_saving_of_tables(browser: Browser, address: str) -> None:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    tab = opened(context, address)
    stops = 0
    while stops <= MOST_STOPS:
        tab.keyboard.press("Tab")
        if tab.evaluate("document.activeElement.closest('#annex') !== null"):
            break
        assert tab.evaluate("document.activeElement.className") != "csv"
        stops += 1
    assert 5 < stops <= MOST_STOPS
    context.close()


def test_a_link_of_the_brief_opens_the_part_of_the_annex_it_leads_to(browser: Browser, address: str) -> None:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    tab = opened(context, address)
    assert tab.locator("details.part[open]").count() == 0
    targets = tab.evaluate("[...document.querySelectorAll('.brief a')].map(item => item.getAttribute('href').slice(1))")
    assert len(targets) > 8
    tab.locator(".brief a[href='#scorecard']").first.click()
    tab.wait_for_function("document.getElementById('scorecard').checkVisibility()")
    assert tab.locator("details.part[open]").count() == 1
    context.close()


def test_no_reading_of_the_first_screen_stands_there_without_its_range(browser: Browser, address: str) -> None:
    """R too: a point alone would be read as certain."""
    context = browser.new_context(viewport={"width": 1440, "height": SCREENS[1440][0]})
    tab = opened(context, address)
    seen = tab.evaluate(
        """() => [...document.querySelectorAll('#finding .card')].map(card => [...card.querySelectorAll('data')]
             .filter(item => item.getBoundingClientRect().bottom <= innerHeight).map(item => item.dataset.id))"""
    )
    assert [[name.rpartition(".5y.")[2] for name in names] for names in seen] == [
        ["value", "low", "high"], ["point", "q0.1", "q0.9"], ["point", "q0.1", "q0.9"]
    ]  # fmt: skip
    assert seen[2][0].startswith("R.")
    context.close()


@pytest.mark.parametrize(
    ("place", "link", "target"),
    [
        (".brief", "#finding .card a[href='#headline']", "[data-id='brief.r.other_form']"),
        ("#annex", "[id^='milestones-'] a.badge", "#grades"),
        ("#annex", "[id^='results-'] a.badge", "#grades"),
    ],
)
def test_a_doubt_leads_to_what_is_behind_it(browser: Browser, address: str, place: str, link: str, target: str) -> None:
    """The other form's number, and the record of a grade, stand in parts of the annex that are folded."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    tab = opened(context, address)
    assert not tab.locator(target).first.is_visible()
    found = tab.locator(f"{place} {link}").first
    found.evaluate("item => { for (let up = item; up; up = up.parentElement) if ('open' in up) up.open = true; }")
    found.click()
    tab.wait_for_function("target => document.querySelector(target).checkVisibility()", arg=target)
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_barrier_is_found_on_a_telephone_with_the_annex_folded(browser: Browser, address: str, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    context = browser.new_context(color_scheme=scheme, viewport={"width": 360, "height": 800})
    found = Axe().run(opened(context, address), options=AXE if scheme == "light" else AXE_COLOURS)
    assert [(item["id"], item["nodes"][0]["html"][:200]) for item in found.response["violations"]] == []
    context.close()

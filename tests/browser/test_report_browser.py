"""The report in a real browser: silent, self-sufficient, usable by keyboard and by a screen reader, exact, printable.

Drives the system's Chromium through Playwright; where it is not installed every test here is skipped with that reason.
"""

from __future__ import annotations

import io
import itertools
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pypdf
import pytest
import report_quarter
from chromium import AXE, AXE_COLOURS, MARKS, Noise
from race_to_efficiency import __version__, storage
from race_to_efficiency.relative_loss import relative_loss, time_to_target
from race_to_efficiency.report.presets import loss
from race_to_efficiency.stages import report as stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import BrowserContext
    from playwright.sync_api import Page as Tab

pytestmark = MARKS


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> str:
    """The address of a rendered report: a file, as a reader would open it."""
    root = tmp_path_factory.mktemp("quarter")
    report_quarter.write_quarter(root / "data" / "processed")
    assert stage.run(report_quarter.workspace(root))["problems"] == []
    return (root / "data" / "processed" / "report" / "report.html").as_uri()


def opened(context: BrowserContext, address: str, fragment: str = "") -> tuple[Tab, Noise]:
    """Open the report, wait until the chart is drawn, and unfold the annex."""
    tab = context.new_page()
    noise = Noise(tab)
    tab.goto(address + fragment)
    tab.wait_for_selector("#explorer-chart svg", state="attached")
    tab.evaluate("document.querySelectorAll('details.part, details.try').forEach(item => item.open = true)")
    return tab, noise


@pytest.fixture(scope="module")
def context(browser) -> Iterator[BrowserContext]:
    made = browser.new_context(viewport={"width": 1280, "height": 900})
    yield made
    made.close()


@pytest.fixture
def tab(context, address) -> Iterator[Tab]:
    made, noise = opened(context, address)
    yield made
    assert noise.said == []
    made.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_said_nothing_is_asked_for_and_no_barrier_is_found(browser, address, scheme, record_property):
    from axe_playwright_python.sync_playwright import Axe

    context = browser.new_context(color_scheme=scheme, viewport={"width": 1280, "height": 900})
    tab, noise = opened(context, address)
    paints = tab.evaluate("performance.getEntriesByType('paint').map(e => [e.name, e.startTime])")
    record_property("first paint, ms", dict(paints).get("first-contentful-paint"))
    assert "first-contentful-paint" in dict(paints)
    tab.evaluate("document.querySelectorAll('details').forEach(item => item.open = true)")
    found = Axe().run(tab, options=AXE if scheme == "light" else AXE_COLOURS)
    assert [(item["id"], item["nodes"][0]["html"][:200]) for item in found.response["violations"]] == []
    assert len(found.response["passes"]) > (15 if scheme == "light" else 0)
    assert noise.said == []
    assert [url for url in noise.asked if url != address and not url.startswith(("data:", "blob:"))] == []
    context.close()


def test_the_policy_is_enforced(context, address):
    tab = context.new_page()
    tab.goto(address)
    refused = tab.evaluate(
        """async () => {
          const seen = [];
          document.addEventListener('securitypolicyviolation', event => seen.push(event.effectiveDirective));
          const script = document.createElement('script');
          script.textContent = 'window.planted = true';
          document.body.append(script);
          const image = new Image(); image.src = 'https://example.test/x.png'; document.body.append(image);
          await new Promise(done => setTimeout(done, 100));
          return [window.planted === undefined, seen.sort()];
        }"""
    )
    assert refused == [True, ["img-src", "script-src-elem"]]
    tab.close()


@pytest.mark.parametrize("width", [320, 768, 3840])
def test_the_page_never_scrolls_sideways(browser, address, width):
    context = browser.new_context(viewport={"width": width, "height": 900})
    tab, _ = opened(context, address)
    tab.evaluate("document.querySelectorAll('details').forEach(item => item.open = true)")
    assert tab.evaluate("document.scrollingElement.scrollWidth") <= width
    wide = tab.evaluate(
        """() => [...document.querySelectorAll('main *')].filter(item => !item.closest('.scroll')
             && item.getBoundingClientRect().right > innerWidth + 1).map(item => item.outerHTML.slice(0, 80))"""
    )
    assert wide == []
    context.close()


CELLS = """[...document.querySelectorAll('#explorer-results output[data-year]')]
    .map(item => [item.dataset.year, item.dataset.value, item.textContent])"""
"""The chart's table: year, R to full precision, and R as it is shown."""


def shown(tab: Tab) -> dict[float, float]:
    """Return the R that stands in the chart's table, to full precision."""
    return values(tab.evaluate(CELLS))


def values(cells: list[tuple[str, str, str]]) -> dict[float, float]:
    """Return year and R of the chart's table, which is shown as it is, rounded."""
    assert all(abs(float(text) - float(value)) <= 5.001e-5 for _, value, text in cells)
    return {float(year): float(value) for year, value, _ in cells}


KAPPAS = (0.01, 0.05, 0.1535)
GAMMAS = (-1.0, -1e-9, 0.0, 1e-17, 0.5, 1.4426950408889634, 4.0, 200.0)
FLEETS = (0.25, 1.0, 1000.0)
FLOORS = (0.0, 0.9)


def test_the_shown_loss_is_that_of_the_equation(tab):
    """The acceptance grid: every combination, set through the address as a reader may share it."""
    grid = list(itertools.product(KAPPAS, GAMMAS, FLEETS, FLOORS))
    told = tab.evaluate(
        f"""async addresses => {{
          const told = [];
          for (const words of addresses) {{
            const changed = new Promise(done => addEventListener('hashchange', done, {{once: true}}));
            location.hash = 'explorer?' + words;
            await changed;
            await new Promise(done => setTimeout(done, 0));
            told.push({CELLS});
          }}
          return told;
        }}""",
        [
            f"kappa={kappa!r}&gamma={gamma!r}&fleet={fleet!r}&floor={floor!r}&baseline_years=1&convention=cumulative"
            for kappa, gamma, fleet, floor in grid
        ],
    )
    for (kappa, gamma, fleet, floor), cells in zip(grid, told, strict=True):
        found = values(cells)
        assert found
        for years, value in found.items():
            wanted = float(relative_loss(years, kappa, gamma, fleet=fleet, floor=floor))
            assert value == pytest.approx(wanted, abs=1e-9), (kappa, gamma, fleet, floor, years)


def test_every_preset_gives_what_the_table_without_scripts_says(tab):
    presets = json.loads(tab.evaluate("document.getElementById('explorer-data').textContent"))["presets"]
    assert {item["convention"] for item in presets} == {"cumulative", "run"}
    for preset in presets:
        tab.select_option("#explorer-preset", preset["id"])
        for (years, value), stated in zip(shown(tab).items(), preset["losses"], strict=True):
            assert value == pytest.approx(loss(preset, years), abs=1e-9)
            assert value == pytest.approx(stated, abs=1e-9)
        assert tab.evaluate("document.getElementById('explorer-preset').value") == preset["id"]


def test_the_sliders_are_walked_by_keyboard(tab):
    tab.focus("#explorer-preset")
    names = []
    for _ in range(9):
        tab.keyboard.press("Tab")
        names.append(tab.evaluate("document.activeElement.id"))
    pairs = [f"explorer-{name}{end}" for name in ("kappa", "gamma", "fleet", "floor") for end in ("", "-number")]
    assert names == ["explorer-convention", *pairs]
    tab.focus("#explorer-floor")
    before = shown(tab)
    tab.keyboard.press("End")
    assert tab.evaluate("document.activeElement.getAttribute('aria-valuetext')") == "0.999"
    assert shown(tab) != before
    tab.keyboard.press("Home")
    tab.focus("#explorer-gamma")
    tab.keyboard.press("Home")
    tab.keyboard.press("ArrowRight")
    assert tab.evaluate("document.getElementById('explorer-gamma-number').value") == "-0.95"
    assert "gamma=-0.95" in tab.evaluate("location.hash")
    assert tab.evaluate("document.getElementById('explorer-preset').value") == ""
    outline = tab.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    for name in ("kappa", "gamma", "fleet", "floor"):
        assert tab.evaluate(f"document.getElementById('explorer-{name}').labels.length") == 1


def test_a_number_is_typed_as_it_is_printed_and_beyond_every_slider(tab):
    first = json.loads(tab.evaluate("document.getElementById('explorer-data').textContent"))["presets"][0]
    tab.select_option("#explorer-preset", first["id"])
    assert tab.input_value("#explorer-kappa-number") == repr(first["kappa"])
    wanted = {"kappa": 0.7235, "gamma": 7.25, "fleet": 5000.0, "floor": 0.9995}
    for name, value in wanted.items():
        tab.fill(f"#explorer-{name}-number", repr(value))
    for years, value in shown(tab).items():
        kappa, gamma, fleet, floor = wanted.values()
        expected = relative_loss(years, kappa, gamma, fleet=fleet, floor=floor, baseline_years=first["baseline_years"])
        assert value == pytest.approx(float(expected), abs=1e-12)
    before = shown(tab)
    for name, nonsense in (("kappa", "0"), ("floor", "1"), ("fleet", "-3"), ("gamma", "")):
        tab.fill(f"#explorer-{name}-number", nonsense)
        assert tab.get_attribute(f"#explorer-{name}-number", "aria-invalid") == "true"
        assert shown(tab) == before
        tab.focus("#explorer-preset")
        assert float(tab.input_value(f"#explorer-{name}-number")) == wanted[name]


def test_a_target_and_a_time_are_read_off_and_kept_in_the_address(tab, context, address):
    words = (
        "explorer?kappa=0.05&gamma=1.2&fleet=3&floor=0.1&baseline_years=0.5&convention=cumulative&target=0.77&years=2.5"
    )
    found, _ = opened(context, address, f"#{words}")
    settings = {"floor": 0.1, "fleet": 3.0, "baseline_years": 0.5}
    when = float(found.text_content("#explorer-when").split()[1])
    assert when == pytest.approx(float(time_to_target(0.77, 0.05, 1.2, **settings)), rel=1e-3)
    then = float(found.text_content("#explorer-then").split()[0])
    assert then == pytest.approx(float(relative_loss(2.5, 0.05, 1.2, **settings)), abs=5.1e-5)
    found.fill("#explorer-target", "0.05")
    assert found.text_content("#explorer-when") == "not within 1000 years"
    assert "target=0.05" in found.evaluate("location.hash")
    found.close()


def test_the_band_is_the_forecast_s_and_the_bill_is_the_fleet_s(tab, address):
    """Both from the files beside the page: the draws' quantiles, and the annex's own bills."""
    data = json.loads(tab.evaluate("document.getElementById('explorer-data').textContent"))
    table = storage.read_parquet(Path(address.removeprefix("file://")).parent / "forecast.parquet")
    banded = [item for item in data["presets"] if item["band"]]
    assert banded
    for item in banded:
        name, reading = item["id"].rsplit(".", 1)
        own = table[(table["scenario_id"] == name) & (table["form"] == reading) & (table["target"] == "relative_loss")]
        for years, *ends in item["band"]:
            for level, end in zip((0.1, 0.9), ends, strict=True):
                near = ((own["horizon"] - years).abs() < 1e-9) & ((own["output_type_id"] - level).abs() < 1e-9)
                assert end in set(own.loc[near & (own["output_type"] == "quantile"), "value"])
    tab.select_option("#explorer-preset", banded[0]["id"])
    assert tab.locator("#explorer-chart .band").count() == 1
    tab.fill("#explorer-fleet-number", "3")
    assert tab.locator("#explorer-chart .band").count() == 0
    for name in ("energy", "money"):
        told = tab.locator(f"output[data-bill='{name}']").all_text_contents()
        assert [float(text) for text in told] == pytest.approx([3 * one for one in data["bill"][name]], rel=1e-3)
    tab.select_option("#explorer-convention", "run")
    assert tab.locator("output[data-bill='money']").first.text_content() == "no fleet"


def test_the_skip_link_leads_to_the_report(tab):
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.textContent") == "Skip to the brief"
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.id") == "main"


def test_the_state_is_in_the_address_and_nonsense_there_is_ignored(context, address):
    wanted = "#explorer?kappa=0.07&gamma=1.5&fleet=4&floor=0.3&baseline_years=0.5&convention=cumulative"
    tab, noise = opened(context, address, wanted)
    assert shown(tab)[5.0] == pytest.approx(
        float(relative_loss(5.0, 0.07, 1.5, fleet=4.0, floor=0.3, baseline_years=0.5)), abs=1e-9
    )
    tab.close()
    plain, _ = opened(context, address)
    first = shown(plain)
    plain.close()
    nonsense = "#explorer?kappa=-1&gamma=&fleet=abc&floor=1&convention=<script>alert(1)</script>&baseline_years=0"
    tab, noise = opened(context, address, nonsense)
    assert shown(tab) == first
    assert noise.said == []
    tab.close()


def test_without_scripts_the_page_is_complete(browser, address):
    drawn = len(list(Path(address.removeprefix("file://")).parent.glob("figures/*.svg")))
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(address)
    assert not tab.locator("#explorer").is_visible()
    assert tab.locator("details.part").count() == 14
    assert tab.locator(".brief > section").count() == 11
    assert tab.locator("figure svg").count() - tab.locator(".narrow svg").count() == drawn > 10
    assert tab.locator("#explorer-presets tbody tr").count() >= 6
    tab.locator("details.more > summary").first.click()
    assert tab.locator("details.more[open]").count() == 1
    assert tab.locator("#finding data").count() >= 3
    context.close()


def test_the_print_has_every_figure_whole(tab, address):
    figures = tab.locator("figure").count()
    printed = tab.pdf(prefer_css_page_size=True)
    reader = pypdf.PdfReader(io.BytesIO(printed))
    size = [round(float(value)) for value in reader.pages[0].mediabox[2:]]
    assert size in ([595, 842], [596, 842], [595, 841])
    text = "".join(page.extract_text() for page in reader.pages)
    assert "".join(text.split()).count(f"version{__version__},datato2026-03-31") >= figures
    tab.emulate_media(media="print")
    tab.set_viewport_size({"width": 672, "height": 950})
    cut = tab.evaluate(
        """() => [...document.querySelectorAll('figure .drawing:not(.narrow) svg')]
             .map(item => item.getBoundingClientRect())
             .filter(box => box.right > innerWidth + 1 || box.height > 950 || box.height < 30).length"""
    )
    assert cut == 0
    assert not tab.locator("#explorer").is_visible()
    assert not tab.locator(".contents").is_visible()


def test_a_table_is_saved_as_csv_that_runs_nothing(tab, tmp_path):
    with tab.expect_download() as waiting:
        tab.locator("#quarantine").locator("xpath=../following-sibling::button[1]").click()
    lines = Path(waiting.value.path()).read_text("utf-8").splitlines()
    assert waiting.value.suggested_filename == "quarantine.csv"
    assert len(lines) == len(report_quarter.HOSTILE) + 1
    for line in lines:
        assert not any(cell.lstrip('"').startswith(("=", "@", "+")) for cell in line.split(","))
    assert any("'=HYPERLINK" in line for line in lines)


def test_hostile_names_are_seen_as_they_are_written(tab):
    assert tab.get_by_text("<img src=x onerror=alert(1)>", exact=True).count() > 3
    assert tab.evaluate("document.querySelectorAll('img, iframe, object, embed').length") == 0
    assert tab.evaluate("document.querySelectorAll('script').length") == 2
    assert tab.evaluate("[...document.querySelectorAll('bdi')].every(item => item.children.length === 0)")

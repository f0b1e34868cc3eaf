"""Scenarios: what is assumed, what follows in each reading, who overtakes whom, what it costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from race_to_efficiency.report import presets
from race_to_efficiency.report.annex.assumptions import (
    RATE,
    assumptions,
    is_cited,
    rate_of,
    scenario_records,
    setting_of,
)
from race_to_efficiency.report.annex.cost import cost
from race_to_efficiency.report.annex.gamma_series import UNIT
from race_to_efficiency.report.content import ContentTable, Fact, Label, Link, Para, Section, Text, say
from race_to_efficiency.report.forecasts import SHOWN_READINGS, scenario_title, years_words
from race_to_efficiency.report.inputs import Missing
from race_to_efficiency.report.numbers import decimals, general, id_part, probability, significant
from race_to_efficiency.report.page import Page, subsections

if TYPE_CHECKING:
    from typing import Any

    from race_to_efficiency.report.content import Block, Rich


def scenarios_section(page: Page) -> Section:
    """Return the section on scenarios."""
    intro = Para.of(
        "Every line below is a **conditional projection**: what follows if its assumptions hold, not a prediction "
        "that they will. One is today: the loss of a model trained with the anchor's compute on the data date. The "
        "paper's own scenario parameters are not public; Baseline, Turtle and Hare are labelled assumptions."
    )
    parts = (
        ("scenario-results", "Loss by scenario and year", results),
        ("crossovers", "Who overtakes whom", crossovers),
        ("explorer-section", "Other assumptions", explorer),
        ("cost", "Cost and energy", cost),
    )
    below = subsections(page, parts)
    blocks = (intro, *page.attempt("Assumptions", lambda: assumptions(page)))
    return Section("scenarios", "Scenarios", blocks, below)


def results(page: Page) -> list[Block]:
    """Return a table a reading: scenarios down, years across; recomputed ones of others stand apart."""
    blocks: list[Block] = []
    for cited in (False, True):
        for form, target, name, meaning in SHOWN_READINGS:
            rows = result_rows(page, form, target, cited=cited)
            if rows:
                caption = say(
                    "{name} ({meaning}): median and [[95 %]] interval", name=Label(name), meaning=Text(meaning)
                )
                if cited:
                    caption = say("{name}, recomputed scenarios: kappa given, no uncertainty", name=Label(name))
                key = f"results-{form}-{target}{'-cited' if cited else ''}".replace("_", "-")
                titles = ("scenario", *(f"#{years_words(year)}" for year in page.years), "confidence at the last")
                blocks.append(ContentTable.of(key, caption, titles, rows, folded=cited))
    if not blocks:
        raise Missing("the forecast holds no scenario at the headline's anchor")
    return blocks


def result_rows(page: Page, form: str, target: str, *, cited: bool) -> list[tuple[Rich, ...]]:
    """Return the scenarios that have this reading, a row each."""
    rows: list[tuple[Rich, ...]] = []
    for record in scenario_records(page):
        if is_cited(record) != cited:
            continue
        try:
            curve = page.forecasts.find(form, target, record["name"], page.anchor)
        except Missing:
            continue
        cells = [page.forecasts.point_with_interval(curve, year) for year in page.years]
        rows.append((scenario_title(record), *cells, (page.forecasts.badge(curve, page.years[-1], short=True),)))
    return rows


def crossovers(page: Page) -> list[Block]:
    """Return when one scenario overtakes another, with its probability."""
    titles = {record["name"]: str(record.get("title") or record["name"]) for record in scenario_records(page)}
    rows = []
    for item in page.inputs.part("scenarios", "crossovers"):
        first, later = item["ahead_first"], item["ahead_later"]
        key, nodes = f"crossover.{id_part(first)}.{id_part(later)}", (f"crossover.{first}.{later}",)
        ahead = (item.get("probability_ahead_from_start") or 0.0) > 0.5
        absent = "ahead already" if ahead else "never"
        years = {
            level: page.shown.cell(f"{key}.years.q{level}", value, "years", decimals(1), nodes=nodes, absent=absent)
            for level, value in item["years"].items()
        }
        rows.append(
            (
                say(
                    "{later} overtakes {first}",
                    later=Fact(titles.get(later, later)),
                    first=Fact(titles.get(first, first)),
                ),
                years.get("0.5", say("–")),
                page.shown.range_of(*(years.get(level, say("–")) for level in ("0.5", "0.025", "0.975"))),
                page.shown.cell(
                    f"{key}.within", item.get("probability_within_horizon"), "share", probability, nodes=nodes
                ),
                page.shown.cell(
                    f"{key}.ahead", item.get("probability_ahead_from_start"), "share", probability, nodes=nodes
                ),
                page.shown.cell(f"{key}.never", item.get("probability_never"), "share", probability, nodes=nodes),
            )
        )
    return [
        ContentTable.of(
            "crossover-table",
            "When accumulated compute, and with it the loss, of one scenario overtakes another's",
            ("crossing", "#years, median", "#95 %", "#within ten years", "#ahead from the start", "#never"),
            rows,
            "Throughput crosses earlier than what has accumulated. Never: not within a hundred years.",
        )
    ]


def start_of(page: Page, record: dict[str, Any], reading: str) -> dict[str, tuple[str, ...]]:
    """Return the outputs that a starting point's kappa, gamma, fleet and floor are."""
    given = setting_of(record)
    floor = page.numbers.made("equation.no_floor", code=presets.__name__)
    if reading == "reducible":
        floor = (f"{given}.floor" if record.get("floor") is not None else f"anchor.{page.anchor}",)
    return {
        "kappa": (f"{given}.kappa" if record.get("kappa") is not None else f"pool.{reading}",),
        "gamma": rate_of(record, "gamma"),
        "fleet": (f"{given}.fleet",),
        "floor": floor,
    }


def explorer(page: Page) -> list[Block]:
    """Return the place of the interactive chart, with the table that stands without scripts."""
    rows = []
    by_name = {record["name"]: record for record in scenario_records(page)}
    for item in page.presets:
        key = f"explorer.{id_part(item['id'])}"
        record = by_name[item["id"].removesuffix(f".{item['reading']}")]
        nodes = start_of(page, record, item["reading"])
        behind = (*nodes["kappa"], f"scenario.{record['name']}", *nodes["floor"])
        made = page.numbers.made(f"page.explorer.{item['id']}", code=presets.__name__, sources=behind)
        rows.append(
            (
                (Fact(item["title"]),),
                page.shown.cell(f"{key}.kappa", item["kappa"], "1", significant(3), nodes=nodes["kappa"]),
                page.shown.cell(f"{key}.gamma", item["gamma"], UNIT, RATE, nodes=nodes["gamma"]),
                page.shown.cell(f"{key}.fleet", item["fleet"], "1", general, nodes=nodes["fleet"]),
                page.shown.cell(f"{key}.floor", item["floor"], "1", decimals(3), nodes=nodes["floor"]),
                *(
                    page.shown.cell(f"{key}.{year:g}y", loss, "1", decimals(4), nodes=made)
                    for year, loss in zip(page.years, item["losses"], strict=True)
                ),
            )
        )
    titles = [f"#L/L₀, {years_words(year)}" for year in page.years]
    return [
        Para.of("The brief's sliders start from these points ({them}).", "note", them=Link("try them", "#try")),
        ContentTable.of(
            "explorer-presets",
            "The chart's starting points: the scenarios with medians for what is measured",
            ("scenario", "#kappa", "#gamma", "#fleet", "#floor", *titles),
            rows,
            "A ratio at median inputs is not the median of the ratio: compare the tables above.",
            folded=True,
        ),
    ]

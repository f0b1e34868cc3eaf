"""Two ways to plan: if power stays as it is, or if it goes on growing until a cap; and which of them to plan with."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from race_to_efficiency.report.annex.assumptions import rate_of, scenario_records, setting_of
from race_to_efficiency.report.annex.headline import SENTENCE_YEARS
from race_to_efficiency.report.content import Block, ContentTable, Link, Para, Rich, Text, say
from race_to_efficiency.report.inputs import Missing
from race_to_efficiency.report.numbers import count, decimals, id_part, significant
from race_to_efficiency.report.presets import growth_of

if TYPE_CHECKING:
    from race_to_efficiency.report.page import Page

GROWTH, POWER = "measured_growth", "gamma.growth.power"


def choices(page: Page) -> list[Block]:
    """Return both cases as rows, and which of them to plan with."""
    records = {record["name"]: record for record in scenario_records(page)}
    if GROWTH not in records or page.scenario not in records:
        raise Missing(f"there is no scenario {GROWTH}")
    rows = (
        case(page, records[page.scenario], "Power stays as it is"),
        case(page, records[GROWTH], "Power and run length grow as measured, up to caps"),
    )
    caption = say("[[5]] years on, today is [[1]] ({more})", more=Link("all scenarios", "#scenarios"))
    titles = ("case", "#effective compute", "#loss above floor", "#R")
    table = ContentTable.of("brief-choices-table", caption, titles, rows)
    return [table, advice(page, records[GROWTH])]


def case(page: Page, record: dict[str, Any], words: str) -> tuple[Rich, ...]:
    """Return one case: the growth of a run's effective compute, and the loss in both readings."""
    name = str(record["name"])
    cells: list[Rich] = [multiple(page, record)]
    for form, target in (("reducible", "reducible_loss"), ("total", "relative_loss")):
        try:
            curve = page.forecasts.find(form, target, name, page.anchor)
        except Missing:
            cells.append(say("–"))
        else:
            cells.append((page.forecasts.point(curve, SENTENCE_YEARS),))
    return (Text(words),), *cells


def multiple(page: Page, record: dict[str, Any]) -> Rich:
    """Return how many times a run's effective compute grows: efficiency, and power and run length up to their caps."""
    measured_years = (page.inputs.document("anchors").get("baseline_years") or {}).get("measured")
    growth = growth_of(record, measured_years)
    if growth is None:
        return say("–")
    years = SENTENCE_YEARS
    doublings = growth["gamma"] * years
    doublings += min(growth["power"] * years, growth["power_cap"])
    doublings += min(growth["duration"] * years, growth["duration_cap"])
    key = f"compute_multiple.{id_part(record['name'])}"
    node = page.numbers.made(f"page.{key}", code=__name__, sources=(f"scenario.{record['name']}",))
    return say(
        "×{multiple}", multiple=page.shown.cell(f"{key}.{years:g}y", 2.0**doublings, "1", significant(2), nodes=node)
    )


def advice(page: Page, record: dict[str, Any]) -> Block:
    """Return which case to plan with, and when the caps bind."""
    parts: dict[str, Rich] = {}
    for what, word in (("power", "power"), ("duration", "run length")):
        rate, most = (record.get("measured_rates") or {}).get(f"{what}_growth"), record.get(f"max_{what}_multiple")
        if isinstance(rate, dict) and most and rate["value"] > 0:
            made_with = (*rate_of(record, f"{what}_growth"), f"{setting_of(record)}.max_{what}_multiple")
            node = page.numbers.made(f"page.cap.{what}", code=__name__, sources=made_with)
            years = math.log2(float(most)) / float(rate["value"])
            parts[word] = say(
                "×{most} for {what} after {years} years",
                most=page.shown.cell(f"cap.{what}.most", float(most), "1", count, nodes=made_with[-1:]),
                what=Text(word),
                years=page.shown.cell(f"cap.{what}.years", years, "years", decimals(0), nodes=node),
            )
    caps: Rich = ()
    for index, part in enumerate(parts.values()):
        caps += (Text(" and " if index else " The caps: "), *part)
    return Para.of(
        "**Plan with growth** if you buy, sell or regulate frontier models: their power has doubled {rate} times a "
        "year. **Plan with constant power** if your own power is fixed.{caps}{stop}",
        rate=page.shown.value(page.inputs.estimate(POWER)),
        caps=caps,
        stop=Text("." if caps else ""),
    )

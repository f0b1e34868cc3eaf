"""Settled statements in pictures: were their intervals honest, did they beat doing nothing, what was missed most."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from race_to_efficiency.report.content import Block, ContentTable, Fact, Figure, Label, Rich, say
from race_to_efficiency.report.figures.bars import WhatIf, tornado_bars
from race_to_efficiency.report.figures.coverage import Covered, coverage_plot
from race_to_efficiency.report.numbers import decimals, id_part, percent, significant

if TYPE_CHECKING:
    from race_to_efficiency.report.page import Page


def settled_blocks(page: Page, document: dict[str, Any]) -> list[Block]:
    """Return the calibration and the skill of all settled statements, and the worst misses."""
    blocks: list[Block] = []
    rows = [item for item in document["totals"] if item["calibration"]]
    if rows:
        blocks.append(calibration_figure(page, document, rows))
    told = [item for item in (*document["totals"], *document["publications"]) if item["skill"] is not None]
    if told:
        blocks.append(skill_figure(page, document, told))
    if document["misses"]:
        blocks.append(misses_table(page, document["misses"]))
    return blocks


def name_of(item: dict[str, Any]) -> str:
    """Return whose statements these are."""
    return str(item.get("name") or item["publication"])


def nodes_of(document: dict[str, Any], item: dict[str, Any]) -> tuple[str, ...]:
    """Return the outputs a set of statements rests on."""
    told = document["publications"] if "name" in item else [item]
    return tuple(f"record.{one['publication']}" for one in told)


def calibration_figure(page: Page, document: dict[str, Any], rows: list[dict[str, Any]]) -> Figure:
    """Return how often settled quantities fell inside their intervals."""
    levels = [float(part["level"]) for part in rows[0]["calibration"]]
    marks = [
        Covered(
            name_of(item),
            tuple(float(part["share"]) for part in item["calibration"]),
            tuple((float(part["low"]), float(part["high"])) for part in item["calibration"]),
        )
        for item in rows
    ]
    body: list[tuple[Rich, ...]] = []
    for item in rows:
        key = f"settled.{id_part(name_of(item))}"
        cells = [
            page.shown.cell(
                f"{key}.{100 * part['level']:.0f}", part["share"], "share", percent(0), nodes=nodes_of(document, item)
            )
            for part in item["calibration"]
        ]
        body.append(((Fact(name_of(item)),), *cells))
    titles = ("statements", *(f"#in {100 * level:.0f} %" for level in levels))
    return page.figure(
        "fig-settled",
        partial(coverage_plot, marks, levels),
        title="Were the statements' intervals honest?",
        short="Share of settled statements inside their intervals.",
        caption="Each mark is the share of settled quantities inside an interval; each bar what chance allows around "
        "what was promised (dashed), as if the statements were independent.",
        long="One row a set of statements, one column a level.",
        data=("", titles, body),
    )


def skill_figure(page: Page, document: dict[str, Any], told: list[dict[str, Any]]) -> Figure:
    """Return how much better than doing nothing settled statements did."""
    rows = [
        (
            (Fact(name_of(item)),),
            page.shown.cell(
                f"settled.{id_part(name_of(item))}.skill",
                item["skill"],
                "1",
                decimals(2),
                nodes=nodes_of(document, item),
            ),
        )
        for item in told
    ]
    bars = [WhatIf(name_of(item), (float(item["skill"]),)) for item in told]
    return page.figure(
        "fig-skill",
        partial(tornado_bars, bars, 0.0, label="skill (0: as doing nothing)"),
        title="Did the statements beat doing nothing?",
        short="Skill of settled statements against doing nothing, by publication.",
        caption="Mean over settled statements of the difference of the two scores over their sum: [[1]] is perfect, "
        "[[0]] no better than doing nothing, and below it worse. Reconstructed statements are no record.",
        long="One bar a publication, the three totals first.",
        data=("", ("statements", "#skill"), rows),
    )


def misses_table(page: Page, misses: list[dict[str, Any]]) -> ContentTable:
    """Return the worst misses, with what today's forecaster says for the same question."""
    rows: list[tuple[Rich, ...]] = []
    for item in misses:
        key = f"miss.{id_part(str(item['publication']))}.{id_part(str(item['id']))}"
        cells = [
            page.shown.cell(
                f"{key}.{name}",
                item[name],
                str(item["unit"]),
                significant(3),
                nodes=(f"record.{item['publication']}",),
                absent="–",
            )
            for name in ("median", "observed", "median_today")
        ]
        rows.append(((Fact(str(item["what"])),), (Label(str(item["publication"])),), *cells))
    note = say(
        "Worst is furthest behind doing nothing. What was learnt stands in the last column: the median, or the "
        "probability, of today's forecaster for the same day and question."
    )
    titles = ("~statement", "publication", "#said", "#came", "#today's forecaster")
    return ContentTable.of("misses", "The worst misses", titles, rows, note)

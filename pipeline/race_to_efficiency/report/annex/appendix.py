"""Appendix: the severity table recomputed, every estimate, and the colophon with how to cite and to rederive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from race_to_efficiency.report.annex.severity import claims, severity
from race_to_efficiency.report.content import (
    Bullets,
    Code,
    ContentTable,
    Fact,
    Label,
    Para,
    Section,
    say,
    table_columns,
)
from race_to_efficiency.report.page import section, subsections
from race_to_efficiency.report.shown import badge, state

if TYPE_CHECKING:
    from race_to_efficiency.report.content import Block
    from race_to_efficiency.report.page import Page


REASONED = ("kappa", "gamma")
"""Symbols whose reasons are written out; a parameter shares those of the kappa it was fitted with."""


def appendix_section(page: Page) -> Section:
    """Return the appendix."""
    parts = (
        ("severity", "The severity table, recomputed", severity),
        ("claims", "What has been said in public, checked", claims),
        ("estimates", "Every estimate", every_estimate),
    )
    below = subsections(page, parts)
    return Section("appendix", "Appendix", (), below)


def every_estimate(page: Page) -> list[Block]:
    """Return every estimate with its interval, rows and status."""
    rows = tuple(
        (
            (Code(item.id),),
            (page.shown.value(item),),
            page.shown.interval(item),
            (Label(item.unit),),
            (page.shown.rows(item),),
            state(item) if item.symbol.startswith(REASONED) else (badge(item),),
        )
        for item in page.inputs.estimates.values()
    )
    caption = say("Every estimate of the quarter: value, [[95 %]] interval, rows, status")
    return [
        ContentTable(
            "estimate-table",
            caption,
            table_columns("estimate", "#value", "#95 %", "unit", "#rows", "~status and why"),
            rows,
            folded=True,
        )
    ]


def colophon(page: Page) -> Section:
    """Return how to cite, check and rebuild the report."""
    return section(page, "colophon", "Colophon", colophon_blocks)


def colophon_blocks(page: Page) -> list[Block]:
    """Return the cite line, the digests and the commands."""
    quarter = page.inputs.quarter
    forecast = page.inputs.tables.get("forecast")
    run_ids = [] if forecast is None else sorted({str(value) for value in forecast["run_id"].unique()})
    digests = tuple(((Code(name),), (Fact(digest),)) for name, digest in sorted(page.digests.items()))
    blocks: list[Block] = [
        Para(say("**Cite as**: {cite}.", cite=Label(page.cite))),
        Bullets(
            (
                say(
                    "**Any number**: every result on the page carries an id (the `data-id` of its `<data>` element, "
                    "and a key of `numbers.json`); {trace} walks it back to rows and citations.",
                    trace=Code(f"race audit trace ID@{quarter}"),
                ),
                say(
                    "**The whole quarter**: {command} recomputes every number.",
                    command=Code(f"race audit rederive {quarter}"),
                ),
                say(
                    "**As data**: `numbers.json`, `forecast.parquet`, the drawings in `figures/` with their data as "
                    "CSV; the same report as `report.pdf` and `report.md`."
                ),
                say("**Forecast**: {run}.", run=Code(", ".join(run_ids) or "none")),
                say("Set without a network: chart by Vega (BSD licence), drawings by matplotlib, paper by typst."),
            )
        ),
    ]
    if digests:
        blocks.append(
            ContentTable(
                "digests",
                say("[[SHA-256]] of what the report was made from"),
                table_columns("file", "~digest"),
                digests,
                folded=True,
            )
        )
    return blocks

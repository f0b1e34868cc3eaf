"""Appendix: the severity table recomputed, every estimate, and the colophon with how to cite and to rederive."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from race_to_efficiency.calibration.common.grades import GRADES, REFUSED
from race_to_efficiency.report.annex.severity import claims, severity
from race_to_efficiency.report.content import Badge, Bullets, Code, ContentTable, Fact, Label, Para, Section, join, say
from race_to_efficiency.report.inputs import Missing
from race_to_efficiency.report.numbers import id_part
from race_to_efficiency.report.page import Page, section, subsections

if TYPE_CHECKING:
    from race_to_efficiency.report.content import Block


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
    """Return how many estimates there are of each grade, and where they stand with intervals, rows and reasons."""
    counts = Counter(item.grade.confidence for item in page.inputs.estimates.values())
    if not counts:
        raise Missing("no estimate is here")
    parts = [item.id for item in page.inputs.estimates.values()]
    node = page.numbers.made("page.estimates", code=__name__, sources=parts)
    told = [
        say(
            "{n} {grade}",
            n=page.shown.cell(f"estimates.{id_part(name)}", counts[name], "estimates", nodes=node),
            grade=Badge(name, short=True),
        )
        for name in (*GRADES, REFUSED)
        if name in counts
    ]
    where = say(
        ". Each stands with its interval, rows and reasons in `kappa.json` and `gamma.json`; {command} lists them.",
        command=Code("race show estimates"),
    )
    return [Para((*join(told), *where))]


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
        Para.of("**Cite as**: {cite}.", cite=Label(page.cite)),
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
                    "**As data**: `tables.zip`, every table as CSV; `numbers.json`, `forecast.parquet`, the drawings "
                    "in `figures/` with their data; the brief as `report.pdf`, all of it as `report.md`."
                ),
                say("**Forecast**: {run}.", run=Code(", ".join(run_ids) or "none")),
                say("Set without a network: drawings by matplotlib, paper by typst."),
            )
        ),
    ]
    if digests:
        blocks.append(
            ContentTable.of(
                "digests", "[[SHA-256]] of what the report was made from", ("file", "~digest"), digests, folded=True
            )
        )
    return blocks

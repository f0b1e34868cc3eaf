"""Appendix: the severity table recomputed, every estimate, and the colophon with how to cite and to rederive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.report.content import Bullets, Code, Fact, Label, Para, Section, Table, columns, say
from pipeline.report.numbers import significant
from pipeline.report.page import section, subsections

if TYPE_CHECKING:
    from pipeline.report.content import Block
    from pipeline.report.page import Page

PAPER_KAPPA = 0.05
"""The paper's kappa, after Kaplan et al. (2020), arXiv 2001.08361."""

TARGETS = (0.9, 0.8, 0.7, 0.6, 0.5)
GAMMAS = (0.0, 0.5, 1.0, 2.0, 3.0)
FLEET_YEARS = (1.0, 5.0, 10.0)


def build(page: Page) -> Section:
    """Return the appendix."""
    parts = (
        ("severity", "The severity table, recomputed", severity),
        ("estimates", "Every estimate", every_estimate),
    )
    below = subsections(page, parts)
    return Section("appendix", "Appendix", (), below)


def severity(page: Page) -> list[Block]:
    """Return years to a relative loss by gamma, and the fleets that would get there sooner, at the paper's kappa."""
    from pipeline.relative_loss import fleet_required, time_to_target

    rows, fleets = [], []
    for target in TARGETS:
        label = (Label(f"R = {target:g}"),)
        cells = [
            page.shown.cell(
                f"severity.years.{target:g}.gamma{gamma:g}",
                float(time_to_target(target, PAPER_KAPPA, gamma)),
                "years",
                significant(3),
                source=f"pipeline.relative_loss.time_to_target({target:g}, {PAPER_KAPPA:g}, {gamma:g})",
                absent="never",
            )
            for gamma in GAMMAS
        ]
        rows.append((label, *cells))
        multiples = [
            page.shown.cell(
                f"severity.fleet.{target:g}.{years:g}y",
                float(fleet_required(target, years, PAPER_KAPPA, 0.0)),
                "baseline fleets",
                significant(3),
                source=f"pipeline.relative_loss.fleet_required({target:g}, {years:g}, {PAPER_KAPPA:g}, 0)",
            )
            for years in FLEET_YEARS
        ]
        fleets.append((label, *multiples))
    kappa = (Label(f"{PAPER_KAPPA:g}"),)
    return [
        Para(
            say(
                "Recomputed from the equation at a kappa of {kappa}, one baseline fleet and one baseline year; the "
                "paper's own table is not available here. A gamma of two is a doubling every six months; a gamma of "
                "three is one every four months, not six.",
                kappa=kappa,
            )
        ),
        Table(
            "severity-years",
            say("Years until the total loss has fallen to R, by gamma in doublings a year (recomputed)"),
            columns("target", *(f"#gamma {gamma:g}" for gamma in GAMMAS)),
            tuple(rows),
        ),
        Table(
            "severity-fleets",
            say("Baseline fleets needed to get there without any efficiency gain (recomputed)"),
            columns("target", *(f"#in {years:g} {'year' if years == 1 else 'years'}" for years in FLEET_YEARS)),
            tuple(fleets),
        ),
    ]


def every_estimate(page: Page) -> list[Block]:
    """Return every estimate with its interval, rows and status."""
    rows = tuple(
        (
            (Code(item.id),),
            (page.shown.value(item),),
            page.shown.interval(item),
            (Label(item.unit),),
            (page.shown.rows(item),),
            page.shown.estimate_state(item),
        )
        for item in page.inputs.estimates.values()
    )
    caption = say("Every estimate of the quarter: value, [[95 %]] interval, rows, status")
    return [
        Table(
            "estimate-table",
            caption,
            columns("estimate", "#value", "#95 %", "unit", "#rows", "~status and why"),
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
            Table(
                "digests",
                say("[[SHA-256]] of what the report was made from"),
                columns("file", "~digest"),
                digests,
                folded=True,
            )
        )
    return blocks

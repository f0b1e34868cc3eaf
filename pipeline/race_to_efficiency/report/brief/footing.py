"""What the headline stands on: the ledgers whose rows reach it, those that feed routes beside it, and their age."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from race_to_efficiency.quarter.forecast_lineage import output_of_row
from race_to_efficiency.report.annex.gamma import HEADLINE_ROUTE, estimated_routes
from race_to_efficiency.report.annex.headline import curves
from race_to_efficiency.report.content import Block, Code, Fact, Link, Para, Rich, Text, join, say
from race_to_efficiency.report.inputs import Missing
from race_to_efficiency.report.numbers import count, id_part
from race_to_efficiency.units import Quarter

if TYPE_CHECKING:
    from collections.abc import Iterable

    from race_to_efficiency.report.page import Page


def footing(page: Page) -> list[Block]:
    """Return the ledgers that reach the headline, those beside it, and the command that gives the headline again."""
    tables = headline_tables(page)
    beside = [name for name in route_tables(page) if name not in tables]
    if not tables:
        raise Missing("no stage told which rows its numbers rest on")
    parts = [say("**Reach the headline:** {them}.", them=ledgers(page, tables))]
    if beside:
        parts.append(say("**Reach only routes beside it:** {them}.", them=ledgers(page, beside)))
    again = say(
        "Days are the age of a ledger’s newest entry at the quarter’s end. Every figure can be followed to its rows: "
        "{trace}. {predict} gives the headline again. {annex} holds the rest.",
        trace=Code("race audit trace"),
        predict=Code(f"race predict --quarter {page.inputs.quarter} --scenario {page.scenario} --t 5"),
        annex=Link("The annex", "#annex"),
    )
    return [*(Para(part) for part in parts), Para(again, "note")]


def dateline_note(page: Page) -> str:
    """Return what the date line adds: worked out after its time, nothing new, which ledgers of the headline are old."""
    notes = []
    if page.reconstructed:
        notes.append("reconstructed afterwards from what was recorded by that day")
    fresh = page.inputs.documents.get("account", {}).get("freshness", [])
    last = Quarter.parse(page.inputs.quarter).shift(-1).as_of.isoformat()
    if fresh and all((item["newest_recorded"] or "") <= last for item in fresh):
        notes.append("NO ROW OF ANY LEDGER IS NEW IN THIS QUARTER")
    try:
        used = headline_tables(page)
    except Missing:
        used = []
    told = [
        f"{item['table'].replace('_', ' ')} to {item['newest_recorded']}"
        for item in fresh
        if item["old"] and item["table"] in used and item["newest_recorded"]
    ]
    return "; ".join([*notes, f"older ledgers behind the headline: {', '.join(told)}"] if told else notes)


def headline_tables(page: Page) -> list[str]:
    """Return the ledgers with rows that take part in gamma or in a curve of the headline."""
    outputs = [HEADLINE_ROUTE, *(output_of_row(curve.columns) for curve in curves(page))]
    return tables_of(page, outputs)


def route_tables(page: Page) -> list[str]:
    """Return the ledgers with rows that take part in any route of gamma."""
    return tables_of(page, [str(item["estimate"]) for item in estimated_routes(page)])


def tables_of(page: Page, outputs: Iterable[str]) -> list[str]:
    """Return the ledgers whose rows some outputs rest on, in their order of first use."""
    if page.edges is None:
        return []
    return list(dict.fromkeys(row.partition("/")[0] for row in page.edges.rows(outputs)))


def ledgers(page: Page, tables: Iterable[str]) -> Rich:
    """Return ledgers by name, each with the age of its newest entry."""
    fresh: dict[str, dict[str, Any]] = {
        item["table"]: item for item in page.inputs.document("account").get("freshness", ())
    }
    told = []
    for name in tables:
        age = fresh.get(name, {}).get("age_days")
        days = page.shown.cell(f"account.{id_part(name)}.age", age, "days", count, nodes=(f"ledger.{name}",))
        words: Rich = (Fact(name.replace("_", " ")),)
        told.append(words if age is None else say("{name} ({days} days)", name=words, days=days))
    return join(told) or (Text("none"),)

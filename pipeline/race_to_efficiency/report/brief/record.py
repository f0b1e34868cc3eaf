"""How earlier statements did, and what moved since last quarter: the record before the argument."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from race_to_efficiency.report.annex.change_tables import acting, cause_of, change_row
from race_to_efficiency.report.annex.gamma import HEADLINE_ROUTE
from race_to_efficiency.report.annex.headline import SENTENCE_YEARS
from race_to_efficiency.report.annex.kappa import REDUCIBLE_POOL
from race_to_efficiency.report.annex.record import scores
from race_to_efficiency.report.annex.settled import name_of, nodes_of
from race_to_efficiency.report.content import Bullets, ContentTable, Label, Link, Text, say
from race_to_efficiency.report.inputs import Missing
from race_to_efficiency.report.numbers import count, id_part, percent
from race_to_efficiency.report.words.names import missing_in_words

if TYPE_CHECKING:
    from race_to_efficiency.report.content import Block, Rich
    from race_to_efficiency.report.page import Page

SCORED_QUARTERS = 4
"""Quarters ahead at which the method is scored on the past: a year."""


def record(page: Page) -> list[Block]:
    """Return a line for each set of statements that has come due, and one for forecasts of the past."""
    document = page.inputs.document("track_record")
    told = [tally(page, document, item) for item in document["totals"] if item["due"]]
    told += [line for line in (past(page),) if line]
    if not told:
        raise Missing("no statement has come due, and nothing is scored")
    return [Bullets((*told, say("The relative loss itself cannot be scored: no one observes it.")))]


def tally(page: Page, document: dict[str, Any], item: dict[str, Any]) -> Rich:
    """Return what became of one set of statements, in a sentence."""
    keys = ("due", "settled", "inside_80", "in_80_of", "better", "with_baseline")
    cells = {
        key: page.shown.cell(
            f"record.totals.{id_part(name_of(item))}.{key}",
            item[key],
            "statements",
            count,
            nodes=nodes_of(document, item),
        )
        for key in keys
    }
    return say(
        "{name}: {settled} of {due} {link} that were due have settled. {inside_80} of {in_80_of} fell inside our "
        "[[8]]-in-[[10]] range; {better} of {with_baseline} beat doing nothing.",
        name=Label(name_of(item)),
        link=Link("statements", "#published-statements"),
        **cells,
    )


def past(page: Page) -> Rich:
    """Return how the method does on the past, a year ahead, all targets together; nothing where it is not scored."""
    try:
        rows = scores(page)
    except Missing:
        return ()
    found = [row for row in rows if row["target"] == "all" and int(row["horizon_quarters"]) == SCORED_QUARTERS]
    if not found:
        return ()
    parts = [f"backtest.{row['target']}" for row in rows if row["target"] != "all" and "loss." not in row["target"]]
    node = page.numbers.made("page.scores.all", code=__name__, sources=dict.fromkeys(parts))
    skill = float(found[0]["skill"] or 0.0)
    cells = {
        key: page.shown.cell(f"brief.score.{key}", value, "share", percent(0), nodes=node)
        for key, value in (("inside", found[0]["interval_coverage_80"]), ("skill", abs(skill)))
    }
    return say(
        "On {past}, a year ahead: {inside} came out inside that range. The score was {skill} "
        f"{'better' if skill >= 0 else 'worse'} than the best simple rule.",
        past=Link("the past, cut by date", "#scorecard"),
        **cells,
    )


def moved(page: Page) -> list[Block]:
    """Return gamma, kappa and the loss above the floor: before, now, and the main cause."""
    document = page.inputs.document("changes")
    if document.get("missing"):
        raise Missing(missing_in_words(document["missing"]))
    known = {item["id"]: item for item in (*document["estimates"], *document["forecasts"])}
    named = (
        (HEADLINE_ROUTE, "Efficiency doublings a year, γ"),
        (REDUCIBLE_POOL, "Slope of the loss above its floor, κ"),
        (f"R.reducible.{SENTENCE_YEARS:g}", "Loss above the floor, in [[5]] years"),
    )
    rows = [
        moved_row(page, known[name], words)
        for name, words in named
        if name in known and known[name]["delta"] is not None
    ]
    if not rows:
        raise Missing("none of the headline's numbers exists in both quarters")
    caption = say(
        "{old} and {new}, by today’s method ({more})",
        old=Label(str(document["from"]["quarter"])),
        new=Label(str(document["to"]["quarter"])),
        more=Link("why", "#changes"),
    )
    return [ContentTable.of("brief-moved-table", caption, ("", "#before", "#now", "why"), rows)]


def moved_row(page: Page, item: dict[str, Any], words: str) -> tuple[Rich, ...]:
    """Return one change as a row of the brief."""
    cells = change_row(page, item)
    causes = sorted(acting(item), key=lambda part: -abs(part["value"]))
    return say(words), cells[1], cells[2], (Text(cause_of(causes[0])),) if causes else say("did not move")

"""Earlier publications' statements that have been settled: what was stated, what came out, how it scored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from race_to_efficiency.report.annex.statements import quantile
from race_to_efficiency.report.content import Code, ContentTable, Fact, Label, Para, say, table_columns
from race_to_efficiency.report.inputs import Missing
from race_to_efficiency.report.numbers import count, decimals, id_part, probability

if TYPE_CHECKING:
    from race_to_efficiency.report.content import Block, Rich
    from race_to_efficiency.report.page import Page

STATES = ("n", "resolved", "open", "void", "by_hand", "with_baseline", "better_than_baseline")


def published_statements(page: Page) -> list[Block]:
    """Return how the statements of earlier publications did, as they were published."""
    document = page.inputs.document("track_record")
    if not document["publications"]:
        raise Missing("no earlier quarter is published")
    settled = [item for item in document["published"] if item["status"] == "resolved"]
    tally = ContentTable(
        "publications-table",
        say("Statements of earlier publications and what became of them"),
        table_columns(
            "publication", "#stated", "#settled", "#open", "#void", "#by hand", "#with a baseline", "#better"
        ),
        tuple(publication_row(page, item) for item in document["publications"]),
        say(
            "Void: the named source gave no outcome. By hand: the rule asks a person. Better: settled statements that "
            "scored better than their baseline."
        ),
    )
    blocks: list[Block] = [
        Para(
            say(
                "A statement is scored as it was first published, by its own rule and from what was recorded by the "
                "last day of this report's quarter. The backtest below asks another question: how today's method would "
                "have done. {command} sets both side by side and names the drift of method.",
                command=Code("race show scores"),
            )
        ),
        tally,
    ]
    if not settled:
        return blocks
    table = ContentTable(
        "settled-table",
        say("Published statements that have been settled"),
        table_columns("~published statement", "#stated", "#80 %", "#came out", "#score", "#baseline"),
        tuple(settled_row(page, item) for item in settled),
        say(
            "Stated: the median, or the probability of an event. Score: weighted interval score on doublings (years "
            "for dates), Brier score for events; smaller is better. Baseline: its score. Neighbouring quarters share "
            "their causes: these rows are not independent outcomes."
        ),
    )
    return [*blocks, table]


def publication_row(page: Page, item: dict[str, Any]) -> tuple[Rich, ...]:
    """Return one publication's counts."""
    name = str(item["publication"])
    return (
        (Label(name),),
        *(
            page.shown.cell(
                f"record.{id_part(name)}.{key}",
                item[key],
                "statements",
                count,
                nodes=(f"record.{name}",),
            )
            for key in STATES
        ),
    )


def settled_row(page: Page, item: dict[str, Any]) -> tuple[Rich, ...]:
    """Return one settled statement: what was stated and what came out."""
    key, nodes = (
        f"record.{id_part(str(item['publication']))}.{id_part(str(item['id']))}",
        (f"record.{item['publication']}",),
    )
    event = item["low80"] is None and item["pit"] is None
    values = {"0.5": item["median"], "0.1": item["low80"], "0.9": item["high80"], "1": item["observed"]}
    shown = {"id": f"{item['publication']}.{item['id']}", "unit": item["unit"]}
    what = say("{publication}: {said}", publication=Label(str(item["publication"])), said=str(item["what"]))
    scores = tuple(
        page.shown.cell(f"{key}.{name}", item[name], "1", decimals(2), nodes=nodes)
        for name in ("score", "score_baseline")
    )
    if event:
        stated = page.shown.cell(f"{key}.probability", item["median"], "share", probability, nodes=nodes)
        outcome: Rich = (Fact("yes" if item["observed"] else "no"),)
        return (what, stated, say("–"), outcome, *scores)
    low, high = (quantile(page, shown, values, level, "record", nodes) for level in ("0.1", "0.9"))
    return (
        what,
        quantile(page, shown, values, "0.5", "record", nodes),
        say("[{low}, {high}]", low=low, high=high),
        quantile(page, shown, values, "1", "record", nodes),
        *scores,
    )

"""Earlier statements that have been settled: what was stated, what came out, how it scored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from race_to_efficiency.report.annex.settled import nodes_of, settled_blocks
from race_to_efficiency.report.annex.statements import quantile
from race_to_efficiency.report.content import Block, Code, ContentTable, Fact, Label, Para, Rich, say
from race_to_efficiency.report.inputs import Missing
from race_to_efficiency.report.numbers import count, decimals, id_part, probability

if TYPE_CHECKING:
    from race_to_efficiency.report.page import Page

RECORD_TITLES = {
    "stated": "#stated",
    "due": "#due",
    "settled": "#settled",
    "open": "#open",
    "overdue": "#overdue",
    "void": "#void",
    "by_hand": "#by hand",
    "inside_80": "#in 80 %",
    "in_80_of": "#of",
    "better": "#better",
    "with_baseline": "#of",
}


def published_statements(page: Page) -> list[Block]:
    """Return how the statements of earlier publications did, as they were published."""
    document = page.inputs.document("track_record")
    if not document["publications"]:
        raise Missing("no earlier quarter is published")
    settled = [item for item in document["published"] if item["status"] == "resolved"]
    tally = ContentTable.of(
        "publications-table",
        "Statements and what became of them",
        ("statements", *RECORD_TITLES.values()),
        [totals_row(page, item) for item in (*document["totals"], *document["publications"])],
        "Reconstructed: made after its time by today's code from what was recorded then, which is no record. Due: "
        "the date has come; overdue: the source does not reach it yet. Void: the source gave no outcome. By hand: "
        "the rule asks a person. In [[80 %]]: settled quantities inside that interval. Better: settled statements "
        "that scored better than doing nothing.",
    )
    blocks: list[Block] = [
        Para.of(
            "A statement is scored as it was first published, by its own rule and from what was recorded by the "
            "last day of this report's quarter. What today's method says for the same question stands in "
            "{command}.",
            command=Code("race show scores"),
        ),
        tally,
        *settled_blocks(page, document),
    ]
    if not settled:
        return blocks
    table = ContentTable.of(
        "settled-table",
        "Published statements that have been settled",
        ("~published statement", "#stated", "#80 %", "#came out", "#score", "#baseline"),
        [settled_row(page, item) for item in settled],
        "Stated: the median, or the probability of an event. Score: weighted interval score on doublings (years "
        "for dates), Brier score for events; smaller is better. Baseline: its score. Neighbouring quarters share "
        "their causes: these rows are not independent outcomes.",
    )
    return [*blocks, table]


def totals_row(page: Page, item: dict[str, Any]) -> tuple[Rich, ...]:
    """Return the counts of one set of statements."""
    name = str(item.get("name") or item["publication"])
    part = "totals" if "name" in item else "publications"
    nodes = nodes_of(page.inputs.document("track_record"), item)
    return (
        (Label(name),),
        *(
            page.shown.cell(
                f"record.{part}.{id_part(name)}.{key}",
                item[key],
                "statements",
                count,
                nodes=nodes,
            )
            for key in RECORD_TITLES
        ),
    )


def settled_row(page: Page, item: dict[str, Any]) -> tuple[Rich, ...]:
    """Return one settled statement: what was stated and what came out."""
    key, nodes = (
        f"record.{id_part(str(item['publication']))}.{id_part(str(item['id']))}",
        (f"record.{item['publication']}",),
    )
    event = item["kind"] == "probability"
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
    middle, low, high = (quantile(page, shown, values, level, "record", nodes) for level in ("0.5", "0.1", "0.9"))
    return (
        what,
        middle,
        page.shown.range_of(middle, low, high, level=0.8),
        quantile(page, shown, values, "1", "record", nodes),
        *scores,
    )

"""How sure we are: the same forecast near the runs and far from them, each with its grade and that grade's record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from race_to_efficiency.report.annex.headline import SENTENCE_YEARS
from race_to_efficiency.report.content import Badge, ContentTable, Fact, Label, Link, Para, say
from race_to_efficiency.report.forecasts import years_words
from race_to_efficiency.report.inputs import Missing
from race_to_efficiency.report.numbers import count, percent

if TYPE_CHECKING:
    from race_to_efficiency.report.content import Block, Rich
    from race_to_efficiency.report.page import Page

NEAR_YEARS = 1.0
"""The horizon at which the nearer anchors are told: further on their compute has left the runs too."""


def confidence(page: Page) -> list[Block]:
    """Return the whole loss from each anchor, the furthest from the runs first, with grade and record."""
    records = {str(item["grade"]): item for item in page.inputs.document("scores").get("grades") or ()}
    anchors = page.inputs.part("anchors", "anchors")
    rows, told = [], set()
    for item in sorted(anchors, key=lambda item: item["name"] != page.anchor):
        years = SENTENCE_YEARS if item["name"] == page.anchor else NEAR_YEARS
        curve = page.forecasts.find("reducible", "relative_loss", page.scenario, str(item["name"]))
        grade = page.forecasts.grade(curve, years)
        if grade and grade not in told:
            told.add(grade)
            what = say(
                "{start}, {years}", start=Fact(str(item.get("title") or item["name"])), years=Label(years_words(years))
            )
            mark = (Badge(grade, short=True),)
            rows.append((what, (page.forecasts.point(curve, years),), mark, held(page, records.get(grade))))
    if not rows:
        raise Missing("the forecast holds no grades")
    caption = say("Whole loss, from {start}, today is [[1]]", start=Link("where it starts", "#anchors"))
    titles = ("start and horizon", "#loss", "confidence", "#in range")
    return [ContentTable.of("brief-confidence-table", caption, titles, rows), Para(meaning(), "note")]


def held(page: Page, item: dict[str, Any] | None) -> Rich:
    """Return how often settled forecasts of a grade came out inside their 80 % interval, and of how many."""
    if item is None or not item["n"]:
        return say("no record")
    targets = {str(name) for name in page.inputs.table("scores")["target"]}
    parts = sorted(f"backtest.{name}" for name in targets if name.startswith("loss.") and name != "loss.all")
    node = page.numbers.made("page.confidence", code=__name__, sources=parts)
    key = f"confidence.{str(item['grade']).replace(' ', '_')}"
    return say(
        "{share} of {n}",
        share=page.shown.cell(f"{key}.inside", item["coverage_80"], "share", percent(0), nodes=node),
        n=page.shown.cell(f"{key}.n", item["n"], "outcomes", count, nodes=node),
    )


def meaning() -> Rich:
    """Return what the last column is."""
    return say(
        "In range: how often past forecasts of that {grade} came out inside their [[8]]-in-[[10]] range. Where it is "
        "far below [[80 %]], read our ranges as too narrow.",
        grade=Link("grade", "#grades"),
    )

"""Three things anyone can see, with dates, that would change the headline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from race_to_efficiency.report.annex.statements import quantile, statement_node
from race_to_efficiency.report.content import Block, Bullets, Label, Link, Para, Rich, say
from race_to_efficiency.report.inputs import Missing

if TYPE_CHECKING:
    from race_to_efficiency.report.page import Page

WATCHED = {
    "training_flop_per_joule": (
        "**Training FLOP per joule.** By {by}: below {low}, γ is too high and energy falls more slowly; above {high}, "
        "it falls faster."
    ),
    "frontier_compute": (
        "**The largest run.** By {by}: if none is larger than {low}, growth has stopped and the constant-power case is "
        "the one to plan with. Above {high}, it is faster than we say."
    ),
    "speedrun_record_time": (
        "**Training one small model to a fixed loss.** By {by}: if the record is still {high}, algorithms have slowed. "
        "Below {low}, they have not."
    ),
    "tensor16_record": (
        "**The best chip per watt.** By {by}: if none passes {low}, chips have slowed. Above {high}, they speed up."
    ),
    "frontier_power": (
        "**The power of the largest run.** By {by}: if none draws more than {low}, power has stopped growing. Above "
        "{high}, it grows faster than we say."
    ),
}
"""What is watched, the most telling first, and what either end of its 80 % interval would mean."""

SHOWN = 3


def watch(page: Page) -> list[Block]:
    """Return what to watch: the ends of the 80 % interval of this quarter's statements on it, with their date."""
    found = {topic(item): item for item in page.inputs.part("statements", "statements") if watched(item)}
    items = tuple(threshold(page, found[name], words) for name, words in WATCHED.items() if name in found)[:SHOWN]
    if not items:
        raise Missing("no statement of this quarter is on anything watched")
    outro = say("Each end is passed once in [[10]] times if we are right. {all} settle by rule.",
                all=Link("All statements", "#statements"))  # fmt: skip
    return [Bullets(items), Para(outro, "note")]


def topic(item: dict[str, Any]) -> str:
    """Return what a statement is about, without the quarter and the horizon in its id."""
    return str(item["id"]).partition(".")[2].removesuffix("_year")


def watched(item: dict[str, Any]) -> bool:
    """Tell whether a statement has both ends of the 80 % interval and is on something watched."""
    levels = item.get("quantiles") or {}
    return topic(item) in WATCHED and levels.get("0.1") is not None and levels.get("0.9") is not None


def threshold(page: Page, item: dict[str, Any], words: str) -> Rich:
    """Return one threshold in a sentence."""
    low, high = (
        (*quantile(page, item, item["quantiles"], level, "statement", statement_node(item)), Label(unit_of(item)))
        for level in ("0.1", "0.9")
    )
    return say(words, by=Label(str(item["by"])), low=low, high=high)


def unit_of(item: dict[str, Any]) -> str:
    """Return the unit after a value."""
    return f" {item['unit']}"

"""What changed since last quarter: rows, estimates with the causes of their change, forecasts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.report.content import Fact, Label, Para, Section, Table, clean, columns, join, say
from pipeline.report.figures.bars import Steps, waterfall
from pipeline.report.inputs import Missing
from pipeline.report.names import group_in_words, name_in_words
from pipeline.report.numbers import decimals, slug
from pipeline.report.page import subsections
from pipeline.report.shown import writer

if TYPE_CHECKING:
    from pipeline.report.content import Block, Rich
    from pipeline.report.page import Page

MOST_WATERFALLS = 4
SIGNED = decimals(3)


def build(page: Page) -> Section:
    """Return what changed; the file is written when two quarters are compared, and its absence is said."""
    parts = (
        ("changed-estimates", "Estimates, and why they moved", estimates),
        ("changed-data", "Rows", data),
        ("changed-forecasts", "Forecasts", forecasts),
    )
    if "changes" not in page.inputs.documents:
        blocks = page.attempt("What changed", lambda: absent(page))
        return Section("changes", "What changed since last quarter", tuple(blocks))
    blocks = page.attempt("Summary", lambda: summary(page))
    return Section("changes", "What changed since last quarter", tuple(blocks), subsections(page, parts))


def absent(page: Page) -> list[Block]:
    """Say that no comparison was made, and how to make it."""
    raise Missing(
        f"quarter {page.inputs.quarter} was not compared with the one before (no changes.json); the command race diff "
        "compares two quarters"
    )


def summary(page: Page) -> list[Block]:
    """Return between which quarters the comparison runs."""
    document = page.inputs.document("changes")
    old, new = (document.get(key) or document.get(other) for key, other in (("from", "old"), ("to", "new")))
    names = say(" from {old} to {new}", old=Label(str(old)), new=Label(str(new))) if old and new else ()
    return [
        Para(
            say(
                "Every part of a change{names} is the difference of two actual refits; the parts sum to the change.",
                names=names or say(""),
            )
        )
    ]


def title_of(item: dict[str, Any]) -> str:
    """Return an estimate's name in words: its component and estimator, or its symbol and group."""
    if item.get("component"):
        return name_in_words(".".join(str(item[key]) for key in ("component", "estimator") if item.get(key)))
    name = clean(str(item.get("symbol") or item.get("id") or "estimate").replace("_", " "))
    return f"{name}, {group_in_words(item['group'])}" if item.get("group") else name


def moved(page: Page) -> list[dict[str, Any]]:
    """Return the estimates that changed and exist on both sides, the most changed first (relative to their size)."""
    found = [
        item
        for item in page.inputs.part("changes", "estimates")
        if item.get("old") is not None and item.get("new") is not None and item.get("delta")
    ]
    return sorted(found, key=lambda item: -abs(item["delta"]) / (abs(item["old"]) or 1.0))


def estimates(page: Page) -> list[Block]:
    """Return the table of changes with their causes, and the waterfalls of the largest."""
    rows = moved(page)
    if not rows:
        return [Para(say("No estimate moved."))]
    body = tuple(estimate_row(page, item, index) for index, item in enumerate(rows))
    table = Table(
        "changed-estimates-table",
        say("Estimates that moved: before, now, and what each cause did"),
        columns("estimate", "#before", "#now", "#change", "~causes", "~rows that did most"),
        body,
    )
    drawn = [item for item in rows if item.get("parts")][:MOST_WATERFALLS]
    return [*([figure(page, drawn)] if drawn else []), table]


def key_of(item: dict[str, Any], index: int) -> str:
    """Return the start of the ids of one change."""
    parts = [str(item.get(name)) for name in ("symbol", "group", "component", "estimator") if item.get(name)]
    return f"change.{index}.{slug('.'.join(parts))}"


def estimate_row(page: Page, item: dict[str, Any], index: int) -> tuple[Rich, ...]:
    """Return one change as a row."""
    key, source = key_of(item, index), f"changes.json: estimates, {index}"
    unit = str(item.get("unit") or "1")
    causes = [
        say("{cause} {value}", cause=Fact(str(part["cause"])), value=part_number(page, item, index, part))
        for part in item.get("parts") or ()
        if part["value"]
    ]
    named = [
        Fact(str(row.get("row")))
        for part in item.get("parts") or ()
        for row in part.get("rows") or ()
        if isinstance(row, dict)
    ]
    return (
        (Fact(title_of(item)),),
        page.shown.cell(f"{key}.old", item["old"], unit, writer(unit), source=source),
        page.shown.cell(f"{key}.new", item["new"], unit, writer(unit), source=source),
        page.shown.cell(f"{key}.delta", item["delta"], unit, SIGNED, source=source),
        join(causes, "; ") or say("not attributed"),
        join(named[:5], "; ") or say("–"),
    )


def part_number(page: Page, item: dict[str, Any], index: int, part: dict[str, Any]) -> Rich:
    """Return what one cause did."""
    name = f"{key_of(item, index)}.{slug(str(part['cause']))}"
    return page.shown.cell(
        name, part["value"], str(item.get("unit") or "1"), SIGNED, source=f"changes.json: estimates, {index}"
    )


def figure(page: Page, rows: list[dict[str, Any]]) -> Block:
    """Return the waterfalls of the largest changes."""
    steps = [Steps(title_of(item), float(item["old"]), float(item["new"]), parts_of(item)) for item in rows]
    order = {id(item): index for index, item in enumerate(moved(page))}
    body = tuple(
        ((Fact(f"{title_of(item)}: {part['cause']}"),), part_number(page, item, order[id(item)], part))
        for item in rows
        for part in item["parts"]
        if part["value"]
    )
    title, short = "Why estimates moved", "Waterfalls from last quarter's value to this one's, one step a cause."
    return page.figure(
        "fig-changes",
        waterfall(steps, "fig-changes", label="value", title=title, short=short, cite=page.cite),
        title=title,
        short=short,
        caption=say(
            "Each step is one cause; together they make the whole change. Causes that did nothing are left out."
        ),
        long=say("Each panel starts at the value before and ends at the value now."),
        table=Table(
            "fig-changes-data",
            say("Data of the figure: the parts of each change"),
            columns("estimate and cause", "#part"),
            body,
        ),
    )


def parts_of(item: dict[str, Any]) -> tuple[tuple[str, float], ...]:
    """Return the causes that did something."""
    return tuple((clean(str(part["cause"])), float(part["value"])) for part in item["parts"] if part["value"])


def data(page: Page) -> list[Block]:
    """Return how many rows were added, revised, withdrawn and reclassified, by table."""
    found = page.inputs.part("changes", "data")
    kinds = ("added", "revised", "withdrawn", "reclassified")
    rows = []
    for name, item in sorted(found.items()):
        if not isinstance(item, dict):
            continue
        counts = [len(item[kind]) if isinstance(item.get(kind), list) else item.get(kind) for kind in kinds]
        cells = [
            page.shown.cell(
                f"changed_rows.{slug(name)}.{kind}", int(count or 0), "rows", source=f"changes.json: data, {name}"
            )
            for kind, count in zip(kinds, counts, strict=True)
        ]
        examples = [
            str(row.get("row", row) if isinstance(row, dict) else row)
            for kind in kinds
            if isinstance(item.get(kind), list)
            for row in item[kind]
        ]
        rows.append(
            ((Fact(name.replace("_", " ")),), *cells, join([Fact(text) for text in examples[:6]], "; ") or say("–"))
        )
    if not rows:
        raise Missing("changes.json counts no rows")
    return [
        Table(
            "changed-rows",
            say("Rows that changed between the two as-of views"),
            columns("ledger", *(f"#{kind}" for kind in kinds), "~for example"),
            tuple(rows),
        )
    ]


def forecasts(page: Page) -> list[Block]:
    """Return how the forecasts moved."""
    rows = []
    for index, item in enumerate(page.inputs.part("changes", "forecasts")):
        source = f"changes.json: forecasts, {index}"
        names = [
            str(item[key])
            for key in ("reading", "form", "target", "scenario_id", "anchor", "years", "horizon")
            if item.get(key) is not None
        ]
        cells = [
            page.shown.cell(f"changed_forecast.{index}.{key}", item.get(key), "1", decimals(4), source=source)
            for key in ("old", "new", "delta")
        ]
        rows.append(((Fact(", ".join(name.replace("_", " ") for name in names)),), *cells))
    return [
        Table(
            "changed-forecasts-table",
            say("Loss relative to today, before and now"),
            columns("forecast", "#before", "#now", "#change"),
            tuple(rows),
        )
    ]

"""How much gamma hangs on choices: other windows, rows and definitions; bends in the trend; published values."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from race_to_efficiency.report.annex.assumptions import RATE
from race_to_efficiency.report.annex.gamma_series import UNIT
from race_to_efficiency.report.annex.roadmap import fitted
from race_to_efficiency.report.content import Block, ContentTable, Fact, FigureData, Label, Para, Rich, Strong, say
from race_to_efficiency.report.figures.bars import WhatIf, tornado_bars
from race_to_efficiency.report.inputs import Missing
from race_to_efficiency.report.numbers import decimals, id_part
from race_to_efficiency.report.shown import name_list
from race_to_efficiency.report.words.names import name_in_words

if TYPE_CHECKING:
    from race_to_efficiency.report.page import Page

DEFAULT_ROUTE = "gamma.route.D"
SERIES, MIXTURE = "gamma.algorithmic_lm.ln_loss", "gamma.algorithmic.mixture"
P_VALUE = decimals(3)
SHOWN_CHOICES = 16


def fragility(page: Page) -> list[Block]:
    """Return the tornado of the default route: what one other choice would make of it."""
    found = [
        row
        for row in page.inputs.part("gamma", "fragility")
        if row["component"] == DEFAULT_ROUTE.removeprefix("gamma.")
    ]
    rows = sorted((row for row in found if row["value"] is not None), key=lambda row: -abs(row["delta"]))
    if not rows:
        raise Missing("gamma.json holds no other choice for the default route")
    rows = rows[:SHOWN_CHOICES]
    route = page.inputs.estimate(DEFAULT_ROUTE)
    items = [WhatIf(choice(row), (float(row["value"]),)) for row in rows]
    return [
        page.figure(
            "fig-tornado",
            partial(tornado_bars, items, float(route.value or 0.0), label="gamma, doublings a year"),
            title="What the default route hangs on",
            short="Bars from the default gamma to what it would be under one other choice each, the largest change on "
            "top.",
            caption=say(
                "The line is the default, {value}; each bar is one other choice, all else left as it is. The largest "
                "single change is to {largest} ({what}).",
                value=page.shown.value(route),
                largest=what_if(page, rows[0], "value"),
                what=Fact(choice(rows[0])),
            ),
            long="Each bar changes one choice: where the window starts, two rows left out, another definition.",
            data=choice_data(page, rows),
        )
    ]


def choice(row: dict[str, Any]) -> str:
    """Return a choice in words: the component, and what is chosen otherwise."""
    component, _, change = str(row["change"]).partition(": ")
    part = name_in_words(component.split(".", maxsplit=1)[0])
    return f"{part}: {name_in_words(change)}" if change else name_in_words(component)


def what_if(page: Page, row: dict[str, Any], key: str) -> Rich:
    """Return a value of the fragility table."""
    name = f"fragility.{id_part(row['component'])}.{id_part(row['change'])}.{key}"
    return page.shown.cell(name, row[key], UNIT, RATE, estimates=(DEFAULT_ROUTE,))


def choice_data(page: Page, rows: list[dict[str, Any]]) -> FigureData:
    """Return the choices with what they make of gamma."""
    body = [
        (
            (Fact(choice(row)),),
            name_list([row["kind"]]),
            what_if(page, row, "value"),
            what_if(page, row, "delta"),
            say("yes") if row["sign_changes"] else say("no"),
        )
        for row in rows
    ]
    return "gamma under one other choice each", ("choice", "kind", "#gamma then", "#change", "sign changes"), body


def product_verdict(found: dict[str, Any]) -> str:
    """Return whether the two ways agree; ranges wider than what is measured agree with nothing."""
    if not found.get("agrees"):
        return "do not agree"
    ends = ((found[f"{name}_low"], found[f"{name}_high"]) for name in ("b_time", "product"))
    wide = max(high - low for low, high in ends) > abs(found["b_time_per_year"])
    return "share values, but are too wide to tell" if wide else "agree"


def product(page: Page) -> list[Block]:
    """Return the check on the product: what loss does at fixed compute against kappa times gamma of algorithms."""
    found = page.inputs.part("gamma", "product")

    def cell(name: str) -> Rich:
        nodes = (SERIES,) if name.startswith("b_time") else (MIXTURE, *(fitted(page, "total") or (SERIES,)))
        return page.shown.cell(f"product.{name}", found.get(name), "1/yr", decimals(3), nodes=nodes)

    time, ours = cell("b_time_per_year"), cell("product")
    return [
        Para.of(
            "The language-model rows fix one thing more firmly than kappa or gamma: at the same compute log loss "
            "falls by {time} a year {time_range}. Kappa, times gamma of algorithms, times ln [[2]], gives "
            "{product} {range}: the two {verdict}.",
            time=time,
            time_range=page.shown.range_of(time, cell("b_time_low"), cell("b_time_high"), method="ols"),
            product=ours,
            range=page.shown.range_of(ours, cell("product_low"), cell("product_high")),
            verdict=Strong(product_verdict(found)),
        ),
        Para.of(
            "This is a test of the equation itself. Two ranges without a common value would contradict the law, or "
            "one of its two factors; so would a loss at fixed compute that stands still while algorithms are said "
            "to improve. It is no wholly independent test: the same rows carry a part of gamma of algorithms."
        ),
    ]


def slope_changes(page: Page) -> list[Block]:
    """Return the tests for a change of slope."""
    rows = page.inputs.part("gamma", "slope_change")
    return [
        ContentTable.of(
            "slope-changes",
            "Is one line enough? The slope before and after a break, doublings a year",
            ("series", "break at", "#before", "#after", "#p", "how tested", "a break?"),
            [slope_row(page, row, index) for index, row in enumerate(rows)],
        )
    ]


def slope_row(page: Page, row: dict[str, Any], index: int) -> tuple[Rich, ...]:
    """Return one test as a row."""
    name = str(row["component"])
    key = f"slope_change.{id_part(name)}.{id_part(str(row.get('clock', index)))}"
    cells = [
        page.shown.cell(f"{key}.{field}", row.get(field), unit, write, nodes=(f"gamma.{name}",))
        for field, unit, write in (("slope_before", UNIT, RATE), ("slope_after", UNIT, RATE), ("p_value", "1", P_VALUE))
    ]
    at, clock = row.get("at"), row.get("clock", "date")
    written = "–" if at is None else f"{at:.1f}" if clock == "date" else f"{clock} of {at:.1f} years"
    place = (Label(written),)
    method = f"{row.get('method', '–')}{', break searched for' if row.get('searched') else ''}"
    found = row.get("found")
    verdict = say("not tested") if found is None else say("yes") if found else say("no")
    return ((Fact(name_in_words(name)),), place, *cells, (Fact(method),), verdict)


def published(page: Page) -> list[Block]:
    """Return our estimates beside published ones, with whether they agree and why they may not."""
    rows = page.inputs.part("gamma", "published")
    return [
        ContentTable.of(
            "published",
            "Ours beside published values, doublings a year",
            ("quantity", "#published", "#interval", "#ours", "#interval", "verdict", "~why they may differ", "source"),
            [published_row(page, row) for row in rows],
        )
    ]


def published_row(page: Page, row: dict[str, Any]) -> tuple[Rich, ...]:
    """Return one published value beside ours."""
    name = str(row["value_id"])
    estimate = row.get("estimate")
    theirs = f"row.published_values/{name}"
    ours = estimate or theirs  # what has no counterpart of ours is no number of ours

    def cell(key: str, node: str) -> Rich:
        ids = (estimate,) if estimate in page.inputs.estimates and key.startswith("ours") else ()
        return page.shown.cell(
            f"published.{id_part(name)}.{key}", row.get(key), UNIT, RATE, nodes=(node,), estimates=ids
        )

    def ends(key: str, node: str) -> Rich:
        if row.get(f"{key}_low") is None and row.get(f"{key}_high") is None:
            return say("–")
        return say("[{low}, {high}]", low=cell(f"{key}_low", node), high=cell(f"{key}_high", node))

    return (
        (Fact(str(row["quantity"])),),
        cell("published", theirs),
        ends("published", theirs),
        cell("ours", ours),
        ends("ours", ours),
        (Fact(str(row.get("verdict") or "–")),),
        (Fact(str(row.get("note") or "–")),),
        (Fact(str(row.get("source") or "–")),),
    )

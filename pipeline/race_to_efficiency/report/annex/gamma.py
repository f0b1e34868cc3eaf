"""Gamma: what it is, and the routes that answer the same question from different data."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from race_to_efficiency.report.annex import gamma_choices, gamma_series
from race_to_efficiency.report.annex.forests import HOLLOW, bar, disjoint, forest_data
from race_to_efficiency.report.content import ContentTable, Fact, Label, Para, Section, Strong, join, say
from race_to_efficiency.report.figures.forest import Group, forest
from race_to_efficiency.report.inputs import Missing
from race_to_efficiency.report.page import Page, section
from race_to_efficiency.report.shown import badge, name_list, state
from race_to_efficiency.report.words.names import name_in_words

if TYPE_CHECKING:
    from race_to_efficiency.calibration.common.estimates import Estimate
    from race_to_efficiency.report.content import Block, Figure, Rich

    Record = tuple[dict[str, Any], Estimate]

HEADLINE_ROUTE = "gamma.route.D"
PER_JOULE = "joule"
"""Basis of the routes that say what a joule buys; others count hours of accelerators."""


def gamma_section(page: Page) -> Section:
    """Return the section on gamma."""
    parts = (
        ("gamma-routes", "Routes: one question, answered from different data", routes),
        ("gamma-components", "Components: what each series says", gamma_series.components),
        ("gamma-series", "Two of the series", gamma_series.series),
        ("gamma-fragility", "What the default route hangs on", gamma_choices.fragility),
        ("gamma-changes", "Does the trend bend?", gamma_choices.slope_changes),
        ("gamma-product", "A check on the product", gamma_choices.product),
        ("gamma-published", "Beside published values", gamma_choices.published),
    )
    return section(page, "gamma", "Gamma: how fast efficiency grows", gamma_introduction, parts, what="Gamma")


def gamma_introduction(page: Page) -> list[Block]:
    """Return what gamma is and what it is here."""
    route = page.inputs.estimate(HEADLINE_ROUTE)
    return [
        Para.of(
            "Gamma is the number of times a year that useful training compute per unit of power doubles. It is a "
            "sum of rates whose coverage must not overlap: chips, number formats, utilisation, algorithms. The "
            "default, route [[D]], gives {value} doublings a year, [[95 %]] interval {interval} {badge}{beside}.",
            beside=beside_default(page),
            value=page.shown.value(route),
            interval=page.shown.interval(route),
            badge=badge(route),
        )
    ]


def estimated_routes(page: Page) -> list[dict[str, Any]]:
    """Return the records of gamma's routes that have an estimate: early quarters lack rows for some."""
    return [item for item in page.inputs.part("gamma", "routes") if "estimate" in item]


def other_routes(page: Page) -> list[Estimate]:
    """Return the other routes per joule that have a value, the slowest first; raise `Missing` where there is none."""
    found = [
        page.inputs.estimate(item["estimate"])
        for item in estimated_routes(page)
        if item["basis"] == PER_JOULE and item["estimate"] != HEADLINE_ROUTE
    ]
    known = sorted((item for item in found if item.value is not None), key=lambda item: item.value or 0.0)
    if not known:
        raise Missing("gamma.json holds no second route per joule")
    return known


def beside_default(page: Page) -> Rich:
    """Return what the other routes per joule say, after the default's number; nothing where there is no other."""
    try:
        others = other_routes(page)
    except Missing:
        return ()
    ends = dict(zip(("low", "high"), (page.shown.value(others[place]) for place in (0, -1)), strict=True))
    if len(others) == 1:
        return say("; the other route per joule gives {low}", low=ends["low"])
    return say("; the other routes per joule give {low} to {high}", **ends)


def route_name(row: dict[str, Any]) -> str:
    """Return a route's name."""
    return str(row["route"]).replace("_", " ")


def routes(page: Page) -> list[Block]:
    """Return the routes' table and forest plot."""
    rows = page.inputs.part("gamma", "routes")
    records = [(row, page.inputs.estimate(row.get("estimate") or f"gamma.route.{row['route']}")) for row in rows]
    return [route_table(page, records), route_figure(page, records)]


def route_table(page: Page, records: list[Record]) -> ContentTable:
    """Return what each route adds up, covers and leaves out."""
    return ContentTable.of(
        "routes",
        "Routes of gamma: what each adds up and what it leaves out",
        ("route", "#doublings a year", "#95 % interval", "~made of", "leaves out", "per", "~confidence and why"),
        [
            (
                (Label(route_name(row)), *((Strong(" (default)"),) if row.get("default") else ())),
                (page.shown.value(item),),
                page.shown.interval(item),
                made_of(row),
                name_list(row.get("omits", ())),
                name_list([row["basis"]]),
                state(item),
            )
            for row, item in records
        ],
        note="Routes compare only where coverage and basis agree; progress in a layer that is left out is taken as "
        "none. Draws are added one by one, so what two components share is in the interval.",
    )


def made_of(row: dict[str, Any]) -> Rich:
    """Return a route's components as words, with the conversion of its basis."""
    parts = join([Fact(name_in_words(str(name))) for name in row["components"]], " + ")
    for term in row.get("conversion", ()):
        sign = Label("−" if term["sign"] < 0 else "+")
        parts = (*parts, *say(" {sign} {name}", sign=sign, name=Fact(name_in_words(str(term["term"])))))
    return parts


def route_figure(page: Page, records: list[Record]) -> Figure:
    """Return the forest plot of the routes, with what they disagree about."""
    bars = [
        bar(item, f"route {route_name(row)}, per {name_in_words(row['basis'])}", strong=bool(row.get("default")))
        for row, item in records
    ]
    basis = next((row["basis"] for row, _ in records if row.get("default")), records[0][0]["basis"])
    same = sorted((item for row, item in records if row["basis"] == basis and item.value is not None), key=by_value)
    apart = "their [[95 %]] intervals do not even overlap" if disjoint(same[0], same[-1]) else "their intervals overlap"
    return page.figure(
        "fig-routes",
        partial(forest, [Group(bars, "doublings a year")]),
        title="Routes of gamma",
        short="Point estimates of gamma by route with eighty and ninety-five per cent intervals.",
        caption=say(
            f"Thick bars: [[80 %]]; thin bars: [[95 %]]; {HOLLOW}; second colour: the default. On the "
            f"default's basis the routes run from {{low}} to {{high}} and {apart}: the disagreement is part of the "
            "answer.",
            low=page.shown.value(same[0]),
            high=page.shown.value(same[-1]),
        ),
        long="Each line is one route, the default in a second colour. A route that leaves out a layer of progress lies "
        "lower by construction.",
        data=forest_data(
            page, "routes of gamma", "doublings a year", [((Label(route_name(row)),), item) for row, item in records]
        ),
    )


def by_value(estimate: Estimate) -> float:
    """Return the value to sort estimates by."""
    return float(estimate.value or 0.0)

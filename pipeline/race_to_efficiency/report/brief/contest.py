"""Hare against Turtle: a large fleet that gains slowly against a small one that gains fast, with a verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from race_to_efficiency.equation.inverses import fleet_required
from race_to_efficiency.planning.targets import Race, hare_against_turtle
from race_to_efficiency.report.annex.assumptions import scenario_records, setting_of
from race_to_efficiency.report.annex.cost import anchored_cost, plain_fleet, prices
from race_to_efficiency.report.annex.kappa import REDUCIBLE_POOL
from race_to_efficiency.report.content import Block, ContentTable, Link, Para, Rich, Text, say
from race_to_efficiency.report.inputs import Missing
from race_to_efficiency.report.numbers import count, decimals, general, significant

if TYPE_CHECKING:
    from race_to_efficiency.report.page import Page

TARGET = 0.5
"""The loss above the floor both run for: half of today's."""

GIGAWATT_YEAR_TWH = 8.766
"""What a plant of one gigawatt makes in a year that it runs through (8,766 hours)."""


def contest(page: Page) -> list[Block]:
    """Return the verdict and the figures behind it."""
    by_name = {record["name"]: record for record in scenario_records(page)}
    if not {"hare", "turtle"} <= by_name.keys():
        raise Missing("there is no scenario hare, or none turtle")
    kappa = page.inputs.estimate(REDUCIBLE_POOL).value
    if kappa is None:
        raise Missing(f"{REDUCIBLE_POOL} was refused")
    (hare, slow), (turtle, fast) = (
        (plain_fleet(by_name[name]) or 0.0, float(by_name[name]["gamma"])) for name in ("hare", "turtle")
    )
    cost = anchored_cost(page)
    race = hare_against_turtle((hare, slow), (turtle, fast), TARGET, kappa, cost)
    even = float(fleet_required(TARGET, race.turtle_years, kappa, slow))
    behind = (REDUCIBLE_POOL, "scenario.hare", "scenario.turtle", f"anchor.{page.anchor}", *prices())
    node = page.numbers.made("page.contest", code=__name__, sources=behind)

    def cell(key: str, value: float, unit: str, places: int) -> Rich:
        write = decimals(places) if unit == "years" else significant(2)
        return page.shown.cell(f"brief.contest.{key}", value, unit, write, nodes=node)

    rows = tuple(
        ((Text(words),), cell(f"{key}.hare", float(a) / scale, unit, places),
         cell(f"{key}.turtle", float(b) / scale, unit, places))
        for key, words, a, b, scale, unit, places in (
            ("years", "years", race.hare_years, race.turtle_years, 1.0, "years", 1),
            ("energy", "energy, TWh", race.hare_energy_twh, race.turtle_energy_twh, 1.0, "TWh", 1),
            ("plants", "the same, years of a 1 GW plant", race.hare_energy_twh, race.turtle_energy_twh,
             GIGAWATT_YEAR_TWH, "plant years", 1),
            ("money", "money, billion USD", race.hare_usd, race.turtle_usd, 1e9, "billion USD", 1),
        )
    )  # fmt: skip
    caption = say("To halve the loss above the floor ({more})", more=Link("costs", "#cost"))
    table = ContentTable.of("brief-contest-table", caption, ("", "#Hare", "#Turtle"), rows)
    return [Para(verdict(page, race, even, node)), table]


def verdict(page: Page, race: Race, even: float, node: tuple[str, ...]) -> Rich:
    """Return who wins, and the fleet with which the Hare would tie."""
    fleets = {
        name: page.shown.cell(
            f"brief.contest.{name}.{what}", value, unit, write, nodes=(f"{setting_of(record)}.{setting}",)
        )
        for record in scenario_records(page)
        for name, what, value, unit, write, setting in (
            (f"{record['name']}_fleet", "fleet", plain_fleet(record), "fleets", count, "fleet"),
            (f"{record['name']}_gamma", "gamma", record.get("gamma"), "doublings/yr", general, "gamma"),
        )
        if record["name"] in ("hare", "turtle")
    }
    won = [race.first, race.least_energy, race.cheapest]
    words = {
        3: "**The Turtle wins** on time, energy and money.",
        0: "**The Hare wins** on time, energy and money.",
    }.get(won.count("turtle") if "tie" not in won and "neither" not in won else -1, split_words(race))
    tie = page.shown.cell(
        "brief.contest.even", even, "fleets", significant(2), nodes=node, absent="no finite number of"
    )
    return say(
        f"The Hare has {{hare_fleet}} times the power and {{hare_gamma}} doublings of efficiency a year, the Turtle "
        f"{{turtle_gamma}}. {words} To tie on time the Hare needs {{tie}} times the Turtle’s power.",
        tie=tie,
        **{key: value for key, value in fleets.items() if key != "turtle_fleet"},
    )


def split_words(race: Race) -> str:
    """Return who wins what."""
    names = {"hare": "the Hare", "turtle": "the Turtle", "tie": "neither", "neither": "neither"}
    return (
        f"**No clean win:** {names[race.first]} is first, {names[race.least_energy]} takes less energy, "
        f"{names[race.cheapest]} less money."
    )

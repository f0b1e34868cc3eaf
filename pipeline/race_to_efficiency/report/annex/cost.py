"""Cost and energy: what the scenarios' fleets draw and are billed; Hare against Turtle in time, energy and money."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from race_to_efficiency.planning.cost import SECONDS_PER_YEAR, CostParameters, cost_of_flop, fleet_bill
from race_to_efficiency.planning.targets import hare_against_turtle
from race_to_efficiency.report.annex.assumptions import is_cited, scenario_records, setting_of
from race_to_efficiency.report.annex.headline import anchor_record
from race_to_efficiency.report.content import Block, ContentTable, Fact, Label, Rich, say
from race_to_efficiency.report.forecasts import scenario_title, years_words
from race_to_efficiency.report.inputs import Missing
from race_to_efficiency.report.numbers import decimals, id_part, significant

if TYPE_CHECKING:
    from collections.abc import Callable

    from race_to_efficiency.report.page import Page

LOSS_TARGETS = (0.9, 0.8, 0.7)
PRICES = "setting.cost.values"


def cost(page: Page) -> list[Block]:
    """Return the fleets' bills and the contest of Hare and Turtle."""
    parameters = anchored_cost(page)
    return [bills(page, parameters), *contest(page, parameters)]


def anchored_cost(page: Page) -> CostParameters:
    """Return the unit costs with a baseline fleet that makes the anchor's compute in the baseline year.

    The power in params.yaml is that of one known run; the forecast starts from the frontier, which is larger.
    """
    given = CostParameters(**page.inputs.params.cost.values.model_dump())
    flop = float(anchor_record(page)["compute_flop"]["median"])
    return replace(given, baseline_power_w=flop * cost_of_flop(given).energy_j_per_flop / SECONDS_PER_YEAR)


ENERGY = (
    "accelerator_flop_s",
    "accelerator_power_w",
    "server_power_ratio",
    "power_draw_fraction",
    "power_usage_effectiveness",
    "utilisation",
)
"""The unit costs that say what a FLOP takes of energy, and so what power makes the anchor's compute in a year."""


def prices(*, money: bool = True) -> tuple[str, ...]:
    """Return the unit costs as outputs, or those of energy; the baseline's power follows from the anchor."""
    names = [name for name in CostParameters.__dataclass_fields__ if name != "baseline_power_w"]
    return tuple(f"{PRICES}.{name}" for name in (names if money else ENERGY))


def plain_fleet(record: dict[str, Any]) -> float | None:
    """Return a constant fleet's multiple; None for any other path, and for the compute of a single run."""
    fleet = record.get("fleet") or {}
    if record.get("convention") == "run" or fleet.get("path", "constant") != "constant":
        return None
    return float(fleet.get("multiple", 1.0))


def bills(page: Page, parameters: CostParameters) -> ContentTable:
    """Return what each scenario's fleet draws and costs."""
    rows = []
    for record in scenario_records(page):
        multiple = plain_fleet(record)
        if multiple is None or is_cited(record):
            continue
        name = id_part(record["name"])
        found = [(year, fleet_bill(multiple, year, parameters)) for year in page.years]
        fleet = (f"{setting_of(record)}.fleet",)
        power = bill_figure(page, f"cost.{name}.power", float(found[0][1].power_w) / 1e6, "MW", decimals(0), fleet)
        energy = [
            bill_figure(page, f"cost.{name}.energy.{year:g}y", float(bill.energy_twh), "TWh", significant(2), fleet)
            for year, bill in found
        ]
        money = [
            bill_figure(
                page, f"cost.{name}.money.{year:g}y", float(bill.total_usd) / 1e9, "billion USD", significant(2), fleet
            )
            for year, bill in found
        ]
        rows.append((scenario_title(record), power, *energy, *money))
    if not rows:
        raise Missing("no scenario has a constant fleet")
    titles = [f"#TWh in {years_words(year)}" for year in page.years]
    titles += [f"#billion USD in {years_words(year)}" for year in page.years]
    note = say(
        "The baseline fleet makes the anchor's compute in a year. A fleet is kept at constant power and at the state "
        "of the art; money is capital and energy, discounted to the data date, at the unit costs of {file}. Scenarios "
        "with the same power cost the same, whatever their gamma. A run that grows is no fleet and has no bill here.",
        file=Label("params.yaml"),
    )
    return ContentTable.of(
        "cost-table", "What the scenarios' fleets draw and cost", ("scenario", "#MW", *titles), rows, note
    )


def bill_figure(
    page: Page, key: str, value: float, unit: str, write: Callable[[float], str], sources: tuple[str, ...]
) -> Rich:
    """Return one figure of the bills, made from these outputs and the unit costs that it takes."""
    bought = () if unit == "years" else (f"anchor.{page.anchor}", *prices(money=unit == "billion USD"))
    parts = (*sources, *bought)
    nodes = page.numbers.made(f"page.{key}", code=__name__, sources=parts)
    return page.shown.cell(key, value, unit, write, nodes=nodes, absent="never")


def contest(page: Page, parameters: CostParameters) -> list[Block]:
    """Return who reaches a total loss first, with least energy and for least money."""
    by_name = {record["name"]: record for record in scenario_records(page)}
    if not {"hare", "turtle"} <= by_name.keys():
        return []
    kappa = float(page.inputs.document("scenarios")["pools"]["total"]["value"])
    sides = [(plain_fleet(by_name[name]) or 0.0, float(by_name[name]["gamma"])) for name in ("hare", "turtle")]
    rows = []
    behind = ("pool.total", "scenario.hare", "scenario.turtle")
    for target in LOSS_TARGETS:
        race = hare_against_turtle(sides[0], sides[1], target, kappa, parameters)
        key = f"contest.{target:g}"
        pairs = (
            ("years", race.hare_years, race.turtle_years, 1.0, "years", decimals(1), race.first),
            ("energy", race.hare_energy_twh, race.turtle_energy_twh, 1.0, "TWh", significant(2), race.least_energy),
            ("money", race.hare_usd, race.turtle_usd, 1e9, "billion USD", significant(2), race.cheapest),
        )
        rows += [
            (
                (Label(f"R = {target:g}, {unit}"),),
                bill_figure(page, f"{key}.{what}.hare", float(hare) / scale, unit, write, behind),
                bill_figure(page, f"{key}.{what}.turtle", float(turtle) / scale, unit, write, behind),
                (Fact(winner.capitalize()),),
            )
            for what, hare, turtle, scale, unit, write, winner in pairs
        ]
    kappa_shown = page.shown.cell("contest.kappa", kappa, "1", significant(3), nodes=("pool.total",))
    caption = say("Hare against Turtle to a total loss, at the pool's median kappa of {kappa}", kappa=kappa_shown)
    return [ContentTable.of("contest", caption, ("to reach", "#Hare", "#Turtle", "less"), rows)]

"""What each scenario assumes: gamma, power, what compute is counted, and on whose authority."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from race_to_efficiency.report.annex.gamma_series import UNIT
from race_to_efficiency.report.content import Block, ContentTable, Fact, Label, Rich, Text, say
from race_to_efficiency.report.forecasts import scenario_title
from race_to_efficiency.report.numbers import decimals, general, id_part
from race_to_efficiency.report.silent_columns import told

if TYPE_CHECKING:
    from race_to_efficiency.report.page import Page

RATE = decimals(2)


def scenario_records(page: Page) -> list[dict[str, Any]]:
    """Return the scenarios as scenarios.json gives them."""
    found: list[dict[str, Any]] = page.inputs.part("scenarios", "scenarios")
    return found


def is_cited(record: dict[str, Any]) -> bool:
    """Tell whether a scenario's kappa is given or its numbers are somebody else's: recomputed, not measured."""
    return record.get("label") == "cited" or record.get("kappa") is not None


def assumptions(page: Page) -> list[Block]:
    """Return what each scenario assumes; recomputed ones of others stand apart."""
    left_out = page.inputs.document("scenarios").get("left_out") or {}
    note = (
        say("Left out: {names}.", names=Fact("; ".join(f"{k}: {v}" for k, v in left_out.items()))) if left_out else ()
    )
    own = [record for record in scenario_records(page) if not is_cited(record)]
    cited = [record for record in scenario_records(page) if is_cited(record)]
    titles = ("scenario", "#gamma, doublings a year", "power", "compute of", "authority", "~note")
    tables = (
        ("assumptions", say("What each scenario assumes"), own, note, False),
        ("assumptions-cited", say("Recomputed scenarios: kappa given, not measured"), cited, (), True),
    )
    return [
        told(ContentTable.of(key, caption, titles, [row(page, record) for record in chosen], under, folded=folded))
        for key, caption, chosen, under, folded in tables
        if chosen
    ]


def row(page: Page, record: dict[str, Any]) -> tuple[Rich, ...]:
    """Return one scenario's assumptions."""
    return (
        scenario_title(record),
        rate(page, record, "gamma"),
        power(page, record),
        (Label("largest run" if record.get("convention") == "run" else "fleet, accumulated"),),
        (Fact(str(record["citation"])),) if record.get("citation") else say("assumption"),
        (Fact(str(record.get("note") or "–")),),
    )


def rate(page: Page, record: dict[str, Any], what: str) -> Rich:
    """Return a scenario's rate: the number assumed, or the value and interval of what was measured."""
    name, nodes = id_part(record["name"]), rate_of(record, what)
    measured = (record.get("measured_rates") or {}).get(what)
    if isinstance(measured, dict):
        ids = (f"gamma.route.{record['route']}",) if what == "gamma" and record.get("route") else ()
        value, low, high = (
            page.shown.cell(f"scenario.{name}.{what}.{key}", measured[key], UNIT, RATE, nodes=nodes, estimates=ids)
            for key in ("value", "low", "high")
        )
        return (*value, Text(" "), *page.shown.range_of(value, low, high))
    assumed = record.get(what)
    if isinstance(assumed, (int, float)):
        return page.shown.cell(f"scenario.{name}.{what}", float(assumed), UNIT, RATE, nodes=nodes)
    return say("–")


def setting_of(record: dict[str, Any]) -> str:
    """Return the setting that a scenario is."""
    return f"setting.forecast.scenarios.{record['name']}"


def rate_of(record: dict[str, Any], what: str) -> tuple[str, ...]:
    """Return the output that a scenario's rate is: the series it was measured on, or the setting that gives it."""
    if not isinstance((record.get("measured_rates") or {}).get(what), dict):
        return (f"{setting_of(record)}.{what}",)
    return (f"gamma.route.{record['route']}" if what == "gamma" else f"gamma.growth.{what.removesuffix('_growth')}",)


def power(page: Page, record: dict[str, Any]) -> Rich:
    """Return a scenario's fleet in words."""
    fleet, name = record.get("fleet") or {}, id_part(record["name"])
    given = setting_of(record)
    path = fleet.get("path", "constant")
    if path == "growth":
        cap = record.get("max_power_multiple")
        capped = (
            say(
                ", at most ×{cap}",
                cap=page.shown.cell(
                    f"scenario.{name}.power_cap", float(cap), "1", general, nodes=(f"{given}.max_power_multiple",)
                ),
            )
            if cap
            else ()
        )
        return (*say("grows {rate} doublings a year", rate=rate(page, record, "power_growth")), *capped)
    multiple = fleet.get("multiple")
    if multiple is None:
        return (Fact(path),)
    times = page.shown.cell(f"scenario.{name}.fleet", float(multiple), "1", general, nodes=(f"{given}.fleet",))
    return (
        say("constant, ×{times}", times=times)
        if path == "constant"
        else say("{path}, ×{times}", path=Fact(path), times=times)
    )

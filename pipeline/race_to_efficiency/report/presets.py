"""The scenarios as point values: what the interactive chart starts from, and the table that stands without scripts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from race_to_efficiency.report.inputs import Missing, QuarterFiles

if TYPE_CHECKING:
    from collections.abc import Sequence


NO_CAP_DOUBLINGS = 1e6
"""A cap that never binds; JSON has no infinity."""


def presets(inputs: QuarterFiles, first: str, anchor: str, years: Sequence[float]) -> list[dict[str, Any]]:
    """Return every scenario that is a point of the chart, in both readings.

    Parameters
    ----------
    inputs : Inputs
    first : str
        The scenario that comes first: what the chart shows to begin with.
    anchor : str
        Anchor whose median floor the reducible reading starts from.
    years : sequence of float
        Times at which the loss is written out.

    Returns
    -------
    list of dict
        id, title, name, drawn (a line of the chart), reading, kappa, gamma, fleet, floor, baseline_years,
        convention, power, power_cap, duration, duration_cap (doublings and doublings a year), losses.
    """
    document = inputs.document("scenarios")
    pools = document.get("pools") or {}
    floor = next(
        (item["floor"]["median"] for item in inputs.part("anchors", "anchors") if item["name"] == anchor), None
    )
    measured_years = (inputs.document("anchors").get("baseline_years") or {}).get("measured")
    found = []
    for record in document.get("scenarios") or []:
        point = growth_of(record, measured_years)
        if point is None:
            continue
        for reading, name in (("total", "paper's reading"), ("reducible", "with a floor")):
            kappa = preset_kappa(record, pools, reading)
            own = 0.0 if reading == "total" else record["floor"] if record.get("floor") is not None else floor
            if kappa is not None and own is not None:
                title = f"{record.get('title') or record['name']}, {name}"
                item = {"id": f"{record['name']}.{reading}", "title": title, "reading": reading, "kappa": kappa}
                drawn = record.get("label") != "cited" and record.get("kappa") is None
                found.append(
                    {**item, "name": str(record.get("title") or record["name"]), "drawn": drawn, "floor": own, **point}
                )
    for item in found:
        item["losses"] = [loss(item, float(year)) for year in years]
    if not found:
        raise Missing("scenarios.json holds no scenario with a constant fleet")
    return sorted(found, key=lambda item: item["id"].rpartition(".")[0] != first)


def preset_kappa(record: dict[str, Any], pools: dict[str, Any], reading: str) -> float | None:
    """Return the kappa a scenario uses in a reading: its own, or the printed one; None when it has none there."""
    given = record.get("kappa")
    if given is not None:
        return float(given["value"]) if given["form"] == reading else None
    pooled = pools.get(reading)
    return None if pooled is None else float(pooled["value"])


def growth_of(record: dict[str, Any], measured_years: float | None) -> dict[str, Any] | None:
    """Return how compute grows as point values; None for a path the chart cannot draw."""
    fleet = record.get("fleet") or {}
    run = record.get("convention") == "run"
    if fleet.get("path", "constant") not in (("constant", "growth") if run else ("constant",)):
        return None
    if record.get("headroom_doublings") is not None:
        return None
    rates = record.get("measured_rates") or {}

    def rate(name: str, assumed: Any) -> float:
        measured = rates.get(name)
        if isinstance(measured, dict):
            return float(measured["value"])
        return float(assumed) if isinstance(assumed, (int, float)) else 0.0

    years = record.get("baseline_years", 1.0)
    multiple = 1.0 if record.get("reference") == "fleet in C0" else float(fleet.get("multiple", 1.0))
    if multiple <= 0 or (years == "measured" and measured_years is None):
        return None
    return {
        "gamma": rate("gamma", record.get("gamma")),
        "fleet": multiple,
        "baseline_years": float(measured_years if years == "measured" and measured_years else years),
        "convention": "run" if run else "cumulative",
        "power": rate("power_growth", record.get("power_growth")),
        "power_cap": cap(record.get("max_power_multiple")),
        "duration": rate("duration_growth", record.get("duration_growth")),
        "duration_cap": cap(record.get("max_duration_multiple")),
    }


def cap(multiple: float | None) -> float:
    """Return the doublings up to a largest multiple."""
    return NO_CAP_DOUBLINGS if multiple is None else math.log2(multiple)


def loss(item: dict[str, Any], years: float) -> float:
    """Return the loss relative to today of one point of the chart."""
    from race_to_efficiency.relative_loss import relative_loss

    if item["convention"] == "cumulative":
        settings = {key: item[key] for key in ("fleet", "baseline_years", "floor")}
        return float(relative_loss(years, item["kappa"], item["gamma"], **settings))
    doublings = item["gamma"] * years + min(item["power"] * years, item["power_cap"])
    doublings += min(item["duration"] * years, item["duration_cap"])
    ratio = math.log(item["fleet"]) + math.log(2.0) * doublings
    return float(item["floor"] + (1.0 - item["floor"]) * math.exp(-item["kappa"] * ratio))

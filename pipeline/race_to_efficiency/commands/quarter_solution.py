"""``race solve ... --scenario``: the unknown at what a quarter found, for one of its scenarios."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from race_to_efficiency.commands.quarter_forecast import LEVELS, READINGS, QuarterForecast, known_scenario, readings
from race_to_efficiency.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from race_to_efficiency.commands.predicted import ScenarioTime
    from race_to_efficiency.settings.params import Workspace


def opened(quarter: str | None) -> Workspace:
    """Return the workspace of a quarter, of params.yaml's where none is named."""
    from pathlib import Path

    from race_to_efficiency.settings.params import find_root, open_workspace

    return open_workspace(find_root(Path.cwd()), quarter)


def scenario_time(workspace: Workspace, scenario: str | None, target: float, reading: str) -> ScenarioTime:
    """Return the years until a reading of the loss falls to a target: point and quantiles of the draws.

    The share of draws that have reached the target by a day is that of draws at or below it on that day, since none
    rises again: so the q-quantile of the years is where the q-quantile of the loss meets the target.

    Parameters
    ----------
    workspace : Workspace
    scenario : str or None
        The headline's where none is named.
    target : float
        Share of today's.
    reading : str
        total or reducible.

    Raises
    ------
    UsageError
        When there is no such scenario, or it is not forecast in that reading.
    """
    forecast = QuarterForecast(workspace)
    report = workspace.params.report
    name = scenario or report.headline_scenario
    known_scenario(name, forecast.scenarios)
    words, target_name, form = next(one[1:] for one in READINGS if one[0] == reading)
    own = forecast.scenarios[name]
    own = own[(own["anchor"] == report.headline_anchor) & (own["target"] == target_name) & (own["form"] == form)]
    horizons = sorted({float(year) for year in own["horizon"]})
    rows = [
        row for year in horizons for row in readings(own, report.headline_anchor, year) if row["reading"] == reading
    ]
    if not rows:
        raise UsageError(f"scenario {name} is not forecast in the reading '{reading}'", where="--kappa-form")
    years = [row["t"] for row in rows]
    levels = {
        f"{level:g}": crossing(years, [row["quantiles"][f"{level:g}"] for row in rows], target) for level in LEVELS
    }
    return {
        **workspace.quarter.stamp,
        "scenario": name,
        "anchor": report.headline_anchor,
        "reading": reading,
        "words": words,
        "target": target,
        "unit": "years",
        "horizon": years[-1],
        "point": crossing(years, [row["point"] for row in rows], target),
        "quantiles": levels,
        "status": rows[-1]["status"],
        "grade": rows[-1]["grade"],
    }


def crossing(years: Sequence[float], losses: Sequence[float], target: float) -> float | None:
    """Return when a falling loss first meets a target, straight in its logarithm between two years; None where never.

    Parameters
    ----------
    years : sequence of float, years
        Rising.
    losses : sequence of float
        At those years; 1 at year 0 is added where the table begins later.
    target : float
    """
    before = (0.0, 1.0)
    for year, loss in zip(years, losses, strict=True):
        if loss <= target:
            if year <= before[0]:
                return float(year)
            part = math.log(before[1] / target) / math.log(before[1] / loss) if loss < before[1] else 0.0
            return float(before[0] + part * (year - before[0]))
        before = (year, loss)
    return None


def print_time(document: ScenarioTime) -> None:
    """Print the table for a person."""
    from race_to_efficiency.calibration.common.grades import confidence_of
    from race_to_efficiency.commands.answers import print_table

    beyond = f"not within {document['horizon']:g}"
    point, *ends = (
        beyond if value is None else f"{value:.4g}"
        for value in (document["point"], document["quantiles"]["0.1"], document["quantiles"]["0.9"])
    )
    row = (
        document["words"],
        f"{document['target']:g}",
        point,
        " to ".join(ends),
        confidence_of(document),
    )
    title = f"{document['quarter']}, scenario {document['scenario']}: years until this share of today's"
    print_table(title, ("what", "share", "point", "8 of 10 draws", "confidence"), [row], ())


def scenario_point(quarter: str | None, scenario: str, reading: str) -> dict[str, Any]:
    """Return a scenario's point values for the equation: kappa, gamma, fleet and baseline_years.

    Raises
    ------
    UsageError
        When there is no such scenario, or its path is none that these four say.
    """
    from race_to_efficiency.commands.views import part
    from race_to_efficiency.report.presets import growth_of, preset_kappa

    workspace = opened(quarter)
    document = part(workspace, "scenarios.json")
    records = {item["name"]: item for item in document["scenarios"]}
    known_scenario(scenario, records)
    measured = (part(workspace, "anchors.json").get("baseline_years") or {}).get("measured")
    growth = growth_of(records[scenario], measured)
    kappa = preset_kappa(records[scenario], document.get("pools") or {}, reading)
    if growth is None or kappa is None or growth["convention"] != "cumulative":
        raise UsageError(
            f"scenario {scenario} is no constant fleet with one kappa",
            why="only time can be solved for along a path that changes",
            remedy=f"race solve time --target 0.9 --scenario {scenario}",
        )
    return {"kappa": kappa, **{name: growth[name] for name in ("gamma", "fleet", "baseline_years")}}

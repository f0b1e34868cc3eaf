"""What the numbers of the forecast stage rest on: pools, anchors, curves and crossovers, from their basis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from race_to_efficiency.quarter.lineage import Lineage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from race_to_efficiency.forecasting.anchors import Anchor
    from race_to_efficiency.forecasting.basis import Basis
    from race_to_efficiency.forecasting.draws import Pool
    from race_to_efficiency.settings.forecast import ForecastParams
    from race_to_efficiency.settings.scenarios import ScenarioParams

CODE = "race_to_efficiency.stages.forecast"

NOTABLE = "notable_training_runs"


def curve_of(scenario: str, form: str, group: str) -> str:
    """Return the output that a curve of relative loss, and its milestones, are."""
    return f"curve.{scenario}.{form}.{group}"


def loss_of(scenario: str, anchor: str, group: str) -> str:
    """Return the output that a curve of the loss itself is: it starts from an anchor's floor."""
    return f"loss.{scenario}.{anchor}.{group}"


def output_of_row(row: dict[str, object]) -> str:
    """Return the output that a row of the forecast or of the milestones belongs to.

    Parameters
    ----------
    row : dict
        With target, scenario_id, form, anchor and group.
    """
    scenario, form, group = str(row["scenario_id"]), str(row["form"]), str(row["group"])
    if form == "total" or str(row["target"]).startswith("reducible"):
        return curve_of(scenario, form, group)
    return loss_of(scenario, str(row["anchor"]), group)


def forecast_lineage(basis: Basis, scenarios: Sequence[ScenarioParams], params: ForecastParams) -> Lineage:
    """Return the edges of a forecast.

    Parameters
    ----------
    basis : Basis
    scenarios : sequence of ScenarioParams
        Those that have a path in this quarter.
    params : ForecastParams
    """
    lineage = Lineage()
    pools = {"total": basis.total, "reducible": basis.reducible}
    for form, pool in pools.items():
        lineage.add(f"pool.{form}", code=CODE, sources=(str(pool.record["id"]), *_estimates(pool)))
    runs = basis.runs
    long_runs = [f"{NOTABLE}/{name}" for name in runs.long_run_ids]
    lineage.add("anchor.baseline_years", code=CODE, rows=long_runs)
    largest = [] if runs.largest_id is None else [f"{NOTABLE}/{runs.largest_id}"]
    lineage.add("anchor.largest_known_run", code=CODE, rows=largest)
    for anchor in basis.anchors:
        rows, sources = _anchored(anchor, largest, params)
        lineage.add(f"anchor.{anchor.name}", code=CODE, rows=rows, sources=("pool.reducible", *sources))
    for scenario in scenarios:
        rows = long_runs if scenario.baseline_years == "measured" else []
        rates = _rates(scenario)
        lineage.add(f"scenario.{scenario.name}", code=CODE, rows=rows, sources=rates)
        for form, pool in pools.items():
            _add_curves(lineage, basis, scenario, form, pool)
    names = {item.name for item in scenarios}
    for pair in params.crossovers:
        if {pair.ahead_first, pair.ahead_later} <= names:
            ends = (f"scenario.{pair.ahead_first}", f"scenario.{pair.ahead_later}")
            lineage.add(f"crossover.{pair.ahead_first}.{pair.ahead_later}", code=CODE, sources=ends)
    return lineage


def _add_curves(lineage: Lineage, basis: Basis, scenario: ScenarioParams, form: str, pool: Pool) -> None:
    """Add a scenario's curves in one form: of the pool or a given kappa, and of every group by itself."""
    path = f"scenario.{scenario.name}"
    if scenario.kappa is not None:
        kappas = {"given": f"setting.forecast.scenarios.{scenario.name}.kappa"}
    else:
        own = {item.group: estimate for item, estimate in zip(pool.groups, _estimates(pool), strict=True)}
        kappas = {"pooled": f"pool.{form}", **own}
    for group, kappa in kappas.items():
        curve = curve_of(scenario.name, form, group)
        lineage.add(curve, code=CODE, sources=(kappa, path))
        for anchor in basis.anchors if form == "reducible" else ():
            floor = f"anchor.{anchor.name}"
            lineage.add(loss_of(scenario.name, anchor.name, group), code=CODE, sources=(curve, floor))


def _estimates(pool: Pool) -> list[str]:
    """Return the estimates whose joint draws a pool takes the loss from, group by group."""
    return [f"kappa_{pool.form}.{item.group}.{item.fit}" for item in pool.groups]


def _anchored(anchor: Anchor, largest: list[str], params: ForecastParams) -> tuple[list[str], list[str]]:
    """Return the rows and the outputs that an anchor's compute comes from."""
    settings, sources = anchor.params, []
    if settings.source == "frontier_trend":
        sources.append("gamma.level.frontier_compute_log2_flop")
    if settings.source == "fixed":
        sources.append(f"setting.forecast.anchors.{anchor.name}.compute_flop")
    if settings.count_algorithmic_gain is not False:
        sources.append(f"gamma.{params.algorithmic_component}")
    return (largest if settings.source == "largest_known_run" else []), sources


def _rates(scenario: ScenarioParams) -> list[str]:
    """Return the outputs that a scenario's growth comes from."""
    given = f"setting.forecast.scenarios.{scenario.name}"
    rates = [f"gamma.route.{scenario.route}" if scenario.route is not None else f"{given}.gamma"]
    growths = {"power": scenario.power_growth, "duration": scenario.duration_growth}
    return rates + [f"gamma.growth.{name}" for name, value in growths.items() if value == "measured"]

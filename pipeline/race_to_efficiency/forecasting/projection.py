"""The forecast itself: scenarios on a basis, through the engine, to tables and records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from race_to_efficiency.forecasting.basis import Basis, curve_weaknesses
from race_to_efficiency.forecasting.engine import quantile_table
from race_to_efficiency.forecasting.grading import curve_grades, decades_grown
from race_to_efficiency.forecasting.milestones import Passage, log_ratio_of_target, reducible_target, time_to_log_ratio
from race_to_efficiency.forecasting.plans import PathPlan, floor_of, grid_of, kappas, points_of, printed_ratios
from race_to_efficiency.forecasting.tables import ForecastCurve, forecast_frame, milestone_frame, milestone_rows
from race_to_efficiency.forecasting.trust import (
    LATEST_YEAR,
    Limit,
    curvature_limits,
    headroom_limits,
    path_limits,
    reasons_at,
    series_limits,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    import pandas as pd

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.forecasting.curves import CurveLabel
    from race_to_efficiency.forecasting.draws_file import DrawsFile
    from race_to_efficiency.forecasting.engine import DrawnPath, Grid, Sink
    from race_to_efficiency.settings.forecast import ForecastParams
    from race_to_efficiency.settings.scenarios import ScenarioParams


@dataclass(frozen=True)
class Projection:
    """A forecast's tables.

    Parameters
    ----------
    forecast, milestones : DataFrame
    limits : tuple of Limit
        Where trust ends.
    """

    forecast: pd.DataFrame
    milestones: pd.DataFrame
    limits: tuple[Limit, ...]


def project(
    basis: Basis,
    plans: Sequence[PathPlan],
    params: ForecastParams,
    *,
    printed: Mapping[str, DrawnPath],
    estimates: Sequence[Mapping[str, Any]],
    headroom: tuple[float, float, float],
    run_id: str,
    sink: Sink | None = None,
) -> Projection:
    """Evaluate every scenario in both readings at every horizon and anchor, and when it gets where.

    Parameters
    ----------
    basis : Basis
    plans : sequence of PathPlan
    params : ForecastParams
    printed : mapping of str to DrawnPath
        The paths of the scenarios, by name, at the printed rates: of a single draw.
    estimates : sequence of mapping
        Records of kappa.json, for the curvature of each group's fit.
    headroom : (low, central, high) float, doublings
        Physical headroom of the chips.
    run_id : str
    sink : callable, optional
        Receives every column of draws (see `race_to_efficiency.forecasting.engine.quantile_table`).
    """
    limits = find_limits(basis, plans, params, estimates=estimates, headroom=headroom)
    grid = grid_of(params)
    table = quantile_table(
        [item.path for item in plans],
        [item.readings for item in plans],
        grid,
        params.quantile_levels,
        threads=params.threads,
        sink=sink,
    )
    curves: list[ForecastCurve] = []
    known: dict[tuple[str, str, str], tuple[str, ...]] = {}
    for item, quantiles, means in zip(plans, table.quantiles, table.means, strict=True):
        path = printed.get(item.scenario.name)
        grown = decades_grown(path or item.path, grid.times.tolist())
        ratios = None if path is None else printed_ratios(path, grid.times)
        for position, labels in enumerate(item.labels):
            for label in labels:
                key = (label.scenario_id, label.anchor, label.form)
                if key not in known:
                    known[key] = tuple(
                        ";".join(curve_reasons(basis, item.scenario, label, limits, float(t))) for t in grid.times
                    )
                points = points_of(basis, item.scenario, label, ratios)
                graded = curve_grades(basis, item.scenario, label, estimates, grown)
                curves.append(ForecastCurve(label, quantiles[position], means[position], known[key], graded, points))
    forecast = forecast_frame(curves, grid.times, table.levels, as_of=basis.as_of, run_id=run_id)
    milestones = _milestones(basis, plans, params, limits, run_id, estimates, printed)
    return Projection(forecast, milestones, tuple(limits))


def curve_reasons(
    basis: Basis, scenario: ScenarioParams, label: CurveLabel, limits: Sequence[Limit], years: float
) -> tuple[str, ...]:
    """Return why a curve is weak at a horizon, as codes: from the first day, then the limits passed by then."""
    first = curve_weaknesses(basis, scenario, label.form, basis.anchor(label.anchor))
    passed = reasons_at(limits, scenario_id=scenario.name, anchor=label.anchor, form=label.form, years=years)
    return (*first, *passed)


def find_limits(
    basis: Basis,
    plans: Sequence[PathPlan],
    params: ForecastParams,
    *,
    estimates: Sequence[Mapping[str, Any]],
    headroom: tuple[float, float, float],
) -> list[Limit]:
    """Return every limit of trust of every scenario and anchor."""
    limits = curvature_limits(estimates, basis.reducible, params.trust)
    hardware = basis.rates.get(params.trust.hardware_component)
    if hardware is not None:
        limits += headroom_limits(hardware, headroom)
    for item in plans:
        name, route = item.scenario.name, item.scenario.route
        if route is not None:
            limits += series_limits(route, name, basis.route_series.get(route, {}))
        for anchor in basis.anchors:
            limits += path_limits(name, item.path, basis.reducible, anchor, basis.ranges, params.trust)
    return limits


def _milestones(
    basis: Basis,
    plans: Sequence[PathPlan],
    params: ForecastParams,
    limits: Sequence[Limit],
    run_id: str,
    estimates: Sequence[Mapping[str, Any]],
    printed: Mapping[str, DrawnPath],
) -> pd.DataFrame:
    """Return when every scenario reaches every target: total ratios, reducible ratios, total ratios above the floor."""
    rows: list[dict[str, Any]] = []
    for item in plans:
        for label, threshold, passage in _passages(basis, item, params):
            median = float(passage.quantiles([0.5])[0])
            reasons = curve_reasons(basis, item.scenario, label, limits, median)
            then = min(median, LATEST_YEAR)  # a target that is never reached is graded as late as a date goes
            grown = decades_grown(printed.get(item.scenario.name, item.path), [then])
            (grade,) = curve_grades(basis, item.scenario, label, estimates, grown)
            rows += milestone_rows(
                label,
                threshold,
                passage,
                params.quantile_levels,
                as_of=basis.as_of,
                reasons=reasons,
                grade=grade,
                run_id=run_id,
            )
    return milestone_frame(rows)


def _passages(basis: Basis, item: PathPlan, params: ForecastParams) -> list[tuple[CurveLabel, float, Passage]]:
    """Return (label, threshold, passage) of every milestone of one scenario."""
    total, reducible = kappas(basis, item.scenario)
    found: list[tuple[CurveLabel, float, Passage]] = []
    for labels in item.labels:
        first = labels[0]
        if first.target == "loss":
            continue
        kappa = total if first.form == "total" else reducible
        if kappa is None:
            raise ValueError(f"no kappa of form {first.form!r} for scenario {item.scenario.name!r}")
        targets = params.reducible_targets if first.target == "reducible_loss" else params.total_targets
        for target in targets:
            goal: float | Floats = target
            if first.target == "relative_loss" and first.form == "reducible":
                goal = reducible_target(target, floor_of(basis, item.scenario, basis.anchor(first.anchor)))
            passage = time_to_log_ratio(item.path, log_ratio_of_target(kappa.draws, goal))
            found += [(label, target, passage) for label in labels]
    return found


def draws_sink(file: DrawsFile, plans: Sequence[PathPlan], grid: Grid) -> Sink:
    """Return a sink that writes the draws of R (total) and r (reducible) of every scenario to a file.

    L/L0 and nats follow from r, kappa_draws and the anchor, so they are not written again.
    """

    def sink(number: int, position: int, index: int, column: Floats) -> None:
        label = plans[number].labels[position][0]
        if (label.target, label.form) in (("relative_loss", "total"), ("reducible_loss", "reducible")):
            file.add(label.scenario_id, label.form, grid.time(index), column)

    return sink

"""What of a scenario is evaluated: labelled readings at the drawn inputs, and the points at the printed ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.forecasting.curves import GIVEN, POOLED, CurveLabel
from race_to_efficiency.forecasting.engine import Grid
from race_to_efficiency.forecasting.readings import (
    LossNats,
    LossOverAnchor,
    ReducibleKappa,
    ReducibleLoss,
    TotalKappa,
    TotalLoss,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.forecasting.anchors import Anchor
    from race_to_efficiency.forecasting.basis import Basis
    from race_to_efficiency.forecasting.engine import DrawnPath, LossReading
    from race_to_efficiency.settings.forecast import ForecastParams
    from race_to_efficiency.settings.scenarios import ScenarioParams


@dataclass(frozen=True)
class PathPlan:
    """What is evaluated along one path: readings, and the labels their curves are written under.

    Parameters
    ----------
    scenario : ScenarioParams
    path : DrawnPath
    readings : tuple of Reading
    labels : tuple of tuple of Label
        One tuple a reading: a reading that no anchor changes is written once for each anchor.
    """

    scenario: ScenarioParams
    path: DrawnPath
    readings: tuple[LossReading, ...]
    labels: tuple[tuple[CurveLabel, ...], ...]


def grid_of(params: ForecastParams) -> Grid:
    """Return the forecast's time grid: from the reference date to the horizon by equal steps."""
    return Grid(1.0 / params.steps_per_year, round(params.horizon_years * params.steps_per_year) + 1)


def given_kappa(scenario: ScenarioParams, form: str, n: int) -> Floats | None:
    """Return the scenario's own kappa for a form as (n,), None when it gives none."""
    if scenario.kappa is None or scenario.kappa.form != form:
        return None
    return np.full(n, scenario.kappa.value)


def kappas(basis: Basis, scenario: ScenarioParams) -> tuple[TotalKappa | None, ReducibleKappa | None]:
    """Return the kappas a scenario is read with: its own in its own form only, else both pools'."""
    n = basis.n_draws
    if scenario.kappa is None:
        return TotalKappa(basis.total.kappa), ReducibleKappa(basis.reducible.kappa)
    total, reducible = given_kappa(scenario, "total", n), given_kappa(scenario, "reducible", n)
    return None if total is None else TotalKappa(total), None if reducible is None else ReducibleKappa(reducible)


def floor_of(basis: Basis, scenario: ScenarioParams, anchor: Anchor) -> Floats:
    """Return the floor of every joint draw: the scenario's own, else the anchor's."""
    if scenario.floor is not None:
        return np.full(basis.n_draws, scenario.floor)
    return anchor.new_family.floor


def plan(basis: Basis, scenario: ScenarioParams, path: DrawnPath, params: ForecastParams) -> PathPlan:
    """Return the readings of one scenario and their labels."""
    total, reducible = kappas(basis, scenario)
    group = POOLED if scenario.kappa is None else GIVEN
    names = [anchor.name for anchor in basis.anchors]

    def label(target: str, form: str, anchor: str, unit: str = "1", of: str = group) -> CurveLabel:
        return CurveLabel(target, unit, form, scenario.convention, scenario.name, anchor, scenario.route or "", of)

    readings: list[LossReading] = []
    labels: list[tuple[CurveLabel, ...]] = []
    if total is not None:
        readings.append(TotalLoss(total))
        labels.append(tuple(label("relative_loss", "total", name) for name in names))
    if reducible is not None:
        readings.append(ReducibleLoss(reducible))
        labels.append(tuple(label("reducible_loss", "reducible", name) for name in names))
        for anchor in basis.anchors:
            readings.append(LossOverAnchor(reducible, floor_of(basis, scenario, anchor)))
            labels.append((label("relative_loss", "reducible", anchor.name),))
    if scenario.kappa is None:
        for anchor in (item for item in basis.anchors if item.name in params.nats_anchors):
            for item, member in zip(anchor.groups, basis.reducible.groups, strict=True):
                readings.append(LossNats(ReducibleKappa(member.kappa), member.parameters["E"], item.excess))
                labels.append((label("loss", "reducible", anchor.name, "nats/token", member.group),))
    return PathPlan(scenario, path, tuple(readings), tuple(labels))


def printed_ratios(path: DrawnPath, times: Floats) -> list[float]:
    """Return ln X at each time along a path of a single draw, the one at the printed rates."""
    return [float(path.log_compute_ratio(float(time))[0]) for time in times]


def points_of(
    basis: Basis, scenario: ScenarioParams, label: CurveLabel, ratios: Sequence[float] | None
) -> Floats | None:
    """Return the equation at the printed inputs along a curve, (n_times,); None for a group's own loss in nats.

    Parameters
    ----------
    basis : Basis
    scenario : ScenarioParams
    label : Label
    ratios : (n_times,) sequence of float, optional
        See `printed_ratios`.
    """
    if ratios is None or label.target == "loss":
        return None
    kappa = basis.pool(label.form).point if scenario.kappa is None else scenario.kappa.value
    ratio = np.exp([-kappa * one for one in ratios])
    if (label.target, label.form) != ("relative_loss", "reducible"):
        return np.asarray(ratio)
    floor = basis.anchor(label.anchor).floor if scenario.floor is None else scenario.floor
    return np.asarray(floor + (1.0 - floor) * ratio)

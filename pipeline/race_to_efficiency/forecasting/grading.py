"""The grade of every curve at every horizon: what its kappa and its rates rest on, and how far its compute has gone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.calibration.common.grades import ASSUMED, evidence_level, grades
from race_to_efficiency.forecasting.basis import Basis, curve_weaknesses

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.forecasting.anchors import Anchor
    from race_to_efficiency.forecasting.curves import CurveLabel
    from race_to_efficiency.forecasting.engine import DrawnPath
    from race_to_efficiency.settings.scenarios import ScenarioParams


def curve_grades(
    basis: Basis,
    scenario: ScenarioParams,
    label: CurveLabel,
    estimates: Sequence[Mapping[str, Any]],
    grown: Floats,
) -> tuple[str, ...]:
    """Return the grade of a curve at each of its times.

    Parameters
    ----------
    basis : Basis
    scenario : ScenarioParams
    label : CurveLabel
    estimates : sequence of mapping
        Records of kappa.json, for the scatter of a group's runs.
    grown : (k,) float
        See `decades_grown`.
    """
    start = decades_at_start(basis.anchor(label.anchor), label.group)
    return grades(curve_evidence(basis, scenario, label, estimates), start + grown)


def decades_grown(path: DrawnPath, times: Sequence[float]) -> Floats:
    """Return by how many powers of ten compute has grown at each time, the median of the path's draws, (k,)."""
    return np.asarray([float(np.median(path.log_compute_ratio(time))) / np.log(10.0) for time in times])


def curve_evidence(
    basis: Basis, scenario: ScenarioParams, label: CurveLabel, estimates: Sequence[Mapping[str, Any]]
) -> int:
    """Return the steps of evidence of a curve: a group's own fit, or the pool; and the rates of its path.

    A kappa that was given is an assumption; a gamma that was given is what the scenario asks, and no doubt.
    """
    weak = curve_weaknesses(basis, scenario, label.form, basis.anchor(label.anchor))
    doubts = set(weak) - {"anchor_beyond_range"}
    if "kappa_given" in doubts:
        return ASSUMED
    member = next((item for item in basis.reducible.groups if item.group == label.group), None)
    if member is None:
        return evidence_level(sound=not doubts)
    scatter = next(
        (
            float(item["diagnostics"]["residual_sd"])
            for item in estimates
            if (item.get("group"), item.get("form")) == (member.group, member.fit)
            and "residual_sd" in (item.get("diagnostics") or {})
        ),
        None,
    )
    sound = member.status == "trusted" and not doubts - {"kappa_weak"}
    return evidence_level(sound=sound, scatter=scatter)


def decades_at_start(anchor: Anchor, group: str) -> float:
    """Return how far an anchor lies beyond a group's runs, or beyond those of the middle group that speaks."""
    own = [item.decades_beyond for item in anchor.groups if item.group == group]
    return float(np.median(own or [item.decades_beyond for item in anchor.groups]))

"""The pooled kappa of each form as a record, and kappa_total moved to one common pivot before it is pooled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.calibration.common.estimates import Estimate, FitStatus, Interval
from race_to_efficiency.calibration.kappa.compute_frontier import frontier_quantities
from race_to_efficiency.calibration.kappa.forms import FORMS, POWER_LAW
from race_to_efficiency.calibration.kappa.intervals import spread
from race_to_efficiency.calibration.kappa.pooling import Pooled, family_effect, pool
from race_to_efficiency.calibration.kappa.trust import judge

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from race_to_efficiency.calibration.kappa.group_fit import GroupFit
    from race_to_efficiency.settings.kappa import KappaParams

    Floats = NDArray[np.float64]


def tangent_at(power_law: GroupFit, floor: GroupFit | None, compute_flop: float) -> tuple[float, float]:
    """Return kappa_total of a group at ``compute_flop``, and its standard error.

    ln L is convex in ln C, so a tangent taken elsewhere is moved by what the group's floor form says the slope changes
    by: kappa_eff(compute) - kappa_eff(own pivot), draw by draw (both forms were fitted to the same resampled runs).
    """
    own = power_law.pivot_compute_flop
    if floor is None or own is None:
        return power_law.kappa, power_law.stderr_of(power_law.form.symbol)

    def shift(theta: Floats) -> Floats:
        there = frontier_quantities(floor.form, theta, compute_flop)["kappa_effective"]
        return np.asarray(there - frontier_quantities(floor.form, theta, own)["kappa_effective"])

    both = power_law.usable & floor.usable
    draws = power_law.form.kappa(power_law.draws[both]) + shift(floor.draws[both])
    return power_law.kappa + float(shift(floor.record.theta)), spread(draws)


@dataclass(frozen=True)
class Member:
    """What one form of one group brings to its pool.

    Parameters
    ----------
    group, family, form : str
    value, stderr : float
        At the common pivot for the power law.
    status : {'trusted', 'weak', 'refused'}
    n_rows : int
    window : (str, str) or None
        First and last release date, ISO.
    outside_decades : float
        How far the common pivot lies outside the group's compute.
    """

    group: str
    family: str
    form: str
    value: float
    stderr: float
    status: FitStatus
    n_rows: int
    window: tuple[str, str] | None
    outside_decades: float

    @property
    def counts(self) -> bool:
        """Whether it speaks in the pool."""
        return self.status != "refused" and self.stderr > 0

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Member:
        """Return the member that `dataclasses.asdict` told; what JSON cannot hold (no finite number) is NaN."""
        numbers = {name: np.nan if document[name] is None else document[name] for name in ("value", "stderr")}
        window = document["window"]
        return cls(**{**document, **numbers, "window": None if window is None else (window[0], window[1])})


def members_of(fits: Sequence[GroupFit], params: KappaParams) -> list[Member]:
    """Return what each form of one group brings to its pool."""
    judged = {fit.form.name: judge(fit.evidence, params.gates)[0] for fit in fits}
    floor = next((fit for fit in fits if fit.form.name == "floor" and judged["floor"] != "refused"), None)
    found = []
    for fit in fits:
        value, stderr = fit.kappa, fit.stderr_of(fit.form.symbol)
        if fit.form is POWER_LAW:
            value, stderr = tangent_at(fit, floor, params.pivot_compute_flop)
        low, high = fit.rows.compute_range_flop
        outside = max(np.log10(params.pivot_compute_flop / high), np.log10(low / params.pivot_compute_flop), 0.0)
        found.append(
            Member(
                group=fit.rows.group,
                family=fit.rows.family,
                form=fit.form.name,
                value=float(value),
                stderr=float(stderr),
                status=judged[fit.form.name],
                n_rows=len(fit.rows),
                window=fit.rows.window,
                outside_decades=float(outside),
            )
        )
    return found


def pooled_estimate(form: str, members: Sequence[Member], params: KappaParams) -> Estimate | None:
    """Return the pooled kappa of a form; None with fewer than two families that are not refused.

    Parameters
    ----------
    form : str
    members : sequence of Member
        Of that form, in the settings' order of groups.
    params : KappaParams
    """
    families: dict[str, list[Member]] = {}
    for member in members:
        if member.counts:
            families.setdefault(member.family, []).append(member)
    if len(families) < 2:
        return None
    effects = [
        family_effect(
            family,
            [item.group for item in items],
            [item.value for item in items],
            [item.stderr for item in items],
            [item.status for item in items],
        )
        for family, items in families.items()
    ]
    return _record(form, members, pool(effects), params)


def _record(form: str, members: Sequence[Member], pooled: Pooled, params: KappaParams) -> Estimate:
    """Return the record of one pooled kappa."""
    symbol = FORMS[form].symbol
    used = [member for member in members if member.counts]
    refused = [member.group for member in members if not member.counts]
    trusted = sum(item.status == "trusted" for item in pooled.families)
    reasons = []
    if pooled.prediction is None:
        reasons.append(f"{trusted} trusted families: the prediction interval for a new family is not identified")
    if refused:
        reasons.append(f"left out as refused: {', '.join(refused)}")
    intervals = [Interval("hartung_knapp", level, *pooled.interval_at(level)) for level in (0.95, 0.8)]
    if pooled.prediction is not None:
        intervals.append(Interval("prediction", 0.95, *pooled.prediction))
    intervals.append(Interval("range", pooled.range_level, *pooled.range))
    windows = [member.window for member in used if member.window is not None]
    groups = [
        {
            "group": member.group,
            "value": member.value,
            "stderr": member.stderr,
            "status": member.status,
            "pivot_outside_decades": member.outside_decades,
        }
        for member in used
    ]
    return Estimate(
        id=f"{symbol}.pooled.{form}",
        symbol=symbol,
        value=pooled.mean,
        unit="1",
        group="pooled",
        form=form,
        estimator="random_effects_over_families",
        intervals=tuple(intervals),
        stderr=pooled.stderr,
        n_rows=sum(member.n_rows for member in used),
        n_clusters=len(pooled.families),
        window=(min(low for low, _ in windows), max(high for _, high in windows)) if windows else None,
        pivot_compute_flop=params.pivot_compute_flop if FORMS[form] is POWER_LAW else None,
        status="weak" if reasons else "trusted",
        reasons=tuple(reasons),
        diagnostics={**_diagnostics(pooled), "groups": groups},
        computed_by="race_to_efficiency.calibration.kappa.pooling.pool",
    )


def _diagnostics(pooled: Pooled) -> Mapping[str, Any]:
    """Return what a reader needs to judge a pooled kappa."""
    return {
        "tau2": pooled.tau2,
        "families": [
            {
                "family": item.family,
                "value": item.value,
                "stderr": item.stderr,
                "status": item.status,
                "groups": list(item.groups),
            }
            for item in pooled.families
        ],
        "range": list(pooled.range),
        "prediction_identified": pooled.prediction is not None,
        "naive_prediction": list(pooled.naive_prediction) if pooled.naive_prediction else None,
        "left_out": [
            {"family": name, "low": low, "high": high, "covered": covered}
            for name, low, high, covered in pooled.left_out
        ],
        "coverage_left_out": pooled.coverage_left_out,
    }

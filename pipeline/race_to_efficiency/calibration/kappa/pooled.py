"""The pooled kappa of each form as a record, and kappa_total moved to one common pivot before it is pooled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.calibration.common.estimates import Estimate, FitStatus, Interval
from race_to_efficiency.calibration.kappa.compute_frontier import frontier_quantities
from race_to_efficiency.calibration.kappa.forms import FORMS, POWER_LAW
from race_to_efficiency.calibration.kappa.intervals import spread
from race_to_efficiency.calibration.kappa.pooling import FamilyEffect, Pooled, family_effect, pool
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


def pooled_estimates(fits: Sequence[GroupFit], params: KappaParams) -> list[Estimate]:
    """Return the pooled kappa of every form with at least two families that are not refused."""
    records = []
    for name in params.forms:
        chosen = [fit for fit in fits if fit.form.name == name]
        effects, refused, members = _effects(chosen, fits, params)
        if len(effects) >= 2:
            records.append(_record(name, chosen, pool(effects), refused, members, params))
    return records


def _effects(
    chosen: Sequence[GroupFit], fits: Sequence[GroupFit], params: KappaParams
) -> tuple[list[FamilyEffect], list[str], list[dict[str, Any]]]:
    """Return one effect a family, the groups left out as refused, and the groups that count."""
    floors = {fit.rows.group: fit for fit in fits if fit.form.name == "floor"}
    families: dict[str, list[tuple[GroupFit, float, float, FitStatus]]] = {}
    refused, members = [], []
    for fit in chosen:
        status, _ = judge(fit.evidence, params.gates)
        floor = floors.get(fit.rows.group)
        if floor is not None and judge(floor.evidence, params.gates)[0] == "refused":
            floor = None
        if fit.form is POWER_LAW:
            value, stderr = tangent_at(fit, floor, params.pivot_compute_flop)
        else:
            value, stderr = fit.kappa, fit.stderr_of(fit.form.symbol)
        if status == "refused" or not stderr > 0:
            refused.append(fit.rows.group)
            continue
        low, high = fit.rows.compute_range_flop
        outside = max(np.log10(params.pivot_compute_flop / high), np.log10(low / params.pivot_compute_flop), 0.0)
        members.append(
            {
                "group": fit.rows.group,
                "value": value,
                "stderr": stderr,
                "status": status,
                "pivot_outside_decades": outside,
            }
        )
        families.setdefault(fit.rows.family, []).append((fit, value, stderr, status))
    effects = [
        family_effect(
            family,
            [fit.rows.group for fit, *_ in items],
            [value for _, value, _, _ in items],
            [stderr for _, _, stderr, _ in items],
            [status for *_, status in items],
        )
        for family, items in families.items()
    ]
    return effects, refused, members


def _record(
    name: str,
    chosen: Sequence[GroupFit],
    pooled: Pooled,
    refused: Sequence[str],
    members: list[dict[str, Any]],
    params: KappaParams,
) -> Estimate:
    """Return the record of one pooled kappa."""
    symbol = FORMS[name].symbol
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
    used = [fit for fit in chosen if fit.rows.group not in refused]
    windows = [fit.rows.window for fit in used if fit.rows.window is not None]
    return Estimate(
        id=f"{symbol}.pooled.{name}",
        symbol=symbol,
        value=pooled.mean,
        unit="1",
        group="pooled",
        form=name,
        estimator="random_effects_over_families",
        intervals=tuple(intervals),
        stderr=pooled.stderr,
        n_rows=sum(len(fit.rows) for fit in used),
        n_clusters=len(pooled.families),
        window=(min(low for low, _ in windows), max(high for _, high in windows)) if windows else None,
        pivot_compute_flop=params.pivot_compute_flop if FORMS[name] is POWER_LAW else None,
        status="weak" if reasons else "trusted",
        reasons=tuple(reasons),
        diagnostics={**_diagnostics(pooled), "groups": members},
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

"""The pooled kappa of each reading as a record; kappa_total is moved to one common pivot before it is pooled."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.calibration.common.estimates import Estimate, FitStatus, Interval
from race_to_efficiency.calibration.common.grades import FAMILIES_APART, agreement_level, evidence_level
from race_to_efficiency.calibration.kappa.compute_frontier import frontier_quantities
from race_to_efficiency.calibration.kappa.forms import CHINCHILLA, FORMS, POWER_LAW
from race_to_efficiency.calibration.kappa.intervals import spread
from race_to_efficiency.calibration.kappa.pooling import (
    ADMITTED,
    CONTRADICTED,
    INDEPENDENT_FAMILIES,
    MINORITY,
    NOT_IDENTIFIED,
    REFUSED,
    UNTUNED,
    FamilyEffect,
    Pooled,
    by_laboratory,
    family_effect,
    pool,
)
from race_to_efficiency.calibration.kappa.random_effects import RandomEffects
from race_to_efficiency.calibration.kappa.trust import identified, judge

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.calibration.kappa.group_fit import GroupFit
    from race_to_efficiency.settings.kappa import KappaParams

POOLS = (POWER_LAW.name, CHINCHILLA.name)
"""One pool a reading. In the reducible one a group speaks by its floor form where it has no params and tokens."""


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
    group, family, laboratory, form : str
    value, stderr : float
        At the common pivot for the power law.
    status : {'trusted', 'weak', 'refused'}
    verdict : str
        Of the rule of `race_to_efficiency.calibration.kappa.pooling`, family aside.
    n_rows : int
    window : (str, str) or None
        First and last release date, ISO.
    outside_decades : float
        How far the common pivot lies outside the group's compute.
    """

    group: str
    family: str
    laboratory: str
    form: str
    value: float
    stderr: float
    status: FitStatus
    verdict: str
    n_rows: int
    window: tuple[str, str] | None
    outside_decades: float

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Member:
        """Return the member that `dataclasses.asdict` told; what JSON cannot hold (no finite number) is NaN."""
        numbers = {name: np.nan if document[name] is None else document[name] for name in ("value", "stderr")}
        window = document["window"]
        own = ADMITTED if document["verdict"] == MINORITY else document["verdict"]
        window = None if window is None else (window[0], window[1])
        return cls(**{**document, **numbers, "verdict": own, "window": window})


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
        verdict = REFUSED if judged[fit.form.name] == "refused" or not stderr > 0 else ""
        if not verdict and not identified(fit.evidence, params.gates, float(outside)):
            verdict = NOT_IDENTIFIED
        if not verdict and fit.rows.spec.untuned:
            verdict = UNTUNED
        test = fit.evidence.cutoff
        if not verdict and fit.form.floor and test and test.error_in_sd > params.gates.max_cutoff_error_sd:
            verdict = CONTRADICTED
        found.append(
            Member(
                group=fit.rows.group,
                family=fit.rows.family,
                laboratory=fit.rows.laboratory,
                form=fit.form.name,
                value=float(value),
                stderr=float(stderr),
                status=judged[fit.form.name],
                verdict=verdict or ADMITTED,
                n_rows=len(fit.rows),
                window=fit.rows.window,
                outside_decades=float(outside),
            )
        )
    return found


def verdicts(form: str, members: Sequence[Member]) -> dict[str, tuple[Member, str]]:
    """Return who was asked for a pool, by group, and what the rule says of each.

    Parameters
    ----------
    form : {'power_law', 'chinchilla'}
    members : sequence of Member
        Of all forms, in the settings' order of groups.
    """
    own = {item.group: item for item in members if item.form == form}
    if form == CHINCHILLA.name:
        own = {item.group: item for item in members if item.form == "floor" and item.group not in own} | own
    judged = Counter(item.family for item in own.values() if item.verdict not in (REFUSED, NOT_IDENTIFIED))
    admitted = Counter(item.family for item in own.values() if item.verdict == ADMITTED)
    minority = {family for family, count in admitted.items() if 2 * count <= judged[family]}
    return {
        group: (item, MINORITY if item.verdict == ADMITTED and item.family in minority else item.verdict)
        for group, item in own.items()
    }


def pooled_estimate(form: str, members: Sequence[Member], params: KappaParams) -> Estimate | None:
    """Return the pooled kappa of a reading; None with fewer than two independent families that speak.

    Parameters
    ----------
    form : {'power_law', 'chinchilla'}
    members : sequence of Member
        Of all forms, in the settings' order of groups.
    params : KappaParams
    """
    asked = verdicts(form, members)
    families: dict[str, list[Member]] = {}
    for member, verdict in asked.values():
        if verdict == ADMITTED:
            families.setdefault(member.family, []).append(member)
    effects = by_laboratory(
        [
            family_effect(
                family,
                items[0].laboratory,
                [item.group for item in items],
                [item.value for item in items],
                [item.stderr for item in items],
            )
            for family, items in families.items()
        ]
    )
    if len(effects) < 2:
        return None
    return _record(form, asked, pool(effects, params.pool.tau_scale(FORMS[form].symbol)), params)


def _record(form: str, asked: Mapping[str, tuple[Member, str]], pooled: Pooled, params: KappaParams) -> Estimate:
    """Return the record of one pooled kappa."""
    symbol, effects = FORMS[form].symbol, pooled.effects
    used = [member for member, verdict in asked.values() if verdict == ADMITTED]
    few = len(pooled.families) < INDEPENDENT_FAMILIES
    reasons = (
        f"{len(pooled.families)} independent families: the spread between them is as much assumed as seen",
    ) * few
    intervals = [Interval("random_effects", level, *effects.interval(level)) for level in (0.95, 0.8)]
    intervals += [Interval("prediction", level, *effects.prediction(level)) for level in (0.95, 0.8)]
    intervals.append(Interval("range", pooled.range_level, *pooled.range))
    windows = [member.window for member in used if member.window is not None]
    return Estimate(
        id=f"{symbol}.pooled.{form}",
        symbol=symbol,
        value=effects.mean,
        unit="1",
        group="pooled",
        form=form,
        estimator="random_effects_over_families",
        intervals=tuple(intervals),
        stderr=effects.stderr,
        n_rows=sum(member.n_rows for member in used),
        n_clusters=len(pooled.families),
        window=(min(low for low, _ in windows), max(high for _, high in windows)) if windows else None,
        pivot_compute_flop=params.pivot_compute_flop if FORMS[form] is POWER_LAW else None,
        status="weak" if few else "trusted",
        reasons=reasons,
        evidence=evidence_level(sound=not few, few=few),
        agreement=agreement_level(effects.tau / abs(effects.mean), FAMILIES_APART),
        diagnostics=_diagnostics(asked, pooled),
        computed_by="race_to_efficiency.calibration.kappa.pooling.pool",
    )


def _diagnostics(asked: Mapping[str, tuple[Member, str]], pooled: Pooled) -> dict[str, Any]:
    """Return what a reader needs to judge a pooled kappa, and a forecast to draw from it."""
    return {
        "tau": pooled.effects.tau,
        "tau_scale": pooled.effects.tau_scale,
        "families": [{**vars(item), "groups": list(item.groups)} for item in pooled.families],
        "groups": [
            {**asdict(member), "verdict": verdict}
            for member, verdict in asked.values()
            if np.isfinite(member.value) and np.isfinite(member.stderr)
        ],
        "range": list(pooled.range),
        "left_out": [
            {"family": name, "low": low, "high": high, "covered": covered}
            for name, low, high, covered in pooled.left_out
        ],
        "coverage_left_out": pooled.coverage_left_out,
    }


def effects_of(record: Mapping[str, Any]) -> RandomEffects:
    """Return the model a pooled record was printed from, so that what is drawn is what is printed.

    Parameters
    ----------
    record : mapping
        JSON of an estimate whose group is ``pooled``.
    """
    told = record["diagnostics"]
    families = [FamilyEffect(**{**item, "groups": tuple(item["groups"])}) for item in told["families"]]
    return RandomEffects.of([item.value for item in families], [item.stderr for item in families], told["tau_scale"])

"""The status and the grade of a rate: what its rows are worth, and what other answers to the same question say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from race_to_efficiency.calibration.common.grades import ASSUMED, evidence_level
from race_to_efficiency.calibration.gamma.fragility import fragility_verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from race_to_efficiency.calibration.gamma.components import Fitted
    from race_to_efficiency.calibration.gamma.records import FragilityRow
    from race_to_efficiency.settings.gamma import Gate


def judged(gate: Gate, fit: Fitted, rows: Sequence[FragilityRow]) -> Fitted:
    """Return a fit with the status that its fragility leaves it, and its grade.

    What the fragility finds counts as disagreement, once: a fit that its own rows doubt too loses steps on both axes.

    Parameters
    ----------
    gate : Gate
    fit : Fitted
        With the doubts its own rows give.
    rows : sequence of dict
        As `fragility_rows` returns them.
    """
    reasons = fragility_verdict(list(rows))
    found = fit.with_status("weak", reasons) if reasons else fit
    return found.graded(rate_evidence(gate, fit), disagreement(rows))


def rate_evidence(gate: Gate, fit: Fitted) -> int:
    """Return the steps of evidence of a rate, from its own rows."""
    estimate = fit.estimate
    few = estimate.n_rows < gate.min_rows or (
        estimate.n_clusters is not None and estimate.n_clusters < gate.min_clusters
    )
    return evidence_level(sound=estimate.status == "trusted", few=few, rests_on=fit.component.rests_on)


def disagreement(rows: Sequence[FragilityRow]) -> int:
    """Return the steps that other choices cost, 0 to 2.

    Two where a check of the gate turns the sign or leaves no estimate to rely on; one where a check moves it too far,
    or another definition of the same thing lies outside its 95 % interval.
    """
    checks = [row for row in rows if row["gate"]]
    if any(row["sign_changes"] or row["status_changes"] for row in checks):
        return 2
    moved = any(row["outside_interval"] or row["moves_much"] for row in checks)
    return int(moved or any(row["outside_interval"] for row in rows))


def mixed(blend: Fitted, parts: Mapping[str, Fitted], rows: Sequence[FragilityRow]) -> Fitted:
    """Return a mixture with its grade: the middle of its parts by weight, and a step for the weights, a judgement.

    The worst part would not do: a prior beside two fits, told as such, makes a wider interval, not a worse one.

    Parameters
    ----------
    blend : Fitted
        With ``weights`` in its diagnostics.
    parts : mapping of str to Fitted
        By the names of the weights.
    rows : sequence of dict
        What each part says alone, as `mixture_rows` returns it.
    """
    weights = blend.estimate.diagnostics.get("weights")
    if not weights:
        return blend
    told = [(parts[name].estimate.grade, share) for name, share in weights.items()]
    evidence = _middle([(grade.evidence, share) for grade, share in told])
    agreement = _middle([(grade.agreement, share) for grade, share in told])
    return blend.graded(min(evidence + 1, ASSUMED), max(agreement, disagreement(rows)))


def _middle(levels: Sequence[tuple[int, float]]) -> int:
    """Return the level that half of the weight does not exceed."""
    half = sum(share for _, share in levels) / 2.0
    reached = 0.0
    for level, share in sorted(levels):
        reached += share
        if reached >= half:
            return level
    return 0

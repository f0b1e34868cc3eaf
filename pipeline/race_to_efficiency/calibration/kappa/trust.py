"""The gate every kappa passes before it is published: the status, and every reason for it in words."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.calibration.common.grades import FORMS_APART, agreement_level, evidence_level

if TYPE_CHECKING:
    from race_to_efficiency.calibration.common.estimates import FitStatus
    from race_to_efficiency.calibration.kappa.evidence import Evidence
    from race_to_efficiency.settings.kappa import TrustGates


def judge(evidence: Evidence, gates: TrustGates) -> tuple[FitStatus, tuple[str, ...]]:
    """Return the status and, unless trusted, every reason for it (refusals first)."""
    refusals, doubts = _refusals(evidence, gates), _doubts(evidence, gates)
    if refusals:
        return "refused", (*refusals, *doubts)
    if doubts:
        return "weak", doubts
    return "trusted", ()


def _refusals(evidence: Evidence, gates: TrustGates) -> tuple[str, ...]:
    """Return why no number may be shown as an estimate."""
    size = evidence.size
    checks = [
        (
            evidence.n_rows < 2 * size,
            f"{evidence.n_rows} rows cannot determine the {size} parameters of the {evidence.form.name} form",
        ),
        (
            evidence.clustered and evidence.n_clusters < size,
            f"{evidence.n_clusters} independent clusters cannot determine {size} parameters",
        ),
        (not evidence.positive_definite, "the information matrix is singular: some parameters are not determined"),
        (
            evidence.starts_agreeing < gates.min_starts_agreeing,
            f"only {evidence.starts_agreeing} of {evidence.n_starts} starts reached the best objective",
        ),
        (
            not (np.isfinite(evidence.kappa) and evidence.kappa > 0),
            f"kappa {evidence.kappa:.3g} is not positive: loss does not fall with compute here",
        ),
        (
            evidence.bootstrap_converged < gates.min_bootstrap_usable,
            f"only {evidence.bootstrap_converged:.0%} of the bootstrap refits converged",
        ),
        (
            evidence.residual_sd > gates.max_residual_sd,
            f"residual sd {evidence.residual_sd:.2g} of ln(loss) > {gates.max_residual_sd:g}: not one comparable group",
        ),
    ]
    return (*evidence.fatal, *(reason for failed, reason in checks if failed))


def _doubts(evidence: Evidence, gates: TrustGates) -> tuple[str, ...]:
    """Return why a number is shown as weak."""
    checks = [(True, reason) for reason in evidence.known_defects]
    if evidence.forms_apart is not None:
        law, floor = evidence.forms_apart
        checks.append(
            (True, f"the chinchilla form says {law:.3g} on all runs, the floor form {floor:.3g} on the frontier")
        )
    seen, trusted, headline = evidence.z_curv, gates.z_curv_trusted, gates.z_curv_headline
    if seen is not None and seen < trusted:
        never = "; never a headline" if seen < headline else ""
        checks.append((True, f"z_curv {seen:.2g} < {trusted:g}: the floor is barely seen{never}"))
    size = evidence.size
    checks += [
        (
            evidence.n_rows < gates.min_rows_per_parameter * size,
            f"{evidence.n_rows} rows for {size} parameters",
        ),
        (
            evidence.clustered and evidence.n_clusters < gates.min_clusters,
            _few_clusters(evidence, gates.min_clusters),
        ),
        (
            evidence.compute_decades < gates.min_compute_decades,
            f"the runs span {evidence.compute_decades:.2g} decades of compute",
        ),
        (evidence.condition > gates.max_condition, f"condition number {evidence.condition:.2g}"),
        (evidence.profile_closed is False, "the profile interval is open"),
        (
            evidence.bootstrap_converged < gates.min_bootstrap_converged,
            f"{1 - evidence.bootstrap_converged:.1%} of the bootstrap refits did not converge",
        ),
        (
            evidence.kappa_stderr > gates.max_relative_stderr * abs(evidence.kappa),
            f"kappa's standard error is {evidence.kappa_stderr / max(abs(evidence.kappa), 1e-300):.0%} of its value",
        ),
    ]
    reasons = [reason for failed, reason in checks if failed]
    return (*reasons, *contradictions(evidence, gates), *_near_bounds(evidence, gates), *evidence.leave_two_out)


def identified(evidence: Evidence, gates: TrustGates, outside_decades: float) -> bool:
    """Return whether a fit that is not refused says something about kappa at the common pivot."""
    return (
        evidence.n_rows >= gates.min_rows_per_parameter * evidence.size
        and evidence.compute_decades >= gates.min_compute_decades
        and evidence.kappa_stderr <= gates.max_relative_stderr * abs(evidence.kappa)
        and (evidence.z_curv is None or evidence.z_curv >= gates.z_curv_trusted)
        and (evidence.form.floor or outside_decades <= gates.max_pivot_outside_decades)
    )


def axes(evidence: Evidence, gates: TrustGates) -> tuple[int, int]:
    """Return the steps of evidence and of agreement that a kappa loses.

    Forms that contradict each other count as disagreement, and only there.
    """
    alone = replace(evidence, forms_apart=None)
    few = not identified(evidence, gates, 0.0) or (evidence.clustered and evidence.n_clusters < gates.min_clusters)
    level = evidence_level(sound=judge(alone, gates)[0] == "trusted", scatter=evidence.residual_sd, few=few)
    if evidence.forms_apart is None:
        return level, 0
    low, high = sorted(evidence.forms_apart)
    return level, agreement_level((high - low) / low if low > 0 else np.inf, FORMS_APART)


def contradictions(evidence: Evidence, gates: TrustGates) -> tuple[str, ...]:
    """Return what the runs themselves say against a form with a floor; a power law is a tangent and is not asked."""
    test, misfit = evidence.cutoff, evidence.lack_of_fit
    found = []
    if evidence.form.floor and test is not None and test.error_in_sd > gates.max_cutoff_error_sd:
        side = "above" if test.mean_error > 0 else "below"
        found.append(
            f"fitted to runs up to {test.cutoff_flop:.2g} FLOP it misses the largest: they lie "
            f"{test.error_in_sd:.1f} residual sd {side} ({gates.max_cutoff_error_sd:g} allowed)"
        )
    rejected = () if misfit is None else misfit.rejects(gates.lack_of_fit_level)
    if misfit is not None and "allocation" in rejected:
        found.append(
            f"lack of fit: a decade off the best tokens per parameter the loss is {misfit.bend:+.1%} from the form "
            f"(p {misfit.allocation_p:.1g})"
        )
    if misfit is not None and "heaps" in rejected:
        found.append(f"lack of fit: the residuals lie in heaps, as of two floors mixed (p {misfit.heaps_p:.1g})")
    return tuple(found)


def _few_clusters(evidence: Evidence, least: int) -> str:
    """Return the doubt about few clusters, with what the interval is worth there."""
    worth = evidence.stated_coverage
    stated = "" if worth is None else f"; here the 95 % interval holds the truth in {worth:.0%} of simulated data sets"
    return f"{evidence.n_clusters} clusters: intervals are not sure to cover below {least}{stated}"


def _near_bounds(evidence: Evidence, gates: TrustGates) -> tuple[str, ...]:
    """Return which parameters lie within a few sigmas of zero, where the form changes its kind."""
    bounded = evidence.form.columns[evidence.form.terms :]
    values = evidence.theta[evidence.form.terms :]
    errors = evidence.stderr[evidence.form.terms :]
    return tuple(
        f"{name} {value:.3g} lies within {gates.bound_sigmas:g} sigma of 0"
        for name, value, error in zip(bounded, values, errors, strict=True)
        if value < gates.bound_sigmas * error
    )

"""The gate every kappa passes before it is published: what was checked, the outcome, and the words for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.calibration.estimates import FitStatus
    from pipeline.calibration.forms import Form
    from pipeline.config_kappa import TrustGates

    Floats = NDArray[np.float64]

Z_CURV_CONSTANT = 26.83
"""12 sqrt(5): the sd of (x - mean)^2 orthogonalised on a uniform grid is Delta^2/(6 sqrt 5), halved by the Taylor term."""


def curvature_z(
    *, kappa: float, reducible_share: float, log_compute_span: float, n_rows: int, residual_sd: float
) -> float:
    """Return z_curv = kappa^2 q (1 - q) Delta^2 sqrt(n)/(26.83 sigma): how many sigmas the bend of ln L stands out.

    Parameters
    ----------
    kappa : float
        Exponent of the reducible loss.
    reducible_share : float
        q = 1 - E/L in the middle of the data.
    log_compute_span : float
        Delta = ln(Cmax/Cmin).
    n_rows : int
    residual_sd : float
        sigma, residual standard deviation of ln L.
    """
    if residual_sd <= 0:
        return float("inf")
    bend = kappa**2 * reducible_share * (1 - reducible_share) * log_compute_span**2
    return bend * float(np.sqrt(n_rows)) / (Z_CURV_CONSTANT * residual_sd)


@dataclass(frozen=True)
class Evidence:
    """What the gate looks at; one fit of one form to one group.

    Parameters
    ----------
    form : Form
    theta, stderr : (p,) float
        Point estimate and bootstrap standard errors, in the form's own parameters.
    kappa, kappa_stderr : float
    n_rows, n_clusters : int
    clustered : bool
    compute_decades : float
        log10(Cmax/Cmin) of the rows used.
    residual_sd : float
        Of ln L.
    z_curv : float or None
        None for the power law.
    starts_agreeing, n_starts : int
        Over lmfit's and the batched solver's starts.
    condition : float
    positive_definite : bool
    profile_closed : bool or None
    bootstrap_converged : float
        Share of replicates that converged.
    leave_two_out : tuple of str
        What changed when two rows were left out, in words; empty when nothing did.
    known_defects : tuple of str
        Reasons from the data themselves.
    """

    form: Form
    theta: Floats
    stderr: Floats
    kappa: float
    kappa_stderr: float
    n_rows: int
    n_clusters: int
    clustered: bool
    compute_decades: float
    residual_sd: float
    z_curv: float | None
    starts_agreeing: int
    n_starts: int
    condition: float
    positive_definite: bool
    profile_closed: bool | None
    bootstrap_converged: float
    leave_two_out: tuple[str, ...] = ()
    known_defects: tuple[str, ...] = field(default=())


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
    size = len(evidence.form.columns)
    checks = [
        (
            evidence.n_rows < size + 2,
            f"{evidence.n_rows} rows cannot determine the {size} parameters of the {evidence.form.name} form",
        ),
        (
            evidence.clustered and evidence.n_clusters <= size,
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
            evidence.bootstrap_converged < 0.5,
            f"only {evidence.bootstrap_converged:.0%} of the bootstrap refits converged",
        ),
        (
            evidence.residual_sd > gates.max_residual_sd,
            f"residual sd {evidence.residual_sd:.2g} of ln(loss) exceeds {gates.max_residual_sd:g}: "
            "these rows are not one comparable group",
        ),
    ]
    return tuple(reason for failed, reason in checks if failed)


def _doubts(evidence: Evidence, gates: TrustGates) -> tuple[str, ...]:
    """Return why a number is shown as weak."""
    checks = [(True, reason) for reason in evidence.known_defects]
    if evidence.z_curv is not None and evidence.z_curv < gates.z_curv_trusted:
        never = "; never a headline" if evidence.z_curv < gates.z_curv_headline else ""
        checks.append(
            (True, f"z_curv {evidence.z_curv:.2g} < {gates.z_curv_trusted:g}: the floor is barely seen{never}")
        )
    size = len(evidence.form.columns)
    checks += [
        (
            evidence.n_rows < gates.min_rows_per_parameter * size,
            f"{evidence.n_rows} rows for {size} parameters",
        ),
        (
            evidence.clustered and evidence.n_clusters < gates.min_clusters,
            f"{evidence.n_clusters} clusters: intervals under-cover below {gates.min_clusters}",
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
    return (*reasons, *_near_bounds(evidence, gates), *evidence.leave_two_out)


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

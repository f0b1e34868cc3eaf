"""What the gate looks at: curvature, cut-offs, lack of fit, starts, covariance, profile, clusters, leave-two-out."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.calibration.kappa.influence import Influence, leave_two_out
from race_to_efficiency.calibration.kappa.intervals import cluster_coverage, spread
from race_to_efficiency.scaling_laws import curvature_z

if TYPE_CHECKING:
    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.calibration.kappa.cutoff import CutoffTest
    from race_to_efficiency.calibration.kappa.forms import Form
    from race_to_efficiency.calibration.kappa.group_rows import GroupRows
    from race_to_efficiency.calibration.kappa.intervals import Sandwich
    from race_to_efficiency.calibration.kappa.lack_of_fit import LackOfFit
    from race_to_efficiency.calibration.kappa.profile import Profile
    from race_to_efficiency.calibration.kappa.record_fit import RecordFit
    from race_to_efficiency.calibration.kappa.robust import BatchFit
    from race_to_efficiency.settings.kappa import KappaParams


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
    cutoff : CutoffTest or None
        The largest runs predicted from the lower half; None where too few runs lie there.
    lack_of_fit : LackOfFit or None
    stated_coverage : float or None
        What the 95 % interval of few clusters is worth, by simulation.
    forms_apart : (float, float) or None
        kappa by the chinchilla and by the floor form, where they contradict each other.
    known_defects : tuple of str
        Reasons for doubt from the data themselves.
    fatal : tuple of str
        Reasons to refuse from the data themselves.
    n_free : int or None
        Parameters that are fitted; None for all of the form's.
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
    cutoff: CutoffTest | None = None
    lack_of_fit: LackOfFit | None = None
    stated_coverage: float | None = None
    forms_apart: tuple[float, float] | None = None
    known_defects: tuple[str, ...] = field(default=())
    fatal: tuple[str, ...] = field(default=())
    n_free: int | None = None

    @property
    def size(self) -> int:
        """Number of parameters the rows must determine."""
        return len(self.form.columns) if self.n_free is None else self.n_free


def evidence_of(
    form: Form,
    rows: GroupRows,
    record: RecordFit,
    point: BatchFit,
    robust: Sandwich,
    profile: Profile | None,
    influence: Influence,
    draws: Floats,
    converged: float,
    params: KappaParams,
    *,
    cutoff: CutoffTest | None,
    misfit: LackOfFit | None,
) -> Evidence:
    """Collect what the gate looks at.

    Parameters
    ----------
    form, rows, record, point, robust, profile, influence
        The fit and its covariance.
    draws : (m, p) float
        Usable bootstrap refits.
    converged : float
        Share of refits that are usable.
    params : KappaParams
    cutoff : CutoffTest or None
    misfit : LackOfFit or None
    """
    kappa = float(form.kappa(record.theta))
    low, high = rows.compute_range_flop
    residual_sd = float(np.sqrt((record.residuals**2).sum() / max(len(rows) - len(form.columns), 1)))
    errors = [spread(column) for column in draws.T]
    evidence = Evidence(
        form=form,
        theta=record.theta,
        stderr=np.array(errors),
        kappa=kappa,
        kappa_stderr=spread(form.kappa(draws)),
        n_rows=len(rows),
        n_clusters=rows.n_units,
        clustered=bool(rows.spec.clustered),
        compute_decades=float(np.log10(high / low)),
        residual_sd=residual_sd,
        z_curv=z_curv_of(form, record.theta, rows, residual_sd),
        starts_agreeing=record.n_agreeing + int(point.n_starts_agreeing[0]),
        n_starts=record.n_starts + int(point.n_starts[0]),
        condition=robust.condition,
        positive_definite=robust.positive_definite,
        profile_closed=None if profile is None else None not in _ends(profile),
        bootstrap_converged=converged,
        cutoff=cutoff,
        lack_of_fit=misfit,
        stated_coverage=_stated_coverage(rows, params),
        known_defects=rows.doubts,
        fatal=rows.fatal,
    )
    if not form.floor or not point.converged[0]:
        return evidence
    return replace(evidence, leave_two_out=_unstable(evidence, rows, influence, params))


def _stated_coverage(rows: GroupRows, params: KappaParams) -> float | None:
    """Return what the 95 % interval of few clusters is worth, by simulation; None where there are enough of them."""
    if not rows.spec.clustered or not 2 < rows.n_units < params.gates.min_clusters:
        return None
    found = cluster_coverage(np.log(rows.quantities["compute_flop"]), rows.units, seed=rows.n_units)
    return None if np.isnan(found) else found


def _ends(profile: Profile) -> tuple[float | None, float | None]:
    interval = profile.interval(0.95)
    return interval.low, interval.high


def z_curv_of(form: Form, theta: Floats, rows: GroupRows, residual_sd: float) -> float | None:
    """Return z_curv of a floor form, with the reducible share averaged over its rows; None without a floor."""
    if not form.floor:
        return None
    loss = np.exp(form.log_loss(theta, rows.inputs(form)))
    share = float(np.clip(np.mean(1.0 - theta[form.terms] / loss), 0.0, 1.0))
    kappa = float(form.kappa(theta))
    low, high = rows.compute_range_flop
    if not (kappa > 0 and high > low and np.isfinite(residual_sd)):
        return 0.0
    return float(curvature_z(kappa, share, np.log(high / low), len(rows), max(residual_sd, 1e-12)))


def _unstable(evidence: Evidence, rows: GroupRows, influence: Influence, params: KappaParams) -> tuple[str, ...]:
    """Return in words what leaving two influential rows out changes: sign, status, or more than the interval."""
    form = evidence.form
    fits, pairs = leave_two_out(form, rows.inputs(form), rows.quantities["loss"], influence, delta=params.delta)
    kappas = form.kappa(fits)
    known = np.isfinite(kappas)
    if not known.any():
        return ("no pair of influential rows can be left out: the fit does not converge without them",)
    worst = int(np.nanargmax(np.abs(kappas - evidence.kappa)))
    names = " and ".join(rows.ids[k] for k in pairs[worst])
    reasons = []
    if (kappas[known] <= 0).any():
        reasons.append(f"kappa changes sign without {names}")
    elif abs(kappas[worst] - evidence.kappa) > 1.96 * evidence.kappa_stderr:
        reasons.append(f"kappa moves to {kappas[worst]:.3g} without {names}, outside its 95 % interval")
    gate = params.gates.z_curv_trusted
    if evidence.z_curv is not None and evidence.z_curv >= gate:
        lowest = min(_z_without(form, fits[k], rows, pairs[k]) for k in np.flatnonzero(known))
        if lowest < gate:
            reasons.append(f"z_curv falls from {evidence.z_curv:.2g} to {lowest:.2g} when two rows are left out")
    return tuple(reasons)


def _z_without(form: Form, theta: Floats, rows: GroupRows, pair: tuple[int, int]) -> float:
    """Return z_curv of a fit without two rows."""
    mask = np.ones(len(rows), dtype=bool)
    mask[list(pair)] = False
    kept = rows.taken(mask)
    residuals = np.log(kept.quantities["loss"]) - form.log_loss(theta, kept.inputs(form))
    sigma = float(np.sqrt((residuals**2).sum() / max(len(kept) - len(form.columns), 1)))
    return z_curv_of(form, theta, kept, sigma) or 0.0

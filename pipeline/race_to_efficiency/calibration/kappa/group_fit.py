"""One form fitted to one comparable group: point estimate, joint draws, intervals and the evidence for the gate."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.calibration.kappa.cutoff import cutoff_test
from race_to_efficiency.calibration.kappa.evidence import Evidence, evidence_of
from race_to_efficiency.calibration.kappa.forms import CHINCHILLA, POWER_LAW, Coordinates, Form
from race_to_efficiency.calibration.kappa.group_batches import Batches, fit_batches
from race_to_efficiency.calibration.kappa.influence import Influence, influence_of
from race_to_efficiency.calibration.kappa.intervals import (
    Sandwich,
    covariance_intervals,
    kappa_gradient,
    natural_stderr,
    percentile_intervals,
    sandwich,
    spread,
)
from race_to_efficiency.calibration.kappa.lack_of_fit import lack_of_fit
from race_to_efficiency.calibration.kappa.profile import Profile, profile_kappa
from race_to_efficiency.calibration.kappa.record_fit import HUGE, RecordFit, fit_of_record, jacobian
from race_to_efficiency.calibration.kappa.scatter import Scatter, not_known, scatter_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.calibration.common.estimates import Interval
    from race_to_efficiency.calibration.kappa.group_rows import GroupRows
    from race_to_efficiency.calibration.kappa.robust import BatchFit
    from race_to_efficiency.settings.kappa import KappaParams


@dataclass(frozen=True)
class GroupFit:
    """One fit with everything that is known about it.

    Parameters
    ----------
    form : Form
    rows : GroupRows
        The rows of the point estimate: all used rows, or those on the efficient frontier.
    record : RecordFit
        lmfit's fit.
    batches : Batches
        The batched solver's fits of the same rows.
    space : Coordinates
    x : (p,) float
        The estimate in solver coordinates.
    robust : Sandwich
    profile : Profile or None
        None where the covariance is singular.
    usable : (m,) bool
        Refits that converged with positive exponents.
    influence : Influence
    evidence : Evidence
    delta : float
        Huber threshold on residuals of ln(loss).
    """

    form: Form
    rows: GroupRows
    record: RecordFit
    batches: Batches
    space: Coordinates
    x: Floats
    robust: Sandwich
    profile: Profile | None
    usable: NDArray[np.bool_]
    influence: Influence
    evidence: Evidence
    delta: float

    @property
    def draws(self) -> Floats:
        """All bootstrap refits, (m, p)."""
        return self.batches.bootstrap.theta

    @property
    def kappa(self) -> float:
        """Point estimate of kappa."""
        return float(self.form.kappa(self.record.theta))

    @property
    def pivot_compute_flop(self) -> float | None:
        """Where a power law's tangent touches: the geometric mean compute of its rows; None for the other forms."""
        return float(np.exp(np.log(self.rows.quantities["compute_flop"]).mean())) if self.form is POWER_LAW else None

    @property
    def method(self) -> str:
        """Name of the bootstrap."""
        return "cluster_bootstrap" if self.rows.spec.clustered else "percentile_bootstrap"

    def value_of(self, symbol: str, theta: Floats) -> Floats:
        """Return a symbol's value for theta (..., p); the power law's A is the loss at its pivot."""
        if symbol == self.form.symbol:
            return self.form.kappa(theta)
        values = theta[..., self.form.columns.index(symbol)]
        pivot = self.pivot_compute_flop
        return values if pivot is None else np.exp(np.log(values) - theta[..., 1] * np.log(pivot))

    def symbol_draws(self, symbol: str) -> Floats:
        """Return the usable draws of a symbol, (k,)."""
        return self.value_of(symbol, self.draws[self.usable])

    def stderr_of(self, symbol: str) -> float:
        """Return the bootstrap standard error of a symbol (NaN with fewer than two usable refits)."""
        return spread(self.symbol_draws(symbol))

    def intervals(self, symbol: str, levels: Sequence[float], gate: float) -> tuple[Interval, ...]:
        """Return the labelled intervals of a symbol, the headline method first.

        The bootstrap leads; where the curvature of a floor form is below ``gate`` the profile leads, open or not.
        """
        clusters = self.rows.n_units if self.rows.spec.clustered else None
        bootstrap = percentile_intervals(
            self.symbol_draws(symbol), method=self.method, levels=levels, n_clusters=clusters
        )
        wald = covariance_intervals(
            float(self.value_of(symbol, self.record.theta)), self.sandwich_stderr(symbol), self._df(), levels
        )
        if symbol != self.form.symbol or self.profile is None:
            return (*bootstrap, *wald)
        profiled = tuple(self.profile.interval(level) for level in levels)
        weak = self.evidence.z_curv is not None and self.evidence.z_curv < gate
        return (*profiled, *bootstrap, *wald) if weak else (*bootstrap, *profiled, *wald)

    def _df(self) -> int:
        return max(min(len(self.rows) - len(self.form.columns), self.rows.n_units - 1), 1)

    def sandwich_stderr(self, symbol: str) -> float:
        """Return the robust-covariance standard error of a symbol (delta method)."""
        if symbol == self.form.symbol:
            gradient = kappa_gradient(self.space, self.x)
            return float(np.sqrt(gradient @ self.robust.covariance @ gradient))
        if self.form is POWER_LAW:
            return float(self.value_of("A", self.record.theta) * np.sqrt(self.robust.covariance[0, 0]))
        errors = natural_stderr(self.space, self.x, self.robust.covariance)
        return float(errors[self.form.columns.index(symbol)])

    @property
    def scattering(self) -> Callable[[], Scatter | None]:
        """Returns what refits and residuals stand for; None where runs share models or resamples choose a frontier."""
        chosen = self.form is not CHINCHILLA and self.rows.spec.frontier != "all"
        if chosen or self.rows.spec.clustered or not self.robust.positive_definite:
            return not_known
        return partial(scatter_of, jacobian(self.space, self.x), self.record.residuals, self.delta)

    def diagnostics(self) -> dict[str, Any]:
        """Return the diagnostics every record of this fit carries."""
        theta = self.draws[self.usable]
        evidence = self.evidence
        correlation = None
        floor = theta[:, self.form.floor_column or 0]
        if self.form.floor_column is not None and len(theta) > 2 and np.ptp(floor) > 0:
            correlation = float(np.corrcoef(floor, self.form.kappa(theta))[0, 1])
        return {
            "objective": self.record.objective,
            "objective_batched": float(self.batches.point.objective[0]),
            "n_starts": evidence.n_starts,
            "n_starts_agreeing": evidence.starts_agreeing,
            "n_starts_claiming_success": self.record.n_claiming_success + int(self.batches.point.n_starts[0]),
            "residual_sd": evidence.residual_sd,
            "condition": self.robust.condition,
            "z_curv": evidence.z_curv,
            "cutoff": None if evidence.cutoff is None else evidence.cutoff.to_json(),
            "lack_of_fit": None if evidence.lack_of_fit is None else evidence.lack_of_fit.to_json(),
            "profile_closed": evidence.profile_closed,
            "bootstrap_replicates": len(self.usable),
            "bootstrap_converged": evidence.bootstrap_converged,
            **({} if evidence.stated_coverage is None else {"stated_coverage": evidence.stated_coverage}),
            "correlation_E_kappa": correlation,
            "compute_range_flop": list(self.rows.compute_range_flop),
            "sandwich_stderr": {name: self.sandwich_stderr(name) for name in self._symbols()},
            "leverage_outliers": self._leverage_outliers(),
        }

    def _symbols(self) -> list[str]:
        return [self.form.symbol, *(name for name in self.form.columns if name != "kappa")]

    def _leverage_outliers(self) -> list[str]:
        return [self.rows.ids[k] for k in np.flatnonzero(self.influence.leverage_outlier)]

    def doubted(self, *reasons: str) -> GroupFit:
        """Return the fit with further reasons for doubt."""
        known = (*self.evidence.known_defects, *reasons)
        return replace(self, evidence=replace(self.evidence, known_defects=known))

    def contradicted(self, by_chinchilla: float, by_floor: float) -> GroupFit:
        """Return the fit with what both reducible forms say, where they contradict each other."""
        return replace(self, evidence=replace(self.evidence, forms_apart=(by_chinchilla, by_floor)))


def fit_form(
    form: Form,
    everything: GroupRows,
    params: KappaParams,
    *,
    seed: int,
    from_point: bool = False,
    point: BatchFit | None = None,
) -> GroupFit:
    """Fit one form to a group: to all used rows for the chinchilla form, to the efficient frontier for the others.

    Parameters
    ----------
    form : Form
    everything : GroupRows
    params : KappaParams
    seed : int
    from_point : bool
        Start lmfit and every refit at the batched point estimate; see `near_point`.
    point : BatchFit, optional
        That estimate, where it is known.
    """
    rows, batches = fit_batches(form, everything, params, seed=seed, from_point=from_point, point=point)
    found = batches.point.theta[0]
    start = found if batches.point.converged[0] and form.admits(found) else None
    cold = 0 if from_point and start is not None else 2
    record = fit_of_record(
        form, rows.inputs(form), rows.quantities["loss"], delta=params.delta, start=start, cold_starts=cold
    )
    return _assemble(form, rows, record, batches, params)


def _assemble(form: Form, rows: GroupRows, record: RecordFit, batches: Batches, params: KappaParams) -> GroupFit:
    """Compute covariance, profile, influence and evidence of a fit."""
    inputs, loss = rows.inputs(form), rows.quantities["loss"]
    space = Coordinates.of(form, inputs, loss)
    x = space.solver(record.theta)
    robust = sandwich(space, x, record.residuals, rows.units, delta=params.delta)
    amplitudes = record.theta[: form.terms]
    if (amplitudes >= HUGE).any() or (amplitudes <= 1.0 / HUGE).any():
        robust = replace(robust, condition=np.inf, positive_definite=False)
    draws = batches.bootstrap
    usable = draws.converged & (draws.theta[:, form.terms + form.floor :] > 0).all(axis=1)
    profile = None
    if robust.positive_definite and form.kappa(record.theta) > 0:
        profile = profile_kappa(space, x, robust, delta=params.delta, levels=sorted({0.95, *params.levels}))
    influence = influence_of(form, inputs, loss, record.theta, batches.left_out)
    cutoff = None
    if batches.half is not None and batches.half_fit is not None:
        cutoff = cutoff_test(form, rows, batches.half, batches.half_fit, params.frontier_tolerance_dex)
    evidence = evidence_of(
        form,
        rows,
        record,
        batches.point,
        robust,
        profile,
        influence,
        draws.theta[usable],
        float(usable.mean()),
        params,
        cutoff=cutoff,
        misfit=lack_of_fit(space, x, record.theta, record.residuals, rows.units, inputs),
    )
    return GroupFit(form, rows, record, batches, space, x, robust, profile, usable, influence, evidence, params.delta)

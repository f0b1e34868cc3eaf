"""One form fitted to one comparable group: point estimate, bootstrap draws, covariance and the evidence for the gate."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.calibration.efficient import frontier_weights
from pipeline.calibration.forms import CHINCHILLA, POWER_LAW, Coordinates, Form
from pipeline.calibration.intervals import (
    Sandwich,
    bootstrap_weights,
    kappa_gradient,
    natural_stderr,
    percentile_intervals,
    sandwich,
)
from pipeline.calibration.record_fit import RecordFit, fit_of_record
from pipeline.calibration.robust import BatchFit, fit_batch
from pipeline.calibration.trust import Evidence, curvature_z

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from pipeline.calibration.estimates import Interval
    from pipeline.config_kappa import KappaGroup, KappaParams

    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class GroupRows:
    """The used rows of one comparable group.

    Parameters
    ----------
    spec : KappaGroup
    ids, clusters : tuple of str
    quantities : mapping of str to (n,) float
        params, tokens, compute_flop (FLOP), loss (nats/token).
    window : (str, str) or None
        First and last release date, ISO.
    excluded : tuple of (str, str)
        Row id and reason.
    """

    spec: KappaGroup
    ids: tuple[str, ...]
    clusters: tuple[str, ...]
    quantities: dict[str, Floats]
    window: tuple[str, str] | None
    excluded: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, runs: pd.DataFrame, spec: KappaGroup) -> GroupRows | None:
        """Take the used rows of a group from an as-of view, ordered by id; None when there are none."""
        runs = runs.sort_values("run_id", kind="stable")
        used = runs[runs["exclusion"] == ""]
        if used.empty:
            return None
        quantities = {
            name: used[column].to_numpy(dtype=np.float64)
            for name, column in (
                ("params", "params"),
                ("tokens", "tokens"),
                ("compute_flop", "compute_flop"),
                ("loss", "loss_nats"),
            )
        }
        released = used["released"].dropna()
        window = None
        if len(released):
            window = (released.min().date().isoformat(), released.max().date().isoformat())
        left_out = runs[runs["exclusion"] != ""]
        return cls(
            spec=spec,
            ids=tuple(used["run_id"].astype(str)),
            clusters=tuple(used["cluster"].astype(str)),
            quantities=quantities,
            window=window,
            excluded=tuple(zip(left_out["run_id"].astype(str), left_out["exclusion"].astype(str), strict=True)),
        )

    @property
    def group(self) -> str:
        """Name of the comparable group."""
        return self.spec.group

    @property
    def family(self) -> str:
        """Name of the family the group belongs to."""
        return self.spec.family

    @property
    def n_clusters(self) -> int:
        """Number of independent clusters."""
        return len(set(self.clusters))

    def inputs(self, form: Form) -> list[Floats]:
        """Return the form's row quantities."""
        return [self.quantities[name] for name in form.inputs]

    def taken(self, mask: NDArray[np.bool_]) -> GroupRows:
        """Return the rows of ``mask`` only."""
        index = np.flatnonzero(mask)
        return GroupRows(
            spec=self.spec,
            ids=tuple(self.ids[k] for k in index),
            clusters=tuple(self.clusters[k] for k in index),
            quantities={name: values[index] for name, values in self.quantities.items()},
            window=self.window,
            excluded=self.excluded,
        )


@dataclass(frozen=True)
class GroupFit:
    """One fit with its bootstrap and what the gate needs."""

    form: Form
    rows: GroupRows
    record: RecordFit
    space: Coordinates
    robust: Sandwich
    draws_theta: Floats
    draws_usable: NDArray[np.bool_]
    draws_method: str
    n_starts_agreeing: int
    n_starts: int
    pivot_compute_flop: float | None
    evidence: Evidence
    objective_batched: float

    @property
    def kappa(self) -> float:
        """Point estimate of kappa."""
        return float(self.form.kappa(self.record.theta))

    @property
    def kappa_draws(self) -> Floats:
        """Kappa of the usable bootstrap refits."""
        return self.form.kappa(self.draws_theta[self.draws_usable])

    @property
    def kappa_stderr(self) -> float:
        """Bootstrap standard error of kappa."""
        return _sd(self.kappa_draws)

    def kappa_at_pivot(self, compute_flop: float) -> float:  # noqa: ARG002
        """Return kappa as it is pooled at ``compute_flop``."""
        return self.kappa

    def parameter(self, name: str) -> float:
        """Return one parameter; the power law's A is the loss at its pivot."""
        value = float(self.record.theta[self.form.columns.index(name)])
        if self.form is POWER_LAW and name == "A" and self.pivot_compute_flop is not None:
            return float(np.exp(np.log(value) - self.kappa * np.log(self.pivot_compute_flop)))
        return value

    def symbol_draws(self, symbol: str) -> Floats:
        """Return the usable draws of a symbol."""
        if symbol == self.form.symbol:
            return self.kappa_draws
        theta = self.draws_theta[self.draws_usable]
        values = theta[:, self.form.columns.index(symbol)]
        if self.form is POWER_LAW and symbol == "A" and self.pivot_compute_flop is not None:
            values = np.exp(np.log(values) - theta[:, 1] * np.log(self.pivot_compute_flop))
        return values

    def stderr_of(self, symbol: str) -> float | None:
        """Return the bootstrap standard error of a symbol, None when it is not finite."""
        value = _sd(self.symbol_draws(symbol))
        return value if np.isfinite(value) else None

    def intervals(self, symbol: str, params: KappaParams) -> tuple[Interval, ...]:
        """Return the labelled intervals of a symbol, the headline one first."""
        return percentile_intervals(self.symbol_draws(symbol), method=self.draws_method, levels=params.levels)

    def diagnostics(self) -> dict[str, Any]:
        """Return the diagnostics every record of this fit carries."""
        errors = natural_stderr(self.space, self.space.solver(self.record.theta), self.robust.covariance)
        return {
            "objective": self.record.objective,
            "objective_batched": self.objective_batched,
            "n_starts": self.n_starts,
            "n_starts_agreeing": self.n_starts_agreeing,
            "residual_sd": self.evidence.residual_sd,
            "condition": self.robust.condition,
            "z_curv": self.evidence.z_curv,
            "bootstrap_replicates": len(self.draws_usable),
            "bootstrap_converged": self.evidence.bootstrap_converged,
            "compute_range_flop": [
                float(self.rows.quantities["compute_flop"].min()),
                float(self.rows.quantities["compute_flop"].max()),
            ],
            "sandwich_stderr": dict(zip(self.form.columns, errors.tolist(), strict=True)),
        }


def _sd(values: Floats) -> float:
    finite = values[np.isfinite(values)]
    return float(finite.std(ddof=1)) if len(finite) > 1 else float("nan")


def group_seed(seed: int, group: str) -> list[int]:
    """Return entropy for a group's bootstrap: the same runs are drawn for every form, whatever else is fitted."""
    return [seed, zlib.crc32(group.encode())]


def fit_form(form: Form, rows: GroupRows, params: KappaParams, *, seed: int) -> GroupFit:
    """Fit one form to a group: on all used rows for the chinchilla form, on the efficient frontier for the others."""
    everything = rows
    loss = rows.quantities["loss"]
    units = rows.clusters if rows.spec.clustered else rows.ids
    weights = bootstrap_weights(units, params.bootstrap_replicates, group_seed(seed, rows.group))
    if form is not CHINCHILLA:
        rule, compute = rows.spec.frontier, rows.quantities["compute_flop"]
        weights = frontier_weights(rule, compute, loss, weights, tolerance_dex=params.frontier_tolerance_dex)
        whole = frontier_weights(
            rule, compute, loss, np.ones((1, len(loss))), tolerance_dex=params.frontier_tolerance_dex
        )
        rows = rows.taken(whole[0] > 0)
    inputs, loss = rows.inputs(form), rows.quantities["loss"]
    point = fit_batch(form, inputs, loss, np.ones(len(loss)), delta=params.delta)
    start = point.theta[0] if np.isfinite(point.theta).all() and (point.theta[0] > 0).all() else None
    record = fit_of_record(form, inputs, loss, delta=params.delta, start=start)
    draws = fit_batch(form, everything.inputs(form), everything.quantities["loss"], weights, delta=params.delta)
    return _assemble(form, rows, record, point, draws, params)


def _assemble(
    form: Form, rows: GroupRows, record: RecordFit, point: BatchFit, draws: BatchFit, params: KappaParams
) -> GroupFit:
    """Compute covariance and evidence of a fit."""
    space = Coordinates.of(form, rows.inputs(form), rows.quantities["loss"])
    x = space.solver(np.maximum(record.theta, 1e-300) if form.floor else record.theta)
    units = rows.clusters if rows.spec.clustered else rows.ids
    robust = sandwich(space, x, record.residuals, units, delta=params.delta)
    compute = rows.quantities["compute_flop"]
    kappa = float(form.kappa(record.theta))
    n, p = len(rows.ids), len(form.columns)
    residual_sd = float(np.sqrt((record.residuals**2).sum() / max(n - p, 1)))
    span = float(np.log(compute.max() / compute.min()))
    z_curv = None
    if form.floor:
        level = np.exp(form.log_loss(record.theta, rows.inputs(form)))
        share = float(np.mean(1 - record.theta[form.terms] / level))
        z_curv = curvature_z(
            kappa=kappa, reducible_share=share, log_compute_span=span, n_rows=n, residual_sd=residual_sd
        )
    usable = draws.converged & np.isfinite(draws.theta).all(axis=1)
    stderr = np.array([_sd(draws.theta[usable, k]) for k in range(p)])
    evidence = Evidence(
        form=form,
        theta=record.theta,
        stderr=stderr,
        kappa=kappa,
        kappa_stderr=_sd(form.kappa(draws.theta[usable])),
        n_rows=n,
        n_clusters=rows.n_clusters,
        clustered=rows.spec.clustered,
        compute_decades=span / np.log(10.0),
        residual_sd=residual_sd,
        z_curv=z_curv,
        starts_agreeing=record.n_agreeing + int(point.n_starts_agreeing[0]),
        n_starts=record.n_starts + int(point.n_starts[0]),
        condition=robust.condition,
        positive_definite=robust.positive_definite,
        profile_closed=None,
        bootstrap_converged=float(usable.mean()),
        known_defects=(rows.spec.weak_because,) if rows.spec.weak_because else (),
    )
    return GroupFit(
        form=form,
        rows=rows,
        record=record,
        space=space,
        robust=robust,
        draws_theta=draws.theta,
        draws_usable=usable,
        draws_method="cluster_bootstrap" if rows.spec.clustered else "percentile_bootstrap",
        n_starts_agreeing=evidence.starts_agreeing,
        n_starts=evidence.n_starts,
        pivot_compute_flop=float(np.exp(np.log(compute).mean())) if form is POWER_LAW else None,
        evidence=evidence,
        objective_batched=float(point.objective[0]),
    )


__all__ = ["GroupFit", "GroupRows", "fit_form", "group_seed", "kappa_gradient"]

"""Kappa of a long table: the point estimate is that of every row, its spread that of a sample, scaled to all of them.

The fit itself costs little whatever the number of rows; a thousand refits and the tests of the residuals do not. They
are made on a sample of rows, or of whole models, and their spread is multiplied by the root of the sample's share (the
m out of n bootstrap; Politis, Romano & Wolf 1999, Subsampling, chapter 2). Where a form is fitted to the frontier
alone, the rows that can lie on it in any resample are few, and nothing is sampled.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.calibration.kappa.evidence import z_curv_of
from race_to_efficiency.calibration.kappa.forms import CHINCHILLA, Coordinates, Form
from race_to_efficiency.calibration.kappa.intervals import spread
from race_to_efficiency.calibration.kappa.objective import Objective
from race_to_efficiency.calibration.kappa.robust import BatchFit, fit_batch
from race_to_efficiency.own_tables.efficient_runs import frontier_candidates

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.calibration.kappa.group_fit import GroupFit
    from race_to_efficiency.calibration.kappa.group_rows import GroupRows
    from race_to_efficiency.calibration.kappa.groups import FormFitter
    from race_to_efficiency.own_tables.run_checks import TableFindings
    from race_to_efficiency.own_tables.run_table import RunTable
    from race_to_efficiency.settings.kappa import KappaParams

LONG_RUNS = 1_000
"""Rows whose every leave-one-out and thousands of refits are made within a few seconds."""

FEW_CLUSTERS = 250
"""Models that are all in the sample; of more, as many are drawn whole."""

_STEP = 50
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Sample:
    """The rows of a long table whose refits tell how far the estimate may be off.

    Parameters
    ----------
    rows : (m,) int
    scale : float
        What the spread of the sample's refits is multiplied by.
    words : str
    """

    rows: NDArray[np.intp]
    scale: float
    words: str


def sample_of(n_rows: int, clusters: NDArray[np.int64] | None, seed: int) -> Sample:
    """Draw rows of a table of independent runs, or rows of every model where runs share models.

    Parameters
    ----------
    n_rows : int
    clusters : (n,) int or None
        Model of each row.
    seed : int
    """
    rng = np.random.default_rng(np.random.SeedSequence([seed, n_rows]))
    if clusters is None:
        rows = np.sort(rng.choice(n_rows, LONG_RUNS, replace=False))
        words = (
            f"fitted to all {n_rows:,} rows; spread, influence and tests of the residuals from {LONG_RUNS:,} at random"
        )
        return Sample(rows, float(np.sqrt(LONG_RUNS / n_rows)), words)
    counts = np.bincount(clusters)
    taken = np.arange(len(counts))
    if len(counts) > FEW_CLUSTERS:
        taken = np.sort(rng.choice(len(counts), FEW_CLUSTERS, replace=False))
    order = rng.permutation(n_rows)
    order = order[np.isin(clusters[order], taken)]
    order = order[np.argsort(clusters[order], kind="stable")]  # models together, their rows in random order
    begins = np.flatnonzero(np.diff(clusters[order], prepend=-1))
    place = np.arange(len(order)) - np.repeat(begins, np.diff(np.append(begins, len(order))))
    rows = np.sort(order[place < max(LONG_RUNS // len(taken), 4)])
    words = f"fitted to all {n_rows:,} rows; spread, influence and tests of the residuals from {len(rows):,} rows of "
    return Sample(rows, float(np.sqrt(len(taken) / len(counts))), f"{words}{len(taken)} of {len(counts)} models")


def _polished(form: Form, point: BatchFit, inputs: list[Floats], loss: Floats, delta: float) -> BatchFit:
    """Return a point estimate after two more Newton steps, or as it was where they bring no smaller gradient."""
    space = Coordinates.of(form, inputs, loss)
    objective = Objective(space.rows, np.ones((1, len(loss))), delta, ridge=0.0)
    only = np.zeros(1, dtype=np.intp)
    x = space.solver(point.theta[0])
    value, gradient, hessian = objective(x[None], only)
    for _ in range(2):
        moved = x - np.linalg.pinv(hessian[:, :, 0]) @ gradient[:, 0]
        theta = space.natural(moved[None])
        again, slope, curvature = objective(moved[None], only)
        inside = bool(form.admits(theta)[0]) and (moved[form.terms : form.terms + form.floor] > 0).all()
        if not inside or not np.abs(slope).max() < np.abs(gradient).max():
            break
        x, value, gradient, hessian = moved, again, slope, curvature
        point = replace(point, theta=theta, objective=value)
    return point


class LongFitter:
    """Fits the forms to a long table, as `fit_form` fits them to a group.

    Parameters
    ----------
    table : RunTable
        Every row.
    findings : TableFindings
    clusters : (n,) int or None
    sample : Sample
    group : callable
        Makes a `GroupRows` of some rows.
    fitter : callable
        Fits a form to those.
    """

    def __init__(
        self,
        table: RunTable,
        findings: TableFindings,
        clusters: NDArray[np.int64] | None,
        sample: Sample,
        group: Callable[[NDArray[np.intp]], GroupRows],
        fitter: FormFitter,
    ) -> None:
        self.table, self.findings, self.clusters, self.sample = table, findings, clusters, sample
        self.group, self.fitter = group, fitter
        self.efficient: NDArray[np.intp] | None = None

    def __call__(self, form: Form, everything: GroupRows, params: KappaParams, *, seed: int) -> GroupFit:
        """Fit one form; ``everything`` is the sample."""
        quantities, rule = self.table.quantities, self.findings.frontier
        if form is not CHINCHILLA and rule != "all":
            if self.efficient is None:  # the same for both forms on compute alone
                self.efficient = frontier_candidates(rule, quantities, self.clusters, params.frontier_tolerance_dex)
            return self.fitter(form, self.group(self.efficient), params, seed=seed)
        fit = self.fitter(form, everything, params, seed=seed)
        if not fit.batches.point.converged[0] or not form.admits(fit.record.theta):
            return fit
        inputs, loss, start = [quantities[name] for name in form.inputs], quantities["loss"], fit.record.theta[None]
        for step in (slice(None, None, _STEP), slice(None)):
            some, y = [x[step] for x in inputs], loss[step]
            if len(y) <= len(everything):
                continue
            point = fit_batch(form, some, y, np.ones(len(y)), starts=start, delta=params.delta)
            if not point.converged[0] or not form.admits(point.theta[0]):
                return fit.doubted("the fit to all rows did not converge: this is the fit to a sample")
            start = point.theta
        return self._moved(fit, _polished(form, point, inputs, loss, params.delta), inputs, loss)

    def _moved(self, fit: GroupFit, point: BatchFit, inputs: list[Floats], loss: Floats) -> GroupFit:
        """Return the sample's fit with the estimate of all rows and the spread they leave."""
        form, scale, theta = fit.form, self.sample.scale, point.theta[0]
        x = fit.space.solver(theta)
        draws = fit.batches.bootstrap
        fine = form.admits(draws.theta)
        moved = np.full_like(draws.theta, np.nan)
        moved[fine] = x + scale * (fit.space.solver(draws.theta[fine]) - fit.x)
        head = form.terms + form.floor
        moved[:, form.terms : head] = np.maximum(moved[:, form.terms : head], 0.0)
        bootstrap = replace(draws, theta=fit.space.natural(moved))
        usable = fit.usable & fine & (bootstrap.theta[:, head:] > 0).all(axis=1)
        squares = sum(
            float(np.square(np.log(loss[some]) - form.log_loss(theta, [q[some] for q in inputs])).sum())
            for some in (slice(k, k + _CHUNK) for k in range(0, len(loss), _CHUNK))
        )
        kept = bootstrap.theta[usable]
        compute = self.table.quantities["compute_flop"]
        residual_sd = float(np.sqrt(squares / max(len(loss) - len(form.columns), 1)))
        z_curv = z_curv_of(form, theta, fit.rows, residual_sd)
        evidence = replace(
            fit.evidence,
            theta=theta,
            stderr=np.array([spread(column) for column in kept.T]),
            kappa=float(form.kappa(theta)),
            kappa_stderr=spread(form.kappa(kept)),
            n_rows=len(loss),
            n_clusters=len(loss) if self.clusters is None else int(self.clusters.max()) + 1,
            compute_decades=float(np.log10(compute.max() / compute.min())),
            residual_sd=residual_sd,
            z_curv=None if z_curv is None else z_curv / scale,
            profile_closed=None,
        )
        robust = replace(fit.robust, covariance=fit.robust.covariance * scale**2, bread=fit.robust.bread * scale**2)
        own = [q[self.sample.rows] for q in inputs]
        residuals = np.log(loss[self.sample.rows]) - form.log_loss(theta, own)
        record = replace(fit.record, theta=theta, objective=float(point.objective[0]), residuals=residuals)
        batches = replace(fit.batches, bootstrap=bootstrap)
        return replace(
            fit, record=record, batches=batches, x=x, robust=robust, profile=None, usable=usable, evidence=evidence
        )

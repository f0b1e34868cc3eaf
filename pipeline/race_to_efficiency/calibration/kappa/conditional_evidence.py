"""What the gate looks at in a fit under conditions.

It is that of the other fits as far as such a fit has it: no profile; and the runs that pull hardest at kappa are left
out singly and two together, in place of every run in turn. A condition that the runs contradict is a reason for doubt.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.calibration.kappa.conditional_fit import Point, fit_point, settle
from race_to_efficiency.calibration.kappa.conditions import Bound
from race_to_efficiency.calibration.kappa.cutoff import CutoffTest, cutoff_test, lower_half
from race_to_efficiency.calibration.kappa.evidence import Evidence, z_curv_of
from race_to_efficiency.calibration.kappa.forms import CHINCHILLA, FORMS, Coordinates
from race_to_efficiency.calibration.kappa.intervals import bootstrap_weights, spread
from race_to_efficiency.calibration.kappa.lack_of_fit import LackOfFit, lack_of_fit
from race_to_efficiency.calibration.kappa.robust import BatchFit

if TYPE_CHECKING:
    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.calibration.kappa.group_rows import GroupRows
    from race_to_efficiency.settings.kappa import KappaParams

_HALF_REFITS = 40

_LEFT_OUT = 6
"""Runs, those that pull hardest at kappa, that are left out."""


def evidence_under(
    bound: Bound, rows: GroupRows, point: Point, weight: Floats, draws: Floats, converged: float, params: KappaParams
) -> Evidence:
    """Collect what the gate looks at.

    Parameters
    ----------
    bound : Bound
    rows : GroupRows
        The runs that count.
    point : Point
    weight : (n,) float
    draws : (m, p) float
        Usable refits.
    converged : float
        Share of refits that are usable.
    params : KappaParams
    """
    form, theta, residuals = bound.form, bound.theta(point.free), bound.residuals(point.free)
    family = FORMS.get(form.name, replace(CHINCHILLA, name=form.name))
    kept = len(family.columns)
    free, kappa = len(bound.names), float(form.kappa(theta))
    sd = float(np.sqrt(np.square(residuals).sum() / max(len(rows) - free, 1)))
    low, high = rows.compute_range_flop
    slopes = bound.slopes(point.free, residuals)
    size = np.sqrt(np.square(slopes).sum(axis=1))
    ordered = np.linalg.eigvalsh((slopes / size[:, None]) @ (slopes / size[:, None]).T) if (size > 0).all() else [0.0]
    determined = bool(ordered[0] > 1e-13)
    error = spread(form.kappa(draws))
    against = () if rows.spec.clustered else _contradicted(bound, point, weight, residuals)
    ends = [f"the runs do not tell {name}: it ends at its bound" for name in bound.at_an_end(point.free)]
    return Evidence(
        form=family,
        theta=theta[:kept],
        stderr=np.array([spread(column) for column in draws.T[:kept]]),
        kappa=kappa,
        kappa_stderr=error,
        n_rows=len(rows),
        n_clusters=rows.n_units,
        clustered=bool(rows.spec.clustered),
        compute_decades=float(np.log10(high / low)),
        residual_sd=sd,
        z_curv=z_curv_of(form, theta, rows, sd) if "E" in bound.names else None,
        starts_agreeing=point.n_agreeing,
        n_starts=point.n_starts,
        condition=float(ordered[-1] / ordered[0]) if determined else np.inf,
        positive_definite=determined,
        profile_closed=None,
        bootstrap_converged=converged,
        leave_two_out=_unstable(bound, rows, point, weight, slopes, error) if determined else (),
        cutoff=_cutoff(bound, rows, point, weight, params),
        lack_of_fit=_misfit(bound, theta, residuals, rows),
        known_defects=(*rows.doubts, *ends, *against),
        fatal=rows.fatal,
        n_free=free,
    )


def _contradicted(bound: Bound, point: Point, weight: Floats, residuals: Floats) -> tuple[str, ...]:
    """Return in words that the runs contradict what is fixed or tied: the robust likelihood-ratio test of it.

    References
    ----------
    Heritier & Ronchetti (1994), J. Am. Stat. Assoc. 89.
    """
    from scipy.special import chdtrc

    conditions = bound.conditions
    held = len(conditions.fixed) + len(conditions.tied)
    if not held:
        return ()
    whole = replace(conditions, fixed={}, tied={})
    free = Bound(bound.form, bound.inputs, np.exp(bound.log_loss), whole, bound.delta)
    fall = point.cost - fit_point(free, weight).cost
    size, delta = np.abs(residuals), bound.delta
    near = max(delta, float(np.quantile(size, 0.4)))
    curvature = (
        float((bound.pull(residuals, weight) / np.minimum(1.0, delta / size))[size <= near].sum()) * delta / near
    )
    scores = bound.pull(residuals, weight) * residuals
    ratio = 2.0 * fall * curvature / float(scores @ scores)
    p = float(chdtrc(held, max(ratio, 0.0)))
    return (f"the runs contradict {conditions.held} (p = {p:.1g}): free, the fit is closer",) if p < 0.01 else ()


def _cutoff(bound: Bound, rows: GroupRows, point: Point, weight: Floats, params: KappaParams) -> CutoffTest | None:
    """Return how far the fit of the lower half of the compute misses the largest runs.

    None too where the lower half determines the form so little that its own refits scatter by a third of that.
    """
    half = lower_half(bound.form, rows.quantities["compute_flop"])
    if half is None or not bound.form.floor:
        return None
    found = settle(bound.of_rows(half), point.free[None], weight[None, half])
    one = np.ones(1, dtype=np.int64)
    ended = np.array(["converged" if found.converged[0] else "not_finished"])
    fit = BatchFit(bound.theta(found.free), found.cost, found.converged, one, one, ended, bound.form.columns)
    test = cutoff_test(bound.form, rows, half, fit, params.frontier_tolerance_dex)
    if test is None:
        return None
    units = [rows.units[k] for k in np.flatnonzero(half)]
    counts = bootstrap_weights(units, _HALF_REFITS, len(units)) * weight[half]
    again = settle(bound.of_rows(half), np.tile(found.free, (_HALF_REFITS, 1)), counts)
    top = np.argsort(rows.quantities["compute_flop"], kind="stable")[-test.n_predicted :]
    missed = spread(bound.residuals(again.free)[:, top].mean(axis=1))
    return test if abs(test.mean_error) > 3.0 * missed else None


def _misfit(bound: Bound, theta: Floats, residuals: Floats, rows: GroupRows) -> LackOfFit | None:
    """Test the form where it is a floor or chinchilla form of some quantities, those of fresh data or a dense model."""
    form, inputs = bound.form, bound.inputs
    if form.name not in FORMS:
        form, inputs, theta = CHINCHILLA, list(form.effective(theta, inputs)), theta[:5]
    head = form.terms + form.floor
    if not form.floor or not (np.isfinite(inputs).all() and (theta[: form.terms] > 0).all() and theta[head] > 0):
        return None
    space = Coordinates.of(form, inputs, np.exp(bound.log_loss))
    return lack_of_fit(space, space.solver(theta), theta, residuals, rows.units, inputs)


def _unstable(
    bound: Bound, rows: GroupRows, point: Point, weight: Floats, slopes: Floats, error: float
) -> tuple[str, ...]:
    """Return in words what leaving out the runs that pull hardest at kappa changes, singly or two together."""
    form, step = bound.form, 1e-6 * np.maximum(np.abs(point.free), 0.1)
    kappa = float(form.kappa(bound.theta(point.free)))
    gradient = (form.kappa(bound.theta(point.free + np.diag(step))) - kappa) / step
    residuals = bound.residuals(point.free)
    pull = bound.pull(residuals, weight) * residuals
    normal = (slopes * bound.pull(residuals, weight)) @ slopes.T
    move = (gradient @ np.linalg.pinv(normal, hermitian=True) @ slopes) * pull
    order = np.argsort(-np.abs(move), kind="stable")[:_LEFT_OUT].tolist()
    sets = [(k,) for k in order] + [(order[0], k) for k in order[1:]]
    weights = np.tile(weight, (len(sets), 1))
    for row, gone in zip(weights, sets, strict=True):
        row[list(gone)] = 0.0
    kappas = form.kappa(bound.theta(settle(bound, np.tile(point.free, (len(sets), 1)), weights).free))
    worst = int(np.nanargmax(np.abs(kappas - kappa)))
    if abs(kappas[worst] - kappa) <= 1.96 * error and kappas[worst] > 0:
        return ()
    names = " and ".join(rows.ids[k] for k in sets[worst])
    return (f"kappa moves to {kappas[worst]:.3g} without {names}, outside its 95 % interval",)

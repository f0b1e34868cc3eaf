"""Refits that start from the point estimate: a table that determines its form needs no search from everywhere.

Whether it does is tried on a few bootstrap refits. Where most do not converge the fit will be refused, and no more are
made; where one that is searched in full ends better, several optima compete, and fewer are made from all of those.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.calibration.kappa.forms import Coordinates
from race_to_efficiency.calibration.kappa.objective import Objective
from race_to_efficiency.calibration.kappa.record_fit import jacobian
from race_to_efficiency.calibration.kappa.robust import BatchFit, fit_batch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.calibration.kappa.forms import Form

TRIED = 40
"""Refits that show whether most converge."""

LEAST_CONVERGED = 0.75
"""Below the share at which the gate refuses, by as much as forty refits may err."""

SEARCHED = 12
"""Refits searched in full: of optima that one refit in four misses, this many show one in 30 tables of 31."""

UNITS_PER_PARAMETER = 10
"""Units from which a point that every cold start finds leaves its resamples one optimum too."""

AT_ONCE = 50_000
"""Refits times rows up to which all are made in one computation, that of the first to be looked at included."""

FEWER = 300
"""Refits where optima compete: each takes several searches."""

ONE_STEP_ROWS = 200
"""Rows from which leaving one out is one Newton step, but for the most influential."""

EXACT = 30
"""Rows that are left out exactly all the same."""

_STARTS = 4
_NO_BETTER = 1e-7
"""Relative gain of an objective that moves kappa by far less than its standard error."""


def fit_near_point(
    form: Form,
    inputs: Sequence[Floats],
    loss: Floats,
    weights: Floats,
    *,
    delta: float,
    left_out: int,
    refits: int,
    units: int,
    point: BatchFit | None = None,
) -> BatchFit:
    """Fit a form to every row of ``weights``, the first being the point estimate.

    Parameters
    ----------
    form : Form
    inputs : sequence of (n,) float
    loss : (n,) float, nats/token
    weights : (B, n) float
        The point, then one row left out each, then other fits, then bootstrap refits.
    delta : float
    left_out, refits : int
        Numbers of fits that leave a row out, and of bootstrap refits (the last ones).
    units : int
        Independent units that are resampled.
    point : BatchFit, optional
        The point estimate, where it is known.

    Returns
    -------
    BatchFit
        One fit a row of weights, or fewer bootstrap refits where more would tell nothing.
    """
    first = len(weights) - refits
    point = point or fit_batch(form, inputs, loss, weights[:1], delta=delta, thorough=False)
    if not (point.converged[0] and form.admits(point.theta).all()):
        return fit_batch(form, inputs, loss, weights[: first + TRIED], delta=delta)
    without, resampled = weights[1 : 1 + left_out], weights[first:]
    stepped, telling = _stepped(form, inputs, loss, weights[: 1 + left_out], point, delta)
    exactly = without[telling]
    at_once = len(resampled) if resampled.size <= AT_ONCE else TRIED
    made = fit_batch(
        form, inputs, loss, np.concatenate([exactly, resampled[:at_once]]), starts=point.theta, delta=delta
    )
    parts = [point, _replaced(stepped, telling, made.part(slice(0, len(exactly))))]
    if first > 1 + left_out:
        parts.append(fit_batch(form, inputs, loss, weights[1 + left_out : first], delta=delta))
    agreed = point.n_starts_agreeing[0] == point.n_starts[0] and units >= UNITS_PER_PARAMETER * len(form.columns)
    straight = form.terms == 1 and not form.floor  # and has one optimum
    begun = made.part(slice(len(exactly), None))
    parts.append(_refits(form, inputs, loss, resampled, point, begun, delta, sure=bool(agreed or straight)))
    whole = parts[0]
    for part in parts[1:]:
        whole = whole.followed_by(part)
    return whole


def _refits(
    form: Form,
    inputs: Sequence[Floats],
    loss: Floats,
    weights: Floats,
    point: BatchFit,
    made: BatchFit,
    delta: float,
    *,
    sure: bool,
) -> BatchFit:
    """Return bootstrap refits from the point, of which the first are ``made``, or fewer than there are weights.

    ``sure`` where no other optimum need be looked for.
    """
    tried = made.part(slice(0, TRIED))
    if tried.converged.mean() < LEAST_CONVERGED or len(weights) <= TRIED:
        return tried

    def whole() -> BatchFit:
        left = weights[len(made.theta) :]
        if not len(left):
            return made
        return made.followed_by(fit_batch(form, inputs, loss, left, starts=point.theta, delta=delta))

    if sure and tried.converged.all():
        return whole()
    searched = fit_batch(form, inputs, loss, weights[:SEARCHED], delta=delta, thorough=False)
    better = searched.converged & ~(searched.objective >= tried.objective[:SEARCHED] * (1.0 - _NO_BETTER))
    if not better.any():
        return whole()
    starts = [point.theta[0]]
    for theta in searched.theta[better & form.admits(searched.theta)]:
        apart = [abs(float(form.kappa(theta) / form.kappa(other)) - 1.0) > 0.02 for other in starts]
        if all(apart) and len(starts) < _STARTS:
            starts.append(theta)
    return fit_batch(form, inputs, loss, weights[:FEWER], starts=np.stack(starts), delta=delta)


def _stepped(
    form: Form, inputs: Sequence[Floats], loss: Floats, weights: Floats, point: BatchFit, delta: float
) -> tuple[BatchFit | None, NDArray[np.intp]]:
    """Return one Newton step to the fits that leave a row out, where those are many, and which must be made exactly.

    Parameters
    ----------
    weights : (1 + m, n) float
        The point's, and those without each of m rows.

    Returns
    -------
    BatchFit or None, (k,) int
        None where all m are to be made.
    """
    if len(weights) <= ONE_STEP_ROWS:
        return None, np.arange(len(weights) - 1)
    space = Coordinates.of(form, inputs, loss)
    x = space.solver(point.theta[0])
    _, _, hessian = Objective(space.rows, weights[:1], delta)(x[None], np.zeros(1, dtype=np.intp))
    rows = (weights[1:] != weights[0]).argmax(axis=1)
    residuals = space.rows.log_loss - space.rows.log_prediction(x[None])[0]
    pull = weights[0, rows] * np.clip(residuals[rows], -delta, delta)
    moved = x - (pull[:, None] * jacobian(space, x)[rows]) @ np.linalg.pinv(hessian[:, :, 0])
    if form.floor:
        moved[:, form.terms] = np.maximum(moved[:, form.terms], 0.0)
    theta = space.natural(moved)
    count = len(theta)
    steps = BatchFit(
        theta, np.repeat(point.objective, count), np.repeat(point.converged, count), np.ones(count, dtype=np.int64),
        np.ones(count, dtype=np.int64), np.repeat(point.status, count), point.columns,
    )  # fmt: skip
    change = np.abs(form.kappa(theta) - form.kappa(point.theta[0]))
    return steps, np.sort(np.argsort(-change, kind="stable")[:EXACT])


def _replaced(steps: BatchFit | None, telling: NDArray[np.intp], exact: BatchFit) -> BatchFit:
    """Return approximate fits with the telling ones made exactly; those alone where there is no approximation."""
    if steps is None:
        return exact
    names = ("theta", "objective", "converged", "status")
    held = {name: getattr(steps, name).copy() for name in names}
    for name, values in held.items():
        values[telling] = getattr(exact, name)
    return replace(steps, **held)

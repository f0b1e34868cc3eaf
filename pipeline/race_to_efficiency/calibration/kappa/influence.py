"""Which runs move kappa: exact leave-one-out by the batched solver, leverage, and leave-two-out stability."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.calibration.kappa.forms import Coordinates, Form
from race_to_efficiency.calibration.kappa.record_fit import jacobian
from race_to_efficiency.calibration.kappa.robust import BatchFit, fit_batch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from race_to_efficiency.arrays import Floats

_PAIR_ROWS = 6
_OUTLYING = 4.0


@dataclass(frozen=True)
class Influence:
    """Exact influence of every run on a fit.

    Parameters
    ----------
    kappa : float
        With all rows.
    left_out : (n,) float
        Kappa with each row left out; NaN where that fit did not converge.
    theta_left_out : (n, p) float
    residuals : (n,) float
        ln(observed) - ln(predicted).
    leverage : (n,) float
        Diagonal of G (G'G)^-1 G', in [0, 1]; its mean is p/n.
    scale : float
        1.4826 x median |residual|.
    """

    kappa: float
    left_out: Floats
    theta_left_out: Floats
    residuals: Floats
    leverage: Floats
    scale: float

    @property
    def change(self) -> Floats:
        """Kappa without the row minus kappa with it, (n,)."""
        return self.left_out - self.kappa

    @property
    def leverage_outlier(self) -> NDArray[np.bool_]:
        """Rows both far from the fit (4 robust sd) and with more than twice the mean leverage, (n,)."""
        far = np.abs(self.residuals) > _OUTLYING * self.scale
        return np.asarray(far & (self.leverage > 2.0 * self.leverage.mean()))

    def order(self) -> NDArray[np.intp]:
        """Return row numbers, the most influential first."""
        return np.argsort(-np.nan_to_num(np.abs(self.change), nan=np.inf), kind="stable")


def influence_of(form: Form, inputs: Sequence[Floats], loss: Floats, theta: Floats, left_out: BatchFit) -> Influence:
    """Collect what leaving each run out does to a fit.

    Parameters
    ----------
    form : Form
    inputs : sequence of (n,) float
    loss : (n,) float, nats/token
    theta : (p,) float
        The fit to all rows.
    left_out : BatchFit
        Fit k leaves row k out.
    """
    space = Coordinates.of(form, inputs, loss)
    gradient = jacobian(space, space.solver(theta))
    inverse = np.linalg.pinv(gradient.T @ gradient)
    residuals = np.log(loss) - form.log_loss(theta, inputs)
    return Influence(
        kappa=float(form.kappa(theta)),
        left_out=np.where(left_out.converged, form.kappa(left_out.theta), np.nan),
        theta_left_out=left_out.theta,
        residuals=residuals,
        leverage=np.einsum("ij,jk,ik->i", gradient, inverse, gradient),
        scale=1.4826 * float(np.median(np.abs(residuals))),
    )


def leave_one_out(form: Form, inputs: Sequence[Floats], loss: Floats, *, delta: float) -> tuple[BatchFit, Influence]:
    """Fit all runs, and refit without each in turn, starting from that fit.

    Returns
    -------
    BatchFit, Influence
        The fit to all rows, and the influence of each.
    """
    n = len(loss)
    point = fit_batch(form, inputs, loss, np.ones(n), delta=delta, thorough=False)
    start = point.theta if point.converged[0] and form.admits(point.theta).all() else None
    fits = fit_batch(form, inputs, loss, 1.0 - np.eye(n), starts=start, delta=delta)
    return point, influence_of(form, inputs, loss, point.theta[0], fits)


def leave_two_out(
    form: Form, inputs: Sequence[Floats], loss: Floats, influence: Influence, *, delta: float
) -> tuple[Floats, list[tuple[int, int]]]:
    """Refit without every pair of the six most influential runs.

    Returns
    -------
    (m, p) float, list of (int, int)
        Fits and the rows left out; fits that did not converge are NaN.
    """
    chosen = influence.order()[:_PAIR_ROWS]
    pairs = [(int(i), int(j)) for i, j in itertools.combinations(chosen, 2)]
    weights = np.ones((len(pairs), len(loss)))
    for row, pair in enumerate(pairs):
        weights[row, list(pair)] = 0.0
    starts = influence.theta_left_out[chosen]
    starts = starts[form.admits(starts)][:3]
    fits = fit_batch(form, inputs, loss, weights, starts=starts if len(starts) else None, delta=delta)
    return np.where(fits.converged[:, None], fits.theta, np.nan), pairs


def influence_table(
    influence: Influence, ids: Sequence[str], form: Form, kappa_stderr: float, *, limit: int = 10
) -> list[dict[str, Any]]:
    """Return the most influential runs, by name, as rows of the report's table."""
    table = []
    for row in influence.order()[:limit]:
        without = {name: float(value) for name, value in zip(form.columns, influence.theta_left_out[row], strict=True)}
        table.append(
            {
                "run": ids[row],
                "kappa_with": influence.kappa,
                "kappa_without": float(influence.left_out[row]),
                "change": float(influence.change[row]),
                "change_in_stderr": float(influence.change[row] / kappa_stderr) if kappa_stderr > 0 else None,
                "residual": float(influence.residuals[row]),
                "residual_in_sd": float(influence.residuals[row] / influence.scale) if influence.scale > 0 else None,
                "leverage": float(influence.leverage[row]),
                "leverage_outlier": bool(influence.leverage_outlier[row]),
                "without": without,
            }
        )
    return table

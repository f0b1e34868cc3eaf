"""Does the form predict what it has not seen? The lower half of the compute fitted, the largest runs predicted.

Curvature against noise says nothing of a wrong form: a law that bends the wrong way fits its own range and misses what
lies beyond. Judged are the chinchilla and the floor form; a power law is a tangent, so its miss is its curvature.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.calibration.kappa.efficient import budgets

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.calibration.kappa.forms import Form
    from race_to_efficiency.calibration.kappa.group_rows import GroupRows
    from race_to_efficiency.calibration.kappa.robust import BatchFit

HALF = 0.5
"""Share of the log-compute range that is fitted."""

TOP = 0.1
"""Share of the runs, the largest, that are predicted (isoFLOP designs: the top budget)."""

_MIN_FITTED_PER_PARAMETER = 2


@dataclass(frozen=True)
class CutoffTest:
    """The lower half of a group's compute fitted, its largest runs predicted.

    Parameters
    ----------
    cutoff_flop : float, FLOP
    n_fitted, n_predicted : int
    decades_beyond : float
        From the largest fitted compute to the mean log compute of the predicted runs.
    mean_error : float
        Of ln loss; positive: the runs were worse than predicted.
    residual_sd : float
        Of the fit below the cut-off, in ln loss.
    """

    cutoff_flop: float
    n_fitted: int
    n_predicted: int
    decades_beyond: float
    mean_error: float
    residual_sd: float

    @property
    def error_in_sd(self) -> float:
        """The mean error in residual sd, without sign."""
        return abs(self.mean_error) / max(self.residual_sd, 1e-300)

    def to_json(self) -> dict[str, Any]:
        """Return the test as a JSON-ready mapping."""
        return {**vars(self), "error_in_sd": self.error_in_sd}


def lower_half(form: Form, compute_flop: Floats) -> NDArray[np.bool_] | None:
    """Return which runs lie in the lower half of the log-compute range; None where too few do, or none above.

    Parameters
    ----------
    form : Form
    compute_flop : (n,) float, FLOP
    """
    log_compute = np.log(compute_flop)
    below = log_compute <= log_compute.min() + HALF * np.ptp(log_compute)
    enough = below.sum() >= _MIN_FITTED_PER_PARAMETER * len(form.columns) and not below.all()
    return np.asarray(below) if enough else None


def largest(rows: GroupRows, tolerance_dex: float) -> NDArray[np.intp]:
    """Return the runs to be predicted: those of the top budget of an isoFLOP design, else the top tenth by compute."""
    compute = rows.quantities["compute_flop"]
    order = np.argsort(compute, kind="stable")
    if rows.spec.frontier == "isoflop_minima":
        number = budgets(compute[order], tolerance_dex)
        return np.asarray(order[number == number[-1]])
    return np.asarray(order[-max(1, round(TOP * len(order))) :])


def cutoff_test(
    form: Form, rows: GroupRows, below: NDArray[np.bool_], fit: BatchFit, tolerance_dex: float
) -> CutoffTest | None:
    """Return how far the fit below the cut-off misses the largest runs; None where it did not converge.

    Parameters
    ----------
    form : Form
    rows : GroupRows
        The rows of the point estimate.
    below : (n,) bool
        Of `lower_half`.
    fit : BatchFit
        The fit of those rows.
    tolerance_dex : float
    """
    if not fit.converged[0]:
        return None
    error = np.log(rows.quantities["loss"]) - form.log_loss(fit.theta[0], rows.inputs(form))
    top = largest(rows, tolerance_dex)
    top = top[~below[top]]
    log_compute = np.log10(rows.quantities["compute_flop"])
    if not len(top):
        return None
    fitted = float(log_compute[below].max())
    return CutoffTest(
        cutoff_flop=float(10.0**fitted),
        n_fitted=int(below.sum()),
        n_predicted=len(top),
        decades_beyond=float(log_compute[top].mean() - fitted),
        mean_error=float(error[top].mean()),
        residual_sd=float(np.sqrt((error[below] ** 2).sum() / max(int(below.sum()) - len(form.columns), 1))),
    )

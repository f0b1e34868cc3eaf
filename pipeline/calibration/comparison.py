"""Forms compared on the same runs, and the test a scaling law must pass: predict larger runs from smaller ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.calibration.forms import FORMS, Form
from pipeline.calibration.robust import fit_batch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_MIN_FITTED_PER_PARAMETER = 2


def compare_forms(quantities: Mapping[str, Floats], names: Sequence[str], *, delta: float) -> list[dict[str, Any]]:
    """Fit several forms to the same runs and score each by exact leave-one-out and by AICc.

    AICc takes the residuals as Laplace distributed, which is what a Huber threshold far below their spread assumes.

    Parameters
    ----------
    quantities : mapping of str to (n,) float
        params, tokens, compute_flop, loss of the runs all forms are fitted to.
    names : sequence of str
        Form names.
    delta : float

    Returns
    -------
    list of dict
        form, n_rows, n_parameters, kappa, mean_absolute_error, leave_one_out_error, aicc, aicc_difference,
        runs_test_p: a small p says the residuals still bend along compute.

    References
    ----------
    Hurvich & Tsai (1989), Biometrika 76; Wald & Wolfowitz (1940) for the runs test.
    """
    loss = quantities["loss"]
    n = len(loss)
    rows = []
    for form in (FORMS[name] for name in names):
        size = len(form.columns)
        if n < size + 3:
            continue
        inputs = [quantities[name] for name in form.inputs]
        fits = fit_batch(form, inputs, loss, np.concatenate([np.ones((1, n)), 1.0 - np.eye(n)]), delta=delta)
        if not fits.converged[0]:
            continue
        errors = np.log(loss) - form.log_loss(fits.theta[0], inputs)
        with np.errstate(invalid="ignore"):
            left_out = np.diagonal(np.log(loss) - form.log_loss(fits.theta[1:], inputs))
        scale = float(np.abs(errors).mean())
        parameters = size + 1
        aicc = 2 * n * (np.log(2 * scale) + 1) + 2 * parameters * n / max(n - parameters - 1, 1)
        rows.append(
            {
                "form": form.name,
                "n_rows": n,
                "n_parameters": size,
                "kappa": float(form.kappa(fits.theta[0])),
                "mean_absolute_error": scale,
                "leave_one_out_error": float(np.nanmean(np.abs(left_out))),
                "aicc": float(aicc),
                "runs_test_p": runs_test(errors[np.argsort(quantities["compute_flop"], kind="stable")]),
            }
        )
    best = min((row["aicc"] for row in rows), default=0.0)
    return [{**row, "aicc_difference": row["aicc"] - best} for row in rows]


def runs_test(residuals: Floats) -> float | None:
    """Return the two-sided p value of the Wald-Wolfowitz runs test on residual signs; None where one sign is absent."""
    from statsmodels.sandbox.stats.runs import runstest_1samp

    signs = residuals > 0
    if signs.all() or not signs.any():
        return None
    _, p = runstest_1samp(signs.astype(float), cutoff=0.5, correction=False)
    return float(p)


def extrapolation(
    form: Form, quantities: Mapping[str, Floats], cutoffs: Sequence[float], *, delta: float
) -> list[dict[str, Any]]:
    """Fit below a compute cut-off, predict the larger runs, and report the error.

    Parameters
    ----------
    form : Form
    quantities : mapping of str to (n,) float
    cutoffs : sequence of float
        Shares of the group's log-compute range, in (0, 1).
    delta : float

    Returns
    -------
    list of dict
        cutoff_flop, n_fitted, n_predicted, decades_beyond, kappa, mean_error and mean_absolute_error of ln(loss)
        (positive: the run was worse than predicted), worst_error.
    """
    loss, log_compute = quantities["loss"], np.log(quantities["compute_flop"])
    inputs = [quantities[name] for name in form.inputs]
    edges = log_compute.min() + np.asarray(cutoffs) * np.ptp(log_compute)
    fitted = log_compute <= edges[:, None]
    enough = fitted.sum(axis=1) >= _MIN_FITTED_PER_PARAMETER * len(form.columns)
    kept = np.flatnonzero(enough & (~fitted).any(axis=1))
    rows = []
    for k in kept:
        fit = fit_batch(form, inputs, loss, fitted[k].astype(float), delta=delta)
        if not fit.converged[0]:
            continue
        error = (np.log(loss) - form.log_loss(fit.theta[0], inputs))[~fitted[k]]
        rows.append(
            {
                "form": form.name,
                "cutoff_flop": float(np.exp(edges[k])),
                "n_fitted": int(fitted[k].sum()),
                "n_predicted": len(error),
                "decades_beyond": float((log_compute.max() - log_compute[fitted[k]].max()) / np.log(10.0)),
                "kappa": float(form.kappa(fit.theta[0])),
                "mean_error": float(error.mean()),
                "mean_absolute_error": float(np.abs(error).mean()),
                "worst_error": float(error[np.abs(error).argmax()]),
            }
        )
    return rows

"""Forms compared on the same runs, and the test a scaling law must pass: predict larger runs from smaller ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.calibration.kappa.discrepancy import excess_per_decade

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.calibration.kappa.forms import Form
    from race_to_efficiency.calibration.kappa.robust import BatchFit

_MIN_FITTED_PER_PARAMETER = 2


def score_form(form: Form, quantities: Mapping[str, Floats], theta: Floats, left_out: Floats) -> dict[str, Any]:
    """Score a form on its runs by exact leave-one-out and by AICc.

    AICc takes the residuals as Laplace distributed, which is what a Huber threshold far below their spread assumes.

    Parameters
    ----------
    form : Form
    quantities : mapping of str to (n,) float
        params, tokens, compute_flop, loss.
    theta : (p,) float
    left_out : (n, p) float
        Fit k leaves row k out; NaN where it did not converge.

    Returns
    -------
    dict
        form, n_rows, n_parameters, kappa, mean_absolute_error and leave_one_out_error of ln(loss), aicc,
        runs_test_p: a small p says the residuals still bend along compute.

    References
    ----------
    Hurvich & Tsai (1989), Biometrika 76; Wald & Wolfowitz (1940) for the runs test.
    """
    log_loss = np.log(quantities["loss"])
    inputs = [quantities[name] for name in form.inputs]
    n, parameters = len(log_loss), len(form.columns) + 1
    errors = log_loss - form.log_loss(theta, inputs)
    with np.errstate(invalid="ignore"):
        predictive = np.diagonal(log_loss - form.log_loss(left_out, inputs))
    scale = float(np.abs(errors).mean())
    aicc = 2 * n * (np.log(2 * max(scale, 1e-300)) + 1) + 2 * parameters * n / max(n - parameters - 1, 1)
    known = np.abs(predictive[np.isfinite(predictive)])
    return {
        "form": form.name,
        "n_rows": n,
        "n_parameters": len(form.columns),
        "kappa": float(form.kappa(theta)),
        "mean_absolute_error": scale,
        "leave_one_out_error": float(known.mean()) if len(known) else None,
        "aicc": float(aicc),
        "runs_test_p": runs_test(errors[np.argsort(quantities["compute_flop"], kind="stable")]),
    }


def ranked(scores: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return scores of forms fitted to the same runs with their AICc above the best."""
    best = min((row["aicc"] for row in scores), default=0.0)
    return [{**row, "aicc_difference": row["aicc"] - best} for row in scores]


def runs_test(residuals: Floats) -> float | None:
    """Return the two-sided p value of the runs test on residual signs; None where one sign is absent.

    Parameters
    ----------
    residuals : (n,) float

    References
    ----------
    Wald & Wolfowitz (1940), On a test whether two samples are from the same population: moments of the number of runs,
    normal approximation without continuity correction.
    """
    from scipy.special import ndtr

    signs = residuals > 0
    n, positive = len(signs), int(signs.sum())
    pairs = 2.0 * positive * (n - positive)
    variance = pairs * (pairs - n) / (n**2 * (n - 1.0)) if pairs else 0.0
    if variance <= 0:
        return None
    runs = 1 + int(np.count_nonzero(signs[1:] != signs[:-1]))
    return float(2.0 * ndtr(-abs(runs - pairs / n - 1.0) / np.sqrt(variance)))


def below_cutoffs(form: Form, compute_flop: Floats, cutoffs: Sequence[float]) -> tuple[Floats, Floats]:
    """Return the cut-offs that leave enough runs below and any above, FLOP, and the runs below each as weights.

    Parameters
    ----------
    form : Form
    compute_flop : (n,) float, FLOP
    cutoffs : sequence of float
        Shares of the log-compute range, in (0, 1).

    Returns
    -------
    (k,) float, (k, n) float
    """
    log_compute = np.log(compute_flop)
    edges = log_compute.min() + np.asarray(cutoffs) * np.ptp(log_compute)
    below = log_compute <= edges[:, None]
    enough = (below.sum(axis=1) >= _MIN_FITTED_PER_PARAMETER * len(form.columns)) & (~below).any(axis=1)
    return np.exp(edges[enough]), below[enough].astype(np.float64)


def extrapolation_rows(
    form: Form, quantities: Mapping[str, Floats], edges: Floats, below: Floats, fits: BatchFit
) -> list[dict[str, Any]]:
    """Return the error of predicting the larger runs from the fits below each cut-off.

    Parameters
    ----------
    form : Form
    quantities : mapping of str to (n,) float
    edges, below
        From `below_cutoffs`.
    fits : BatchFit
        One fit a cut-off.

    Returns
    -------
    list of dict
        cutoff_flop, n_fitted, n_predicted, decades_beyond, kappa, mean_error and mean_absolute_error of ln(loss)
        (positive: the runs were worse than predicted), worst_error; discrepancy_per_decade, see `excess_per_decade`.
    """
    log_compute = np.log10(quantities["compute_flop"])
    inputs = [quantities[name] for name in form.inputs]
    rows = []
    for k in np.flatnonzero(fits.converged):
        fitted = below[k] > 0
        errors = np.log(quantities["loss"]) - form.log_loss(fits.theta[k], inputs)
        error, free = errors[~fitted], max(int(fitted.sum()) - len(form.columns), 1)
        beyond = log_compute[~fitted] - log_compute[fitted].max()
        scatter = float(np.sqrt(errors[fitted] @ errors[fitted] / free))
        rows.append(
            {
                "form": form.name,
                "cutoff_flop": float(edges[k]),
                "n_fitted": int(fitted.sum()),
                "n_predicted": len(error),
                "decades_beyond": float(beyond.max()),
                "kappa": float(form.kappa(fits.theta[k])),
                "mean_error": float(error.mean()),
                "mean_absolute_error": float(np.abs(error).mean()),
                "worst_error": float(error[np.abs(error).argmax()]),
                "discrepancy_per_decade": excess_per_decade(error, beyond, scatter),
            }
        )
    return rows

"""Runs with much leverage that lie far from a fit: what it says without them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.calibration.kappa.robust import fit_batch

if TYPE_CHECKING:
    from race_to_efficiency.calibration.kappa.group_fit import GroupFit
    from race_to_efficiency.settings.kappa import KappaParams


def without_outliers(fit: GroupFit, params: KappaParams) -> GroupFit:
    """Doubt a fit that hangs on runs far from it and with much leverage: what it says without them."""
    outliers = np.flatnonzero(fit.influence.leverage_outlier)
    if not len(outliers) or len(outliers) > 0.2 * len(fit.rows):
        return fit
    weights = np.ones(len(fit.rows))
    weights[outliers] = 0.0
    inputs, loss = fit.rows.inputs(fit.form), fit.rows.quantities["loss"]
    other = fit_batch(fit.form, inputs, loss, weights, delta=params.delta, thorough=False)
    kappa = float(fit.form.kappa(other.theta[0]))
    if not other.converged[0] or abs(kappa - fit.kappa) <= fit.stderr_of(fit.form.symbol):
        return fit
    names = ", ".join(fit.rows.ids[k] for k in outliers[:8])
    return fit.doubted(
        f"{len(outliers)} runs with leverage lie far from the fit ({names}): without them kappa is {kappa:.4g}"
    )

"""Starts for the two-term form at a given kappa: how much of the fall is the parameters', how much the data's.

Where sizes are nearly tied to each other that split is hardly told by the runs, and several of them are optima of their
own. At given exponents the form is linear, so that amplitudes and floor follow by least squares.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.calibration.kappa.forms import Coordinates

_SHIFTS = (0.0, -0.7, 0.7, -1.5, 1.5)
"""Of ln(alpha / kappa - 1), which is ln(alpha / beta); doublings of it both ways."""

_LEAST_SHARE = 1e-3


def split_starts(space: Coordinates, x: Floats, targets: Floats) -> Floats:
    """Return starts near each kappa, one for each split between the two terms.

    Parameters
    ----------
    space : Coordinates
        Of a form with two terms and a floor.
    x : (p,) float
        Solver coordinates of the optimum, from whose split the others are counted.
    targets : (m,) float
        Kappas, greater than 0.

    Returns
    -------
    (s m, p) float
        Solver coordinates, of all targets for each split in turn.

    References
    ----------
    Golub & Pereyra (1973), SIAM J. Numer. Anal. 10:413, for fits that are linear but for a few parameters.
    """
    head = space.form.terms + space.form.floor
    alpha, beta = x[head:] / space.width
    level = np.exp(space.rows.log_loss)
    starts = np.empty((len(_SHIFTS), len(targets), len(x)))
    for shift, found in zip(_SHIFTS, starts, strict=True):
        ratio = alpha / beta * np.exp(shift)
        slopes = targets[:, None] * np.array([1.0 + ratio, 1.0 + 1.0 / ratio]) * space.width
        for start, pair in zip(found, slopes, strict=True):
            with np.errstate(over="ignore"):
                falls = np.exp([-slope * feature for slope, feature in zip(pair, space.rows.features, strict=True)])
            design = np.column_stack([*falls, np.ones_like(level)]) / level[:, None]
            if not (np.isfinite(design).all() and ratio > 0):
                start[:] = x  # a fit that falls in one quantity alone has no splits
                continue
            amounts = np.linalg.lstsq(design, np.ones_like(level))[0]
            least = _LEAST_SHARE * np.abs(amounts).max()
            start[:2], start[2], start[head:] = np.log(np.maximum(amounts[:2], least)), max(amounts[2], least), pair
    return starts.reshape(-1, len(x))

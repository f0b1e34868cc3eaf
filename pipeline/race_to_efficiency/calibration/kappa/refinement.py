"""An optimum to its last digits: Newton steps whose gradient is summed in extended precision.

Where the noise is far above the Huber threshold the objective is nearly flat along some direction, and a gradient
summed in double precision, whose last digits are the processor's own, leaves the optimum undetermined there in its
fifth digit. A few more digits in the gradient alone determine it: iterative refinement (Wilkinson 1963; Moler 1967,
J. ACM 14, 316-321).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.calibration.kappa.objective import Objective

    Extended = NDArray[np.longdouble]

_MAX_STEPS = 12
"""A step gains the digits that the Hessian has right: four on the flattest optimum of the ledger."""


def refined(objective: Objective, start: Floats) -> Floats:
    """Return the optimum beside ``start`` (p,), or ``start`` where no step leads nearer to it.

    Parameters
    ----------
    objective : Objective
        Its first row of weights is taken.
    start : (p,) float
        An optimum in double precision.

    Returns
    -------
    (p,) float
    """
    here, only = start.astype(np.longdouble), np.zeros(1, dtype=np.intp)
    best, least = here, np.inf
    for _ in range(_MAX_STEPS):
        slope = gradient(objective, here)
        _, _, hessian = objective(here.astype(np.float64)[None], only)
        try:
            step = np.linalg.solve(hessian[:, :, 0], -slope.astype(np.float64))
        except np.linalg.LinAlgError:
            break
        decrement = float(-slope @ step)
        if not 0.0 <= decrement < least:
            break
        best, least = here, decrement
        here = here + step
    return best.astype(np.float64)


def gradient(objective: Objective, theta: Extended) -> Extended:
    """Return the objective's gradient (p,) at ``theta`` (p,), summed in extended precision."""
    rows, terms = objective.rows, objective.terms
    head = terms + rows.floor
    features = [x.astype(np.longdouble) for x in rows.features]
    powers = [np.exp(theta[k] - theta[head + k] * x) for k, x in enumerate(features)]
    total = sum(powers, theta[terms] if rows.floor else np.longdouble(0.0))
    residuals = rows.log_loss - np.log(total)
    pull = np.clip(residuals, -objective.delta, objective.delta) + objective.ridge * residuals
    pull = objective.weights[0] * pull / total
    floor = [-pull.sum()] if rows.floor else []
    return np.array(
        [*(-(pull * power).sum() for power in powers), *floor]
        + [(pull * power * x).sum() for power, x in zip(powers, features, strict=True)]
    )

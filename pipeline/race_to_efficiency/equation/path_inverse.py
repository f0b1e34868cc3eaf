"""Time to a target along any fleet and efficiency path, by a bracketed root in ln t."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.equation.domain import FloatArray, scalar_or_array
from race_to_efficiency.equation.inverses import log_ratio_needed
from race_to_efficiency.equation.monotone import increasing_root
from race_to_efficiency.equation.path_options import FleetOptions, compute_path
from race_to_efficiency.equation.paths import compute_rate, log_ratio_of

if TYPE_CHECKING:
    from typing import Unpack

    from numpy.typing import ArrayLike

EARLIEST_YEARS, LATEST_YEARS = 1e-9, 1e9
"""Search window: sooner counts as the left end, a target not reached by the right end as unreachable."""


def time_to_target_on_path(
    target: ArrayLike,
    kappa: ArrayLike,
    gamma: ArrayLike,
    *,
    floor: ArrayLike = 0.0,
    **path: Unpack[FleetOptions],
) -> FloatArray:
    """Years until the loss ratio reaches a target along a path of `log_compute_ratio`.

    Parameters
    ----------
    target, kappa, gamma, floor
        As in `time_to_target`.
    **path
        fleet and baseline_years; growing, stepped, delayed or frozen fleets, headroom, and the run convention, as in
        `log_compute_ratio`.

    Returns
    -------
    (...) float, years
        Infinity when the target is not reached within a thousand million years.
    """
    needed = log_ratio_needed(target, kappa, floor)
    route = compute_path(gamma, **path)
    shape = np.broadcast_shapes(needed.shape, log_ratio_of(route, np.ones(())).shape)
    needed = np.broadcast_to(needed, shape)
    low, high = np.full(shape, np.log(EARLIEST_YEARS)), np.full(shape, np.log(LATEST_YEARS))
    with np.errstate(all="ignore"):
        never = ~(log_ratio_of(route, np.exp(high)) >= needed)
        at_once = log_ratio_of(route, np.zeros(shape)) >= needed

        def gap(x: FloatArray) -> tuple[FloatArray, FloatArray]:
            t = np.exp(x)
            value = log_ratio_of(route, t) - needed
            settled = never | at_once
            return np.where(settled, 0.0, value), np.where(settled, 1.0, compute_rate(route, t) * t)

        years = np.exp(increasing_root(gap, low, high))
    return scalar_or_array(np.where(at_once, 0.0, np.where(never, np.inf, years)))

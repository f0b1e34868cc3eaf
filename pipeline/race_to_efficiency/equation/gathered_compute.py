"""The compute gathered along a path, relative to that of the reference date: what every loss here is a power of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from race_to_efficiency.equation import domain
from race_to_efficiency.equation.domain import FloatArray, scalar_or_array
from race_to_efficiency.equation.path_options import compute_path
from race_to_efficiency.equation.paths import log_ratio_of

if TYPE_CHECKING:
    from typing import Unpack

    from numpy.typing import ArrayLike

    from race_to_efficiency.equation.path_options import PathOptions


def log_compute_ratio(
    t: ArrayLike,
    gamma: ArrayLike,
    *,
    fleet: ArrayLike = 1.0,
    baseline_years: ArrayLike = 1.0,
    **path: Unpack[PathOptions],
) -> FloatArray:
    """Natural log of X(t), the compute gathered by t over that of the reference date.

    Parameters
    ----------
    t : (...) float, years
        At least 0; infinity gives the limit of a constant path.
    gamma : (...) float, doublings/year
        Efficiency-doubling rate, of either sign.
    fleet : (...) float, multiples of the baseline fleet
        Power relative to the fleet that gathered C0.
    baseline_years : (...) float, years
        tau0: how long the baseline fleet ran to gather C0 (1 in the paper).
    fleet_growth : (...) float, doublings/year
        Growth of the fleet's power; adds to gamma in a cumulative path.
    fleet_breaks, fleet_multiples : (k,) float, years and multiples of `fleet`
        A fleet that changes in steps: the i-th multiple holds from the i-th break on; nothing runs before the first.
    start_delay : (...) float, years
        Nothing runs before this date.
    frozen : bool
        Hardware keeps the efficiency of the day it was bought: the start, or each break.
    headroom : (...) float, doublings, optional
        How far efficiency can rise; None for no limit.
    saturation : {"hard", "exponential", "logistic", "tanh"}
        Shape of the approach to the headroom.
    fleet_in_baseline : bool
        The fleet also did the first tau0 years (C0 = m P0 E0 tau0), and X stays relative to the BASELINE's C0.
    convention : {"cumulative", "run"}
        "cumulative" (the paper): compute gathers from a fleet. "run": the compute of the largest single run,
        X = 2^((gamma + power_growth + duration_growth) t).
    power_growth, duration_growth : (...) float, doublings/year
        Growth of a run's power and duration; for the run convention only.

    Returns
    -------
    (...) float, nats

    Raises
    ------
    ValueError
        Names the argument and the value outside its domain, and options of the other convention.

    References
    ----------
    Lu (2025), "The Race to Efficiency", arXiv 2501.02156.
    """
    route = compute_path(gamma, fleet=fleet, baseline_years=baseline_years, **path)
    return scalar_or_array(log_ratio_of(route, domain.duration("t", t)))

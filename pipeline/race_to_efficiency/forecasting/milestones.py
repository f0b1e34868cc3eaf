"""When a path gets somewhere: years to a loss, years until two scenarios cross; for every draw, "never" included.

Years to a target have no finite mean under normal kappa and gamma, so there are quantiles and the probability of never,
and no mean anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.forecasting.quantiles import quantiles_with_infinity
from race_to_efficiency.relative_loss import crossover_time
from race_to_efficiency.units import NEVER

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.forecasting.engine import DrawnPath


SCAN_YEARS = np.concatenate([np.arange(0.25, 40.25, 0.25), np.geomspace(41.0, 1e9, 60)])
"""Times looked at to bracket a first passage: by quarter for forty years, then in growing steps to a billion."""

CROSSING_YEARS = np.geomspace(0.02, 100.0, 90)
"""Times looked at to bracket a crossing of two curves: a hundred years."""

BISECTIONS = 60
"""Halvings of a bracket: more than a float64 can tell apart."""


@dataclass(frozen=True)
class Passage:
    """When something happens, over the draws.

    Parameters
    ----------
    years : (n,) float
        inf where it never does.
    """

    years: Floats

    @property
    def probability_never(self) -> float:
        """Share of draws in which it never happens."""
        return float(np.isinf(self.years).mean())

    def probability_by(self, years: float) -> float:
        """Share of draws in which it has happened ``years`` from now."""
        return float((self.years <= years).mean())

    def quantiles(self, levels: Sequence[float] | Floats) -> Floats:
        """Return quantiles in years; inf where that share of the draws never gets there."""
        return quantiles_with_infinity(self.years, levels)


def log_ratio_of_target(kappa: Floats, target: float | Floats) -> Floats:
    """Return the ln X at which X^-kappa equals a target; inf for a target of 0 or less.

    Parameters
    ----------
    kappa : (n,) float
    target : float or (n,) float
        Loss ratio, at most 1.

    Returns
    -------
    (n,) float
    """
    goal = np.broadcast_to(np.asarray(target, dtype=np.float64), kappa.shape)
    with np.errstate(divide="ignore"):
        return np.asarray(-np.log(np.maximum(goal, 0.0)) / kappa, dtype=np.float64)


def reducible_target(target: float, floor: Floats) -> Floats:
    """Return the reducible ratio that makes L/L0 equal ``target``; 0 where the floor forbids it.

    Parameters
    ----------
    target : float
        L/L0 wanted.
    floor : (n,) float
        E/L0.
    """
    return np.asarray(np.maximum(target - floor, 0.0) / (1.0 - floor), dtype=np.float64)


def time_to_log_ratio(path: DrawnPath, log_ratio: Floats) -> Passage:
    """Return when ln X(t) first reaches a level, for every draw.

    Parameters
    ----------
    path : ComputePath
    log_ratio : (n,) float
        Level of ln X; 0 or less is met at once, inf never.

    Returns
    -------
    Passage
    """
    wanted = np.broadcast_to(np.asarray(log_ratio, dtype=np.float64), (path.n_draws,))
    years = path.years_to(wanted)
    if years is None:
        later = np.isfinite(wanted) & (wanted > 0)
        years = np.where(later, _first_passage(path, wanted), np.where(wanted <= 0, 0.0, NEVER))
    return Passage(years)


def _first_passage(path: DrawnPath, wanted: Floats) -> Floats:
    """Bracket the first time ln X reaches the level by scanning forward, then bisect."""
    started, years = _first_time(lambda t: path.log_compute_ratio(t) >= wanted, np.append(0.0, SCAN_YEARS))
    return np.where(started, 0.0, years)


def _first_time(
    happened: Callable[[float | Floats], NDArray[np.bool_]], times: Floats
) -> tuple[NDArray[np.bool_], Floats]:
    """Return where it has happened at the first of the times, and elsewhere when it first does, in years."""
    from_start = happened(float(times[0]))
    found = from_start.copy()
    low, high = np.full(found.size, times[0]), np.full(found.size, NEVER)
    for t in times[1:]:
        reached = ~found & happened(float(t))
        high[reached] = t
        found |= reached
        low[~found] = t
        if found.all():
            break
    return from_start, _bisect(happened, low, high)


def _bisect(happened: Callable[[float | Floats], NDArray[np.bool_]], low: Floats, high: Floats) -> Floats:
    """Halve every finite bracket [low, high] of a yes that follows a no; infinite ones stay infinite."""
    never = np.isinf(high)
    left, right = low.copy(), np.where(never, low, high)
    for _ in range(BISECTIONS):
        middle = 0.5 * (left + right)
        yes = happened(middle)
        right = np.where(yes, middle, right)
        left = np.where(yes, left, middle)
    return np.where(never, NEVER, right)


@dataclass(frozen=True)
class Crossing:
    """When a path that starts behind overtakes one that starts ahead.

    Parameters
    ----------
    passage : Passage
        inf where they do not cross within `horizon_years`, or where there is nothing to overtake.
    ahead_from_start : (n,) bool
        Draws in which the later one leads at once.
    horizon_years : float
    """

    passage: Passage
    ahead_from_start: NDArray[np.bool_]
    horizon_years: float


def crossing(ahead_first: DrawnPath, ahead_later: DrawnPath) -> Crossing:
    """Return when the compute of ``ahead_later`` passes that of ``ahead_first``, draw by draw.

    At equal kappa and floor the losses cross where the computes do, in either reading.

    Parameters
    ----------
    ahead_first, ahead_later : ComputePath
        Of one convention, with the same joint draws.

    Raises
    ------
    ValueError
        When the conventions differ: a run's compute and a fleet's accumulated compute are not the same thing.
    """
    conventions = [getattr(path, "convention", "cumulative") for path in (ahead_first, ahead_later)]
    if conventions[0] != conventions[1]:
        raise ValueError(f"ahead_first and ahead_later must share a convention, got {conventions}")

    def overtaken(t: float | Floats) -> NDArray[np.bool_]:
        return np.asarray(ahead_later.log_compute_ratio(t) >= ahead_first.log_compute_ratio(t))

    times = CROSSING_YEARS
    if ahead_first.steady is not None and ahead_later.steady is not None:
        (hare_rate, hare_scale), (turtle_rate, turtle_scale) = ahead_first.steady, ahead_later.steady
        years = crossover_time(hare_scale, hare_rate, turtle_scale, turtle_rate, basis="cumulative")
        never = (years <= 0) | (years > times[-1])
        return Crossing(Passage(np.where(never, NEVER, years)), years <= 0, float(times[-1]))
    from_start, years = _first_time(overtaken, times)
    return Crossing(Passage(years), from_start, float(times[-1]))

"""Profile of the objective in kappa: the interval that may stay open, and the ridge of (kappa, E).

A point of the profile is a fit with a quadratic pull of kappa towards a target: whatever kappa it ends at, the fit
minimises the objective at that kappa, so the profile is exact and needs no constrained solver.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from race_to_efficiency.calibration.common.estimates import Interval
from race_to_efficiency.calibration.kappa.intervals import Sandwich, kappa_gradient
from race_to_efficiency.calibration.kappa.newton import NOT_FINISHED, minimise
from race_to_efficiency.calibration.kappa.objective import Objective
from race_to_efficiency.calibration.kappa.pulled import Pulled
from race_to_efficiency.calibration.kappa.split_starts import split_starts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.calibration.kappa.forms import Coordinates

_STEPS = 14
_FURTHER = 5
_WIDEST = 6.0
_STIFFNESS = 30.0
_TOLERANCE = 1e-8
_SAME = 1e-6
_END_TOLERANCE = 1e-15
_MET = 1e-6
"""A root deviance this near its limit is on it but for one linear step, which leaves the square of that. Nearer than
1e-7 a pulled fit does not tell targets apart."""
_STILL = 1e-13
_FAR = 20.0
"""Deviance beyond which no limit is passed; 3.84 is the widest."""
_MOST_STEPS = 60


@dataclass(frozen=True)
class Profile:
    """The profile of one fit.

    Parameters
    ----------
    kappa : (m,) float
        Ascending.
    floor : (m,) float, nats/token
        E at each kappa.
    deviance : (m,) float
        Scaled so that 3.84 is the 95 % limit (chi-square, 1 df).
    ends : mapping of float to (float or None, float or None)
        Where the deviance passes the limit of each level, by bracketing; None where the profile never does.
    """

    kappa: Floats
    floor: Floats
    deviance: Floats
    ends: Mapping[float, tuple[float | None, float | None]]

    def interval(self, level: float) -> Interval:
        """Return where the deviance stays below its limit; an end the profile never reaches is open (None)."""
        return Interval("profile", level, *self.ends[level])


class _Side(NamedTuple):
    """Traced points from the optimum outwards: targets (m,), solver coordinates (m, p) and root deviance (m,)."""

    targets: Floats
    ends: Floats
    root: Floats


class _Walk:
    """Fits pulled towards targets (m,): the best end of each so far (m, p), and its pulled objective (inf: no end)."""

    def __init__(self, trace: _Trace, targets: Floats, start: Floats) -> None:
        self.trace, self.targets = trace, targets
        self.ends, self.values = np.tile(start, (len(targets), 1)), np.full(len(targets), np.inf)

    def take(self, starts: Floats, iterations: int, who: NDArray[np.bool_] | slice = slice(None)) -> Floats:
        """Fit from ``starts`` (s m, p), s for each target, keep what is no worse, and return the objectives reached."""
        targets = np.tile(self.targets[who], len(starts) // len(self.targets[who]))
        ends, values = self.trace.pulled(targets, starts, _TOLERANCE, iterations)
        for some in np.split(np.arange(len(targets)), len(targets) // len(self.targets[who])):
            better = values[some] <= self.values[who]
            self.ends[who] = np.where(better[:, None], ends[some], self.ends[who])
            self.values[who] = np.minimum(values[some], self.values[who])
        return values


class _Trace:
    """The profile of one fit while it is traced: fits pulled towards targets, and what they cost."""

    def __init__(self, space: Coordinates, x: Floats, covariance: Sandwich, delta: float) -> None:
        gradient = kappa_gradient(space, x)
        self.space, self.delta = space, delta
        self.model = float(gradient @ covariance.bread @ gradient)
        self.actual = float(gradient @ covariance.covariance @ gradient)
        self.weights = np.ones((1, len(space.rows.log_loss)))
        self.objective = Objective(space.rows, self.weights, delta)
        self.lowest = float(self.cost(x[None])[0])

    def cost(self, ends: Floats) -> Floats:
        """Return the objective at solver coordinates (m, p), (m,)."""
        return self.objective(ends, np.zeros(len(ends), dtype=np.intp))[0]

    def pulled(self, targets: Floats, start: Floats, tolerance: float, iterations: int) -> tuple[Floats, Floats]:
        """Return fits pulled towards targets from ``start`` (m, p), and their pulled objectives (inf: no end)."""
        if self.objective.straight:
            return self._pinned(targets, start)
        objective = Pulled(self.space, self.weights, self.delta, targets, _STIFFNESS / self.model)
        index = np.arange(len(targets))
        ends, values, status = minimise(objective, start, index, tolerance=tolerance, max_iterations=iterations)
        return ends, np.where(status == NOT_FINISHED, np.inf, values)

    def _pinned(self, targets: Floats, start: Floats) -> tuple[Floats, Floats]:
        """Return the lines of given kappas and their objectives: their height is found in one step along it."""
        only = np.zeros(len(targets), dtype=np.intp)
        ends = np.column_stack([start[:, 0], targets * self.space.width[0]])
        state, step = [ends, *self.objective(ends, only)], np.zeros_like(ends)
        residual = self.space.rows.log_loss - self.space.rows.log_prediction(ends)
        step[:, 0] = -np.sign(state[2][0]) * np.abs(residual).max(axis=1)
        ends = ends + self.objective.step_lengths(state, step, only)[:, None] * step
        return ends, self.objective(ends, only)[0]

    def walked(self, targets: Floats, inner: NDArray[np.intp], start: Floats, *, splits: bool) -> Floats:
        """Return fits pulled towards targets, (m, p), NaN where none came to an end (as with a floor below zero).

        Each starts at ``start``, and once more from where the target at ``inner`` ended; the better one is kept. Where
        the two differ anywhere, other ``splits`` between two terms are tried. Those that came to no end follow one by
        one, each as soon as its inner neighbour has.
        """
        walk = _Walk(self, targets, start)
        first = walk.take(walk.ends, 80)
        again = walk.take(walk.ends[inner], 40)
        agree = np.isfinite(again) & (np.isinf(first) | np.isclose(first, again, rtol=_SAME, atol=0.0))
        if splits and self.space.form.terms == 2 and not agree.all():
            walk.take(split_starts(self.space, start, targets), 60)
            walk.take(walk.ends[inner], 40)
        waiting = np.isinf(walk.values)
        while (ready := waiting & np.isfinite(walk.values[inner])).any():
            walk.take(walk.ends[inner[ready]], 40, ready)
            waiting &= ~ready
        walk.ends[np.isinf(walk.values)] = np.nan
        return walk.ends

    def deviance(self, ends: Floats) -> Floats:
        """Return twice the rise of the objective, in units of the sandwich variance of kappa, (m,)."""
        return np.asarray(2.0 * (self.cost(ends) - self.lowest) * self.model / self.actual)

    def slope(self, targets: Floats, ends: Floats) -> Floats:
        """Return half the slope of the deviance in kappa at fits pulled towards targets: the pull they withstand."""
        if self.objective.straight:
            _, gradient, _ = self.objective(ends, np.zeros(len(ends), dtype=np.intp))
            return np.asarray(self.model / self.actual * gradient[1] * self.space.width[0])
        return _STIFFNESS / self.actual * (targets - self.space.form.kappa(self.space.natural(ends)))

    def crossings(self, sides: Sequence[_Side], limits: Floats) -> list[float | None]:
        """Return where each side's root deviance first passes its limit, walking away from the optimum; None: nowhere.

        All are looked for at once: a fit costs as much as four.

        Parameters
        ----------
        sides : sequence of _Side
        limits : (len(sides),) float
            Of the root deviance, one a side.
        """
        first = [int(np.argmax(side.root >= limit)) for side, limit in zip(sides, limits, strict=True)]
        met = np.array([k for k, at in enumerate(first) if at > 0], dtype=np.intp)
        if not len(met):
            return [None] * len(sides)
        steps = [(sides[k], first[k]) for k in met]
        inside, outside = (np.array([side.targets[at - back] for side, at in steps]) for back in (1, 0))
        short, over = (np.array([side.root[at - back] for side, at in steps]) - limits[met] for back in (1, 0))
        found = np.stack([side.ends[at - 1] for side, at in steps])
        last, between, over_by = np.zeros(len(met)), np.full(len(met), np.inf), np.zeros(len(met))
        moving = np.ones(len(met), dtype=np.bool_)
        for _ in range(_MOST_STEPS):
            before, between = between, inside - short * (outside - inside) / (over - short)
            moving &= np.abs(between - before) > _STILL * np.abs(between)  # the objective's rounding hides what is left
            at = np.flatnonzero(moving)
            if not len(at):
                break
            found[at], _ = self.pulled(between[at], found[at], _END_TOLERANCE, 60)
            excess = np.sqrt(np.maximum(self.deviance(found[at]), 0.0)) - limits[met[at]]
            # false position; an end that stays twice counts half (Dowell & Jarratt 1971), so both ends close in
            low, high = at[excess < 0], at[~(excess < 0)]
            over[low] *= np.where(last[low] < 0, 0.5, 1.0)
            short[high] *= np.where(last[high] > 0, 0.5, 1.0)
            inside[low], short[low] = between[low], excess[excess < 0]
            outside[high], over[high] = between[high], excess[~(excess < 0)]
            last[at] = excess
            near = np.abs(excess) < _MET
            moving[at], done = ~near, at[near]
            over_by[done] = excess[near] * limits[met[done]] / self.slope(between[done], found[done])
        ends = self.space.form.kappa(self.space.natural(found)) - over_by
        known = dict(zip(met.tolist(), ends.tolist(), strict=True))
        return [known.get(k) for k in range(len(sides))]


def profile_kappa(
    space: Coordinates, x: Floats, covariance: Sandwich, *, delta: float, levels: Sequence[float] = (0.95, 0.8)
) -> Profile:
    """Trace the profile until it is far above its limits, or over a sixth to six times the estimate.

    Twice the rise of the objective, times the ratio of the model's variance of kappa to its sandwich variance, is
    chi-square with one degree of freedom (the robust likelihood-ratio test; clusters enter through the sandwich).

    Parameters
    ----------
    space : Coordinates
    x : (p,) float
        Optimum in solver coordinates.
    covariance : Sandwich
    delta : float
    levels : sequence of float
        Of the intervals whose ends are wanted.

    References
    ----------
    Heritier & Ronchetti (1994), J. Am. Stat. Assoc. 89; Kent (1982), Biometrika 69.
    """
    from scipy.special import ndtri

    trace = _Trace(space, x, covariance, delta)
    centre = float(space.form.kappa(space.natural(x)))
    steps = np.linspace(0.0, 1.0, _STEPS + 1)[1:] ** 2
    near = min(6.0 * np.sqrt(trace.actual) / centre, np.log(_WIDEST))
    index = np.arange(-_STEPS, _STEPS + 1)
    targets = centre * np.exp(np.concatenate([-near * steps[::-1], [0.0], near * steps]))
    ends = trace.walked(targets, _STEPS + index - np.sign(index), x, splits=True)
    sound, parts = np.flatnonzero(np.isfinite(ends[:, 0])), [(targets, ends)]
    further = np.linspace(near, np.log(_WIDEST) * 1.1, _FURTHER + 1)[1:]
    for last, sign in ((0, -1.0), (-1, 1.0)):
        if not trace.deviance(ends[[last]])[0] > _FAR:  # a limit may be passed further out, or nowhere
            more = centre * np.exp(sign * further)
            begin = ends[sound[last]] if len(sound) else x
            parts.append((more, trace.walked(more, np.maximum(np.arange(_FURTHER) - 1, 0), begin, splits=False)))
    targets, ends = (np.concatenate(part) for part in zip(*parts, strict=True))
    trace.lowest = float(np.fmin.reduce(trace.cost(ends), initial=trace.lowest))  # fmin passes over NaN
    kappa, deviance = space.form.kappa(space.natural(ends)), trace.deviance(ends)
    keep = np.isfinite(deviance) & np.isfinite(kappa) & _inside(space, ends)
    order = np.flatnonzero(keep)[np.argsort(kappa[keep], kind="stable")]
    root = np.sqrt(np.maximum(deviance[order], 0.0))
    if not len(order):
        return Profile(kappa[order], kappa[order], deviance[order], dict.fromkeys(levels, (None, None)))
    best = int(root.argmin())
    walks = [slice(best, None, -1), slice(best, None)]
    sides = [_Side(targets[order[walk]], ends[order[walk]], root[walk]) for walk in walks]
    limits = ndtri(0.5 + np.repeat(levels, 2) / 2)
    passed = trace.crossings(sides * len(levels), limits)
    # a weak pull may land anywhere, and a lower valley may lie beyond the estimate: no end there
    within = float(kappa[order[best]]), centre
    lows = [None if end is None or end > min(within) else end for end in passed[::2]]
    highs = [None if end is None or end < max(within) else end for end in passed[1::2]]
    crossings = dict(zip(levels, zip(lows, highs, strict=True), strict=True))
    floor = ends[order, space.form.terms] * space.level if space.form.floor else np.zeros(len(order))
    return Profile(kappa[order], floor, deviance[order], crossings)


def _inside(space: Coordinates, ends: Floats) -> NDArray[np.bool_]:
    """Return which points have no floor below zero: there the profile leaves the form."""
    if not space.form.floor:
        return np.ones(len(ends), dtype=np.bool_)
    return np.asarray(ends[:, space.form.terms] >= 0.0)

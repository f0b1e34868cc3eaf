"""Batched damped Newton: every (start, replicate) pair is driven to a vanishing gradient in one computation.

With a threshold as small as 1e-3 the objective is nearly a sum of absolute residuals: its valleys are thin and
curved, and a Newton step along one lands beside it. So a step that does not improve is followed for one more step
before it is taken back (the watchdog of Chamberlain et al. 1982), which restores fast convergence in the valley; and a
step of the floor form follows the curve along which its predictions move evenly (`Rows.moved`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from race_to_efficiency.calibration.kappa.objective import Objective

    Floats = NDArray[np.float64]

CONVERGED, FLOOR_AT_ZERO, SINGULAR, NOT_FINISHED, TOO_FEW_ROWS = range(5)
STATUS_NAMES = ("converged", "floor_at_zero", "singular", "not_finished", "too_few_rows")

_MAX_STEP = 2.0
_PIVOT_MIN = 1e-11
_FLOOR_GONE = -0.01
_PAIRS = (0, 0, 1, 2)
"""The axis along which points, objectives, gradients and Hessians hold one a pair."""


def damped_steps(hessian: Floats, gradient: Floats, damping: Floats, typical: Floats) -> tuple[Floats, Floats]:
    """Solve (H + damping x D) step = -gradient for every replicate by one vectorised LDL' factorisation.

    D is diag|H|, and not less than ``typical``: where hardly a residual lies within the threshold H says nothing.

    Non-positive pivots are replaced (Gill & Murray 1974), so the step is always a descent direction.

    Parameters
    ----------
    hessian : (p, p, b) float
    gradient : (p, b) float
    damping, typical : (b,) float

    Returns
    -------
    (p, b) float, (p, b) float
        Steps, and the pivots before any was replaced.
    """
    size, count = gradient.shape
    scale = np.maximum(np.abs(diagonal_of(hessian)), typical)
    work = np.empty((size, size + 1, count))  # the right-hand side is one more column: eliminated in the same stroke
    work[:, :size], work[:, size] = hessian, -gradient
    pivots = diagonal_of(work)
    sound, least, instead = 1e-12 * np.abs(pivots), 1e-9 * scale, 1e-3 * scale
    pivots += damping * scale
    used = np.empty_like(gradient)
    for j in range(size):
        np.maximum(pivots[j], least[j], out=used[j])
        np.copyto(used[j], instead[j], where=pivots[j] <= sound[j])
        if j < size - 1:
            row = work[j, j + 1 :]
            work[j + 1 :, j + 1 :] -= (row[:-1] / used[j])[:, None] * row
    step = work[:, size]
    for j in range(size - 1, -1, -1):
        step[j] /= used[j]
        if j:
            step[:j] -= work[:j, j] * step[j]
    return step, pivots


def diagonal_of(matrices: Floats) -> Floats:
    """Return a view of the diagonals, (p, b), of contiguous matrices (p, p or more, b)."""
    size, width, count = matrices.shape
    return matrices.reshape(size * width, count)[:: width + 1]


class _Descent:
    """The pairs still on their way: where each stands, the best point it knows, and its damping."""

    def __init__(self, objective: Objective, start: Floats, replicates: NDArray[np.intp]) -> None:
        self.objective = objective
        self.index = np.arange(len(start))
        self.replicates = replicates
        self.mass = objective.mass(replicates)
        self.here = [start.copy(), *objective(start, replicates)]
        self.best = [part.copy() for part in self.here]
        self.astray = np.zeros(len(start), dtype=bool)
        self.damping = np.full(len(start), 1e-3)
        lowest = float(np.exp(objective.rows.log_loss.min()))
        self.vanishing = _FLOOR_GONE * lowest if objective.rows.floor else -np.inf

    def steps(self) -> Floats:
        """Return the damped Newton steps, (p, b)."""
        return damped_steps(self.here[3], self.here[2], self.damping, self._typical())[0]

    def _typical(self) -> Floats:
        """Return the curvature residuals of average size would give (their majoriser's weight), (b,)."""
        ratio = self.mass * self.objective.delta**2 / np.maximum(self.here[1], 1e-280)
        return np.asarray(self.mass * np.minimum(1.0, ratio))

    def finished(self, step: Floats, tolerance: float) -> tuple[NDArray[np.bool_], NDArray[np.int8]]:
        """Return which pairs have ended, and every pair's status."""
        theta, value, gradient, hessian = self.here
        delta, arrived = self.objective.delta, ~self.astray
        lost = (self.damping > 1e10) | (theta[:, self.objective.terms] < self.vanishing)
        lost &= arrived
        arrived &= self.damping < 0.1
        arrived &= -0.5 * (gradient * step).sum(axis=0) <= tolerance * value + 1e-20 * delta**2 * self.mass
        status = np.full(len(theta), NOT_FINISHED, dtype=np.int8)
        if arrived.any():
            pull = self.mass * np.minimum(delta, np.sqrt(2.0 * value / self.mass))
            arrived &= np.abs(gradient).max(axis=0) <= max(1e-7, tolerance) * pull + 1e-15 * self.mass
        if arrived.any():
            here, typical = hessian.compress(arrived, axis=2), self._typical()[arrived]
            _, pivots = damped_steps(here, gradient[:, arrived], np.zeros_like(typical), typical)
            smallest = (pivots / np.maximum(np.abs(diagonal_of(here)), 1e-9 * typical)).min(axis=0)
            status[arrived] = np.where(smallest <= _PIVOT_MIN, SINGULAR, CONVERGED)
            status[lost & (status == CONVERGED)] = NOT_FINISHED
        if (
            self.objective.straight
        ):  # convex: no way down at any damping is the lowest point, a rounding error off a kink
            status[lost & np.isfinite(value)] = CONVERGED
        return arrived | lost, status

    def drop(self, done: NDArray[np.bool_]) -> None:
        """Forget the pairs that have ended."""
        keep = ~done
        self.index, self.replicates, self.mass = self.index[keep], self.replicates[keep], self.mass[keep]
        self.damping, self.astray = self.damping[keep], self.astray[keep]
        for state in (self.here, self.best):
            state[:] = [part.compress(keep, axis=axis) for part, axis in zip(state, _PAIRS, strict=True)]

    def advance(self, step: Floats) -> None:
        """Take the steps; keep what improves, follow what does not once more, then go back."""
        longest = np.abs(step).max(axis=0)
        there = self.objective.rows.moved(self.here[0], (step * (_MAX_STEP / np.maximum(longest, _MAX_STEP))).T)
        self.here = [there, *self.objective(there, self.replicates)]
        better = self.here[1] < self.best[1]
        if self.objective.straight and not better.all():
            better = self._shortened(~better)
        calmer = np.where(self.damping < 1e-8, 0.0, self.damping * 0.1)
        if better.all():
            self.best, self.astray, self.damping = list(self.here), np.zeros_like(better), calmer
            return
        for best, new in zip(self.best, self.here, strict=True):
            np.copyto(best, new, where=better[:, None] if new is there else better)
        back = ~better & (self.astray | ~np.isfinite(self.here[1]))
        self.damping = np.where(better, calmer, self.damping)
        self.astray = ~(better | back)
        if back.any():
            for here, best in zip(self.here, self.best, strict=True):
                np.copyto(here, best, where=back[:, None] if here is there else back)
            self.damping[back] = np.maximum(self.damping[back] * 20.0, 1e-4)

    def _shortened(self, missed: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Go from the best points only as far as their step gains, and return which pairs are better off now."""
        who = self.replicates[missed]
        state = [part.compress(missed, axis=axis) for part, axis in zip(self.best, _PAIRS, strict=True)]
        step = self.here[0][missed] - state[0]
        there = state[0] + self.objective.step_lengths(state, step, who)[:, None] * step
        for here, part, axis in zip(self.here, [there, *self.objective(there, who)], _PAIRS, strict=True):
            np.moveaxis(here, axis, 0)[missed] = np.moveaxis(part, axis, 0)
        return np.asarray(self.here[1] < self.best[1])


def minimise(
    objective: Objective,
    start: Floats,
    replicates: NDArray[np.intp],
    *,
    tolerance: float = 1e-13,
    max_iterations: int = 300,
    stragglers: int = 0,
) -> tuple[Floats, Floats, NDArray[np.int8]]:
    """Run damped Newton (Levenberg-Marquardt control) on every (start, replicate) pair until its gradient vanishes.

    A pair has converged when its Newton decrement is below ``tolerance`` x objective and its gradient below 1e-7 (or
    ``tolerance``, where that is coarser) x sum(weights) x the typical pull of a residual, with a positive definite
    Hessian.

    Parameters
    ----------
    objective : Objective
    start : (b, p) float
    replicates : (b,) int
        Which row of the weight matrix each start belongs to.
    tolerance : float
    max_iterations : int
    stragglers : int
        Stop once no more pairs than these are on their way (an iteration costs as much for one pair as for fifty).

    Returns
    -------
    (b, p) float, (b,) float, (b,) int8
        Parameters, objective, and one of CONVERGED, SINGULAR, NOT_FINISHED (also where the floor is vanishing).
    """
    theta, final = start.copy(), np.empty(len(start))
    status = np.full(len(start), NOT_FINISHED, dtype=np.int8)
    descent = _Descent(objective, start, replicates)
    for _ in range(max_iterations):
        step = descent.steps()
        done, reached = descent.finished(step, tolerance)
        if done.any():
            ended = descent.index[done]
            theta[ended], final[ended], status[ended] = descent.best[0][done], descent.best[1][done], reached[done]
            descent.drop(done)
            step = step[:, ~done]
        if len(descent.index) <= stragglers:
            break
        descent.advance(step)
    theta[descent.index], final[descent.index] = descent.best[0], descent.best[1]
    return theta, final, status


def minimise_at_zero_floor(
    objective: Objective, start: Floats, replicates: NDArray[np.intp], *, max_iterations: int
) -> tuple[Floats, Floats, NDArray[np.int8]]:
    """Minimise with the floor fixed at zero and say whether that is the optimum: d objective/dE >= 0 there (KKT).

    Takes and returns what `minimise` does.
    """
    terms, bare = objective.terms, objective.without_floor()
    ends, value, status = minimise(bare, np.delete(start, terms, axis=1), replicates, max_iterations=max_iterations)
    theta = np.insert(ends, terms, 0.0, axis=1)
    _, gradient, _ = objective(theta, replicates)
    here = (status == CONVERGED) & (gradient[terms] >= 0)
    return theta, value, np.where(here, FLOOR_AT_ZERO, NOT_FINISHED).astype(np.int8)

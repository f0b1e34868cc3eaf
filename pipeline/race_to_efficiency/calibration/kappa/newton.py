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

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.calibration.kappa.objective import Objective

CONVERGED, FLOOR_AT_ZERO, SINGULAR, NOT_FINISHED, TOO_FEW_ROWS = range(5)
STATUS_NAMES = ("converged", "floor_at_zero", "singular", "not_finished", "too_few_rows")

_MAX_STEP = 2.0
_PIVOT_MIN = 1e-11
_FLOOR_GONE = -0.01


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
    work = np.empty((size, size + 1, count))  # the right-hand side is one more column: eliminated in the same stroke
    work[:, :size] = hessian
    np.negative(gradient, out=work[:, size])
    pivots = diagonal_of(work)
    scale = np.abs(pivots)
    sound = 1e-12 * scale
    np.maximum(scale, typical, out=scale)
    pivots += damping * scale
    least, instead = 1e-9 * scale, 1e-3 * scale
    used = np.empty_like(scale)
    for j in range(size):
        np.maximum(pivots[j], least[j], out=used[j])
        np.copyto(used[j], instead[j], where=pivots[j] <= sound[j])
        if j < size - 1:
            row, rest = work[j, j + 1 :], work[j + 1 :, j + 1 :]
            np.subtract(rest, (row[:-1] / used[j])[:, None] * row, out=rest)
    step = work[:, size]
    for j in range(size - 1, -1, -1):
        here, inner = step[j], step[:j]
        np.divide(here, used[j], out=here)
        if j:
            np.subtract(inner, work[:j, j] * here, out=inner)
    return step, pivots


def diagonal_of(matrices: Floats) -> Floats:
    """Return a view of the diagonals, (p, b), of contiguous matrices (p, p or more, b)."""
    size, width, count = matrices.shape
    return matrices.reshape(size * width, count)[:: width + 1]


class _State:
    """Where pairs stand: their points, and objective, gradient and Hessian there, in one array so that all move as one.

    Parameters
    ----------
    values : (2 p + 1 + p p, b) float
    size : int
        Number of parameters p.
    """

    def __init__(self, values: Floats, size: int) -> None:
        self.values, self.size = values, size

    @classmethod
    def at(cls, objective: Objective, theta: Floats, replicates: NDArray[np.intp]) -> _State:
        """Return the state at ``theta`` (b, p)."""
        value, gradient, hessian = objective(theta, replicates)
        size = theta.shape[1]
        return cls(np.concatenate([theta.T, gradient, value[None], hessian.reshape(size * size, -1)]), size)

    @property
    def theta(self) -> Floats:
        """Points, (b, p)."""
        return self.values[: self.size].T

    @property
    def gradient(self) -> Floats:
        """Gradients, (p, b)."""
        return self.values[self.size : 2 * self.size]

    @property
    def value(self) -> Floats:
        """Objectives, (b,)."""
        return np.asarray(self.values[2 * self.size])

    @property
    def hessian(self) -> Floats:
        """Hessians, (p, p, b)."""
        return self.values[2 * self.size + 1 :].reshape(self.size, self.size, -1)

    def of(self, some: NDArray[np.bool_]) -> _State:
        """Return the state of some pairs."""
        return _State(self.values.compress(some, axis=1), self.size)


class _Descent:
    """The pairs still on their way: where each stands, the best point it knows, and its damping."""

    def __init__(self, objective: Objective, start: Floats, replicates: NDArray[np.intp]) -> None:
        self.objective = objective
        self.index = np.arange(len(start))
        self.replicates = replicates
        self.mass = objective.mass(replicates)
        self.here = _State.at(objective, start, replicates)
        self.best = _State(self.here.values.copy(), self.here.size)
        self.astray = np.zeros(len(start), dtype=bool)
        self.damping = np.full(len(start), 1e-3)
        lowest = float(np.exp(objective.rows.log_loss.min()))
        self.vanishing = _FLOOR_GONE * lowest if objective.rows.floor else -np.inf

    def steps(self) -> Floats:
        """Return the damped Newton steps, (p, b)."""
        return damped_steps(self.here.hessian, self.here.gradient, self.damping, self._typical())[0]

    def _typical(self) -> Floats:
        """Return the curvature residuals of average size would give (their majoriser's weight), (b,)."""
        ratio = self.mass * self.objective.delta**2 / np.maximum(self.here.value, 1e-280)
        return np.asarray(self.mass * np.minimum(1.0, ratio))

    def finished(self, step: Floats, tolerance: float) -> tuple[NDArray[np.bool_], NDArray[np.int8]]:
        """Return which pairs have ended, and how those did."""
        value, gradient = self.here.value, self.here.gradient
        delta, arrived = self.objective.delta, ~self.astray
        lost = self.damping > 1e10
        if self.objective.rows.floor:
            lost |= self.here.theta[:, self.objective.terms] < self.vanishing
        lost &= arrived
        arrived &= self.damping < 0.1
        arrived &= -0.5 * np.vecdot(gradient.T, step.T) <= tolerance * value + 1e-20 * delta**2 * self.mass
        if arrived.any():
            pull = self.mass * np.minimum(delta, np.sqrt(2.0 * value / self.mass))
            arrived &= np.abs(gradient).max(axis=0) <= max(1e-7, tolerance) * pull + 1e-15 * self.mass
        ended = arrived | lost
        status = np.full(np.count_nonzero(ended), NOT_FINISHED, dtype=np.int8)
        if arrived.any():
            here, typical = self.here.of(arrived), self._typical()[arrived]
            _, pivots = damped_steps(here.hessian, here.gradient, np.zeros_like(typical), typical)
            smallest = (pivots / np.maximum(np.abs(diagonal_of(here.hessian)), 1e-9 * typical)).min(axis=0)
            # where the floor is vanishing a fit has not ended, though its gradient vanishes
            sound = np.where(lost[arrived], NOT_FINISHED, CONVERGED)
            status[arrived[ended]] = np.where(smallest <= _PIVOT_MIN, SINGULAR, sound)
        if self.objective.straight and len(status):
            # convex: no way down at any damping is the lowest point, a rounding error off a kink
            status[(lost & np.isfinite(value))[ended]] = CONVERGED
        return ended, status

    def drop(self, done: NDArray[np.bool_]) -> None:
        """Forget the pairs that have ended."""
        keep = ~done
        self.index, self.replicates, self.mass = self.index[keep], self.replicates[keep], self.mass[keep]
        self.damping, self.astray = self.damping[keep], self.astray[keep]
        self.here, self.best = self.here.of(keep), self.best.of(keep)

    def advance(self, step: Floats) -> None:
        """Take the steps; keep what improves, follow what does not once more, then go back."""
        longest = np.abs(step).max(axis=0)
        there = self.objective.rows.moved(self.here.theta, (step * (_MAX_STEP / np.maximum(longest, _MAX_STEP))).T)
        self.here = _State.at(self.objective, there, self.replicates)
        better = self.here.value < self.best.value
        if self.objective.straight and not better.all():
            better = self._shortened(~better)
        calmer = np.where(self.damping < 1e-8, 0.0, self.damping * 0.1)
        if better.all():
            self.best, self.astray, self.damping = self.here, np.zeros_like(better), calmer
            return
        best, here = self.best.values, self.here.values
        np.copyto(best, here, where=better)
        back = ~better & (self.astray | ~np.isfinite(self.here.value))
        self.damping = np.where(better, calmer, self.damping)
        self.astray = ~(better | back)
        if back.any():
            np.copyto(here, best, where=back)
            self.damping[back] = np.maximum(self.damping[back] * 20.0, 1e-4)

    def _shortened(self, missed: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Go from the best points only as far as their step gains, and return which pairs are better off now."""
        who, begin = self.replicates[missed], self.best.of(missed)
        state = [begin.theta, begin.value, begin.gradient, begin.hessian]
        step = self.here.theta[missed] - begin.theta
        there = begin.theta + self.objective.step_lengths(state, step, who)[:, None] * step
        self.here.values[:, missed] = _State.at(self.objective, there, who).values
        return np.asarray(self.here.value < self.best.value)


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
        if len(reached):
            ended = descent.index[done]
            theta[ended], final[ended] = descent.best.theta[done], descent.best.value[done]
            status[ended] = reached
            descent.drop(done)
            step = step[:, ~done]
        if len(descent.index) <= stragglers:
            break
        descent.advance(step)
    theta[descent.index], final[descent.index] = descent.best.theta, descent.best.value
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

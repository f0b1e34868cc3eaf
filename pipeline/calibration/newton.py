"""Many weighted Huber fits at once: the objective's exact derivatives and a batched damped Newton iteration.

Every form here is a sum of power terms and, optionally, a constant: L = sum_k exp(a_k - s_k x_k) + exp(e), fitted to
y = ln L. With p_k the share of term k in L, the prediction's gradient is g = (p_1..K, p_e, -p_k x_k) and its Hessian
sum_k p_k u_k u_k' - g g', so the objective's Hessian needs only weighted moments of the features: matrix products.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

CONVERGED, FLOOR_AT_ZERO, SINGULAR, NOT_FINISHED, TOO_FEW_ROWS = range(5)
STATUS_NAMES = ("converged", "floor_at_zero", "singular", "not_finished", "too_few_rows")

_BLOCK = 16_384
_MAX_STEP = 2.0
_PIVOT_MIN = 1e-11
_FLOOR_GONE = 1e-9


@dataclass(frozen=True)
class Rows:
    """Rows of one data set as the solver wants them: standardised log features and log losses.

    Parameters
    ----------
    features : tuple of (n,) float
        One standardised log quantity a power term.
    log_loss : (n,) float, ln(nats/token)
    floor : bool
        Whether a constant is added to the power terms.
    """

    features: tuple[Floats, ...]
    log_loss: Floats
    floor: bool

    @property
    def n_parameters(self) -> int:
        """Amplitudes, floor, slopes."""
        return 2 * len(self.features) + self.floor

    def log_prediction(self, theta: Floats) -> Floats:
        """Return ln of the predicted loss, (b, n), for solver parameters (b, p)."""
        terms, floor = len(self.features), int(self.floor)
        total = np.exp(theta[:, terms, None]) if floor else np.zeros((len(theta), 1))
        for k, x in enumerate(self.features):
            total = total + np.exp(theta[:, k, None] - theta[:, terms + floor + k, None] * x)
        return np.asarray(np.log(total))

    def chunks(self) -> Iterator[tuple[slice, list[Floats]]]:
        """Yield row slices with their moment matrices [1, x, x^2], one a term."""
        for begin in range(0, len(self.log_loss), _BLOCK):
            rows = slice(begin, begin + _BLOCK)
            yield rows, [np.stack([np.ones_like(x[rows]), x[rows], x[rows] ** 2], axis=1) for x in self.features]


class Objective:
    """Sum of weights x Huber of log-loss residuals, its gradient and exact Hessian, for many (theta, weights) pairs.

    Parameters
    ----------
    rows : Rows
    weights : (B, n) or (1, n) float
        Row weights of each replicate; one row is shared by all.
    delta : float
        Huber threshold in ln(loss).
    """

    def __init__(self, rows: Rows, weights: Floats, delta: float) -> None:
        self.rows, self.weights, self.delta = rows, weights, delta
        self.terms = len(rows.features)
        self.size = rows.n_parameters
        self.lower = np.tril_indices(self.size)
        self._cache = list(rows.chunks()) if len(rows.log_loss) <= _BLOCK else None
        self._mass = weights.sum(axis=1)

    def mass(self, replicates: NDArray[np.intp]) -> Floats:
        """Return sum of weights of the chosen replicates, (b,)."""
        return self._mass[replicates] if len(self._mass) > 1 else np.repeat(self._mass, len(replicates))

    def __call__(self, theta: Floats, replicates: NDArray[np.intp]) -> tuple[Floats, Floats, Floats]:
        """Evaluate at theta (b, p) with the weights of ``replicates`` (b,).

        Returns
        -------
        (b,) float, (p, b) float, (p, p, b) float
            Objective, gradient and Hessian.
        """
        count = len(theta)
        value = np.zeros(count)
        gradient = np.zeros((self.size, count))
        hessian = np.zeros((self.size, self.size, count))
        step = max(1, _BLOCK // len(self.rows.log_loss))
        for begin in range(0, count, step):
            some = slice(begin, begin + step)
            for rows, moments in self._cache or self.rows.chunks():
                weights = self.weights[:, rows] if len(self.weights) == 1 else self.weights[replicates[some], rows]
                self._add(theta[some], weights, rows, moments, value[some], gradient[:, some], hessian[:, :, some])
        upper = self.lower[1], self.lower[0]
        hessian[upper] = hessian[self.lower]
        return value, gradient, hessian

    def _add(
        self,
        theta: Floats,
        weights: Floats,
        rows: slice,
        moments: Sequence[Floats],
        value: Floats,
        gradient: Floats,
        hessian: Floats,
    ) -> None:
        """Add one block's contribution to value, gradient and the Hessian's lower triangle."""
        terms, floor, delta = self.terms, int(self.rows.floor), self.delta
        shares = [
            np.exp(theta[:, k, None] - theta[:, terms + floor + k, None] * self.rows.features[k][rows])
            for k in range(terms)
        ]
        total = shares[0] + shares[1] if terms == 2 else shares[0].copy()
        if floor:
            total += np.exp(theta[:, terms, None])
        residual = np.log(total)
        np.subtract(self.rows.log_loss[rows], residual, out=residual)
        psi = np.minimum(np.maximum(residual, -delta), delta)
        pull = weights * psi
        curvature = weights * (psi == residual)
        curvature += pull
        residual -= 0.5 * psi
        value += np.einsum("bi,bi->b", pull, residual)
        for k in range(terms):
            shares[k] /= total
        products = np.empty((3, *pull.shape))
        firsts, seconds = [], []
        for share, moment in zip(shares, moments, strict=True):
            np.multiply(pull, share, out=products[0])
            np.multiply(curvature, share, out=products[1])
            np.multiply(products[1], share, out=products[2])
            pulled, curved, squared = np.swapaxes(products @ moment, 1, 2)
            firsts.append((pulled, curved))
            seconds.append(squared - pulled)
        cross = None
        if terms == 2:
            x, z = moments[0][:, 1], moments[1][:, 1]
            np.multiply(products[1], shares[0], out=products[0])
            cross = (products[0] @ np.stack([np.ones_like(x), x, z, x * z], axis=1)).T
        self._assemble(firsts, seconds, cross, pull.sum(axis=1), curvature.sum(axis=1), gradient, hessian)

    def _assemble(
        self,
        firsts: Sequence[tuple[Floats, Floats]],
        seconds: Sequence[Floats],
        cross: Floats | None,
        pull: Floats,
        curvature: Floats,
        gradient: Floats,
        hessian: Floats,
    ) -> None:
        """Turn weighted moments of the shares into gradient and Hessian entries (the floor's share is the rest)."""
        terms, floor = self.terms, int(self.rows.floor)
        for k, ((pulled, _), second) in enumerate(zip(firsts, seconds, strict=True)):
            slope = terms + floor + k
            gradient[k] -= pulled[0]
            gradient[slope] += pulled[1]
            hessian[k, k] += second[0]
            hessian[slope, k] -= second[1]
            hessian[slope, slope] += second[2]
        if cross is not None:
            first, second_slope = terms + floor, terms + floor + 1
            hessian[1, 0] += cross[0]
            hessian[first, 1] -= cross[1]
            hessian[second_slope, 0] -= cross[2]
            hessian[second_slope, first] += cross[3]
        if floor:
            rest = pull - sum(pulled[0] for pulled, _ in firsts)
            gradient[terms] -= rest
            diagonal = curvature - rest
            for k, ((pulled, curved), second) in enumerate(zip(firsts, seconds, strict=True)):
                slope = terms + floor + k
                squared = second + pulled
                other = cross[[0, 1 + k]] if cross is not None else np.zeros((2, len(pull)))
                hessian[terms, k] += curved[0] - squared[0] - other[0]
                hessian[slope, terms] -= curved[1] - squared[1] - other[1]
                diagonal = diagonal - 2 * curved[0] + squared[0] + other[0]
            hessian[terms, terms] += diagonal


def damped_steps(hessian: Floats, gradient: Floats, damping: Floats) -> tuple[Floats, Floats]:
    """Solve (H + damping x diag|H|) step = -gradient for every replicate by one vectorised LDL' factorisation.

    Non-positive pivots are replaced (Gill & Murray 1974), so the step is always a descent direction.

    Parameters
    ----------
    hessian : (p, p, b) float
    gradient : (p, b) float
    damping : (b,) float

    Returns
    -------
    (p, b) float, (b,) float
        Steps, and the smallest pivot relative to its diagonal entry (<= 0: not positive definite).
    """
    size = len(gradient)
    diagonal = np.abs(hessian[range(size), range(size)])
    diagonal = np.maximum(diagonal, 1e-12 * diagonal.max(axis=0) + np.finfo(float).tiny)
    work = hessian.copy()
    pivots, step = np.empty_like(gradient), -gradient
    smallest = np.full(gradient.shape[1], np.inf)
    for j in range(size):
        pivot = work[j, j] + damping * diagonal[j]
        np.minimum(smallest, pivot / diagonal[j], out=smallest)
        pivots[j] = np.where(pivot > 1e-12 * diagonal[j], pivot, np.maximum(np.abs(pivot), 1e-3 * diagonal[j]))
        for i in range(j + 1, size):
            factor = work[i, j] / pivots[j]
            work[i, j + 1 : i + 1] -= factor * work[j + 1 : i + 1, j]
            step[i] -= factor * step[j]
    for j in range(size - 1, -1, -1):
        step[j] = (step[j] - np.einsum("ib,ib->b", work[j + 1 :, j], step[j + 1 :])) / pivots[j]
    return step, smallest


def minimise(
    objective: Objective,
    start: Floats,
    replicates: NDArray[np.intp],
    *,
    tolerance: float = 1e-13,
    max_iterations: int = 300,
) -> tuple[Floats, Floats, NDArray[np.int8]]:
    """Run damped Newton (Levenberg-Marquardt control) on every (start, replicate) pair until its gradient vanishes.

    A pair has converged when its Newton decrement is below ``tolerance`` x objective and its gradient below 1e-7 x
    sum(weights) x delta with a positive definite Hessian.

    Parameters
    ----------
    objective : Objective
    start : (b, p) float
    replicates : (b,) int
        Which row of the weight matrix each start belongs to.

    Returns
    -------
    (b, p) float, (b,) float, (b,) int8
        Parameters, objective, and one of CONVERGED, FLOOR_AT_ZERO, SINGULAR, NOT_FINISHED.
    """
    theta, status = start.copy(), np.full(len(start), NOT_FINISHED, dtype=np.int8)
    final = np.empty(len(start))
    here, active = start.copy(), np.arange(len(start))
    value, gradient, hessian = objective(here, replicates)
    damping = np.full(len(start), 1e-2)
    for _ in range(max_iterations):
        step, pivot = damped_steps(hessian, gradient, damping)
        mass = objective.mass(replicates[active])
        small = -0.5 * np.einsum("pb,pb->b", gradient, step) <= tolerance * value + 1e-20 * mass * objective.delta**2
        flat = np.abs(gradient).max(axis=0) <= 1e-7 * mass * objective.delta
        done = (small & flat & (damping < 0.1)) | (damping > 1e10)
        if done.any():
            ended = active[done]
            theta[ended], final[ended] = here[done], value[done]
            status[ended] = _judge(objective, here[done], pivot[done], damping[done], flat[done])
            keep = ~done
            here, value, damping, active, step = here[keep], value[keep], damping[keep], active[keep], step[:, keep]
            gradient, hessian = gradient[:, keep], hessian[:, :, keep]
        if not len(active):
            break
        shrink = np.minimum(1.0, _MAX_STEP / np.abs(step).max(axis=0))
        there = here + (step * shrink).T
        trial, trial_gradient, trial_hessian = objective(there, replicates[active])
        better = trial < value
        np.copyto(here, there, where=better[:, None])
        np.copyto(value, trial, where=better)
        np.copyto(gradient, trial_gradient, where=better)
        np.copyto(hessian, trial_hessian, where=better)
        calmer = np.where(damping < 1e-8, 0.0, damping * 0.1)
        damping = np.where(better, calmer, np.maximum(damping * 8.0, 1e-4))
    theta[active], final[active] = here, value
    return theta, final, status


def _judge(objective: Objective, theta: Floats, pivot: Floats, damping: Floats, flat: NDArray[np.bool_]) -> Floats:
    """Name what a finished replicate has reached."""
    status = np.where(flat & (damping < 0.1), CONVERGED, NOT_FINISHED)
    status = np.where((status == CONVERGED) & (pivot <= _PIVOT_MIN), SINGULAR, status)
    if objective.rows.floor:
        gone = theta[:, objective.terms] < np.log(_FLOOR_GONE) + objective.rows.log_loss.min()
        status = np.where(gone & flat, FLOOR_AT_ZERO, status)
    return status

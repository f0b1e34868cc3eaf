"""The weighted Huber objective of many fits at once, with its gradient and exact Hessian.

Every form here is a sum of power terms and, optionally, a constant: L = sum_k exp(a_k - s_k x_k) + E, fitted to
y = ln L. With p_k the share of term k in L and u = 1/L, the prediction's gradient is g = (p_k, u, -p_k x_k) and its
Hessian sum_k p_k v_k v_k' - g g' with v_k = (1, -x_k), so the objective's Hessian needs only weighted moments of the
features: matrix products. E itself is the coordinate, not ln E: the optimum is then regular where E is near zero.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from race_to_efficiency.calibration.kappa.rows import BLOCK, Rows, moment_pairs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.calibration.kappa.rows import Chunk

_FARTHEST = 8.0
"""Multiple of a step beyond which it is not followed."""

RIDGE = 3e-8
"""Curvature beyond the threshold, as a share of that within. Where the noise is far above the threshold the Huber sum
is nearly one of absolute residuals, whose optimum is flat: a whole segment, of which each processor's rounding picks
another end. A sum of squares that weak makes it one point, the same everywhere, and raises the Huber sum of one that
is no segment by less than 1e-9 of itself."""


class _Layout(NamedTuple):
    """Where each parameter's gradient and Hessian stand among the sums of products with moments.

    Parameters
    ----------
    plane, moment : (p + 1, p) int
        Which product is summed with which moment: p rows of the Hessian, and the gradient.
    sign : (p + 1, p, 1) float
    planes : int
        Number of products.
    powers : (terms, 2) int
        Amplitude and slope of each term.
    """

    plane: NDArray[np.intp]
    moment: NDArray[np.intp]
    sign: Floats
    planes: int
    powers: NDArray[np.intp]


@cache
def _layout(terms: int, floor: bool) -> _Layout:
    """Return the layout for a number of terms, with or without a floor."""
    parts = terms + floor
    part = [*range(parts), *range(terms)]
    feature = [0] * parts + [1 + k for k in range(terms)]  # what the prediction's derivative brings: 0 stands for 1
    pairs = [(k, k) for k in range(parts)] + [(k, k + 1) for k in range(parts - 1)] + [(0, 2)] * (parts == 3)
    product = {pair: parts + at for at, pair in enumerate(pairs)}
    column = {pair: at for at, pair in enumerate(moment_pairs(terms))}
    size = len(part)
    plane, moment, sign = (np.zeros((size + 1, size), dtype=np.intp) for _ in range(3))
    for i in range(size):
        for k in range(size):
            plane[i, k] = product[min(part[i], part[k]), max(part[i], part[k])]
            moment[i, k] = column[min(feature[i], feature[k]), max(feature[i], feature[k])]
            sign[i, k] = -1 if (feature[i] > 0) != (feature[k] > 0) else 1
        plane[size, i], moment[size, i], sign[size, i] = part[i], column[0, feature[i]], 1 if feature[i] else -1
    powers = np.array([[k, parts + k] for k in range(terms)])
    return _Layout(plane, moment, sign[:, :, None].astype(np.float64), parts + len(pairs), powers)


class Objective:
    """Sum of weights x (Huber of log-loss residuals + ridge/2 their squares), its gradient and exact Hessian.

    For many (theta, weights) pairs.

    Parameters
    ----------
    rows : Rows
    weights : (B, n) or (1, n) float
        Row weights of each replicate; one row is shared by all.
    delta : float
        Huber threshold in ln(loss).
    ridge : float
        0 for the plain Huber sum.
    """

    def __init__(self, rows: Rows, weights: Floats, delta: float, ridge: float = RIDGE) -> None:
        self.rows, self.weights, self.delta, self.ridge = rows, weights, delta, ridge
        self.terms = len(rows.features)
        self.size = rows.n_parameters
        self.layout = _layout(self.terms, rows.floor)
        self._mass = weights.sum(axis=1)
        self._memory = np.empty(0)

    def without_floor(self) -> Objective:
        """Return the objective of the same rows with the floor fixed at zero."""
        rows = Rows(self.rows.features, self.rows.log_loss, floor=False)
        return Objective(rows, self.weights, self.delta, self.ridge)

    def mass(self, replicates: NDArray[np.intp]) -> Floats:
        """Return sum of weights of the chosen replicates, (b,)."""
        return self._mass[replicates] if len(self._mass) > 1 else np.repeat(self._mass, len(replicates))

    @property
    def straight(self) -> bool:
        """Whether log predictions are linear in theta (one power term, no floor), of rows few enough to be sorted."""
        return self.terms == 1 and not self.rows.floor and self.rows.whole is not None

    def step_lengths(self, state: Sequence[Floats], step: Floats, replicates: NDArray[np.intp]) -> Floats:
        """Return the multiples of steps at which a `straight` objective (or that and a square) is least, (b,).

        Its derivative along a step rises piecewise linearly, with a kink where a residual enters or leaves the
        threshold, and the root follows from the sorted kinks (Madsen & Nielsen 1990, BIT 30:682).

        Parameters
        ----------
        state : (b, p) float, (b,) float, (p, b) float, (p, p, b) float
            Where the steps begin, and the objective, gradient and Hessian there.
        step : (b, p) float
        replicates : (b,) int
        """
        theta, _, gradient, hessian = state
        residual = self.rows.log_loss - self.rows.log_prediction(theta)
        change = step[:, 1:] * self.rows.features[0] - step[:, :1]
        weights = self.weights if len(self.weights) == 1 else self.weights[replicates]
        bends = weights * change**2
        with np.errstate(invalid="ignore", divide="ignore"):  # a residual that does not change has no kink
            middle, half = -residual / change, self.delta / np.abs(change)
            kinks = np.concatenate([middle - half, middle + half], axis=1)
        bends = np.concatenate([bends, -bends], axis=1)
        behind = ~(np.isfinite(kinks) & (kinks > 0.0))
        kinks[behind], bends[behind] = _FARTHEST, 0.0
        order = kinks.argsort(axis=1)
        kinks, bends = (np.take_along_axis(part, order, axis=1) for part in (kinks, bends))
        slopes, bend = np.einsum("bi,ib->b", step, gradient), np.einsum("bi,ijb,bj->b", step, hessian, step)
        bends = np.cumsum(np.concatenate([bend[:, None], bends], axis=1), axis=1)
        rises = bends[:, :-1] * np.diff(kinks, axis=1, prepend=0.0)
        slopes = np.cumsum(np.concatenate([slopes[:, None], rises], axis=1), axis=1)
        last = np.maximum((slopes < 0.0).sum(axis=1, keepdims=True) - 1, 0)
        begins = np.concatenate([np.zeros_like(kinks[:, :1]), kinks], axis=1)
        begin, slope, bend = (np.take_along_axis(part, last, axis=1)[:, 0] for part in (begins, slopes, bends))
        with np.errstate(invalid="ignore", divide="ignore"):  # nor has a step of nothing a lowest point
            return np.asarray(np.nan_to_num(np.clip(begin - slope / bend, 0.0, _FARTHEST)))

    def __call__(self, theta: Floats, replicates: NDArray[np.intp]) -> tuple[Floats, Floats, Floats]:
        """Evaluate at theta (b, p) with the weights of ``replicates`` (b,).

        Returns
        -------
        (b,) float, (p, b) float, (p, p, b) float
            Objective, gradient and Hessian; NaN where a predicted loss is not positive.
        """
        count, step = len(theta), max(1, BLOCK // len(self.rows.log_loss))
        value, slopes = np.zeros(count), np.zeros((self.size + 1, self.size, count))
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            for begin in range(0, count, step):
                some = slice(begin, begin + step)
                for chunk in self.rows.whole or self.rows.chunks():
                    here = chunk[0]
                    weights = self.weights[:, here] if len(self.weights) == 1 else self.weights[replicates[some], here]
                    self._add(theta[some], weights, chunk, value[some], slopes[:, :, some])
        return value, slopes[self.size], slopes[: self.size]

    def _room(self, planes: int, count: int, width: int) -> Floats:
        """Return scratch space for one block (kept between calls: fresh pages cost more than the arithmetic)."""
        cells = planes * count * width
        if len(self._memory) < cells:
            self._memory = np.empty(cells)
        return self._memory[:cells].reshape(planes, count, width)

    def _add(self, theta: Floats, weights: Floats, chunk: Chunk, value: Floats, slopes: Floats) -> None:
        """Add one block's contribution to the objective (b,), and to Hessian and gradient below it (p + 1, p, b)."""
        rows, straight, moments = chunk
        terms, head, layout = self.terms, self.terms + self.rows.floor, self.layout
        room = self._room(terms + 5 + layout.planes, len(theta), len(moments))
        powers, total, scratch, products = room[:terms], room[terms], room[terms + 1 : terms + 5], room[terms + 5 :]
        parts = room[:head]
        np.matmul(theta[:, layout.powers].swapaxes(0, 1), straight, out=powers)
        np.exp(powers, out=powers)
        np.add(powers[0], theta[:, terms, None] if self.rows.floor else 0.0, out=total)
        if terms == 2:
            total += powers[1]
        value += self._residuals(rows, total, weights, scratch)
        np.reciprocal(total, out=total)  # a floor's part, where there is one
        powers *= total
        pull, curvature = scratch[:2]
        pulled, squares, others = products[:head], products[head : 2 * head], products[2 * head :]
        np.multiply(pull, parts, out=pulled)
        np.multiply(curvature, parts, out=squares)
        if head > 1:
            np.multiply(squares[:-1], parts[1:], out=others[: head - 1])
        if head > 2:
            np.multiply(squares[0], parts[2], out=others[2])
        squares *= parts
        sums = (products.reshape(-1, len(moments)) @ moments).reshape(layout.planes, len(theta), -1)
        sums[head : head + terms] -= sums[:terms]
        slopes += layout.sign * sums[layout.plane, :, layout.moment]

    def _residuals(self, rows: slice, total: Floats, weights: Floats, scratch: Floats) -> Floats:
        """Fill weights x (psi + ridge r) and weights x (psi' + ridge) + that; return the objective's part, (b,)."""
        pull, curvature, residual, psi = scratch
        np.log(total, out=residual)
        np.subtract(self.rows.log_loss[rows], residual, out=residual)
        np.minimum(residual, self.delta, out=psi)
        np.maximum(psi, -self.delta, out=psi)
        np.add(psi == residual, self.ridge, out=curvature)
        curvature *= weights
        np.multiply(weights, psi, out=pull)
        value = np.vecdot(pull, residual) - np.vecdot(pull, psi)
        np.multiply(weights, residual, out=psi)
        psi *= self.ridge
        pull += psi
        curvature += pull
        return np.asarray(0.5 * (value + np.vecdot(pull, residual)))

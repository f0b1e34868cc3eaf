"""The weighted Huber objective of many fits at once, with its gradient and exact Hessian.

Every form here is a sum of power terms and, optionally, a constant: L = sum_k exp(a_k - s_k x_k) + E, fitted to
y = ln L. With p_k the share of term k in L and u = 1/L, the prediction's gradient is g = (p_k, u, -p_k x_k) and its
Hessian sum_k p_k v_k v_k' - g g' with v_k = (1, -x_k), so the objective's Hessian needs only weighted moments of the
features: matrix products. E itself is the coordinate, not ln E: the optimum is then regular where E is near zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_BLOCK = 12_288

_HARDLY = 1e-4
"""A step too short for its curve to matter."""

_FARTHEST = 8.0
"""Multiple of a step beyond which it is not followed."""

RIDGE = 3e-8
"""Curvature beyond the threshold, as a share of that within. Where the noise is far above the threshold the Huber sum
is nearly one of absolute residuals, whose optimum is flat: a whole segment, of which each processor's rounding picks
another end. A sum of squares that weak makes it one point, the same everywhere, and raises the Huber sum of one that
is no segment by less than 1e-9 of itself."""


@dataclass(frozen=True)
class Rows:
    """Rows of one data set as the solver wants them: standardised log features and centred log losses.

    Parameters
    ----------
    features : tuple of (n,) float
        One standardised log quantity a power term.
    log_loss : (n,) float
        ln(loss) minus its mean.
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

    def taken(self, some: slice) -> Rows:
        """Return some of the rows."""
        return Rows(tuple(x[some] for x in self.features), self.log_loss[some], self.floor)

    def log_prediction(self, theta: Floats) -> Floats:
        """Return ln of the predicted (centred) loss, (b, n), for solver parameters (b, p); NaN where it is negative."""
        terms, floor = len(self.features), int(self.floor)
        total = np.zeros((len(theta), len(self.log_loss))) + (theta[:, terms, None] if floor else 0.0)
        for k, x in enumerate(self.features):
            total += np.exp(theta[:, k, None] - theta[:, terms + floor + k, None] * x)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.log(total, out=total)

    @cached_property
    def evenly(self) -> Floats:
        """The lowest, middle and highest place of the first feature's range, (3,)."""
        low, high = self.features[0].min(), self.features[0].max()
        return np.array([low, 0.5 * (low + high), high])

    def moved(self, theta: Floats, step: Floats) -> Floats:
        """Return theta (b, p) after a step (b, p), which one power term with a floor takes along a curve.

        Its amplitude, floor and slope trade off along curved valleys, which are nearly straight in the log predictions
        at three evenly spaced features (the expected-value parameters of Ratkowsky 1983). Those change as the step says
        to first order, and give the parameters back in closed form; where they cannot, the step is a straight one.
        """
        straight = theta + step
        if not (self.floor and len(self.features) == 1) or (np.abs(step) < _HARDLY).all():
            return straight
        x = self.evenly
        amplitude, floor, slope = theta.T[:, :, None]
        with np.errstate(all="ignore"):
            power = np.exp(amplitude - slope * x)
            loss = power + floor
            change = (power * (step[:, :1] - step[:, 2:] * x) + step[:, 1:2]) / loss
            loss *= np.exp(change)
            falls = loss[:, 0] - loss[:, 1], loss[:, 1] - loss[:, 2]
            slope = np.log(falls[0] / falls[1]) / (x[1] - x[0])
            scale = falls[0] / (np.exp(-slope * x[0]) - np.exp(-slope * x[1]))
            curved = np.stack([np.log(scale), loss[:, 2] - scale * np.exp(-slope * x[2]), slope], axis=1)
        sound = np.isfinite(curved).all(axis=1) & (loss > 0).all(axis=1) & (np.abs(change) < 1.0).all(axis=1)
        return np.where(sound[:, None], curved, straight)

    @cached_property
    def moments(self) -> list[tuple[slice, list[Floats]]] | None:
        """The one chunk of rows that are few, which every objective over them shares; None: read them in turn."""
        return list(self.chunks()) if len(self.log_loss) <= _BLOCK else None

    def chunks(self) -> Iterator[tuple[slice, list[Floats]]]:
        """Yield row slices with their moment matrices: [1, x, x^2] a term, and [1, x, z, xz] of two terms."""
        for begin in range(0, len(self.log_loss), _BLOCK):
            rows = slice(begin, begin + _BLOCK)
            parts = [x[rows] for x in self.features]
            one = np.ones_like(parts[0])
            moments = [np.stack([one, x, x * x], axis=1) for x in parts]
            if len(parts) == 2:
                moments.append(np.stack([one, *parts, parts[0] * parts[1]], axis=1))
            yield rows, moments


@cache
def _lower_triangle(size: int) -> tuple[NDArray[np.intp], ...]:
    """Return the row and column indices of a matrix' lower triangle."""
    return np.tril_indices(size)


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
        self.lower = _lower_triangle(self.size)
        self._cache = rows.moments
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
        return self.terms == 1 and not self.rows.floor and self._cache is not None

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
        count = len(theta)
        value = np.zeros(count)
        gradient = np.zeros((self.size, count))
        hessian = np.zeros((self.size, self.size, count))
        step = max(1, _BLOCK // len(self.rows.log_loss))
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            for begin in range(0, count, step):
                some = slice(begin, begin + step)
                for rows, moments in self._cache or self.rows.chunks():
                    weights = self.weights[:, rows] if len(self.weights) == 1 else self.weights[replicates[some], rows]
                    self._add(theta[some], weights, rows, moments, value[some], gradient[:, some], hessian[:, :, some])
        upper = self.lower[1], self.lower[0]
        hessian[upper] = hessian[self.lower]
        return value, gradient, hessian

    def _room(self, count: int, width: int) -> Floats:
        """Return scratch space for one block (kept between calls: fresh pages cost more than the arithmetic)."""
        cells = 10 * count * width
        if len(self._memory) < cells:
            self._memory = np.empty(cells)
        return self._memory[:cells].reshape(10, count, width)

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
        terms, floor = self.terms, int(self.rows.floor)
        features = [x[rows] for x in self.rows.features]
        room = self._room(len(theta), len(features[0]))
        shares, inverse, curvature = room[:terms], room[2], room[3]
        pull, work, products = room[4], room[5], room[6:10]
        for k, x in enumerate(features):
            np.multiply(theta[:, terms + floor + k, None], x, out=shares[k])
            np.subtract(theta[:, k, None], shares[k], out=shares[k])
            np.exp(shares[k], out=shares[k])
        np.add(shares[0], theta[:, terms, None] if floor else 0.0, out=inverse)
        if terms == 2:
            inverse += shares[1]
        value += self._residuals(rows, inverse, weights, pull, curvature, work, products[0])
        np.reciprocal(inverse, out=inverse)
        shares *= inverse
        if floor:
            gradient[terms] -= np.vecdot(pull, inverse)
            np.multiply(curvature, inverse, out=products[3])
            hessian[terms, terms] += np.vecdot(products[3], inverse)
        for k in range(terms):
            np.multiply(pull, shares[k], out=products[0])
            np.multiply(curvature, shares[k], out=work)
            np.multiply(work, shares[k], out=products[1])
            np.multiply(work, inverse, out=products[2])
            sums = (products[: 2 + floor].reshape(-1, len(features[k])) @ moments[k]).reshape(2 + floor, -1, 3)
            pulled, squared = sums[0].T, sums[1].T - sums[0].T
            index = terms + floor + k
            gradient[k] -= pulled[0]
            gradient[index] += pulled[1]
            hessian[k, k] += squared[0]
            hessian[index, k] -= squared[1]
            hessian[index, index] += squared[2]
            if floor:
                hessian[terms, k] += sums[2, :, 0]
                hessian[index, terms] -= sums[2, :, 1]
        if terms == 2:
            np.multiply(work, shares[0], out=work)
            cross = (work @ moments[2]).T
            hessian[1, 0] += cross[0]
            hessian[2 + floor, 1] -= cross[1]
            hessian[3 + floor, 0] -= cross[2]
            hessian[3 + floor, 2 + floor] += cross[3]

    def _residuals(
        self, rows: slice, total: Floats, weights: Floats, pull: Floats, curvature: Floats, work: Floats, psi: Floats
    ) -> Floats:
        """Fill weights x (psi + ridge r) and weights x (psi' + ridge) + that; return the objective's part, (b,)."""
        np.log(total, out=work)
        np.subtract(self.rows.log_loss[rows], work, out=work)
        np.clip(work, -self.delta, self.delta, out=psi)
        np.multiply(weights, psi, out=pull)
        value = np.vecdot(pull, work) - 0.5 * np.vecdot(pull, psi)
        np.add(psi == work, self.ridge, out=curvature)
        curvature *= weights
        np.multiply(weights, work, out=psi)
        psi *= self.ridge
        value += 0.5 * np.vecdot(psi, work)
        pull += psi
        curvature += pull
        return np.asarray(value)

"""Batched robust calibration: thousands of weighted Huber fits of a scaling law in one computation.

Local optima are the danger here: from a grid of starts most quasi-Newton runs stop short of the optimum and report
success. Three measures answer it: the Huber threshold is lowered in steps from nearly least squares (graduated
non-convexity, Blake & Zisserman 1987), several starts are run for every replicate and counted when they agree, and
every replicate's optimum is tried as a candidate for the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipeline.calibration.forms import CHINCHILLA, FLOOR, POWER_LAW, Coordinates, Form
from pipeline.calibration.newton import (
    CONVERGED,
    FLOOR_AT_ZERO,
    STATUS_NAMES,
    TOO_FEW_ROWS,
    minimise,
    minimise_at_zero_floor,
)
from pipeline.calibration.objective import Objective, Rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    _Ends = tuple[Floats, Floats, NDArray[np.int8]]

_AGREE = 1e-9
_SCHEDULE = (300.0, 30.0, 5.0)
_SETTLED = (CONVERGED, FLOOR_AT_ZERO)
_CANDIDATES = 256
_EXPLORED = 16
_NEIGHBOUR = 4
_RUGGED = 0.02
_ROUNDS = 3
_CANDIDATE_CELLS = 4_000_000
_SUBSAMPLE = 16_384


@dataclass(frozen=True)
class BatchFit:
    """Fits of one form to one set of rows under many weightings.

    Parameters
    ----------
    theta : (B, p) float
        One fit a row, columns as in `columns`.
    objective : (B,) float
        Sum of weights x Huber of log-loss residuals at theta.
    converged : (B,) bool
        The gradient vanishes at theta and the fit is determined by its rows. A fit whose floor has run to zero has
        converged (status `floor_at_zero`); one with too few distinct rows or a singular Hessian has not.
    n_starts_agreeing : (B,) int
        Starts whose objective ended within 1e-9 (relative) of the best.
    n_starts : (B,) int
        Starts run.
    status : (B,) str
        converged, floor_at_zero, singular, not_finished or too_few_rows.
    columns : tuple of str
    """

    theta: Floats
    objective: Floats
    converged: NDArray[np.bool_]
    n_starts_agreeing: NDArray[np.int64]
    n_starts: NDArray[np.int64]
    status: NDArray[np.str_]
    columns: tuple[str, ...]

    def part(self, rows: slice) -> BatchFit:
        """Return the fits of some replicates."""
        return BatchFit(
            self.theta[rows],
            self.objective[rows],
            self.converged[rows],
            self.n_starts_agreeing[rows],
            self.n_starts[rows],
            self.status[rows],
            self.columns,
        )


def fit_chinchilla_batch(
    params: ArrayLike,
    tokens: ArrayLike,
    loss: ArrayLike,
    weights: ArrayLike,
    *,
    starts: ArrayLike | None = None,
    delta: float = 1e-3,
) -> BatchFit:
    """Fit L = E + A N^-alpha + B D^-beta to every row of ``weights``.

    Parameters
    ----------
    params, tokens : (n,) float, parameters and training tokens
    loss : (n,) float, nats/token
    weights : (B, n) or (n,) float
        Non-negative row weights, e.g. multinomial bootstrap counts.
    starts : (S, 5) float, optional
        Starting points as columns A, B, E, alpha, beta. By default chosen from the data.
    delta : float
        Huber threshold on log-loss residuals.

    Returns
    -------
    BatchFit
        With columns A, B, E, alpha, beta.

    Raises
    ------
    ValueError
        When an argument's shape or values make no sense; argument and value are named.

    References
    ----------
    Hoffmann et al. (2022), arXiv 2203.15556, section 3.3; Besiroglu et al. (2024), arXiv 2404.10102.
    """
    return fit_batch(CHINCHILLA, (params, tokens), loss, weights, starts=starts, delta=delta)


def fit_floor_batch(
    compute_flop: ArrayLike,
    loss: ArrayLike,
    weights: ArrayLike,
    *,
    starts: ArrayLike | None = None,
    delta: float = 1e-3,
) -> BatchFit:
    """Fit L = E + A C^-kappa to every row of ``weights``; columns A, E, kappa (see `fit_chinchilla_batch`)."""
    return fit_batch(FLOOR, (compute_flop,), loss, weights, starts=starts, delta=delta)


def fit_power_law_batch(
    compute_flop: ArrayLike,
    loss: ArrayLike,
    weights: ArrayLike,
    *,
    starts: ArrayLike | None = None,
    delta: float = 1e-3,
) -> BatchFit:
    """Fit L = A C^-kappa to every row of ``weights``; columns A, kappa (see `fit_chinchilla_batch`)."""
    return fit_batch(POWER_LAW, (compute_flop,), loss, weights, starts=starts, delta=delta)


def fit_batch(
    form: Form,
    inputs: Sequence[ArrayLike],
    loss: ArrayLike,
    weights: ArrayLike,
    *,
    starts: ArrayLike | None = None,
    delta: float = 1e-3,
) -> BatchFit:
    """Fit ``form`` to every row of ``weights`` (see `fit_chinchilla_batch` for the arguments)."""
    from threadpoolctl import threadpool_limits

    if not (np.isfinite(delta) and delta > 0):
        raise ValueError(f"delta must be positive and finite, got {delta!r}")
    space = Coordinates.of(form, inputs, loss)
    mass = _checked_weights(weights, len(space.rows.log_loss))
    with threadpool_limits(limits=1, user_api="blas"):
        search = _Search(space.rows, space.grid(), mass, delta)
        usable = np.flatnonzero(_enough_rows(space, mass))
        if len(usable):
            search.run(usable, None if starts is None else np.atleast_2d(space.solver(starts)))
    return search.result(space)


def _checked_weights(weights: ArrayLike, n_rows: int) -> Floats:
    """Return weights as (B, n) float."""
    mass = np.atleast_2d(np.asarray(weights, dtype=np.float64))
    if mass.ndim != 2 or mass.shape[1] != n_rows:
        raise ValueError(f"weights must be (replicates, {n_rows}), got shape {np.shape(weights)}")
    bad = ~(np.isfinite(mass) & (mass >= 0))
    if bad.any():
        raise ValueError(f"weights must be finite and not negative, got {mass[bad][0]!r}")
    return mass


def _enough_rows(space: Coordinates, mass: Floats) -> NDArray[np.bool_]:
    """Return which replicates hold more distinct rows than the form has parameters."""
    features = np.stack(space.rows.features, axis=1)
    _, group = np.unique(features, axis=0, return_inverse=True)
    order = np.argsort(group.ravel(), kind="stable")
    begins = np.flatnonzero(np.diff(group.ravel()[order], prepend=-1))
    present = np.add.reduceat(mass[:, order], begins, axis=1) > 0
    return np.asarray(present.sum(axis=1) > space.rows.n_parameters)


class _Search:
    """Multi-start search over all replicates; keeps the best fit of each and counts who agrees."""

    def __init__(self, rows: Rows, grid: Floats, mass: Floats, delta: float) -> None:
        self.rows, self.grid, self.mass, self.delta = rows, grid, mass, delta
        self.best = np.full((len(mass), rows.n_parameters), np.nan)
        self.value = np.full(len(mass), np.nan)
        self.state = np.full(len(mass), TOO_FEW_ROWS, dtype=np.int8)
        self.ends: list[tuple[NDArray[np.intp], Floats]] = []
        self.convex = not rows.floor and len(rows.features) == 1
        self.scouts, self.explored = self.best[:0], np.zeros(0, dtype=np.intp)
        steps = [factor * delta for factor in _SCHEDULE if factor * delta <= 1.0]
        self.objectives = [Objective(rows, mass, threshold) for threshold in (*steps, delta)]

    def run(self, usable: NDArray[np.intp], starts: Floats | None) -> None:
        """Fit the ``usable`` replicates from the given starts, or from starts of its own choice."""
        if starts is not None:
            for start in starts:
                self.graduated(np.tile(start, (len(usable), 1)), usable)
            return
        if len(usable) == 1 and len(self.rows.log_loss) <= _SUBSAMPLE:
            self.graduated(self.grid, np.repeat(usable, len(self.grid)))
            return
        optima, smooth = self.base(usable)
        for optimum in optima:
            self.direct(np.tile(optimum, (len(usable), 1)), usable)
        self.graduated(np.tile(smooth, (len(usable), 1)), usable)
        if self.convex:
            return
        self.explore(usable)
        self.exchange(usable, everyone=True)
        for _ in range(_ROUNDS):
            if not self.exchange(usable):
                break
        if len(self.contested(usable)) > _RUGGED * len(usable):
            self.graduated(self._inside(self.best[np.roll(usable, 1)]), usable)
        contested = np.setdiff1d(self.contested(usable), self.explored)
        if len(contested):
            self.direct(self._inside(2.0 * optima[0] - self.best[contested]), contested)
            self.graduated(np.tile(self.grid, (len(contested), 1)), np.repeat(contested, len(self.grid)))

    def contested(self, usable: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return the replicates whose starts disagree, or whose gradient does not vanish."""
        return usable[(self.agreeing()[usable] < self.started()[usable]) | ~self.settled()[usable]]

    def base(self, usable: NDArray[np.intp]) -> tuple[list[Floats], Floats]:
        """Search the average weighting (of a systematic subsample of long tables) from the whole grid of starts.

        Returns
        -------
        list of (p,) float, (p,) float
            Up to three distinct optima, best first, and the optimum at the widest threshold.
        """
        thin = slice(None, None, 1 + len(self.rows.log_loss) // _SUBSAMPLE)
        rows = Rows(tuple(x[thin] for x in self.rows.features), self.rows.log_loss[thin], self.rows.floor)
        search = _Search(rows, self.grid, self.mass[usable, thin].mean(axis=0, keepdims=True), self.delta)
        only = np.zeros(len(self.grid), dtype=np.intp)
        smooth, smooth_value, _ = minimise(search.objectives[0], self.grid, only, tolerance=1e-9)
        ends, values = search.graduated(smooth, only)
        optima: list[Floats] = []
        for k in np.argsort(values, kind="stable"):
            near = values[k] <= values.min() * 1.05
            if near and len(optima) < 3 and all(np.abs(ends[k] - other).max() > 1e-4 for other in optima):
                optima.append(ends[k])
        return optima, smooth[smooth_value.argmin()]

    def direct(self, start: Floats, replicates: NDArray[np.intp]) -> tuple[Floats, Floats]:
        """Descend at the final threshold from ``start`` and keep what is best."""
        found = minimise(self.objectives[-1], start, replicates)
        ends, values, states = self._settle_floor(start, replicates, found) if self.rows.floor else found
        settled = np.isin(states, _SETTLED)
        for kind in (settled, ~settled):
            self._keep(replicates[kind], ends[kind], values[kind], states[kind])
        self.ends.append((replicates, values))
        return ends, values

    def _settle_floor(self, start: Floats, replicates: NDArray[np.intp], found: _Ends) -> _Ends:
        """Where the floor went below zero, take the optimum without a floor, from both ends of the descent."""
        ends, values, states = found
        low = np.flatnonzero(ends[:, len(self.rows.features)] <= 0)
        if not len(low):
            return found
        first = minimise_at_zero_floor(self.objectives[-1], ends[low], replicates[low])
        second = minimise_at_zero_floor(self.objectives[-1], start[low], replicates[low])
        other = second[1] < first[1]
        ends[low] = np.where(other[:, None], second[0], first[0])
        values[low] = np.where(other, second[1], first[1])
        states[low] = np.where(other, second[2], first[2])
        return ends, values, states

    def _keep(self, replicates: NDArray[np.intp], ends: Floats, values: Floats, states: NDArray[np.int8]) -> None:
        """Take over fits that beat what is held; a settled fit is never given up for a rounding-error gain."""
        order = np.lexsort((values, replicates))
        first = order[np.flatnonzero(np.diff(replicates[order], prepend=-1))]
        rep = replicates[first]
        upgrade = np.isin(states[first], _SETTLED) & ~self.settled()[rep]
        factor = np.where(upgrade, 1 + _AGREE, np.where(np.isin(states[first], _SETTLED), 1.0, 1 - _AGREE))
        take = np.isnan(self.value[rep]) | (values[first] < self.value[rep] * factor)
        self.best[rep[take]] = ends[first[take]]
        self.value[rep[take]] = values[first[take]]
        self.state[rep[take]] = states[first[take]]

    def graduated(self, start: Floats, replicates: NDArray[np.intp]) -> tuple[Floats, Floats]:
        """Lower the threshold in steps, then descend at the final one."""
        for objective in self.objectives[:-1]:
            start, _, _ = minimise(objective, start, replicates, tolerance=1e-2, max_iterations=100)
        return self.direct(start, replicates)

    def explore(self, usable: NDArray[np.intp]) -> None:
        """Run the whole grid of cold starts on a few replicates: what they find, `exchange` offers to the others."""
        few = usable[:: 1 + len(usable) // _EXPLORED]
        self.graduated(np.tile(self.grid, (len(few), 1)), np.repeat(few, len(self.grid)))
        self.scouts, self.explored = self.best[few], few

    def exchange(self, usable: NDArray[np.intp], *, everyone: bool = False) -> bool:
        """Score other replicates' optima on every replicate (one matrix product) and descend from the best of them.

        Parameters
        ----------
        usable : (b,) int
        everyone : bool
            Descend for every replicate, or only where another's optimum is better than its own already.

        Returns
        -------
        bool
            Whether another's optimum was better anywhere.
        """
        count = min(_CANDIDATES, max(1, _CANDIDATE_CELLS // len(self.rows.log_loss)))
        lent = usable[:: 1 + len(usable) // count]
        pool = np.concatenate([self.scouts, self.best[lent]])
        residual = self.rows.log_loss - self.rows.log_prediction(pool)
        psi = np.clip(residual, -self.delta, self.delta)
        scores = self.mass[usable] @ (psi * (residual - 0.5 * psi)).T
        owner = np.concatenate([np.full(len(self.scouts), -1), lent])
        scores[usable[:, None] == owner] = np.inf
        choice = scores.argmin(axis=1)
        better = scores[np.arange(len(usable)), choice] < self.value[usable] * (1 - _AGREE)
        if everyone:
            neighbour = np.argpartition(scores, min(_NEIGHBOUR, len(pool) - 1), axis=1)[
                :, min(_NEIGHBOUR, len(pool) - 1)
            ]
            choice = np.where(better, choice, neighbour)
        chosen = better | everyone
        if chosen.any():
            self.direct(pool[choice[chosen]], usable[chosen])
        return bool(better.any())

    def _inside(self, start: Floats) -> Floats:
        """Return starts with the floor moved into the open interval from zero to the lowest loss."""
        if self.rows.floor:
            terms, lowest = len(self.rows.features), float(np.exp(self.rows.log_loss.min()))
            start[:, terms] = np.clip(start[:, terms], 0.05 * lowest, 0.98 * lowest)
        return start

    def settled(self) -> NDArray[np.bool_]:
        """Return which replicates hold a fit whose gradient vanishes."""
        return np.isin(self.state, _SETTLED)

    def agreeing(self) -> NDArray[np.int64]:
        """Return how many starts of each replicate ended within 1e-9 (relative) of its best objective."""
        count = np.zeros(len(self.value), dtype=np.int64)
        for replicates, values in self.ends:
            np.add.at(count, replicates[values <= self.value[replicates] * (1 + _AGREE)], 1)
        return count

    def started(self) -> NDArray[np.int64]:
        """Return how many starts each replicate was given."""
        count = np.zeros(len(self.value), dtype=np.int64)
        for replicates, _ in self.ends:
            np.add.at(count, replicates, 1)
        return count

    def result(self, space: Coordinates) -> BatchFit:
        """Return the best fits in the form's own parameters."""
        return BatchFit(
            theta=space.natural(self.best),
            objective=self.value,
            converged=self.settled(),
            n_starts_agreeing=self.agreeing(),
            n_starts=self.started(),
            status=np.array(STATUS_NAMES)[self.state],
            columns=space.form.columns,
        )

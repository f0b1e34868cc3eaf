"""Batched robust calibration: thousands of weighted Huber fits of a scaling law in one computation.

Local optima are the danger here: from a grid of starts most quasi-Newton runs stop short of the optimum and report
success. Three measures answer it: the Huber threshold is lowered in steps from nearly least squares (graduated
non-convexity, Blake & Zisserman 1987), several starts are run for every replicate and counted when they agree, and
every replicate's optimum is tried as a candidate for the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.calibration.kappa.forms import CHINCHILLA, FLOOR, Coordinates, Form
from race_to_efficiency.calibration.kappa.multistart import Search
from race_to_efficiency.calibration.kappa.newton import STATUS_NAMES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray
    from threadpoolctl import ThreadpoolController

    from race_to_efficiency.arrays import Floats


_GLANCE = 16_384


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
        Starts followed to their end.
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

    def followed_by(self, other: BatchFit) -> BatchFit:
        """Return these fits and then others of the same form."""
        names = ("theta", "objective", "converged", "n_starts_agreeing", "n_starts", "status")
        both = {name: np.concatenate([getattr(self, name), getattr(other, name)]) for name in names}
        return BatchFit(**both, columns=self.columns)

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
    thorough: bool = True,
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
    thorough : bool
        Whether every start is followed to its end; else a slow one is left where a third of the starts agree already.

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
    return fit_batch(CHINCHILLA, (params, tokens), loss, weights, starts=starts, delta=delta, thorough=thorough)


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


def fit_batch(
    form: Form,
    inputs: Sequence[ArrayLike],
    loss: ArrayLike,
    weights: ArrayLike,
    *,
    starts: ArrayLike | None = None,
    delta: float = 1e-3,
    thorough: bool = True,
) -> BatchFit:
    """Fit ``form`` to every row of ``weights`` (see `fit_chinchilla_batch` for the arguments)."""
    if not (np.isfinite(delta) and delta > 0):
        raise ValueError(f"delta must be positive and finite, got {delta!r}")
    space = Coordinates.of(form, inputs, loss)
    mass = _checked_weights(weights, len(space.rows.log_loss))
    with _thread_pools().limit(limits=1, user_api="blas"):
        search = Search(space.rows, space.grid(), mass, delta, thorough=thorough)
        usable = np.flatnonzero(_enough_rows(space, mass))
        if len(usable):
            search.run(usable, None if starts is None else np.atleast_2d(space.solver(starts)))
    return BatchFit(
        theta=space.natural(search.best),
        objective=search.plain_value(),
        converged=search.settled(),
        n_starts_agreeing=search.agreeing(),
        n_starts=search.started(),
        status=np.array(STATUS_NAMES)[search.state],
        columns=form.columns,
    )


@cache
def _thread_pools() -> ThreadpoolController:
    """Return the control of this process' linear algebra; finding its libraries takes as long as a small fit."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


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
    enough = np.zeros(len(mass), dtype=np.bool_)
    n = len(space.rows.log_loss)
    for some in (slice(None, None, 1 + n // _GLANCE), slice(None)):  # nearly always a glance at a long table settles it
        open_ = np.flatnonzero(~enough)
        if not len(open_):
            break
        features = np.stack([x[some] for x in space.rows.features], axis=1)
        _, group = np.unique(features, axis=0, return_inverse=True)
        order = np.argsort(group.ravel(), kind="stable")
        begins = np.flatnonzero(np.diff(group.ravel()[order], prepend=-1))
        present = np.add.reduceat(mass[:, some][np.ix_(open_, order)], begins, axis=1) > 0
        enough[open_] = present.sum(axis=1) > space.rows.n_parameters
    return enough

"""Fits under conditions: many at once by reweighted least squares, and lmfit as the fitter of record."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from race_to_efficiency.calibration.kappa.forms import FORMS, Coordinates

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.calibration.kappa.conditions import Bound

_CELLS = 2_000_000
"""Fits times rows times parameters at once: bounds the memory."""

_STILL, _STEPS = 1e-9, 300
_AGREE = 1e-6
_TOLERANCE = 1e-14
_GLANCE = 2_000
_TRIED, _KEPT = 3, 8
_FIRST_STEPS = 30


class Settled(NamedTuple):
    """Fits, one a start: free coordinates (b, k), cost (b,), and whether each came to rest, (b,)."""

    free: Floats
    cost: Floats
    converged: NDArray[np.bool_]


class Point(NamedTuple):
    """The point estimate: free coordinates (k,), cost, how many starts there were and how many agree on it."""

    free: Floats
    cost: float
    n_starts: int
    n_agreeing: int


def settle(bound: Bound, starts: Floats, weights: Floats, *, steps: int = _STEPS) -> Settled:
    """Fit from every start, with the row weights of each.

    Each step solves the least-squares problem that touches the cost from above, damped where it does not fall.

    Parameters
    ----------
    bound : Bound
    starts : (b, k) float
    weights : (b, n) or (1, n) float
    steps : int
        At most.

    References
    ----------
    Huber & Ronchetti (2009), Robust Statistics, section 7.8, for the weights; Marquardt (1963), SIAM J. 11.
    """
    size = max(1, _CELLS // (len(bound.log_loss) * (starts.shape[1] + 1)))
    parts = []
    for begin in range(0, len(starts), size):
        some = slice(begin, begin + size)
        parts.append(_settle(bound, starts[some], weights if len(weights) == 1 else weights[some], steps))
    return Settled(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _settle(bound: Bound, starts: Floats, weights: Floats, steps: int) -> Settled:
    free, damping = np.clip(starts, bound.lowest, bound.highest), np.full(len(starts), 1e-3)
    weights = np.broadcast_to(weights, (len(starts), weights.shape[1]))
    residuals = bound.residuals(free)
    cost = bound.cost(residuals, weights)
    calm, moving = np.zeros(len(starts), dtype=int), np.isfinite(cost)
    converged = np.zeros(len(starts), dtype=np.bool_)
    for _ in range(steps):
        at = np.flatnonzero(moving)
        if not len(at):
            break
        step = _step(bound, free[at], residuals[at], weights[at], damping[at])
        trial = np.clip(free[at] + step, bound.lowest, bound.highest)
        after = bound.residuals(trial)
        reached = bound.cost(after, weights[at])
        lower = reached < cost[at]
        rest = ~lower | (cost[at] - reached <= _STILL * cost[at])
        calm[at] = np.where(rest & (lower | (damping[at] > 1.0)), calm[at] + 1, 0)
        taken = at[lower]
        free[taken], residuals[taken], cost[taken] = trial[lower], after[lower], reached[lower]
        damping[at] = np.clip(np.where(lower, damping[at] / 5.0, damping[at] * 8.0), 1e-12, 1e12)
        converged[at] = calm[at] >= 3
        moving[at] = ~converged[at]
    return Settled(free, cost, converged)


def _step(bound: Bound, free: Floats, residuals: Floats, weights: Floats, damping: Floats) -> Floats:
    """Return a damped step of every fit, (b, k); none where the slopes are not finite."""
    slopes, pull = bound.slopes(free, residuals), bound.pull(residuals, weights)
    normal = (slopes * pull[:, None, :]) @ slopes.transpose(0, 2, 1)
    target = (slopes @ (pull * residuals)[:, :, None])[:, :, 0]
    sound = np.isfinite(normal).all(axis=(1, 2)) & np.isfinite(target).all(axis=1)
    normal[~sound], target[~sound] = np.eye(free.shape[1]), 0.0
    scale = np.sqrt(np.maximum(np.einsum("bkk->bk", normal), 1e-300))
    scaled = normal / (scale[:, :, None] * scale[:, None, :])
    scaled += (damping[:, None] + 1e-13)[:, :, None] * np.eye(free.shape[1])
    return np.asarray(np.linalg.solve(scaled, (target / scale)[..., None])[..., 0] / scale)


def fit_point(bound: Bound, weights: Floats) -> Point:
    """Return the best fit of many starts, by lmfit from the best ends of them.

    Parameters
    ----------
    bound : Bound
    weights : (n,) float
    """
    starts = _cold_starts(bound)
    some = slice(None, None, 1 + len(weights) // _GLANCE)
    few = bound if some.step == 1 else bound.of_rows(some)
    ends = settle(few, starts, weights[None, some], steps=_FIRST_STEPS)
    first = np.argsort(ends.cost, kind="stable")[:_KEPT]
    # of a long table a sample tells the best starts
    ends = settle(bound, ends.free[first[: _TRIED if some.step > 1 else _KEPT]], weights[None])
    order = np.argsort(ends.cost, kind="stable")
    agreeing = int((ends.cost <= ends.cost[order[0]] * (1.0 + _AGREE)).sum())
    recorded = [_by_lmfit(bound, ends.free[k], weights) for k in order[: 1 if some.step > 1 else _TRIED]]
    best = min([(float(ends.cost[order[0]]), tuple(ends.free[order[0]])), *((c, tuple(f)) for c, f in recorded)])
    agreeing += sum(cost <= best[0] * (1.0 + _AGREE) for cost, _ in recorded)
    return Point(np.array(best[1]), best[0], len(starts) + len(recorded), agreeing)


def _cold_starts(bound: Bound) -> Floats:
    """Return the starts of the form's own grid, in free coordinates (S, k)."""
    form = bound.form
    base = next(known for known in FORMS.values() if known.columns == form.columns[: len(known.columns)])
    grid = Coordinates.of(base, bound.inputs[: base.terms], np.exp(bound.log_loss))
    natural = grid.natural(grid.grid())
    whole = [np.hstack([natural, np.tile(more, (len(natural), 1))]) for more in form.starts]
    return bound.coordinates(np.vstack(whole))


def _by_lmfit(bound: Bound, start: Floats, weights: Floats) -> tuple[float, Floats]:
    """Return cost and free coordinates of one fit by `lmfit.minimize(method="least_squares")` with weighted Huber.

    Where runs above the law count differently each residual stands twice, once for either side.
    """
    import lmfit

    twice = bound.above != 1.0
    mass = np.concatenate([bound.above * weights, weights]) if twice else weights
    parameters = lmfit.Parameters()
    for name, value, low, high in zip(bound.names, start, bound.lowest, bound.highest, strict=True):
        parameters.add(f"p_{name}", value=float(value), min=float(low), max=float(high))

    def residual(known: lmfit.Parameters) -> Floats:
        found = bound.residuals(np.fromiter(known.valuesdict().values(), dtype=np.float64))
        found = np.where(np.isfinite(found), found, 1e3)
        return np.asarray(np.concatenate([np.maximum(found, 0.0), np.minimum(found, 0.0)]) if twice else found)

    def slope(known: lmfit.Parameters) -> Floats:
        at = np.fromiter(known.valuesdict().values(), dtype=np.float64)
        left = bound.residuals(at)
        found = -np.nan_to_num(bound.slopes(at, left), posinf=0.0, neginf=0.0).T
        above = (left > 0)[:, None]
        return np.concatenate([found * above, found * ~above]) if twice else np.asarray(found)

    def huber(squared: Floats) -> Floats:
        root = np.sqrt(np.maximum(squared, 1.0))
        inside = squared <= 1.0
        value = np.where(inside, squared, 2.0 * root - 1.0)
        return np.asarray(np.stack([value, 1.0 / root, np.where(inside, 0.0, -0.5 / root**3)]) * mass)

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)  # of standard errors that are not used
        result = lmfit.minimize(
            residual,
            parameters,
            method="least_squares",
            loss=huber,
            f_scale=bound.delta,
            jac=slope,
            x_scale="jac",
            ftol=_TOLERANCE,
            xtol=_TOLERANCE,
            gtol=_TOLERANCE,
            max_nfev=300,
        )
    free = np.fromiter(result.params.valuesdict().values(), dtype=np.float64)
    return float(bound.cost(bound.residuals(free), weights)), free

"""The fitter of record: lmfit's robust least squares from several starts, on centred logs."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.calibration.kappa.forms import Coordinates, Form
from race_to_efficiency.calibration.kappa.newton import FLOOR_AT_ZERO, minimise, minimise_at_zero_floor
from race_to_efficiency.calibration.kappa.objective import Objective
from race_to_efficiency.calibration.kappa.refinement import refined

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from race_to_efficiency.arrays import Floats

_AGREE = 1e-8
_SAME = 1e-9
_POLISH = 1e-18
_EVALUATIONS = 500
"""A start takes at most 484 on any group of the ledger; one on a table that fixes no exponent creeps along a ridge for
thousands, and what it would reach is found from where it stands by `canonical`."""
_TOLERANCE = 1e-15
_FLOOR_GONE = 1e-9
"""A floor below this share of the lowest loss is zero: lmfit's bound is approached, never met."""

HUGE = 1e300
"""Amplitudes at this end or beyond belong to a steep term the rows do not determine."""


@dataclass(frozen=True)
class RecordFit:
    """One point estimate.

    Parameters
    ----------
    theta : (p,) float
        In the form's own parameters.
    objective : float
        Sum of Huber of log-loss residuals.
    n_starts, n_agreeing : int
        Starts run, and those that ended within 1e-8 (relative) of the best objective.
    n_claiming_success : int
        Starts for which the solver reported success, wherever they ended.
    residuals : (n,) float
        ln(observed loss) - ln(predicted loss).
    """

    theta: Floats
    objective: float
    n_starts: int
    n_agreeing: int
    n_claiming_success: int
    residuals: Floats


def huber(residuals: Floats, delta: float) -> Floats:
    """Return Huber's function: r^2/2 inside delta, delta (|r| - delta/2) outside (Huber 1964)."""
    inside = np.clip(residuals, -delta, delta)
    return np.asarray(inside * (residuals - 0.5 * inside))


def fit_of_record(
    form: Form,
    inputs: Sequence[ArrayLike],
    loss: ArrayLike,
    *,
    delta: float,
    start: ArrayLike | None = None,
    cold_starts: int = 2,
) -> RecordFit:
    """Fit by `lmfit.minimize(method="least_squares", loss="huber")` from ``start`` and cold starts of its own.

    Without cold starts ``start`` is taken for an optimum, and only polished.

    Parameters
    ----------
    form : Form
    inputs : sequence of (n,) float
        The form's row quantities.
    loss : (n,) float, nats/token
    delta : float
        Huber threshold on log-loss residuals.
    start : (p,) float, optional
        A first start in the form's own parameters (the batched solver's optimum).
    cold_starts : int
        Starts taken evenly from the form's grid.

    Raises
    ------
    ValueError
        When an argument's values make no sense.
    """
    space = Coordinates.of(form, inputs, loss)
    grid = space.grid()
    chosen = grid[np.linspace(0, len(grid) - 1, min(cold_starts, len(grid))).astype(int)]
    starts = list(chosen) if start is None else [space.solver(start), *chosen]
    if cold_starts:
        found = [_by_lmfit(space, values, delta) for values in starts]
    else:  # polished below, it ends where lmfit would, whose import alone takes a second
        found = [(_cost(space, values, delta), values, True) for values in starts]
    best, x, _ = min(found, key=lambda item: item[0])
    polished = canonical(space, x, delta)
    at_polished = _cost(space, polished, delta)
    if at_polished <= best * (1 + _SAME):
        best, x = min(best, at_polished), polished
    theta = space.natural(x)
    theta[: form.terms] = np.clip(theta[: form.terms], 1.0 / HUGE, HUGE)
    return RecordFit(
        theta=theta,
        objective=best,
        n_starts=len(found),
        n_agreeing=sum(value <= best * (1 + _AGREE) for value, _, _ in found),
        n_claiming_success=sum(success for _, _, success in found),
        residuals=space.rows.log_loss - space.rows.log_prediction(x[None])[0],
    )


def _cost(space: Coordinates, x: Floats, delta: float) -> float:
    """Return the sum of Huber of log-loss residuals at solver coordinates x (p,)."""
    return float(huber(space.rows.log_loss - space.rows.log_prediction(x[None])[0], delta).sum())


def _by_lmfit(space: Coordinates, start: Floats, delta: float) -> tuple[float, Floats, bool]:
    """Return the objective and where lmfit ends from ``start`` (p,), and whether it reports success."""
    import lmfit

    head = space.form.terms
    parameters = lmfit.Parameters()
    for k, value in enumerate(start):
        parameters.add(f"x{k}", value=float(value), min=0.0 if space.form.floor and k == head else -np.inf)

    def place(parameters: lmfit.Parameters) -> Floats:
        return np.fromiter(parameters.valuesdict().values(), dtype=np.float64)

    def residual(parameters: lmfit.Parameters) -> Floats:
        predicted = space.rows.log_prediction(place(parameters)[None])[0]
        return np.asarray(space.rows.log_loss - predicted, dtype=np.float64)

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        # lmfit's standard errors under a robust loss are wrong (and warn); the sandwich covariance is ours
        warnings.simplefilter("ignore", RuntimeWarning)
        result = lmfit.minimize(
            residual,
            parameters,
            method="least_squares",
            loss="huber",
            f_scale=delta,
            jac=lambda parameters: -jacobian(space, place(parameters)),
            ftol=_TOLERANCE,
            xtol=_TOLERANCE,
            gtol=_TOLERANCE,
            max_nfev=_EVALUATIONS,
        )
    x = place(result.params)
    return _cost(space, x, delta), x, bool(result.success)


def canonical(space: Coordinates, x: Floats, delta: float) -> Floats:
    """Return the optimum beside ``x`` (p,) as the one point every processor finds, in solver coordinates.

    Of a flat optimum lmfit reaches one point or another; the ridge of `race_to_efficiency.calibration.kappa.objective`
    makes it one, damped Newton goes there, and `refined` to the last digits.
    """
    objective = Objective(space.rows, np.ones((1, len(space.rows.log_loss))), delta)
    only, terms = np.zeros(1, dtype=np.intp), space.form.terms
    gone = _FLOOR_GONE * float(np.exp(space.rows.log_loss.min()))
    if not space.form.floor or x[terms] > gone:
        ends, _, _ = minimise(objective, x[None], only, tolerance=_POLISH, max_iterations=100)
        if np.isfinite(ends).all() and (not space.form.floor or ends[0, terms] > gone):
            return refined(objective, np.asarray(ends[0]))
    ends, _, status = minimise_at_zero_floor(objective, x[None], only, max_iterations=100)
    if status[0] != FLOOR_AT_ZERO:
        return x
    return np.insert(refined(objective.without_floor(), np.delete(ends[0], terms)), terms, 0.0)


def jacobian(space: Coordinates, x: Floats) -> Floats:
    """Return d ln(predicted loss)/dx, (n, p), at solver coordinates x (p,)."""
    rows, terms = space.rows, space.form.terms
    head = terms + space.form.floor
    total = np.exp(rows.log_prediction(x[None])[0])
    shares = [np.exp(x[k] - x[head + k] * rows.features[k]) / total for k in range(terms)]
    floor = [1.0 / total] if space.form.floor else []
    slopes = [-share * rows.features[k] for k, share in enumerate(shares)]
    return np.stack([*shares, *floor, *slopes], axis=1)

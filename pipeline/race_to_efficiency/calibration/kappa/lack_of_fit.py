"""Is the law right where it is used? Two tests of the residuals, together at one false-alarm level.

Allocation: the chinchilla form says how loss rises when params and tokens are out of balance. Within a decade of its
own optimum the residuals must not bend further along the square of ln(D/N): a score (Lagrange multiplier) test, robust
to scatter that differs between runs and to runs that share a model. Further off no frontier passes: nothing is asked.

Heaps: two floors mixed in one group leave residuals in two heaps, with tails shorter than normal ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.calibration.kappa.forms import CHINCHILLA
from race_to_efficiency.calibration.kappa.record_fit import jacobian

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.calibration.kappa.forms import Coordinates, Form

REACH = float(np.log(10.0))
"""Runs within a decade of the law's own tokens per parameter are tested."""

_SHARES = {"allocation": 0.5, "heaps": 0.4}
"""Of the level. On 1,000 right data sets of 100 runs the tests reject 2.5 % at .025 and 2.8 % at .025: the kurtosis of
fitted residuals is a little low, so its test is given less."""

_MIN_ROWS_PER_PARAMETER = 4
_MIN_ROWS_FOR_HEAPS = 20
"""Below it the normal approximation of the kurtosis test does not hold (D'Agostino & Tietjen 1971)."""


@dataclass(frozen=True)
class LackOfFit:
    """What the residuals say against the form.

    Parameters
    ----------
    n_rows : int
        Rows tested.
    allocation_p, heaps_p : float or None
        p values; None where a test does not apply.
    bend : float or None
        ln loss a run a decade off the optimum is worse (or better) than the form says, beyond one on it.
    """

    n_rows: int
    allocation_p: float | None
    heaps_p: float | None
    bend: float | None

    def rejects(self, level: float) -> tuple[str, ...]:
        """Return which tests reject the form: allocation, heaps, which share ``level``."""
        tests = (("allocation", self.allocation_p), ("heaps", self.heaps_p))
        return tuple(name for name, p in tests if p is not None and p < _SHARES[name] * level)

    def to_json(self) -> dict[str, Any]:
        """Return the tests as a JSON-ready mapping."""
        return dict(vars(self))


def lack_of_fit(
    space: Coordinates, x: Floats, theta: Floats, residuals: Floats, units: Sequence[str], inputs: Sequence[Floats]
) -> LackOfFit | None:
    """Test a form with a floor on the rows it was fitted to; None where neither test applies.

    Parameters
    ----------
    space : Coordinates
    x : (p,) float
        The estimate in solver coordinates.
    theta : (p,) float
        The same in the form's own parameters.
    residuals : (n,) float
        ln(observed) - ln(predicted).
    units : (n,) str
        Independent units; scores are summed within one.
    inputs : sequence of (n,) float
        The form's row quantities.

    References
    ----------
    Davidson & MacKinnon (1993), Estimation and Inference in Econometrics, section 11.5, for the robust score test;
    Anscombe & Glynn (1983), Biometrika 70, for the test of kurtosis.
    """
    form = space.form
    off = _off_optimum(form, theta, inputs)
    tested = np.abs(off) <= REACH
    n, p = int(tested.sum()), len(form.columns)
    if not form.floor or n < _MIN_ROWS_PER_PARAMETER * p:
        return None
    slopes = jacobian(space, x)[tested]
    if not np.isfinite(slopes).all():
        return None
    names, member = np.unique(np.asarray(units, dtype=str)[tested], return_inverse=True)
    basis, _ = np.linalg.qr(slopes)
    left = residuals[tested] - basis @ (basis.T @ residuals[tested])
    allocation, bend = None, None
    if form is CHINCHILLA and len(names) > p + 1:
        allocation, bend = _added_term((off[tested] / REACH) ** 2, basis, left, member)
    heaps = None
    if len(names) == n and n >= _MIN_ROWS_FOR_HEAPS:
        heaps = light_tails(left)
    return None if allocation is None and heaps is None else LackOfFit(n, allocation, heaps, bend)


def light_tails(values: Floats) -> float:
    """Return the one-sided p value of a kurtosis below the normal's, of 20 values or more.

    References
    ----------
    Anscombe & Glynn (1983), Biometrika 70, 227-234.
    """
    from scipy.special import ndtr

    n, squares = len(values), np.square(values - values.mean())
    variance = 24.0 * n * (n - 2) * (n - 3) / ((n + 1) ** 2 * (n + 3) * (n + 5))
    size = (np.square(squares).mean() / squares.mean() ** 2 - 3.0 * (n - 1) / (n + 1)) / np.sqrt(variance)
    skew = 6.0 * (n * n - 5 * n + 2) / ((n + 7) * (n + 9)) * np.sqrt(6.0 * (n + 3) * (n + 5) / (n * (n - 2) * (n - 3)))
    degrees = 6.0 + 8.0 / skew * (2.0 / skew + np.sqrt(1.0 + 4.0 / skew**2))
    root = np.cbrt((1.0 - 2.0 / degrees) / (1.0 + size * np.sqrt(2.0 / (degrees - 4.0))))
    return float(ndtr((1.0 - 2.0 / (9.0 * degrees) - root) * np.sqrt(4.5 * degrees)))


def _off_optimum(form: Form, theta: Floats, inputs: Sequence[Floats]) -> Floats:
    """Return ln of tokens per parameter over the law's optimum at each run's 6ND, (n,); zeros for one input."""
    if form is not CHINCHILLA:
        return np.zeros(len(inputs[0]))
    a, b, _, alpha, beta = theta
    log_n, log_d = np.log(inputs[0]), np.log(inputs[1])
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        # alpha A N^-alpha = beta B D^-beta at the optimum of a given N D (Hoffmann et al. 2022, equation 4)
        centre = (2.0 * np.log(beta * b / (alpha * a)) + (alpha - beta) * (log_n + log_d)) / (alpha + beta)
    return np.asarray(np.where(np.isfinite(centre), log_d - log_n - centre, np.inf))


def _added_term(
    term: Floats, basis: Floats, left: Floats, member: NDArray[np.intp]
) -> tuple[float | None, float | None]:
    """Return the two-sided p value of a term added to the form, and its coefficient.

    Parameters
    ----------
    term : (n,) float
    basis : (n, p) float
        Orthonormal, of the form's own derivatives.
    left : (n,) float
        Residuals orthogonal to it.
    member : (n,) int
        Independent unit of each row.
    """
    from scipy.special import stdtr

    new = term - basis @ (basis.T @ term)
    size = float(new @ new)
    scores = np.bincount(member, weights=new * left)
    spread = float(np.sqrt(scores @ scores))
    if not (size > 1e-12 * float(term @ term) and spread > 0):
        return None, None
    free = len(scores) - basis.shape[1] - 1
    return float(2.0 * stdtr(free, -abs(float(scores.sum())) / spread)), float(scores.sum()) / size

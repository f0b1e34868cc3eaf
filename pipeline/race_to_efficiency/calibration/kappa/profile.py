"""Profile of the objective in kappa: the interval that may stay open, and the ridge of (kappa, E).

A point of the profile is a fit with a quadratic pull of kappa towards a target: whatever kappa it ends at, the fit
minimises the objective at that kappa, so the profile is exact and needs no constrained solver.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.calibration.common.estimates import Interval
from race_to_efficiency.calibration.kappa.intervals import Sandwich, kappa_gradient
from race_to_efficiency.calibration.kappa.newton import minimise
from race_to_efficiency.calibration.kappa.objective import Objective

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from race_to_efficiency.calibration.kappa.forms import Coordinates

    Floats = NDArray[np.float64]

_STEPS = 14
_WIDEST = 6.0
_STIFFNESS = 30.0
_TOLERANCE = 1e-8


class _Pulled(Objective):
    """The objective plus stiffness/2 (kappa - target)^2, one target a pair."""

    def __init__(self, space: Coordinates, weights: Floats, delta: float, targets: Floats, stiffness: float) -> None:
        super().__init__(space.rows, weights, delta)
        self.space, self.targets, self.stiffness = space, targets, stiffness

    def __call__(self, theta: Floats, replicates: NDArray[np.intp]) -> tuple[Floats, Floats, Floats]:
        value, gradient, hessian = super().__call__(theta, replicates)
        kappa, first, second = self._kappa(theta)
        gap = kappa - self.targets[replicates]
        head = self.space.form.terms + self.space.form.floor
        value += 0.5 * self.stiffness * gap**2
        gradient[head:] += self.stiffness * gap * first
        hessian[head:, head:] += self.stiffness * (first[:, None] * first[None, :] + gap * second)
        return value, gradient, hessian

    def _kappa(self, theta: Floats) -> tuple[Floats, Floats, Floats]:
        """Return kappa (b,), its gradient (terms, b) and Hessian (terms, terms, b) in the slope coordinates."""
        head, width = self.space.form.terms + self.space.form.floor, self.space.width
        slopes = theta[:, head:].T / width[:, None]
        if len(slopes) == 1:
            ones = np.ones((1, len(theta)))
            return slopes[0], ones / width[0], np.zeros((1, 1, len(theta)))
        alpha, beta = slopes
        total = alpha + beta
        first = np.stack([(beta / total) ** 2 / width[0], (alpha / total) ** 2 / width[1]])
        second = np.array([[-2 * beta**2, 2 * alpha * beta], [2 * alpha * beta, -2 * alpha**2]]) / total**3
        return alpha * beta / total, first, second / (width[:, None, None] * width[None, :, None])


@dataclass(frozen=True)
class Profile:
    """The profile of one fit.

    Parameters
    ----------
    kappa : (m,) float
        Ascending.
    floor : (m,) float, nats/token
        E at each kappa.
    deviance : (m,) float
        Scaled so that 3.84 is the 95 % limit (chi-square, 1 df).
    """

    kappa: Floats
    floor: Floats
    deviance: Floats

    def interval(self, level: float) -> Interval:
        """Return where the deviance stays below its limit; an end the profile never reaches is open (None)."""
        from scipy.stats import norm

        limit = float(norm.ppf(0.5 + level / 2))
        root = np.sqrt(np.maximum(self.deviance, 0.0))
        middle = int(root.argmin())
        low = _crossing(self.kappa[middle::-1], root[middle::-1], limit)
        high = _crossing(self.kappa[middle:], root[middle:], limit)
        return Interval("profile", level, low, high)


def _crossing(kappa: Floats, root: Floats, limit: float) -> float | None:
    """Return where the root deviance first passes the limit, walking away from the optimum."""
    above = np.flatnonzero(root >= limit)
    if not len(above) or above[0] == 0:
        return None
    j = int(above[0])
    share = (limit - root[j - 1]) / (root[j] - root[j - 1])
    return float(kappa[j - 1] + share * (kappa[j] - kappa[j - 1]))


def profile_kappa(space: Coordinates, x: Floats, covariance: Sandwich, *, delta: float) -> Profile:
    """Trace the profile over a sixth to six times the estimate.

    Twice the rise of the objective, times the ratio of the model's variance of kappa to its sandwich variance, is
    chi-square with one degree of freedom (the robust likelihood-ratio test; clusters enter through the sandwich).

    Parameters
    ----------
    space : Coordinates
    x : (p,) float
        Optimum in solver coordinates.
    covariance : Sandwich
    delta : float

    References
    ----------
    Heritier & Ronchetti (1994), J. Am. Stat. Assoc. 89; Kent (1982), Biometrika 69.
    """
    gradient = kappa_gradient(space, x)
    model = float(gradient @ covariance.bread @ gradient)
    actual = float(gradient @ covariance.covariance @ gradient)
    centre = float(space.form.kappa(space.natural(x)))
    steps = np.linspace(0.0, 1.0, _STEPS + 1)[1:] ** 2
    near = min(6.0 * np.sqrt(actual) / centre, np.log(_WIDEST))
    reach = np.concatenate([near * steps, np.linspace(near, np.log(_WIDEST) * 1.1, 6)[1:]])
    targets = centre * np.exp(np.concatenate([-reach[::-1], [0.0], reach]))
    weights = np.ones((1, len(space.rows.log_loss)))
    pulled = _Pulled(space, weights, delta, targets, _STIFFNESS / model)
    index = np.arange(len(targets))
    ends, values, _ = minimise(pulled, np.tile(x, (len(targets), 1)), index, tolerance=_TOLERANCE, max_iterations=80)
    middle = len(reach)
    inner = np.concatenate([index[1 : middle + 1], [middle], index[middle:-1]])
    again, again_values, _ = minimise(pulled, ends[inner], index, tolerance=_TOLERANCE, max_iterations=40)
    ends = np.where((again_values < values)[:, None], again, ends)
    ends = _nonnegative_floor(space, ends)
    plain, _, _ = Objective(space.rows, weights, delta)(ends, index)
    lowest, _, _ = Objective(space.rows, weights, delta)(x[None], index[:1])
    kappa = space.form.kappa(space.natural(ends))
    floor = ends[:, space.form.terms] * space.level if space.form.floor else np.zeros(len(ends))
    deviance = 2.0 * (plain - min(lowest[0], np.nanmin(plain))) * model / actual
    keep = np.isfinite(deviance) & np.isfinite(kappa)
    order = np.argsort(kappa[keep], kind="stable")
    return Profile(kappa[keep][order], floor[keep][order], deviance[keep][order])


def _nonnegative_floor(space: Coordinates, ends: Floats) -> Floats:
    """Drop points whose floor went below zero: there the profile leaves the form."""
    if not space.form.floor:
        return ends
    return ends[ends[:, space.form.terms] >= 0.0]

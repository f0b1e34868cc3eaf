"""The objective of a fit with a quadratic pull of kappa towards a target, and its derivatives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.calibration.kappa.objective import Objective

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.calibration.kappa.forms import Coordinates


class Pulled(Objective):
    """The objective plus stiffness/2 (kappa - target)^2, one target a pair."""

    def __init__(self, space: Coordinates, weights: Floats, delta: float, targets: Floats, stiffness: float) -> None:
        super().__init__(space.rows, weights, delta)
        self.space, self.targets, self.stiffness = space, targets, stiffness

    def __call__(self, theta: Floats, replicates: NDArray[np.intp]) -> tuple[Floats, Floats, Floats]:
        """Return the pulled objective, its gradient and its Hessian, as `Objective` does."""
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

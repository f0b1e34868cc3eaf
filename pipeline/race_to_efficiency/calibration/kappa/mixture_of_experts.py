"""Loss of mixtures of experts: parameters that a token does not use count as well, and change both exponents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.calibration.kappa.effective import EffectiveForm
from race_to_efficiency.calibration.kappa.forms import CHINCHILLA

if TYPE_CHECKING:
    from collections.abc import Sequence

    from race_to_efficiency.arrays import Floats


@dataclass(frozen=True)
class MixtureOfExperts(EffectiveForm):
    """L = E + A S^delta N^-(alpha - gamma ln S) + B S^omega D^-(beta - zeta ln S), S total over active parameters N.

    S stands for the (transformed) number of experts of the source. alpha, beta and kappa are those of a dense model,
    S = 1; without interactions (gamma = zeta = 0) they are those of every S.

    References
    ----------
    Ludziejewski et al. (2025), Joint MoE Scaling Laws, arXiv 2502.05172; Clark et al. (2022), arXiv 2202.01169, for
    active and total parameters as the measure of a routed model.
    """

    def effective(self, theta: Floats, inputs: Sequence[Floats]) -> tuple[Floats, ...]:
        """Return the parameters and tokens a dense model would take for the same loss, (..., n) each.

        Parameters
        ----------
        theta : (..., 9) float
        inputs : sequence of (n,) float
            Active parameters, tokens, total parameters.
        """
        alpha, beta, delta, gamma, omega, zeta = np.moveaxis(theta[..., 3:, None], -2, 0)
        log_n, log_d = np.log(inputs[0]), np.log(inputs[1])
        spread = np.log(inputs[2]) - log_n
        with np.errstate(all="ignore"):  # a solver may stray where an exponent is zero
            size = log_n - (delta + gamma * log_n) * spread / alpha
            seen = log_d - (omega + zeta * log_d) * spread / beta
            return np.exp(size), np.exp(seen)

    @property
    def starts(self) -> tuple[tuple[float, ...], ...]:
        """Experts that change nothing."""
        return ((0.0, 0.0, 0.0, 0.0),)


EXPERTS = MixtureOfExperts(
    "moe",
    (*CHINCHILLA.columns, "delta", "gamma", "omega", "zeta"),
    (*CHINCHILLA.inputs, "total_params"),
    True,
    "kappa_reducible",
)

"""Loss where tokens were seen several times: a repeated token is worth less and less, and so is an excess parameter."""

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
class RepeatedData(EffectiveForm):
    """L = E + A N'^-alpha + B D'^-beta with U unique tokens: D' = U + U R_D (1 - exp(-(D/U - 1)/R_D)).

    N' is made of N in the same way, with R_N, and with the parameters that U tokens are optimal for (N at most) in
    place of U. Of data seen once it is the chinchilla form of all but oversized models.

    References
    ----------
    Muennighoff et al. (2023), arXiv 2305.16264, equations 5 and 6: R_D 15.4, R_N 5.3 on C4.
    """

    def effective(self, theta: Floats, inputs: Sequence[Floats]) -> tuple[Floats, ...]:
        """Return the parameters and tokens that fresh data would take for the same loss, (..., n) each.

        Parameters
        ----------
        theta : (..., 7) float
        inputs : sequence of (n,) float
            params, tokens, unique tokens.
        """
        a, b, _, alpha, beta, worth_d, worth_n = np.moveaxis(theta[..., None], -2, 0)
        params, tokens, unique = inputs
        fresh = np.minimum(unique, tokens)
        with np.errstate(all="ignore"):  # a solver may stray where there is no optimum
            log_ratio = np.log(alpha * a / (beta * b)) / (alpha + beta)
            wanted = np.minimum(params, np.exp(log_ratio + beta / alpha * (np.log(fresh) + log_ratio)))
            return _worth(params, wanted, worth_n), _worth(tokens, fresh, worth_d)

    @property
    def positive(self) -> tuple[str, ...]:
        """The amplitudes, and the numbers of repetitions."""
        return (*super().positive, "R_D", "R_N")

    @property
    def starts(self) -> tuple[tuple[float, ...], ...]:
        """Repetitions that are worth little, and much."""
        return ((5.0, 2.0), (40.0, 20.0))


def _worth(all_of_it: Floats, once: Floats, scale: Floats) -> Floats:
    """Return what something used more than ``once`` is worth."""
    return np.asarray(once * (1.0 - scale * np.expm1(-(all_of_it / once - 1.0) / scale)))


REPEATED = RepeatedData(
    "repeated",
    (*CHINCHILLA.columns, "R_D", "R_N"),
    (*CHINCHILLA.inputs, "unique_tokens"),
    True,
    "kappa_reducible",
)

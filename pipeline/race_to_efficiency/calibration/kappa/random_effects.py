"""One random-effects model: the mean over families, the spread between them, and where a new family is expected.

y_i ~ N(theta_i, s_i^2), theta_i ~ N(mu, tau^2), mu flat, tau half-t with 3 degrees of freedom: weakly informative, so
that three families do not claim to know their spread and one outlying family does not make it endless. tau is summed
over nodes that are equally likely a priori; given tau everything is normal, so no number here is simulated.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from race_to_efficiency.arrays import Floats

PRIOR_DEGREES = 3
_NODES = 4000
"""Halving their distance moves no digit printed: 1e-6 of tau's scale on three families."""

_LEAST = 0.01
"""A kappa is positive: draws below this share of the mean (under 1 %, less than any printed tail) stand at it."""


@dataclass(frozen=True)
class RandomEffects:
    """The posterior of a random-effects model, as a mixture of normals over tau.

    Parameters
    ----------
    values, stderrs : tuple of float
        One a family.
    tau_scale : float
        Scale of the half-t prior of tau, in the values' unit.

    References
    ----------
    Gelman (2006), Prior distributions for variance parameters, Bayesian Analysis 1; Roever (2020), Bayesian
    random-effects meta-analysis using the bayesmeta R package, J. Stat. Software 93, for the semi-analytic form.
    """

    values: tuple[float, ...]
    stderrs: tuple[float, ...]
    tau_scale: float

    @classmethod
    def of(cls, values: Sequence[float], stderrs: Sequence[float], tau_scale: float) -> RandomEffects:
        """Check and take what is pooled.

        Raises
        ------
        ValueError
            With fewer than two families, a standard error that is not positive, or a scale that is not.
        """
        if len(values) < 2:
            raise ValueError(f"families must be at least 2 to pool, got {len(values)}")
        bad = [error for error in stderrs if not (np.isfinite(error) and error > 0)]
        if bad or not tau_scale > 0:
            raise ValueError(f"stderrs and tau_scale must be positive, got {(bad or [tau_scale])[0]!r}")
        return cls(tuple(map(float, values)), tuple(map(float, stderrs)), float(tau_scale))

    @cached_property
    def _mixture(self) -> tuple[Floats, Floats, Floats, Floats]:
        """Return tau, its posterior weight, and mean and variance of mu given it, (k,) each."""
        from scipy.special import stdtrit

        chance = (np.arange(_NODES) + 0.5) / _NODES
        tau = self.tau_scale * np.asarray(stdtrit(PRIOR_DEGREES, 0.5 + 0.5 * chance))
        effects = np.asarray(self.values)
        precision = 1.0 / (np.square(self.stderrs) + tau[:, None] ** 2)
        variance = 1.0 / precision.sum(axis=1)
        centre = (precision * effects).sum(axis=1) * variance
        misfit = (precision * (effects - centre[:, None]) ** 2).sum(axis=1)
        log_weight = 0.5 * (np.log(precision).sum(axis=1) + np.log(variance) - misfit)
        weight = np.exp(log_weight - log_weight.max())
        return tau, weight / weight.sum(), centre, variance

    @property
    def mean(self) -> float:
        """Posterior mean of mu."""
        _, weight, centre, _ = self._mixture
        return float(weight @ centre)

    @property
    def stderr(self) -> float:
        """Posterior standard deviation of mu."""
        _, weight, centre, variance = self._mixture
        return float(np.sqrt(weight @ (variance + (centre - self.mean) ** 2)))

    @property
    def tau(self) -> float:
        """Posterior median of the spread between families."""
        tau, weight, _, _ = self._mixture
        return float(tau[np.searchsorted(np.cumsum(weight), 0.5)])

    def interval(self, level: float) -> tuple[float, float]:
        """Return the central interval of the mean over families."""
        return self._central(level, new=False)

    def prediction(self, level: float) -> tuple[float, float]:
        """Return the central interval of a new family's kappa."""
        return self._central(level, new=True)

    def draws(self, n: int, rng: np.random.Generator) -> Floats:
        """Return n draws of a new family's kappa, all positive, from the very mixture `prediction` is of.

        Parameters
        ----------
        n : int
        rng : Generator
        """
        tau, weight, centre, variance = self._mixture
        chosen = rng.choice(len(tau), size=n, p=weight)
        value = centre[chosen] + np.sqrt(variance + tau**2)[chosen] * rng.standard_normal(n)
        return np.asarray(np.maximum(value, _LEAST * self.mean), dtype=np.float64)

    def _central(self, level: float, *, new: bool) -> tuple[float, float]:
        from scipy.optimize import brentq
        from scipy.special import ndtr

        tau, weight, centre, variance = self._mixture
        spread = np.sqrt(variance + (tau**2 if new else 0.0))
        reach = float((np.abs(centre) + 40.0 * spread).max())
        ends = [
            brentq(lambda x, tail=tail: float(weight @ ndtr((x - centre) / spread)) - tail, -reach, reach, xtol=1e-13)
            for tail in (0.5 - level / 2, 0.5 + level / 2)
        ]
        return float(ends[0]), float(ends[1])

"""Simulated families of models: what the pool says of their mean, of a new one, its R and its anchor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.calibration.kappa.random_effects import RandomEffects
from race_to_efficiency.forecasting.anchors import anchor_group, new_family_at
from race_to_efficiency.forecasting.draws import GroupDraws, Pool
from race_to_efficiency.recovery.attempts import FLOOR_NATS
from race_to_efficiency.relative_loss import relative_loss
from race_to_efficiency.settings.params import shipped_params

if TYPE_CHECKING:
    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.recovery.attempts import Attempt, Outcome

MEAN_KAPPA, KAPPA_SPREAD, KAPPA_ERROR = 0.17, 0.03, 0.01
"""Mean and spread over families of kappa_reducible, and the standard error with which each is known."""

MEAN_GAMMA, GAMMA_ERROR = 1.8, 0.4
YEARS = 5.0
PIVOT_FLOP, ANCHOR_FLOP = 1e20, 1e25
EXCESS_NATS, LEVEL_SPREAD = 0.9, 0.1
"""L - E at the pivot of a typical family, and the spread over families of its logarithm and of that of E."""

_DRAWS = 2000


def pooled_families(count: int) -> Attempt:
    """Return one attempt to expect a family that nobody has seen from ``count`` others of the same population.

    The new family has a kappa, a floor and a loss at the pivot of its own; R is that of its loss above the floor.
    """

    def attempt(rng: np.random.Generator) -> Outcome:
        kappas = np.maximum(rng.normal(MEAN_KAPPA, KAPPA_SPREAD, count + 1), 0.02)
        levels = np.exp(LEVEL_SPREAD * rng.standard_normal((2, count + 1)))
        seen = rng.normal(kappas[:count], KAPPA_ERROR)
        found = RandomEffects.of(
            seen.tolist(), [KAPPA_ERROR] * count, shipped_params().fit_kappa.pool.tau_scale("kappa_reducible")
        )
        mean, new = found.interval(0.95), found.prediction(0.95)
        gamma = rng.normal(MEAN_GAMMA, GAMMA_ERROR)
        kappa_draws = found.draws(_DRAWS, rng)
        gamma_draws = np.maximum(rng.normal(gamma, GAMMA_ERROR, _DRAWS), 0.01)
        low, high = np.quantile(relative_loss(YEARS, kappa_draws, gamma_draws), [0.025, 0.975])
        anchor = _anchor(seen, levels[:, :count], kappa_draws, rng)
        excess = EXCESS_NATS * levels[0, -1] * (ANCHOR_FLOP / PIVOT_FLOP) ** -kappas[-1]
        floor = FLOOR_NATS * levels[1, -1] / (FLOOR_NATS * levels[1, -1] + excess)
        return {
            "refused": 0.0,
            "mean": float(mean[0] <= MEAN_KAPPA <= mean[1]),
            "new": float(new[0] <= kappas[-1] <= new[1]),
            "r": float(low <= relative_loss(YEARS, kappas[-1], MEAN_GAMMA) <= high),
            "anchor": float(anchor[0] <= floor <= anchor[1]),
        }

    return attempt


def _anchor(kappas: Floats, levels: Floats, drawn: Floats, rng: np.random.Generator) -> Floats:
    """Return the 95 % interval of a new family's E/L0 at the anchor, (2,)."""

    def column(value: float) -> Floats:
        return np.full(_DRAWS, value)

    nothing = column(np.nan)
    groups = [
        GroupDraws(
            f"group {k}",
            f"family {k}",
            "floor",
            {
                "kappa": column(kappa),
                "E": column(FLOOR_NATS * floor),
                "A": column(EXCESS_NATS * excess),
                "B": nothing,
                "alpha": nothing,
                "beta": nothing,
                "pivot_compute_flop": column(PIVOT_FLOP),
            },
            "trusted",
            (),
        )
        for k, (kappa, (excess, floor)) in enumerate(zip(kappas, levels.T, strict=True))
    ]
    pool = Pool({}, drawn, tuple(groups), rng.integers(len(groups), size=_DRAWS))
    at = [anchor_group(group, column(np.log(ANCHOR_FLOP)), ANCHOR_FLOP) for group in groups]
    return np.asarray(np.quantile(new_family_at(pool, at, PIVOT_FLOP).floor, [0.025, 0.975]))

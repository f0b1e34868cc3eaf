"""Weights of the members, learnt online: from outcomes settled by an origin alone, and learnt anew at each.

Each member's mean score relative to the others', times the effective number of outcomes behind it, sets its weight by
an exponential; outcomes at other horizons count less the further off they are. With no outcome all weigh the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.evaluation.effective_n import correlations
from race_to_efficiency.evaluation.scoring import LEVELS, weighted_interval_score

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.evaluation.origin_tests import OriginTest
    from race_to_efficiency.evaluation.outcomes import SettledOutcome
    from race_to_efficiency.evaluation.score_records import ModelWeights
    from race_to_efficiency.settings.backtest import LearningParams


@dataclass(frozen=True)
class Settled:
    """Forecasts whose outcomes had settled by a day, one entry each.

    Parameters
    ----------
    horizon : (n,) float, quarters
    start, end : (n,) float, decimal years
        Window from origin to target date.
    block : (n,) str
        Outcomes of one block are one.
    shared : (n,) float in [0, 1]
        Share of the forecast variance that overlapping windows have in common.
    wis : (n, k) float, log2
        Weighted interval score of each forecaster; NaN where it made no forecast.
    """

    horizon: Floats
    start: Floats
    end: Floats
    block: NDArray[np.str_]
    shared: Floats
    wis: Floats


@dataclass(frozen=True)
class Learned:
    """What was learnt by an origin, at each horizon asked for.

    Parameters
    ----------
    names : tuple of m str
        Members.
    weights : (m, h) float
        Adding up to 1 at every horizon.
    relative : (m, h) float
        Mean score in units of the members' mean; NaN before any outcome.
    n_eff : (h,) float
        Effective number of settled outcomes.
    baseline : str
        The best simple baseline so far: what skill is measured against.
    """

    names: tuple[str, ...]
    weights: Floats
    relative: Floats
    n_eff: Floats
    baseline: str

    def to_json(self) -> dict[str, Any]:
        """Return the fields by name; in a node's document a score that is not known becomes None."""
        return dict(vars(self))

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Learned:
        """Return what `to_json` told."""
        arrays = {name: np.array(told[name], dtype=np.float64) for name in ("weights", "relative", "n_eff")}
        return cls(names=tuple(told["names"]), baseline=told["baseline"], **arrays)


def learn(settled: Settled, horizons: Floats, params: LearningParams) -> tuple[Floats, Floats, Floats]:
    """Return weights (k, h), relative scores (k, h) and effective numbers (h,) of the k forecasters.

    Parameters
    ----------
    settled : Settled
        Without a NaN among the scores.
    horizons : (h,) float, quarters
    params : LearningParams

    References
    ----------
    Cesa-Bianchi & Lugosi (2006), Prediction, Learning, and Games, section 2.2: the exponentially weighted forecaster.
    """
    count = settled.wis.shape[1]
    equal = np.full((count, horizons.size), 1.0 / count)
    if settled.horizon.size == 0:
        return equal, np.full_like(equal, np.nan), np.zeros(horizons.size)
    near = np.exp(-0.5 * (np.log(horizons[:, None] / settled.horizon) / params.horizon_kernel) ** 2)
    mean = near @ settled.wis / near.sum(axis=1, keepdims=True)
    relative = (mean / mean.mean(axis=1, keepdims=True)).T
    alike = correlations(settled.block, settled.start, settled.end, settled.shared)
    n_eff = near.sum(axis=1) ** 2 / np.einsum("hi,ij,hj->h", near, alike, near, optimize=True)
    return weigh(relative, n_eff, params), relative, n_eff


def weigh(relative: Floats, n_eff: Floats, params: LearningParams) -> Floats:
    """Return weights (k, h) from relative scores (k, h) and the effective numbers (h,) of outcomes behind them."""
    weights = np.exp(-params.learning_rate * n_eff * (relative - relative.min(axis=0)))
    # few outcomes say little: equal weights are worth a number of them
    learnt = n_eff / (n_eff + params.prior_outcomes) if params.prior_outcomes else np.ones_like(n_eff)
    return np.asarray(learnt * weights / weights.sum(axis=0) + (1.0 - learnt) / len(relative))


@dataclass
class OutcomeHistory:
    """A target's forecasts of earlier origins, and what can be learnt from those that have settled.

    Parameters
    ----------
    members, baselines : tuple of str
    made : list of OriginTest
        Of the past origins.
    """

    members: tuple[str, ...]
    baselines: tuple[str, ...]
    made: list[OriginTest] = field(default_factory=list)

    def settled(self, outcomes: Iterable[SettledOutcome], sign: int) -> Settled:
        """Return the remembered forecasts that have an outcome, scored.

        Parameters
        ----------
        outcomes : iterable of SettledOutcome
            Those settled by now.
        sign : {1, -1}
            Of the target.
        """
        came: dict[tuple[str, str], list[tuple[float, str]]] = {}
        for one in outcomes:
            came.setdefault((one.target_quarter, one.cell), []).append((sign * one.observed, one.block))
        keys = [key for one in self.made for key in one.keys]
        index = [(k, *found) for k, key in enumerate(keys) for found in came.get(key, ())]
        at = np.array([k for k, _, _ in index], dtype=np.intp)
        observed = np.array([value for _, value, _ in index])
        width = len(self.members) + len(self.baselines)
        places = np.concatenate([np.empty((0, 4)), *(one.places for one in self.made)])[at]
        made = [one.made.reshape(-1, width, len(LEVELS)) for one in self.made]
        predicted = np.concatenate([np.empty((0, width, len(LEVELS))), *made])[at]
        wis = np.full(predicted.shape[:2], np.nan)
        made = np.isfinite(predicted[:, :, 0])
        wis[made] = weighted_interval_score(np.repeat(observed, made.sum(axis=1)), predicted[made]).wis
        horizon, start, end, shared = places.T
        block = np.array([name for _, _, name in index], dtype=str)
        return Settled(horizon, start, end, block, shared, wis)

    def learned(self, settled: Settled, horizons: Floats, params: LearningParams) -> Learned:
        """Return what the settled forecasts teach about the members, and which baseline did best."""
        count = len(self.members)
        own = replace(settled, wis=settled.wis[:, :count])
        weights, relative, n_eff = learn(own, horizons, params)
        return Learned(self.members, weights, relative, n_eff, best_baseline(self.baselines, settled.wis[:, count:]))


def best_baseline(names: tuple[str, ...], wis: Floats) -> str:
    """Return the baseline with the least mean score over all it has forecast; the first before any outcome.

    Parameters
    ----------
    names : tuple of k str
    wis : (n, k) float
        NaN where a baseline made no forecast: it is compared with the first one where both made one.
    """
    if len(wis) == 0:
        return names[0]
    ratios = []
    for k in range(len(names)):
        both = np.isfinite(wis[:, k])
        reference = wis[both, 0].sum()
        ratios.append(wis[both, k].sum() / reference if both.any() and reference > 0 else np.inf)
    return names[int(np.argmin(ratios))]


def weights_document(target: str, learned: Learned, horizons: tuple[int, ...]) -> ModelWeights:
    """Return what was learnt as a JSON-ready mapping, at a few horizons in quarters."""
    shown = [h for h in horizons if h <= learned.weights.shape[1]]
    return {
        "target": target,
        "members": list(learned.names),
        "baseline": learned.baseline,
        "horizons": [
            {
                "horizon_quarters": h,
                "n_eff": float(learned.n_eff[h - 1]),
                "weights": dict(zip(learned.names, learned.weights[:, h - 1].tolist(), strict=True)),
            }
            for h in shown
        ],
    }

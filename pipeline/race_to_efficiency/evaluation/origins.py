"""One forecast origin: what was known then, and the form its forecasts take with the baselines beside them.

The random streams depend on the seed, the target, the origin and the model alone, so rows that enter the ledgers later
cannot move an earlier forecast by a bit.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.evaluation import baselines
from race_to_efficiency.units import decimal_year

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from race_to_efficiency.evaluation.baselines import Series
    from race_to_efficiency.evaluation.origin_views import Known
    from race_to_efficiency.evaluation.predictive import Predictive
    from race_to_efficiency.evaluation.targets import Target
    from race_to_efficiency.settings.backtest import BacktestParams
    from race_to_efficiency.units import Quarter

    Array = NDArray[np.float64]

QUARTER_YEARS = 0.25


@dataclass(frozen=True)
class ForecastOrigin:
    """Where and of what a forecast is made.

    Parameters
    ----------
    target : Target
    quarter : Quarter
        Origin; nothing recorded after its last day is known.
    known : Known
    ends : (h,) float, decimal years
        Ends of the target quarters, 1 to h quarters ahead.
    params : BacktestParams
    seed : int
    """

    target: Target
    quarter: Quarter
    known: Known
    ends: Array
    params: BacktestParams
    seed: int

    def stream(self, model: str) -> np.random.Generator:
        """Return the random stream of one model at this origin."""
        names = [zlib.crc32(name.encode()) for name in (self.target.id, str(self.quarter), model)]
        return np.random.default_rng(np.random.SeedSequence([self.seed, *names]))

    @property
    def time(self) -> Array:
        """Dates of the observations, (n,) decimal years."""
        return np.asarray(self.known.observations["time"], dtype=np.float64)

    @property
    def value(self) -> Array:
        """Observations, (n,) log2, signed so that better is larger."""
        return self.target.sign * np.asarray(self.known.observations["value"], dtype=np.float64)


@dataclass(frozen=True)
class CellForecast:
    """Candidate models' predictives and the baselines' quantiles for one cell of a target.

    Parameters
    ----------
    cell : str
        Benchmark of a panel; '' otherwise.
    models : dict of model to Predictive
    series : list of Series
        What the baselines know (all cells, pooled for the spread).
    last : float, log2
        The level the baselines start from.
    ahead : (h,) float, years
        From the last known level to each target date.
    scatter : bool
        Whether single outcomes scatter around the level.
    """

    cell: str
    models: dict[str, Predictive]
    series: list[Series]
    last: float
    ahead: Array
    scatter: bool = False

    def baseline_quantiles(self, moore: float, published: float | None) -> dict[str, list[Array]]:
        """Return each baseline's (23,) quantiles at every horizon; empty when the series has too few changes."""
        rows: dict[str, list[Array]] = {name: [] for name in baselines.BASELINES if name != "published"}
        if published is not None:
            rows["published"] = []
        for ahead in self.ahead:
            changes = baselines.past_changes(self.series, float(ahead))
            if changes.size == 0:
                return {}
            rows["last_value"].append(baselines.last_value(self.last, changes))
            spread = changes if self.scatter else None
            walk = baselines.random_walk_drift(self.series, self.last, float(ahead), spread)
            rows["random_walk_drift"].append(walk)
            rows["moore"].append(baselines.fixed_rate(self.last, moore, float(ahead), changes))
            if published is not None:
                rows["published"].append(baselines.fixed_rate(self.last, published, float(ahead), changes))
        return rows


def end_time(quarter: Quarter) -> float:
    """Return the end of a quarter (the start of the next day) in decimal years."""
    return decimal_year(quarter.shift(1).first_day)


def quarterly_grid(first: float, now: float) -> Array:
    """Return quarterly dates back from ``now`` to just after ``first``, rising."""
    count = int(np.floor((now - first) / QUARTER_YEARS)) + 1
    return np.asarray(now - QUARTER_YEARS * np.arange(count - 1, -1, -1), dtype=np.float64)

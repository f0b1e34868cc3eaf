"""One forecast origin: what was known then, and the form its forecasts take with the baselines beside them.

The random streams depend on the seed, the target, the origin and the model alone, so rows that enter the ledgers later
cannot move an earlier forecast by a bit.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.units import decimal_year

if TYPE_CHECKING:
    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.evaluation.origin_views import Known
    from race_to_efficiency.evaluation.predictive import Predictive
    from race_to_efficiency.evaluation.targets import Target
    from race_to_efficiency.settings.backtest import BacktestParams
    from race_to_efficiency.units import Quarter

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
    ends: Floats
    params: BacktestParams
    seed: int

    def stream(self, model: str) -> np.random.Generator:
        """Return the random stream of one model at this origin."""
        names = [zlib.crc32(name.encode()) for name in (self.target.id, str(self.quarter), model)]
        return np.random.default_rng(np.random.SeedSequence([self.seed, *names]))

    @property
    def first_horizon(self) -> int:
        """The shortest horizon, quarters: an aggregate's window must lie ahead of the origin as a whole."""
        return self.target.window_quarters if self.target.kind == "aggregate" else 1

    @property
    def time(self) -> Floats:
        """Dates of the observations, (n,) decimal years."""
        return np.asarray(self.known.observations["time"], dtype=np.float64)

    @property
    def value(self) -> Floats:
        """Observations, (n,) log2, signed so that better is larger."""
        return self.target.sign * np.asarray(self.known.observations["value"], dtype=np.float64)


@dataclass(frozen=True)
class CellForecast:
    """The members' predictives and the baselines' quantiles for one cell of a target.

    Parameters
    ----------
    cell : str
        Benchmark of a panel; '' otherwise.
    members : dict of name to Predictive
    baselines : dict of name to (h, 23) float, log2
    last : float, log2
        The level known at the origin.
    """

    cell: str
    members: dict[str, Predictive]
    baselines: dict[str, Floats]
    last: float


def end_time(quarter: Quarter) -> float:
    """Return the end of a quarter (the start of the next day) in decimal years."""
    return decimal_year(quarter.shift(1).first_day)


def quarterly_grid(first: float, now: float) -> Floats:
    """Return quarterly dates back from ``now`` to just after ``first``, rising."""
    count = int(np.floor((now - first) / QUARTER_YEARS)) + 1
    return np.asarray(now - QUARTER_YEARS * np.arange(count - 1, -1, -1), dtype=np.float64)

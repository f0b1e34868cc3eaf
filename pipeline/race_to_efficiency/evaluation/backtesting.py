"""Rolling origins: forecasts made each quarter from what was known then, joined with what came of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.evaluation import baselines, bounds
from race_to_efficiency.evaluation.averaging import combine
from race_to_efficiency.evaluation.forecast_rows import MODEL, forecast_frame
from race_to_efficiency.evaluation.made_forecasts import MadeForecasts
from race_to_efficiency.evaluation.origin_forecasts import forecast
from race_to_efficiency.evaluation.origins import ForecastOrigin, end_time
from race_to_efficiency.evaluation.outcomes import outcomes, settled_outcomes
from race_to_efficiency.evaluation.predictive import Predictive
from race_to_efficiency.evaluation.revisions import revisions
from race_to_efficiency.evaluation.targets import TARGETS
from race_to_efficiency.evaluation.weights import OutcomeHistory
from race_to_efficiency.units import Quarter

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd

    from race_to_efficiency.evaluation.origin_views import LedgerViews
    from race_to_efficiency.evaluation.origins import CellForecast
    from race_to_efficiency.evaluation.revisions import Revisions
    from race_to_efficiency.evaluation.targets import Target
    from race_to_efficiency.evaluation.weights import Learned
    from race_to_efficiency.settings.backtest import BacktestParams

SCORED_LEDGERS = (
    "accelerators",
    "mlperf_training",
    "speedrun_records",
    "notable_training_runs",
    "training_runs",
    "published_values",
)
"""Ledgers the targets read."""


def quarters(first: str, last: Quarter) -> list[Quarter]:
    """Return every quarter from ``first`` to ``last``."""
    found = [Quarter.parse(first)]
    while found[-1] < last:
        found.append(found[-1].shift(1))
    return [quarter for quarter in found if quarter <= last]


def origin_of(
    target: Target, views: LedgerViews, quarter: Quarter, params: BacktestParams, seed: int
) -> ForecastOrigin:
    """Return a target's forecast origin: what was known on the quarter's last day."""
    ends = np.array([end_time(quarter.shift(h)) for h in range(1, params.horizon_quarters + 1)])
    return ForecastOrigin(target, quarter, views.known(target, quarter.as_of), ends, params, seed)


def finished(
    origin: ForecastOrigin, one: CellForecast, learned: Learned, revised: Revisions, limit: np.ndarray
) -> tuple[Predictive, np.ndarray]:
    """Return a cell's forecast: its members as they are weighted, a record's revisions, and nothing beyond physics.

    Parameters
    ----------
    origin : ForecastOrigin
    one : CellForecast
    learned : Learned
    revised : Revisions
    limit : (h,) float, log2
        See `bounds.bound`.

    Returns
    -------
    Predictive, (h,) float
        The forecast, and the share of its mass that was moved to the bound.
    """
    members = [one.members[name] for name in learned.names]
    averaged = combine(members, learned.weights, one.last if origin.target.monotone else None)
    quantiles = averaged.quantiles
    if origin.target.monotone:
        # a pseudo view holds the first snapshot's figures: only a later snapshot can differ from them
        exposed = np.clip(origin.ends - max(end_time(origin.quarter), origin.known.figures_of), 0.0, None)
        quantiles = np.array([revised.apply(row, years) for row, years in zip(quantiles, exposed, strict=True)])
    quantiles, moved = bounds.within(quantiles, limit)
    return Predictive(quantiles, averaged.shared), moved


def origin_rows(
    origin: ForecastOrigin, cells: list[CellForecast], learned: Learned, revised: Revisions, limit: np.ndarray
) -> tuple[list[tuple[Any, ...]], list[np.ndarray]]:
    """Return one origin's forecasts: the cells of `KEY_COLUMNS` and the (23,) quantiles of each.

    Parameters
    ----------
    origin : ForecastOrigin
    cells : list of CellForecast
        See `origin_forecasts.forecast`.
    learned : Learned
        Weights at each of the origin's horizons.
    """
    target = origin.target
    start = end_time(origin.quarter)
    n_rows = len(origin.known.observations)
    keys: list[tuple[Any, ...]] = []
    values: list[np.ndarray] = []
    for one in cells:
        made, moved = finished(origin, one, learned, revised, limit)
        for h in range(origin.first_horizon, origin.ends.size + 1):
            found = [("forecast", MODEL, made.quantiles[h - 1], float(made.shared[h - 1]), float(moved[h - 1]))]
            found += [
                (name, name, np.minimum(rows[h - 1], limit[h - 1]), 1.0, 0.0) for name, rows in one.baselines.items()
            ]
            place = (target.id, str(origin.quarter), h, str(origin.quarter.shift(h)), one.cell)
            window = (start, float(origin.ends[h - 1]))
            for method, model, quantiles, *shares in found:
                about = (
                    origin.known.vintage,
                    target.unit,
                    *window,
                    *shares,
                    learned.baseline,
                    target.sign * one.last,
                    n_rows,
                    "",
                )
                keys.append((*place, method, model, *about))
                values.append(quantiles if target.sign > 0 else -quantiles[::-1])
    return keys, values


@dataclass(frozen=True)
class OriginTest:
    """What is forecast of a target at one origin.

    Parameters
    ----------
    table : DataFrame
        `KEY_COLUMNS` and `QUANTILE_COLUMNS`: the forecast and the baselines.
    made : MadeForecasts
        Of the members, for later origins to learn from.
    learned : Learned
        What the outcomes settled by then teach about the members.
    """

    table: pd.DataFrame
    made: MadeForecasts
    learned: Learned


def new_history(target: Target, params: BacktestParams) -> OutcomeHistory:
    """Return a history of a target's forecasts before any was made."""
    return OutcomeHistory(params.members.by_kind[target.kind], baselines.BASELINES)


def learned_by(
    target: Target, views: LedgerViews, quarter: Quarter, history: OutcomeHistory, params: BacktestParams
) -> Learned:
    """Return what the outcomes settled by a quarter's last day teach about a target's members."""
    first, horizons = Quarter.parse(params.first_origin), np.arange(1.0, params.horizon_quarters + 1)
    settled = history.settled(settled_outcomes(target, views, quarter.as_of, first), target.sign)
    return history.learned(settled, horizons, params.learning)


def origin_test(
    target: Target, views: LedgerViews, quarter: Quarter, history: OutcomeHistory, params: BacktestParams, seed: int
) -> OriginTest:
    """Return a target's forecasts at one origin.

    Parameters
    ----------
    target : Target
    views : LedgerViews
        Asked for no day after the quarter's last.
    quarter : Quarter
        The origin.
    history : OutcomeHistory
        With the forecasts of every earlier origin.
    params : BacktestParams
    seed : int
    """
    origin = origin_of(target, views, quarter, params, seed)
    cells = forecast(origin, views.published_rate(target, quarter.as_of))
    learned = learned_by(target, views, quarter, history, params)
    limit, _ = bounds.bound(origin, views)
    found = origin_rows(origin, cells, learned, revisions(target, views, quarter.as_of, params.revisions), limit)
    made = MadeForecasts.at(origin, cells, history.members, history.baselines)
    return OriginTest(forecast_frame(*found), made, learned)


def target_forecasts(
    target: Target, views: LedgerViews, last: Quarter, params: BacktestParams, seed: int
) -> tuple[pd.DataFrame, OutcomeHistory]:
    """Return the forecasts and baselines of every origin up to ``last``, and the history weights are learnt from."""
    frames = []
    history = new_history(target, params)
    for quarter in quarters(params.first_origin, last):
        tested = origin_test(target, views, quarter, history, params, seed)
        frames.append(tested.table)
        history.made.append(tested.made)
    return together(frames or [forecast_frame([], [])]), history


def with_outcomes(forecasts: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """Join forecasts with outcomes, keeping forecasts that have none yet (observed is NaN there)."""
    return forecasts.merge(known, on=["target", "target_quarter", "cell"], how="left", validate="many_to_many")


def backtest(
    views: LedgerViews, last: Quarter, params: BacktestParams, seed: int, targets: Iterable[Target] = TARGETS.values()
) -> tuple[pd.DataFrame, dict[str, Learned]]:
    """Run the rolling-origin backtest of dated targets.

    Parameters
    ----------
    views : LedgerViews
        The ledgers named in `SCORED_LEDGERS`.
    last : Quarter
        Last origin; its view settles the outcomes.
    params : BacktestParams
    seed : int
    targets : iterable of Target

    Returns
    -------
    DataFrame, dict of target to Learned
        A row for each target, origin, horizon, cell, method and outcome (observed NaN where open), and what the
        outcomes settled by the last origin teach about each target's members.
    """
    frames, learned = [], {}
    for target in targets:
        made, history = target_forecasts(target, views, last, params, seed)
        frames.append(with_outcomes(made, outcomes(target, views, last.as_of, Quarter.parse(params.first_origin))))
        learned[target.id] = learned_by(target, views, last, history, params)
    return together(frames), learned


def together(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return the forecasts of several targets as one table, in their order."""
    import pandas as pd

    return pd.concat([frame for frame in frames if len(frame)] or frames[:1], ignore_index=True)

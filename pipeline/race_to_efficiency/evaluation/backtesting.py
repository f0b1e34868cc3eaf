"""Rolling origins: forecasts made each quarter from what was known then, joined with what came of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.evaluation import baselines, bounds
from race_to_efficiency.evaluation.averaging import combine
from race_to_efficiency.evaluation.forecast_rows import forecast_frame
from race_to_efficiency.evaluation.origin_forecasts import forecast
from race_to_efficiency.evaluation.origin_tests import OriginTest
from race_to_efficiency.evaluation.origins import ForecastOrigin, end_time
from race_to_efficiency.evaluation.outcomes import outcomes, settled_outcomes
from race_to_efficiency.evaluation.predictive import Predictive
from race_to_efficiency.evaluation.revisions import revisions
from race_to_efficiency.evaluation.scoring import LEVELS
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
    revised = revisions(target, views, quarter.as_of, params.revisions)
    done = [finished(origin, one, learned, revised, limit) for one in cells]
    ahead = slice(origin.first_horizon - 1, None)
    each = (len(cells), origin.ends[ahead].size)
    common = [np.mean([member.shared for member in one.members.values()], axis=0)[ahead] for one in cells]
    said = [_said(one, history)[ahead] for one in cells]
    return OriginTest(
        quarter=quarter,
        vintage=origin.known.vintage,
        n_rows=len(origin.known.observations),
        cells=tuple(one.cell for one in cells),
        first_horizon=origin.first_horizon,
        members=history.members,
        learned=learned,
        made=_array(said, (*each, len(history.members) + len(history.baselines), len(LEVELS))),
        common=_array(common, each),
        quantiles=_array([made.quantiles[ahead] for made, _ in done], (*each, len(LEVELS))),
        shared=_array([made.shared[ahead] for made, _ in done], each),
        moved=_array([moved[ahead] for _, moved in done], each),
        last=_array([one.last for one in cells], each[:1]),
        ends=origin.ends[ahead],
        limit=_array(limit[ahead], each[1:]),
    )


def _array(parts: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Return parts as one array, which has its shape also where there are none."""
    return np.array(parts, dtype=np.float64).reshape(shape)


def _said(one: CellForecast, history: OutcomeHistory) -> np.ndarray:
    """Return what members and baselines say of a cell, (h, k, 23)."""
    rows = [one.members[name].quantiles for name in history.members]
    missing = np.full_like(rows[0], np.nan)
    return np.stack([*rows, *(one.baselines.get(name, missing) for name in history.baselines)], axis=1)


def target_forecasts(
    target: Target, views: LedgerViews, last: Quarter, params: BacktestParams, seed: int
) -> tuple[pd.DataFrame, OutcomeHistory]:
    """Return the forecasts and baselines of every origin up to ``last``, and the history weights are learnt from."""
    history = new_history(target, params)
    for quarter in quarters(params.first_origin, last):
        history.made.append(origin_test(target, views, quarter, history, params, seed))
    return forecasts_of(target, history.made), history


def forecasts_of(target: Target, tests: Iterable[OriginTest]) -> pd.DataFrame:
    """Return the forecasts and baselines of a target's origins as a table."""
    keys: list[tuple[Any, ...]] = []
    values: list[np.ndarray] = []
    for one in tests:
        found = one.rows(target)
        keys += found[0]
        values += found[1]
    return forecast_frame(keys, values)


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

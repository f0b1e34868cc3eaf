"""Rolling origins: forecasts made each quarter from what was known then, joined with what came of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.calibration.common.processes import beside
from race_to_efficiency.evaluation.choices import Choice, choose, in_use
from race_to_efficiency.evaluation.origin_forecasts import forecast
from race_to_efficiency.evaluation.origins import ForecastOrigin, end_time
from race_to_efficiency.evaluation.outcomes import outcomes
from race_to_efficiency.evaluation.scoring import LEVELS, QUANTILE_COLUMNS
from race_to_efficiency.evaluation.targets import TARGETS
from race_to_efficiency.units import Quarter

if TYPE_CHECKING:
    import pandas as pd

    from race_to_efficiency.evaluation.origin_views import LedgerViews
    from race_to_efficiency.evaluation.targets import Target
    from race_to_efficiency.settings.backtest import BacktestParams

KEY_COLUMNS = (
    "target",
    "origin",
    "horizon_quarters",
    "target_quarter",
    "cell",
    "method",
    "model",
    "vintage",
    "unit",
    "window_start",
    "window_end",
    "shared",
    "n_rows",
)
"""What identifies a forecast; ``method`` is 'forecast' or the name of a baseline."""

LEDGERS = (
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


def origin_rows(origin: ForecastOrigin, published: float | None) -> tuple[list[tuple[Any, ...]], list[np.ndarray]]:
    """Return one origin's forecasts: the cells of `KEY_COLUMNS` and the (23,) quantiles of each.

    Parameters
    ----------
    origin : Origin
    published : float or None
        Published trend known by then, doublings/yr.
    """
    target = origin.target
    start = end_time(origin.quarter)
    n_rows = len(origin.known.observations)
    keys: list[tuple[Any, ...]] = []
    values: list[np.ndarray] = []
    for one in forecast(origin):
        base = one.baseline_quantiles(origin.params.moore_doublings_per_year, published)
        if not base:
            continue
        for h in range(target.window_quarters if target.kind == "aggregate" else 1, origin.ends.size + 1):
            found = [("forecast", name, p.quantiles[h - 1], float(p.shared[h - 1])) for name, p in one.models.items()]
            found += [(name, name, rows[h - 1], 1.0) for name, rows in base.items()]
            place = (target.id, str(origin.quarter), h, str(origin.quarter.shift(h)), one.cell)
            window = (start, float(origin.ends[h - 1]))
            for method, model, quantiles, shared in found:
                keys.append((*place, method, model, origin.known.vintage, target.unit, *window, shared, n_rows))
                values.append(quantiles if target.sign > 0 else -quantiles[::-1])
    return keys, values


def forecast_frame(keys: list[tuple[Any, ...]], values: list[np.ndarray]) -> pd.DataFrame:
    """Return forecasts as a table: `KEY_COLUMNS` and `QUANTILE_COLUMNS`."""
    import pandas as pd

    frame = pd.DataFrame(keys, columns=list(KEY_COLUMNS))
    table = pd.DataFrame(np.array(values).reshape(-1, len(LEVELS)), columns=list(QUANTILE_COLUMNS))
    return pd.concat([frame, table], axis=1)


def target_forecasts(
    target: Target, views: LedgerViews, last: Quarter, params: BacktestParams, seed: int
) -> pd.DataFrame:
    """Return the forecasts of every origin up to ``last``: all candidate models (method 'forecast') and baselines."""
    keys: list[tuple[Any, ...]] = []
    values: list[np.ndarray] = []
    for quarter in quarters(params.first_origin, last):
        origin = origin_of(target, views, quarter, params, seed)
        found = origin_rows(origin, views.published_rate(target, quarter.as_of))
        keys += found[0]
        values += found[1]
    return forecast_frame(keys, values)


def with_outcomes(forecasts: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """Join forecasts with outcomes, keeping forecasts that have none yet (observed is NaN there)."""
    return forecasts.merge(known, on=["target", "target_quarter", "cell"], how="left", validate="many_to_many")


def backtest(views: LedgerViews, last: Quarter, params: BacktestParams, seed: int) -> tuple[pd.DataFrame, list[Choice]]:
    """Run the rolling-origin backtest of every dated target.

    Parameters
    ----------
    views : LedgerViews
        The ledgers named in `LEDGERS`.
    last : Quarter
        Last origin; its view settles the outcomes.
    params : BacktestParams
    seed : int

    Returns
    -------
    DataFrame, list of Choice
        A row for each target, origin, horizon, cell, method and outcome (observed NaN where open), and the models.
    """
    import pandas as pd

    frames, choices = [], []
    first = Quarter.parse(params.first_origin)
    for target in TARGETS.values():
        everything = target_forecasts(target, views, last, params, seed)
        choice = choose(target, everything, views, last, params)
        frames.append(with_outcomes(in_use(everything, choice), outcomes(target, views, last.as_of, first)))
        choices.append(choice)
    return pd.concat([frame for frame in frames if len(frame)] or frames[:1], ignore_index=True), choices


def backtest_all(
    views: LedgerViews, last: Quarter, params: BacktestParams, seed: int, *, workers: int = 1
) -> tuple[pd.DataFrame, list[Choice]]:
    """Run the backtest of the dated targets and of the losses of larger runs; see `backtest`.

    With two workers the two run side by side; the result is the same.
    """
    import pandas as pd

    from race_to_efficiency.evaluation import loss_targets

    runs = views.used("training_runs", last.as_of)
    with beside(loss_targets.backtest, runs, params, seed, workers=workers) as result:
        dated, choices = backtest(views, last, params, seed)
        losses, more = result()
    return pd.concat([frame for frame in (dated, losses) if len(frame)] or [dated], ignore_index=True), [
        *choices,
        *more,
    ]

"""Forecasts that have an outcome, scored one by one, with the baselines' scores of the same outcomes beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.evaluation import scoring
from race_to_efficiency.evaluation.baselines import BASELINES
from race_to_efficiency.evaluation.effective_n import intraclass_correlation
from race_to_efficiency.evaluation.scoring import QUANTILE_COLUMNS

if TYPE_CHECKING:
    import pandas as pd

MATCH = ["target", "origin", "horizon_quarters", "target_quarter", "cell", "item"]


def resolved(backtest: pd.DataFrame) -> pd.DataFrame:
    """Return the forecasts that have an outcome, scored one by one.

    Parameters
    ----------
    backtest : DataFrame
        As `backtesting.backtest` returns it.

    Returns
    -------
    DataFrame
        With wis, its parts, wis_matured (of the outcome at maturity), crps, pit, bias and error (median less outcome).
    """
    done = backtest[backtest["observed"].notna()].reset_index(drop=True)
    y = done["observed"].to_numpy(dtype=np.float64)
    q = done[list(QUANTILE_COLUMNS)].to_numpy(dtype=np.float64)
    parts = scoring.weighted_interval_score(y, q)
    pit = scoring.pit(y, q)
    matured = np.full(len(done), np.nan)
    again = done["matured"].notna().to_numpy()
    matured[again] = scoring.weighted_interval_score(done["matured"].to_numpy(dtype=np.float64)[again], q[again]).wis
    return done.assign(
        wis_matured=matured,
        wis=parts.wis,
        dispersion=parts.dispersion,
        overprediction=parts.overprediction,
        underprediction=parts.underprediction,
        crps=scoring.crps_quantile(y, q),
        pit=pit,
        bias=1.0 - 2.0 * pit,
        error=q[:, q.shape[1] // 2] - y,
    )


def scored(backtest: pd.DataFrame) -> pd.DataFrame:
    """Return the forecasts that have an outcome with their scores and each baseline's, NaN where it made none.

    ``wis_naive`` is that of the baseline that had done best by the origin, named in ``baseline``.

    Parameters
    ----------
    backtest : DataFrame
        As `backtesting.backtest` returns it.
    """
    own = resolved(backtest[backtest["method"] == "forecast"])
    for name in BASELINES:
        other = backtest[(backtest["method"] == name) & backtest["observed"].notna()]
        wis = scoring.weighted_interval_score(other["observed"], other[list(QUANTILE_COLUMNS)]).wis
        other = other[MATCH].assign(**{f"wis_{name}": wis})
        own = own.merge(other, on=MATCH, how="left", validate="one_to_one")
    column = own["baseline"].map({name: k for k, name in enumerate(BASELINES)}).to_numpy(dtype=np.intp)
    scores = own[[f"wis_{name}" for name in BASELINES]].to_numpy(dtype=np.float64)
    return own.assign(wis_naive=scores[np.arange(len(own)), column])


def pooled_losses(done: pd.DataFrame) -> pd.DataFrame:
    """Return the loss forecasts of all groups as one target, ``loss.all``; groups are independent of one another."""
    own = done[done["target"].str.startswith("loss.")]
    return apart(own, own["target"]).assign(target="loss.all", block=own["target"] + " " + own["block"])


def apart(own: pd.DataFrame, kind: pd.Series) -> pd.DataFrame:
    """Return forecasts with a stretch of the clock of its own for each kind: windows of two kinds do not overlap."""
    offset = 1000.0 * kind.rank(method="dense")
    return own.assign(window_start=own["window_start"] + offset, window_end=own["window_end"] + offset)


def shared_share(own: pd.DataFrame) -> np.ndarray:
    """Return the part of each forecast's error that outcomes of overlapping windows share.

    The model's own share (its parameters' variance), or what the outcomes show, whichever is larger: the intraclass
    correlation of the PIT between the blocks of one target quarter.
    """
    pairs = list(zip(own["target_quarter"], own["block"], strict=True))
    places = {pair: k for k, pair in enumerate(sorted(set(pairs)))}
    index = np.array([places[pair] for pair in pairs], dtype=np.intp)
    means = np.bincount(index, weights=own["pit"]) / np.bincount(index)
    measured = intraclass_correlation(means, [quarter for quarter, _ in places])
    return np.asarray(np.maximum(own["shared"].to_numpy(dtype=np.float64), measured), dtype=np.float64)

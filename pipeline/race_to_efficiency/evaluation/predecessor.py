"""An earlier forecaster on the same cells: who did better, target by target, and where not, in what."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency import storage
from race_to_efficiency.evaluation.effective_n import coverage_share
from race_to_efficiency.evaluation.scoring import (
    COVERAGE_LEVELS,
    QUANTILE_COLUMNS,
    WisParts,
    weighted_interval_score,
)

if TYPE_CHECKING:
    import pandas as pd

    from race_to_efficiency.evaluation.score_records import Predecessor, Rival, TargetBeside

KEYS = ["target", "origin", "horizon_quarters", "target_quarter", "cell"]

KEPT = Path(__file__).with_name("kept")
"""Folder of the forecasts earlier forecasters made: `race-0.1` as its own code made them once, and never again."""

_WORSE = 1.1
_ENOUGH = 20
_PARTS = {"dispersion": "wider", "overprediction": "further above", "underprediction": "further below"}


def kept() -> list[pd.DataFrame]:
    """Return what earlier forecasters said at every origin, one table a forecaster: they came with the code.

    Returns
    -------
    list of DataFrame
        model, `KEYS`, member, vintage, unit and `scoring.QUANTILE_COLUMNS` (log2 of the unit).
    """
    return [storage.read_parquet(path) for path in sorted(KEPT.glob("*.parquet"))]


def beside(done: pd.DataFrame, earlier: pd.DataFrame, first_origin: str) -> Predecessor:
    """Return how two forecasters did on the outcomes both had forecast.

    Parameters
    ----------
    done : DataFrame
        Scored forecasts with their baselines; see `scored_forecasts.scored`.
    earlier : DataFrame
        model, `KEYS` and `scoring.QUANTILE_COLUMNS` of the earlier forecaster.
    first_origin : str
        First origin compared.

    Returns
    -------
    dict
        model, first_origin, ratio (geometric mean over targets of mean weighted interval scores), cells and how many of
        them each has below the last-value baseline, the share of outcomes inside each one's intervals, and a row a
        target; ``because`` tells in what a target with at least 20 outcomes is more than 10 % worse.
    """
    theirs = earlier[[*KEYS, *QUANTILE_COLUMNS]].rename(columns={name: f"{name}_earlier" for name in QUANTILE_COLUMNS})
    both = done[done["origin"] >= first_origin].merge(theirs, on=KEYS, how="inner", validate="many_to_one")
    both = both[~both["target"].str.startswith("loss.")].reset_index(drop=True)
    earlier_columns = [f"{name}_earlier" for name in QUANTILE_COLUMNS]
    scores = weighted_interval_score(both["observed"], both[earlier_columns])
    both = both.assign(wis_earlier=scores.wis)
    rows = [_target(str(target), own, scores) for target, own in both.groupby("target", sort=True)]
    cells = both.groupby(["target", "horizon_quarters"])[["wis", "wis_earlier", "wis_last_value"]].mean()
    return {
        "model": str(earlier["model"].iloc[0]),
        "first_origin": first_origin,
        "ratio": float(np.exp(np.mean(np.log([row["ratio"] for row in rows])))) if rows else None,
        "cells": len(cells),
        "below_last_value": int((cells["wis"] < cells["wis_last_value"]).sum()),
        "below_last_value_earlier": int((cells["wis_earlier"] < cells["wis_last_value"]).sum()),
        "coverage": _covered(both, list(QUANTILE_COLUMNS)),
        "coverage_earlier": _covered(both, earlier_columns),
        "targets": rows,
    }


def _covered(both: pd.DataFrame, columns: list[str]) -> dict[str, float | None]:
    """Return the share of outcomes inside each central interval, by its level in per cent."""
    shares = {level: coverage_share(both["observed"], both[columns], level) for level in COVERAGE_LEVELS}
    return {f"{100 * level:.0f}": float(share.mean()) if share.size else None for level, share in shares.items()}


def _target(name: str, own: pd.DataFrame, scores: WisParts) -> TargetBeside:
    wis, earlier, naive = (float(own[column].mean()) for column in ("wis", "wis_earlier", "wis_last_value"))
    rivals: dict[Rival, float] = {"earlier": earlier, "last_value": naive}
    worse = [rival for rival, score in rivals.items() if len(own) >= _ENOUGH and wis > _WORSE * score]
    more = {part: float((own[part] - getattr(scores, part)[own.index]).mean()) for part in _PARTS}
    stayed = float(np.isclose(own["observed"], own["last"], rtol=0.0, atol=1e-9).mean())
    because = None
    if worse:
        because = _PARTS[max(more, key=lambda part: more[part])]
        because = because if "earlier" in worse else f"{stayed:.0%} of outcomes stayed put"
    return {
        "target": name,
        "n": len(own),
        "wis": wis,
        "wis_earlier": earlier,
        "wis_last_value": naive,
        "ratio": wis / earlier,
        "worse_than": worse,
        "because": because,
    }

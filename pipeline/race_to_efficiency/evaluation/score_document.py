"""What ``race show scores --json`` prints and scores.json holds: rows, weights, rules, and where outcomes fell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from race_to_efficiency.evaluation.scorecard import SCORE_KEYS
from race_to_efficiency.evaluation.scored_forecasts import resolved

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from race_to_efficiency.evaluation.score_records import ModelWeights, Pit, Score

RULES: dict[str, str] = {
    "unit": "scores are in doublings (log2 of the target's unit); loss targets in log2 nats/token",
    "n_eff": "n squared over the sum of all pairwise correlations: outcomes of one block (launch, round, date, model) "
    "are one; others correlate by the shared part of the forecast variance times the overlap of their windows",
    "interval_coverage": "an outcome at a point mass (a record that stays) counts by the share of its jump between "
    "the interval's levels, so that a right forecast covers at its level",
    "verdict": "at n_eff of at least 20, and only where an interval of half the width would have been rejected: pass "
    "needs coverage in its bands and a better score than the baseline; otherwise too few to judge",
    "wis_naive": "of the simple baseline that had scored best by each origin: last value, random walk with drift, "
    "Moore or a published trend; for a record all of them stay at or above it",
    "all": "every target of a horizon together: coverage over all outcomes, n_eff with targets of one ledger over the "
    "same quarters as alike as outcomes of one target, skill as the geometric mean over targets",
    "lateness": "pseudo views are optimistic: they hold what the first snapshot held, cut by date, while of the "
    "rows released in the two years before a real one the late share was missing, and came after the median lag",
    "moved": "share of the forecasts' probability that lay beyond the physical bound and was moved to it",
    "matured": "a record or an aggregate is settled by the first view that reaches its date and again two quarters on",
    "bias": "1 - 2 PIT: +1 when every forecast was too high, -1 when every one was too low",
}
"""What the columns of the scorecard mean, in words."""


def score_rows(scores: pd.DataFrame) -> list[Score]:
    """Return the rows of ``race show scores --json``, `SCORE_KEYS` each; what is not defined is None.

    Parameters
    ----------
    scores : DataFrame
        As `score_table` returns it, or scores.parquet.
    """
    rows = []
    for record in scores.to_dict("records"):
        row = {key: record[key] for key in SCORE_KEYS}
        for key, value in row.items():
            if isinstance(value, float) and not np.isfinite(value):
                row[key] = None
        row["n"], row["horizon_quarters"] = int(record["n"]), int(record["horizon_quarters"])
        rows.append(cast("Score", row))
    return rows


def score_document(
    backtest: pd.DataFrame, scores: pd.DataFrame, models: Sequence[ModelWeights], notes: Mapping[str, Any]
) -> dict[str, Any]:
    """Return scores.json: the rows of ``race show scores``, the models with their weights, and the pooled PIT.

    Parameters
    ----------
    backtest, scores : DataFrame
        As `backtesting.together` and `score_table` return them.
    models : sequence of dict
        See `weights.weights_document`.
    notes : mapping
        What else the scorecard tells: bounds, revisions, the comparison with an earlier forecaster.
    """
    return {
        "scores": score_rows(scores),
        "models": list(models),
        **notes,
        "pit": [pit_histogram(backtest, horizon) for horizon in (None, 1, 4, 8, 12)],
        "rules": RULES,
    }


def pit_histogram(backtest: pd.DataFrame, horizon: int | None = None, bins: int = 10) -> Pit:
    """Return the PIT of all targets' forecasts, pooled, as counts in equal bins.

    Parameters
    ----------
    backtest : DataFrame
    horizon : int, optional
        Quarters ahead; all by default.
    bins : int

    Returns
    -------
    dict
        edges, counts (each target weighs the same), n and targets.
    """
    done = resolved(backtest[backtest["method"] == "forecast"])
    done = done if horizon is None else done[done["horizon_quarters"] == horizon]
    edges = np.linspace(0.0, 1.0, bins + 1)
    weight = 1.0 / done.groupby("target")["pit"].transform("size").to_numpy(dtype=np.float64) if len(done) else None
    counts, _ = np.histogram(done["pit"], bins=edges, weights=weight)
    total = counts.sum()
    shares = counts / total if total > 0 else counts
    return {
        "horizon_quarters": horizon,
        "edges": edges.tolist(),
        "shares": shares.tolist(),
        "n": len(done),
        "targets": sorted(done["target"].unique()),
    }

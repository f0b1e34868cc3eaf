"""The scorecard: a row for each target, horizon and vintage: effective outcomes, bands and a verdict in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.evaluation import scoring
from race_to_efficiency.evaluation.baselines import BASELINES
from race_to_efficiency.evaluation.effective_n import coverage_share, effective_n, intraclass_correlation, judge
from race_to_efficiency.evaluation.scoring import QUANTILE_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from race_to_efficiency.evaluation.choices import Choice
    from race_to_efficiency.settings.backtest import BacktestParams

SCORE_KEYS = (
    "target",
    "horizon_quarters",
    "n",
    "n_eff",
    "wis",
    "wis_naive",
    "skill",
    "interval_coverage_50",
    "interval_coverage_80",
    "interval_coverage_95",
    "bias",
    "vintage",
    "verdict",
)
"""Keys of one row of ``race show scores --json``."""

RULES: dict[str, str] = {
    "unit": "scores are in doublings (log2 of the target's unit); loss targets in log2 nats/token",
    "n_eff": "n squared over the sum of all pairwise correlations: outcomes of one block (launch, round, date, model) "
    "are one; others correlate by the shared part of the forecast variance times the overlap of their windows",
    "interval_coverage": "an outcome at a point mass (a record that stays) counts by the share of its jump between "
    "the interval's levels, so that a right forecast covers at its level",
    "verdict": "pass or fail at n_eff of at least 20 and only where an interval of half the width would have been "
    "rejected; otherwise too few to judge",
    "wis_naive": "last value (for single chips the median of the year before), give or take past changes over the same "
    "horizon, both signs",
    "vintage": "real: as recorded at the time; pseudo: a first snapshot cut by release date, or a table without "
    "vintages; mixed: both",
    "bias": "1 - 2 PIT: +1 when every forecast was too high, -1 when every one was too low",
}
"""What the columns of the scorecard mean, in words."""

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
        With wis, dispersion, overprediction, underprediction, crps, pit, bias and error (median less outcome).
    """
    done = backtest[backtest["observed"].notna()].reset_index(drop=True)
    y = done["observed"].to_numpy(dtype=np.float64)
    q = done[list(QUANTILE_COLUMNS)].to_numpy(dtype=np.float64)
    parts = scoring.weighted_interval_score(y, q)
    pit = scoring.pit(y, q)
    return done.assign(
        wis=parts.wis,
        dispersion=parts.dispersion,
        overprediction=parts.overprediction,
        underprediction=parts.underprediction,
        crps=scoring.crps_quantile(y, q),
        pit=pit,
        bias=1.0 - 2.0 * pit,
        error=q[:, q.shape[1] // 2] - y,
    )


def score_table(backtest: pd.DataFrame, params: BacktestParams) -> pd.DataFrame:
    """Return the scorecard of a backtest.

    Parameters
    ----------
    backtest : DataFrame
        As `backtesting.backtest` returns it.
    params : BacktestParams

    Returns
    -------
    DataFrame
        `SCORE_KEYS` and beside them the parts of the score, CRPS, the bands, each baseline's score and skill, the
        effective number's ingredients and the verdict's reason. A target with outcomes in real and in pseudo views has
        a row for each and one for both ('mixed'). A target and horizon that has forecasts but no outcome has n = 0.
    """
    import pandas as pd

    backtest = pd.concat([backtest, pooled_losses(backtest)], ignore_index=True)
    done = against_baselines(resolved(backtest))
    by_cell = dict(list(done.groupby(["target", "horizon_quarters"], sort=True)))
    rows = []
    made = backtest.loc[backtest["method"] == "forecast", ["target", "horizon_quarters", "unit"]].drop_duplicates()
    for target, horizon, unit in made.sort_values(["target", "horizon_quarters"]).itertuples(index=False):
        own = by_cell.get((target, horizon), done.iloc[:0])
        vintages = sorted(own["vintage"].unique())
        if not vintages:
            rows.append(_empty_row(str(target), int(horizon), str(unit), params))
        if len(vintages) > 1:
            rows.append(_row(own, "mixed", params))
        rows += [_row(own[own["vintage"] == vintage], str(vintage), params) for vintage in vintages]
    return pd.DataFrame(rows, columns=None if rows else [*SCORE_KEYS, "verdict_reason"])


def pooled_losses(backtest: pd.DataFrame) -> pd.DataFrame:
    """Return the loss forecasts of all groups as one target, ``loss.all``; groups are independent of one another."""
    own = backtest[backtest["target"].str.startswith("loss.")]
    # windows of different groups must not overlap: each gets a stretch of its own on the clock
    offset = 1000.0 * own["target"].rank(method="dense")
    return own.assign(
        target="loss.all",
        block=own["target"] + " " + own["block"],
        window_start=own["window_start"] + offset,
        window_end=own["window_end"] + offset,
    )


def _empty_row(target: str, horizon: int, unit: str, params: BacktestParams) -> dict[str, Any]:
    verdict = judge([], np.empty((0, len(QUANTILE_COLUMNS))), 0.0, minimum=params.minimum_n_eff)
    nothing = dict.fromkeys(SCORE_KEYS, float("nan"))
    fixed = {"n": 0, "n_eff": 0.0, "vintage": "none yet", "verdict": verdict.word, "verdict_reason": verdict.reason}
    return {**nothing, "target": target, "horizon_quarters": horizon, "unit": f"log2 {unit}", **fixed}


def against_baselines(done: pd.DataFrame) -> pd.DataFrame:
    """Return the scored forecasts with each baseline's score of the same outcome beside them, NaN where it has none."""
    own = done[done["method"] == "forecast"]
    for name in BASELINES:
        other = done.loc[done["method"] == name, [*MATCH, "wis"]].rename(columns={"wis": f"wis_{name}"})
        own = own.merge(other, on=MATCH, how="left", validate="one_to_one")
    return own


def _row(own: pd.DataFrame, vintage: str, params: BacktestParams) -> dict[str, Any]:
    y = own["observed"].to_numpy(dtype=np.float64)
    q = own[list(QUANTILE_COLUMNS)].to_numpy(dtype=np.float64)
    shared = shared_share(own)
    n_eff = effective_n(own["block"].tolist(), own["window_start"], own["window_end"], shared)
    verdict = judge(y, q, n_eff, minimum=params.minimum_n_eff, confidence=params.band_level)
    row: dict[str, Any] = {
        "target": own["target"].iloc[0],
        "horizon_quarters": int(own["horizon_quarters"].iloc[0]),
        "unit": f"log2 {own['unit'].iloc[0]}",
        "n": len(own),
        "n_eff": n_eff,
        "n_blocks": own["block"].nunique(),
        "shared": float(shared.mean()),
        **{
            name: float(own[name].mean()) for name in ("wis", "dispersion", "overprediction", "underprediction", "crps")
        },
    }
    for name in BASELINES:
        row |= _against(own, name)
    row["wis_naive"], row["skill"] = row["wis_last_value"], row["skill_last_value"]
    for level, band in verdict.bands.items():
        inside = scoring.interval_coverage(y, *scoring.central_interval(q, level))
        name = f"{100 * level:.0f}"
        # an outcome at a point mass counts by its share; the plain count of closed intervals stands beside it
        row[f"interval_coverage_{name}"] = float(coverage_share(y, q, level).mean())
        row[f"closed_coverage_{name}"] = float(inside.mean())
        row[f"band_low_{name}"], row[f"band_high_{name}"] = band
    row |= {"bias": float(own["bias"].mean()), "median_error": float(own["error"].mean()), "vintage": vintage}
    row |= {"origins": own["origin"].nunique(), "first_origin": own["origin"].min(), "last_origin": own["origin"].max()}
    return {**row, "verdict": verdict.word, "verdict_reason": verdict.reason}


def shared_share(own: pd.DataFrame) -> np.ndarray:
    """Return the part of each forecast's error that outcomes of overlapping windows share.

    The model's own share (its parameters' variance), or what the outcomes show, whichever is larger: the intraclass
    correlation of the PIT between the blocks of one target quarter.
    """
    blocks = own.groupby(["target_quarter", "block"], sort=True)["pit"].mean().reset_index()
    measured = intraclass_correlation(blocks["pit"], blocks["target_quarter"].tolist())
    return np.asarray(np.maximum(own["shared"].to_numpy(dtype=np.float64), measured), dtype=np.float64)


def _against(own: pd.DataFrame, name: str) -> dict[str, float]:
    """Return a baseline's mean score and the skill against it, on the outcomes both have forecast."""
    both = own[own[f"wis_{name}"].notna()]
    if both.empty:
        return {f"wis_{name}": float("nan"), f"skill_{name}": float("nan"), f"n_{name}": 0}
    score, reference = float(both["wis"].mean()), float(both[f"wis_{name}"].mean())
    return {f"wis_{name}": reference, f"skill_{name}": scoring.skill(score, reference), f"n_{name}": len(both)}


def score_rows(scores: pd.DataFrame) -> list[dict[str, Any]]:
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
        rows.append(row)
    return rows


def score_document(backtest: pd.DataFrame, scores: pd.DataFrame, choices: Sequence[Choice]) -> dict[str, Any]:
    """Return scores.json: the rows of ``race show scores``, the models with their evidence, and the pooled PIT.

    Parameters
    ----------
    backtest, scores : DataFrame
        As `backtesting.backtest_all` and `score_table` return them.
    choices : sequence of Choice
    """
    return {
        "scores": score_rows(scores),
        "models": [choice.to_json() for choice in choices],
        "pit": [pit_histogram(backtest, horizon) for horizon in (None, 1, 4, 8, 12)],
        "rules": RULES,
    }


def pit_histogram(backtest: pd.DataFrame, horizon: int | None = None, bins: int = 10) -> dict[str, Any]:
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

"""The scorecard: a row for each target, horizon and vintage: effective outcomes, bands and a verdict in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.evaluation import scoring
from race_to_efficiency.evaluation.baselines import BASELINES
from race_to_efficiency.evaluation.effective_n import coverage_band, coverage_share, coverage_verdict, effective_n
from race_to_efficiency.evaluation.score_records import Score
from race_to_efficiency.evaluation.scored_forecasts import (
    apart,
    pooled_losses,
    scored,
    shared_share,
)
from race_to_efficiency.evaluation.scoring import QUANTILE_COLUMNS
from race_to_efficiency.evaluation.targets import TARGETS

if TYPE_CHECKING:
    import pandas as pd

    from race_to_efficiency.settings.backtest import BacktestParams

    Pairs = tuple[np.ndarray, np.ndarray]

SCORE_KEYS = tuple(Score.__annotations__)
"""Keys of one row of ``race show scores --json``."""


def score_table(backtest: pd.DataFrame, params: BacktestParams, done: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return the scorecard of a backtest.

    Parameters
    ----------
    backtest : DataFrame
        As `backtesting.backtest` returns it.
    params : BacktestParams
    done : DataFrame, optional
        `scored_forecasts.scored` of it, where that is at hand.

    Returns
    -------
    DataFrame
        `SCORE_KEYS` and beside them the parts of the score, CRPS, the bands, each baseline's score and skill, the
        effective number's ingredients and the verdict's reason. A target with outcomes in real and in pseudo views has
        a row for each and one for both ('mixed'). A target and horizon that has forecasts but no outcome has n = 0. A
        row 'all' takes the dated targets of a horizon together.
    """
    import pandas as pd

    done = scored(backtest) if done is None else done
    cells = _pairs(done)
    # rows are picked out hundreds of times: texts as Python's own are picked faster than Arrow's, and few columns
    # faster than many
    done = done.drop(columns=list(QUANTILE_COLUMNS)).assign(place=np.arange(len(done)))
    done = done.astype({name: object for name, kind in done.dtypes.items() if kind == "str"})
    by_cell = dict(list(pd.concat([done, pooled_losses(done)]).groupby(["target", "horizon_quarters"], sort=True)))
    rows = []
    made = backtest.loc[backtest["method"] == "forecast", ["target", "horizon_quarters", "unit"]].drop_duplicates()
    losses = made[made["target"].str.startswith("loss.")].assign(target="loss.all")
    made = pd.concat([made, losses.drop_duplicates()])
    for target, horizon, unit in made.sort_values(["target", "horizon_quarters"]).itertuples(index=False):
        own = by_cell.get((target, horizon), done.iloc[:0])
        vintages = sorted(own["vintage"].unique())
        if not vintages:
            rows.append(_empty_row(str(target), int(horizon), str(unit), params))
        if len(vintages) > 1:
            rows.append(_row(own, "mixed", params, cells))
        parts = [own] if len(vintages) == 1 else [own[own["vintage"] == vintage] for vintage in vintages]
        rows += [_row(part, str(vintage), params, cells) for part, vintage in zip(parts, vintages, strict=True)]
    dated = done[~done["target"].str.startswith("loss.")]
    rows += [_pooled_row(own, params, cells) for _, own in dated.groupby("horizon_quarters", sort=True)]
    return pd.DataFrame(rows, columns=None if rows else [*SCORE_KEYS, "verdict_reason"])


def _empty_row(target: str, horizon: int, unit: str, params: BacktestParams) -> dict[str, Any]:
    verdict = coverage_verdict([], np.empty((0, len(QUANTILE_COLUMNS))), 0.0, minimum=params.minimum_n_eff)
    nothing = dict.fromkeys(SCORE_KEYS, float("nan"))
    fixed = {"n": 0, "n_eff": 0.0, "vintage": "none yet", "verdict": verdict.word, "verdict_reason": verdict.reason}
    return {**nothing, "target": target, "horizon_quarters": horizon, "unit": f"log2 {unit}", **fixed}


def _row(own: pd.DataFrame, vintage: str, params: BacktestParams, cells: Pairs) -> dict[str, Any]:
    pairs = _picked(cells, own)
    row = _counted(own, params, own["block"].tolist(), pairs)
    row |= {name: float(own[name].mean()) for name in (*_PARTS, "crps", "wis_matured", "moved")}
    row["n_matured"] = int(own["wis_matured"].notna().sum())
    for name in BASELINES:
        row |= _against(own, name)
    # skill is against the best simple baseline by then, where it was made; named is the one that was it most often
    both = own[own["wis_naive"].notna()]
    row |= {"wis_naive": float(both["wis_naive"].mean()), "baseline": str(own["baseline"].mode().iloc[0])}
    skill = scoring.skill(float(both["wis"].mean()), row["wis_naive"])
    row |= {"skill": skill, "unit": f"log2 {own['unit'].iloc[0]}"}
    return _judged(row | {"target": own["target"].iloc[0], "vintage": vintage}, pairs, params)


def _pooled_row(own: pd.DataFrame, params: BacktestParams, cells: Pairs) -> dict[str, Any]:
    """Return the row of all dated targets at one horizon; a score is in units of each target's baseline."""
    # targets of one ledger over the same quarters meet the same shocks; ledgers do not
    tables = own["target"].map({name: target.table for name, target in TARGETS.items()}).fillna(own["target"])
    pairs = _picked(cells, own)
    row = _counted(apart(own, tables), params, (own["target"] + " " + own["block"]).tolist(), pairs)
    means = own[own["wis_naive"].notna()].groupby("target")[["wis", "wis_naive"]].mean()
    ratio = float(np.exp(np.log(means["wis"] / means["wis_naive"]).mean()))
    row |= {"wis": ratio, "wis_naive": 1.0, "skill": 1.0 - ratio}
    row |= {"baseline": "each target's", "unit": "of the baseline's score", "moved": float(own["moved"].mean())}
    return _judged(row | {"target": "all", "vintage": "mixed"}, pairs, params)


_PARTS = ("wis", "dispersion", "overprediction", "underprediction")


def _counted(own: pd.DataFrame, params: BacktestParams, blocks: list[str], pairs: Pairs) -> dict[str, Any]:
    """Return how many outcomes there are, how many of them count, and how often they fell where."""
    y, q = pairs
    shared = shared_share(own)
    n_eff = effective_n(blocks, own["window_start"], own["window_end"], shared)
    row: dict[str, Any] = {
        "horizon_quarters": int(own["horizon_quarters"].iloc[0]),
        "n": len(own),
        "n_eff": n_eff,
        "n_blocks": len(set(blocks)),
        "shared": float(shared.mean()),
    }
    for level in scoring.COVERAGE_LEVELS:
        inside = scoring.interval_coverage(y, *scoring.central_interval(q, level))
        name = f"{100 * level:.0f}"
        # an outcome at a point mass counts by its share; the plain count of closed intervals stands beside it
        row[f"interval_coverage_{name}"] = float(coverage_share(y, q, level).mean())
        row[f"closed_coverage_{name}"] = float(inside.mean())
        row[f"band_low_{name}"], row[f"band_high_{name}"] = coverage_band(n_eff, level, confidence=params.band_level)
    row |= {"bias": float(own["bias"].mean()), "median_error": float(own["error"].mean())}
    row |= {"origins": own["origin"].nunique(), "first_origin": own["origin"].min(), "last_origin": own["origin"].max()}
    return row


def _pairs(own: pd.DataFrame) -> Pairs:
    """Return the outcomes, (n,), and the quantiles that were forecast, (n, 23)."""
    return own["observed"].to_numpy(dtype=np.float64), own[list(QUANTILE_COLUMNS)].to_numpy(dtype=np.float64)


def _picked(cells: Pairs, own: pd.DataFrame) -> Pairs:
    """Return the `_pairs` of some rows of the whole table."""
    places = own["place"].to_numpy(dtype=np.intp)
    return cells[0][places], cells[1][places]


def _judged(row: dict[str, Any], pairs: Pairs, params: BacktestParams) -> dict[str, Any]:
    """Return the row with its verdict: coverage, and only then skill."""
    verdict = coverage_verdict(*pairs, row["n_eff"], minimum=params.minimum_n_eff, confidence=params.band_level)
    word, reason = verdict.word, verdict.reason
    if word == "pass" and not row["skill"] > 0:
        word, reason = "fail", f"{reason}, but the score is no better than the baseline's ({row['baseline']})"
    elif word == "pass":
        reason = f"{reason}; {row['skill']:.0%} better than the baseline ({row['baseline']})"
    return {**row, "verdict": word, "verdict_reason": reason}


def _against(own: pd.DataFrame, name: str) -> dict[str, float]:
    """Return a baseline's mean score and the skill against it, on the outcomes both have forecast."""
    wis, other = own["wis"].to_numpy(dtype=np.float64), own[f"wis_{name}"].to_numpy(dtype=np.float64)
    both = np.isfinite(other)
    if not both.any():
        return {f"wis_{name}": float("nan"), f"skill_{name}": float("nan"), f"n_{name}": 0}
    score, reference = float(wis[both].mean()), float(other[both].mean())
    return {f"wis_{name}": reference, f"skill_{name}": scoring.skill(score, reference), f"n_{name}": int(both.sum())}

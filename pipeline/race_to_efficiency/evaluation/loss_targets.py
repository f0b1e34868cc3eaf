"""Losses of larger training runs predicted from smaller ones: nested compute cut-offs within each comparable group.

A cut-off plays the part of a forecast origin. Compute is turned into time by a stated growth of training compute, so
that "four quarters ahead" means runs with up to a year's growth more compute than anything that was fitted.
"""

from __future__ import annotations

import zlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.calibration.common.grades import grades
from race_to_efficiency.evaluation import baselines
from race_to_efficiency.evaluation.averaging import combine
from race_to_efficiency.evaluation.baselines import Series
from race_to_efficiency.evaluation.forecast_rows import MODEL, forecast_frame
from race_to_efficiency.evaluation.loss_fits import Fit, fit_below, known_discrepancy, learned_walk, slopes_off
from race_to_efficiency.evaluation.scoring import QUANTILE_COLUMNS, weighted_interval_score
from race_to_efficiency.evaluation.weights import Learned, best_baseline, weigh

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.settings.backtest import BacktestParams
    from race_to_efficiency.settings.kappa import KappaParams, TrustGates

LOSS_UNIT = "nats/token"

LOSS_BASELINES = ("last_value", "random_walk_drift")
"""Baselines of a run's loss; no rate of Moore's and no published trend speaks of a group."""


def cutoffs(log2_compute: Floats, settings: BacktestParams) -> Floats:
    """Return the log2 compute cut-offs of a group: whole steps that leave enough runs below and some above.

    The steps do not depend on the runs, so a larger run that is added later moves no earlier cut-off.
    """
    step = settings.loss.cutoff_step_doublings
    grid = np.arange(np.ceil(log2_compute.min() / step), np.ceil(log2_compute.max() / step)) * step
    below = np.array([(log2_compute <= cut).sum() for cut in grid])
    above = np.array([(log2_compute > cut).sum() for cut in grid])
    # a step without a new run below it would only repeat the forecast before
    new = np.diff(below, prepend=-1) > 0
    return np.asarray(grid[(below >= settings.loss.minimum_rows) & (above > 0) & new], dtype=np.float64)


def group_fits(name: str, rows: pd.DataFrame, settings: BacktestParams, seed: int) -> list[tuple[float, Fit]]:
    """Return the fit below every cut-off of a group, with its log2 compute; what did not converge is left out.

    Parameters
    ----------
    name : str
        Group.
    rows : DataFrame
        Its `group_runs`.
    """
    compute = np.log2(rows["compute_flop"].to_numpy(dtype=np.float64))
    found = []
    for cut in cutoffs(compute, settings):
        names = [zlib.crc32(text.encode()) for text in (f"loss.{name}", f"{cut:g}")]
        fit = fit_below(rows[compute <= cut], settings, np.random.default_rng(np.random.SeedSequence([seed, *names])))
        if fit is not None:
            found.append((float(cut), fit))
    return found


def group_forecasts(
    name: str,
    rows: pd.DataFrame,
    fits: Sequence[tuple[float, Fit]],
    settings: BacktestParams,
    learned: Learned,
    discrepancy: float,
    gates: TrustGates,
) -> pd.DataFrame:
    """Return the forecasts of one group's larger runs from every cut-off: members, their average, and baselines.

    Parameters
    ----------
    name : str
        Group.
    rows : DataFrame
        Its used runs.
    fits : sequence of (float, Fit)
        See `group_fits`.
    learned : Learned
        What the groups published earlier teach, at one horizon.
    discrepancy : float
        What the other families published earlier show; see `known_discrepancy`.
    gates : TrustGates
        What a fit must show to be sound: part of each forecast's grade.

    Returns
    -------
    DataFrame
        As `backtesting.target_forecasts` and the members beside (method 'member'); origin is the cut-off, cell the run.
    """
    rate = settings.loss.compute_doublings_per_year
    compute = np.log2(rows["compute_flop"].to_numpy(dtype=np.float64))
    keys: list[tuple[Any, ...]] = []
    values: list[Floats] = []
    for before, (cut, bare) in enumerate(fits):
        known = rows[compute <= cut]
        ahead = (compute - cut) / rate
        horizon = np.ceil(4.0 * ahead).astype(int)
        wanted = (horizon >= 1) & (horizon <= settings.horizon_quarters)
        if not wanted.any():
            continue
        walk = learned_walk(fits[:before], known, discrepancy)
        fit = replace(bare, discrepancy=discrepancy, learned_walk=walk)
        runs, beyond = rows[wanted], compute[wanted] - cut
        members = [fit.predict(one, runs, beyond, settings) for one in learned.names]
        made = combine(members, np.repeat(learned.weights, len(runs), axis=1))
        models = [("member", *one) for one in zip(learned.names, members, strict=True)] + [("forecast", MODEL, made)]
        place = (f"loss.{name}", f"C<={2.0**cut:.3g}")
        base = _baselines(compute[compute <= cut] / rate, known, ahead[wanted])
        best = float(np.log2(known["loss_nats"].min()))
        graded = grades(fit.evidence(known, gates), beyond * np.log10(2.0))
        for k, run in enumerate(runs["run_id"]):
            end = float(compute[wanted][k] / rate)
            about = (learned.baseline, best, len(known), graded[k])
            common = ("pseudo", LOSS_UNIT, float(cut / rate), end)
            at = (*place, int(horizon[wanted][k]), "", str(run))
            for method, model, one in models:
                keys.append((*at, method, model, *common, float(one.shared[k]), 0.0, *about))
                values.append(one.quantiles[k])
            for method, quantiles in base.items():
                keys.append((*at, method, method, *common, 1.0, 0.0, *about))
                values.append(quantiles[k])
    return forecast_frame(keys, values)


def _baselines(time: Floats, known: pd.DataFrame, ahead: Floats) -> dict[str, list[Floats]]:
    """Return the baselines of each run: the best loss so far, and its drift, with the spread of past runs around it."""
    better = -np.log2(known["loss_nats"].to_numpy(dtype=np.float64))
    series = Series(time, np.maximum.accumulate(better), time, better)
    found: dict[str, list[Floats]] = {"last_value": [], "random_walk_drift": []}
    for step in ahead:
        changes = baselines.past_changes([series], max(float(step), 0.25))
        if changes.size == 0:
            return {}
        walk = baselines.random_walk_drift([series], series.last, float(step), changes)
        found["last_value"].append(-baselines.last_value(series.last, changes)[::-1])
        found["random_walk_drift"].append(-walk[::-1])
    return found


def group_outcomes(name: str, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the outcomes of a group's runs: log2 loss, blocked by cluster."""
    import pandas as pd

    return pd.DataFrame(
        {
            "target": f"loss.{name}",
            "target_quarter": "",
            "cell": rows["run_id"].astype("str"),
            "item": rows["run_id"].astype("str"),
            "block": rows["cluster"].astype("str"),
            "observed": np.log2(rows["loss_nats"].to_numpy(dtype=np.float64)),
            "matured": np.log2(rows["loss_nats"].to_numpy(dtype=np.float64)),
        }
    ).reset_index(drop=True)


def group_scores(forecasts: pd.DataFrame, known: pd.DataFrame) -> dict[str, float]:
    """Return the mean weighted interval score of each member and baseline in one group."""
    joined = forecasts.merge(known, on=["target", "target_quarter", "cell"], validate="many_to_one")
    wis = weighted_interval_score(joined["observed"], joined[list(QUANTILE_COLUMNS)]).wis
    return {str(model): float(mean) for model, mean in joined.assign(wis=wis).groupby("model")["wis"].mean().items()}


def learn(earlier: Sequence[dict[str, float]], settings: BacktestParams) -> Learned:
    """Return what the groups published before a group teach: weights of the members, and the best baseline.

    Parameters
    ----------
    earlier : sequence of dict of model to score
        `group_scores` of the groups published earlier, each counting as one outcome; groups differ in scale, so only
        relative scores are averaged.
    """
    names = settings.members.by_kind["loss"]
    scores = np.array([[one[name] for name in names] for one in earlier]).reshape(-1, len(names))
    relative = (scores / scores.mean(axis=1, keepdims=True)).mean(axis=0) if len(earlier) else np.ones(len(names))
    n_eff = np.array([float(len(earlier))])
    weights = weigh(relative[:, None], n_eff, settings.learning)
    base = np.array([[one[name] for name in LOSS_BASELINES] for one in earlier]).reshape(-1, len(LOSS_BASELINES))
    return Learned(
        names, weights, relative[:, None], n_eff, best_baseline(LOSS_BASELINES, base / base.mean(1, keepdims=True))
    )


def filled_runs(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the runs that state all that a law is fitted to."""
    return runs[runs[["params", "tokens", "compute_flop", "loss_nats"]].notna().all(axis=1)]


def group_runs(runs: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return a group's `filled_runs`, smallest first."""
    rows = runs[runs["group"] == name]
    return rows.sort_values(["compute_flop", "run_id"], kind="stable").reset_index(drop=True)


def backtest_losses(
    runs: pd.DataFrame,
    settings: BacktestParams,
    kappa: KappaParams,
    fits_of: Callable[[str], Sequence[tuple[float, Fit]]],
) -> tuple[pd.DataFrame, dict[str, Learned]]:
    """Run the nested-cut-off backtest of every group with enough runs, in the order in which they were published.

    Parameters
    ----------
    runs : DataFrame
        Used rows of the training-run ledger, as of the quarter.
    settings : BacktestParams
    kappa : KappaParams
        Its groups' families, a group without one being one by itself; its gates.
    fits_of : callable
        Gives the `group_fits` of a group.

    Returns
    -------
    DataFrame, dict of target to Learned
        As `backtesting.backtest`; what a group's forecasts were weighted by.
    """
    import pandas as pd

    filled = filled_runs(runs)
    published = filled.groupby("group")["released"].min()
    frames: list[pd.DataFrame] = []
    weights: dict[str, Learned] = {}
    scores: dict[str, dict[str, float]] = {}
    families = {item.group: item.family for item in kappa.groups}
    beyond: dict[str, list[tuple[str, str, float]]] = {}
    for name in sorted(published.index, key=lambda group: (published[group], group)):
        rows = group_runs(filled, name)
        earlier = [one for one in published.index if published[one] < published[name]]
        learned = learn([scores[one] for one in scores if one in earlier], settings)
        fits, family = fits_of(name), families.get(name, name)
        others = known_discrepancy([row for one in earlier for row in beyond[one]], family, settings)
        beyond[name] = [(family, name, slope) for slope in slopes_off(fits, rows)]
        forecasts = group_forecasts(name, rows, fits, settings, learned, others, kappa.gates)
        known = group_outcomes(name, rows)
        if forecasts.empty or not set(LOSS_BASELINES) <= set(forecasts["model"]):
            continue  # too few changes of the best loss for a baseline to score against
        scores[name] = group_scores(forecasts, known)
        weights[f"loss.{name}"] = learned
        used = forecasts[forecasts["method"] != "member"].reset_index(drop=True)
        frames.append(used.merge(known, on=["target", "target_quarter", "cell"], how="left", validate="many_to_one"))
    return (pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()), weights

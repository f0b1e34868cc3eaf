"""Scores of anybody's quantile forecasts, by the code that scores our own; columns as scoringutils names them."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.evaluation import scoring
from race_to_efficiency.evaluation.effective_n import effective_n
from race_to_efficiency.evaluation.hub_table import END, ORIGIN

if TYPE_CHECKING:
    import pandas as pd

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.evaluation.hub_table import HubForecasts

METRICS = ("wis", "overprediction", "underprediction", "dispersion", "bias", "ae_median")
COVERAGES = (50, 80, 90, 95)
HORIZON = ("horizon",)
"""Column of a task that says how far it looks."""

_DAYS_PER_YEAR = 365.25


def score_units(forecasts: HubForecasts, *, log2: bool = False) -> tuple[pd.DataFrame, dict[str, int]]:
    """Score every forecast: one row a model and task.

    Parameters
    ----------
    forecasts : HubForecasts
    log2 : bool
        Score doublings instead of the values as they stand; all must be positive then.

    Returns
    -------
    DataFrame, dict of reason to int
        model, the task's columns, `METRICS` and interval_coverage_N where the levels hold the interval; and the
        forecasts that cannot be scored, by reason.
    """
    import pandas as pd

    keys = ["model", *forecasts.task]
    rows = forecasts.rows
    unit = rows.groupby(keys, sort=True, dropna=False).ngroup().to_numpy()
    tasks = rows[keys].groupby(unit).first()
    twice = rows.assign(unit=unit).duplicated(["unit", "level"]).groupby(unit).any()
    seen = rows["observed"].groupby(unit).agg(["min", "max", "count", "size"])
    why = pd.Series("", index=tasks.index)
    why[(seen["min"] != seen["max"]).to_numpy()] = "two outcomes"
    why[(seen["count"] < seen["size"]).to_numpy()] = "no outcome"
    why[twice.to_numpy()] = "a level stands twice"
    once = rows.assign(unit=unit)[~twice.to_numpy()[unit]]
    wide = once.set_index(["unit", "level"])["value"].unstack()  # noqa: PD010 (a pivot table would average)
    frames = []
    # forecasts with the same levels are scored at once
    for held, own in wide.groupby(wide.notna().apply(tuple, axis=1), sort=True):
        tau, q = wide.columns[np.array(held)].to_numpy(dtype=np.float64), own.loc[:, np.array(held)].to_numpy()
        y = seen.loc[own.index, "min"].to_numpy(dtype=np.float64)
        bad = why[own.index].copy()
        bad[np.asarray((np.diff(q, axis=1) < 0).any(axis=1))] = "quantiles cross"
        if log2:
            bad[np.minimum(y, q[:, 0]) <= 0] = "not positive"
        if tau.size % 2 == 0 or not np.allclose(tau, 1.0 - tau[::-1], rtol=0.0, atol=1e-9):
            percent = tau.size and tau[-1] > 1.0
            bad[:] = "levels above 1: write .975, not 97.5" if percent else "levels not symmetric about a median"
        why[own.index] = bad.where(why[own.index] == "", why[own.index])
        good = (why[own.index] == "").to_numpy()
        if good.any():
            y, q = (np.log2(y[good]), np.log2(q[good])) if log2 else (y[good], q[good])
            frames.append(tasks.loc[own.index[good]].assign(**_metrics(y, q, tau)))
    refused = {str(reason): int(count) for reason, count in why[why != ""].value_counts().items()}
    return (pd.concat(frames).sort_values(keys).reset_index(drop=True) if frames else tasks.iloc[:0]), refused


def _metrics(y: Floats, q: Floats, tau: Floats) -> dict[str, Floats]:
    """Return `METRICS` and coverages of forecasts with the same levels, each (n,)."""
    parts = scoring.weighted_interval_score(y, q, tau)
    found = {name: getattr(parts, name) for name in METRICS[:4]}
    found |= {"bias": step_bias(y, q, tau), "ae_median": np.abs(y - q[:, tau.size // 2])}
    for level in COVERAGES:
        held = np.isclose(tau[:, None], [0.5 - level / 200, 0.5 + level / 200], rtol=0.0, atol=1e-9).any(axis=0).all()
        inside = scoring.interval_coverage(y, *scoring.central_interval(q, level / 100, tau)) if held else np.nan
        found[f"interval_coverage_{level}"] = inside * np.ones(y.size)
    return found


def step_bias(y: Floats, q: Floats, tau: Floats) -> Floats:
    """Return the bias of forecasts by the step function of their quantiles: -1 too low, 1 too high, 0 at the median.

    Parameters
    ----------
    y : (n,) float
    q : (n, k) float
    tau : (k,) float
        Levels, rising.

    References
    ----------
    Bosse et al. (2022), Evaluating forecasts with scoringutils in R, section 3: bias of quantile forecasts.
    """
    median = q[:, tau.size // 2]
    levels = np.concatenate([[0.0], tau, [1.0]])
    below = levels[(q <= y[:, None]).sum(axis=1)]
    above = levels[1 + (q < y[:, None]).sum(axis=1)]
    return np.where(y == median, 0.0, 1.0 - 2.0 * np.where(y < median, below, above))


def hub_summary(units: pd.DataFrame, task: tuple[str, ...], baseline: str | None = None) -> list[dict[str, Any]]:
    """Return one row a model: n, n_eff, mean scores and coverage, relative skill, best first.

    Parameters
    ----------
    units : DataFrame
        See `score_units`.
    task : tuple of str
    baseline : str, optional
        A model by whose relative skill the others' is divided.
    """
    skill = relative_skill(units, task)
    rows = []
    for model, own in units.groupby("model", sort=True):
        row: dict[str, Any] = {"model": str(model), "n": len(own), "n_eff": independent(own, task)}
        row |= {name: float(own[name].mean()) for name in METRICS}
        for level in COVERAGES:
            held = own[f"interval_coverage_{level}"].dropna()
            row[f"interval_coverage_{level}"] = float(held.astype(float).mean()) if len(held) else None
        row["relative_skill"] = skill[str(model)]
        row["scaled_relative_skill"] = skill[str(model)] / skill[baseline] if baseline else None
        rows.append(row)
    return sorted(rows, key=lambda row: (row["relative_skill"], row["model"]))


def relative_skill(units: pd.DataFrame, task: tuple[str, ...]) -> dict[str, float]:
    """Return each model's relative skill: the geometric mean, over all models, of the ratios of mean scores.

    A ratio is taken over the tasks both models have forecast; models without a task in common are not compared.

    References
    ----------
    Cramer et al. (2022), Evaluation of individual and ensemble probabilistic forecasts of COVID-19 mortality, methods.
    """
    place = units.groupby(list(task), sort=False, dropna=False).ngroup() if task else units.groupby("model").cumcount()
    wide = units.assign(place=place).set_index(["place", "model"])["wis"].unstack()  # noqa: PD010 (as above)
    ratios: dict[str, list[float]] = {str(model): [1.0] for model in wide.columns}
    for one, other in itertools.combinations(wide.columns, 2):
        both = wide[[one, other]].dropna()
        if both.empty or not both[other].sum() > 0 or not both[one].sum() > 0:
            continue
        ratio = float(both[one].mean() / both[other].mean())
        ratios[str(one)].append(ratio)
        ratios[str(other)].append(1.0 / ratio)
    return {model: float(np.exp(np.mean(np.log(found)))) for model, found in ratios.items()}


def independent(own: pd.DataFrame, task: tuple[str, ...]) -> float:
    """Return the effective number of outcomes behind a model's forecasts; see `effective_n`.

    Forecasts of one series (the task without its dates) that look over the same days share what happens in them; other
    series count as independent. Without an origin's and an outcome's date every series and horizon counts once.
    """
    origin, end = (next((name for name in names if name in task), None) for names in (ORIGIN, END))
    series = [name for name in task if name not in (*ORIGIN, *END, *HORIZON)]
    if origin is None or end is None:
        return float(len(own[list(task)].drop_duplicates())) if task else float(len(own))
    total, count = 0.0, 0
    groups = [own] if not series else [rows for _, rows in own.groupby(series, sort=True)]
    for rows in groups:
        start, stop = (rows[name].to_numpy(dtype="datetime64[D]").astype(np.float64) for name in (origin, end))
        # a forecast of the past or of today still looks ahead by a day
        stop = np.maximum(stop, start + 1.0)
        n = effective_n([str(one) for one in stop], start / _DAYS_PER_YEAR, stop / _DAYS_PER_YEAR, np.ones(len(rows)))
        total, count = total + len(rows) ** 2 / n, count + len(rows)
    return count**2 / total

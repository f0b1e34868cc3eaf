"""Do predictive intervals cover outcomes of a truth that is known? One case a model of scatter, and what breaks it.

Every case returns the coverage of 95 % intervals over simulated histories, each with one outcome to come.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.evaluation import predictive
from race_to_efficiency.evaluation.effective_n import coverage_share
from race_to_efficiency.evaluation.scoring import LEVELS

if TYPE_CHECKING:
    from collections.abc import Callable

    from race_to_efficiency.arrays import Floats

    Attempt = tuple[float, Floats] | None

GROWTH_RATE = 0.3
"""Doublings a year of every simulated trend."""

SCATTER = 0.7
"""Scatter of a single release around it, doublings: that of the chips' 16-bit efficiency."""

STUDY_YEARS = 8.0
"""Length of a simulated history."""

WALK = 0.2
"""Random walk of a wandering slope, doublings/yr per square root of a year."""

_HORIZON = 1.0
_DRAWS = 500


def _dates(rng: np.random.Generator, n: int) -> Floats:
    return np.asarray(np.sort(rng.uniform(0.0, STUDY_YEARS, n)))


def releases_around_a_trend(
    n: int, *, tails: float | None = None, clusters: int | None = None, degrees: float | None = None
) -> Callable[[np.random.Generator], Attempt]:
    """Return one attempt: n releases around a straight line, the next one predicted a year on.

    Parameters
    ----------
    n : int
        Releases known.
    tails : float, optional
        Degrees of freedom of a Student t scatter of the same standard deviation; normal by default.
    clusters : int, optional
        Makers among whom the releases fall; half of the variance is then theirs, the coming release one maker's.
    degrees : float, optional
        Of `predictive.trend`.
    """

    def attempt(rng: np.random.Generator) -> Attempt:
        time = np.append(_dates(rng, n), STUDY_YEARS + _HORIZON)
        noise = (
            rng.standard_normal(n + 1) if tails is None else rng.standard_t(tails, n + 1) / np.sqrt(tails / (tails - 2))
        )
        if clusters is not None:
            maker = rng.standard_normal(clusters)[rng.integers(0, clusters, n + 1)]
            noise = np.sqrt(0.5) * (maker + noise)
        value = GROWTH_RATE * time + SCATTER * noise
        found = predictive.trend(time[:-1], value[:-1], time[-1:], degrees=degrees)
        return float(value[-1]), found.quantiles[0]

    return attempt


def wandering_slope(n: int, horizon: float, *, walk: float) -> Callable[[np.random.Generator], Attempt]:
    """Return one attempt: a line whose slope starts to wander where the history ends."""

    def attempt(rng: np.random.Generator) -> Attempt:
        time = _dates(rng, n)
        value = GROWTH_RATE * time + SCATTER * rng.standard_normal(n)
        at = time.max() + horizon
        bend = WALK * np.sqrt(horizon**3 / 3.0) * rng.standard_normal()
        outcome = GROWTH_RATE * at + bend + SCATTER * rng.standard_normal()
        found = predictive.trend(time, value, np.array([at]), walk=walk)
        return float(outcome), found.quantiles[0]

    return attempt


def level_with_drift(n: int) -> Callable[[np.random.Generator], Attempt]:
    """Return one attempt: a random walk with drift seen at n + 1 quarters, predicted four quarters on."""

    def attempt(rng: np.random.Generator) -> Attempt:
        change = GROWTH_RATE / 4 + 0.3 * rng.standard_normal(n + 4)
        path = np.cumsum(change)
        step, ahead = np.full(n, 0.25), np.array([1.0])
        found = predictive.drift(step, change[:n], path[n - 1], ahead, span=n / 4, free=n - 1.0)
        return float(path[-1]), found.quantiles[0]

    return attempt


def record_of_releases(per_year: float, horizon: float) -> Callable[[np.random.Generator], Attempt]:
    """Return one attempt: the best so far of releases that scatter around a trend."""

    def attempt(rng: np.random.Generator) -> Attempt:
        end = STUDY_YEARS + horizon
        time = np.sort(rng.uniform(0.0, end, rng.poisson(per_year * end)))
        value = GROWTH_RATE * time + SCATTER * rng.standard_normal(time.size)
        past = time <= STUDY_YEARS
        if past.sum() < 6:
            return None
        record = float(value[past].max())
        draws = predictive.release_draws(
            time[past], value[past], record, STUDY_YEARS, np.array([end]), rng, draws=_DRAWS, window=3.0
        )
        return float(value.max()), predictive.quantiles_of_draws(draws).quantiles[0]

    return attempt


def jumping_record(per_year: float, horizon: float) -> Callable[[np.random.Generator], Attempt]:
    """Return one attempt: a record that rises by exponential jumps at random times."""

    def attempt(rng: np.random.Generator) -> Attempt:
        end = STUDY_YEARS + horizon
        event = np.sort(rng.uniform(0.0, end, rng.poisson(per_year * end)))
        jump = rng.exponential(0.4, event.size)
        past = event <= STUDY_YEARS
        if not past.any():
            return None
        draws = predictive.jump_draws(event[past], jump[past], 0.0, STUDY_YEARS, np.array([end]), rng, draws=_DRAWS)
        return float(jump[~past].sum()), predictive.quantiles_of_draws(draws).quantiles[0]

    return attempt


def larger_run(n: int, model: str) -> Callable[[np.random.Generator], Attempt]:
    """Return one attempt: the loss of a run four times larger than any of n fitted ones of one law."""

    def attempt(rng: np.random.Generator) -> Attempt:
        import pandas as pd

        from race_to_efficiency.evaluation.loss_fits import fit_below
        from race_to_efficiency.settings.params import shipped_params

        settings = shipped_params().backtest
        settings = settings.model_copy(update={"loss": settings.loss.model_copy(update={"replicates": 30})})
        compute = np.append(10.0 ** rng.uniform(18.0, 21.0, n), 4e21)
        tokens_per_param = 20.0 * 10.0 ** rng.uniform(-0.7, 0.7, n + 1)
        params = np.sqrt(compute / 6.0 / tokens_per_param)
        tokens = compute / 6.0 / params
        loss = 1.8 + 400.0 * params**-0.34 + 2000.0 * tokens**-0.36
        rows = pd.DataFrame({"params": params, "tokens": tokens, "cluster": [f"{k}" for k in range(n + 1)]})
        rows["loss_nats"] = loss * np.exp(0.005 * rng.standard_normal(n + 1))
        fit = fit_below(rows.iloc[:-1], settings, rng)
        if fit is None:
            return None
        beyond = np.array([np.log2(4e21 / 1e21)])
        return float(np.log2(rows["loss_nats"].iloc[-1])), fit.predict(
            model, rows.iloc[-1:], beyond, settings
        ).quantiles[0]

    return attempt


def predictive_coverage(
    name: str, attempt: Callable[[np.random.Generator], Attempt], n_datasets: int, seed: int
) -> dict[str, Any]:
    """Return the coverage of an attempt's intervals over simulated histories.

    Returns
    -------
    dict
        n_datasets, bias (median less outcome, doublings), sd, coverage (95 %), refused (share).
    """
    rng = np.random.default_rng(np.random.SeedSequence([seed, zlib.crc32(name.encode())]))
    found = [one for one in (attempt(rng) for _ in range(n_datasets)) if one is not None]
    refused = 1.0 - len(found) / n_datasets
    if not found:
        return {"n_datasets": n_datasets, "refused": refused, "bias": None, "coverage": None}
    y, q = np.array([one[0] for one in found]), np.array([one[1] for one in found])
    error = q[:, len(LEVELS) // 2] - y
    return {
        "n_datasets": n_datasets,
        "bias": float(error.mean()),
        "sd": float(error.std()),
        # an outcome at a point mass counts by its share: records that stay are covered as often as they should be
        "coverage": float(coverage_share(y, q, 0.95).mean()),
        "refused": refused,
    }


def _case(
    name: str, attempt: Callable[[np.random.Generator], Attempt], bounds: dict[str, float], note: str
) -> Callable[[int, int], dict[str, Any]]:
    def run(n_datasets: int, seed: int) -> dict[str, Any]:
        return {**predictive_coverage(name, attempt, n_datasets, seed), "bounds": bounds, "note": note}

    return run


_HONEST = {"coverage": 0.92, "coverage_at_most": 0.98}
_SAFE = {"coverage": 0.92}

CASES: dict[str, Callable[[int, int], dict[str, Any]]] = {
    name: _case(name, attempt, bounds, note)
    for name, attempt, bounds, note in (
        ("predictive_trend_10", releases_around_a_trend(10), _HONEST, "parameters and scatter, 10 rows"),
        ("predictive_trend_60", releases_around_a_trend(60), _HONEST, "parameters and scatter, 60 rows"),
        ("predictive_trend_t4", releases_around_a_trend(40, tails=4.0), _SAFE, "scatter with Student t tails"),
        (
            "predictive_trend_clustered",
            releases_around_a_trend(60, clusters=12),
            _SAFE,
            "half of the scatter shared within makers",
        ),
        (
            "predictive_heavy_t4",
            releases_around_a_trend(40, tails=4.0, degrees=4.0),
            _SAFE,
            "the heavy-tailed model on such scatter: wide on purpose",
        ),
        (
            "predictive_walk_6y",
            wandering_slope(40, 6.0, walk=WALK),
            _HONEST,
            "slope wanders for six years, allowed for",
        ),
        (
            "predictive_no_walk_6y",
            wandering_slope(40, 6.0, walk=0.0),
            {"coverage_below": 0.9},
            "the same, not allowed for: why growing variance is a candidate",
        ),
        ("predictive_drift_12", level_with_drift(12), _HONEST, "random walk with drift, 12 quarters"),
        (
            "predictive_record",
            record_of_releases(6.0, 1.0),
            _HONEST,
            "record as the best of releases to come, a year on",
        ),
        ("predictive_record_3y", record_of_releases(6.0, 3.0), _HONEST, "the same, three years on"),
        ("predictive_jumps", jumping_record(2.0, 1.0), _HONEST, "record by jumps, a year on"),
        ("predictive_larger_run", larger_run(60, "bootstrap"), _SAFE, "a run four times larger under one law"),
        (
            "predictive_larger_run_walk",
            larger_run(60, "bootstrap_walk"),
            _SAFE,
            "the same with the law's slope in doubt",
        ),
    )
}
"""Cases of the recovery study by name: ``CASES[name](n_datasets, seed)``."""

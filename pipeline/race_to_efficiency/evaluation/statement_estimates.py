"""Statements about re-estimates and about runs not yet trained, from the draws of kappa and gamma."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.evaluation.statements import Statement
from race_to_efficiency.scaling_laws import compute_optimal_frontier, parametric_loss
from race_to_efficiency.units import decimal_year

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from race_to_efficiency.evaluation.statements import Sources

    Array = NDArray[np.float64]

SPLIT = {
    "growth.identity_compute": "training compute of frontier runs (those that state power and hours)",
    "growth.power": "power drawn by frontier runs",
    "growth.duration": "duration of frontier runs",
    "growth.identity_flop_per_joule": "FLOP per joule of frontier runs",
    "growth.frontier_compute": "training compute of all runs flagged as frontier since 2018",
}
"""Growths re-estimated a year on: on the rows that state all, compute = power x duration x FLOP per joule."""

LEVEL = "level.frontier_compute_log2_flop"

LAW = ("E", "A", "B", "alpha", "beta")
"""Columns of a chinchilla law, in the order of the scaling laws' arguments."""

_NORMAL_POINTS = 199
_FRONTIER_DRAWS = 2000


def estimate_statements(sources: Sources) -> list[Statement]:
    """Return the statements about growth re-estimated, next-scale losses and the slope at the frontier."""
    return [*_growth_split(sources), *_next_scale_losses(sources), *_kappa_at_frontier(sources)]


def reestimate(draws: Array, window: tuple[str, str], now: dt.date, then: dt.date) -> tuple[Array, float]:
    """Return draws of what a slope's estimate will be later, given its draws today.

    An estimate moves by the part of its variance that later rows remove: Var(new - old) = Var(old) - Var(new). With
    rows arriving as before the variance of a slope falls with the cube of the window's length.

    Parameters
    ----------
    draws : (n,) float
        Today's draws.
    window : (str, str)
        First and last date of the rows.
    now, then : date
        When the estimate was made and will be made again.

    Returns
    -------
    (n,) float, float
        Draws of the later estimate, and the factor their deviations were shrunk by.

    References
    ----------
    Blackwell (1947), Conditional expectation and unbiased sequential estimation (the variance decomposition); Draper &
    Smith (1998), section 1.4: a slope's variance is s^2 over the sum of squares of the dates.
    """
    first = decimal_year(dt.date.fromisoformat(window[0]))
    old, new = max(decimal_year(now) - first, 0.0), decimal_year(then) - first
    factor = float(np.sqrt(1.0 - (old / new) ** 3)) if new > 0 else 1.0
    centre = float(np.median(draws))
    return centre + factor * (draws - centre), factor


def _later(sources: Sources) -> tuple[str, dt.date]:
    quarter = sources.quarter.shift(sources.params.resolve_quarters)
    return str(quarter), quarter.as_of


def _growth_split(sources: Sources) -> list[Statement]:
    later, then = _later(sources)
    found = []
    for column, words in SPLIT.items():
        if column not in sources.gamma_draws or column not in sources.windows:
            continue
        draws = sources.gamma_draws[column].dropna().to_numpy(dtype=np.float64)
        if draws.size == 0:
            continue
        moved, factor = reestimate(draws, sources.windows[column], sources.quarter.as_of, then)
        centre = float(np.median(draws))
        found.append(
            Statement(
                id=sources.name(f"reestimate_{column.removeprefix('growth.')}"),
                what=f"growth of {words}, re-estimated as of {later}",
                by=then.isoformat(),
                kind="quantiles",
                unit="doublings/yr",
                quantiles=sources.at_levels(moved),
                resolution_source=f"gamma.json of {later}: {column}",
                resolution_rule="the estimate by the same definition in the report of that quarter; void if refused",
                baseline={"method": "no change", "quantiles": sources.at_levels(np.full(draws.size, centre))},
                basis=f"{draws.size} draws of {column}, deviations times {factor:.2f}: what a year of rows can move",
                target=f"estimate:{column}",
                target_quarter=later,
            )
        )
    return found


def normal_mixture(centre: Array, scale: float, points: int = _NORMAL_POINTS) -> Array:
    """Return equally likely points of draws plus independent normal scatter, without any random number."""
    from scipy.special import ndtri

    z = ndtri((np.arange(points) + 0.5) / points)
    return np.asarray((centre[:, None] + scale * z).ravel(), dtype=np.float64)


def _chinchilla(sources: Sources) -> dict[str, pd.DataFrame]:
    draws = sources.kappa_draws
    own = draws[(draws["form"] == "chinchilla") & draws[list(LAW)].notna().all(axis=1)]
    own = own[(own[["A", "B", "alpha", "beta"]] > 0).all(axis=1)]
    return {str(name): rows for name, rows in own.groupby("group", sort=True)}


def _residual_log2(draws: pd.DataFrame, rows: pd.DataFrame) -> float:
    """Return the scatter of a group's runs around its central law, in log2 loss."""
    e, a, b, alpha, beta = (float(draws[name].median()) for name in LAW)
    params, tokens = rows["params"].to_numpy(dtype=np.float64), rows["tokens"].to_numpy(dtype=np.float64)
    law = np.asarray(parametric_loss(params, tokens, e, a, b, alpha, beta))
    residual = np.log2(rows["loss_nats"].to_numpy(dtype=np.float64)) - np.log2(law)
    return float(np.sqrt(residual @ residual / (len(rows) - len(LAW))))


def _next_scale_losses(sources: Sources) -> list[Statement]:
    """State the loss of a compute-optimal run ten times larger than a group's largest."""
    params, settings = sources.params, sources.backtest.loss
    later, then = _later(sources)
    runs = sources.views.used("training_runs", sources.quarter.as_of)
    found = []
    for name, draws in _chinchilla(sources).items():
        rows = runs[(runs["group"] == name) & runs[["params", "tokens", "loss_nats"]].notna().all(axis=1)]
        if name in params.closed_groups or len(rows) < settings.minimum_rows:
            continue
        largest = float(rows["compute_flop"].max())
        compute = params.next_scale_factor * largest
        law = (draws[column].to_numpy(dtype=np.float64) for column in LAW)
        frontier = compute_optimal_frontier(compute, *law)
        residual = max(_residual_log2(draws, rows), params.next_scale_residual_log2)
        walk = settings.walk_per_doubling * np.log2(params.next_scale_factor)
        log2_loss = normal_mixture(np.log2(np.asarray(frontier.loss_nats)), float(np.hypot(residual, walk)))
        n, d = float(np.median(frontier.params)), float(np.median(frontier.tokens))
        best = float(rows["loss_nats"].min())
        found.append(
            Statement(
                id=sources.name(f"next_scale_loss_{name}"),
                what=f"loss of the first run of {name} at {compute:.2g} FLOP, {params.next_scale_factor:g} times the "
                f"largest so far, compute-optimal (about {n:.2g} parameters and {d:.2g} tokens)",
                by=then.isoformat(),
                kind="quantiles",
                unit="nats/token",
                quantiles=sources.at_levels(np.exp2(log2_loss)),
                resolution_source=f"training_runs, group {name}",
                resolution_rule=f"loss_nats of the first run of the group recorded after {sources.quarter.as_of} with "
                f"compute within a factor {params.next_scale_tolerance:g} of that; void if none",
                baseline={"method": "best loss so far", "quantiles": sources.at_levels(np.array([best]))},
                basis=f"{len(draws)} joint draws of the chinchilla law, residual {residual:.4f} and slope error "
                f"{settings.walk_per_doubling:g} a doubling (log2)",
                target=f"loss:{name}",
                target_quarter=later,
                threshold=compute,
            )
        )
    return found


def _kappa_at_frontier(sources: Sources) -> list[Statement]:
    """State the slope of total loss at next year's frontier: of today's laws, and of the next group's law."""
    laws = _chinchilla(sources)
    growth = "growth.frontier_compute"
    if not laws or not {LEVEL, growth} <= set(sources.gamma_draws) or growth not in sources.windows:
        return []
    later, then = _later(sources)
    level = sources.gamma_draws[LEVEL].to_numpy(dtype=np.float64)
    ahead = level + sources.gamma_draws[growth].to_numpy(dtype=np.float64) * sources.params.resolve_quarters / 4.0
    moved, factor = reestimate(ahead, sources.windows[growth], sources.quarter.as_of, then)
    compute = np.exp2(moved[:_FRONTIER_DRAWS])
    median_compute = float(np.median(compute))
    today = np.median(slopes_of_centres(laws, np.exp2(np.median(level, keepdims=True))), axis=0)
    mixture = np.concatenate([_slopes(median_compute, rows) for rows in laws.values()])
    common: dict[str, Any] = {
        "by": then.isoformat(),
        "kind": "quantiles",
        "unit": "1",
        "target": "kappa_eff",
        "target_quarter": later,
        "baseline": {"method": "no change of the frontier", "quantiles": sources.at_levels(today)},
    }
    return [
        Statement(
            id=sources.name("kappa_eff_frontier"),
            what=f"kappa_eff at the trend of frontier compute of {later}: median over today's groups",
            quantiles=sources.at_levels(np.median(slopes_of_centres(laws, compute), axis=0)),
            resolution_source=f"anchors.json and kappa.json of {later}",
            resolution_rule="median of kappa (1 - E/L) over the groups fitted today, at the trend's compute as of then",
            basis=f"{compute.size} draws of level and growth, deviations times {factor:.2f}; {len(laws)} groups' laws",
            cell="today's groups",
            **common,
        ),
        Statement(
            id=sources.name("kappa_eff_next_group"),
            what=f"kappa_eff at {median_compute:.2g} FLOP of the next comparable group of runs published",
            quantiles=sources.at_levels(mixture),
            resolution_source="training_runs and kappa.json of the quarter that first fits it",
            resolution_rule=f"kappa (1 - E/L) of the first group recorded after {sources.quarter.as_of} whose "
            "chinchilla fit is not refused; void if none",
            basis=f"the draws of {len(laws)} groups' laws, each group weighing the same as its draws",
            cell="next group",
            **common,
        ),
    ]


def _slopes(compute: float, draws: pd.DataFrame) -> Array:
    """Return each draw's slope of total loss at one compute."""
    law = (draws[column].to_numpy(dtype=np.float64) for column in LAW)
    return np.asarray(compute_optimal_frontier(compute, *law).kappa_effective, dtype=np.float64)


def slopes_of_centres(laws: Mapping[str, pd.DataFrame], compute: Array) -> Array:
    """Return the slope of total loss of each group's central law, (groups, m) at (m,) compute in FLOP."""
    centres = ([float(rows[column].median()) for column in LAW] for rows in laws.values())
    return np.array([compute_optimal_frontier(compute, *law).kappa_effective for law in centres], dtype=np.float64)

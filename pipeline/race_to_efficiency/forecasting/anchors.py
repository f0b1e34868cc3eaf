"""The anchor: what R = 1 means on the day of the forecast, for every group and every joint draw.

For an anchor compute C0 and a group g, C0_eff = C0 2^(algorithmic gain since the group's runs) when that gain is
counted in gamma; L0 is the group's fitted compute-optimal loss at C0_eff; floor = E/L0; and the slope of the WHOLE loss
there is kappa_eff = kappa_reducible (1 - floor). An anchor beyond a group's fitted compute is an extrapolation: at most
"weak".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.errors import DataInvalid, InputMissing
from race_to_efficiency.scaling_laws import compute_optimal_frontier
from race_to_efficiency.units import decimal_year

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.forecasting.draws import GroupDraws, Pool
    from race_to_efficiency.forecasting.known import GroupRange, KnownRuns
    from race_to_efficiency.settings.forecast import AnchorParams

FRONTIER_LEVEL = "level.frontier_compute_log2_flop"


@dataclass(frozen=True)
class GroupAnchor:
    """One group at one anchor.

    Parameters
    ----------
    group : str
    log_compute : (n,) float
        ln of C0_eff in FLOP.
    loss : (n,) float, nats/token
        L0.
    excess : (n,) float, nats/token
        L0 - E.
    floor : (n,) float
        E/L0.
    effective_kappa : (n,) float
    decades_beyond : float
        Median decades by which C0_eff exceeds the largest fitted compute (negative: inside).
    """

    group: str
    log_compute: Floats
    loss: Floats
    excess: Floats
    floor: Floats
    effective_kappa: Floats
    decades_beyond: float


@dataclass(frozen=True)
class Anchor:
    """An anchor for every group of the pool.

    Parameters
    ----------
    params : AnchorParams
    compute_log2_flop : (n,) float
        log2 of C0 in FLOP.
    groups : tuple of GroupAnchor
        In the order of the pool's groups.
    new_family : GroupAnchor
        The family the joint draws are of: a drawn kappa, with the loss at the pivot and the E of each draw's group.
    """

    params: AnchorParams
    compute_log2_flop: Floats
    groups: tuple[GroupAnchor, ...]
    new_family: GroupAnchor

    @property
    def name(self) -> str:
        """The anchor's name."""
        return self.params.name

    @property
    def floor(self) -> float:
        """The printed floor: the median of the draws'."""
        return float(np.median(self.new_family.floor))


def best_excess_loss(draws: GroupDraws, log_compute: Floats) -> Floats:
    """Return L - E at the compute-optimal split of a given compute, per joint draw.

    Parameters
    ----------
    draws : GroupDraws
        In the chinchilla or the floor form.
    log_compute : (n,) float
        ln of compute in FLOP.

    Returns
    -------
    (n,) float, nats/token

    References
    ----------
    Hoffmann et al. (2022), arXiv 2203.15556, eq. 4: minimise A N^-alpha + B D^-beta subject to 6 N D = C.
    """
    value = draws.parameters
    if draws.fit == "floor":
        pivot = value["pivot_compute_flop"]
        shift = np.where(np.isfinite(pivot), np.log(np.where(np.isfinite(pivot), pivot, 1.0)), 0.0)
        return np.asarray(value["A"] * np.exp(-value["kappa"] * (log_compute - shift)))
    if draws.fit != "chinchilla":
        raise ValueError(f"fit must be floor or chinchilla for a reducible loss, got {draws.fit!r}")
    law = (value[name] for name in ("E", "A", "B", "alpha", "beta"))
    best = compute_optimal_frontier(np.exp(log_compute), *law)
    return np.asarray(best.loss_nats * best.reducible_share, dtype=np.float64)


def anchor_group(draws: GroupDraws, log_compute: Floats, largest_fitted: float) -> GroupAnchor:
    """Return a group's loss, floor and whole-loss slope at a compute.

    Raises
    ------
    DataInvalid
        When a joint draw gives no positive loss above its floor.
    """
    irreducible = draws.parameters["E"]
    names = ("E", "A", "B", "alpha", "beta") if draws.fit == "chinchilla" else ("E", "A", "kappa")
    lowest = {name: float(np.nan_to_num(draws.parameters[name], nan=-1.0, posinf=-1.0).min()) for name in names}
    if not all(value >= 0 if name == "E" else value > 0 for name, value in lowest.items()):
        raise DataInvalid(
            f"joint draws of {draws.group} give no loss at the anchor",
            where="kappa_draws.parquet",
            why=f"E, A, B, alpha and beta of the {draws.fit} form must be finite and positive in every draw",
            remedy="run `race stage fit_kappa` again",
        )
    excess = best_excess_loss(draws, log_compute)
    loss = irreducible + excess
    floor = irreducible / loss
    return GroupAnchor(
        group=draws.group,
        log_compute=log_compute,
        loss=loss,
        excess=excess,
        floor=floor,
        effective_kappa=draws.kappa * (excess / loss),
        decades_beyond=float(np.median(log_compute) - np.log(largest_fitted)) / float(np.log(10.0)),
    )


def new_family_at(pool: Pool, groups: Sequence[GroupAnchor], pivot_compute_flop: float) -> GroupAnchor:
    """Return the family the joint draws are of at an anchor.

    Each draw's group lends its E and its loss at the pivot; from there the loss above E falls by the drawn kappa:
    L = E + (L_pivot - E) (C0_eff/pivot)^-kappa.

    Parameters
    ----------
    pool : Pool
    groups : sequence of GroupAnchor
    pivot_compute_flop : float, FLOP
        Of the printed kappas.
    """
    log_pivot = np.full(pool.kappa.size, np.log(pivot_compute_flop))
    log_compute = pool.taken([item.log_compute for item in groups])
    irreducible = pool.taken([item.parameters["E"] for item in pool.groups])
    at_pivot = pool.taken([best_excess_loss(item, log_pivot) for item in pool.groups])
    excess = at_pivot * np.exp(-pool.kappa * (log_compute - log_pivot))
    loss = irreducible + excess
    return GroupAnchor(
        group="pooled",
        log_compute=log_compute,
        loss=loss,
        excess=excess,
        floor=irreducible / loss,
        effective_kappa=pool.kappa * (excess / loss),
        decades_beyond=max(item.decades_beyond for item in groups),
    )


def build_anchor(
    params: AnchorParams,
    pool: Pool,
    ranges: Mapping[str, GroupRange],
    rates: Mapping[str, Floats],
    runs: KnownRuns,
    *,
    as_of: date,
    algorithmic_component: str,
    pivot_compute_flop: float,
) -> Anchor:
    """Return an anchor for every group of the reducible pool.

    Parameters
    ----------
    params : AnchorParams
    pool : Pool
        Of form reducible.
    ranges : mapping of str to GroupRange
    rates : mapping of str to (n,) float
        Resampled gamma draws; frontier level and algorithmic gain come from the same row.
    runs : KnownRuns
    as_of : date
    algorithmic_component : str
        Column of the algorithmic rate, doublings/yr.
    pivot_compute_flop : float, FLOP

    Raises
    ------
    InputMissing
        When the quarter has no draws of the frontier's compute or of the algorithmic rate.
    """
    compute = _anchor_compute(params, rates, runs, pool.choice.size)
    gain = _required(rates, algorithmic_component) if params.count_algorithmic_gain is not False else None
    groups = []
    for item in pool.groups:
        span = ranges[item.group]
        doublings = compute if gain is None else compute + gain * (decimal_year(as_of) - span.released)
        groups.append(anchor_group(item, doublings * float(np.log(2.0)), span.high))
    return Anchor(params, compute, tuple(groups), new_family_at(pool, groups, pivot_compute_flop))


def _anchor_compute(params: AnchorParams, rates: Mapping[str, Floats], runs: KnownRuns, n: int) -> Floats:
    """Return log2 of the anchor's compute for every draw."""
    if params.source == "frontier_trend":
        return _required(rates, FRONTIER_LEVEL)
    compute = runs.largest_compute_flop if params.source == "largest_known_run" else params.compute_flop
    if compute is None:
        raise InputMissing(
            f"anchor {params.name} needs a run with a known compute, and there is none by this quarter",
            where="ledger/notable_training_runs.parquet:compute_flop",
        )
    return np.full(n, np.log2(compute))


def _required(rates: Mapping[str, Floats], name: str) -> Floats:
    if name not in rates:
        raise InputMissing(
            f"this quarter has no draws of {name}",
            where="gamma_draws.parquet",
            why="the anchor needs them",
            remedy="choose a later quarter, or anchors that do without",
        )
    return rates[name]

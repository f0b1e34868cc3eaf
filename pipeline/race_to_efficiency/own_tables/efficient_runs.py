"""Which rule finds the efficient runs of a table, and which runs can be efficient in a resample of a long one."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.calibration.kappa.efficient import budgets, frontier_weights
from race_to_efficiency.own_tables.records import could_be_records

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.settings.kappa import FrontierRule

_RIVALS = 30
_GLANCE = 20_000


def frontier_rule(quantities: dict[str, Floats], tolerance_dex: float) -> FrontierRule:
    """Choose how the efficient runs are found.

    `isoflop_minima` where at least five budgets hold three runs each; `all` where every run lies on one path of
    params against compute (so none is wasteful), or sizes are unknown; else `pareto`.
    """
    some = slice(None, None, 1 + len(quantities["loss"]) // _GLANCE)
    log_compute = np.log(quantities["compute_flop"][some])
    ascending = np.sort(quantities["compute_flop"][some])
    _, begins, counts = np.unique(budgets(ascending, tolerance_dex), return_index=True, return_counts=True)
    width = np.log10(ascending[begins + counts - 1] / ascending[begins])
    filled = (counts >= 3) & (width <= 2.0 * tolerance_dex)
    if filled.sum() >= 5 and filled.mean() > 0.5:
        return "isoflop_minima"
    if "params" not in quantities:
        return "all"
    return "all" if _off_path(log_compute, np.log(quantities["params"][some])) < 0.15 else "pareto"


def _off_path(log_compute: Floats, log_params: Floats) -> float:
    """Return the spread of ln(params) about a parabola in ln(compute)."""
    if len(log_compute) < 5 or np.ptp(log_compute) == 0:
        return float("inf")
    x = log_compute - log_compute.mean()
    design = np.stack([np.ones_like(x), x, x * x], axis=1)
    solution, *_ = np.linalg.lstsq(design, log_params, rcond=None)
    return float(np.sqrt(np.mean((log_params - design @ solution) ** 2)))


def efficient_weights(
    rule: FrontierRule, quantities: Mapping[str, Floats], weights: Floats, tolerance_dex: float
) -> Floats:
    """Return the weights of the efficient runs of each resample, those of the others 0, (b, n)."""
    compute, loss = quantities["compute_flop"], quantities["loss"]
    return frontier_weights(rule, compute, loss, weights, tolerance_dex=tolerance_dex)


def frontier_candidates(
    rule: str, quantities: dict[str, Floats], clusters: NDArray[np.int64] | None, tolerance_dex: float
) -> NDArray[np.intp]:
    """Return the rows that can be efficient in a resample: few better runs, of other models, are as cheap.

    Parameters
    ----------
    rule : {'pareto', 'isoflop_minima'}
    quantities : mapping of str to (n,) float
    clusters : (n,) int or None
        Model of each run; None where runs are independent.
    tolerance_dex : float, decades
    """
    compute, loss = quantities["compute_flop"], quantities["loss"]
    if rule == "pareto":
        own = np.arange(len(loss)) if clusters is None else clusters
        rows = np.arange(len(loss)) if clusters is not None else np.flatnonzero(~_outdone(compute, loss))
        rows = rows[np.lexsort((loss[rows], compute[rows]))]
        return np.sort(rows[could_be_records(-loss[rows], own[rows], most=_RIVALS)])
    clusters = np.arange(len(loss)) if clusters is None else clusters
    order = np.lexsort((loss, compute))
    budget = np.empty(len(order), dtype=np.intp)
    budget[order] = budgets(compute[order], tolerance_dex)
    order = np.lexsort((loss, budget))
    kept = []
    for some in np.split(order, np.flatnonzero(np.diff(budget[order])) + 1):  # the best of a budget come first
        _, first = np.unique(clusters[some], return_index=True)
        kept.append(some[np.sort(first)[:_RIVALS]])
    return np.sort(np.concatenate(kept))


def _outdone(compute: Floats, loss: Floats) -> NDArray[np.bool_]:
    """Return which of many independent runs are no match for as many cheaper ones, among a few of all, (n,)."""
    some = slice(None, None, 1 + len(loss) // _GLANCE)
    order = np.argsort(compute[some])
    cheaper, bar = compute[some][order], np.full(len(order) + 1, np.inf)
    best = [-np.inf] * _RIVALS  # of the losses so far, the least ones, negated: a heap whose top is the worst of them
    for place, found in enumerate(loss[some][order].tolist(), 1):
        if -found > best[0]:
            heapq.heapreplace(best, -found)
        bar[place] = -best[0]
    return np.asarray(loss > bar[np.searchsorted(cheaper, compute, side="left")])

"""Which runs lie on the compute-efficient frontier: the Pareto set, or the best run of each isoFLOP budget."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from race_to_efficiency.arrays import Floats


def pareto_weights(compute_flop: Floats, loss: Floats, weights: Floats) -> Floats:
    """Keep each replicate's weight on its Pareto set: runs no cheaper run equals or beats.

    Parameters
    ----------
    compute_flop : (n,) float, FLOP
    loss : (n,) float, nats/token
    weights : (B, n) float
        A run with weight 0 is absent from that replicate.

    Returns
    -------
    (B, n) float
    """
    order = np.lexsort((loss, compute_flop))
    present = np.where(weights[:, order] > 0, loss[order], np.inf)
    best_before = np.minimum.accumulate(present, axis=1)
    best_before = np.concatenate([np.full((len(weights), 1), np.inf), best_before[:, :-1]], axis=1)
    kept = np.zeros_like(weights)
    kept[:, order] = np.where(present < best_before, weights[:, order], 0.0)
    return kept


def isoflop_weights(compute_flop: Floats, loss: Floats, weights: Floats, *, tolerance_dex: float) -> Floats:
    """Keep each replicate's weight on the best run of each compute budget it holds.

    Parameters
    ----------
    compute_flop : (n,) float, FLOP
    loss : (n,) float, nats/token
    weights : (B, n) float
    tolerance_dex : float, decades
        Runs whose neighbouring computes differ by less belong to one budget.

    Returns
    -------
    (B, n) float
    """
    order = np.lexsort((loss, compute_flop))
    budget = budgets(compute_flop[order], tolerance_dex)
    begins = np.flatnonzero(np.diff(budget, prepend=-1))
    present = np.where(weights[:, order] > 0, loss[order], np.inf)
    lowest = np.minimum.reduceat(present, begins, axis=1)[:, budget]
    kept = np.zeros_like(weights)
    kept[:, order] = np.where(present <= lowest, weights[:, order], 0.0)
    return kept


def budgets(compute_flop: Floats, tolerance_dex: float) -> NDArray[np.intp]:
    """Return the isoFLOP budget number of each of the (ascending) computes."""
    gaps = np.diff(np.log10(compute_flop), prepend=-np.inf) > tolerance_dex
    return np.asarray(np.cumsum(gaps) - 1)


def frontier_weights(
    rule: str, compute_flop: Floats, loss: Floats, weights: Floats, *, tolerance_dex: float = 0.05
) -> Floats:
    """Apply the rule ``pareto``, ``isoflop_minima`` or ``all`` to every replicate's weights.

    Raises
    ------
    ValueError
        When the rule is none of them.
    """
    if rule == "pareto":
        return pareto_weights(compute_flop, loss, weights)
    if rule == "isoflop_minima":
        return isoflop_weights(compute_flop, loss, weights, tolerance_dex=tolerance_dex)
    if rule == "all":
        return weights
    raise ValueError(f"rule must be 'pareto', 'isoflop_minima' or 'all', got {rule!r}")

"""One batched computation a group and form: the point, leave-one-out, the compute cut-offs and the bootstrap."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.calibration.kappa.comparison import below_cutoffs
from race_to_efficiency.calibration.kappa.cutoff import lower_half
from race_to_efficiency.calibration.kappa.efficient import frontier_weights
from race_to_efficiency.calibration.kappa.forms import CHINCHILLA, Form
from race_to_efficiency.calibration.kappa.intervals import bootstrap_weights
from race_to_efficiency.calibration.kappa.near_point import fit_near_point
from race_to_efficiency.calibration.kappa.robust import BatchFit, fit_batch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.calibration.kappa.group_rows import GroupRows
    from race_to_efficiency.settings.kappa import KappaParams


@dataclass(frozen=True)
class Batches:
    """What one batched computation fitted for a group and form.

    Parameters
    ----------
    point : BatchFit
        The rows of the point estimate.
    left_out : BatchFit
        Fit k leaves row k out.
    smaller : BatchFit
        Fits below each compute cut-off.
    bootstrap : BatchFit
    edges : (k,) float, FLOP
        Cut-offs.
    below : (k, n) float
        Runs below each.
    half : (n,) bool or None
        Runs in the lower half of the compute.
    half_fit : BatchFit or None
        The fit of those, from the whole grid of starts: one that fails is a finding.
    """

    point: BatchFit
    left_out: BatchFit
    smaller: BatchFit
    bootstrap: BatchFit
    edges: Floats
    below: Floats
    half: NDArray[np.bool_] | None
    half_fit: BatchFit | None


def group_seed(seed: int, group: str) -> list[int]:
    """Return entropy for a group's bootstrap: the same runs are drawn for every form, whatever else is fitted."""
    return [seed, zlib.crc32(group.encode())]


def fit_batches(
    form: Form,
    everything: GroupRows,
    params: KappaParams,
    *,
    seed: int,
    from_point: bool = False,
    point: BatchFit | None = None,
) -> tuple[GroupRows, Batches]:
    """Fit a form to a group under every weighting that is asked of it.

    ``from_point`` starts every refit at the point estimate, ``point`` where it is known; see `near_point`.

    Returns
    -------
    GroupRows, Batches
        The rows of the point estimate, and the fits.

    Notes
    -----
    Each bootstrap replicate draws runs (or whole clusters) and takes its own frontier from them.
    """
    loss, compute = everything.quantities["loss"], everything.quantities["compute_flop"]
    bootstrap = bootstrap_weights(everything.units, params.bootstrap_replicates, group_seed(seed, everything.group))
    whole = np.ones((1, len(loss)))
    if form is not CHINCHILLA:
        rule, dex = everything.spec.frontier or "pareto", params.frontier_tolerance_dex
        bootstrap = frontier_weights(rule, compute, loss, bootstrap, tolerance_dex=dex)
        whole = frontier_weights(rule, compute, loss, whole, tolerance_dex=dex)
    on_it = np.flatnonzero(whole[0])
    rows = everything.taken(np.asarray(whole[0] > 0))
    without = np.repeat(whole, len(on_it), axis=0)
    without[np.arange(len(on_it)), on_it] = 0.0
    edges, below = below_cutoffs(form, rows.quantities["compute_flop"], params.extrapolation_cutoffs)
    half, half_fit = lower_half(form, rows.quantities["compute_flop"]), None
    if half is not None:
        lower = rows.taken(half)
        ones = np.ones(len(lower))
        half_fit = fit_batch(
            form, lower.inputs(form), lower.quantities["loss"], ones, delta=params.delta, thorough=False
        )
    smaller = np.zeros((len(edges), len(loss)))
    smaller[:, on_it] = below
    weights = np.concatenate([whole, without, smaller, bootstrap])
    held = np.asarray(weights.any(axis=0), dtype=np.bool_)
    reached = everything.taken(held)
    first, second = 1 + len(on_it), 1 + len(on_it) + len(edges)
    inputs, losses = reached.inputs(form), reached.quantities["loss"]
    if from_point:
        counts = {"left_out": len(on_it), "refits": len(bootstrap), "units": rows.n_units}
        fits = fit_near_point(form, inputs, losses, weights[:, held], delta=params.delta, point=point, **counts)
    else:
        fits = fit_batch(form, inputs, losses, weights[:, held], delta=params.delta, thorough=False)
    return rows, Batches(
        point=fits.part(slice(0, 1)),
        left_out=fits.part(slice(1, first)),
        smaller=fits.part(slice(first, second)),
        bootstrap=fits.part(slice(second, None)),
        edges=edges,
        below=below,
        half=half,
        half_fit=half_fit,
    )

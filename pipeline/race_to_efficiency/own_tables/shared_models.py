"""Runs that share a model: checkpoints of one training, which are resampled whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.calibration.kappa.forms import CHINCHILLA
from race_to_efficiency.own_tables.refusals import LOOKED_AT, first_fit
from race_to_efficiency.own_tables.run_table import Texts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.calibration.kappa.robust import BatchFit
    from race_to_efficiency.own_tables.run_table import RunTable

MODEL_COLUMNS = ("cluster", "model", "model_id", "model_name", "checkpoint_of", "trajectory", "run", "run_id", "name")

_SHARED_P = 0.01
_MOST_SIZES, _MOST_A_SIZE = 500, 200


def shared_models(
    table: RunTable, *, delta: float, law: Callable[[], BatchFit] | None = None
) -> tuple[NDArray[Any] | None, tuple[str, ...]]:
    """Find runs that share a model: by a column that names models, or because runs of one size err together.

    Parameters
    ----------
    table : RunTable
    delta : float
        Huber threshold on log-loss residuals.
    law : callable, optional
        Returns the chinchilla fit to all rows of a table of at most `LOOKED_AT`, where it is made anyway.

    Returns
    -------
    (n,) array or None, tuple of str
        Clusters, and what was found in words.
    """
    params = table.quantities.get("params")
    for name in MODEL_COLUMNS:
        if name not in table.cells or not 2 <= _n_different(table, name) <= 0.7 * len(table):
            continue
        labels = table.cells[name]
        models = set(labels.tolist())
        # a model has one size: as many pairs of label and size as labels
        one_size = params is None or len(set(zip(labels.tolist(), params.tolist(), strict=True))) == len(models)
        if "" not in models and one_size:
            words = f"column '{name}' repeats: its {len(models)} models are resampled whole (--cluster none: not)"
            return labels, (words,)
    if params is None or "tokens" not in table.quantities:
        return None, ()
    return _same_size(params, table.quantities["tokens"], table.quantities["loss"], delta, law)


def _n_different(table: RunTable, name: str) -> int:
    cells = table.cells
    return cells.n_different(name) if isinstance(cells, Texts) else len(set(cells[name].tolist()))


def _same_size(
    params: Floats, tokens: Floats, loss: Floats, delta: float, law: Callable[[], BatchFit] | None
) -> tuple[NDArray[Any] | None, tuple[str, ...]]:
    """Test whether residuals of runs of one size are alike (one-way analysis of variance, F test)."""
    ordered = np.sort(params)
    counts = np.diff(np.flatnonzero(np.concatenate([[True], ordered[1:] > ordered[:-1], [True]])))
    several = np.flatnonzero(counts >= 3)
    if len(several) < 3 or counts[several].sum() < 0.5 * len(params):
        return None, ()
    sizes, member = np.unique(params, return_inverse=True)
    order = np.argsort(member, kind="stable")
    begins = np.cumsum(counts) - counts
    tested = [order[begins[k] : begins[k] + min(counts[k], _MOST_A_SIZE)] for k in several[:_MOST_SIZES]]
    used = np.concatenate(tested)
    fitted = np.arange(len(params)) if len(params) <= LOOKED_AT else used
    if law is not None and len(fitted) == len(params):
        fit = law()
    else:
        fit = first_fit(CHINCHILLA, [params[fitted], tokens[fitted]], loss[fitted], delta)
    if not fit.converged[0]:
        return None, ()
    residuals = np.log(loss[used]) - CHINCHILLA.log_loss(fit.theta[0], [params[used], tokens[used]])
    bound = 4.0 * 1.4826 * float(np.median(np.abs(residuals)))
    residuals = np.clip(residuals, -bound, bound)
    if np.ptp(residuals) <= 0:
        return None, ()
    p = same_mean_p(np.split(residuals, np.cumsum([len(rows) for rows in tested])[:-1]))
    if p >= _SHARED_P:
        return None, ()
    words = (
        f"runs of one model size err together (F test, p = {p:.1g}): read as checkpoints of {len(sizes)} models, which "
        "are resampled whole; say --cluster COLUMN, or --cluster none for independent runs"
    )
    return params, (words,)


def same_mean_p(samples: Sequence[Floats]) -> float:
    """Return the p of samples whose means differ as much by chance (`scipy.stats.f_oneway`, which takes 1 s to load).

    Parameters
    ----------
    samples : sequence of (n_k,) float
        Not all alike.
    """
    from scipy.special import fdtrc

    values = np.concatenate(samples)
    between = sum(len(sample) * (sample.mean() - values.mean()) ** 2 for sample in samples)
    within = sum(float(np.square(sample - sample.mean()).sum()) for sample in samples)
    first, second = len(samples) - 1, len(values) - len(samples)
    return float(fdtrc(first, second, between / first * second / within)) if within > 0 else 0.0

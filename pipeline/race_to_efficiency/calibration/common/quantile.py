"""Quantile regression of a line: exact for thousands of weightings on small series, statsmodels on large ones."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.calibration.common.series import Series, Slopes

MAX_EXACT_ROWS = 150
"""Up to here every line through two rows is tried."""

TIE = 1e-9
"""Losses that differ by no more are one; rounding moves those of a series here by some 1e-13."""


def quantile_slopes(quantile: float) -> Slopes:
    """Return the estimator of the slope of a conditional quantile, over row weights.

    Raises
    ------
    ValueError
        When ``quantile`` lies outside (0, 1).
    """
    if not 0 < quantile < 1:
        raise ValueError(f"quantile must lie in (0, 1), got {quantile!r}")
    return partial(_slopes, quantile=quantile)


def _slopes(series: Series, weights: Floats, *, quantile: float) -> Floats:
    time = series.time - series.time.mean()
    if len(series) <= MAX_EXACT_ROWS:
        return exact_lines(time, series.value, weights, quantile)[0]
    return np.asarray([_regression(time, series.value, row, quantile) for row in weights])


def exact_lines(time: Floats, value: Floats, weights: Floats, quantile: float) -> tuple[Floats, Floats]:
    """Return slope and intercept of the weighted quantile line, exactly, by trying every vertex.

    The minimum of the piecewise-linear check loss lies on a line through two rows (Koenker & Bassett 1978), so the
    losses of all such lines under all weightings are one matrix product.

    Parameters
    ----------
    time : (n,) float
    value : (n,) float
    weights : (b, n) float
    quantile : float

    Returns
    -------
    (b,) float, (b,) float
    """
    first, second = np.triu_indices(len(time), 1)
    apart = time[first] != time[second]
    first, second = first[apart], second[apart]
    slope = (value[second] - value[first]) / (time[second] - time[first])
    intercept = value[first] - slope * time[first]
    residual = value[:, None] - intercept - slope * time[:, None]
    # The two rows on the line are exactly on it; rounding there would break ties by chance.
    columns = np.arange(len(first))
    residual[first, columns] = residual[second, columns] = 0.0
    loss = np.where(residual >= 0, quantile * residual, (quantile - 1.0) * residual)
    parts = np.array_split(weights, len(weights) // 500 + 1)
    best = np.concatenate([first_least(part @ loss) for part in parts])
    return slope[best], intercept[best]


def first_least(loss: Floats) -> NDArray[np.intp]:
    """Return where each row of a (b, m) matrix is least, of values that tie the first.

    Lines that tie do so to rounding only; the first of them is taken on every machine.
    """
    least = loss.min(axis=1, keepdims=True)
    return np.asarray(np.argmax(loss <= least + TIE, axis=1), dtype=np.intp)


def _regression(time: Floats, value: Floats, weights: Floats, quantile: float) -> float:
    """Return one slope by statsmodels; weights are counts. Dates must be centred: it fails silently on raw years."""
    import statsmodels.api as sm

    rows = np.repeat(np.arange(len(time)), weights.astype(int))
    if len(np.unique(time[rows])) < 2:
        return float("nan")
    design = sm.add_constant(time[rows])
    fitted = sm.QuantReg(value[rows], design).fit(q=quantile, max_iter=5000)
    return float(fitted.params[1])

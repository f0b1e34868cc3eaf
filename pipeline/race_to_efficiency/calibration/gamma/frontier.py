"""Trends of the best so far: a line through strict records, or through the running maximum at every row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.calibration.gamma.trends import row_slopes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.calibration.common.series import Series


def running_maximum_slopes(series: Series, weights: Floats) -> Floats:
    """Return the slope of a line through the running maximum at every present row, (b,) doublings/yr."""
    high = np.maximum.accumulate(np.where(weights > 0, series.value, -np.inf), axis=1)
    return row_slopes(series.time, high, np.where(weights > 0, weights, 0.0))


def record_slopes(series: Series, weights: Floats) -> Floats:
    """Return the slope of a line through the rows that set a strict new record, (b,) doublings/yr."""
    high = np.maximum.accumulate(np.where(weights > 0, series.value, -np.inf), axis=1)
    before = np.concatenate([np.full((len(high), 1), -np.inf), high[:, :-1]], axis=1)
    return row_slopes(series.time, high, (high > before).astype(np.float64))


def is_record(series: Series) -> NDArray[np.bool_]:
    """Return which rows of an ordered series set a strict new record."""
    high = np.maximum.accumulate(series.value)
    return np.concatenate([[True], high[1:] > high[:-1]])

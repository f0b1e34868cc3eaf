"""The slope of a series without each pair of its rows."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.calibration.common.quantile import MAX_EXACT_ROWS
from race_to_efficiency.calibration.common.resampling import CELLS_AT_ONCE
from race_to_efficiency.calibration.gamma.trends import line_slopes

if TYPE_CHECKING:
    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.calibration.common.series import Series
    from race_to_efficiency.calibration.gamma.components import Fitted


PAIR_ROWS = 60
"""Pairs are sought among the rows that matter most singly; up to this many rows, every pair is tried."""


SLOW_PAIR_ROWS = 6
"""The same where every weighting costs a fit of its own."""


def leave_pairs_out(series: Series, fit: Fitted) -> tuple[Floats, list[tuple[int, int]]]:
    """Return the slope without each pair of rows, and the pairs.

    With more than `PAIR_ROWS` rows, the pairs are those of the rows whose single removal moves the slope most.

    Returns
    -------
    (p,) float, list of (int, int)
    """
    slopes = fit.slopes or line_slopes
    count = len(series)
    candidates = np.arange(count)
    slow = fit.component.estimator.startswith("quantile") and count > MAX_EXACT_ROWS
    limit = SLOW_PAIR_ROWS if slow else PAIR_ROWS
    if count > limit:
        # A quantile line of a long series costs a fit a row: the rows with most pull on its mean line stand in.
        judge = line_slopes if slow else slopes
        parts = np.array_split(np.arange(count), 1 + count**2 // CELLS_AT_ONCE)
        single = np.concatenate([judge(series, (part[:, None] != np.arange(count)).astype(float)) for part in parts])
        whole = judge(series, np.ones((1, count)))[0]
        moved = np.nan_to_num(np.abs(single - whole), nan=np.inf)
        candidates = np.sort(np.argsort(-moved, kind="stable")[:limit])
    pairs = [(int(a), int(b)) for a, b in combinations(candidates, 2)]
    weights = np.ones((len(pairs), count))
    index = np.asarray(pairs)
    rows = np.arange(len(pairs))
    weights[rows, index[:, 0]] = weights[rows, index[:, 1]] = 0.0
    return slopes(series, weights), pairs

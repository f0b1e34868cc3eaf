"""Which rows of a long series can set a record in a resample of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from race_to_efficiency.arrays import Floats


def could_be_records(value: Floats, clusters: NDArray[np.int64], *, most: int = 30) -> NDArray[np.bool_]:
    """Return which rows can set a record in a resample of the clusters, (n,): the others never do.

    A row that rows of ``most`` other clusters precede and equal or beat is a record only where all of them are absent:
    in one resample of e^30.

    Parameters
    ----------
    value : (n,) float
        In the order of dates.
    clusters : (n,) int
    most : int
    """
    best: dict[int, float] = {}
    kept = np.zeros(len(value), dtype=np.bool_)
    bar = -np.inf
    for row, (level, cluster) in enumerate(zip(value.tolist(), clusters.tolist(), strict=True)):
        if level <= bar or level <= best.get(cluster, -np.inf):
            continue
        kept[row] = True
        best[cluster] = level
        if len(best) > most:
            lowest = min(best, key=best.__getitem__)
            del best[lowest]
            bar = min(best.values())
    return kept

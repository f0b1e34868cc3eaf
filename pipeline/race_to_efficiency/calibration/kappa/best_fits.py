"""The best fit of each replicate so far, how many of its starts agree on it, and the descents still on their way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.calibration.kappa.newton import CONVERGED, FLOOR_AT_ZERO, TOO_FEW_ROWS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from race_to_efficiency.arrays import Floats

AGREE = 1e-9
"""Relative difference of objectives below which two starts have found the same optimum."""

_ENOUGH_AGREE = 3
"""One start in so many: the starts of a grid, lowered in steps, share a path, so that another look is wanted too."""


def are_settled(states: NDArray[np.int8]) -> NDArray[np.bool_]:
    """Return which fits have a gradient that vanishes."""
    return np.asarray((states == CONVERGED) | (states == FLOOR_AT_ZERO))


class BestFits:
    """The best fits of all replicates, and every start's end.

    Parameters
    ----------
    count, size, terms : int
        Numbers of replicates, of parameters, and of slopes, which are the last parameters.
    thorough : bool
        Whether every start is followed to its end; else a slow one is left where a third of the starts agree already.
    """

    def __init__(self, count: int, size: int, terms: int, *, thorough: bool) -> None:
        self.terms, self.thorough = terms, thorough
        self.best = np.full((count, size), np.nan)
        self.value = np.full(count, np.nan)
        self.state = np.full(count, TOO_FEW_ROWS, dtype=np.int8)
        self.ends: list[tuple[NDArray[np.intp], Floats]] = []
        self.pending: list[tuple[int, NDArray[np.intp], Floats]] = []
        self.left: list[NDArray[np.intp]] = []

    def keep(self, replicates: NDArray[np.intp], ends: Floats, values: Floats, states: NDArray[np.int8]) -> None:
        """Take over fits that beat what is held; a settled fit is never given up for a rounding-error gain."""
        order = np.lexsort((values, replicates))
        first = order[np.flatnonzero(np.diff(replicates[order], prepend=-1))]
        rep = replicates[first]
        fine = are_settled(states[first])
        upgrade = fine & ~self.settled()[rep]
        factor = np.where(upgrade, 1 + AGREE, np.where(fine, 1.0, 1 - AGREE))
        take = np.isnan(self.value[rep]) | (values[first] < self.value[rep] * factor)
        self.best[rep[take]] = ends[first[take]]
        self.value[rep[take]] = values[first[take]]
        self.state[rep[take]] = states[first[take]]

    def settled(self) -> NDArray[np.bool_]:
        """Return which replicates hold a fit whose gradient vanishes."""
        return are_settled(self.state)

    def rising(self) -> NDArray[np.bool_]:
        """Return which replicates hold a settled fit whose loss rises with one of its quantities."""
        return self.settled() & (self.best[:, -self.terms :] <= 0.0).any(axis=1)

    def agreeing(self) -> NDArray[np.int64]:
        """Return how many starts of each replicate ended within 1e-9 (relative) of its best objective."""
        count = np.zeros(len(self.value), dtype=np.int64)
        for replicates, values in self.ends:
            np.add.at(count, replicates[values <= self.value[replicates] * (1 + AGREE)], 1)
        return count

    def started(self) -> NDArray[np.int64]:
        """Return how many starts of each replicate were followed to their end."""
        count = np.zeros(len(self.value), dtype=np.int64)
        for replicates, _ in self.ends:
            np.add.at(count, replicates, 1)
        for replicates in self.left:
            np.subtract.at(count, replicates, 1)
        return count

    def agreed(self) -> NDArray[np.bool_]:
        """Return which replicates hold a settled fit on which two of their starts agree, and a third of all."""
        agreeing = self.agreeing()
        return self.settled() & (agreeing > 1) & (_ENOUGH_AGREE * agreeing >= self.started())

    def contested(self, usable: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return the replicates whose starts disagree, or whose gradient does not vanish.

        Of a search that leaves its slow starts those on which fewer than a third agree.
        """
        if self.thorough:
            return usable[(self.agreeing()[usable] < self.started()[usable]) | ~self.settled()[usable]]
        return usable[~self.agreed()[usable]]

    def leave_agreed(self) -> None:
        """Forget the slow descents of replicates that have `agreed`."""
        open_ = ~self.agreed()
        kept = [(record, slow, ends, open_[self.ends[record][0][slow]]) for record, slow, ends in self.pending]
        self.left += [self.ends[record][0][slow[~still]] for record, slow, _, still in kept]
        for record, slow, _, still in kept:
            self.ends[record][1][slow[~still]] = np.nan  # it may have come near the best; it is not counted either way
        self.pending = [(record, slow[still], ends[still]) for record, slow, ends, still in kept if still.any()]

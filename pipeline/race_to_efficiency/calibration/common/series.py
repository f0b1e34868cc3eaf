"""A dated series of one quantity in doublings: the rows every trend is fitted on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.units import decimal_years

if TYPE_CHECKING:
    from datetime import date

    from numpy.typing import NDArray

    from race_to_efficiency.arrays import Floats


@dataclass(frozen=True, eq=False)
class Series:
    """Dated values of one quantity, sorted by date, then value.

    Parameters
    ----------
    table : str
        Ledger the rows came from.
    row_ids : (n,) str
    dates : (n,) datetime64[D]
    value : (n,) float, doublings
        Base-2 logarithm of the quantity (for `algorithmic_lm`: the natural logarithm of the loss).
    clusters : (n,) str
        Rows that share a label are not independent.
    cells : (n,) int, optional
        Fixed effects: each cell has a level of its own.
    covariate : (n,) float, optional
        A second regressor (log2 of compute).
    second_clusters : (n,) str, optional
        A crossed second clustering.
    decimal_year : (n,) float, optional
        Dates given as decimal years, kept as they were.
    consulted : (n,) tuple of str, optional
        ``TABLE/ID`` of the rows of other ledgers that a row's numbers were looked up in.
    """

    table: str
    row_ids: NDArray[Any]
    dates: NDArray[np.datetime64]
    value: Floats
    clusters: NDArray[Any]
    cells: NDArray[np.int64] | None = None
    covariate: Floats | None = None
    second_clusters: NDArray[Any] | None = None
    decimal_year: Floats | None = None
    consulted: NDArray[Any] | None = None

    def __len__(self) -> int:
        return len(self.value)

    @property
    def time(self) -> Floats:
        """(n,) decimal years."""
        return decimal_years(self.dates) if self.decimal_year is None else self.decimal_year

    @property
    def window(self) -> tuple[str, str] | None:
        """First and last ISO date."""
        return (str(self.dates.min()), str(self.dates.max())) if len(self) else None

    @property
    def n_clusters(self) -> int:
        """Number of clusters; of the coarser side when two clusterings are crossed."""
        return min(len(np.unique(labels)) for labels in self.clusterings)

    @property
    def clusterings(self) -> tuple[NDArray[Any], ...]:
        """The one or two label arrays."""
        return (self.clusters,) if self.second_clusters is None else (self.clusters, self.second_clusters)

    @property
    def rows_used(self) -> tuple[str, ...]:
        """``TABLE/ID`` of each row, then of those consulted for them, each once."""
        own = [f"{self.table}/{row}" for row in self.row_ids]
        others = () if self.consulted is None else chain.from_iterable(self.consulted)
        return (*own, *dict.fromkeys(others))

    def take(self, keep: NDArray[Any]) -> Series:
        """Return the rows selected by a mask or an index array, in that order."""
        return Series(
            self.table,
            self.row_ids[keep],
            self.dates[keep],
            self.value[keep],
            self.clusters[keep],
            *(
                None if column is None else column[keep]
                for column in (self.cells, self.covariate, self.second_clusters, self.decimal_year, self.consulted)
            ),
        )

    def since(self, start: date | None) -> Series:
        """Return the rows released on or after ``start`` (all of them for None)."""
        return self if start is None else self.take(self.dates >= np.datetime64(start))

    def ordered(self) -> Series:
        """Return the rows sorted by date, then value, then id (the order that running maxima are defined in)."""
        return self.take(np.lexsort((self.row_ids.astype(str), self.value, self.time)))


Slopes = Callable[[Series, "Floats"], "Floats"]
"""An estimator of the slope: (b, n) row weights in, (b,) slopes out."""

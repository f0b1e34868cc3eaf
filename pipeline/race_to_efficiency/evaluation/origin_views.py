"""What was known at an origin: as-of views of every ledger, read once, with the label of their vintage."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.ledger.schemas import table_of
from race_to_efficiency.ledger.vintages import as_of
from race_to_efficiency.units import decimal_year

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import pandas as pd
    from numpy.typing import NDArray

    from race_to_efficiency.evaluation.targets import Target
    from race_to_efficiency.ledger.intake import Intake

    Array = NDArray[np.datetime64]

_GRACE_DAYS = 31
_SNAPSHOT_LINES = 5


@dataclass(frozen=True)
class Known:
    """A target's observations as they were known on a day.

    Parameters
    ----------
    observations : DataFrame
        item, released, time, value, cell, block; see `targets.Target.observations`.
    vintage : {'real', 'pseudo'}
        pseudo: the values are those of a later first snapshot cut by release date, or of a table without vintages.
    data_to : float, decimal years
        How far the data reach: the last snapshot by then, or the day itself.
    figures_of : float, decimal years
        The snapshot whose figures a pseudo view holds, later than the day; -inf elsewhere.
    """

    observations: pd.DataFrame
    vintage: str
    data_to: float
    figures_of: float = -np.inf


@dataclass
class LedgerViews:
    """As-of views of the ledgers, computed once for each date asked for.

    Parameters
    ----------
    intakes : mapping of table name to Intake
    watch : callable, optional
        Told of every ledger asked for and of the day it is asked for; what refuses a later day raises.
    """

    intakes: Mapping[str, Intake]
    watch: Callable[[str, dt.date], None] | None = None
    _views: dict[tuple[str, int, int], pd.DataFrame] = field(default_factory=dict)
    _observations: dict[tuple[object, ...], pd.DataFrame] = field(default_factory=dict)
    _seen: dict[tuple[Target, dt.date], tuple[tuple[object, ...], pd.DataFrame]] = field(default_factory=dict)
    outcomes_seen: dict[tuple[object, ...], list[tuple[str, str, str, float]]] = field(default_factory=dict)
    _dates: dict[str, tuple[Array, Array]] = field(default_factory=dict)
    _first: dict[str, dt.date | None] = field(default_factory=dict)
    _recorded: dict[str, list[dt.date]] = field(default_factory=dict)

    @classmethod
    def read(cls, raw: Path, names: tuple[str, ...], as_of: dt.date) -> LedgerViews:
        """Read what the named ledgers in data/raw held on a day; later lines are left behind here, once and for all.

        Raises
        ------
        InputMissing, DataInvalid
            When a ledger is missing or its header is broken.
        """
        from race_to_efficiency.ledger.intake import read_ledger

        return cls({name: recorded_by(read_ledger(name, raw), as_of) for name in names})

    def used(self, table: str, day: dt.date) -> pd.DataFrame:
        """Return the used rows of a ledger's as-of view on a day."""
        self._tell(table, day)
        key = (table, *self._state(table, day))
        if key not in self._views:
            intake = self.intakes[table]
            self._views[key] = as_of(table, intake.rows, day, quarantined=intake.quarantined).used
        return self._views[key]

    def _tell(self, table: str, day: dt.date) -> None:
        if self.watch is not None:
            self.watch(table, day)

    def _state(self, table: str, day: dt.date) -> tuple[int, int]:
        """Return how many lines had been recorded and released by a day: a view changes only when one of them does."""
        if table not in self._dates:
            rows = self.intakes[table].rows
            recorded, released = (
                np.sort(rows[name].dropna().to_numpy(dtype="datetime64[D]")) for name in ("recorded", "released")
            )
            self._dates[table] = (recorded, released)
        by_recorded, by_released = self._dates[table]
        last = np.datetime64(day)
        return int(np.searchsorted(by_recorded, last, "right")), int(np.searchsorted(by_released, last, "right"))

    def recorded(self, table: str, day: dt.date) -> list[dt.date]:
        """Return the dates up to a day on which anything was recorded in a ledger, rising."""
        self._tell(table, day)
        if table not in self._recorded:
            days = self.intakes[table].rows["recorded"].drop_duplicates().sort_values()
            self._recorded[table] = [day.date() for day in days]
        return self._recorded[table][: bisect_right(self._recorded[table], day)]

    def first_known(self, target: Target) -> dt.date | None:
        """Return the first snapshot that holds all columns of a target; None for tables without snapshots."""
        if not table_of(target.table).vintaged:
            return None
        if target.id not in self._first:
            rows = self.intakes[target.table].rows
            filled = rows.loc[rows[list(target.needs)].notna().all(axis=1), "recorded"]
            counts = filled.value_counts().sort_index()
            # a single line of an earlier date is no snapshot
            whole = counts[counts >= min(_SNAPSHOT_LINES, int(counts.max()) if len(counts) else 1)]
            self._first[target.id] = None if whole.empty else whole.index[0].date()
        return self._first[target.id]

    def known(self, target: Target, day: dt.date) -> Known:
        """Return a target's observations as known on ``day``.

        Before the first snapshot that holds its columns the view is pseudo: that snapshot's rows, cut by release date.
        Lines recorded between the day and that snapshot are left out: the day did not know them, the snapshot need not.
        """
        import pandas as pd

        first = self.first_known(target)
        found = self.observed(target, day)[1]
        found = found[found["released"] <= pd.Timestamp(day)].reset_index(drop=True)
        end = decimal_year(day + dt.timedelta(days=1))
        if first is None:
            # no snapshot has the columns yet: what little is known is known, and a later one's figures are not
            return Known(found, "real" if table_of(target.table).vintaged else "pseudo", end)
        if first > day:
            return Known(found, "pseudo", end, decimal_year(first + dt.timedelta(days=1)))
        return Known(found, "real", decimal_year(self.recorded(target.table, day)[-1] + dt.timedelta(days=1)))

    def observed(self, target: Target, day: dt.date) -> tuple[tuple[object, ...], pd.DataFrame]:
        """Return a target's observations in the view of a day, later releases of its snapshot included.

        Returns
        -------
        tuple, DataFrame
            A key that two days share where they see the same rows, and those rows.
        """
        self._tell(target.table, day)
        if (target, day) not in self._seen:
            self._seen[(target, day)] = self._observed(target, day)
        return self._seen[(target, day)]

    def _observed(self, target: Target, day: dt.date) -> tuple[tuple[object, ...], pd.DataFrame]:
        first = self.first_known(target)
        key: tuple[object, ...]
        if first is None and table_of(target.table).vintaged:
            key = (target, "no snapshot")
            if key not in self._observations:
                self._observations[key] = target.observations(self.used(target.table, day).iloc[:0])
        elif first is None or first <= day:
            key = (target, *self._state(target.table, day))
            if key not in self._observations:
                self._observations[key] = target.observations(self.used(target.table, day))
        else:
            key = (target, *self._state(target.table, first), self._state(target.table, day)[0])
            if key not in self._observations:
                self._observations[key] = target.observations(self._pseudo(target.table, day, first))
        return key, self._observations[key]

    def _pseudo(self, table: str, day: dt.date, first: dt.date) -> pd.DataFrame:
        import pandas as pd

        intake = self.intakes[table]
        recorded = intake.rows["recorded"]
        rows = intake.rows[(recorded <= pd.Timestamp(day)) | (recorded >= pd.Timestamp(first))]
        return as_of(table, rows, first, quarantined=intake.quarantined).used

    def settled_by(self, target: Target, end: dt.date, day: dt.date) -> dt.date | None:
        """Return the first date whose view reaches ``end``; None when the view of ``day`` does not reach it yet.

        A snapshot reaches every date up to its own (dates before the first snapshot are settled by that one). A table
        without snapshots reaches 31 days beyond its last row: one nobody has added to says nothing about later dates.
        """
        known = self.recorded(target.table, day)
        first = self.first_known(target)
        if first is None and table_of(target.table).vintaged:
            return None
        if first is not None and day < first:
            return day if end <= day else None
        if end > day or not known:
            return None
        if first is None:
            return end if end <= known[-1] + dt.timedelta(days=_GRACE_DAYS) else None
        return next((max(one, end) for one in known if one >= max(end, first)), None)

    def published_rate(self, target: Target, day: dt.date) -> float | None:
        """Return the published trend that fits a target, doublings/yr, if it was out by ``day``."""
        if target.published is None or "published_values" not in self.intakes:
            return None
        rows = self.used("published_values", day)
        found = rows.loc[rows["value_id"] == target.published, "gamma_per_year"].dropna()
        return None if found.empty else float(found.iloc[0])


def recorded_by(intake: Intake, day: dt.date) -> Intake:
    """Return an intake without the lines recorded after a day.

    Where a table with snapshots has none by then its first snapshot stays: the day's view is a pseudo one.
    """
    import pandas as pd

    recorded = intake.rows["recorded"]
    cutoff = pd.Timestamp(day)
    if table_of(intake.table).vintaged and not (recorded <= cutoff).any():
        cutoff = recorded.min()
    rows = intake.rows[recorded <= cutoff].reset_index(drop=True)
    return replace(intake, rows=rows)

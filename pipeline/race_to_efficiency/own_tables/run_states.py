"""What step logs say of each run, gathered a batch at a time: its last row, its smoothed loss, the rows left out.

The smoothed loss is the mean over equal stretches of steps. A stretch is the power of two under which the run has at
most `STRETCHES` of them: it depends on the last step alone, so rows may come in any order and from any number of
files, and two halves of a log join to what the whole would have given.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from race_to_efficiency.arrays import Floats

    Ints = NDArray[np.int64]

STRETCHES = 64
"""A run has 33 to 64 of them once it is longer: each a fiftieth of it, and 1 kB a run is held."""

LEFT_OUT = ("no step", "no loss", "loss not finite", "loss not above 0")
"""Why a row of a run is left out, in the order in which it is asked."""

MOST_STEP = 1 << 53
"""Beyond it a float tells no two steps apart."""


@dataclass(frozen=True, eq=False)
class LogRows:
    """Some rows of a log.

    Parameters
    ----------
    run : (n,) int
        Place in ``names``; -1 where the row names none.
    names : sequence of str
    step : (n,) float
        NaN where the row states none.
    loss : (n,) float
        In the log's own unit; NaN where `stated` is False.
    stated : (n,) bool
        Whether the row has a loss at all.
    rate : (n,) float
        Learning rate; NaN where there is none.
    others : mapping of str to pyarrow.Array
        Columns of which the last row's cell is kept.
    """

    run: NDArray[np.intp]
    names: Sequence[str]
    step: Floats
    loss: Floats
    stated: NDArray[np.bool_]
    rate: Floats
    others: Mapping[str, Any]


@dataclass(eq=False)
class RunStates:
    """What is known of each run so far; arrays have a row for every run.

    Parameters
    ----------
    names : dict of str to int
        Run -> row.
    last_step, bad_step : (n,) int
        Of the last row with a loss, and of the last one whose loss is not finite; -1 where there is none.
    loss, rate, peak : (n,) float
        Loss and learning rate of the last row, and the largest rate of any.
    level : (n,) int
        A stretch is 2^level steps.
    sums, counts : (n, STRETCHES) float
        Of the losses in each stretch.
    left_out : (n, 4) int
        Rows by `LEFT_OUT`.
    others : dict of str to list
        The last row's cells.
    unnamed, unread : int
        Rows that name no run, and lines that are no rows.
    """

    names: dict[str, int] = field(default_factory=dict)
    last_step: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    bad_step: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    loss: Floats = field(default_factory=lambda: np.zeros(0))
    rate: Floats = field(default_factory=lambda: np.zeros(0))
    peak: Floats = field(default_factory=lambda: np.zeros(0))
    level: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    sums: Floats = field(default_factory=lambda: np.zeros((0, STRETCHES)))
    counts: Floats = field(default_factory=lambda: np.zeros((0, STRETCHES)))
    left_out: Ints = field(default_factory=lambda: np.zeros((0, len(LEFT_OUT)), dtype=np.int64))
    others: dict[str, list[Any]] = field(default_factory=dict)
    unnamed: int = 0
    unread: int = 0

    @property
    def n_rows(self) -> int:
        """Physical rows read."""
        return int(self.counts.sum() + self.left_out.sum()) + self.unnamed + self.unread

    def add(self, rows: LogRows) -> None:
        """Take in rows; of two with the same step the later one is the run's last, as a log that was resumed has it."""
        named = rows.run >= 0
        self.unnamed += int(np.count_nonzero(~named))
        whole = np.isfinite(rows.step) & (rows.step >= 0) & (rows.step < MOST_STEP)
        whole &= np.floor(np.where(whole, rows.step, 0.0)) == np.where(whole, rows.step, 0.0)
        finite = np.isfinite(rows.loss)
        reasons = (~whole, ~rows.stated, ~finite, ~(rows.loss > 0))
        place = self._places(rows.names)
        width, good = len(rows.names), named.copy()
        for number, wrong in enumerate(reasons):
            out = good & wrong
            self.left_out[place, number] += np.bincount(rows.run[out], minlength=width)
            if LEFT_OUT[number] == "loss not finite":
                self.bad_step[place] = np.maximum(self.bad_step[place], _latest(rows, out, width)[0])
            good &= ~wrong
        newest, at = _latest(rows, good, width)
        self._take_last(place, newest, at, rows)
        np.maximum.at(self.peak, place[rows.run[named]], np.nan_to_num(rows.rate[named], nan=-np.inf))
        self._coarsen(place, _level(self.last_step[place]))
        run = rows.run[good]
        stretch = rows.step[good].astype(np.int64) >> self.level[place[run]]
        flat = run * STRETCHES + stretch
        size = width * STRETCHES
        self.sums[place] += np.bincount(flat, weights=rows.loss[good], minlength=size).reshape(width, STRETCHES)
        self.counts[place] += np.bincount(flat, minlength=size).reshape(width, STRETCHES)

    def join(self, later: RunStates) -> None:
        """Take in what other rows said, which stand later in the logs."""
        place = self._places(list(later.names))
        newer = later.last_step >= np.maximum(self.last_step[place], 0)
        for own, other in ((self.loss, later.loss), (self.rate, later.rate)):
            own[place[newer]] = other[newer]
        for name, cells in later.others.items():
            kept = self._column(name)
            for row in np.flatnonzero(newer).tolist():
                kept[place[row]] = cells[row]
        self.last_step[place] = np.maximum(self.last_step[place], later.last_step)
        self.bad_step[place] = np.maximum(self.bad_step[place], later.bad_step)
        self.peak[place] = np.maximum(self.peak[place], later.peak)
        self._coarsen(place, later.level)
        later._coarsen(np.arange(len(place)), self.level[place])
        self.sums[place] += later.sums
        self.counts[place] += later.counts
        self.left_out[place] += later.left_out
        self.unnamed += later.unnamed
        self.unread += later.unread

    def _take_last(self, place: NDArray[np.intp], newest: Ints, at: Ints, rows: LogRows) -> None:
        newer = (newest >= 0) & (newest >= self.last_step[place])
        runs, picked = place[newer], at[newer]
        self.last_step[runs] = newest[newer]
        self.loss[runs], self.rate[runs] = rows.loss[picked], rows.rate[picked]
        for name, cells in rows.others.items():
            kept = self._column(name)
            for run, cell in zip(runs.tolist(), cells.take(picked).to_pylist(), strict=True):
                kept[run] = cell

    def _column(self, name: str) -> list[Any]:
        kept = self.others.setdefault(name, [])
        kept.extend([None] * (len(self.names) - len(kept)))
        return kept

    def _places(self, names: Sequence[str]) -> NDArray[np.intp]:
        """Return the rows of some runs, (m,); new ones are given one."""
        place = np.array([self.names.setdefault(name, len(self.names)) for name in names], dtype=np.intp)
        more = len(self.names) - len(self.last_step)
        if more:
            fills = {"last_step": -1, "bad_step": -1, "level": 0, "loss": np.nan, "rate": np.nan, "peak": -np.inf}
            for name, fill in fills.items():
                held = getattr(self, name)
                setattr(self, name, np.append(held, np.full(more, fill, dtype=held.dtype)))
            for name in ("sums", "counts", "left_out"):
                held = getattr(self, name)
                setattr(self, name, np.vstack([held, np.zeros((more, held.shape[1]), dtype=held.dtype)]))
        return place

    def _coarsen(self, place: NDArray[np.intp], level: Ints) -> None:
        """Join neighbouring stretches of some runs until they have at least these levels."""
        narrow = place[self.level[place] < level]
        wanted = dict(zip(place.tolist(), level.tolist(), strict=True))
        while len(narrow):
            for held in (self.sums, self.counts):
                halves = held[narrow, 0::2] + held[narrow, 1::2]
                held[narrow] = np.hstack([halves, np.zeros_like(halves)])
            self.level[narrow] += 1
            narrow = narrow[self.level[narrow] < np.array([wanted[run] for run in narrow.tolist()])]


def _level(last_step: Ints) -> Ints:
    """Return the least level under which a run up to this step has at most `STRETCHES` stretches."""
    stretches = np.maximum(last_step, 0) // STRETCHES
    return np.array([int(count).bit_length() for count in stretches], dtype=np.int64)


def _latest(rows: LogRows, chosen: NDArray[np.bool_], width: int) -> tuple[Ints, Ints]:
    """Return the largest step of each run among the chosen rows, and which row has it; -1 where there is none."""
    index = np.flatnonzero(chosen)
    run, step = rows.run[index], rows.step[index].astype(np.int64)
    newest, at = np.full(width, -1, dtype=np.int64), np.full(width, -1, dtype=np.int64)
    np.maximum.at(newest, run, step)
    last = step == newest[run]
    at[run[last]] = index[last]  # a later row of the same step is written over an earlier one
    return newest, at

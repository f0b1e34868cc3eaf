"""The forecast engine: joint draws x scenarios x quarters, streamed through stable evaluation to exact quantiles.

No array of all cells is ever held: a few quarters live at a time in each thread. Along a steady path the
growth integral obeys G(t + h) = 2^(rate h) G(t) + G(h), so X follows X <- X q + c and a cell costs one logarithm and
one exponential; every segment starts again from the closed form, which keeps rounding from adding up and
makes the result independent of the number of threads.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from race_to_efficiency.equation.domain import LN2
from race_to_efficiency.forecasting.quantiles import exact_quantiles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from race_to_efficiency.arrays import Floats

    Sink = Callable[[int, int, int, Floats], None]

SEGMENT_STEPS = 24
"""Steps between restarts from the closed form."""

BLOCK_DRAWS = 16_384
"""Draws worked on together, so that state, logarithms and results stay in the fast cache."""

BATCH_BYTES = 24_000_000
"""Finished columns a thread holds before they are reduced to quantiles."""

MAX_EXPONENT = 1000.0
"""Doublings up to which X is formed at all; beyond them only its logarithm is (2^1024 overflows)."""


class DrawnPath(Protocol):
    """How compute grows along one scenario, for every draw.

    `steady` is (rate in doublings/yr, fleet over baseline years) when compute accumulates at one rate per draw, else
    None; `log_compute_ratio` is ln X at any time, stably evaluated.
    """

    @property
    def n_draws(self) -> int:
        """Number of draws."""

    @property
    def steady(self) -> tuple[Floats, Floats] | None:
        """Rate and scale, each (n_draws,)."""

    def log_compute_ratio(self, t: float | Floats) -> Floats:
        """Return ln X(t), (n_draws,)."""

    def years_to(self, log_ratio: Floats) -> Floats | None:
        """Return the years until ln X reaches a level, (n_draws,), inf for never; None without a closed form."""


class LossReading(Protocol):
    """What ln X means: one kappa, one loss (see `race_to_efficiency.forecasting.readings`)."""

    def fill(self, log_ratio: Floats, draws: slice, out: Floats) -> None:
        """Write the loss of some draws from their ln X, both (n,)."""


@dataclass(frozen=True)
class Grid:
    """A regular time grid: ``step * (0 ... count - 1)`` years.

    Parameters
    ----------
    step : float
        Years between points, > 0.
    count : int
        Number of points.
    """

    step: float
    count: int

    def __post_init__(self) -> None:
        if not (np.isfinite(self.step) and self.step > 0):
            raise ValueError(f"step must be positive, got {self.step!r}")
        if self.count < 1:
            raise ValueError(f"count must be at least 1, got {self.count!r}")

    def time(self, index: int) -> float:
        """Return the index-th time in years."""
        return self.step * index

    @property
    def times(self) -> Floats:
        """All times, (count,) years."""
        return self.step * np.arange(self.count, dtype=np.float64)

    def segments(self) -> list[tuple[int, int]]:
        """Return the (first, end) index pairs a thread works through; fixed, so results never depend on threads."""
        return [(first, min(first + SEGMENT_STEPS, self.count)) for first in range(0, self.count, SEGMENT_STEPS)]


@dataclass(frozen=True)
class QuantileTable:
    """Quantiles and means of every reading along every path.

    Parameters
    ----------
    times : (n_times,) float, years
    levels : (n_levels,) float
    quantiles : tuple of (n_readings, n_times, n_levels) float
        One array a path.
    means : tuple of (n_readings, n_times) float
    """

    times: Floats
    levels: Floats
    quantiles: tuple[Floats, ...]
    means: tuple[Floats, ...]


class LogRatios:
    """ln X along one path on a grid, a few times of a few draws at a time.

    Parameters
    ----------
    path : ComputePath
    grid : Grid
    """

    def __init__(self, path: DrawnPath, grid: Grid) -> None:
        self.path = path
        self.grid = grid
        steady = path.steady
        self._steady = steady if steady is not None and _representable(*steady, grid.time(grid.count - 1)) else None
        if self._steady is not None:
            self._factor = np.exp2(self._steady[0] * grid.step)
            self._added = 1.0 - self._factor
            self._added += _accumulated(*self._steady, grid.step)

    def start(self, first: int) -> Floats:
        """Return the state to begin at a grid point with: X of every draw, from the closed form; else empty."""
        return np.empty(0) if self._steady is None else 1.0 + _accumulated(*self._steady, self.grid.time(first))

    def rows(self, state: Floats, first: int, end: int) -> Iterator[tuple[slice, int, Floats]]:
        """Yield (draws, row, ln X) for the points ``first`` to ``end - 1``, a block of draws after the other.

        ``state`` moves on to the point ``end``; the yielded array is used again for the next row.
        """
        if self._steady is None:
            for row, index in enumerate(range(first, end)):
                yield slice(None), row, self.path.log_compute_ratio(self.grid.time(index))
            return
        scratch = np.empty(min(BLOCK_DRAWS, state.size))
        for low in range(0, state.size, BLOCK_DRAWS):
            draws = slice(low, min(low + BLOCK_DRAWS, state.size))
            factor, added, now = self._factor[draws], self._added[draws], state[draws]
            log_ratio = scratch[: draws.stop - low]
            for row in range(end - first):
                np.log(now, out=log_ratio)
                yield draws, row, log_ratio
                now *= factor
                now += added


def _accumulated(rate: Floats, scale: Floats, t: float) -> Floats:
    """Return u = scale G(t, rate), G = t (e^z - 1)/z with z = rate t ln2 (t at z = 0), known not to overflow.

    Block by block, so that intermediate results stay in the fast cache.
    """
    out = np.full(rate.size, t)
    for low in range(0, rate.size, BLOCK_DRAWS):
        draws = slice(low, low + BLOCK_DRAWS)
        z = rate[draws] * (t * LN2)
        mean = np.divide(np.expm1(z), z, out=np.ones_like(z), where=z != 0)
        out[draws] *= mean
        out[draws] *= scale[draws]
    return out


def _representable(rate: Floats, scale: Floats, horizon: float) -> bool:
    """Tell whether X stays well inside float64 up to the horizon for every draw."""
    doublings = max(float(rate.max()), 0.0) * horizon
    return doublings + float(np.log2(max(float(scale.max()) * horizon, 1.0))) < MAX_EXPONENT


def quantile_table(
    paths: Sequence[DrawnPath],
    readings: Sequence[Sequence[LossReading]],
    grid: Grid,
    levels: Sequence[float] | Floats,
    *,
    threads: int = 2,
    sink: Sink | None = None,
) -> QuantileTable:
    """Evaluate every reading along every path on the grid and keep exact quantiles and means.

    Parameters
    ----------
    paths : (n_paths,) sequence of ComputePath
    readings : (n_paths,) sequence of sequences of Reading
        The readings taken along each path.
    grid : Grid
    levels : (n_levels,) float, in [0, 1]
    threads : int
        Threads to share the work; the result is the same for any number.
    sink : callable, optional
        Called in order as ``sink(path, reading, time index, column)`` with every column of draws, (n_draws,); the
        column must be used at once. Segments are then worked through one after the other.

    Returns
    -------
    QuantileTable

    Raises
    ------
    ValueError
        When paths and readings do not match, or a cell is not finite.
    """
    if len(readings) != len(paths):
        raise ValueError(f"readings must hold one list per path ({len(paths)}), got {len(readings)}")
    probabilities = np.asarray(levels, dtype=np.float64)
    quantiles = tuple(np.empty((len(items), grid.count, probabilities.size)) for items in readings)
    means = tuple(np.empty((len(items), grid.count)) for items in readings)
    sources = [LogRatios(path, grid) for path in paths]

    def work(task: tuple[int, int, int]) -> None:
        number, first, end = task
        for index, position, column in draw_columns(sources[number], readings[number], first, end):
            quantiles[number][position, index] = exact_quantiles(column, probabilities)
            means[number][position, index] = column.mean()
            if sink is not None:
                sink(number, position, index, column)

    tasks = [(number, *segment) for number in range(len(paths)) for segment in grid.segments()]
    _run(work, tasks, threads=1 if sink is not None else threads)
    return QuantileTable(grid.times, probabilities, quantiles, means)


def draw_columns(
    source: LogRatios, readings: Sequence[LossReading], first: int, end: int
) -> Iterator[tuple[int, int, Floats]]:
    """Yield (time index, reading, column of every draw) for the grid points ``first`` to ``end - 1``.

    A column is used again for a later one.

    Parameters
    ----------
    source : LogRatios
    readings : sequence of Reading
    first, end : int
    """
    n = source.path.n_draws
    rows = min(end - first, max(1, BATCH_BYTES // (8 * n * max(len(readings), 1))))
    buffer = np.empty((len(readings), rows, n))
    state = source.start(first)
    for low in range(first, end, rows):
        high = min(low + rows, end)
        for draws, row, log_ratio in source.rows(state, low, high):
            for position, reading in enumerate(readings):
                reading.fill(log_ratio, draws, buffer[position, row, draws])
        for index in range(low, high):
            for position in range(len(readings)):
                yield index, position, buffer[position, index - low]


def _run(work: Callable[[tuple[int, int, int]], None], tasks: Iterable[tuple[int, int, int]], *, threads: int) -> None:
    """Do every task, in this thread or in several; the first error is raised."""
    if threads == 1:
        for task in tasks:
            work(task)
        return
    with ThreadPoolExecutor(max_workers=threads) as pool:
        for done in [pool.submit(work, task) for task in tasks]:
            done.result()

"""The forecast engine beside the equation as printed: 100,000 draws x 120 quarters x 3 scenarios and seven quantiles.

    python benchmarks/forecast_engine.py [--draws-file]

Prints, from one run: time of the cells (plain numpy and ours, in one thread, where the ratio is the algorithm's, and in
two, as the engine works), time of cells and exact quantiles on two threads, whether the quantiles equal np.quantile bit
for bit, peak memory above the draws, NaN counts of both, and on request the size of the file of every draw. A
thousandth of the draws has gamma = 0 exactly, where the printed form is 0/0. Shortest of five rounds, each piece in
turn; shown in seconds, never asserted.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from race_to_efficiency.forecasting.draws_file import open_draws
from race_to_efficiency.forecasting.engine import Grid, LogRatios, draw_columns, quantile_table
from race_to_efficiency.forecasting.readings import TotalKappa, TotalLoss
from race_to_efficiency.scenarios import SteadyPath

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

N_DRAWS = 100_000
GRID = Grid(step=0.25, count=120, start=0.25)
LEVELS = (0.025, 0.05, 0.25, 0.5, 0.75, 0.95, 0.975)
SCENARIOS = ((1.0, 1.0), (0.5, 10.0), (2.0, 1.0))
"""Share of gamma, fleet: as drawn, Hare, Turtle."""

kappa = np.clip(np.random.default_rng(1).normal(0.05, 0.005, N_DRAWS), 1e-3, None)
gamma = np.random.default_rng(2).normal(0.8, 0.2, N_DRAWS)
gamma[: N_DRAWS // 1000] = 0.0
paths = [SteadyPath(gamma * share, np.full(N_DRAWS, fleet)) for share, fleet in SCENARIOS]
reading = TotalLoss(TotalKappa(kappa))


def plain(look: Callable[[np.ndarray], int] = len) -> int:
    """Evaluate R = (1 + m (2^(g t) - 1)/(g ln 2))^-kappa a scenario at a time."""
    total = 0
    for share, fleet in SCENARIOS:
        g = (gamma * share)[:, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = (1 + fleet * (2 ** (g * GRID.times) - 1) / (g * np.log(2))) ** -kappa[:, None]
        total += look(ratio)
    return total


def count_nan(values: np.ndarray) -> int:
    """Return how many values are NaN."""
    return int(np.isnan(values).sum())


def cells(look: Callable[[np.ndarray], int] = len, *, threads: int = 1) -> int:
    """Evaluate the same cells by the engine; return the sum of what ``look`` says of each column."""
    sources = [LogRatios(path, GRID) for path in paths]

    def work(task: tuple[LogRatios, int, int]) -> int:
        source, first, end = task
        return sum(look(column) for _, _, column in draw_columns(source, [reading], first, end))

    tasks = [(source, *segment) for source in sources for segment in GRID.segments()]
    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(work, tasks))


def two_threads() -> int:
    """Evaluate the cells as the engine does by default."""
    return cells(threads=2)


def whole() -> tuple[np.ndarray, ...]:
    """Cells and exact quantiles on two threads."""
    return quantile_table(paths, [[reading]] * 3, GRID, LEVELS, threads=2).quantiles


def shortest(works: Sequence[Callable[[], object]], rounds: int = 5) -> list[tuple[float, float]]:
    """Return the shortest wall and CPU seconds of each piece of work; taken in turn, all meet the same machine."""
    found: list[list[tuple[float, float]]] = [[] for _ in works]
    for _ in range(rounds):
        for taken, work in zip(found, works, strict=True):
            wall, process = time.perf_counter(), time.process_time()
            work()
            taken.append((time.perf_counter() - wall, time.process_time() - process))
    return [(min(wall for wall, _ in taken), min(process for _, process in taken)) for taken in found]


def quantiles_equal(table: tuple[np.ndarray, ...]) -> bool:
    """Compare every quantile with np.quantile of the same draws."""
    for path, found in zip(paths, table, strict=True):
        source = LogRatios(path, GRID)
        for first, end in GRID.segments():
            for index, _, column in draw_columns(source, [reading], first, end):
                if not np.array_equal(np.quantile(column, LEVELS), found[0, index]):
                    return False
    return True


def draws_file() -> tuple[float, float]:
    """Write every draw; return megabytes and wall seconds."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "draws.parquet"
        wall = time.perf_counter()
        with open_draws(path) as file:
            quantile_table(
                paths,
                [[reading]] * 3,
                GRID,
                LEVELS,
                sink=lambda number, _, index, column: file.add(f"s{number}", "total", GRID.time(index), column),
            )
        return path.stat().st_size / 1e6, time.perf_counter() - wall


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws-file", action="store_true", help="also write all 36 million draws (about 230 MB)")
    options = parser.parse_args()
    count = N_DRAWS * GRID.count * len(SCENARIOS)
    timed = shortest([plain, cells, two_threads, whole])
    (plain_wall, plain_cpu), (cell_wall, cell_cpu), (both_wall, both_cpu), (whole_wall, whole_cpu) = timed
    plain_nan, cell_nan = plain(count_nan), cells(count_nan)
    table = whole()
    tracemalloc.start()
    whole()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    print(f"{count:,} cells: {N_DRAWS:,} draws x {GRID.count} quarters x {len(SCENARIOS)} scenarios")
    print(f"  plain numpy form, cells        {plain_wall:6.2f} s wall {plain_cpu:6.2f} s CPU   {plain_nan:,} NaN")
    print(f"  engine, cells (one thread)     {cell_wall:6.2f} s wall {cell_cpu:6.2f} s CPU   {cell_nan:,} NaN")
    print(f"  engine, cells (two threads)    {both_wall:6.2f} s wall {both_cpu:6.2f} s CPU")
    print(f"  plain over one thread          {plain_wall / cell_wall:6.1f} x wall {plain_cpu / cell_cpu:5.1f} x CPU")
    print(f"  plain over two threads         {plain_wall / both_wall:6.1f} x wall {plain_cpu / both_cpu:5.1f} x CPU")
    print(
        f"  engine, cells and {len(LEVELS)} quantiles  {whole_wall:6.2f} s wall {whole_cpu:6.2f} s CPU   (two threads)"
    )
    print(f"  quantiles equal np.quantile bit for bit: {quantiles_equal(table)}")
    print(f"  peak memory above the draws    {peak / 1e6:6.1f} MB (all cells would be {8 * count / 1e6:.0f} MB)")
    if options.draws_file:
        size, seconds = draws_file()
        print(f"  every draw to parquet          {size:6.1f} MB in {seconds:.1f} s (float64, streamed)")


if __name__ == "__main__":
    main()

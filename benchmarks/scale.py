"""Step logs by rows, workers and places: rows a second, memory a worker, overhead a task, and what that makes of 10^11.

    python benchmarks/scale.py [--rows 1e7] [--files 8] [--runs 64] [--workers 1 2] [--tasks 500] [--folder FOLDER]

Synthetic logs (Parquet, zstandard: run, step, loss, lr, tokens, params) are made together with what a direct
computation says of them: the last loss, the rows, the mean over each stretch. The summaries must equal that, or the
script ends with 1. Each row of the table is a place: this process, or a Dask cluster of so many workers, each a process
of one thread on this machine. Memory is a worker's peak resident set (VmHWM, Linux). Overhead is the time of many empty
calls, start left out, by their number.

Extrapolation: a piece of a log is read alone, batch by batch, so that time is rows / (rows a second and worker) /
workers while there are at least three pieces a worker, memory is that measured whatever the rows, and the joining
costs 1 kB a run and piece at the client. It leaves out that workers may share one disk: measure yours.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from local_cluster import Cluster  # noqa: E402  (beside the tests that use it)
from race_to_efficiency.executors.cluster import connected  # noqa: E402
from race_to_efficiency.executors.place import HERE, Place  # noqa: E402
from race_to_efficiency.executors.spread import executor  # noqa: E402
from race_to_efficiency.own_tables.run_states import STRETCHES  # noqa: E402
from race_to_efficiency.own_tables.step_logs import read_step_logs  # noqa: E402

SEED = 22
TARGETS = (1e9, 1e10, 1e11)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=float, default=1e7)
    parser.add_argument("--files", type=int, default=8)
    parser.add_argument("--runs", type=int, default=64)
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--tasks", type=int, default=500)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        folder = Path(name)
        begun = time.monotonic()
        truth = make_logs(folder / "logs", int(given.rows), given.files, given.runs)
        size = sum(path.stat().st_size for path in (folder / "logs").iterdir())
        rows = int(truth["rows"].sum())
        print(f"{rows:,} rows of {given.runs} runs in {given.files} files, {size / rows:.1f} B a row, made in "
              f"{time.monotonic() - begun:.0f} s; {os.cpu_count()} processors")  # fmt: skip
        print("place        rows/s      s   MB a worker   start s   ms a task")
        rates = {1: measured("this process", folder, truth, HERE)}
        for number in given.workers:
            with local(folder / str(number), number) as cluster:
                rates[number] = measured(f"{number} workers", folder, truth, Place(scheduler=cluster), given.tasks)
        rate = max(rate / number for number, rate in rates.items())
        for target in TARGETS:
            hours = target / rate / 3600
            print(f"{target:.0e} rows: {hours:.2f} worker hours; {hours / 16:.3f} h on 16 workers")
    return 0


def make_logs(folder: Path, rows: int, files: int, runs: int) -> pd.DataFrame:
    """Write logs whose runs lie whole in one file each, and return a row a run of what they say, computed directly."""
    folder.mkdir(parents=True)
    steps = math.ceil(rows / runs)
    told = []
    for file in range(files):
        own = range(file, runs, files)
        path = folder / f"{file:03}.parquet"
        writer = None
        for run in own:
            columns = log_of(run, steps)
            told.append({"run": f"run{run:06}", **direct(columns)})
            table = pa.table({"run": pa.array([f"run{run:06}"] * steps).dictionary_encode(), **columns})
            writer = writer or pq.ParquetWriter(path, table.schema, compression="zstd")
            writer.write_table(table, row_group_size=1 << 20)
        if writer is not None:
            writer.close()
    return pd.DataFrame(told).sort_values("run", ignore_index=True)


def log_of(run: int, steps: int) -> dict[str, Any]:
    """Return the columns of a run: a loss that falls as a power of its tokens, with noise, under a cosine."""
    stream = np.random.default_rng([SEED, run])
    step = np.arange(steps, dtype=np.int64)
    share = step / max(steps - 1, 1)
    params = 1e7 * 2.0 ** (run % 12)
    tokens = (step + 1) * 20 * params / steps
    loss = 1.7 + 400.0 / params**0.34 + 410.0 / (tokens + 1e6) ** 0.28 + stream.normal(0.0, 0.02, steps)
    rate = 1e-3 * (0.1 + 0.45 * (1 + np.cos(np.pi * share)))
    return {"step": step, "loss": loss, "lr": rate, "tokens": tokens, "params": np.full(steps, params)}


def direct(columns: dict[str, Any]) -> dict[str, float]:
    """Return what a run's log says, by plain slices of it."""
    loss = columns["loss"]
    width = 1
    while (len(loss) - 1) // width >= STRETCHES:
        width *= 2
    parts = [loss[begin : begin + width] for begin in range(0, len(loss), width)]
    if len(parts) > 1 and len(parts[-1]) < len(parts[-2]) / 2:
        parts[-2:] = [np.concatenate(parts[-2:])]
    means = [math.fsum(part) / len(part) for part in parts]
    return {"rows": len(loss), "loss": loss[-1], "tokens": columns["tokens"][-1], "best": min(means), "end": means[-1]}


def measured(name: str, folder: Path, truth: pd.DataFrame, place: Place, tasks: int = 0) -> float:
    """Read the logs in a place, hold the summaries against the truth, print what it took; return the rows a second."""
    begun = time.monotonic()
    logs = read_step_logs(str(folder / "logs"), step="step", run="run", columns={}, place=place)
    seconds = time.monotonic() - begun
    found = logs.runs
    for own, known in (("log_rows_used", "rows"), ("loss", "loss"), ("tokens", "tokens")):
        if found[own].tolist() != truth[known].tolist():
            sys.exit(f"{name}: {own} is another than the direct computation's")
    for own, known in (("best_smoothed_loss", "best"), ("smoothed_loss", "end")):
        if not np.allclose(found[own], truth[known], rtol=1e-12, atol=0.0):
            sys.exit(f"{name}: {own} is another than the direct computation's")
    start, overhead, memory = "-", "-", peak_megabytes("self")
    if place.scheduler is not None:
        start, overhead = map("{:.1f}".format, empty_calls(place, tasks))
        with connected(place.scheduler) as client:
            memory = max(map(peak_megabytes, client.run(os.getpid).values()))
    rate = logs.n_rows / seconds
    print(f"{name:<12} {rate:>10,.0f} {seconds:>6.1f} {memory:>10.0f} {start:>12} {overhead:>11}", flush=True)
    return rate


def empty_calls(place: Place, tasks: int) -> tuple[float, float]:
    """Return the seconds until a place takes its first call, and the milliseconds of each of many that do nothing."""
    begun = time.monotonic()
    with executor(place, tasks) as pool:
        pool.submit(math.sqrt, -0.0).result()
        started = time.monotonic()
        for call in [pool.submit(math.sqrt, float(number)) for number in range(tasks)]:
            call.result()
        return started - begun, (time.monotonic() - started) / max(tasks, 1) * 1e3


def peak_megabytes(process: object) -> float:
    """Return the peak resident set of a process of this machine, MB; NaN where the system does not say."""
    try:
        lines = Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return math.nan
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), math.nan)


class local:  # noqa: N801  (read as a word: with local(...) as cluster)
    """A cluster of so many workers for a block: its address."""

    def __init__(self, folder: Path, number: int) -> None:
        folder.mkdir()
        self.cluster = Cluster(folder)
        self.number = number

    def __enter__(self) -> str:
        for _ in range(self.number):
            self.cluster.worker()
        self.cluster.workers(self.number)
        return str(self.cluster.address)

    def __exit__(self, *raised: object) -> None:
        self.cluster.end()


if __name__ == "__main__":
    sys.exit(main())

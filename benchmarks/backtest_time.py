"""How long the backtest stage takes, and where: reading, dated targets, losses, scorecard, statements.

Run from the checkout: ``.venv/bin/python benchmarks/backtest_time.py [--repeat 3]``. Each figure is measured in a fresh
process with every library on one thread; CPU seconds are given beside wall seconds because other work on the machine
moves the latter. The goal of the stage is 30 s on one core. The draws behind the statements are small made-up ones: the
time hardly depends on them.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GOAL_SECONDS = 30.0


def measure() -> dict[str, tuple[float, float]]:
    """Return wall and CPU seconds of each part, in this process."""
    import numpy as np
    import pandas as pd
    from race_to_efficiency import storage
    from race_to_efficiency.evaluation import backtesting, loss_targets
    from race_to_efficiency.evaluation.origin_views import LedgerViews
    from race_to_efficiency.evaluation.scorecard import score_document, score_table
    from race_to_efficiency.evaluation.statements import Sources, make_statements
    from race_to_efficiency.settings.params import read_params
    from race_to_efficiency.units import Quarter

    found: dict[str, tuple[float, float]] = {}
    last = (time.perf_counter(), time.process_time())

    def lap(name: str) -> None:
        nonlocal last
        now = (time.perf_counter(), time.process_time())
        found[name] = (now[0] - last[0], now[1] - last[1])
        last = now

    params = read_params(ROOT / "params.yaml")
    quarter, settings = Quarter.parse(params.quarter), params.backtest
    views = LedgerViews.read(ROOT / "data" / "raw", backtesting.LEDGERS, quarter.as_of)
    lap("read")
    dated, choices = backtesting.backtest(views, quarter, settings, params.seed)
    lap("dated targets")
    losses, more = loss_targets.backtest(views.used("training_runs", quarter.as_of), settings, params.seed)
    lap("losses")
    table = pd.concat([dated, losses], ignore_index=True)
    scores = score_table(table, settings)
    document = score_document(table, scores, [*choices, *more])
    lap("scorecard")
    rng = np.random.default_rng(1)
    names = ["growth.frontier_compute", "growth.power", "level.frontier_compute_log2_flop"]
    draws = pd.DataFrame(rng.normal([2.2, 1.1, 89.0], 0.1, size=(4000, 3)), columns=names)
    theta = np.array([1.7, 480.0, 2100.0, 0.35, 0.37]) * (1 + 0.03 * rng.normal(size=(4000, 5)))
    groups = sorted({choice.target.removeprefix("loss.") for choice in more})
    kappa = pd.concat(
        [
            pd.DataFrame(theta, columns=["E", "A", "B", "alpha", "beta"]).assign(group=group, form="chinchilla")
            for group in groups
        ]
    )
    windows = dict.fromkeys(names, ("2012-12-03", "2025-07-15"))
    known = {choice.target: choice for choice in [*choices, *more]}
    make_statements(Sources(quarter, views, known, draws, windows, kappa, settings, params.statements, params.seed))
    lap("statements")
    with tempfile.TemporaryDirectory() as folder:
        storage.write_parquet(Path(folder) / "backtest.parquet", table)
        storage.write_json(Path(folder) / "scores.json", document)
    lap("write")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--once", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.once:
        print(json.dumps(measure()))
        return
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    runs, whole = [], []
    for _ in range(options.repeat):
        started = time.perf_counter()
        command = [sys.executable, __file__, "--once"]
        done = subprocess.run(
            command, cwd=ROOT, check=True, capture_output=True, text=True, env={**os.environ, **single}
        )
        whole.append(time.perf_counter() - started)
        runs.append(json.loads(done.stdout))
    print(f"{'part':<16}{'wall s':>10}{'CPU s':>10}    (medians of {options.repeat})")
    for name in runs[0]:
        wall, cpu = (statistics.median(run[name][k] for run in runs) for k in (0, 1))
        print(f"{name:<16}{wall:>10.2f}{cpu:>10.2f}")
    cpu = statistics.median(sum(part[1] for part in run.values()) for run in runs)
    print(f"{'whole process':<16}{statistics.median(whole):>10.2f}{cpu:>10.2f}    goal {GOAL_SECONDS:g} on one core")


if __name__ == "__main__":
    main()

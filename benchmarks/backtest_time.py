"""How long the backtest stage takes, and how well its forecasts do beside 0.1's and beside doing nothing.

Run from the checkout: ``.venv/bin/python benchmarks/backtest_time.py [--repeat 3]``. Each run is a fresh process, cold,
on one thread; CPU seconds are given beside wall seconds because other work on the machine moves the latter. What is
said of the forecasts is read from the scorecard that the run has written; nothing here is typed but the goals.
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
GOAL_CPU_SECONDS = 20.0
GOAL_RATIO = 0.95
GOAL_COVERAGE = {50: (0.45, 0.62), 80: (0.75, 0.88), 95: (0.91, 0.98)}


def measure(folder: Path) -> dict[str, float]:
    """Run the stage in a folder, in this process; return its wall and CPU seconds."""
    from dataclasses import replace

    from race_to_efficiency import storage
    from race_to_efficiency.executors.place import HERE, chosen
    from race_to_efficiency.provenance.kept_files import kept_bytes
    from race_to_efficiency.settings.params import open_workspace
    from race_to_efficiency.stages import backtest

    workspace = open_workspace(ROOT)
    gamma = kept_bytes(ROOT / "reports" / str(workspace.quarter) / "gamma.json")
    storage.write_bytes(folder / "gamma.json", gamma)
    wall, cpu = time.perf_counter(), time.process_time()
    with chosen(HERE):  # all of its time is this process's
        backtest.run(replace(workspace, processed=folder))
    return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}


def skill(folder: Path) -> list[tuple[str, str, bool]]:
    """Return what the scorecard says of the forecasts, the goal, and whether it is met."""
    scores, record = (json.loads((folder / name).read_text()) for name in ("scores.json", "track_record.json"))
    found = []
    for item in scores["predecessors"]:
        about = f"{item['model']}'s, origins since {item['first_origin']}"
        found.append((f"score {item['ratio']:.3f} of {about}", f"{GOAL_RATIO:g}", item["ratio"] <= GOAL_RATIO))
        ours, theirs = item["below_last_value"], item["below_last_value_earlier"]
        found.append((f"{ours} of {item['cells']} cells below the one-sided naive", f"over {theirs}", ours > theirs))
        for level, (low, high) in GOAL_COVERAGE.items():
            share = item["coverage"][str(level)]
            found.append((f"{share:.1%} inside {level} %", f"{low:.0%} to {high:.0%}", low <= share <= high))
    implied = [item["power_implied_above_cap"] for item in scores["bounds"] if "power_implied_above_cap" in item]
    found.append((f"P(power implied above the cap) {max(implied):.2%}", "below 1 %", max(implied) < 0.01))
    for item in record["totals"][1:]:
        lost = item["void"] + item["by_hand"]
        found.append(
            (f"{lost} of {item['stated']} void or by hand: {item['name']}", "10 %", 10 * lost <= item["stated"])
        )
    passed = [row for row in scores["scores"] if row["verdict"] == "pass"]
    least = min((row["skill"] for row in passed), default=1.0)
    found.append((f"{len(passed)} passed, least skill {least:.1%}", "above 0", least > 0))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--once", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.once:
        print(json.dumps(measure(options.once)))
        return
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "--once", folder]
        runs = [
            json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, env={**os.environ, **single}).stdout)
            for _ in range(options.repeat)
        ]
        wall, cpu = (statistics.median(run[name] for run in runs) for name in ("wall", "cpu"))
        told = [(f"{cpu:.1f} CPU s, {wall:.1f} s", f"{GOAL_CPU_SECONDS:g} CPU s", cpu <= GOAL_CPU_SECONDS)]
        told += skill(Path(folder))
    for what, goal, met in told:
        print(f"{what:<66}{'goal ' + goal:<18}{'met' if met else 'missed'}")


if __name__ == "__main__":
    main()

"""A worker of a Dask cluster killed at random moments of fit, backtest and recovery: the bytes of one process, always.

Run from the checkout: ``.venv/bin/python benchmarks/attacks/kill_workers_anywhere.py [--times 20] [--seed 1]`` (ten
minutes; in a copy with the settings of the suite's small quarter). Each time one of two workers is killed at a moment
drawn from the time the command takes undisturbed, and the next command finds two again. kappa.json and
kappa_draws.parquet, scores.json, or recovery.json must then be what this process alone made, byte for byte.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from scratch import Scratch, copied

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

from local_cluster import Cluster
from race_to_efficiency.executors.place import SCHEDULER_VARIABLE, WORKERS_VARIABLE

if TYPE_CHECKING:
    import subprocess

CASES = ("joint_floor_2y", "predictive_trend_10")
RECOVERY = ("recovery", "--datasets", "400", *(word for case in CASES for word in ("--case", case)))
COMMANDS = {
    ("stage", "fit_kappa"): ("data/processed/kappa.json", "data/processed/kappa_draws.parquet"),
    ("stage", "backtest"): ("data/processed/scores.json", "data/processed/backtest.parquet"),
    (*RECOVERY, "--output", "recovery.json"): ("recovery.json",),
}
BEFORE = ("ingest", "fit_kappa", "fit_gamma", "forecast")
"""Stages whose files a backtest reads."""


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    stream = random.Random(given.seed)
    wrong: list[str] = []
    killed = 0
    with copied(given.folder) as scratch, tempfile.TemporaryDirectory() as name:
        scratch.make_small()
        os.environ[WORKERS_VARIABLE] = "1"
        for stage in BEFORE:
            taken(scratch, ("stage", stage))
        alone = {words: made(scratch, words)[0] for words in COMMANDS}
        cluster = Cluster(Path(name))
        code = scratch.root / "pipeline"
        two = [cluster.worker(code), cluster.worker(code)]
        os.environ[SCHEDULER_VARIABLE] = cluster.address
        try:
            within = {}
            for words, expected in alone.items():
                found, within[words] = made(scratch, words)
                wrong += [] if found == expected else [f"{words[1]}: other bytes, with nobody killed"]
            for turn in range(given.times):
                words = list(COMMANDS)[turn % len(COMMANDS)]
                after = stream.uniform(0.0, 0.9 * within[words])
                victim = stream.randrange(2)
                timer = threading.Timer(after, two[victim].kill)
                timer.start()
                found, seconds = made(scratch, words)
                timer.cancel()
                killed += two[victim].poll() is not None
                verdict = "right" if found == alone[words] else "other bytes"
                print(
                    f"{words[0]} {words[1]}: worker killed after {after:.1f} of {seconds:.1f} s: {verdict}", flush=True
                )
                wrong += [] if verdict == "right" else [f"turn {turn}: {words}"]
                two[victim] = replaced(two[victim], cluster, code)
        finally:
            cluster.end()
    print(f"seed {given.seed}; {given.times - len(wrong)} of {given.times} right, {killed} with a worker killed")
    print("\n".join(wrong) or "nothing was wrong")
    return bool(wrong)


def made(scratch: Scratch, words: tuple[str, ...]) -> tuple[dict[str, bytes], float]:
    """Compute a command's files anew; return them and the seconds it took."""
    scratch.forget()
    for path in (scratch.root / "data" / "processed" / "recovery").rglob("*.json"):
        path.unlink()
    for name in COMMANDS[words]:
        (scratch.root / name).unlink(missing_ok=True)
    seconds = taken(scratch, words)
    return scratch.state(*COMMANDS[words]), seconds


def taken(scratch: Scratch, words: tuple[str, ...]) -> float:
    """Run a command to its end and return how long it took."""
    begun = time.monotonic()
    code, err = scratch.race(*words)
    if code not in (0, 4):
        sys.exit(f"race {' '.join(words)} ended with {code}: {err[-800:]}")
    return time.monotonic() - begun


def replaced(worker: subprocess.Popen[bytes], cluster: Cluster, code: Path) -> subprocess.Popen[bytes]:
    """Return a new worker in the place of one that was killed, or that one where the command was over before."""
    return worker if worker.poll() is None else cluster.worker(code)


if __name__ == "__main__":
    sys.exit(main())

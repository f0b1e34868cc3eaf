"""How long verifying, tracing and recomputing published quarters take.

Run from the checkout: ``.venv/bin/python benchmarks/audit_time.py [--repeat 5]``. Each figure is a whole process, from
start to exit, as a person waits for it; the goals are 3 s for verifying five quarters and 2 s for a trace. Where fewer
quarters are published the first line says how many.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GOALS = {"audit verify": 3.0, "audit trace gamma": 2.0, "audit trace R(5)": 2.0}


def seconds(words: list[str], repeat: int) -> list[float]:
    """Return the wall time of a command, several times, in seconds."""
    times = []
    for _ in range(repeat):
        started = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "race_to_efficiency", *words, "--json"], cwd=ROOT, check=True, capture_output=True
        )
        times.append(time.perf_counter() - started)
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--rederive", action="store_true", help="time a recomputation of the newest quarter too")
    options = parser.parse_args()
    quarters = sorted(path.parent.name for path in (ROOT / "reports").glob("*/manifest.json"))
    size = sum(
        path.stat().st_size for name in quarters for path in (ROOT / "reports" / name).rglob("*") if path.is_file()
    )
    size += sum(path.stat().st_size for path in (ROOT / "data" / "raw").glob("*.csv"))
    print(f"{len(quarters)} published quarters ({', '.join(quarters)}), {size / 1e6:.1f} MB with the ledgers")
    newest = quarters[-1]
    measured = {
        "audit verify": seconds(["audit", "verify"], options.repeat),
        "audit trace gamma": seconds(["audit", "trace", f"gamma@{newest}"], options.repeat),
        "audit trace R(5)": seconds(["audit", "trace", f"R(5)@{newest}"], options.repeat),
    }
    if options.rederive:
        measured["audit rederive"] = seconds(["audit", "rederive", newest], 1)
    print(f"{'command':<22}{'median s':>10}{'least s':>10}{'most s':>10}{'goal s':>10}")
    for name, times in measured.items():
        goal = f"{GOALS[name]:g}" if name in GOALS else "-"
        print(f"{name:<22}{statistics.median(times):>10.2f}{min(times):>10.2f}{max(times):>10.2f}{goal:>10}")


if __name__ == "__main__":
    main()

"""The same numbers on every processor: fits under four BLAS kernels, and how far their digits lie apart.

Run from the checkout: ``.venv/bin/python benchmarks/kernels.py [--quarter 2026Q1]`` (some minutes). OpenBLAS chooses
its kernel by the processor; ``OPENBLAS_CORETYPE`` makes it take another's. Each kernel fits kappa and gamma of the
quarter from the ledgers in a process and a folder of its own, with nothing remembered. The goals are 1e-6 (relative)
for estimates and 1e-4 for the ends of intervals; what exceeds them is named.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KERNELS = ("SkylakeX", "Haswell", "Zen", "Prescott")
STAGES = ("ingest", "fit_kappa", "fit_gamma")
FILES = ("kappa.json", "gamma.json")
GOALS = {"estimate": 1e-6, "interval end": 1e-4}


def fit(folder: Path, quarter: str | None) -> None:
    """Run the fitting stages of a quarter in a folder, in this process."""
    import shutil
    from importlib import import_module

    from race_to_efficiency.settings.params import open_workspace
    from threadpoolctl import threadpool_info

    (folder / "data").mkdir()
    for name in ("data/raw", "data/published", "dvc.yaml", "pipeline"):
        (folder / name).symlink_to(ROOT / name)
    shutil.copy(ROOT / "params.yaml", folder)
    workspace = open_workspace(folder, quarter)
    for name in STAGES:
        import_module(f"race_to_efficiency.stages.{name}").run(workspace)
    shutil.copytree(workspace.processed, folder / "found")
    print(json.dumps(sorted({str(item.get("architecture")) for item in threadpool_info()})))


def figures(folder: Path) -> dict[tuple[str, str], float]:
    """Return every estimate and interval end of a run: (kind, name) -> value."""
    found = {}
    for item in (item for name in FILES for item in json.loads((folder / name).read_text())["estimates"]):
        found["estimate", item["id"]] = item["value"]
        for one in item["intervals"]:
            for end in ("low", "high"):
                found["interval end", f"{item['id']} {one['method']} {one['level']} {end}"] = one[end]
    return {key: value for key, value in found.items() if value is not None}


def apart(first: float, second: float) -> float:
    """Return how far two figures lie apart, relative to the larger."""
    return 0.0 if first == second else abs(first - second) / max(abs(first), abs(second))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quarter")
    parser.add_argument("--once", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.once:
        fit(given.once, given.quarter)
        return
    words = [f"--quarter={given.quarter}"] if given.quarter else []
    runs = {}
    for kernel in KERNELS:
        with tempfile.TemporaryDirectory() as folder:
            environment = {**os.environ, "OPENBLAS_CORETYPE": kernel, "OPENBLAS_NUM_THREADS": "1"}
            done = subprocess.run(
                [sys.executable, __file__, "--once", folder, *words],
                env=environment, check=True, stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
            runs[kernel] = figures(Path(folder) / "found")
        print(f"{kernel}: {len(runs[kernel])} figures, libraries on {done.stdout.splitlines()[-1]}", flush=True)
    first, *others = KERNELS
    print(f"{'against ' + first:<12}{'kind':<16}{'figures':>9}{'furthest':>11}{'goal':>9}  furthest apart")
    for kernel in others:
        if runs[kernel].keys() != runs[first].keys():
            print(f"{kernel}: other figures: {sorted(runs[kernel].keys() ^ runs[first].keys())[:5]}")
        for kind, goal in GOALS.items():
            far = {
                key[1]: apart(runs[first][key], runs[kernel][key])
                for key in runs[first].keys() & runs[kernel].keys()
                if key[0] == kind
            }
            worst = max(far, key=far.__getitem__)
            beyond = sum(value > goal for value in far.values())
            note = f"{worst}" + (f"; {beyond} beyond the goal" if beyond else "")
            print(f"{kernel:<12}{kind:<16}{len(far):>9}{far[worst]:>11.1e}{goal:>9.0e}  {note}")


if __name__ == "__main__":
    main()

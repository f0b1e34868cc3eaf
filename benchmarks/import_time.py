"""How long an import takes: the newest hardware export and the newest models export, into a copy of the ledger.

Run from the checkout: ``.venv/bin/python benchmarks/import_time.py [--repeat 5]``. Each figure is a whole process, from
start to exit, as a person waits for it; the goal for an export of 176 chips is 3 s. The exports are rebuilt from the
ledger in the publisher's columns, one chip revised, so that no publisher's file is needed. Reading and validating all
ledgers (what every run begins with) is timed beside it, and peak memory of the import is printed.
"""

from __future__ import annotations

import argparse
import csv
import datetime as dt
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from race_to_efficiency.ledger.history import History  # noqa: E402
from race_to_efficiency.ledger.importers import epoch_hardware, epoch_models  # noqa: E402
from race_to_efficiency.ledger.intake import read_ledger  # noqa: E402

EXPORTS = {"epoch-hardware": epoch_hardware.EXPORT, "epoch-models": epoch_models.EXPORT}

PROGRAM = """
import sys
from pathlib import Path
from race_to_efficiency.ledger.importing import run_import
report = run_import(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), dry_run=True).to_json()
print(report["read"], report["revised"])
"""

READ = """
import sys
from pathlib import Path
from race_to_efficiency.ledger.intake import read_all
read_all(Path(sys.argv[1]))
"""


def rebuild(source: str, raw: Path, path: Path) -> None:
    """Write the newest view of a ledger as its publisher would, with one figure of the first row revised."""
    export = EXPORTS[source]
    history = History(export.table, read_ledger(export.table, raw).rows)
    live = history.live(dt.date(2100, 1, 1))
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow([field.names[0] for field in export.fields])
        for place, version in enumerate(live.values()):
            row = []
            for field in export.fields:
                text = version.cells[field.column]
                number = float(text) * field.divisor if text and field.divisor != 1.0 else text
                row.append("41" if place == 0 and field.column in {"tdp_w", "hours"} else number)
            writer.writerow(row)


def seconds(program: str, words: list[str], repeat: int) -> tuple[list[float], str]:
    """Return the wall times of a program, in seconds, and what it printed."""
    times, printed = [], ""
    for _ in range(repeat):
        started = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", program, *words], cwd=ROOT, check=True, capture_output=True, text=True
        )
        times.append(time.perf_counter() - started)
        printed = done.stdout.strip()
    return times, printed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(shutil.copytree(ROOT / "data" / "raw", Path(folder) / "raw"))
        times, _ = seconds(READ, [str(raw)], options.repeat)
        print(f"read and validate every ledger   median {statistics.median(times):6.2f} s   best {min(times):6.2f} s")
        for source in EXPORTS:
            path = Path(folder) / f"{source}-2099-12-31.csv"
            rebuild(source, raw, path)
            times, printed = seconds(PROGRAM, [source, str(path), str(raw)], options.repeat)
            read, revised = printed.split()
            figures = f"median {statistics.median(times):6.2f} s   best {min(times):6.2f} s"
            print(f"import {source:<16} {read:>4} rows   {figures}   ({revised} revised)")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"peak memory of the largest of these processes: {peak:.0f} MB")


if __name__ == "__main__":
    main()

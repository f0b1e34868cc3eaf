"""A bit flipped in every file that git keeps under data/ and reports/: is it named, or was it said to be unsealed?

Run from the checkout: ``.venv/bin/python benchmarks/attacks/flip_anywhere.py [--times 500] [--seed 1]`` (half a second
a time). Every file is met at least once; the rest of the positions are drawn by size. In this process, on a copy.
"""

from __future__ import annotations

import argparse
import collections
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from race_to_efficiency.provenance.verify import verify

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    stream = random.Random(given.seed)
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "data", "reports"]
    names = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip("\0").split("\0")
    with tempfile.TemporaryDirectory(prefix="race-attack-") as folder:
        root = Path(folder)
        for name in [*names, "params.yaml"]:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, root / name)
        unsealed = {item.artefact for item in verify(root).unsealed}
        sizes = [(root / name).stat().st_size for name in names]
        more = stream.choices(names, weights=sizes, k=max(0, given.times - len(names)))
        plan = [*names, *more][: max(given.times, len(names))]
        found = collections.Counter(flipped(root, name, stream, unsealed) for name in plan)
    print(f"seed {given.seed}; {len(names)} files, {len(plan)} flips; {dict(found)}; unsealed: {sorted(unsealed)}")
    return int(bool(found["silent"] or found["misnamed"]))


def flipped(root: Path, name: str, stream: random.Random, unsealed: set[str]) -> str:
    """Flip one bit of a file, verify, and put it back; return what the verification made of it."""
    path = root / name
    data = path.read_bytes()
    position = stream.randrange(len(data))
    path.write_bytes(data[:position] + bytes([data[position] ^ 1 << stream.randrange(8)]) + data[position + 1 :])
    result = verify(root).to_json()
    path.write_bytes(data)
    line = f"{name}:{data.count(bytes([10]), 0, position) + 1}"
    if result["verified"]:
        said = name in unsealed or any(within(line, item) for item in unsealed)
        if not said:
            print(f"SILENT: {name}, byte {position}")
        return "unsealed" if said else "silent"
    if result["first_bad"]["artefact"].startswith(name):
        return "named"
    print(f"MISNAMED: {name}, byte {position}: {result['first_bad']}")
    return "misnamed"


def within(line: str, lines: str) -> bool:
    """Tell whether a line ("file:7") is one of those listed ("file:5-9")."""
    file, _, number = line.rpartition(":")
    listed, _, span = lines.rpartition(":")
    first, _, last = span.partition("-")
    return file == listed and first.isdigit() and int(first) <= int(number) <= int(last or first)


if __name__ == "__main__":
    sys.exit(main())

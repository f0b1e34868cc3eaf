"""Every rename of a publication is a moment at which it may be ended: before it and after it, and what comes next.

A program of its own, since it forks: ``python tests/crash_points.py FOLDER [--all | --step N]`` prints one JSON
document. At each point the process ends as a killed one does (nothing is cleaned up), then the quarter is published
again: as it was, or after a run that draws another figure. Without ``--all`` some points after a rename are left out:
but for a temporary file they are what the next one is before its own.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import synthetic_quarter
from race_to_efficiency.errors import RaceError
from race_to_efficiency.provenance import registry
from race_to_efficiency.provenance.publishing import publish
from race_to_efficiency.provenance.verify import verify

QUARTER = "2025Q2"
RENAME = Path.replace


def prepared(base: Path, folder: Path) -> Any:
    """Return the workspace of a quarter that was run but not published, in a copy of the checkout."""
    shutil.copytree(base, folder)
    space = synthetic_quarter.workspace(folder, QUARTER)
    synthetic_quarter.run_stages(space)
    return space


def counted(base: Path, folder: Path) -> tuple[int, dict[str, bytes]]:
    """Return how many renames a publication is made of, and what it leaves."""
    count = 0

    def counting(self: Path, target: Path) -> Path:
        nonlocal count
        count += 1
        return RENAME(self, target)

    space = prepared(base, folder)
    Path.replace = counting  # type: ignore[method-assign,assignment]
    publish(space)
    Path.replace = RENAME  # type: ignore[method-assign]
    return count, tree(folder / "reports")


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def ended(space: Any, number: int, *, before: bool) -> None:
    """Publish in a process that ends at a rename."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    count = 0

    def ending(self: Path, target: Path) -> Path:
        nonlocal count
        count += 1
        if count == number:
            if not before:
                RENAME(self, target)
            os._exit(9)
        return RENAME(self, target)

    Path.replace = ending  # type: ignore[method-assign,assignment]
    try:
        publish(space)
    finally:
        os._exit(0)


def tried(base: Path, folder: Path, number: int, *, before: bool, redrawn: bool, whole: dict[str, bytes]) -> str:
    """Return what is wrong after a publication was ended and made again; an empty text when nothing is."""
    space = prepared(base, folder)
    ended(space, number, before=before)
    registered = any(entry.quarter == QUARTER for entry in registry.read_entries(folder / "reports"))
    carried = (folder / "reports" / QUARTER / registry.ENTRY).exists()
    if redrawn:
        figures = space.processed / "report" / "figures"
        RENAME(figures / "fan.svg", figures / "other.svg")
    try:
        publish(space)
    except RaceError as error:
        if not (registered and "is published and stays as it is" in str(error)):
            return f"the next publish refused: {error}"
    hidden = [path.name for place in ("data", "reports", ".tmp") for path in (folder / place).rglob(".*")]
    found = tree(folder / "reports")
    expected = set(whole)
    if redrawn and not carried:
        expected = {name.replace("fan.svg", "other.svg") if QUARTER in name else name for name in expected}
    if hidden or not verify(folder).verified or set(found) != expected:
        return f"hidden {hidden}, verified {verify(folder).verified}, files {set(found) ^ expected}"
    return "" if redrawn or found == whole else "it is not what an undisturbed publication leaves"


def points(count: int, *, every: bool, step: int) -> Iterator[tuple[int, bool, bool]]:
    """Yield the number of a rename, whether the end comes before it, and whether another figure is drawn then."""
    for number in range(1, count + 1, step):
        yield number, True, False
        if every or number % 4 == 1 or number >= count - 1:
            yield number, False, False
            yield number, True, True


def main() -> None:
    work = Path(sys.argv[1])
    base = synthetic_quarter.make_checkout(work / "base")
    synthetic_quarter.publish_all(base, ("2025Q1",))
    count, whole = counted(base, work / "whole")
    wrong, tries = [], 0
    step = int(sys.argv[sys.argv.index("--step") + 1]) if "--step" in sys.argv else 1
    for number, before, redrawn in points(count, every="--all" in sys.argv, step=step):
        folder = work / f"at-{number}"
        words = tried(base, folder, number, before=before, redrawn=redrawn, whole=whole)
        tries += 1
        shutil.rmtree(folder)
        if words:
            wrong.append(f"{'before' if before else 'after'} rename {number}: {words}")
    print(json.dumps({"renames": count, "tries": tries, "wrong": wrong}))  # noqa: T201


if __name__ == "__main__":
    main()

"""Import, run and publish at the same time: a row is in both the numbers and the seal of a publication, or in neither.

The true commands, locks and notes, on the ledgers and stages of `synthetic_quarter`; the stages wait between reading a
ledger and writing what they made of it, which is when another command would do harm.
"""

from __future__ import annotations

import functools
import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import synthetic_quarter
from race_to_efficiency import cli, storage
from race_to_efficiency.commands import corridor, run
from race_to_efficiency.ledger import importing
from race_to_efficiency.provenance import made_from, registry
from race_to_efficiency.provenance.verify import verify
from race_to_efficiency.settings import params as settings

QUARTER = "2025Q2"
LEDGER = "accelerators.csv"
RUN = ["run", "--quarter", QUARTER, "--wait", "60"]
PUBLISH = ["publish", "--quarter", QUARTER, "--wait", "60"]
IMPORT = ["import", "epoch-hardware", "chips-2025-05-20.csv", "--wait", "60"]


class World:
    """A checkout whose stages pause where a test says."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.raw = root / "data" / "raw"
        self.pause: Callable[[], None] = lambda: None
        self.number = 0

    def stages(self, space: Any) -> None:
        read = synthetic_quarter._rows
        try:
            synthetic_quarter._rows = self._reading
            synthetic_quarter.run_stages(space)
        finally:
            synthetic_quarter._rows = read

    def _reading(self, path: Path, as_of: str) -> dict[str, dict[str, str]]:
        rows = READ(path, as_of)
        if path.name == LEDGER:
            self.pause()
        return rows

    def new_row(self) -> dict[str, str]:
        """Return a chip nobody has seen, recorded within the quarter."""
        self.number += 1
        name = f"new-{self.number}"
        dates = {"released": "2024-06-01", "recorded": "2025-05-20", "recorded_basis": "assumed_released"}
        return {"accelerator_id": name, "name": name, "flop_per_joule": "5e11", "source_id": "chips", **dates} | {
            "withdrawn": "false"
        }

    def rows_of(self, entry: registry.Entry) -> tuple[set[str], set[str]]:
        """Return the chips a publication's number rests on and the chips its seal covers, recorded by its last day."""
        folder = self.root / "reports" / entry.folder
        (gamma,) = json.loads((folder / "gamma.json").read_text())["estimates"]
        marks = json.loads((folder / "ledger_rows.json").read_text())[LEDGER]
        lines = (self.raw / LEDGER).read_text().replace(", second edition", "").splitlines()
        rows = [line.split(",") for line in lines[1 : 1 + len(marks) // 16]]  # each import appends
        recorded = {cells[0] for cells in rows if cells[5] <= entry.as_of}
        return {row.partition("/")[2] for row in gamma["rows_used"]}, recorded


READ = synthetic_quarter._rows


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(synthetic_quarter.make_checkout(tmp_path))

    def opened(root: Path, quarter: str | None = None) -> Any:
        space = synthetic_quarter.workspace(root, quarter or QUARTER)
        space.params.report = SimpleNamespace(reconstructed=True)
        return space

    def planned(*_: object, **__: object) -> Any:
        table = SimpleNamespace(table="accelerators", sources=[])
        return SimpleNamespace(
            parsed=table, recorded="2025-05-20", lines=[made.new_row()], alias_lines=[], to_json=dict
        )

    for module in (settings, made_from):
        monkeypatch.setattr(module, "open_workspace", opened)
    monkeypatch.setattr(made_from, "input_digest", lambda space: storage.digest_json(made_from.ledger_digests(space)))
    monkeypatch.setattr(importing, "plan_import", planned)
    monkeypatch.setattr("race_to_efficiency.commands.import_.show_report", lambda _: None)
    reproduce = functools.partial(corridor.reproduce_quarter, runner=made.stages)
    monkeypatch.setattr(corridor, "reproduce_quarter", reproduce)
    monkeypatch.setattr(run, "summarise", lambda _: {"estimates": []})
    monkeypatch.setattr(run, "print_summary", lambda _: None)
    monkeypatch.chdir(made.root)
    return made


def at_once(*commands: list[str], codes: list[int]) -> list[threading.Thread]:
    """Start each command in a thread of its own; its exit code is added to ``codes`` as it ends."""
    threads = [threading.Thread(target=lambda words=words: codes.append(cli.main(words))) for words in commands]
    for thread in threads:
        thread.start()
    return threads


@pytest.mark.parametrize("command", [RUN, PUBLISH])
def test_an_import_waits_until_the_numbers_are_made_and_sealed(world: World, command: list[str]) -> None:
    reading, go_on = threading.Event(), threading.Event()

    def pause() -> None:
        reading.set()
        assert go_on.wait(30)

    world.pause = pause
    codes: list[int] = []
    threads = at_once(command, codes=codes)
    assert reading.wait(30)
    before = (world.raw / LEDGER).read_bytes()
    threads += at_once(IMPORT, codes=codes)
    time.sleep(0.5)
    assert (world.raw / LEDGER).read_bytes() == before
    assert codes == []
    go_on.set()
    for thread in threads:
        thread.join(60)
    assert codes == [0, 0]
    assert (world.raw / LEDGER).read_bytes() != before
    for entry in registry.read_entries(world.root / "reports"):
        used, sealed = world.rows_of(entry)
        assert used == sealed == {"chip-a", "chip-b", "chip-c"}


def test_an_edit_past_the_lock_makes_the_run_void_and_is_never_sealed_half(world: World) -> None:
    def edit() -> None:
        text = importing._with_lines("accelerators", [world.new_row()], world.raw)
        storage.write_bytes(world.raw / LEDGER, text)

    world.pause = edit
    assert cli.main(RUN) == 6
    assert cli.main(PUBLISH) == 6
    assert not registry.read_entries(world.root / "reports")
    world.pause = lambda: None
    assert cli.main(PUBLISH) == 0
    (entry,) = registry.read_entries(world.root / "reports")
    used, sealed = world.rows_of(entry)
    assert used == sealed == {"chip-a", "chip-b", "chip-c", "new-1", "new-2"}


@pytest.mark.parametrize("seed", range(2))
def test_whatever_the_order_a_row_is_in_both_or_in_neither(world: World, seed: int) -> None:
    stream = random.Random(seed)
    world.pause = lambda: time.sleep(stream.uniform(0.0, 0.05))
    codes: dict[str, list[int]] = {"import": [], "run": [], "publish": []}

    def actor(words: list[str], times: int) -> None:
        for turn in range(times):
            time.sleep(stream.uniform(0.0, 0.1))
            more = ["--revise", f"turn {turn}"] if words is PUBLISH and turn else []
            codes[words[0]].append(cli.main([*words, *more]))

    plan = ((IMPORT, 4), (RUN, 3), (PUBLISH, 3))
    threads = [threading.Thread(target=actor, args=item) for item in plan]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert codes == {"import": [0] * 4, "run": [0] * 3, "publish": [0] * 3}
    entries = registry.read_entries(world.root / "reports")
    assert [entry.revision for entry in entries] == [1, 2, 3]
    for entry in entries:
        used, sealed = world.rows_of(entry)
        assert used == sealed
        assert {"chip-a", "chip-b", "chip-c"} <= used
    assert verify(world.root).verified


@pytest.mark.parametrize("step", [5, pytest.param(1, marks=pytest.mark.slow)])
def test_a_publication_ended_anywhere_is_made_whole_by_the_next_and_leaves_no_temporary_file(
    tmp_path: Path, step: int
) -> None:
    script = Path(__file__).resolve().parents[1] / "crash_points.py"
    command = [sys.executable, str(script), str(tmp_path), "--step", str(step)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["wrong"] == []
    assert found["tries"] > found["renames"] // step
    assert found["renames"] >= 18

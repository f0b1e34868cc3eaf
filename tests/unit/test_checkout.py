"""The checkout's temporary files and its lock, met by processes that are ended, that wait and that go on writing."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from race_to_efficiency import checkout, storage
from race_to_efficiency.errors import Locked


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An empty checkout."""
    (tmp_path / "data" / "raw").mkdir(parents=True)
    (tmp_path / "params.yaml").write_text("quarter: 2025Q1\n")
    return tmp_path


@contextmanager
def another(script: str, *words: object) -> Iterator[subprocess.Popen[str]]:
    """Run a script that prints a line once it stands where it should."""
    command = [sys.executable, "-c", script, *map(str, words)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
        try:
            yield process
        finally:
            process.kill()


HOLDING = """
import sys, pathlib
from race_to_efficiency import checkout
with checkout.locked(pathlib.Path(sys.argv[1]), "race run 2025Q1"):
    print("here", flush=True)
    sys.stdin.readline()
"""

WRITING = """
import sys, pathlib
from race_to_efficiency import checkout
with checkout.replacing(pathlib.Path(sys.argv[1])) as stream:
    stream.write(b"half")
    stream.flush()
    print("here", flush=True)
    sys.stdin.readline()
"""


def left(root: Path) -> list[str]:
    """Return the temporary files of a checkout."""
    return [path.as_posix() for path in root.rglob(".race-*")]


def test_a_checkout_begins_where_settings_stand_beside_ledgers(root: Path) -> None:
    deep = root / "reports" / "2025Q1"
    deep.mkdir(parents=True)
    assert checkout.root_of(deep) == checkout.root_of(root) == root.resolve()
    (root / "params.yaml").unlink()
    assert checkout.root_of(deep) is None


def test_what_an_ended_write_leaves_is_swept_by_the_next_command(root: Path) -> None:
    target = root / "reports" / "2025Q1" / "report.html"
    storage.write_text(target, "old")
    with another(WRITING, target) as process:
        process.kill()
        process.wait()
    assert [path.parent.name for path in map(Path, left(root))] == [checkout.TEMPORARY]
    assert [path.name for path in target.parent.iterdir()] == ["report.html"]
    assert target.read_text() == "old"
    with checkout.locked(root, "a test"):
        assert not left(root)


def test_what_is_still_being_written_is_not_swept(root: Path) -> None:
    target = root / "reports" / "registry.json"
    with another(WRITING, target) as process:
        assert checkout.sweep(root) == []
        process.communicate("go on\n", timeout=20)
    assert target.read_text() == "half"
    assert not left(root)


def test_a_failed_write_inside_a_checkout_leaves_nothing(root: Path) -> None:
    target = root / "data" / "kept.json"
    storage.write_text(target, "old")
    with pytest.raises(TypeError):
        storage.write_bytes(target, "no bytes")  # type: ignore[arg-type]
    assert target.read_text() == "old"
    assert not left(root)


def test_a_folder_that_is_a_mount_of_its_own_is_written_and_swept(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace, target = Path.replace, root / "reports" / "registry.json"

    def across(self: Path, other: Path) -> Path:
        if (root / "reports" in self.parents) != (root / "reports" in other.parents):
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        return replace(self, other)

    monkeypatch.setattr(Path, "replace", across)
    for text in ("old", "new"):
        storage.write_text(target, text)
        assert target.read_text() == text
        assert [path.name for path in target.parent.iterdir()] == ["registry.json"]
    assert not left(root)
    storage.write_text(root / "reports" / ".tmp" / ".race-left", "left by a killed process")
    checkout.sweep(root)
    assert not left(root)


@pytest.mark.parametrize("renames", [0, 1, 2, 3])
def test_files_written_together_are_all_on_disk_before_the_first_is_renamed(
    root: Path, monkeypatch: pytest.MonkeyPatch, renames: int
) -> None:
    names = ["sources.csv", "aliases.csv", "chips.csv"]
    for name in names:
        storage.write_text(root / "data" / "raw" / name, "old")
    replace, done = Path.replace, []

    def cut_off(self: Path, other: Path) -> Path:
        assert len(left(root)) == len(names) - len(done)
        if len(done) == renames:
            raise KeyboardInterrupt
        done.append(other.name)
        return replace(self, other)

    monkeypatch.setattr(Path, "replace", cut_off)
    files = {root / "data" / "raw" / name: b"new" for name in names}
    if renames < len(names):
        with pytest.raises(KeyboardInterrupt):
            storage.write_together(files)
    else:
        storage.write_together(files)
    assert done == names[:renames]
    assert [path.read_text() for path in files] == ["new"] * renames + ["old"] * (len(names) - renames)
    assert not left(root)


def test_outside_a_checkout_a_file_is_written_beside_its_place(tmp_path: Path) -> None:
    target = tmp_path / "mine.png"
    with checkout.replacing(target) as stream:
        stream.write(b"x")
        assert [path.parent for path in tmp_path.rglob(".race-*")] == [tmp_path]
    assert [path.name for path in tmp_path.iterdir()] == ["mine.png"]


def test_who_waits_is_told_for_whom_and_exits_7(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with another(HOLDING, root) as holder:
        words = f"race run 2025Q1 (process {holder.pid})"
        with pytest.raises(Locked) as caught, checkout.locked(root / "data", "a test", wait_seconds=1.2):
            pass
        assert words in str(caught.value)
        assert caught.value.exit_code == 7
        assert words in capsys.readouterr().err
        holder.communicate("done\n", timeout=20)
    with checkout.locked(root, "a test", wait_seconds=0.0):
        pass


def test_who_waits_goes_on_when_the_holder_is_killed(root: Path) -> None:
    with another(HOLDING, root) as holder:
        threading.Timer(0.3, holder.send_signal, [signal.SIGKILL]).start()
        with checkout.locked(root, "a test", wait_seconds=20.0):
            assert holder.wait() == -signal.SIGKILL


def test_the_holder_and_what_it_starts_pass(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with checkout.locked(root, "outer"), checkout.locked(root, "inner", wait_seconds=0.0):
        pass
    with another(HOLDING, root):
        monkeypatch.setenv(checkout.HELD_FOR_US, str(root.resolve()))
        with checkout.locked(root, "a stage", wait_seconds=0.0):
            pass
        monkeypatch.setenv(checkout.HELD_FOR_US, str(root / "elsewhere"))
        with pytest.raises(Locked), checkout.locked(root, "a stage of another checkout", wait_seconds=0.0):
            pass


def test_threads_exclude_each_other(root: Path) -> None:
    inside: list[int] = []
    most: list[int] = []

    def work(number: int) -> None:
        with checkout.locked(root, f"thread {number}", wait_seconds=20.0):
            inside.append(number)
            most.append(len(inside))
            for _ in range(4):
                storage.write_text(root / "data" / "shared", str(number))
            inside.remove(number)

    threads: list[Any] = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 6

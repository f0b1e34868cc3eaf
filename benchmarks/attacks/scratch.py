"""A copy of the checkout to be attacked, the processes that work in it, and what it must look like afterwards."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
MARK = "RACE_ATTACK"
ASIDE = {".git", ".venv", ".hypothesis", ".mypy_cache", ".ruff_cache", ".benchmarks", "__pycache__", ".tmp"}


@contextlib.contextmanager
def copied(folder: Path | None = None) -> Iterator[Scratch]:
    """Yield a copy of the checkout, and end whatever was begun in it however the attack ends."""
    made = Scratch(folder)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # what nohup ignores here would be ignored there, and rightly so
    try:
        yield made
    finally:
        for process in made.processes():
            process.kill()


class Scratch:
    """A copy of the checkout in a folder of its own.

    Parameters
    ----------
    folder : Path or None
        Where; a temporary folder when None.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.root = (folder or Path(tempfile.mkdtemp(prefix="race-attack-"))) / "checkout"
        if not self.root.exists():
            shutil.copytree(ROOT, self.root, ignore=lambda _, names: ASIDE & set(names))
            for name in self.hidden():  # what other work has left there is not this attack's
                (self.root / name).unlink()
        self.mark = uuid.uuid4().hex

    def make_small(self) -> None:
        """Give the copy the settings of the suite's small quarter: few groups, replicates, draws and origins."""
        sys.path.insert(0, str(ROOT / "tests"))
        from small_quarter import FEW
        from small_settings import document

        (self.root / "params.yaml").write_text(yaml.safe_dump(document(**FEW)), encoding="utf-8")

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start ``race WORDS`` in the copy, with the copy's own code."""
        environment = {**os.environ, MARK: self.mark, "PYTHONPATH": str(self.root / "pipeline"), "NO_COLOR": "1"}
        return subprocess.Popen(
            [sys.executable, "-m", "race_to_efficiency", *words],
            cwd=self.root,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def race(self, *words: str, seconds: float = 1800.0) -> tuple[int, str]:
        """Run ``race WORDS`` to its end and return its exit code and what it wrote to stderr."""
        process = self.start(*words)
        _, err = process.communicate(timeout=seconds)
        return process.returncode, err

    def alive(self) -> list[str]:
        """Return the command lines of the processes begun here, directly or not, that are alive."""
        found = []
        for process in self.processes():
            with contextlib.suppress(psutil.Error):
                found.append(" ".join(process.cmdline())[-60:])
        return found

    def processes(self) -> list[psutil.Process]:
        """Return those processes."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.environ().get(MARK) == self.mark and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def seconds_until_gone(self, most: float) -> float | None:
        """Return after how long no process is left; None when some still are after ``most`` seconds."""
        begun = time.monotonic()
        while self.alive():
            if time.monotonic() - begun > most:
                return None
            time.sleep(0.02)
        return time.monotonic() - begun

    def hidden(self) -> list[str]:
        """Return the hidden and temporary files under data/, reports/ and .tmp."""
        folders = (self.root / name for name in ("data", "reports", ".tmp"))
        files = (path for folder in folders for path in folder.rglob(".*") if path.is_file())
        return sorted(path.relative_to(self.root).as_posix() for path in files)

    def numbers(self) -> dict[str, bytes]:
        """Return the files a run computes, but its note and what its nodes remember."""
        aside = (
            "data/processed/run.json",
            "data/processed/nodes/",
            "data/processed/installed.json",
            "data/processed/20",
        )
        return {name: data for name, data in self.state("data/processed").items() if not name.startswith(aside)}

    def forget(self) -> None:
        """Let a run compute everything: throw away what nodes remember."""
        shutil.rmtree(self.root / "data" / "processed" / "nodes", ignore_errors=True)

    def put(self, state: dict[str, bytes]) -> None:
        """Bring files back to a state."""
        for name, data in state.items():
            (self.root / name).write_bytes(data)

    def state(self, *names: str) -> dict[str, bytes]:
        """Return name -> bytes of every file under the named files and folders."""
        files: list[Path] = []
        for name in names:
            place = self.root / name
            files += [place] if place.is_file() else [path for path in place.rglob("*") if path.is_file()]
        return {path.relative_to(self.root).as_posix(): path.read_bytes() for path in sorted(files)}

"""A scratch copy of the checkout, for recipes to be carried out in."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

COPIED = ("pipeline", "tests", "dvc.yaml", "params.yaml", "pyproject.toml")
LINKED = ("data/raw", "data/published", "reports", "README.md", "CONTRIBUTING.md")


class Scratch:
    """A copy of the checkout's code, tests and settings, with the ledgers linked.

    Parameters
    ----------
    root : Path
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, place: str, text: str) -> None:
        """Write a file of a recipe."""
        assert not (self.root / place).exists(), "a recipe adds files"
        (self.root / place).write_text(text, encoding="utf-8")

    def python(self, *words: str, code: int = 0) -> str:
        """Run this interpreter on the copy's code; return what it printed."""
        paths = [str(self.root / name) for name in ("pipeline", "tests")]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "NO_COLOR": "1"}
        done = subprocess.run(
            [sys.executable, *words], cwd=self.root, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def race(self, *words: str) -> str:
        """Run a command of the copy."""
        return self.python("-m", "race_to_efficiency", *words)

    def suite(self, *words: str) -> None:
        """Run tests of the copy."""
        self.python("-m", "pytest", "-q", "-p", "no:cacheprovider", *words)


@pytest.fixture
def scratch(root: Path, tmp_path: Path) -> Scratch:
    place = tmp_path / "checkout"
    (place / "data").mkdir(parents=True)
    for name in COPIED:
        source: Any = root / name
        if source.is_dir():
            shutil.copytree(source, place / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, place / name)
    for name in LINKED:
        (place / name).symlink_to(root / name)
    return Scratch(place)

"""A true `race run`, stopped while a stage has its workers at work: nothing of it stays, and a second run is told.

`benchmarks/attacks/stop_anywhere.py` does so at random moments, and runs to the end afterwards.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import psutil
from race_to_efficiency import checkout

MARK = "RACE_TEST_MARK"


def copied(root: Path, target: Path) -> Path:
    """Return a checkout in which nothing has run yet."""
    for name in ("data/raw", "data/published", "pipeline"):
        shutil.copytree(root / name, target / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    for name in ("params.yaml", "dvc.yaml", "requirements.lock", ".dvcignore", ".dvc/config"):
        (target / name).parent.mkdir(exist_ok=True)
        shutil.copy(root / name, target / name)
    return target


def alive(mark: str) -> list[str]:
    """Return the command lines of all that was started under a mark, directly or not."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return found


def until(met: object, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not met():  # type: ignore[operator]
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def test_told_to_stop_a_run_ends_with_dvc_its_stage_and_the_stage_s_workers(root: Path, tmp_path: Path) -> None:
    place, mark = copied(root, tmp_path / "a checkout"), uuid.uuid4().hex
    environment = {**os.environ, "PYTHONPATH": str(place / "pipeline"), MARK: mark}
    command = [sys.executable, "-m", "race_to_efficiency", "run"]
    with subprocess.Popen(
        command, cwd=place, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:

        def working() -> bool:
            found = alive(mark)
            return process.poll() is not None or all(
                any(word in line for line in found) for word in ("race_to_efficiency.repro", "spawn_main")
            )

        assert until(working, 240)
        second = subprocess.run(
            [*command, "--wait", "0"], cwd=place, env=environment, capture_output=True, text=True, check=False
        )
        process.send_signal(signal.SIGTERM)
        gone = until(lambda: not alive(mark), 2.0)
        left = alive(mark)
        assert gone, left
        assert process.wait() == 143, process.stderr
    assert second.returncode == 7
    assert f"race run 2026Q1 (process {process.pid})" in second.stderr
    with checkout.locked(place, "a test", wait_seconds=0.0):
        pass
    assert (place / "data" / "processed" / "account.json").is_file()
    hidden = [path for name in ("data", ".tmp") for path in (place / name).rglob(".*") if path.is_file()]
    assert hidden == []

"""A cluster of processes: the same bytes as this process alone, also where a worker is killed or runs another line."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from race_to_efficiency import storage
from race_to_efficiency.commands.corridor import run_stage
from race_to_efficiency.errors import IntegrityError
from race_to_efficiency.executors.cluster import connected, require_same
from race_to_efficiency.executors.place import HERE, Place, chosen
from race_to_efficiency.quarter.here import store_of
from race_to_efficiency.recovery.study import study
from race_to_efficiency.settings.params import Workspace

pytest.importorskip("distributed", reason="the extra `cluster` (dask[distributed]) is not installed")

pytestmark = pytest.mark.slow

FILES = {"fit_kappa": ("kappa.json", "kappa_draws.parquet"), "backtest": ("scores.json", "backtest.parquet")}
CASES = ["joint_floor_2y", "predictive_trend_10", "kappa_clean_20"]
WAIT_SECONDS = 60.0


class Cluster:
    """A scheduler and workers of this machine, each a process."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.file = folder, folder / "scheduler.json"
        self.processes: list[subprocess.Popen[bytes]] = []
        self.start("scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(self.file))
        until = time.monotonic() + WAIT_SECONDS
        while not self.file.is_file() and time.monotonic() < until:
            time.sleep(0.05)
        self.address = json.loads(self.file.read_text())["address"]

    def start(self, kind: str, *words: str, code: Path | None = None) -> subprocess.Popen[bytes]:
        """Start a scheduler or a worker, with other code where it is given."""
        command = [sys.executable, "-m", f"distributed.cli.dask_{kind}", "--no-dashboard", *words]
        source = code or Path(storage.__file__).parents[1]
        environment = storage.process_environment({"PYTHONPATH": str(source), "OPENBLAS_NUM_THREADS": "1"})
        self.processes.append(
            subprocess.Popen(
                command,
                cwd=self.folder,
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=(self.folder / f"{kind}{len(self.processes)}.log").open("wb"),
            )
        )
        return self.processes[-1]

    def worker(self, code: Path | None = None) -> subprocess.Popen[bytes]:
        """Start a worker that nobody starts again when it ends."""
        return self.start("worker", self.address, "--nthreads", "1", "--no-nanny", code=code)

    def workers(self, number: int) -> int:
        """Wait for so many workers and return how many compute with our code."""
        with connected(self.address) as client:
            client.wait_for_workers(number, timeout=WAIT_SECONDS)
            return require_same(client)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A cluster that ends with the test."""
    made = Cluster(tmp_path)
    yield made
    for process in made.processes:
        process.kill()
        process.wait()


@contextlib.contextmanager
def killed_at_work(victim: subprocess.Popen[bytes], cluster: Cluster) -> Iterator[None]:
    """Kill a worker within the block, once it is at work."""
    stop = threading.Event()

    def kill() -> None:
        with connected(cluster.address) as client:
            while not stop.is_set():
                if any("compute" in str(calls) or calls for calls in client.processing().values()):
                    time.sleep(0.3)
                    victim.kill()
                    return
                time.sleep(0.02)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    assert victim.wait(5) != 0, "it was not killed: nothing was ever at work there"


@pytest.mark.parametrize("stage", FILES)
def test_the_same_bytes_on_a_cluster_that_loses_a_worker(stage: str, own_quarter: Workspace, cluster: Cluster) -> None:
    before = {name: storage.read_bytes(own_quarter.processed / name) for name in FILES[stage]}
    for name in FILES[stage]:
        (own_quarter.processed / name).unlink()
    store_of(own_quarter.root).clear()
    victim, _ = cluster.worker(), cluster.worker()
    assert cluster.workers(2) == 2
    with chosen(Place(scheduler=cluster.address)), killed_at_work(victim, cluster):
        run_stage(stage, own_quarter)
    assert {name: storage.read_bytes(own_quarter.processed / name) for name in FILES[stage]} == before


def test_a_study_loses_no_chunk_with_a_worker(tmp_path: Path, cluster: Cluster) -> None:
    alone = study(CASES, tmp_path / "alone", n_datasets=100, seed=5, place=HERE)
    victim, _ = cluster.worker(), cluster.worker()
    assert cluster.workers(2) == 2
    with killed_at_work(victim, cluster):
        found = study(CASES, tmp_path / "far", n_datasets=100, seed=5, place=Place(scheduler=cluster.address))
    assert found == alone
    chunks = {path.relative_to(tmp_path / "alone"): path.read_bytes() for path in (tmp_path / "alone").rglob("*.json")}
    assert len(chunks) == 6
    assert chunks == {
        path.relative_to(tmp_path / "far"): path.read_bytes() for path in (tmp_path / "far").rglob("*.json")
    }


def test_a_worker_with_one_changed_line_is_refused_by_name(root: Path, tmp_path: Path, cluster: Cluster) -> None:
    code = tmp_path / "other" / "pipeline"
    shutil.copytree(root / "pipeline", code, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(root / name, code.parent)
    cluster.worker(), cluster.worker(code)
    assert cluster.workers(2) == 2  # a copy is the same code
    changed = code / "race_to_efficiency" / "calibration" / "kappa" / "forms.py"
    changed.write_text(changed.read_text() + "\nCHANGED = 1\n")
    cluster.worker(code)
    with pytest.raises(IntegrityError) as raised:
        cluster.workers(3)
    assert raised.value.exit_code == 5
    assert raised.value.why == "code: calibration/kappa/forms.py"

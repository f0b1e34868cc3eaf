"""A cluster of processes: the same bytes as this process alone, also where a worker is killed or runs another line."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import pytest
from local_cluster import Cluster, killed_at_work
from race_to_efficiency import storage
from race_to_efficiency.commands.corridor import run_stage
from race_to_efficiency.errors import IntegrityError, SystemRefused
from race_to_efficiency.executors import cluster as cluster_module
from race_to_efficiency.executors import spread
from race_to_efficiency.executors.place import HERE, Place, chosen
from race_to_efficiency.own_tables.step_logs import read_step_logs
from race_to_efficiency.quarter.here import store_of
from race_to_efficiency.recovery.study import study
from race_to_efficiency.settings.params import Workspace

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        find_spec("distributed") is None, reason="the extra `cluster` (dask[distributed]) is not installed"
    ),
]

FILES = {"fit_kappa": ("kappa.json", "kappa_draws.parquet"), "backtest": ("scores.json", "backtest.parquet")}
CASES = ["joint_floor_2y", "predictive_trend_10"]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A cluster that ends with the test."""
    made = Cluster(tmp_path)
    yield made
    made.end()


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
    alone = study(CASES, tmp_path / "alone", n_datasets=150, seed=5, place=HERE)
    victim, _ = cluster.worker(), cluster.worker()
    assert cluster.workers(2) == 2
    with killed_at_work(victim, cluster):
        found = study(CASES, tmp_path / "far", n_datasets=150, seed=5, place=Place(scheduler=cluster.address))
    assert found == alone
    chunks = {path.relative_to(tmp_path / "alone"): path.read_bytes() for path in (tmp_path / "alone").rglob("*.json")}
    assert len(chunks) == 6
    assert chunks == {
        path.relative_to(tmp_path / "far"): path.read_bytes() for path in (tmp_path / "far").rglob("*.json")
    }


def test_logs_are_the_same_on_a_cluster(tmp_path: Path, cluster: Cluster) -> None:
    for name in ("a", "b", "c"):
        rows = [f"{step},{3.0 + (step % 7) / step},{name}" for step in range(1, 400)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["step,loss,run", *rows]))
    words = {"step": "step", "run": "run", "columns": {}}
    alone = read_step_logs(f"{tmp_path}/*.csv", **words, place=HERE)
    cluster.worker(), cluster.worker()
    assert cluster.workers(2) == 2
    found = read_step_logs(f"{tmp_path}/*.csv", **words, place=Place(scheduler=cluster.address))
    pd.testing.assert_frame_equal(found.runs, alone.runs, check_exact=True)
    assert found.notes == alone.notes


@pytest.mark.parametrize("lost", ["scheduler", "workers"])
def test_a_cluster_that_is_lost_ends_the_command(lost: str, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_module, "LOST_SECONDS", 1.0)
    cluster.worker(), cluster.worker()
    assert cluster.workers(2) == 2

    def kill() -> None:
        for process in cluster.processes[:1] if lost == "scheduler" else cluster.processes[1:]:
            process.kill()

    timer = threading.Timer(1.0, kill)
    timer.start()
    with pytest.raises(SystemRefused, match="the cluster was lost"):
        spread.each(time.sleep, [20.0, 20.0, 20.5], place=Place(scheduler=cluster.address), size=int)
    timer.join()


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

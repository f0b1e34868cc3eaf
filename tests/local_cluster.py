"""A Dask cluster of processes of this machine, and a worker of it killed while it is at work."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from race_to_efficiency import storage
from race_to_efficiency.executors.cluster import connected, require_same
from race_to_efficiency.library_defaults import BLAS_THREADS

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
        command = [sys.executable, "-m", f"distributed.cli.dask_{kind}", "--dashboard-address", "127.0.0.1:0", *words]
        source = code or Path(storage.__file__).parents[1]
        environment = storage.process_environment({"PYTHONPATH": str(source), **dict.fromkeys(BLAS_THREADS, "1")})
        with (self.folder / f"{kind}{len(self.processes)}.log").open("wb") as log:
            process = subprocess.Popen(command, cwd=self.folder, env=environment, stdout=log, stderr=log)
        self.processes.append(process)
        return process

    def worker(self, code: Path | None = None) -> subprocess.Popen[bytes]:
        """Start a worker that nobody starts again when it ends."""
        return self.start("worker", self.address, "--nthreads", "1", "--no-nanny", code=code)

    def workers(self, number: int) -> int:
        """Wait for so many workers and return how many compute with our code."""
        with connected(self.address) as client:
            client.wait_for_workers(number, timeout=WAIT_SECONDS)
            return require_same(client)

    def end(self) -> None:
        """End every process of it."""
        for process in self.processes:
            process.kill()
            process.wait()


@contextlib.contextmanager
def killed_at_work(victim: subprocess.Popen[bytes], cluster: Cluster, after_seconds: float = 0.3) -> Iterator[None]:
    """Kill a worker within the block, some time after the first call is at work."""
    stop = threading.Event()

    def kill() -> None:
        with connected(cluster.address) as client:
            while not stop.is_set():
                if any(client.processing().values()):
                    stop.wait(after_seconds)
                    victim.kill()
                    return
                stop.wait(0.02)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    assert victim.wait(5) != 0, "it was not killed: nothing was ever at work there"

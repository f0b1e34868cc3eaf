"""Shared by all tests: no network, a fixed hypothesis profile, and where the publishers' originals may lie."""

from __future__ import annotations

import copy
import gc
import os
import shutil
import socket
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import typer.main
from hypothesis import HealthCheck, settings
from race_to_efficiency import cli, storage
from race_to_efficiency.executors import place
from race_to_efficiency.library_defaults import set_library_defaults

if TYPE_CHECKING:
    from collections.abc import Iterator

    from race_to_efficiency.ledger.intake import Intake
    from race_to_efficiency.settings.params import Workspace

place.WORKERS = 1  # starting a process costs more than what a test gives it to do

set_library_defaults()

# verbs and their options are worked out once for all commands that are run in this process, which takes as long as many
cli.application = cache(cli.application)
typer.main.get_command = cache(typer.main.get_command)

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"

settings.register_profile(
    "suite", deadline=None, derandomize=True, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("suite")


LONG = (
    *("backtest_ledgers", "kappa", "verify", "children", "robust", "schemas", "recovery_kappa", "backtesting"),
    *("importers_plan", "relative_loss_paths", "importers_mlperf", "statements", "scatter", "profile", "intake"),
    *("long_tables", "relative_loss", "api", "fit_kappa_command", "answers", "changes", "commands_predict_solve"),
)
"""The unit tests' files of five seconds and more, the longest first."""


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[object]:
    """Let the collector of garbage look at what tests make alone: what files and libraries define stays.

    A search through all of it takes half a second, and there were a hundred of them.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put one file that needs the small quarter first, the others after those that do not, and short files last.

    A worker that needs the small quarter waits for the one that makes it; whoever gets a long file last is waited for.
    """
    long = {f"test_{name}.py": place for place, name in enumerate(LONG)}
    needing = {item.path for item in items if "small_quarter" in getattr(item, "fixturenames", ())}
    first = min(needing, default=None)

    def rank(item: pytest.Item) -> tuple[int, int]:
        if item.path in needing:
            return (0, 0) if item.path == first else (2, 0)
        return (3, long.get(item.path.name, len(long))) if item.path.parent.name == "unit" else (1, 0)

    items.sort(key=rank)


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout under test."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of the publishers' originals and the reference cases; skips where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("the publishers' originals (../shared) are not beside this checkout; own fixtures cover the code")
    return SHARED


@pytest.fixture(scope="session")
def small_quarter(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The real ledgers' 2026Q1 through every stage, with few draws: to read, never to write into."""
    import small_quarter as quarter

    base = tmp_path_factory.getbasetemp()
    return quarter.make(root, (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "small_quarter")


@pytest.fixture(scope="module")
def own_quarter(small_quarter: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A copy of the small quarter, with what its nodes remember, for the tests of a file to run stages in."""
    from race_to_efficiency.settings.params import open_workspace

    folder = tmp_path_factory.mktemp("quarter") / "own"
    shutil.copytree(small_quarter.root, folder, symlinks=True)
    return open_workspace(folder, str(small_quarter.quarter))


@pytest.fixture(scope="session")
def shipped(root: Path) -> dict[str, Intake]:
    """Every shipped ledger as intake reads it: to look at, never to change."""
    from race_to_efficiency.ledger.intake import read_all

    return read_all(root / "data" / "raw")


@pytest.fixture(scope="session")
def reads(small_quarter: Workspace) -> dict[str, dict[str, list[str]]]:
    """Stage -> the settings and the files it read."""
    from small_quarter import READS

    found: dict[str, dict[str, list[str]]] = storage.read_json(small_quarter.root / READS)
    return found


@pytest.fixture(scope="session")
def summaries(small_quarter: Workspace) -> dict[str, dict[str, Any]]:
    """Stage -> what it said when the small quarter was made."""
    from small_quarter import SUMMARIES

    found: dict[str, dict[str, Any]] = storage.read_json(small_quarter.root / SUMMARIES)
    return found


@pytest.fixture(scope="session", autouse=True)
def _no_waiting_for_disks() -> Iterator[None]:
    """Write without waiting until the disk has it: no test cuts the power, and thousands of files are written."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def _own_code_read_once() -> Iterator[None]:
    """Digest the package's code, and ask for its libraries, once: every publication and memory of a test names them."""
    from race_to_efficiency.provenance import manifest
    from race_to_efficiency.quarter import answers

    record, libraries = manifest.code_record, cache(manifest.libraries)
    own = cache(record)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest, "code_record", lambda root: copy.deepcopy((own if root == ROOT else record)(root)))
        patch.setattr(manifest, "libraries", lambda: dict(libraries()))
        patch.setattr(answers, "_code", cache(answers._code))
        yield


@pytest.fixture(autouse=True)
def _no_network(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every connection beyond this machine: nothing here may need the network at run time."""
    if request.node.get_closest_marker("browser"):
        return
    connect = socket.socket.connect

    def refuse(self: socket.socket, address: object) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            host = address[0] if isinstance(address, tuple) else str(address)
            if host not in ("127.0.0.1", "::1", "localhost"):
                raise AssertionError(f"a test tried to reach the network: {address!r}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", refuse)

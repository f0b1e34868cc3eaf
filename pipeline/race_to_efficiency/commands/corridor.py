"""How the stages are run: one at a time here, all of them through DVC, or all of them for another quarter."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from importlib import import_module
from typing import TYPE_CHECKING, Any

from race_to_efficiency import checkout, storage
from race_to_efficiency.commands.terminal import progress
from race_to_efficiency.errors import InputMissing, RaceError, SystemRefused, UsageError
from race_to_efficiency.provenance.published_statements import keep_statements
from race_to_efficiency.settings.params import STAGES, Workspace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ERROR_FILE = ".stage_error.json"
"""Where a failed stage leaves its error: DVC itself returns 255 whatever the stage returned."""


def run_stage(name: str, workspace: Workspace, **options: Any) -> dict[str, Any]:
    """Run one stage by name and tell what it did and how long it took; ``options`` are the stage's own.

    Raises
    ------
    UsageError
        When there is no such stage.
    RaceError
        As the stage itself; a copy is left for the process that started this one.
    """
    if name not in STAGES:
        raise UsageError(f"there is no stage '{name}'", why=f"the stages are {', '.join(STAGES)}")
    started = time.monotonic()
    error_file = workspace.processed / ERROR_FILE
    try:
        summary: dict[str, Any] = import_module(f"race_to_efficiency.stages.{name}").run(workspace, **options)
    except (RaceError, OSError, MemoryError, RecursionError) as raised:
        error = raised if isinstance(raised, RaceError) else SystemRefused.of(raised)
        with contextlib.suppress(OSError, RaceError):  # on a full disk the words on stderr must do
            storage.write_json(error_file, {"stage": name, **error.to_json()})
        raise error from None
    progress(f"  {name:<10} {summary.get('line', 'done')}  [{time.monotonic() - started:.1f} s]")
    return summary


def run_corridor(workspace: Workspace) -> None:
    """Run all stages in this process, in order (used for a quarter that is not params.yaml's)."""
    for name in STAGES:
        run_stage(name, workspace)


def reproduce(workspace: Workspace, *, force: bool) -> bool:
    """Run what is out of date through ``dvc repro``; return whether anything ran.

    Raises
    ------
    RaceError
        The error of the stage that failed, with its own exit code.
    """
    keep_statements(workspace)
    error_file = workspace.processed / ERROR_FILE
    error_file.unlink(missing_ok=True)
    binaries = os.path.dirname(sys.executable)  # noqa: PTH120  (a symlinked interpreter must keep its own folder)
    environment = storage.environment(
        {
            "PATH": os.pathsep.join((binaries, os.environ.get("PATH", os.defpath))),
            checkout.HELD_FOR_US: str(workspace.root),
            "DVC_NO_ANALYTICS": "1",
            "DVC_SITE_CACHE_DIR": str(workspace.root / ".dvc" / "tmp" / "site"),
        }
    )
    command = [sys.executable, "-m", "dvc", "repro", *(["--force"] if force else [])]
    ran = False
    tail: list[str] = []
    with subprocess.Popen(
        command, cwd=workspace.root, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            for raw_line in process.stdout or ():
                line = raw_line.rstrip()
                tail = [*tail[-40:], line]
                if line.startswith("Running stage"):
                    ran = True
                elif line.startswith("  ") and line.split()[0] in STAGES:
                    progress(line)  # a failing stage's own words are told once, by the error it leaves
        except KeyboardInterrupt:
            process.terminate()
            raise
    if process.returncode:
        raise stage_error(error_file, tail)
    return ran


def stage_error(error_file: Path, tail: list[str]) -> RaceError:
    """Return the error a failed stage left, as the class its exit code names; else what its last words were."""
    if not error_file.exists():
        return last_words(tail)
    document = storage.read_json(error_file)
    fields = document["error"]
    for kind in all_errors(RaceError):
        if kind.exit_code == fields["exit_code"]:
            return kind(
                f"stage {document['stage']}: {fields['what']}",
                where=fields["where"],
                why=fields["why"],
                remedy=fields["remedy"],
            )
    return RaceError(fields["what"], where=fields["where"], why=fields["why"], remedy=fields["remedy"])


def last_words(tail: list[str]) -> RaceError:
    """Return the error that the output of a process tells: one of ours by its kind, else one of the system's."""
    why = "\n".join(tail[-15:])
    for line in tail:
        for kind in all_errors(RaceError):
            if line.startswith(f"race: {kind.kind}: "):
                return kind(line.removeprefix(f"race: {kind.kind}: "), why=why)
    refused = next((line for line in tail if "[Errno " in line), None)
    if refused is not None:
        return SystemRefused(refused.rpartition("[Errno ")[2].partition("] ")[2], why=why)
    return RaceError("the pipeline stopped without saying why", why=why)


def all_errors(base: type[RaceError]) -> list[type[RaceError]]:
    """Return the subclasses of ``base`` (one level: the hierarchy is flat)."""
    return list(base.__subclasses__())


def input_digest(workspace: Workspace) -> str:
    """Return one digest of all a quarter depends on: ledgers, earlier publications, params, code and lock."""
    from race_to_efficiency.evaluation.track_record import earlier_files

    root = workspace.root
    files = [*sorted(workspace.raw.glob("*.csv")), *earlier_files(workspace.published, str(workspace.quarter))]
    files += [*storage.code_files(root), root / "requirements.lock"]
    return storage.digest_document([storage.digest_tree(root, files), workspace.params.model_dump(mode="json")])


def reproduce_quarter(workspace: Workspace, *, force: bool, runner: Callable[[Workspace], None] = run_corridor) -> bool:
    """Rebuild another quarter in its own folders unless nothing it depends on has changed; return whether it ran."""
    keep_statements(workspace)
    stamp = workspace.processed / "run.json"
    digest = input_digest(workspace)
    if not force and stamp.exists() and storage.read_json(stamp).get("inputs") == digest:
        return False
    stamp.unlink(missing_ok=True)
    runner(workspace)
    storage.write_json(stamp, {"quarter": str(workspace.quarter), "inputs": digest})
    return True


def require_processed(workspace: Workspace, name: str) -> Path:
    """Return a generated file's path.

    Raises
    ------
    InputMissing
        When that quarter has not been run here; the command that makes it is named.
    """
    path = workspace.processed / name
    if not path.exists():
        raise InputMissing(
            f"{name} of {workspace.quarter} is not here",
            where=str(path),
            remedy=f"race run --quarter {workspace.quarter}",
        )
    return path

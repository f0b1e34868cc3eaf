"""How the stages are run: one at a time here, all of them through DVC, or all of them for another quarter."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import time
from importlib import import_module
from typing import TYPE_CHECKING, Any

from race_to_efficiency import checkout, children, storage
from race_to_efficiency.commands import reproduction, stale
from race_to_efficiency.commands.stage_lines import with_line
from race_to_efficiency.commands.terminal import progress
from race_to_efficiency.errors import InputMissing, Locked, RaceError, SystemRefused, UsageError
from race_to_efficiency.executors.place import place_here
from race_to_efficiency.provenance import made_from
from race_to_efficiency.provenance.published_statements import keep_statements
from race_to_efficiency.provenance.stamps import require_own
from race_to_efficiency.settings.corridor import declared

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from race_to_efficiency.quarter.answers import Answers
    from race_to_efficiency.settings.params import Workspace

ERROR_FILE = "stage_error.json"
"""Where a failed stage leaves its error: DVC itself returns 255 whatever the stage returned."""

_BUSY = re.compile("Unable to acquire lock|is busy, it is being blocked by")
_KILLED = re.compile(r"exited with (-9|137)\b")
"""What DVC says when another DVC is at work, and when a stage was killed (by its own shell, or with none between)."""


def run_stage(name: str, workspace: Workspace, **options: Any) -> dict[str, Any]:
    """Run one stage by name and tell what it did and how long it took; ``options`` are the stage's own.

    The stage sees the sections of settings that dvc.yaml declares for it, and no other.

    Raises
    ------
    UsageError
        When there is no such stage.
    RaceError
        As the stage itself; a copy is left for the process that started this one.
    """
    stages = declared(workspace.root)
    if name not in stages:
        raise UsageError(f"there is no stage '{name}'", why=f"the stages are {', '.join(stages)}")
    started = time.monotonic()
    error_file = workspace.processed / ERROR_FILE
    try:
        require_own(workspace, before=name)
        module = import_module(f"race_to_efficiency.stages.{name}")
        summary = with_line(name, module.run(workspace.showing(stages[name].settings), **options))
    except (RaceError, OSError, MemoryError, RecursionError) as raised:
        error = raised if isinstance(raised, RaceError) else SystemRefused.of(raised)
        with contextlib.suppress(OSError, RaceError):  # on a full disk the words on stderr must do
            storage.write_json(error_file, {"stage": name, **error.to_json()})
        raise error from None
    progress(f"  {name:<10} {summary['line']}  [{time.monotonic() - started:.1f} s]")
    return summary


def run_corridor(workspace: Workspace) -> None:
    """Run all stages in this process, in order (used for a quarter that is not params.yaml's)."""
    for name in declared(workspace.root):
        run_stage(name, workspace)


def reproduce(workspace: Workspace, *, force: bool, checks: Answers | None = None) -> bool:
    """Tell what is out of date, and run it and what depends on it through ``dvc repro``; return whether anything ran.

    Parameters
    ----------
    workspace : Workspace
    force : bool
        Run every stage.
    checks : Answers, optional
        What is remembered of published files.

    Raises
    ------
    RaceError
        The error of the stage that failed, with its own exit code.
    """
    keep_statements(workspace, checks)
    note = made_from.read_note(workspace)
    reproduction.own_caches(workspace.root)
    reproduction.outside_git(workspace.root)
    reproduction.forget_the_dead(workspace.root)
    if note.get("state", made_from.DONE) != made_from.DONE and reproduction.drop_torn_lock_file(workspace.root):
        progress("  dvc.lock was left torn by a run that was cut off: every stage is looked at again")
    # ledgers may have changed under a run that was killed, and DVC would not know: it looks at them after the stage
    unsure = note.get("state") == made_from.RUNNING and note["inputs"] != made_from.input_digest(workspace)
    with made_from.noted(workspace):
        return _dvc_repro(workspace, force=force or unsure)


def _dvc_repro(workspace: Workspace, *, force: bool) -> bool:
    error_file = workspace.processed / ERROR_FILE
    error_file.unlink(missing_ok=True)
    stages = declared(workspace.root)
    changed = {} if force else stale.out_of_date(workspace.root)
    if force:
        progress("  every stage runs, whatever has changed")
    elif not changed and not stale.in_doubt(workspace.root):
        return False  # DVC would find the same, in twice the time: it is held to it by tests/contract
    for name, changes in changed.items():
        progress(stale.told(name, changes))
    binaries = os.path.dirname(sys.executable)  # noqa: PTH120  (a symlinked interpreter must keep its own folder)
    environment = storage.process_environment(
        {
            "PATH": os.pathsep.join((binaries, os.environ.get("PATH", os.defpath))),
            checkout.HELD_FOR_US: str(workspace.root),
            **place_here().environment(),
            "DVC_NO_ANALYTICS": "1",
            "DVC_SITE_CACHE_DIR": str(workspace.root / reproduction.SITE_CACHE),
        }
    )
    # -P: a user's own dvc.py in the checkout must not stand in for the library
    command = [sys.executable, "-P", "-m", reproduction.MODULE, *(["--force"] if force else [])]
    ran = False
    tail: list[str] = []
    with children.session(command, folder=workspace.root, environment=environment) as process:
        for raw_line in process.stdout or ():
            line = raw_line.rstrip()
            tail = [*tail[-40:], line]
            if line.startswith("Running stage"):
                ran = True
            elif line.startswith("  ") and line.split()[0] in stages and " is out of date: " not in line:
                progress(line)  # a failing stage's own words are told once, by the error it leaves
    if process.returncode:
        raise stage_error(error_file, tail, process.returncode)
    return ran


def stage_error(error_file: Path, tail: list[str], code: int) -> RaceError:
    """Return the error a failed stage left, as the class its exit code names; else what its last words were."""
    if not error_file.exists():
        return last_words(tail, code)
    document = storage.read_json(error_file)
    fields = document["error"]
    kind = next((one for one in RaceError.__subclasses__() if one.exit_code == fields["exit_code"]), RaceError)
    what = fields["what"] if kind is RaceError else f"stage {document['stage']}: {fields['what']}"
    return kind(what, where=fields["where"], why=fields["why"], remedy=fields["remedy"])


def last_words(tail: list[str], code: int) -> RaceError:
    """Return the error that a process's output tells: one of ours by its kind, else one of DVC's or the system's."""
    why = "\n".join(tail[-15:])
    for line in tail:
        for kind in RaceError.__subclasses__():
            if line.startswith(f"race: {kind.kind}: "):
                return kind(line.removeprefix(f"race: {kind.kind}: "), why=why)
    refused = next((line for line in tail if "[Errno " in line), None)
    if refused is not None:
        return SystemRefused(refused.rpartition("[Errno ")[2].partition("] ")[2], why=why)
    if _BUSY.search(why):
        return Locked("DVC is at work in this checkout, started by hand", why=why, remedy="wait for it to end")
    if code < 0 or _KILLED.search(why):
        return SystemRefused(
            "the run was ended from outside",
            why="a process of it was killed, as the system does when memory runs out",
            remedy="give it more memory, or end other programs; then run again",
        )
    return RaceError("the pipeline stopped without saying why", why=why)


def reproduce_quarter(
    workspace: Workspace,
    *,
    force: bool,
    checks: Answers | None = None,
    runner: Callable[[Workspace], None] = run_corridor,
) -> bool:
    """Rebuild another quarter in its own folders unless nothing it depends on has changed; return whether it ran."""
    keep_statements(workspace, checks)
    note = made_from.read_note(workspace)
    if not force and note.get("state") == made_from.DONE and note["inputs"] == made_from.input_digest(workspace):
        return False
    with made_from.noted(workspace):
        runner(workspace)
    return True


def require_processed(workspace: Workspace, name: str) -> Path:
    """Return a generated file's path.

    Raises
    ------
    InputMissing
        When that quarter has not been run here, or another one was; the command that makes it is named.
    """
    require_own(workspace)
    path = workspace.processed / name
    if not path.exists():
        raise InputMissing(
            f"{name} of {workspace.quarter} is not here",
            where=str(path),
            remedy=f"race run --quarter {workspace.quarter}",
        )
    return path

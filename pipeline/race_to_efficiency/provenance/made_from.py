"""What the numbers in data/processed were made from, noted by the run that made them and asked by whoever seals them.

The note is written before a run begins and completed when it ends. Ledgers, settings or code that change in between end
the run, since its stages may have read either state; and a run that was cut off is known by its note.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from race_to_efficiency import storage
from race_to_efficiency.errors import DataInvalid, InputMissing
from race_to_efficiency.evaluation.published_inputs import earlier_files
from race_to_efficiency.settings.corridor import declared
from race_to_efficiency.settings.params import open_workspace

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from race_to_efficiency.settings.params import Workspace

NOTE = "run.json"
RUNNING, STOPPED, DONE = "running", "stopped", "done"
"""A run that is under way or was killed, one that ended early on inputs that did not change meanwhile, a whole one."""


def input_digest(workspace: Workspace) -> str:
    """Return one digest of what a quarter depends on: ledgers, earlier publications, settings and code stages read."""
    root, stages = workspace.root, declared(workspace.root).values()
    files = [*sorted(workspace.raw.glob("*.csv")), *earlier_files(workspace.published, str(workspace.quarter))]
    code = {root / path for stage in stages for path in stage.deps if path.startswith("pipeline/")}
    files += [path for path in (*sorted(code), root / "requirements.lock") if path.is_file()]
    settings = workspace.params.leaves({name for stage in stages for name in stage.settings})
    return storage.digest_document([storage.digest_tree(root, files), settings])


def ledger_digests(workspace: Workspace) -> dict[str, str]:
    """Return the digest of every ledger as it stands, by file name."""
    return {path.name: storage.digest_file(path) for path in sorted(workspace.raw.glob("*.csv"))}


def read_note(workspace: Workspace) -> dict[str, Any]:
    """Return the note of the last run in a workspace; an empty one where none was noted, or nobody can read it."""
    try:
        note = storage.read_json(workspace.processed / NOTE)
    except (InputMissing, DataInvalid):
        return {}
    return note if isinstance(note, dict) else {}


@contextlib.contextmanager
def noted(workspace: Workspace) -> Iterator[None]:
    """Note what the numbers made in the block are made from.

    Raises
    ------
    InputMissing
        When ledgers, settings or code changed meanwhile: the numbers may be of two states.
    """
    note = {"quarter": str(workspace.quarter), "inputs": input_digest(workspace), "ledgers": ledger_digests(workspace)}
    path = workspace.processed / NOTE
    storage.write_json(path, {**note, "state": RUNNING})
    try:
        yield
    except BaseException:
        if _unchanged(workspace, note):
            storage.write_json(path, {**note, "state": STOPPED})
        raise
    if not _unchanged(workspace, note):
        raise InputMissing(
            "ledgers, settings or code changed while the run was at work",
            where=str(workspace.root),
            why="some of its stages have read the old state and some the new one",
            remedy="run it again",
        )
    storage.write_json(path, {**note, "state": DONE})


def _unchanged(workspace: Workspace, note: Mapping[str, Any]) -> bool:
    now = open_workspace(workspace.root, str(workspace.quarter))
    return bool(input_digest(now) == note["inputs"] and ledger_digests(now) == note["ledgers"])


def require_same_ledgers(workspace: Workspace) -> None:
    """Refuse to seal other ledgers than those the numbers were made from.

    Parameters
    ----------
    workspace : Workspace

    Raises
    ------
    InputMissing
        When they differ, or no finished run has noted what it read.
    """
    note = read_note(workspace)
    remedy = f"race run --quarter {workspace.quarter}, then race publish"
    if note.get("state") != DONE or note["quarter"] != str(workspace.quarter):
        why = "a run that was cut off, or of another quarter" if note else "no run that noted what it read"
        raise InputMissing(
            f"it is not known from which ledgers the numbers of {workspace.quarter} were made",
            where=str(workspace.processed / NOTE),
            why=f"they come from {why}",
            remedy=remedy,
        )
    made_from, sealed = note["ledgers"], ledger_digests(workspace)
    changed = sorted(name for name in made_from.keys() | sealed.keys() if made_from.get(name) != sealed.get(name))
    if changed:
        raise InputMissing(
            f"the numbers of {workspace.quarter} were made from other ledgers than those to be sealed",
            where=", ".join(f"data/raw/{name}" for name in changed),
            why="changed since the run",
            remedy=remedy,
        )

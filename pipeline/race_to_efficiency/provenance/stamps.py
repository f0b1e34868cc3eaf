"""The one door to generated files: whoever reads them is told when they are of another quarter than is asked for."""

from __future__ import annotations

import itertools
from functools import lru_cache
from typing import TYPE_CHECKING

from race_to_efficiency import storage
from race_to_efficiency.errors import InputMissing
from race_to_efficiency.settings.corridor import declared

if TYPE_CHECKING:
    from pathlib import Path

    from race_to_efficiency.settings.params import Workspace

STAMPED = {
    "ingest": "account.json",
    "fit_kappa": "kappa.json",
    "fit_gamma": "gamma.json",
    "forecast": "scenarios.json",
    "backtest": "scores.json",
}
"""A file of each stage that carries its quarter and as_of."""


@lru_cache(maxsize=64)
def _stamp(path: Path, *_: int) -> tuple[str | None, str | None]:
    """Return a file's quarter and as_of; a file replaced since has another inode, time or size, and is read again."""
    document = storage.read_json(path)
    return document.get("quarter"), document.get("as_of")


def require_own(workspace: Workspace, *, before: str | None = None) -> None:
    """Refuse generated files that are of another quarter.

    Parameters
    ----------
    workspace : Workspace
    before : str, optional
        Only what stages before this one wrote counts.

    Raises
    ------
    InputMissing
        When a file's own quarter or as_of is not the workspace's; nothing has been written then.
    """
    stages = list(STAMPED)
    if before is not None:
        stages = list(itertools.takewhile(lambda name: name != before, declared(workspace.root)))
    wanted = (str(workspace.quarter), workspace.quarter.as_of.isoformat())
    for name in (STAMPED[stage] for stage in stages if stage in STAMPED):
        path = workspace.processed / name
        if not path.is_file():
            continue
        state = path.stat()
        found = _stamp(path, state.st_ino, state.st_mtime_ns, state.st_size)
        if found != wanted:
            raise InputMissing(
                f"{name} is of {found[0]}, not of {wanted[0]}",
                where=str(path),
                why=f"its data end on {found[1]}; {wanted[0]} ends on {wanted[1]}",
                remedy=f"race run --quarter {wanted[0]}",
            )

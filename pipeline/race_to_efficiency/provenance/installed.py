"""What runs and publications have put into the folders under reports/, so that a later one can tell it from a user's.

The names are noted before the files are written: what a run or a publication that was cut off has left is known to the
next one, which takes away what it does not write itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from race_to_efficiency import storage
from race_to_efficiency.errors import DataInvalid, InputMissing, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from race_to_efficiency.settings.params import Workspace

INSTALLED_NOTE = "installed.json"
"""Under data/processed: folder -> the names of the files put there."""


def install(workspace: Workspace, folder: str, files: Mapping[str, bytes], *, alone: bool = False) -> None:
    """Make the files of a folder under reports/ what is given; a user's own files there are left alone.

    Parameters
    ----------
    workspace : Workspace
    folder : str
    files : mapping
        Name -> bytes, written in this order, where a file is not what it should be.
    alone : bool
        Refuse a folder that holds files of a user's.

    Raises
    ------
    UsageError
        When it does, and nothing else may stand there.
    """
    note, place = workspace.root / "data" / "processed" / INSTALLED_NOTE, workspace.reports / folder
    kept = _read(workspace)
    ours = {*kept.get(folder, ()), *files}
    if alone and (foreign := sorted(_present(workspace, folder) - ours)):
        raise UsageError(
            f"{folder} holds files that are no part of the publication",
            where=", ".join(foreign[:5]),
            why="a published folder holds exactly what its manifest lists",
            remedy="move them out of the folder, then publish again",
        )
    if ours != set(kept.get(folder, ())):
        storage.write_json(note, {**kept, folder: sorted(ours)})
    for name in sorted(ours - set(files)):
        (place / name).unlink(missing_ok=True)
    for name, data in files.items():
        path = place / name
        if path.is_symlink() or not path.is_file() or storage.read_bytes(path) != data:
            storage.write_bytes(path, data)
    if ours != set(files):
        storage.write_json(note, {**kept, folder: sorted(files)})


def _present(workspace: Workspace, folder: str) -> set[str]:
    place = workspace.reports / folder
    return {path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_symlink() or not path.is_dir()}


def _read(workspace: Workspace) -> dict[str, list[str]]:
    """Return the note; an empty one where there is none, or none that can be read."""
    try:
        kept = storage.read_json(workspace.root / "data" / "processed" / INSTALLED_NOTE)
    except (InputMissing, DataInvalid):
        return {}
    return kept if isinstance(kept, dict) and all(isinstance(names, list) for names in kept.values()) else {}

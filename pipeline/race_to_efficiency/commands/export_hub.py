"""What ``race export hub`` gathers: the publications of this chain and of closed ones, and what settled them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import race_to_efficiency
from race_to_efficiency import storage
from race_to_efficiency.commands.output_files import output_file
from race_to_efficiency.errors import InputMissing, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from race_to_efficiency.hub.rows import Publication
    from race_to_efficiency.settings.params import Workspace

TRACK_RECORD = "track_record.json"


def hub_files(workspace: Workspace) -> dict[str, bytes]:
    """Return the files of the hub as a quarter sees it: what was published up to it, settled by its track record.

    Raises
    ------
    InputMissing
        When nothing was published.
    """
    from race_to_efficiency.hub.folder import hub_files as files
    from race_to_efficiency.provenance.published_files import published_json
    from race_to_efficiency.provenance.records import open_records

    publications = published(workspace)
    if not publications:
        raise InputMissing(
            f"nothing was published up to {workspace.quarter}",
            where=str(workspace.published),
            remedy="race publish",
        )
    record = published_json(open_records(workspace).path(TRACK_RECORD))
    return files(publications, record["published"], race_to_efficiency.__version__)


def published(workspace: Workspace) -> list[Publication]:
    """Return the publications up to a workspace's quarter, earlier ones first."""
    from race_to_efficiency.evaluation.published_inputs import earlier_files, read_published
    from race_to_efficiency.hub.rows import Publication
    from race_to_efficiency.provenance.records import open_folder

    after = str(workspace.quarter.shift(1))
    found = []
    paths = earlier_files(workspace.published, after)
    for path, document in zip(paths, read_published(workspace.published, after), strict=True):
        chain = path.parent.relative_to(workspace.published)  # of a closed chain, a folder of its name
        folder = workspace.reports / chain / document["publication"]
        if folder.is_dir():
            records = open_folder(folder)
            report = records.settings["report"]
            curves = (records.table("forecast"), report["headline_scenario"], report["headline_anchor"])
            found.append(Publication(document, *curves))
        else:
            found.append(Publication(document))
    return found


def write_folder(folder: Path, files: dict[str, bytes]) -> None:
    """Write files under a folder, which may hold nothing else.

    Raises
    ------
    UsageError
        When the folder holds other files, or is one that no output option writes into.
    """
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
    other = sorted(there - set(files))
    if other:
        raise UsageError(
            f"--output {folder} holds {other[0]}, which is no file of this export",
            where="--output",
            why="a hub's readers take every file they find",
            remedy="name a new folder",
        )
    for name in files:
        output_file(folder / name, "--output")
    storage.write_together({folder / name: data for name, data in files.items()})

"""What each publication stated, kept in data/published as an input of the track record of later quarters.

A file can always be made again from its published folder. Corrections stand beside what they correct: a statement stays
scored as it was first published.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from race_to_efficiency import storage
from race_to_efficiency.provenance.registry import read_entries

if TYPE_CHECKING:
    from pathlib import Path

    from race_to_efficiency.settings.params import Workspace


def keep_statements(workspace: Workspace) -> list[Path]:
    """Write data/published from the published folders, where a file is missing or differs; return what was written.

    Parameters
    ----------
    workspace : Workspace

    Raises
    ------
    DataInvalid
        When the registry or a published file is not JSON.
    """
    from race_to_efficiency.evaluation.track_record import published_document

    workspace.published.mkdir(parents=True, exist_ok=True)  # a stage depends on the folder, empty or not
    written = []
    for entry in read_entries(workspace.reports):
        stated, gamma = (workspace.reports / entry.folder / name for name in ("statements.json", "gamma.json"))
        if not stated.is_file() or not gamma.is_file():
            continue
        document = published_document(entry.quarter, entry.folder, storage.read_json(stated), storage.read_json(gamma))
        path, data = workspace.published / f"{entry.folder}.json", storage.dumps(document).encode()
        if not path.is_file() or storage.read_bytes(path) != data:
            storage.write_bytes(path, data)
            written.append(path)
    return written

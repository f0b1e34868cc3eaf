"""What each publication stated, kept in data/published as an input of the track record of later quarters.

A file can always be made again from its published folder. Corrections stand beside what they correct: a statement stays
scored as it was first published.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import PurePath
from typing import TYPE_CHECKING

from race_to_efficiency import storage
from race_to_efficiency.loading.json_text import parse_json
from race_to_efficiency.provenance import published_files
from race_to_efficiency.provenance.findings import Finding
from race_to_efficiency.provenance.kept_files import is_kept
from race_to_efficiency.provenance.registry import REGISTRY, read_entries
from race_to_efficiency.quarter.answers import Answers

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from race_to_efficiency.provenance.registry import Entry
    from race_to_efficiency.settings.params import Workspace


def keep_statements(workspace: Workspace, checks: Answers | None = None) -> list[Path]:
    """Write data/published from the published folders, where a file is missing or differs; return what was written.

    Parameters
    ----------
    workspace : Workspace
    checks : Answers, optional
        What is remembered of published files.

    Raises
    ------
    IntegrityError
        When the registry or a published file is not what was published.
    """
    workspace.published.mkdir(parents=True, exist_ok=True)  # a stage depends on the folder, empty or not
    written, remembered = [], checks or Answers()
    for entry in read_entries(workspace.reports):
        path = workspace.published / f"{entry.folder}.json"
        if path.is_file() and storage.digest_file(path) == _stated_digest(workspace.reports, entry, remembered):
            continue
        data = stated(workspace.reports, entry)
        if data is not None:
            storage.write_bytes(path, data)
            written.append(path)
    return written


def stated(reports: Path, entry: Entry) -> bytes | None:
    """Return what a publication stated, as its file in data/published holds it; None when it stated nothing.

    Raises
    ------
    IntegrityError
        When a file of the published folder is not what was published.
    """
    files = _stating_files(reports, entry)
    return _stated(entry.quarter, entry.folder, *files, reconstructed=entry.reconstructed) if files else None


def _stating_files(reports: Path, entry: Entry) -> list[tuple[str, bytes]]:
    """Return the files that say what a publication stated, with their paths; none when it stated nothing."""
    paths = [reports / entry.folder / name for name in ("statements.json", "gamma.json", "kappa.json")]
    if not all(map(is_kept, paths)):
        return []
    headline = reports / entry.folder / "headline.json"
    kept = (*paths, *([headline] if is_kept(headline) else []))
    return [(str(path), published_files.published_bytes(path)) for path in kept]


def _stated_digest(reports: Path, entry: Entry, checks: Answers) -> str:
    """Return the digest of what a publication stated; empty when it stated nothing. Errors as `stated`."""
    files = _stating_files(reports, entry)
    read = [[PurePath(path).name, storage.digest_bytes(data)] for path, data in files]

    def answer() -> str:
        return storage.digest_bytes(_stated(entry.quarter, entry.folder, *files, reconstructed=entry.reconstructed))

    return str(checks.of(["stated", entry.quarter, entry.folder, entry.reconstructed, read], answer)) if files else ""


@lru_cache(maxsize=32)
def _stated(quarter: str, folder: str, *files: tuple[str, bytes], reconstructed: bool) -> bytes:
    """Return what some files state; a run asks twice, when it checks what was published and when it keeps it."""
    from race_to_efficiency.evaluation.published_inputs import published_document

    read = [parse_json(data, path) for path, data in files]
    return storage.dumps(published_document(quarter, folder, *read, reconstructed=reconstructed)).encode()


def check_statements(
    published: Path,
    reports: Path,
    entries: Sequence[Entry],
    sound: Collection[str],
    checks: Answers,
    *,
    place: str = "data/published",
) -> list[Finding]:
    """Hold data/published, which later track records are made from, against the published folders it comes from.

    Parameters
    ----------
    published, reports : Path
    entries : sequence of Entry
    sound : collection of str
        Published folders that hold; what comes from another cannot be judged.
    checks : Answers
        What is remembered of published files.
    place : str
        How to name the folder of statements in findings.
    """
    findings = []
    known = {f"{entry.folder}.json": entry for entry in entries}
    for path in sorted(published.iterdir()):
        if path.is_dir() and (reports / path.name / REGISTRY).is_file():
            continue  # of a closed chain, which is checked by itself
        if path.name not in known:
            what = "it belongs to no publication, yet later track records would count what it says"
            findings.append(Finding(f"{place}/{path.name}", what, f"remove {place}/{path.name}"))
            continue
        entry = known[path.name]
        if path.is_symlink() or not path.is_file():
            findings.append(Finding(f"{place}/{path.name}", "it is no plain file", f"remove {place}/{path.name}"))
        elif entry.folder in sound and storage.digest_file(path) != _stated_digest(reports, entry, checks):
            what = f"it is not what {reports.name}/{entry.folder} states"
            findings.append(Finding(f"{place}/{path.name}", what, "race run, which writes it again"))
    return findings

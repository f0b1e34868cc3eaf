"""Whether everything published is still what it was: the chain, every file, the signatures, the ledgers' history.

Works on a checkout, on its reports folder, and on one published folder copied somewhere with nothing around it. Every
file under data/ and reports/ is sealed, or derived from what is and compared, or listed as unsealed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from race_to_efficiency import storage
from race_to_efficiency.errors import InputMissing
from race_to_efficiency.provenance import keys
from race_to_efficiency.provenance.closed_chain import check_closed, closed_chains
from race_to_efficiency.provenance.findings import Finding, broken
from race_to_efficiency.provenance.folder import FolderCheck, check_folder
from race_to_efficiency.provenance.ledger_history import HistoryFindings, check_history
from race_to_efficiency.provenance.manifest import MANIFEST, PARAMS
from race_to_efficiency.provenance.published_statements import check_statements
from race_to_efficiency.provenance.registry import ENTRY, REGISTRY, Entry, check_registry, render
from race_to_efficiency.provenance.unsealed import unsealed_files
from race_to_efficiency.provenance.verification import Verification, quarter_json
from race_to_efficiency.provenance.vouching import check_head, check_remembered, standing, vouch
from race_to_efficiency.quarter.answers import Answers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from race_to_efficiency.provenance.audit_records import ChainedPublication, ChainPlace, Unpublished


def verify(
    path: Path,
    *,
    public_key: Path | None = None,
    key_folder: Path | None = None,
    head: str | None = None,
    checks: Answers | None = None,
) -> Verification:
    """Check everything published under ``path``.

    Parameters
    ----------
    path : Path
        A checkout, its reports folder, or one published folder.
    public_key : Path, optional
        The only key to trust (or a folder of them), obtained elsewhere; it must vouch for the newest quarter.
    key_folder : Path, optional
        The reader's own folder of keys: trusted unless ``public_key`` is given, and asked what they have signed.
    head : str, optional
        Digest of a manifest noted elsewhere, which must be in the chain.
    checks : Answers, optional
        What is remembered of published files and ledgers; a run alone gives one.

    Raises
    ------
    InputMissing
        When nothing is published there.
    UsageError, DataInvalid
        When ``head`` is no digest, or a key no key.
    """
    folder = key_folder if key_folder is not None and key_folder.is_dir() else None
    place = public_key or folder
    reader = _Reader(
        frozenset(keys.read_keys(place) if place else ()), public_key is not None, folder, head, checks or Answers()
    )
    if not (path / "reports").is_dir() and _is_published(path) and not (path / REGISTRY).exists():
        if (path.parent / REGISTRY).exists():
            return _verify_reports(path.parent, reader, only=path)
        return _verify_copies([check_folder(path, place="")], reader)
    reports = path / "reports" if (path / "reports").is_dir() else path
    if not is_place(reports):
        raise InputMissing(
            "nothing is published here",
            where=str(path),
            remedy="race run, then race publish; or give a published folder",
        )
    if not (reports / REGISTRY).exists() and not (reports.parent / PARAMS).exists():  # copies, away from a checkout
        note = "there is no registry here: each folder was checked alone, none can be missed"
        copies = [check_folder(folder, place=folder.name) for folder in published_folders(reports)]
        return _verify_copies(copies, reader, [note])
    return _verify_reports(reports, reader)


class _Reader(NamedTuple):
    """Who verifies: keys trusted (by id), whether asked for, the own folder of keys, the head noted, memory."""

    trusted: frozenset[str]
    required: bool
    folder: Path | None
    head: str | None
    checks: Answers


def _verify_copies(checks: list[FolderCheck], reader: _Reader, notes: Sequence[str] = ()) -> Verification:
    """Judge published folders by themselves, away from the registry."""
    for check in checks:
        vouch([check], reader.trusted, required=reader.required)
    result = Verification("folder", checks, [item for check in checks for item in check.findings])
    chain = [check.entry.manifest_sha256 for check in checks if check.entry]
    return _conclude(result, reader, checks, chain, [*notes])


def is_place(folder: Path) -> bool:
    """Tell whether something published lies right here: a published folder, a registry, or published folders."""
    return _is_published(folder) or (folder / REGISTRY).exists() or bool(published_folders(folder))


def _is_published(folder: Path) -> bool:
    return (folder / MANIFEST).exists() or (folder / ENTRY).exists()


def published_folders(reports: Path) -> list[Path]:
    """Return the folders under reports/ that carry a manifest or an entry, sorted by name."""
    if not reports.is_dir():
        return []
    return [folder for folder in sorted(reports.iterdir()) if folder.is_dir() and _is_published(folder)]


def _verify_reports(reports: Path, reader: _Reader, only: Path | None = None) -> Verification:
    """Check the registry, every folder it lists (or one), folders it does not list, who vouches, and the ledgers."""
    root = reports.parent
    raw = root / "data" / "raw"
    result = Verification("repository" if raw.is_dir() and only is None else "reports")
    entries = _registry(reports, result)
    chain = [
        check_folder(reports / entry.folder, place=_place(reports / entry.folder), registered=entry)
        for entry in entries
    ]
    vouch(chain, reader.trusted, required=reader.required)
    listed = {entry.folder for entry in entries}
    loose = [_unlisted(folder) for folder in published_folders(reports) if folder.name not in listed]
    result.folders = [check for check in [*chain, *loose] if only is None or check.place == _place(only)]
    for check in result.folders:
        result.findings += check.findings
    digests = [entry.manifest_sha256 for entry in entries]
    if reader.folder is not None:
        result.findings += check_remembered(reader.folder, reader.trusted, chain, digests, required=reader.required)
    if only is not None:
        return _conclude(result, reader, chain, digests)
    _check_whole_registry(reports, entries, result)
    closed, holds = check_closed(reports, root / "data" / "published", entries[0] if entries else None, reader.checks)
    result.findings += closed
    result.ledgers += holds
    history = HistoryFindings()
    if raw.is_dir():
        history = check_history(raw, reports, result.folders, reader.checks)
        result.findings += history.findings
        result.ledgers += history.holds
        published = root / "data" / "published"
        if published.is_dir():
            sound = {check.entry.folder for check in result.folders if check.entry and not broken(check.findings)}
            result.findings += check_statements(published, reports, entries, sound, reader.checks)
        result.unsealed += history.unsealed
    checked = {check.place.rpartition("/")[2] for check in result.folders}
    checked |= {chain.name for chain in closed_chains(reports)}
    result.unsealed += unsealed_files(root, reports, checked, history.sealed)
    older = [entries[0].previous] if entries and entries[0].previous else []
    return _conclude(result, reader, chain, [*older, *digests])


def _place(folder: Path) -> str:
    return f"{folder.parent.name}/{folder.name}"


def _unlisted(folder: Path) -> FolderCheck:
    """Check a folder that has a manifest but no place in the registry: a deleted entry, or publishing cut off."""
    check = check_folder(folder, place=_place(folder))
    number = f" as number {check.entry.number}" if check.entry else ""
    finding = Finding(
        f"{folder.parent.name}/{REGISTRY}",
        f"the entry of {folder.name} is missing{number}: its folder carries a manifest, the registry does not list it",
        f"git log --oneline -- {folder.parent.name}/{REGISTRY}, then git restore --source=COMMIT; or, if "
        f"`race publish` was interrupted, run it again",
    )
    check.findings.insert(0, finding)
    return check


def _registry(reports: Path, result: Verification) -> list[Entry]:
    """Return the registry's entries and note what is wrong with the file and its chain."""
    path, place = reports / REGISTRY, f"{reports.name}/{REGISTRY}"
    if not path.exists():
        restore = f"git restore -- {place}; each published folder carries its own entry beside"
        result.findings.append(Finding(place, "the registry is missing", restore))
        return []
    entries, findings = check_registry(storage.read_bytes(path), place)
    result.findings += findings
    return list({entry.folder: entry for entry in entries}.values())


def _check_whole_registry(reports: Path, entries: Sequence[Entry], result: Verification) -> None:
    """Hold the registry byte for byte against what the manifests give, where all of them can be read."""
    made = [check.entry for check in result.folders]
    if broken(result.findings) or not entries or any(entry is None for entry in made):
        return
    if render([entry for entry in made if entry]) != storage.read_bytes(reports / REGISTRY):
        place = f"{reports.name}/{REGISTRY}"
        result.findings.append(Finding(place, "an entry differs from its manifest", f"git restore -- {place}"))


def _conclude(
    result: Verification,
    reader: _Reader,
    chain: Sequence[FolderCheck],
    digests: Sequence[str],
    notes: Sequence[str] = (),
) -> Verification:
    """Hold the chain against the head the reader has noted, and say first what the signatures are worth."""
    result.head = digests[-1] if digests else None
    said = list(notes)
    if reader.head is not None:
        findings, words = check_head(reader.head, digests, "reports/registry.json")
        result.findings += findings
        said += words
    result.notes = [standing(chain, reader.trusted, reader.folder), *said]
    return result


def changed_ledger_lines(root: Path, checks: Answers | None = None) -> list[str]:
    """Return in words what a run reads and is not what was published; nothing where nothing is published.

    For a run, which warns and goes on: only verification refuses.

    Parameters
    ----------
    root : Path
    checks : Answers, optional
        What is remembered of published files and ledgers.
    """
    if not (root / "reports" / REGISTRY).exists():
        return []
    found = broken(verify(root, checks=checks).findings)
    return [f"{item.artefact}: {item.what}" for item in found if item.artefact.startswith("data/")]


def chain_state(place: Path, folder: Path | None) -> Unpublished | ChainPlace | ChainedPublication:
    """Return how a quarter stands in the chain, for whoever traces one of its numbers.

    Parameters
    ----------
    place : Path
        What to verify: a checkout, or a published folder alone.
    folder : Path or None
        The quarter's published folder; None when it is not published.
    """
    if folder is None:
        return {
            "published": False,
            "intact": None,
            "note": "not published: nothing holds these files to what they were",
        }
    result = verify(place)
    found = next((check for check in result.folders if check.place in ("", _place(folder))), None)
    bad = broken(result.findings)
    place_in_chain: ChainPlace = {
        "published": True,
        "number": found.entry.number if found and found.entry else None,
        "length": len(result.folders),
        "intact": result.verified,
        "first_bad": bad[0].to_json() if bad else None,
    }
    return {**quarter_json(found), **place_in_chain} if found else place_in_chain

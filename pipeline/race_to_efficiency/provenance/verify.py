"""Whether everything published is still what it was: the chain, every file, the signatures, the ledgers' history.

Works on a checkout, on its reports folder, and on one published folder copied somewhere with nothing around it. What
cannot be known is said: without a signature the whole chain could have been rewritten by whoever can write the folder,
and ledger lines appended since the last publication have no digest yet.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from race_to_efficiency import storage
from race_to_efficiency.errors import InputMissing
from race_to_efficiency.provenance import keys
from race_to_efficiency.provenance.findings import Finding, broken
from race_to_efficiency.provenance.folder import FolderCheck, check_folder
from race_to_efficiency.provenance.ledger_history import check_history
from race_to_efficiency.provenance.manifest import MANIFEST, PARAMS
from race_to_efficiency.provenance.registry import ENTRY, REGISTRY, Entry, check_registry, render

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


@dataclass
class Verification:
    """The outcome of a verification.

    Parameters
    ----------
    scope : {'repository', 'reports', 'folder'}
        What was checked: registry, folders and ledgers; registry and folders; one folder alone.
    folders : list of FolderCheck
    findings : list of Finding
        In the order of the chain; the first broken one is the first bad artefact.
    ledgers : list of str
        Ledger files whose sealed lines hold, with what they cover.
    notes : list of str
        What could not be known, in words.
    """

    scope: str
    folders: list[FolderCheck] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    ledgers: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def verified(self) -> bool:
        """Whether nothing is broken."""
        return not broken(self.findings)

    @property
    def holds(self) -> list[str]:
        """What still holds, in words."""
        words = [
            f"{check.place or 'this folder'}: manifest and {check.files} files, {check.signature}"
            for check in self.folders
            if not broken(check.findings)
        ]
        return words + self.ledgers

    @property
    def unsigned(self) -> list[str]:
        """Published quarters that carry no signature."""
        return [_title(check) for check in self.folders if check.manifest and check.manifest["signed_by"] is None]

    def to_json(self) -> dict[str, Any]:
        """Return the outcome as a JSON-ready mapping."""
        bad = broken(self.findings)
        return {
            "verified": self.verified,
            "scope": self.scope,
            "first_bad": bad[0].to_json() if bad else None,
            "broken": [item.to_json() for item in bad],
            "warnings": [item.to_json() for item in self.findings if item.level == "warning"],
            "holds": self.holds,
            "quarters": [_quarter_json(check) for check in self.folders],
            "unsigned": self.unsigned,
            "notes": self.notes,
        }


def _title(check: FolderCheck) -> str:
    entry = check.entry
    return check.place or (f"{entry.quarter}, revision {entry.revision}" if entry else "this folder")


def _quarter_json(check: FolderCheck) -> dict[str, Any]:
    entry = check.entry
    return {
        "quarter": entry.quarter if entry else None,
        "revision": entry.revision if entry else None,
        "folder": check.place,
        "reconstructed": entry.reconstructed if entry else None,
        "manifest_sha256": entry.manifest_sha256 if entry else None,
        "files": check.files,
        "signature": check.signature,
        "holds": not broken(check.findings),
    }


def verify(path: Path, *, public_key: Path | None = None) -> Verification:
    """Check everything published under ``path``.

    Parameters
    ----------
    path : Path
        A checkout, its reports folder, or one published folder.
    public_key : Path, optional
        The only key to trust, obtained elsewhere, instead of those in reports/keys: whoever can write a checkout can
        plant a key in it.

    Raises
    ------
    InputMissing
        When nothing is published there.
    """
    extra = keys.load_public_key(public_key) if public_key else None
    own = {keys.key_id(extra): extra} if extra else {}
    if not (path / "reports").is_dir() and _is_published(path) and not (path / REGISTRY).exists():
        if (path.parent / REGISTRY).exists():
            return _verify_reports(path.parent, own, only=path)
        check = check_folder(path, place="", trusted=own or None)
        return _conclude(Verification("folder", [check], list(check.findings)))
    reports = path / "reports" if (path / "reports").is_dir() else path
    if not is_place(reports):
        raise InputMissing(
            "nothing is published here",
            where=str(path),
            remedy="race run, then race publish; or give a published folder",
        )
    if not (reports / REGISTRY).exists() and not (reports.parent / PARAMS).exists():  # copies, away from a checkout
        copies = [check_folder(folder, place=folder.name, trusted=own or None) for folder in published_folders(reports)]
        note = "there is no registry here: each folder was checked alone, none can be missed"
        return _conclude(
            Verification("folder", copies, [item for check in copies for item in check.findings], notes=[note])
        )
    return _verify_reports(reports, own)


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


def _verify_reports(reports: Path, own: Mapping[str, Ed25519PublicKey], only: Path | None = None) -> Verification:
    """Check the registry, every folder it lists (or one), folders it does not list, keys and ledgers."""
    raw = reports.parent / "data" / "raw"
    result = Verification("repository" if raw.is_dir() and only is None else "reports")
    known, result.findings = keys.read_trusted_keys(reports / "keys")
    trusted = dict(own) or known
    entries = _registry(reports, result)
    for entry in entries:
        if only is None or (reports / entry.folder) == only:
            folder = reports / entry.folder
            result.folders.append(check_folder(folder, place=_place(folder), registered=entry, trusted=trusted))
    listed = {entry.folder for entry in entries}
    for folder in published_folders(reports):
        if folder.name not in listed and only in (None, folder):
            result.folders.append(_unlisted(folder, trusted))
    for check in result.folders:
        result.findings += check.findings
    if only is None:
        _check_signers(result, known)
        _check_whole_registry(reports, entries, result)
        if raw.is_dir():
            history = check_history(raw, reports, result.folders)
            result.findings += history.findings
            result.ledgers += history.holds
            result.notes += history.notes
    return _conclude(result)


def _place(folder: Path) -> str:
    return f"{folder.parent.name}/{folder.name}"


def _unlisted(folder: Path, trusted: Mapping[str, Ed25519PublicKey]) -> FolderCheck:
    """Check a folder that has a manifest but no place in the registry: a deleted entry, or publishing cut off."""
    check = check_folder(folder, place=_place(folder), trusted=trusted)
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


def _check_signers(result: Verification, known: Mapping[str, Ed25519PublicKey]) -> None:
    """Once a key has signed, later quarters must be signed; a key that signs nothing means a signature was stripped."""
    signers = [(check.manifest or {}).get("signed_by") for check in result.folders]
    first = next((index for index, signer in enumerate(signers) if signer), None)
    for check, signer in zip(result.folders[first:] if first is not None else [], signers[first:], strict=False):
        if signer is None and check.manifest:
            check.add(MANIFEST, "it is unsigned although an earlier quarter is signed: a signature was stripped")
            result.findings.append(check.findings[-1])
    used = {signer["key_id"] for signer in signers if signer}
    for identity in sorted(set(known) - used):
        place = f"reports/keys/{keys.key_file_name(identity)}"
        what = (
            f"key {identity} signs nothing that is published: a signature was stripped, or the key does not belong here"
        )
        result.findings.append(Finding(place, what, f"remove {place} if no quarter was ever signed with it"))


def _conclude(result: Verification) -> Verification:
    """Say loudly what the absence or the standing of signatures means."""
    if result.unsigned:
        result.notes.insert(
            0,
            f"NOT SIGNED: {', '.join(result.unsigned)}. The digests show damage and honest mistakes; whoever can write "
            f"these files could have rewritten all of them together. Compare the newest manifest digest with a copy "
            f"kept elsewhere, or sign with `race publish --sign-key`",
        )
    for check in result.folders:
        if check.signature == "not vouched for" and check.manifest:
            key = check.manifest["signed_by"]["key_id"]
            result.notes.append(f"signed by key {key}, which nothing here vouches for: give the true key with --key")
    return result


def changed_ledger_lines(root: Path) -> list[str]:
    """Return in words which sealed ledger lines of a checkout are not what they were; none where nothing is published.

    For a run, which warns and goes on: only verification refuses.
    """
    if not (root / "reports" / REGISTRY).exists():
        return []
    found = broken(verify(root).findings)
    return [f"{item.artefact}: {item.what}" for item in found if item.artefact.startswith("data/raw/")]


def chain_state(place: Path, folder: Path | None) -> dict[str, Any]:
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
    return {
        "published": True,
        **(_quarter_json(found) if found else {}),
        "number": found.entry.number if found and found.entry else None,
        "length": len(result.folders),
        "intact": result.verified,
        "first_bad": bad[0].to_json() if bad else None,
    }

"""One published folder checked against its manifest: every file, nothing besides, its registry entry, its signature."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from race_to_efficiency import storage
from race_to_efficiency.errors import DataInvalid, RaceError
from race_to_efficiency.loading.json_text import parse_json
from race_to_efficiency.provenance import keys, signing
from race_to_efficiency.provenance.findings import Finding, reason
from race_to_efficiency.provenance.first_seals import FIRST_FORMAT, seal_from_json
from race_to_efficiency.provenance.manifest import MANIFEST, MANIFEST_FORMAT
from race_to_efficiency.provenance.registry import ENTRY, Entry, carried, entry_of, read_carried

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

UNSIGNED, SIGNED, BROKEN = "unsigned", "signed", "broken"
"""What can be said of a signature by itself: who vouches for a key that signed is asked of the chain (`vouching`)."""

OUTSIDE = (MANIFEST, ENTRY, signing.ENVELOPE_NAME)
"""Files of a published folder that the manifest cannot list: itself and what is derived from it."""


@dataclass
class FolderCheck:
    """What the check of one published folder found.

    Parameters
    ----------
    place : str
        How the folder is named in findings; empty for a copied folder.
    manifest : dict or None
        The manifest as read; None when it cannot be read.
    entry : Entry or None
        The registry entry the manifest as it stands would have.
    files : int
        Files whose bytes were compared.
    signature : str
        `UNSIGNED`, `SIGNED` or `BROKEN`; and, once that is known of the chain, what `vouching` says.
    findings : list of Finding
    """

    place: str
    manifest: dict[str, Any] | None = None
    entry: Entry | None = None
    files: int = 0
    signature: str = UNSIGNED
    findings: list[Finding] = field(default_factory=list)

    @property
    def title(self) -> str:
        """How the folder is named to a reader."""
        entry = self.entry
        return self.place or (f"{entry.quarter}, revision {entry.revision}" if entry else "this folder")

    def add(self, name: str, what: str, restore: str | None = None, *, warning: bool = False) -> None:
        """Note a finding about a file of the folder."""
        path = f"{self.place}/{name}" if self.place else name
        restore = restore or restore_words(self.place, name)
        self.findings.append(Finding(path, what, restore, "warning" if warning else "broken"))


def restore_words(place: str, name: str) -> str:
    """Return how to bring a published file back."""
    if not place:
        return f"take {name} from another copy of the folder"
    added = f"git log --diff-filter=A -1 --format=%H -- '{place}/{MANIFEST}'"
    return f"git restore --source=\"$({added})\" -- '{place}/{name}'"


def check_folder(
    folder: Path,
    *,
    place: str,
    registered: Entry | None = None,
) -> FolderCheck:
    """Check a published folder byte for byte.

    Parameters
    ----------
    folder : Path
    place : str
        How to name it in findings; empty for a folder that was copied away from its repository.
    registered : Entry, optional
        The registry's entry for this folder, where a registry is at hand.
    """
    check = FolderCheck(place)
    if folder.is_symlink() or not (folder / MANIFEST).is_file():
        check.add(MANIFEST, "the manifest is missing")
        return check
    data = storage.read_bytes(folder / MANIFEST)
    _read_manifest(check, data)
    if check.manifest is None or check.entry is None:
        return check
    sealed = registered or read_carried(folder)
    if sealed is not None and sealed.manifest_sha256 != check.entry.manifest_sha256:
        source = "the registry" if registered else ENTRY
        check.add(MANIFEST, f"its digest is {check.entry.manifest_sha256}, {source} says {sealed.manifest_sha256}")
    _check_files(check, folder)
    _check_entry(check, folder)
    _check_signature(check, folder, data)
    return check


def _read_manifest(check: FolderCheck, data: bytes) -> None:
    """Parse the manifest and derive its entry; a manifest nobody can read is a finding."""
    try:
        manifest = parse_json(data, MANIFEST)
        check.entry = entry_of(manifest, storage.digest_bytes(data))
        _require_shape(manifest)
    except (DataInvalid, ValueError, KeyError, TypeError, AttributeError) as error:
        check.entry = None
        check.add(MANIFEST, f"it is not a manifest any more: {reason(error)}")
        return
    if storage.dumps(manifest).encode() != data:
        check.add(MANIFEST, "it is not in the form a manifest is written in")
    check.manifest = manifest


def _require_shape(manifest: Mapping[str, Any]) -> None:
    """Raise ValueError, KeyError or TypeError unless all that the checks need stands in the manifest, well typed."""
    sizes = [entry["bytes"] for entry in manifest["files"].values()]
    digests = [entry["sha256"] for entry in manifest["files"].values()]
    signer = manifest["signed_by"] or {"key_id": "", "public_key": ""}
    for seal in manifest["ledgers"].values():
        seal_from_json(seal)
    for name in [*manifest["files"], *manifest["ledgers"]]:
        if name.startswith("/") or "\\" in name or not {"", ".", ".."}.isdisjoint(name.split("/")):
            raise ValueError(f"it lists {name!r}, which is no file of the folder")
    named = [record[name] for record in (signer, signer.get("replaces", signer)) for name in ("key_id", "public_key")]
    texts = [*digests, *manifest["documents"].values(), *named]
    known = manifest["format"] in (MANIFEST_FORMAT, FIRST_FORMAT)
    if not known or {type(size) for size in sizes} - {int} or {type(text) for text in texts} - {str}:
        raise ValueError("a field is not what a manifest holds there")


def _check_files(check: FolderCheck, folder: Path) -> None:
    """Compare every listed file with its digest, and report files nobody listed."""
    listed: dict[str, Any] = (check.manifest or {})["files"]
    everything = sorted(folder.rglob("*"))
    present = {path.relative_to(folder).as_posix(): path for path in everything if path.is_symlink() or path.is_file()}
    for name, entry in listed.items():
        path = present.get(name)
        if path is None:
            check.add(name, "the file is missing")
        elif path.is_symlink() or not path.is_file():
            check.add(name, "it is no plain file")
        else:
            data = storage.read_bytes(path)
            if storage.digest_bytes(data) != entry["sha256"]:
                check.add(name, _difference(data, entry))
        check.files += 1
    for name in sorted(set(present) - set(listed) - set(OUTSIDE)):
        path_words = f"remove it: '{check.place}/{name}'" if check.place else f"remove {name}"
        check.add(name, "it was added after the quarter was published: the manifest does not know it", path_words)
    for name in set(OUTSIDE) & set(present):
        if present[name].is_symlink():
            check.add(name, "it is no plain file")


def _difference(data: bytes, entry: Mapping[str, Any]) -> str:
    """Return in words how a file's bytes differ from the published ones."""
    change = len(data) - entry["bytes"]
    if change:
        return (
            f"its bytes were changed: {abs(change)} byte{'s' * (abs(change) > 1)} {'more' if change > 0 else 'fewer'}"
        )
    return f"its bytes were changed: same length, SHA-256 {storage.digest_bytes(data)} instead of {entry['sha256']}"


def _check_entry(check: FolderCheck, folder: Path) -> None:
    """Hold the entry a folder carries, byte for byte, against the one its manifest gives."""
    path = folder / ENTRY
    if not path.is_file():
        check.add(ENTRY, "the folder's own registry entry is missing")
    elif check.entry is not None and storage.read_bytes(path) != carried(check.entry):
        whole = read_carried(folder) is not None
        check.add(ENTRY, "it does not belong to the manifest" if whole else "its bytes were changed")


def _check_signature(check: FolderCheck, folder: Path, manifest_bytes: bytes) -> None:
    """Check that the folder is signed as its manifest says, by the keys it names."""
    manifest = check.manifest or {}
    path = folder / signing.ENVELOPE_NAME
    signed_by = manifest["signed_by"]
    if signed_by is None:
        if path.exists():
            check.signature = BROKEN
            check.add(path.name, "a signature lies here, but the manifest says the quarter is unsigned")
        return
    check.signature = BROKEN
    if not path.is_file():
        check.add(path.name, f"the signature by key {signed_by['key_id']} is missing")
        return
    try:
        opened = signing.open_envelope(storage.read_bytes(path), *keys.signers_of(signed_by))
    except RaceError as error:
        check.add(path.name, f"{error.what}: {error.why}")
        return
    if opened != signing.statement(manifest_bytes, manifest):
        check.add(path.name, "the signed statement is about another manifest")
        return
    check.signature = SIGNED

"""Freezing a quarter: its folder gets everything needed to trace and check it alone, the registry gains an entry.

Nothing published is ever written again. A correction is a new revision in a folder of its own that names the one it
supersedes. The registry is written last: a publication cut off before that leaves the chain as it was, and publishing
again completes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from race_to_efficiency import checkout, storage
from race_to_efficiency.errors import DataInvalid, IntegrityError, UsageError
from race_to_efficiency.provenance import keys, manifest, registry, signing
from race_to_efficiency.provenance.contents import published_files
from race_to_efficiency.provenance.findings import broken
from race_to_efficiency.provenance.folder import check_folder
from race_to_efficiency.provenance.installed import install
from race_to_efficiency.provenance.made_from import require_same_ledgers
from race_to_efficiency.provenance.verify import published_folders, verify

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from race_to_efficiency.provenance.findings import Finding
    from race_to_efficiency.provenance.registry import Entry
    from race_to_efficiency.settings.params import Workspace


def publish(
    workspace: Workspace,
    *,
    reconstructed: bool = False,
    signing_key: Ed25519PrivateKey | None = None,
    revision_reason: str | None = None,
) -> Entry:
    """Freeze a quarter and append it to the chain.

    Parameters
    ----------
    workspace : Workspace
        The quarter; its stages have run.
    reconstructed : bool
        The quarter is published after the fact, from what the ledgers held as of its last day.
    signing_key : Ed25519PrivateKey, optional
    revision_reason : str, optional
        Why an already published quarter is corrected: makes a new revision.

    Raises
    ------
    InputMissing
        When the quarter was not run, or its numbers were made from other ledgers than those to be sealed.
    UsageError
        When it is published already and no reason for a revision is given, or its folder holds foreign files.
    IntegrityError
        When what is published so far does not verify.
    DataInvalid
        When a file is too large to keep, or belongs to another quarter.
    """
    with checkout.locked(workspace.root, f"race publish {workspace.quarter}"):
        entries = registry.read_entries(workspace.reports)
        before = registry.latest(entries, str(workspace.quarter))
        revision = next_revision(workspace, before, revision_reason)
        folder = workspace.reports / registry.folder_name(str(workspace.quarter), revision)
        _require_sound(workspace, entries, folder)
        if (folder / registry.ENTRY).exists():
            return _complete(workspace, entries, folder)
        if signing_key is None and any(entry.key_id for entry in entries):
            raise UsageError(
                "the chain is signed: an unsigned quarter cannot follow",
                why="verification takes an unsigned quarter after a signed one for a stripped signature",
                remedy="give --sign-key PATH or set RACE_SIGN_KEY",
            )
        files = published_files(workspace)
        seals, marks = manifest.seal_ledgers(workspace.raw, workspace.quarter.as_of.isoformat())
        _require_complete_lines(workspace, seals)
        require_same_ledgers(workspace, seals)
        files[manifest.MARKS] = storage.dumps(marks).encode()
        document = manifest.build(
            workspace.root,
            workspace.quarter,
            files,
            seals,
            number=len(entries) + 1,
            previous=entries[-1].reference() if entries else None,
            revision=revision,
            supersedes=before.reference() if before else None,
            reason=revision_reason,
            reconstructed=reconstructed,
            signed_by=keys.signer_record(signing_key.public_key()) if signing_key else None,
        )
        return _write(workspace, entries, document, files, signing_key)


def _require_sound(workspace: Workspace, entries: list[Entry], target: Path) -> None:
    """Refuse to publish on a chain that does not verify; only the folder to be written now may be unfinished."""
    if not entries and not published_folders(workspace.reports):
        return
    result = verify(workspace.root)
    unfinished = [
        item
        for check in result.folders
        if check.place == f"{target.parent.name}/{target.name}"
        for item in check.findings
    ]
    bad = [item for item in broken(result.findings) if item not in unfinished and not _is_empty_registry(item, entries)]
    if bad:
        raise IntegrityError(
            "nothing can be published on a chain that does not verify",
            where=bad[0].artefact,
            why=bad[0].what,
            remedy=f"{bad[0].restore}; race audit verify tells all",
        )


def _is_empty_registry(item: Finding, entries: list[Entry]) -> bool:
    """Tell whether a finding only says that no registry exists, before the first publication is complete."""
    return not entries and item.artefact.endswith(registry.REGISTRY) and item.what == "the registry is missing"


def _complete(workspace: Workspace, entries: list[Entry], folder: Path) -> Entry:
    """Register a folder that was written whole before its publication was cut off."""
    check = check_folder(folder, place=f"{folder.parent.name}/{folder.name}")
    bad = broken(check.findings)
    entry = check.entry
    head = entries[-1].manifest_sha256 if entries else None
    if bad or entry is None or entry.number != len(entries) + 1 or entry.previous != head:
        raise IntegrityError(
            f"{folder.name} carries a publication that is not in the registry and does not fit its end",
            where=bad[0].artefact if bad else f"{folder.parent.name}/{registry.REGISTRY}",
            why=bad[0].what if bad else "entries of the registry were removed after it was published",
            remedy=f"git restore -- {workspace.reports.name}; or remove {folder.name} if it was never published",
        )
    storage.write_bytes(workspace.reports / registry.REGISTRY, registry.render([*entries, entry]))
    return entry


def next_revision(workspace: Workspace, before: Entry | None, reason: str | None) -> int:
    """Return the revision to publish; a published quarter needs a reason to be corrected.

    Raises
    ------
    UsageError
        When the quarter is published and no reason is given, or a reason is given and it is not.
    """
    name = str(workspace.quarter)
    if before is None:
        if reason is not None:
            raise UsageError(f"{name} is not published yet: there is nothing to revise", remedy="leave out --revise")
        return 1
    if reason is None:
        raise UsageError(
            f"{name} is published and stays as it is",
            where=f"{workspace.reports.name}/{before.folder}",
            why="a published quarter is never written again",
            remedy=f'a correction is a new revision that names it: race publish --quarter {name} --revise "WHY"',
        )
    return before.revision + 1


def _require_complete_lines(workspace: Workspace, seals: dict[str, Any]) -> None:
    """Refuse ledgers that do not end with a line feed: the next appended line would change the last sealed one."""
    for name in seals:
        if not storage.read_bytes(workspace.raw / name).endswith(b"\n"):
            raise DataInvalid(
                f"{name} does not end with a line feed", where=f"data/raw/{name}", remedy="end its last line"
            )


def _write(
    workspace: Workspace,
    entries: list[Entry],
    document: dict[str, Any],
    files: dict[str, bytes],
    signing_key: Ed25519PrivateKey | None,
) -> Entry:
    """Write the folder, then its manifest and entry, then the registry."""
    data = storage.dumps(document).encode()
    entry = registry.entry_of(document, storage.digest_bytes(data))
    files = {**files, manifest.MANIFEST: data}
    if signing_key is not None:
        files[signing.ENVELOPE_NAME] = signing.sign(signing.statement(data, document), signing_key)
    files[registry.ENTRY] = registry.carried(entry)
    install(workspace, entry.folder, files, alone=True)
    if signing_key is not None:
        public = signing_key.public_key()
        path = workspace.reports / "keys" / keys.key_file_name(keys.key_id(public))
        if not path.exists():
            storage.write_bytes(path, keys.public_pem(public))
    storage.write_bytes(workspace.reports / registry.REGISTRY, registry.render([*entries, entry]))
    return entry

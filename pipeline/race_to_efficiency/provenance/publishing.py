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
from race_to_efficiency.provenance.closed_chain import closed_chains
from race_to_efficiency.provenance.contents import published_files
from race_to_efficiency.provenance.findings import broken
from race_to_efficiency.provenance.folder import check_folder
from race_to_efficiency.provenance.installed import install
from race_to_efficiency.provenance.kept_files import as_kept
from race_to_efficiency.provenance.made_from import require_same_ledgers
from race_to_efficiency.provenance.row_seals import Ledger
from race_to_efficiency.provenance.verify import published_folders, verify

if TYPE_CHECKING:
    from collections.abc import Iterable
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
    replaced_key: Ed25519PrivateKey | None = None,
    revision_reason: str | None = None,
    key_folder: Path | None = None,
) -> Entry:
    """Freeze a quarter and append it to the chain.

    Parameters
    ----------
    workspace : Workspace
        The quarter; its stages have run.
    reconstructed : bool
        The quarter is published after the fact, from what the ledgers held as of its last day.
    signing_key : Ed25519PrivateKey, optional
    replaced_key : Ed25519PrivateKey, optional
        The key that signed so far and hands over to ``signing_key``: both sign this quarter.
    revision_reason : str, optional
        Why an already published quarter is corrected: makes a new revision.
    key_folder : Path, optional
        The publisher's own folder of keys, which the chain so far must not contradict.

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
        _require_sound(workspace, entries, folder, key_folder)
        if (folder / registry.ENTRY).exists():
            return _complete(workspace, entries, folder)
        pair = [key for key in (signing_key, replaced_key) if key is not None]
        _require_succession(entries, [keys.key_id(key.public_key()) for key in pair])
        files = published_files(workspace)
        seals, marks = manifest.seal_ledgers(workspace.raw, workspace.quarter.as_of.isoformat())
        _require_form(workspace, seals)
        require_same_ledgers(workspace)
        files |= as_kept({manifest.MARKS: storage.dumps(marks).encode()})
        before_all = closed_chains(workspace.reports)[-1:] if not entries else []
        document = manifest.build(
            workspace.root,
            workspace.quarter,
            files,
            seals,
            number=len(entries) + 1,
            previous=entries[-1].reference() if entries else before_all[0].reference() if before_all else None,
            revision=revision,
            supersedes=before.reference() if before else None,
            reason=before_all[0].why if before_all else revision_reason,
            reconstructed=reconstructed,
            signed_by=keys.signer_record(*(key.public_key() for key in pair)) if pair else None,
        )
        return _write(workspace, entries, document, files, pair)


def _require_succession(entries: list[Entry], signers: list[str]) -> None:
    """Refuse what a verification would take for a stripped signature or for a stranger's.

    Parameters
    ----------
    entries : list of Entry
    signers : list of str
        Ids of the key that signs and of the one that hands over to it, where there are such.
    """
    last = next((entry.key_id for entry in reversed(entries) if entry.key_id), None)
    if last is None and len(signers) == 2:
        raise UsageError("nothing is signed yet: no key can be replaced", remedy="leave out --replaces-key")
    if last is not None and not signers:
        raise UsageError(
            "the chain is signed: an unsigned quarter cannot follow",
            why="verification takes an unsigned quarter after a signed one for a stripped signature",
            remedy="give --sign-key PATH or set RACE_SIGN_KEY",
        )
    if last is not None and last != signers[-1]:
        raise UsageError(
            f"the chain is signed by key {last}, which has not handed over to key {signers[0]}",
            why="verification takes a quarter signed by another key for a stranger's",
            remedy="sign with that key, or hand over: --sign-key NEW --replaces-key OLD",
        )


def _require_sound(workspace: Workspace, entries: list[Entry], target: Path, key_folder: Path | None) -> None:
    """Refuse to publish on a chain that does not verify; only the folder to be written now may be unfinished."""
    if not entries and not published_folders(workspace.reports):
        return
    result = verify(workspace.root, key_folder=key_folder)
    unfinished = [
        item
        for check in result.folders
        if check.place == f"{target.parent.name}/{target.name}"
        for item in check.findings
    ]
    bad = [item for item in broken(result.findings) if item not in unfinished and not _is_empty_registry(item, entries)]
    if bad:
        raise bad[0].error(
            "nothing can be published on a chain that does not verify", then="; race audit verify tells all"
        )


def _is_empty_registry(item: Finding, entries: list[Entry]) -> bool:
    """Tell whether a finding only says that no registry exists, before the first publication is complete."""
    return not entries and item.artefact.endswith(registry.REGISTRY) and item.what == "the registry is missing"


def _complete(workspace: Workspace, entries: list[Entry], folder: Path) -> Entry:
    """Register a folder that was written whole before its publication was cut off."""
    check = check_folder(folder, place=f"{folder.parent.name}/{folder.name}")
    bad = broken(check.findings)
    entry = check.entry
    follows = entry is not None and (not entries or entry.previous == registry.head(entries))
    if bad or entry is None or entry.number != len(entries) + 1 or not follows:
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


def _require_form(workspace: Workspace, names: Iterable[str]) -> None:
    """Refuse ledgers that are not of the form a verification asks for."""
    for name in names:
        damage = Ledger(name, storage.read_bytes(workspace.raw / name)).damage()
        if damage is not None:
            raise DataInvalid(
                f"{name} is not of the form of a ledger: {damage[1]}",
                where=f"data/raw/{name}:{damage[0]}",
                remedy="LF line ends, no blank lines, a line feed at the end",
            )


def _write(
    workspace: Workspace,
    entries: list[Entry],
    document: dict[str, Any],
    files: dict[str, bytes],
    signing_keys: list[Ed25519PrivateKey],
) -> Entry:
    """Write the folder, then its manifest and entry, then the registry."""
    data = storage.dumps(document).encode()
    entry = registry.entry_of(document, storage.digest_bytes(data))
    files = {**files, manifest.MANIFEST: data}
    if signing_keys:
        files[signing.ENVELOPE_NAME] = signing.sign(signing.statement(data, document), *signing_keys)
    files[registry.ENTRY] = registry.carried(entry)
    install(workspace, entry.folder, files, alone=True)
    storage.write_bytes(workspace.reports / registry.REGISTRY, registry.render([*entries, entry]))
    return entry

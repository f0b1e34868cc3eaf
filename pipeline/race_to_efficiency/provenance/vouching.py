"""Who vouches for the published quarters: keys that the reader holds outside what is published.

A signature covers its quarter and, since each manifest names the one before by digest, every quarter before it. A key
hands over to another by signing one quarter together with it. The keys to trust come from the reader, by file or from
the reader's own folder of keys: whoever can rewrite a checkout can put any key into it. That the end of a chain was
dropped no signature can show; the digest of its head, noted elsewhere, can.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from race_to_efficiency import storage
from race_to_efficiency.errors import DataInvalid, InputMissing, UsageError
from race_to_efficiency.provenance import signing
from race_to_efficiency.provenance.findings import Finding
from race_to_efficiency.provenance.folder import BROKEN, UNSIGNED
from race_to_efficiency.provenance.manifest import MANIFEST

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from race_to_efficiency.provenance.folder import FolderCheck

TRUSTED, COVERED, NOT_VOUCHED = "trusted", "covered", "not vouched for"
"""Signed by a trusted key or one it handed over to; followed by a quarter that is; signed, but by no such key."""

DIGEST_DIGITS = 64


def signer_of(check: FolderCheck) -> dict[str, Any]:
    """Return how a quarter's manifest names the key that signed it; nothing when it is unsigned or unreadable."""
    return (check.manifest or {}).get("signed_by") or {}


def vouch(checks: Sequence[FolderCheck], trusted: Collection[str], *, required: bool) -> None:
    """Say of every published quarter who vouches for it, and note what is wrong with that.

    Parameters
    ----------
    checks : sequence of FolderCheck
        The whole chain in its order, or one folder alone.
    trusted : collection of str
        Ids of the keys the reader trusts.
    required : bool
        The newest quarter must be vouched for by them.
    """
    good, current, last = set(trusted), None, -1
    for index, check in enumerate(checks):
        signer = signer_of(check)
        if not signer:
            if current is not None and check.manifest:
                check.add(MANIFEST, "it is unsigned although an earlier quarter is signed: a signature was stripped")
            continue
        keys = {signer["key_id"], signer.get("replaces", {}).get("key_id")}
        if current is not None and current not in keys:
            what = (
                f"signed by key {signer['key_id']}, to which key {current}, which signed before it, never handed over"
            )
            check.add(signing.ENVELOPE_NAME, what)
        if check.signature != BROKEN:
            check.signature = TRUSTED if good & keys and current in (None, *keys) else NOT_VOUCHED
        if check.signature == TRUSTED:
            good.add(signer["key_id"])
            last = index
        current = signer["key_id"]
    for check in checks[: max(last, 0)]:
        check.signature = COVERED if check.signature in (UNSIGNED, NOT_VOUCHED) else check.signature
    if required and checks and last < len(checks) - 1:
        newest = checks[-1]
        words = f"signed by key {current}" if signer_of(newest) else "unsigned"
        what = (
            f"{words}, so nothing that is trusted here vouches for it (trusted: {', '.join(sorted(trusted)) or 'none'})"
        )
        newest.add(signing.ENVELOPE_NAME if signer_of(newest) else MANIFEST, what)


def standing(checks: Sequence[FolderCheck], known: Collection[str], folder: Path | None) -> str:
    """Return in one sentence what the signatures are worth to this reader: the first thing a verification says.

    Parameters
    ----------
    checks : sequence of FolderCheck
    known : collection of str
        Ids of the keys the reader trusts.
    folder : Path or None
        The reader's own folder of keys.
    """
    readable = [check for check in checks if check.manifest]
    bare = [check.title for check in readable if check.signature == UNSIGNED]
    strange = [check for check in readable[-1:] if check.signature == NOT_VOUCHED]
    outside = f"put its public key into {folder}" if folder else "set RACE_KEYS to a folder of public keys"
    if bare and not strange:
        keys = (
            f"; of your keys ({', '.join(key[:16] for key in sorted(known))}) none signed anything here"
            if known
            else ""
        )
        return (
            f"NOT SIGNED: {', '.join(bare)}{keys}. The digests show damage and honest mistakes; whoever can write "
            "these files could have rewritten all of them together. Compare the head with a copy kept elsewhere "
            "(--head), or sign with `race publish --sign-key`"
        )
    if strange:
        return (
            f"SIGNED, BUT NOT BY A KEY YOU TRUST: key {signer_of(strange[-1])['key_id']}. Whoever can write these "
            f"files could have signed them all anew: give the true key with --key, or {outside}"
        )
    signers = {signer_of(check)["key_id"] for check in readable if check.signature == TRUSTED}
    return f"signed, and vouched for by a key you trust: {', '.join(sorted(signers)) or 'none'}"


def check_head(head: str, chain: Sequence[str], place: str) -> tuple[list[Finding], list[str]]:
    """Hold the chain against a head that the reader noted elsewhere; return findings and notes.

    Parameters
    ----------
    head : str
        Digest of a manifest, as a verification or a publication printed it.
    chain : sequence of str
        Digests of the manifests, first to newest.
    place : str
        How to name the registry in findings.

    Raises
    ------
    UsageError
        When it is no digest.
    """
    wanted = head.strip().lower()
    if len(wanted) != DIGEST_DIGITS or set(wanted) - set("0123456789abcdef"):
        raise UsageError("--head must be 64 hex digits, the digest of a manifest", where="--head", why=f"got '{head}'")
    if wanted not in chain:
        what = f"no published quarter has the digest {wanted}: the chain was rewritten, or its end was dropped"
        return [Finding(f"{place}: head", what, f"git log --oneline -- {place}, then git restore --source=COMMIT")], []
    later = len(chain) - 1 - list(chain).index(wanted)
    return [], [f"the head you gave is in the chain; {later or 'nothing'} published since"]


def remember(folder: Path, key: str, chain: Sequence[str]) -> Path:
    """Note in the reader's own folder what a key has signed here, so that its end cannot be dropped unseen."""
    return storage.write_json(_memory(folder, key, chain[0]), {"key_id": key, "chain": list(chain)})


def check_remembered(
    folder: Path, trusted: Collection[str], checks: Sequence[FolderCheck], chain: Sequence[str], *, required: bool
) -> list[Finding]:
    """Hold the chain against what trusted keys are remembered to have signed on this machine.

    It is broken where such a key is asked for or has signed any of it; else it may be another copy, and is warned of.
    """
    findings = []
    signers = {signer_of(check).get("key_id") for check in checks}
    for key in sorted(trusted) if chain else ():
        path = _memory(folder, key, chain[0])
        try:
            newest = str(storage.read_json(path)["chain"][-1])
        except (InputMissing, DataInvalid, KeyError, IndexError, TypeError):
            continue
        if newest not in chain:
            what = (
                f"key {key} has signed {newest} on this machine, which the chain lacks: its end was dropped or changed"
            )
            restore = f"git pull, or git restore reports from a copy; if another copy was signed, remove {path}"
            wrong = required or key in signers
            findings.append(Finding("reports/registry.json: head", what, restore, "broken" if wrong else "warning"))
    return findings


def _memory(folder: Path, key: str, first: str) -> Path:
    return folder / "heads" / f"{first[:16]}-{key[:16]}.json"

"""A chain that was closed: its folders kept as they are beside the new one, whose first entry names its head and why.

A new method starts a new chain. What the old one published stays for good: reports/NAME holds its registry and folders,
data/published/NAME what it stated, which goes on being scored.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from race_to_efficiency import checkout, storage
from race_to_efficiency.errors import DataInvalid, InputMissing, UsageError
from race_to_efficiency.provenance.findings import Finding, broken
from race_to_efficiency.provenance.folder import check_folder
from race_to_efficiency.provenance.manifest import MANIFEST
from race_to_efficiency.provenance.published_statements import check_statements
from race_to_efficiency.provenance.registry import REGISTRY, check_registry, head, read_entries

if TYPE_CHECKING:
    from pathlib import Path

    from race_to_efficiency.provenance.registry import Entry
    from race_to_efficiency.quarter.answers import Answers
    from race_to_efficiency.settings.params import Workspace

CLOSED = "closed.json"
"""Under reports/NAME: the head the chain was closed with, how many quarters it has, and why it was closed."""

_NAME = re.compile(r"[a-z][a-z0-9.-]{1,40}")


@dataclass(frozen=True)
class ClosedChain:
    """A chain that was closed.

    Parameters
    ----------
    name : str
        Its folder under reports/ and data/published/.
    head : str
        Digest of its newest manifest.
    why : str
    """

    name: str
    head: str
    why: str

    def reference(self) -> dict[str, Any]:
        """Return how the first manifest of the chain that follows names it."""
        return {"chain": self.name, "manifest_sha256": self.head}


def closed_chains(reports: Path) -> list[ClosedChain]:
    """Return the chains closed under reports/, by name.

    Raises
    ------
    DataInvalid
        When a note of closing is not one.
    """
    found = []
    for path in sorted(reports.glob(f"*/{CLOSED}")):
        document = storage.read_json(path)
        try:
            found.append(ClosedChain(path.parent.name, str(document["head"]), str(document["why"])))
        except (KeyError, TypeError) as error:
            raise DataInvalid(f"{path.name} is no note of a closed chain", where=str(path), why=repr(error)) from None
    return found


def close_chain(workspace: Workspace, name: str, why: str) -> ClosedChain:
    """Move the chain of published quarters to reports/NAME and what they stated to data/published/NAME.

    Nothing is changed but the place. The note is written first and the registry moved last: closing that was cut off is
    completed by closing again.

    Parameters
    ----------
    workspace : Workspace
    name : str
        Of the model that published it.
    why : str

    Raises
    ------
    UsageError
        When the name will not do or is taken, or no reason is given.
    InputMissing
        When nothing is published.
    IntegrityError
        When a folder of the chain does not verify.
    """
    if not _NAME.fullmatch(name) or not why.strip():
        raise UsageError(
            "a chain is closed under a name and for a reason",
            why=f"got '{name}'; a name has small letters, digits, dots and hyphens",
            remedy='race publish --close-chain race-0.1 --why "the method changed"',
        )
    reports, published = workspace.reports, workspace.published
    with checkout.locked(workspace.root, f"race publish --close-chain {name}"):
        entries = read_entries(reports)
        if not entries:
            raise InputMissing("nothing is published: there is no chain to close", where=str(reports / REGISTRY))
        chain = ClosedChain(name, str(head(entries)), why)
        target, kept = reports / name, published / name
        if (target / CLOSED).exists() and chain not in closed_chains(reports):
            raise UsageError(f"reports/{name} is another chain already", remedy="give another name")
        for entry in entries:
            place = reports / entry.folder if (reports / entry.folder).exists() else target / entry.folder
            bad = broken(check_folder(place, place=f"{place.parent.name}/{place.name}", registered=entry).findings)
            if bad:
                raise bad[0].error("a chain that does not verify is not closed")
        note = {"head": chain.head, "quarters": len(entries), "why": why}
        storage.write_json(target / CLOSED, note)
        kept.mkdir(parents=True, exist_ok=True)
        for entry in entries:
            for old, new in ((reports, target), (published, kept)):
                item = entry.folder if old == reports else f"{entry.folder}.json"
                if (old / item).exists():
                    (old / item).rename(new / item)
        (reports / REGISTRY).rename(target / REGISTRY)
    return chain


def check_closed(
    reports: Path, published: Path, first: Entry | None, checks: Answers
) -> tuple[list[Finding], list[str]]:
    """Check every closed chain as it lies, and that the chain that followed names the newest of them.

    Parameters
    ----------
    reports, published : Path
        Folders of publications and of what they stated.
    first : Entry or None
        First entry of the present chain.
    checks : Answers
        What is remembered of published files.

    Returns
    -------
    list of Finding, list of str
        What is wrong, and what holds.
    """
    findings: list[Finding] = []
    holds: list[str] = []
    chains = closed_chains(reports)
    named = first.previous if first else None
    if named is not None and named not in {chain.head for chain in chains}:
        what = f"the chain follows one that ended with {named}, which is not under {reports.name}/"
        findings.append(Finding(f"{reports.name}/{REGISTRY}: entry 1", what, f"git restore -- {reports.name}"))
    for chain in chains:
        folder, place = reports / chain.name, f"{reports.name}/{chain.name}"
        after = first if first is not None and first.previous == chain.head else None
        data = storage.read_bytes(folder / REGISTRY) if (folder / REGISTRY).is_file() else b""
        entries, found = check_registry(data, f"{place}/{REGISTRY}")
        if not found and head(entries) != chain.head:
            what = f"its head is {head(entries)}, it was closed with {chain.head}"
            found.append(Finding(f"{place}/{REGISTRY}: head", what, f"git restore -- {place}"))
        found += _check_note(folder / CLOSED, f"{place}/{CLOSED}", len(entries), reports, after)
        for entry in entries:
            found += check_folder(folder / entry.folder, place=f"{place}/{entry.folder}", registered=entry).findings
        if (published / chain.name).is_dir():
            sound, where = {entry.folder for entry in entries}, f"data/published/{chain.name}"
            found += check_statements(published / chain.name, folder, entries, sound, checks, place=where)
        findings += found
        if not broken(found):
            holds.append(f"{place}: {len(entries)} quarters of a closed chain, head {chain.head[:16]}: {chain.why}")
    return findings, holds


def _check_note(note: Path, place: str, n_quarters: int, reports: Path, after: Entry | None) -> list[Finding]:
    """Check that a note of closing tells how many quarters there are, and why as the manifest that follows does."""
    held = storage.read_json(note)
    told = held.get("quarters")
    found = [] if told == n_quarters else [f"it tells of {told} quarters, there are {n_quarters}"]
    manifest = reports / after.folder / MANIFEST if after is not None else None
    if manifest is not None and manifest.is_file():
        reason = storage.read_json(manifest).get("reason")
        found += [] if held["why"] == reason else [f"it was closed because '{reason}', the note says '{held['why']}'"]
    return [Finding(place, what, f"git restore -- {place}") for what in found]

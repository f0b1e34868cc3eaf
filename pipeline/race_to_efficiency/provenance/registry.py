"""reports/registry.json: the published quarters in the order they were published, each naming the one before by digest.

Every field of an entry can be derived from its manifest, and the file has one form only; so no byte of it can change
unnoticed. The newest entry's digest stands at the end as ``head``: it is what to write down elsewhere, since a chain
that is rewritten as a whole can only be told from the true one by a signature or by a copy of its head.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_type_hints

from race_to_efficiency import storage
from race_to_efficiency.errors import DataInvalid, RaceError
from race_to_efficiency.json_fields import AsOf, AtLeast1, Means, QuarterName, Sha256
from race_to_efficiency.loading.json_text import parse_json
from race_to_efficiency.provenance.findings import Finding, reason

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

FORMAT = "race-to-efficiency/registry/1"
REGISTRY = "registry.json"
ENTRY = "registry_entry.json"
"""A published folder carries its own entry, so that a copy of it can be checked with nothing around it."""


@dataclass(frozen=True)
class Entry:
    """One published quarter, as the registry lists it.

    Parameters
    ----------
    number : int
        Place in the chain, from 1.
    quarter : str
    revision : int
        1 for the first publication, 2 for its first correction ...
    folder : str
        Folder under reports/.
    as_of : str
    reconstructed : bool
        Whether it was published after the fact.
    manifest_sha256 : str
        Digest of the folder's manifest.json.
    previous : str or None
        ``manifest_sha256`` of the entry before; of the first, the head of the chain that was closed before it.
    supersedes : str or None
        ``manifest_sha256`` of the publication this one corrects.
    key_id : str or None
        Key that signed the manifest; null: not signed.
    """

    number: AtLeast1
    quarter: QuarterName
    revision: AtLeast1
    folder: str
    as_of: AsOf
    reconstructed: bool
    manifest_sha256: Sha256
    previous: Sha256 | None
    supersedes: Sha256 | None
    key_id: str | None

    def __post_init__(self) -> None:
        for name, kinds in _KINDS.items():
            if type(getattr(self, name)) not in kinds:
                raise TypeError(f"{name} must be {' or '.join(kind.__name__ for kind in kinds)}")

    def to_json(self) -> dict[str, Any]:
        """Return the entry as a JSON-ready mapping."""
        return asdict(self)

    def reference(self) -> dict[str, Any]:
        """Return how a later manifest names this publication."""
        return {"quarter": self.quarter, "revision": self.revision, "manifest_sha256": self.manifest_sha256}


@dataclass(frozen=True)
class Published(Entry):
    """A link of the chain, as ``race publish`` tells it."""

    path: Annotated[str, Means("Published folder, from the checkout's root.")]
    git: Annotated[str, Means("Command that adds it to git.")]


_KINDS = {name: get_args(kind) or (kind,) for name, kind in get_type_hints(Entry).items()}
"""JSON's 1, 1.0 and true are equal in Python and different bytes on disk: types are held exactly."""


def folder_name(quarter: str, revision: int) -> str:
    """Return the folder of a publication: ``2026Q1``, its correction ``2026Q1.r2``."""
    return quarter if revision == 1 else f"{quarter}.r{revision}"


def entry_of(manifest: Mapping[str, Any], manifest_sha256: str) -> Entry:
    """Return the registry entry that belongs to a manifest.

    Raises
    ------
    KeyError, TypeError
        When the manifest lacks a field.
    """
    return Entry(
        number=manifest["number"],
        quarter=manifest["quarter"],
        revision=manifest["revision"],
        folder=folder_name(manifest["quarter"], manifest["revision"]),
        as_of=manifest["as_of"],
        reconstructed=manifest["reconstructed"],
        manifest_sha256=manifest_sha256,
        previous=(manifest["previous"] or {}).get("manifest_sha256"),
        supersedes=(manifest["supersedes"] or {}).get("manifest_sha256"),
        key_id=(manifest["signed_by"] or {}).get("key_id"),
    )


def carried(entry: Entry) -> bytes:
    """Return the file in which a published folder carries its entry.

    The entry's own digest stands beside it: when entry and manifest do not belong together, it tells which was changed.
    """
    document = entry.to_json()
    return storage.dumps({"entry": document, "sha256": storage.digest_document(document)}).encode()


def read_carried(folder: Path) -> Entry | None:
    """Return the entry a folder carries, or None when there is none or it is not whole."""
    try:
        document = storage.read_json(folder / ENTRY)
        whole = storage.digest_document(document["entry"]) == document["sha256"]
        return Entry(**document["entry"]) if whole else None
    except (RaceError, KeyError, TypeError, ValueError):
        return None


def head(entries: Sequence[Entry]) -> str | None:
    """Return the digest to note elsewhere: the newest entry's; None when nothing was published."""
    return entries[-1].manifest_sha256 if entries else None


def render(entries: Sequence[Entry]) -> bytes:
    """Return the registry file's bytes."""
    document = {
        "format": FORMAT,
        "entries": [entry.to_json() for entry in entries],
        "head": head(entries),
    }
    return storage.dumps(document).encode()


def read_entries(reports: Path) -> list[Entry]:
    """Return the registry's entries; none when nothing was published.

    Raises
    ------
    IntegrityError
        When the file is no registry any more, or its chain is broken.
    """
    path = reports / REGISTRY
    if not path.exists():
        return []
    entries, findings = check_registry(storage.read_bytes(path), f"{reports.name}/{REGISTRY}")
    if findings:
        raise findings[0].error("the registry of publications does not verify")
    return entries


def newest_folder(reports: Path, quarter: str) -> Path | None:
    """Return the folder of a quarter's newest publication, or None when it was never published."""
    entry = latest(read_entries(reports), quarter)
    return None if entry is None else reports / entry.folder


def latest(entries: Sequence[Entry], quarter: str) -> Entry | None:
    """Return the newest revision of a quarter, or None when it is not published."""
    found = [entry for entry in entries if entry.quarter == quarter]
    return max(found, key=lambda entry: entry.revision, default=None)


def check_registry(data: bytes, place: str) -> tuple[list[Entry], list[Finding]]:
    """Return the entries that can be read and what is wrong with the registry file and its chain.

    Parameters
    ----------
    data : bytes
        The registry file.
    place : str
        How to name it in findings.
    """
    restore = f"git log --oneline -- {place}, then git restore --source=COMMIT -- {place}"
    try:
        document = parse_json(data, place)
        entries = [Entry(**item) for item in document["entries"]]
    except (DataInvalid, KeyError, TypeError) as error:
        return [], [Finding(place, f"it is not a registry any more: {reason(error)}", restore)]
    findings = [Finding(f"{place}: {words}", what, restore) for words, what in _chain_breaks(entries)]
    if not findings and document.get("head") != head(entries):
        findings.append(Finding(f"{place}: head", "head is not the digest of the newest entry", restore))
    if not findings and render(entries) != data:
        findings.append(Finding(place, "its bytes are not the form a registry is written in", restore))
    return entries, findings


def _chain_breaks(entries: Sequence[Entry]) -> list[tuple[str, str]]:
    """Return where the chain of entries breaks, and how."""
    breaks: list[tuple[str, str]] = []
    numbers = [entry.number for entry in entries]
    for index, entry in enumerate(entries):
        where = f"entry {index + 1} ({entry.quarter}, revision {entry.revision})"
        if entry.number in numbers[:index]:
            breaks.append((where, f"number {entry.number} stands twice: an entry was repeated"))
        elif entry.number != index + 1:
            missing = sorted(set(range(1, max(numbers) + 1)) - set(numbers))
            how = f"entry {missing[0]} was deleted" if missing else "entries were put in another order"
            breaks.append((where, f"it carries number {entry.number} at place {index + 1}: {how}"))
        elif index and entry.previous != entries[index - 1].manifest_sha256:
            breaks.append((where, "it does not follow from the entry before it: its `previous` is another digest"))
        elif entry.folder != folder_name(entry.quarter, entry.revision):
            breaks.append((where, f"its folder should be {folder_name(entry.quarter, entry.revision)}"))
    return breaks

"""The ledgers' history held against every published quarter: what each sealed, and what was appended since."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from race_to_efficiency import storage
from race_to_efficiency.errors import DataInvalid, InputMissing
from race_to_efficiency.provenance import ledger_lines
from race_to_efficiency.provenance.findings import Finding, broken
from race_to_efficiency.provenance.ledger_lines import LedgerSeal
from race_to_efficiency.provenance.manifest import MARKS
from race_to_efficiency.provenance.verification import Unsealed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from race_to_efficiency.provenance.folder import FolderCheck


@dataclass
class History:
    """What the check of the ledgers found.

    Parameters
    ----------
    findings : list of Finding
    holds : list of str
        Ledger files whose sealed lines hold, with what they cover.
    unsealed : list of Unsealed
        Lines appended since, which no digest holds yet.
    sealed : set of str
        Names of the files in data/raw that a publication seals, whole or in part.
    """

    findings: list[Finding] = field(default_factory=list)
    holds: list[str] = field(default_factory=list)
    unsealed: list[Unsealed] = field(default_factory=list)
    sealed: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class SealedLedger:
    """One ledger as one published quarter sealed it."""

    quarter: str
    as_of: str
    folder: str
    seal: LedgerSeal


def check_history(raw: Path, reports: Path, checks: Sequence[FolderCheck]) -> History:
    """Check every ledger's sealed lines, what was appended, and which quarters' as-of lines still hold.

    Parameters
    ----------
    raw : Path
        The ledgers' folder.
    reports : Path
        The published folders' parent.
    checks : sequence of FolderCheck
        The published quarters, in the order of the chain.
    """
    sealed: dict[str, list[SealedLedger]] = {}
    for check in checks:
        if check.manifest is None or check.entry is None:
            continue
        for name, document in check.manifest["ledgers"].items():
            seal = LedgerSeal.from_json(document)
            item = SealedLedger(check.entry.quarter, check.entry.as_of, check.entry.folder, seal)
            sealed.setdefault(name, []).append(item)
    history = History(sealed=set(sealed))
    for name in sorted(sealed):
        _check_ledger(raw, reports, name, sealed[name], history)
    newest = next((check.manifest for check in reversed(checks) if check.manifest), None)
    if newest is not None:
        history.sealed |= set(newest["documents"])
        _check_documents(raw, newest["documents"], history)
    return history


def _check_documents(raw: Path, sealed: Mapping[str, str], history: History) -> None:
    """Check what describes the ledgers: as it was published, or as the code in use writes it."""
    writers = {
        "README.md": ("race dictionary", _dictionary),
        "datapackage.json": ("race export datapackage --output data/raw/datapackage.json", _datapackage),
    }
    for name in sorted(sealed):
        place = f"data/raw/{name}"
        command, write = writers.get(name, (f"git restore -- {place}", None))
        if not (raw / name).is_file():
            history.findings.append(Finding(place, "the file is missing", command))
            continue
        data = storage.read_bytes(raw / name)
        if storage.digest_bytes(data) != sealed[name] and (write is None or write(raw) != data):
            what = "it is neither what was published nor what the tables' metadata give"
            history.findings.append(Finding(place, what if write else "its bytes were changed", command))
        else:
            history.holds.append(f"{place}: the description of the ledgers")


def _dictionary(raw: Path) -> bytes:
    """Return the data dictionary as the code in use writes it (the same for every folder)."""
    from race_to_efficiency.ledger.dictionary import dictionary_text

    return dictionary_text().encode() if raw.is_dir() else b""


def _datapackage(raw: Path) -> bytes:
    """Return the data package as the code in use writes it."""
    from race_to_efficiency.provenance.datapackage import datapackage

    return storage.dumps(datapackage(raw)).encode()


def _check_ledger(raw: Path, reports: Path, name: str, sealed: Sequence[SealedLedger], history: History) -> None:
    """Check one ledger against the longest of its seals (a shorter one is its beginning)."""
    path, place = raw / name, f"data/raw/{name}"
    newest = max(reversed(sealed), key=lambda item: item.seal.size_bytes)
    if path.is_symlink() or not path.is_file():
        history.findings.append(Finding(place, "the ledger is missing", f"git restore -- {place}"))
        return
    data = storage.read_bytes(path)
    marks = _marks(reports / newest.folder, name)
    found = ledger_lines.check_sealed(name, data, newest.seal, marks, newest.quarter)
    if found:
        history.findings += found
        lines = ledger_lines.split_lines(data)
        still = [
            item.quarter
            for item in sealed
            if ledger_lines.as_of_digest(lines, item.as_of) == (item.seal.as_of_lines, item.seal.as_of_sha256)
        ]
        history.holds += [f"{place}: the lines recorded by the end of {', '.join(still)}"] if still else []
        return
    published_with_it = [item for item in sealed if item.seal.size_bytes == newest.seal.size_bytes]
    found = ledger_lines.check_appended(
        name, data, newest.seal, {item.quarter: item.as_of for item in published_with_it}
    )
    history.findings += found
    if not broken(found):
        history.holds.append(f"{place}: the {newest.seal.lines} lines {newest.quarter} was published with")
    if count := len(ledger_lines.split_lines(data)) - newest.seal.lines:
        span = f"{newest.seal.lines + 1}" + (f"-{newest.seal.lines + count}" if count > 1 else "")
        why = f"appended after {newest.quarter} was published: a change cannot be known before the next `race publish`"
        history.unsealed.append(Unsealed(f"{place}:{span}", why))


def _marks(folder: Path, name: str) -> str:
    """Return the line marks of a ledger from a published folder; none when that file is damaged."""
    try:
        return str(storage.read_json(folder / MARKS).get(name, ""))
    except (InputMissing, DataInvalid, AttributeError):
        return ""

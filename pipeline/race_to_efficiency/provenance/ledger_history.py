"""The ledgers' history held against every published quarter: what each sealed, and what was appended since."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from race_to_efficiency import storage
from race_to_efficiency.cells.typed import is_date
from race_to_efficiency.provenance.findings import Finding, broken
from race_to_efficiency.provenance.first_seals import seal_from_json
from race_to_efficiency.provenance.row_seals import Ledger, missing_row, not_sealed
from race_to_efficiency.provenance.sealed_rows import read_marks
from race_to_efficiency.provenance.verification import Unsealed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from race_to_efficiency.provenance.folder import FolderCheck
    from race_to_efficiency.provenance.row_seals import Found, Seal
    from race_to_efficiency.quarter.answers import Answers


@dataclass
class HistoryFindings:
    """What the check of the ledgers found.

    Parameters
    ----------
    findings : list of Finding
    holds : list of str
        Ledger files whose sealed rows hold, with what they cover.
    unsealed : list of Unsealed
        Rows and columns that entered since, which no digest holds yet.
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
    seal: Seal
    marks: str


def check_history(raw: Path, reports: Path, folders: Sequence[FolderCheck], checks: Answers) -> HistoryFindings:
    """Check that every ledger holds the rows of each published quarter, and the form of what entered since.

    Parameters
    ----------
    raw : Path
        The ledgers' folder.
    reports : Path
        The published folders' parent.
    folders : sequence of FolderCheck
        The published quarters, in the order of the chain.
    checks : Answers
        What is remembered of ledgers.
    """
    sealed: dict[str, list[SealedLedger]] = {}
    for check in folders:
        if check.manifest is None or check.entry is None:
            continue
        marks = read_marks(reports / check.entry.folder)
        for name, document in check.manifest["ledgers"].items():
            seal = seal_from_json(document)
            entry = check.entry
            item = SealedLedger(entry.quarter, entry.as_of, entry.folder, seal, marks.get(name, ""))
            sealed.setdefault(name, []).append(item)
    history = HistoryFindings(sealed=set(sealed))
    for name in sorted(sealed):
        _check_ledger(raw, name, sealed[name], history, checks)
    newest = next((check.manifest for check in reversed(folders) if check.manifest), None)
    if newest is not None:
        history.sealed |= set(newest["documents"])
        _check_documents(raw, newest["documents"], history)
    return history


def _check_documents(raw: Path, sealed: Mapping[str, str], history: HistoryFindings) -> None:
    """Check what describes the ledgers: as it was published, or as the code in use writes it."""
    for name in sorted(sealed):
        place = f"data/raw/{name}"
        write = DESCRIPTIONS.get(name)
        command = f"git restore -- {place}" if write is None else "race dictionary"
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


def _check_ledger(
    raw: Path, name: str, sealed: Sequence[SealedLedger], history: HistoryFindings, checks: Answers
) -> None:
    """Check one ledger against all of its seals, and the rows that are in none."""
    path, place = raw / name, f"data/raw/{name}"
    if path.is_symlink() or not path.is_file():
        history.findings.append(Finding(place, "the ledger is missing", f"git restore -- {place}"))
        return
    data = storage.read_bytes(path)
    seals = [[item.quarter, item.as_of, type(item.seal).__name__, item.seal.to_json(), item.marks] for item in sealed]

    def answer() -> dict[str, Any]:
        found = HistoryFindings()
        _check_rows(Ledger(name, data), sealed, found)
        return {
            "findings": [item.to_json() for item in found.findings],
            "holds": found.holds,
            "unsealed": [[item.artefact, item.why] for item in found.unsealed],
        }

    found = checks.of(["ledger", name, storage.digest_bytes(data), seals], answer)
    history.findings += [Finding(**item) for item in found["findings"]]
    history.holds += found["holds"]
    history.unsealed += [Unsealed(*item) for item in found["unsealed"]]


def _check_rows(ledger: Ledger, sealed: Sequence[SealedLedger], history: HistoryFindings) -> None:
    """Check the bytes of a ledger."""
    place = f"data/raw/{ledger.name}"
    if (damage := ledger.damage()) is not None:
        history.findings.append(
            Finding(f"{place}:{damage[0]}", damage[1], f"write {place} with LF line ends, as UTF-8")
        )
    found = [item.seal.find(ledger, item.marks, item.as_of) for item in sealed]
    pairs = list(zip(sealed, found, strict=True))
    torn = [(item, there) for item, there in reversed(pairs) if not there.holds]
    if torn:
        history.findings.append(sealed_finding(ledger, torn[0][0].quarter, torn[0][1]))
        still = [item.quarter for item, there in pairs if there.as_of_holds]
        history.holds += [f"{place}: the lines recorded by the end of {', '.join(still)}"] if still else []
        return
    newest, rows = sealed[-1], len(found[-1].rows)
    later = not_sealed(ledger, found)
    findings = entered_findings(ledger, later)
    history.findings += findings
    if damage is None and not broken(findings):
        history.holds.append(f"{place}: the {rows} rows {newest.quarter} was published with")
    columns = [column for column in ledger.header if column not in found[-1].columns]
    if later or columns:
        spans = _spans([ledger.rows[at].line for at in later]) if later else "1"
        said = _entered_words(ledger, later, newest, columns)
        history.unsealed.append(Unsealed(f"{place}:{spans}", said))


def sealed_finding(ledger: Ledger, quarter: str, found: Found) -> Finding:
    """Return the finding that a ledger no longer holds the rows a quarter was published with."""
    line, words = missing_row(ledger, found)
    restore = (
        f"bring the sealed rows back: git log --oneline -- data/raw/{ledger.name}, then git restore --source=COMMIT -- "
        f"data/raw/{ledger.name}; a correction is a new line with the same id and its own recorded date"
    )
    return Finding(f"data/raw/{ledger.name}:{line}", f"{words}; {quarter} was published without that", restore)


def entered_findings(ledger: Ledger, later: Sequence[int]) -> list[Finding]:
    """Return what is wrong with the form of rows that entered after the last publication.

    Parameters
    ----------
    ledger : Ledger
    later : sequence of int
        Their places.
    """
    restore = f"mend the line or remove it from data/raw/{ledger.name}, or import the publication again"
    dated = "recorded" in ledger.header
    firsts: dict[str, int] = {}
    for at, digest in enumerate(ledger.digests(ledger.header)):
        firsts.setdefault(digest, at)
    findings = []
    for at in later:
        row, where = ledger.rows[at], f"data/raw/{ledger.name}:{ledger.rows[at].line}"
        first = firsts[ledger.digests(ledger.header)[at]]
        if row.problem:
            findings.append(Finding(where, f"the line cannot be read: {row.problem}", restore))
        elif row.cells == ledger.header:
            findings.append(Finding(where, "the header stands here again", restore))
        elif len(row.cells) != len(ledger.header) or not row.cells[0].strip():
            what = f"the line has {len(row.cells)} cells, the header {len(ledger.header)}"
            findings.append(Finding(where, what, restore))
        elif dated and not is_date(ledger.recorded[at]):
            what = f"the line has no date of recording: {ledger.recorded[at][:40]!r}"
            findings.append(Finding(where, what, restore))
        elif first != at:
            what = f"the line repeats line {ledger.rows[first].line}: every run sets it aside"
            findings.append(Finding(where, what, restore, "warning"))
    return findings


def _entered_words(ledger: Ledger, later: Sequence[int], newest: SealedLedger, columns: Sequence[str]) -> str:
    """Return in one line what a ledger has gained since a publication and what that changes."""
    words = []
    if later:
        behind = sum("" < ledger.recorded[at] <= newest.as_of for at in later)
        words.append(f"{len(later)} rows entered after {newest.quarter} was published")
        words += [f"{behind} of them known by {newest.as_of} already"] if behind else []
    if columns:
        words.append(f"columns added since: {', '.join(columns)}")
    return (
        f"{'; '.join(words)}: no published quarter reads them, later ones do; a change of them cannot be known before "
        "the next `race publish`"
    )


def _spans(lines: Sequence[int]) -> str:
    """Return line numbers as spans: ``7-9, 12``."""
    spans: list[list[int]] = []
    for line in lines:
        if spans and line == spans[-1][1] + 1:
            spans[-1][1] = line
        else:
            spans.append([line, line])
    return ", ".join(f"{first}-{last}" if last > first else f"{first}" for first, last in spans)


DESCRIPTIONS = {"README.md": _dictionary, "datapackage.json": _datapackage}
"""What describes the ledgers, by name in their folder, and what writes it."""

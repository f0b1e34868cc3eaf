"""The append-only history of a ledger: what a published quarter seals of it, and whether the file still holds that.

A seal remembers the ledger as it stood when the quarter was published: its length, its digest, a short mark for every
line (to name the line that was changed), and the digest of the lines recorded by the quarter's last day. Lines appended
later are the ledger's normal life: of them only the form can be checked, and that none claims to have been recorded
before a quarter that was published without it. Tables whose dates are assumed (``recorded_basis`` = assumed_released)
may gain such lines, because there ``recorded`` is the day of release; they are reported, not refused.
"""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from race_to_efficiency import storage
from race_to_efficiency.provenance.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MARK_DIGITS = 8
"""Hex digits of a line's mark: enough to point at a line; whether the file holds is decided by SHA-256 alone."""


@dataclass(frozen=True)
class LedgerSeal:
    """What a published quarter remembers of one ledger.

    Parameters
    ----------
    size_bytes, lines : int
        Length of the file when the quarter was published.
    sha256 : str
        Digest of those bytes.
    as_of_lines : int
        Lines (header included) recorded by the quarter's last day.
    as_of_sha256 : str
        Digest of those lines, in file order.
    """

    size_bytes: int
    lines: int
    sha256: str
    as_of_lines: int
    as_of_sha256: str

    def to_json(self) -> dict[str, Any]:
        """Return the seal as a JSON-ready mapping."""
        return dict(vars(self))

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> LedgerSeal:
        """Rebuild a seal; unknown or missing fields raise TypeError."""
        return cls(**document)


@dataclass(frozen=True)
class Record:
    """One record of a ledger file: its first line's number (1-based), its bytes and its cells."""

    line: int
    raw: bytes
    cells: list[str]


def split_lines(data: bytes) -> list[bytes]:
    """Return the physical lines, line feeds kept; only LF ends a line."""
    lines = data.split(b"\n")
    last = lines.pop()
    return [line + b"\n" for line in lines] + ([last] if last else [])


def records(lines: list[bytes], first_line: int = 1) -> Iterator[Record]:
    """Yield the records of CSV lines (a quoted cell may hold line breaks).

    Raises
    ------
    csv.Error
        When a quote is never closed or stands where none may.
    """
    text = [line.decode("utf-8", "surrogateescape") for line in lines]
    reader = csv.reader(text, strict=True)
    start = 0
    for cells in reader:
        yield Record(first_line + start, b"".join(lines[start : reader.line_num]), cells)
        start = reader.line_num


def recorded_column(header: list[str]) -> int | None:
    """Return the index of the column that dates a line, or None (the alias table has none)."""
    return header.index("recorded") if "recorded" in header else None


def as_of_digest(lines: list[bytes], as_of: str) -> tuple[int, str]:
    """Return the number and the digest of the lines recorded by ``as_of`` (ISO date), header included.

    A table whose lines carry no date counts its header alone. A file that is no CSV any more counts no lines and
    matches no seal.
    """
    digest, count = hashlib.sha256(), 0
    try:
        rows = list(records(lines))
    except csv.Error:
        return 0, "unreadable"
    column = recorded_column(rows[0].cells) if rows else None
    for index, row in enumerate(rows):
        known = column is not None and column < len(row.cells) and row.cells[column] <= as_of
        if index == 0 or known:
            digest.update(row.raw)
            count += row.raw.count(b"\n") or 1
    return count, digest.hexdigest()


def seal(data: bytes, as_of: str) -> LedgerSeal:
    """Return the seal of a ledger file for a quarter that ends on ``as_of`` (ISO date)."""
    lines = split_lines(data)
    count, digest = as_of_digest(lines, as_of)
    return LedgerSeal(len(data), len(lines), storage.digest_bytes(data), count, digest)


def marks(data: bytes) -> str:
    """Return one short mark a line, joined."""
    return "".join(storage.digest_bytes(line)[:MARK_DIGITS] for line in split_lines(data))


def locate(lines: list[bytes], expected: str) -> tuple[int, str]:
    """Return the 1-based number of the first line that is not the sealed one, and what happened to it in words."""
    then = [expected[start : start + MARK_DIGITS] for start in range(0, len(expected), MARK_DIGITS)]
    now = [storage.digest_bytes(line)[:MARK_DIGITS] for line in lines[: len(then) + 1]]
    index = next((i for i, mark in enumerate(then) if i >= len(now) or now[i] != mark), len(then))
    if index >= len(then):
        return len(then), "bytes were changed"
    if index >= len(now):
        return index + 1, f"the file ends here: {len(then) - index} sealed lines are missing"
    rest_then, rest_now = then[index:], now[index:]
    if rest_then[1:2] == rest_now[:1]:
        return index + 1, "a sealed line that stood here was removed"
    if rest_then[:1] == rest_now[1:2]:
        return index + 1, "a line was inserted here"
    if rest_then[0] in rest_now:
        return index + 1, "sealed lines were put in another order"
    return index + 1, "this line was changed"


def row_id(line: bytes) -> str:
    """Return the first cell of a line (the stable key), or an empty text when the line is no text."""
    try:
        return next(csv.reader([line.decode("utf-8")]))[0][:80]
    except (UnicodeDecodeError, csv.Error, StopIteration, IndexError):
        return ""


def check_sealed(name: str, data: bytes, sealed: LedgerSeal, sealed_marks: str, quarter: str) -> list[Finding]:
    """Return a finding when the sealed part of a ledger is not byte for byte what it was."""
    if len(data) >= sealed.size_bytes and storage.digest_bytes(data[: sealed.size_bytes]) == sealed.sha256:
        return []
    lines = split_lines(data)
    number, words = locate(lines, sealed_marks)
    identity = row_id(lines[number - 1]) if 0 < number <= len(lines) else ""
    where = f"data/raw/{name}:{number}" if number else f"data/raw/{name}"
    what = f"{words}{f' (it now begins with {identity!r})' if identity else ''}; {quarter} was published without that"
    restore = (
        f"bring the sealed lines back: git log --oneline -- data/raw/{name}, then git restore --source=COMMIT -- "
        f"data/raw/{name}; a correction is a new line with the same id and its own recorded date"
    )
    return [Finding(where, what, restore)]


def check_appended(name: str, data: bytes, sealed: LedgerSeal, as_of: Mapping[str, str]) -> list[Finding]:
    """Return findings about the lines after the sealed part: their form, and dates behind a published quarter.

    Parameters
    ----------
    name : str
        File name of the ledger.
    data : bytes
        The whole file; its sealed part holds.
    sealed : LedgerSeal
        The longest seal.
    as_of : mapping
        Published quarter -> its last day, for quarters published when the file had this seal's length.
    """
    tail = data[sealed.size_bytes :]
    if not tail:
        return []
    restore = f"remove the damaged lines from the end of data/raw/{name}, or import the publication again"
    start = sealed.lines + 1
    damage = next((words for sign, words in _DAMAGE.items() if sign in tail), "")
    if not tail.endswith(b"\n"):
        damage = "the file does not end with a line feed: its last line is incomplete"
    if damage:
        return [Finding(f"data/raw/{name}:{start}", f"after the sealed lines {damage}", restore)]
    try:
        header = next(records(split_lines(data)[:1])).cells
        rows = list(records(split_lines(tail), start))
        tail.decode("utf-8")
    except (csv.Error, UnicodeDecodeError, StopIteration) as error:
        return [Finding(f"data/raw/{name}:{start}", f"the appended lines are no UTF-8 CSV: {error}", restore)]
    findings: list[Finding] = []
    known = {line: number for number, line in enumerate(split_lines(data[: sealed.size_bytes]), 1)}
    for row in rows:
        if row.raw in known:
            what = f"the appended line repeats line {known[row.raw]}"
            findings.append(Finding(f"data/raw/{name}:{row.line}", what, restore))
        else:
            findings += _check_row(name, row, header, as_of, restore)
        known.setdefault(row.raw, row.line)
    return findings


_DAMAGE = {
    b"\r": "carriage returns stand",
    b"\x00": "NUL bytes stand",
    b"\xef\xbb\xbf": "a byte-order mark stands",
}


def is_iso_date(text: str) -> bool:
    """Tell whether ``text`` is a calendar date written YYYY-MM-DD."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _check_row(name: str, row: Record, header: list[str], as_of: Mapping[str, str], restore: str) -> Iterator[Finding]:
    """Yield what is wrong with one appended record."""
    where = f"data/raw/{name}:{row.line}"
    if len(row.cells) != len(header) or not row.cells[0].strip():
        yield Finding(where, f"the appended line has {len(row.cells)} cells, the header {len(header)}", restore)
        return
    column = recorded_column(header)
    if column is None:
        return
    recorded = row.cells[column]
    if not is_iso_date(recorded):
        yield Finding(where, f"the appended line has no date of recording: {recorded[:40]!r}", restore)
        return
    late = [quarter for quarter, day in as_of.items() if recorded <= day]
    if not late:
        return
    basis = dict(zip(header, row.cells, strict=True)).get("recorded_basis", "")
    yield Finding(
        where,
        f"row {row.cells[0]!r} was appended after {', '.join(late)} had been published, yet says it was recorded on "
        f"{recorded}: the as-of views of those quarters no longer are what was published",
        "give it the day it really entered the ledger, or publish a new revision of those quarters",
        "warning" if basis == "assumed_released" else "broken",
    )

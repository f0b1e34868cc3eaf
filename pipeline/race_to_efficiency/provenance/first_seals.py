"""The seals of manifests of format 1: a ledger as so many bytes, with a short mark for every line.

Their quarters are read here until the chain starts anew. A ledger may have gained rows and columns since; the bytes of
that time are written again from the rows that are found by their marks, and held against the digest.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

from race_to_efficiency import storage
from race_to_efficiency.ledger.lines import csv_text
from race_to_efficiency.provenance.row_seals import Found, Ledger, RowSeal, Seal

if TYPE_CHECKING:
    from collections.abc import Mapping

FIRST_FORMAT = "race-to-efficiency/manifest/1"
FIRST_MARKS = "ledger_lines.json"
FIRST_MARK_DIGITS = 8
MOST_ADDED = 3
"""Columns that a ledger may have gained since."""


@dataclass(frozen=True)
class LineSeal:
    """Length and digest of a ledger's bytes and of the lines recorded by the quarter's last day, as format 1 has them.

    Parameters
    ----------
    size_bytes, lines : int
    sha256 : str
    as_of_lines : int
    as_of_sha256 : str
    """

    size_bytes: int
    lines: int
    sha256: str
    as_of_lines: int
    as_of_sha256: str

    def __post_init__(self) -> None:
        if {type(value) for value in (self.size_bytes, self.lines, self.as_of_lines)} != {int}:
            raise TypeError("a field of a seal is of another type")
        if {type(value) for value in (self.sha256, self.as_of_sha256)} != {str}:
            raise TypeError("a field of a seal is of another type")

    def to_json(self) -> dict[str, Any]:
        """Return the seal as a JSON-ready mapping."""
        return dict(vars(self))

    def find(self, ledger: Ledger, marks: str, as_of: str) -> Found:
        """Return what of the seal stands in a ledger."""
        wanted = [marks[start : start + FIRST_MARK_DIGITS] for start in range(0, len(marks), FIRST_MARK_DIGITS)]
        columns = _columns(ledger, wanted[0] if wanted else "")
        if columns is None:
            return Found((), [], holds=False, as_of_holds=False)
        kept = [ledger.header.index(name) for name in columns]
        texts = [csv_text([[row.cells[place] for place in kept if place < len(row.cells)]]) for row in ledger.rows]
        lines = [text.encode().splitlines(keepends=True) for text in texts]
        waiting: dict[str, list[int]] = {}
        for at in reversed(range(len(lines))):
            waiting.setdefault(_mark(lines[at][0]), []).append(at)
        places: list[int | None] = []
        number = 1  # after the header
        while number < len(wanted):
            mark = wanted[number]
            place = waiting[mark].pop() if waiting.get(mark) else None
            places.append(place)
            number += 1 if place is None else len(lines[place])
        there = [place for place in places if place is not None]
        header = csv_text([columns])
        then = "".join([header, *(texts[place] for place in there)]).encode()
        known = [texts[place] for place in there if "" < ledger.recorded[place] <= as_of]
        whole = len(then) == self.size_bytes and storage.digest_bytes(then) == self.sha256
        as_of_holds = storage.digest_bytes("".join([header, *known]).encode()) == self.as_of_sha256
        return Found(columns, places, whole, as_of_holds)


def _mark(line: bytes) -> str:
    return storage.digest_bytes(line)[:FIRST_MARK_DIGITS]


def _columns(ledger: Ledger, mark: str) -> tuple[str, ...] | None:
    """Return the columns that were sealed: today's but for a few; None when no header made of them has the mark."""
    for added in range(MOST_ADDED + 1):
        for aside in combinations(ledger.header, added):
            kept = tuple(name for name in ledger.header if name not in aside)
            if _mark(csv_text([kept]).encode()) == mark:
                return kept
    return None


def seal_from_json(document: Mapping[str, Any]) -> Seal:
    """Rebuild a ledger's seal from a manifest of either format.

    Raises
    ------
    TypeError, KeyError
        When it is neither.
    """
    return LineSeal(**document) if "size_bytes" in document else RowSeal.from_json(document)

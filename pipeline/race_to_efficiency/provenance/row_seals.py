"""What a published quarter seals of a ledger: the set of its rows, each by the digest of its cells.

A cell belongs to its column's name and an empty one is left out, so rows may be merged from branches, stand in another
order or gain a column: the set is the same. What entered the ledger later is in no set and changes no quarter.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from race_to_efficiency import storage
from race_to_efficiency.cells.physical import PhysicalRecord, lines_of, records

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MARK_DIGITS = 16
"""Hex digits of a row's mark: enough to find the row; whether the set holds is decided by SHA-256 alone."""

DAMAGE = {
    b"\xef\xbb\xbf": "a byte-order mark stands here",
    b"\r": "a carriage return stands here",
    b"\x00": "a NUL byte stands here",
}


@dataclass(frozen=True)
class Ledger:
    """A ledger file as it lies: its bytes, the names of its columns and its records.

    Parameters
    ----------
    name : str
        File name.
    data : bytes
    """

    name: str
    data: bytes

    @cached_property
    def everything(self) -> list[PhysicalRecord]:
        """All records, the header first."""
        return list(records(lines_of(self.data)))

    @property
    def header(self) -> tuple[str, ...]:
        """Names of the columns; none in an empty file."""
        return self.everything[0].cells if self.everything else ()

    @property
    def rows(self) -> list[PhysicalRecord]:
        """The records below the header."""
        return self.everything[1:]

    def cells(self, row: PhysicalRecord) -> dict[str, str]:
        """Return a row's cells by column; of one that does not fit the header, by place."""
        fits = not row.problem and len(row.cells) == len(self.header)
        names = self.header if fits else [str(place) for place in range(len(row.cells))]
        return dict(zip(names, row.cells, strict=True))

    @cached_property
    def recorded(self) -> list[str]:
        """When each row says it was recorded (ISO date); empty where it does not say."""
        return [self.cells(row).get("recorded", "") for row in self.rows]

    @cached_property
    def _digests(self) -> dict[tuple[str, ...], list[str]]:
        return {}

    def digests(self, columns: tuple[str, ...]) -> list[str]:
        """Return each row's digest over some columns: the others play no part."""
        if columns not in self._digests:
            later = set(self.header) - set(columns)
            rows = (self.cells(row) for row in self.rows)
            self._digests[columns] = [
                row_digest({name: text for name, text in cells.items() if name not in later}) for cells in rows
            ]
        return self._digests[columns]

    def damage(self) -> tuple[int, str] | None:
        """Return the first line that is not of the form a ledger is written in, and why; None when all are."""
        found = [(self.data.index(sign), words) for sign, words in DAMAGE.items() if sign in self.data]
        if found:
            place, words = min(found)
            return self.data.count(b"\n", 0, place) + 1, words
        if not self.data.endswith(b"\n"):
            return max(self.data.count(b"\n") + 1, 1), "the file does not end with a line feed"
        line = 1
        for record in self.everything:
            if record.line != line:
                return line, "a blank line stands here"
            line += 1 if record.problem else 1 + sum(cell.count("\n") for cell in record.cells)
        return None if line == self.data.count(b"\n") + 1 else (line, "a blank line stands here")


def row_digest(cells: Mapping[str, str]) -> str:
    """Return the SHA-256 of a row: of the JSON list of [column, cell], by column, empty cells left out.

    Parameters
    ----------
    cells : mapping
        Column -> text.
    """
    told = sorted((name, text) for name, text in cells.items() if text)
    return storage.digest_bytes(json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode())


def set_digest(digests: Sequence[str]) -> str:
    """Return the SHA-256 of row digests, sorted, one a line: of the set, whatever its order."""
    return storage.digest_bytes("".join(f"{digest}\n" for digest in sorted(digests)).encode())


class Found(NamedTuple):
    """What of a seal stands in a ledger today.

    Parameters
    ----------
    columns : tuple of str
        Columns the seal knows; none where the header is not the sealed one.
    places : list of int or None
        Place of every sealed row among the ledger's rows, in the order it was sealed; None where it is gone.
    holds : bool
        All of them are there, to the last character.
    as_of_holds : bool
        Those are that were recorded by the quarter's last day.
    """

    columns: tuple[str, ...]
    places: list[int | None]
    holds: bool
    as_of_holds: bool

    @property
    def rows(self) -> list[int]:
        """Places of the sealed rows that are there, in the order of the file."""
        return sorted(place for place in self.places if place is not None)


class Seal(Protocol):
    """A quarter's seal of one ledger, however it was written."""

    def to_json(self) -> dict[str, Any]:
        """Return it as it stands in a manifest."""
        ...

    def find(self, ledger: Ledger, marks: str, as_of: str) -> Found:
        """Return what of it stands in a ledger, given the marks of its rows and the quarter's last day."""
        ...


@dataclass(frozen=True)
class RowSeal:
    """The set of a ledger's rows at a publication.

    Parameters
    ----------
    columns : tuple of str
        Columns there were; those that were added later play no part.
    rows : int
    sha256 : str
        Digest of the set of rows.
    as_of_sha256 : str
        Digest of those recorded by the quarter's last day.
    """

    columns: tuple[str, ...]
    rows: int
    sha256: str
    as_of_sha256: str

    def to_json(self) -> dict[str, Any]:
        """Return the seal as a JSON-ready mapping."""
        return {**vars(self), "columns": list(self.columns)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> RowSeal:
        """Rebuild a seal.

        Raises
        ------
        TypeError
            When a field is missing, unknown or of another type.
        """
        seal = cls(**{**document, "columns": tuple(document["columns"])})
        texts = [*seal.columns, seal.sha256, seal.as_of_sha256]
        if type(seal.rows) is not int or any(type(text) is not str for text in texts):
            raise TypeError("a field of a seal is of another type")
        return seal

    def find(self, ledger: Ledger, marks: str, as_of: str) -> Found:
        """Return what of the seal stands in a ledger; each sealed row is found once, the first in the file."""
        digests = ledger.digests(self.columns)
        waiting: dict[str, list[int]] = {}
        for place, digest in reversed(list(enumerate(digests))):
            waiting.setdefault(digest[:MARK_DIGITS], []).append(place)
        wanted = [marks[start : start + MARK_DIGITS] for start in range(0, len(marks), MARK_DIGITS)]
        places = [waiting[mark].pop() if waiting.get(mark) else None for mark in wanted]
        there = [place for place in places if place is not None]
        known = [digests[place] for place in there if "" < ledger.recorded[place] <= as_of]
        header = set(self.columns) <= set(ledger.header)
        whole = header and len(there) == self.rows and set_digest([digests[place] for place in there]) == self.sha256
        return Found(self.columns, places, whole, header and set_digest(known) == self.as_of_sha256)


def seal(ledger: Ledger, as_of: str) -> tuple[RowSeal, str]:
    """Return a ledger's seal for a quarter that ends on ``as_of`` (ISO date), and the marks of its rows."""
    columns = ledger.header
    digests = ledger.digests(columns)
    known = [digest for digest, day in zip(digests, ledger.recorded, strict=True) if "" < day <= as_of]
    made = RowSeal(columns, len(digests), set_digest(digests), set_digest(known))
    return made, "".join(digest[:MARK_DIGITS] for digest in digests)


def missing_row(ledger: Ledger, found: Found) -> tuple[int, str]:
    """Return the line of a ledger where the first sealed row is missing, and what happened there in words."""
    lost = [name for name in found.columns if name not in ledger.header]
    if lost or not found.columns:
        return 1, f"the header was changed: it lacks {', '.join(lost)}" if lost else "the header was changed"
    gone = sum(place is None for place in found.places)
    if not gone:
        return 1, "the rows are not the sealed ones, though their marks are"
    there, index = set(found.rows), found.places.index(None)
    place = max((place for place in found.places[:index] if place is not None), default=-1) + 1
    rest = f"; {gone} sealed rows are missing here and below" if gone > 1 else ""
    if place < len(ledger.rows) and place not in there:
        row = ledger.rows[place]
        return row.line, f"this line was changed (it now begins with {row.cells[0][:80]!r}){rest}"
    if place >= len(ledger.rows):
        return ledger.data.count(b"\n") + 1, f"the file ends here: {gone} sealed rows are missing"
    return ledger.rows[place].line, f"a sealed line that stood here was removed{rest}"


def not_sealed(ledger: Ledger, found: Sequence[Found]) -> list[int]:
    """Return the places of the rows that no seal holds."""
    held = {place for item in found for place in item.rows}
    return [place for place in range(len(ledger.rows)) if place not in held]

"""From bytes to records: one bad line never takes a good one with it.

The file is split into physical lines first and each line is read on its own, so an unbalanced quote or an undecodable
byte costs that line and no other. A quoted cell that spans lines is joined only when the joined record is whole.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_JOINED_LINES = 500
"""How many physical lines one quoted cell may span."""


@dataclass(frozen=True)
class Record:
    """One record of a CSV file.

    Parameters
    ----------
    line : int
        1-based physical line on which it starts.
    cells : tuple of str
    problem : str
        Why it cannot be read; empty when it can.
    """

    line: int
    cells: tuple[str, ...]
    problem: str = ""


def records(data: bytes, width: int | None = None) -> Iterator[Record]:
    """Yield the records of CSV bytes, blank lines left out.

    Parameters
    ----------
    data : bytes
        UTF-8 text; a leading byte-order mark is dropped, CRLF is accepted.
    width : int, optional
        Cells a record must have for a quoted line break to be believed; the first record's when omitted.
    """
    lines = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    number = 0
    while number < len(lines):
        raw = lines[number].removesuffix(b"\r")
        if raw.strip():
            record, used = _record(lines, number, width)
            width = width or len(record.cells)
            yield record
            number += used
        else:
            number += 1


def _record(lines: list[bytes], start: int, width: int | None) -> tuple[Record, int]:
    """Return the record that starts at a physical line and how many lines it takes."""
    if lines[start].count(b'"') % 2 == 0:
        return _parsed(lines[start].removesuffix(b"\r"), start + 1), 1
    joined = lines[start]
    for taken in range(2, MAX_JOINED_LINES + 1):
        if start + taken > len(lines):
            break
        joined += b"\n" + lines[start + taken - 1]
        if joined.count(b'"') % 2 == 0:
            whole = _parsed(joined.removesuffix(b"\r"), start + 1)
            if not whole.problem and (width is None or len(whole.cells) == width):
                return whole, taken
            break
    return Record(start + 1, _rough_cells(lines[start]), "a quote is opened and never closed"), 1


def _parsed(raw: bytes, line: int) -> Record:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        return Record(line, _rough_cells(raw), f"byte 0x{raw[error.start]:02x} is not UTF-8")
    try:
        rows = list(csv.reader([text]))
    except csv.Error as error:
        return Record(line, _rough_cells(raw), str(error))
    return Record(line, tuple(cell for row in rows for cell in row))


def _rough_cells(raw: bytes) -> tuple[str, ...]:
    """Cells of an unreadable line, only to name the row in a report."""
    return tuple(cell.strip('"') for cell in raw.decode("utf-8", "replace").split(","))

"""From bytes to records: one bad line never takes a good one with it.

The file is split into physical lines first and each line is read on its own, so an unbalanced quote or an undecodable
byte costs that line and no other. A quoted cell that spans lines is joined only when the joined record is whole.
"""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
"""What some programs write before a text in UTF-8."""

MAX_JOINED_LINES = 500
"""How many physical lines one quoted cell may span."""

UNCLOSED = "a quote is opened and never closed"
SUMMARY = "a total or a mean of the rows above, no row of its own"


class PhysicalRecord(NamedTuple):
    """One record of a text table.

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


def lines_of(data: bytes) -> list[bytes]:
    """Return the physical lines of a text, without a leading byte-order mark."""
    return data.removeprefix(BYTE_ORDER_MARK).split(b"\n")


def records(
    lines: Sequence[bytes], width: int | None = None, *, delimiter: str = ",", start: int = 0
) -> Iterator[PhysicalRecord]:
    """Yield the records of a text table, blank lines left out.

    Parameters
    ----------
    lines : sequence of bytes
        From `lines_of`: UTF-8, CRLF is accepted.
    width : int, optional
        Cells a record must have for a quoted line break to be believed; the first record's when omitted.
    delimiter : str
    start : int
        Lines to skip.
    """
    number = start
    while number < len(lines):
        raw = lines[number].removesuffix(b"\r")
        if not raw.strip():
            number += 1
            continue
        quoted = b'"' in raw
        record, used = _record(lines, number, width, delimiter) if quoted else (_parsed(raw, number + 1, delimiter), 1)
        width = width or len(record.cells)
        yield record
        number += used


def _record(lines: Sequence[bytes], start: int, width: int | None, delimiter: str) -> tuple[PhysicalRecord, int]:
    """Return the record that starts at a physical line and how many lines it takes."""
    if lines[start].count(b'"') % 2 == 0:
        return _parsed(lines[start].removesuffix(b"\r"), start + 1, delimiter), 1
    joined = lines[start]
    for taken in range(2, MAX_JOINED_LINES + 1):
        if start + taken > len(lines):
            break
        joined += b"\n" + lines[start + taken - 1]
        if joined.count(b'"') % 2 == 0:
            whole = _parsed(joined.removesuffix(b"\r"), start + 1, delimiter)
            if not whole.problem and (width is None or len(whole.cells) == width):
                return whole, taken
            break
    return PhysicalRecord(start + 1, _rough_cells(lines[start].removesuffix(b"\r"), delimiter), UNCLOSED), 1


def _parsed(raw: bytes, line: int, delimiter: str) -> PhysicalRecord:
    try:
        text = raw.decode("utf-8")
        if '"' not in text:
            return PhysicalRecord(line, tuple(text.split(delimiter)))
        rows = csv.reader([text], delimiter=delimiter, strict=True)
        return PhysicalRecord(line, tuple(cell for row in rows for cell in row))
    except UnicodeDecodeError as error:
        problem = f"byte 0x{raw[error.start]:02x} is not UTF-8"
    except csv.Error as error:
        problem = str(error)
    return PhysicalRecord(line, _rough_cells(raw, delimiter), problem)


def _rough_cells(raw: bytes, delimiter: str) -> tuple[str, ...]:
    """Cells of an unreadable line, only to name the row in a report."""
    return tuple(cell.strip('"') for cell in raw.decode("utf-8", "replace").split(delimiter))

"""A publisher's file as it arrives: screened piece by piece before a single record is believed.

Whatever arrives in place of a table (an error page, an archive, a cut-off download, another encoding) is refused with
the reason and the line; nothing is unpacked, and memory stays bounded by the caps below.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from race_to_efficiency import storage
from race_to_efficiency.errors import DataInvalid, InputMissing

if TYPE_CHECKING:
    from pathlib import Path

MAX_FILE_BYTES = 64_000_000
"""Largest table accepted; the largest export known has 2 MB."""

MAX_LINE_BYTES = 2_000_000
"""Longest physical line accepted; the longest known has 20 kB."""

_ARCHIVES = {
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip (or a spreadsheet)",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"(\xb5/\xfd": "zstandard",
    b"PAR1": "parquet",
    b"%PDF": "PDF",
    b"\xd0\xcf\x11\xe0": "an old spreadsheet",
}
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_PAGE = re.compile(rb"\s*(<!doctype\s+html|<html|<head|<\?xml|<body)", re.IGNORECASE)


def refuse(path: Path, why: str, *, line: int | None = None, remedy: str = "") -> DataInvalid:
    """Return the error that refuses a delivery."""
    where = f"{path}:{line}" if line else str(path)
    remedy = remedy or "download the file again and import that; the ledger is unchanged"
    return DataInvalid(f"{path.name} cannot be imported: {why}", where=where, why=why, remedy=remedy)


def screened_bytes(path: Path, *, whole_text: bool = True) -> bytes:
    """Return a text file's bytes after screening it in pieces.

    Parameters
    ----------
    path : Path
    whole_text : bool
        Refuse an empty file and bytes that are not UTF-8; a run log may hold both and still be read.

    Raises
    ------
    InputMissing
        When there is no such file.
    DataInvalid
        When it is not a plain UTF-8 text of bounded size; the line is named.
    """
    if not path.exists():
        raise InputMissing(f"{path.name} does not exist", where=str(path), remedy="check the path")
    if not path.is_file():
        raise refuse(path, "it is not a file", remedy="name the file, or the importer that reads folders")
    kept: list[bytes] = []
    size, line, open_line = 0, 1, 0
    for piece in storage.read_chunks(path):
        if not size:
            _refuse_other_formats(path, piece)
        if (place := piece.find(b"\x00")) >= 0:
            raise refuse(path, "a NUL byte: this is no text table", line=line + piece.count(b"\n", 0, place))
        newlines = piece.count(b"\n")
        longest = _longest_line(piece, open_line)
        if longest > MAX_LINE_BYTES:
            why = f"a line of more than {MAX_LINE_BYTES:,} bytes"
            raise refuse(path, why, line=line + _line_of_longest(piece, open_line))
        size += len(piece)
        line += newlines
        open_line = len(piece) - piece.rfind(b"\n") - 1 if newlines else open_line + len(piece)
        if size > MAX_FILE_BYTES:
            raise refuse(path, f"more than {MAX_FILE_BYTES:,} bytes", line=line)
        kept.append(piece)
    data = b"".join(kept)
    if whole_text:
        _refuse_other_encodings(path, data)
    return data


def _refuse_other_formats(path: Path, head: bytes) -> None:
    for magic, name in _ARCHIVES.items():
        if head.startswith(magic):
            raise refuse(path, f"it is {name}, not a text table", line=1, remedy="unpack it, then import the table")
    if head.startswith(_UTF16):
        raise refuse(path, "it is UTF-16", line=1, remedy="save it as UTF-8")
    if _PAGE.match(head.removeprefix(b"\xef\xbb\xbf")):
        raise refuse(path, "it is a web page, not a table", line=1)


def _refuse_other_encodings(path: Path, data: bytes) -> None:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        why = f"byte 0x{data[error.start]:02x} is not UTF-8"
        raise refuse(path, why, line=line, remedy="save the file as UTF-8") from None
    if not data.strip():
        raise refuse(path, "it is empty", line=1)


def _longest_line(piece: bytes, open_line: int) -> int:
    """Return the length of the longest line that ends or runs in a piece, given what was open before it."""
    parts = piece.split(b"\n")
    return max(open_line + len(parts[0]), *(len(part) for part in parts[1:]), 0)


def _line_of_longest(piece: bytes, open_line: int) -> int:
    """Return how many lines after the piece's first the first overlong line stands."""
    parts = piece.split(b"\n")
    lengths = [open_line + len(parts[0]), *(len(part) for part in parts[1:])]
    return next(place for place, length in enumerate(lengths) if length > MAX_LINE_BYTES)

"""A stranger's file as it arrives: screened piece by piece before a single record is believed.

Whatever arrives in place of a table (an error page, a spreadsheet, a cut-off download, another encoding) is refused
with the reason and the line; a gzip file is unpacked as it is screened, and memory stays bounded by the caps below.
"""

from __future__ import annotations

import codecs
import itertools
import re
import zlib
from typing import TYPE_CHECKING

from race_to_efficiency import storage
from race_to_efficiency.cells.physical import BYTE_ORDER_MARK
from race_to_efficiency.errors import DataInvalid, InputMissing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_TABLE_BYTES = 4_000_000_000
"""Largest text accepted, unpacked: some 10^8 rows."""

MAX_DELIVERY_BYTES = 64_000_000
"""Largest delivery of a publisher accepted; the largest export known has 2 MB."""

MAX_LINE_BYTES = 2_000_000
"""Longest physical line accepted; the longest known has 20 kB."""

GZIP = b"\x1f\x8b"
_FORMATS = {
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"(\xb5/\xfd": "zstandard",
    b"PAR1": "parquet",
    b"%PDF": "PDF",
    b"\xd0\xcf\x11\xe0": "an old spreadsheet",
    b"\x89HDF": "HDF5",
    b"\x93NUMPY": "a numpy array",
    b"\x89PNG": "a picture (PNG)",
    b"\xff\xd8\xff": "a picture (JPEG)",
    b"GIF8": "a picture (GIF)",
    b"SQLite format 3\x00": "an SQLite database",
}
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_PAGE = re.compile(rb"\s*<(!doctype|html|head|body|script|meta|title|style|table|div)\b", re.IGNORECASE)
_XML = re.compile(rb"\s*(<\?xml\b(?!.*<html)|<[A-Za-z][\w.-]*[ >/].*</)", re.DOTALL)
_ARFF = re.compile(rb"\s*(%[^\n]*\n\s*)*@relation\b", re.IGNORECASE)
_READ_HTML = "save it as CSV (in pandas: read_html(FILE)[0].to_csv(NEW, index=False))"
_ZIP, _END_OF_ZIP = b"PK\x03\x04", b"PK\x05\x06"
_WORKBOOK = re.compile(rb"xl/|opendocument\.spreadsheet")
_AS_CSV = "save the table as CSV"
_POINTERS = {
    b"version https://git-lfs": ("Git LFS", "git lfs pull"),
    b"/annex/objects/": ("git-annex", "git annex get"),
    b"outs:\n- md5:": ("DVC", "dvc pull"),
}
"""What stands in place of a file that has not been fetched, and the command that fetches it."""


def refuse(path: Path, why: str, *, line: int | None = None, remedy: str = "") -> DataInvalid:
    """Return the error that refuses a file."""
    where = f"{path}:{line}" if line else str(path)
    remedy = remedy or "download or export the table again; nothing was changed"
    return DataInvalid(f"{path.name or path} cannot be read: {why}", where=where, why=why, remedy=remedy)


def screened_bytes(path: Path, *, whole_text: bool = True, most_bytes: int = MAX_TABLE_BYTES) -> bytes:
    """Return a text file's bytes, unpacked, after screening it in pieces; ``-`` is the standard input.

    Parameters
    ----------
    path : Path
    whole_text : bool
        Refuse an empty file and bytes that are not UTF-8; a run log may hold both and still be read.
    most_bytes : int
        Cap on the unpacked text.

    Raises
    ------
    InputMissing
        When there is no such file.
    DataInvalid
        When it is not a plain text of bounded size, in UTF-8 or marked as UTF-16; the line is named.
    """
    if str(path) != "-" and not path.exists():
        raise InputMissing(f"{path.name} does not exist", where=str(path), remedy="check the path")
    if path.is_dir():
        raise refuse(path, "it is not a file", remedy="name the file, or the importer that reads folders")
    kept: list[bytes] = []
    size, line, open_line, most_in_line = 0, 1, 0, MAX_LINE_BYTES
    for piece in _as_utf8(path, _unpacked(path)):
        if not size:
            _refuse_other_formats(path, piece)
            if piece.lstrip()[:1] == b"[":
                most_in_line = most_bytes  # a JSON array may be one line
        if (place := piece.find(b"\x00")) >= 0:
            raise refuse(path, "a NUL byte: this is no text table", line=line + piece.count(b"\n", 0, place))
        newlines = piece.count(b"\n")
        if open_line + len(piece) > most_in_line and (past := _overlong(piece, open_line, most_in_line)) is not None:
            raise refuse(path, f"a line of more than {most_in_line:,} bytes", line=line + past)
        size += len(piece)
        line += newlines
        open_line = len(piece) - piece.rfind(b"\n") - 1 if newlines else open_line + len(piece)
        if size > most_bytes:
            raise refuse(path, f"more than {most_bytes:,} bytes", line=line)
        kept.append(piece)
    data = b"".join(kept)
    if whole_text:
        _refuse_other_encodings(path, data)
    return data


def _unpacked(path: Path, piece_bytes: int = 1 << 20) -> Iterator[bytes]:
    """Yield a file's pieces, those of a gzip file unpacked."""
    inflate = None
    for number, piece in enumerate(storage.read_chunks(path, piece_bytes)):
        if not number and piece.startswith(GZIP):
            inflate = zlib.decompressobj(wbits=31)
        if inflate is None:
            yield piece
            continue
        rest = piece
        try:
            while rest:
                yield inflate.decompress(rest, piece_bytes)
                rest = inflate.unconsumed_tail
                if inflate.eof and inflate.unused_data:  # a gzip file may hold several members
                    rest, inflate = inflate.unused_data, zlib.decompressobj(wbits=31)
        except zlib.error as error:
            raise refuse(path, f"it is gzip and cannot be unpacked: {error}") from None
    if inflate is None:
        return
    yield inflate.flush()
    if not inflate.eof:
        raise refuse(path, "it is gzip and ends early: the download was cut short")


def _as_utf8(path: Path, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield pieces as they are, those of a text marked as UTF-16 (as spreadsheets save Unicode text) as UTF-8."""
    first = next(pieces, b"")
    if not first.startswith(_UTF16):
        yield first
        yield from pieces
        return
    decoder = codecs.getincrementaldecoder("utf-16")()
    try:
        for piece in itertools.chain((first,), pieces):
            yield decoder.decode(piece).encode("utf-8")
        yield decoder.decode(b"", final=True).encode("utf-8")
    except UnicodeDecodeError as error:
        why = f"it is marked as UTF-16 and cannot be decoded: {error.reason}"
        raise refuse(path, why, remedy="save it again, as UTF-8") from None


def _refuse_other_formats(path: Path, head: bytes) -> None:
    for magic, name in _FORMATS.items():
        if head.startswith(magic):
            raise refuse(path, f"it is {name}, not a text table", line=1, remedy=_AS_CSV)
    for start, (name, command) in _POINTERS.items():
        if head.startswith(start):
            raise refuse(
                path, f"it is a pointer of {name}, not the file itself", line=1, remedy=f"{command} {path.name}"
            )
    if head.startswith(_ZIP):
        raise _zip(path, head)
    _refuse_marked_up(path, head.removeprefix(BYTE_ORDER_MARK))


def _refuse_marked_up(path: Path, head: bytes) -> None:
    """Refuse HTML, XML and ARFF as what they are."""
    if found := _PAGE.match(head):
        if found[1].lower() == b"table":
            raise refuse(path, "it is a table in HTML", line=1, remedy=_READ_HTML)
        if b"<table" in head.lower():
            raise refuse(path, "it is a web page with a table in it", line=1, remedy=_READ_HTML)
        raise refuse(path, "it is a web page, not a table", line=1)
    if _XML.match(head):
        remedy = "save the records as CSV (in pandas: read_xml(FILE).to_csv(NEW, index=False))"
        raise refuse(path, "it is XML, not a table", line=1, remedy=remedy)
    if _ARFF.match(head):
        remedy = "save it as CSV (in pandas: DataFrame(scipy.io.arff.loadarff(FILE)[0]).to_csv(NEW, index=False))"
        raise refuse(path, "it is ARFF (of Weka)", line=1, remedy=remedy)


def _zip(path: Path, head: bytes) -> DataInvalid:
    """Return the error that refuses a zip file: a workbook, an archive, or one that was cut short."""
    if str(path) != "-" and path.stat().st_size <= len(head) and _END_OF_ZIP not in head:
        return refuse(path, "it is zip (or a spreadsheet) and ends early: the download was cut short", line=1)
    if _WORKBOOK.search(head):
        remedy = f"{_AS_CSV} (in pandas: read_excel(FILE).to_csv(NEW, index=False))"
        return refuse(path, "it is a spreadsheet (xlsx or ods), whatever its name", line=1, remedy=remedy)
    return refuse(path, "it is a zip archive, not a text table", line=1, remedy="unpack it and give the table in it")


def _refuse_other_encodings(path: Path, data: bytes) -> None:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        why = f"byte 0x{data[error.start]:02x} is not UTF-8"
        raise refuse(path, why, line=line, remedy="save the file as UTF-8") from None
    if not data.strip().removeprefix(BYTE_ORDER_MARK).strip():
        raise refuse(path, "it is empty", line=1)


def _overlong(piece: bytes, open_line: int, most: int) -> int | None:
    """Return how many lines after the piece's first the first overlong line stands; None without one."""
    parts = piece.split(b"\n")
    lengths = [open_line + len(parts[0]), *(len(part) for part in parts[1:])]
    return next((place for place, length in enumerate(lengths) if length > most), None)

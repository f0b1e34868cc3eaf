"""Step-level logs of training runs, a batch of rows at a time: Parquet, text with separators and JSON lines.

A log may be longer than memory, so nothing is held but the batch that is read. Logs are written by programs: their
numbers are read as Python writes them, and a line with another number of cells than the header is counted, not mended.
"""

from __future__ import annotations

import glob
import io
import itertools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from race_to_efficiency import storage
from race_to_efficiency.cells.dialect import dialect_of
from race_to_efficiency.cells.files import flat_record, open_table
from race_to_efficiency.cells.physical import lines_of
from race_to_efficiency.cells.screening import MAX_LINE_BYTES, refuse
from race_to_efficiency.cells.table import title_of
from race_to_efficiency.cells.text import MISSING_WORDS, tidy
from race_to_efficiency.errors import DataInvalid, InputMissing
from race_to_efficiency.loading.json_text import parse_json
from race_to_efficiency.parquet import parquet_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_TEXTS = (".csv", ".tsv", ".txt", ".jsonl", ".ndjson")
SUFFIXES = (".parquet", *_TEXTS, *(f"{suffix}.gz" for suffix in _TEXTS))
"""Files of a folder that are read as logs."""

BATCH_ROWS = 1 << 20
"""Rows of a parquet file held at a time: some 50 MB with the columns of a fit."""

BATCH_BYTES = 1 << 24
"""Bytes of a text held at a time."""

BATCH_RECORDS = 1 << 16
"""Records of JSON lines held at a time."""

PIECE_ROWS = 1 << 24
"""Rows of a parquet file from which on its row groups are shared out: several workers then read one file."""

MOST_WHOLE_BYTES = 128_000_000
"""Largest log that is read at once: some 1,400 runs of a chart, read in 1.2 GB."""

NOTHING_WORDS = sorted(MISSING_WORDS - {"nan", "-nan"})
"""Texts that stand for nothing; in a log, a loss that is written nan was one."""

HEAD_BYTES = 1 << 16
"""Of a text, to see what separates its cells."""

HEAD_RECORDS = 10_000
"""Of JSON lines, to see which names there are: a loss on held-out text is logged once in many steps."""


@dataclass(frozen=True)
class LogPiece:
    """A file of logs, or some row groups of one: what one worker reads.

    Parameters
    ----------
    path : Path
    columns : tuple of str
        Wanted ones, as they stand in the header.
    groups : (int, int), optional
        First row group, and the one after the last.
    run : str
        What its runs are called where no column names them.
    """

    path: Path
    columns: tuple[str, ...]
    groups: tuple[int, int] | None = None
    run: str = ""


def log_files(pattern: str) -> list[Path]:
    """Return the files that a pattern names, in the order of their names; of a folder all logs under it.

    Parameters
    ----------
    pattern : str
        A file, a folder, or a pattern such as ``logs/**/*.parquet``.

    Raises
    ------
    InputMissing
        When there is none.
    """
    place = Path(pattern)
    if place.is_dir():
        found = [path for path in place.rglob("*") if path.is_file() and path.name.endswith(SUFFIXES)]
    else:
        found = [Path(name) for name in glob.glob(pattern, recursive=True) if Path(name).is_file()]  # noqa: PTH207
    if not found:
        raise InputMissing(
            "there are no logs of that name",
            where=pattern,
            why=f"a folder's logs end in {', '.join(SUFFIXES)}" if place.is_dir() else "no file matches",
            remedy="give a file, a folder or a pattern in quotes: 'logs/*.parquet'",
        )
    return sorted(found)


def run_names(paths: Sequence[Path]) -> list[str]:
    """Return what the runs of each file are called where no column names them.

    That is the file without its endings; where two files are called alike (``run-1/files/history.jsonl``), what tells
    their paths apart.
    """
    titles = [title_of(path.name) for path in paths]
    if len(set(titles)) == len(titles):
        return titles
    parts = [(*path.parent.parts, title) for path, title in zip(paths, titles, strict=True)]
    if len(set(parts)) < len(parts):
        parts = [path.parts for path in paths]
    for end in (0, -1):
        while len({part[end] for part in parts}) == 1 and min(map(len, parts)) > 1:
            parts = [part[1:] if end == 0 else part[:-1] for part in parts]
    return ["/".join(part) for part in parts]


def log_header(path: Path) -> tuple[str, ...]:
    """Return the names of a log's columns."""
    if _is_parquet(path):
        return tuple(parquet_file(path).schema_arrow.names)
    if _is_json(path):
        names: dict[str, None] = {}
        for record, _ in itertools.islice(_records(path), HEAD_RECORDS):
            names |= dict.fromkeys(record or ())
        return tuple(names)
    with _text(path, None) as reader:
        try:
            return tuple(reader.schema.names)
        except UnicodeDecodeError:
            return open_table(path, most_bytes=MOST_WHOLE_BYTES).header


def pieces_of(path: Path, columns: tuple[str, ...], run: str = "") -> list[LogPiece]:
    """Return a file as pieces of about `PIECE_ROWS` rows; a text is one."""
    if not _is_parquet(path):
        return [LogPiece(path, columns, run=run)]
    about = parquet_file(path).metadata
    starts, held = [0], 0
    for group in range(about.num_row_groups):
        held += about.row_group(group).num_rows
        if held >= PIECE_ROWS and group + 1 < about.num_row_groups:
            starts.append(group + 1)
            held = 0
    ends = [*starts[1:], about.num_row_groups]
    return [LogPiece(path, columns, groups, run) for groups in zip(starts, ends, strict=True)]


def log_batches(piece: LogPiece) -> Iterator[tuple[Any, int]]:
    """Yield batches of the wanted columns (`pyarrow.RecordBatch`), each with the lines before it that were no rows.

    Raises
    ------
    InputMissing, DataInvalid
        When the file has gone or is cut short.
    """
    import pyarrow as pa

    if _is_json(piece.path):
        yield from _json_batches(piece)
        return
    if _is_parquet(piece.path):
        file = parquet_file(piece.path)
        groups = range(*(piece.groups or (0, file.metadata.num_row_groups)))
        try:
            for batch in file.iter_batches(BATCH_ROWS, row_groups=groups, columns=list(piece.columns)):
                yield batch, 0
        except (pa.ArrowInvalid, OSError) as error:
            raise refuse(piece.path, str(error)) from None
        return
    unread: list[int] = []
    try:
        with _text(piece.path, piece.columns, unread) as reader:
            for batch in reader:
                yield batch, len(unread)
                unread.clear()
    except pa.ArrowInvalid as error:
        raise refuse(piece.path, str(error)) from None


def whole_log(path: Path, columns: tuple[str, ...]) -> tuple[dict[str, Any], int]:
    """Return the wanted columns of a small log (`pyarrow.Array`), and how many of its lines were no rows.

    A text may be written in any way that `open_table` reads: another decimal mark, titles, blanks between its cells.

    Raises
    ------
    InputMissing, DataInvalid
        When the file has gone, cannot be read, or is larger than `MOST_WHOLE_BYTES`.
    """
    import pyarrow as pa

    if not (_is_parquet(path) or _is_json(path)):
        table = open_table(path, most_bytes=MOST_WHOLE_BYTES)
        texts = {name: table.texts(name).tolist() for name in columns}
        if table.decimal == ",":
            texts = {name: [cell.replace(".", "").replace(",", ".") for cell in cells] for name, cells in texts.items()}
        held = {name: pa.array(map(_text_of, cells), pa.string()) for name, cells in texts.items()}
        return held, len(table.unread)
    batches, unread, held_bytes = [], 0, 0
    named = {tidy(name): name for name in log_header(path)}
    for batch, lost in log_batches(LogPiece(path, tuple(named[name] for name in columns))):
        batches.append(batch)
        unread += lost
        held_bytes += batch.nbytes
        if held_bytes > MOST_WHOLE_BYTES:
            raise refuse(path, f"its columns take more than {MOST_WHOLE_BYTES:,} bytes", remedy="export fewer runs")
    if not batches:
        return {name: pa.nulls(0, pa.string()) for name in columns}, unread
    return {name: pa.concat_arrays([batch[named[name]] for batch in batches]) for name in columns}, unread


def _is_parquet(path: Path) -> bool:
    return next(iter(storage.read_chunks(path, 4)), b"") == b"PAR1"


def _is_json(path: Path) -> bool:
    with storage.arrow_stream(path) as stream:
        return bytes(stream.read(HEAD_BYTES)).removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{"


def _records(path: Path) -> Iterator[tuple[dict[str, Any] | None, int]]:
    """Yield each line of JSON lines as a flat record, None where it is none, with its number; blank lines left out."""
    with storage.arrow_stream(path) as stream, io.BufferedReader(stream) as reader:
        for number in itertools.count(1):
            line = reader.readline(MAX_LINE_BYTES)
            if not line:
                return
            if line.strip():
                try:
                    found = parse_json(line, f"{path}:{number}", not_finite=True)
                except DataInvalid:
                    found = None
                yield (dict(flat_record(found)) if isinstance(found, dict) else None), number


def _json_batches(piece: LogPiece) -> Iterator[tuple[Any, int]]:
    """Yield batches of JSON lines, their cells as texts."""
    import pyarrow as pa

    records = _records(piece.path)
    while held := list(itertools.islice(records, BATCH_RECORDS)):
        rows = [record for record, _ in held if record is not None]
        columns = {name: pa.array([_text_of(row.get(name)) for row in rows], pa.string()) for name in piece.columns}
        yield pa.RecordBatch.from_pydict(columns), len(held) - len(rows)


def _text_of(value: Any) -> str | None:
    """Return a value of a record as a text log would hold it; None where it stands for nothing."""
    text = "" if value is None else value if isinstance(value, str) else json.dumps(value)
    return None if text.strip().lower() in NOTHING_WORDS else text


def _text(path: Path, columns: tuple[str, ...] | None, unread: list[int] | None = None) -> Any:
    """Open a text as batches of texts; lines of another width are noted in ``unread``."""
    import pyarrow as pa
    from pyarrow import csv

    with storage.arrow_stream(path) as stream:
        lines = lines_of(stream.read(HEAD_BYTES))
    delimiter, start, _ = dialect_of(lines)

    def leave_out(row: Any) -> str:
        if unread is not None:
            unread.append(row.actual_columns)
        return "skip"

    names = columns if columns is not None else ()
    try:
        return csv.open_csv(
            storage.arrow_stream(path),
            csv.ReadOptions(block_size=BATCH_BYTES, skip_rows=start),
            csv.ParseOptions(delimiter=delimiter, invalid_row_handler=leave_out),
            csv.ConvertOptions(
                include_columns=list(names),
                column_types=dict.fromkeys(names, pa.string()),
                strings_can_be_null=True,
                null_values=[*NOTHING_WORDS, *map(str.upper, NOTHING_WORDS)],
            ),
        )
    except pa.ArrowInvalid as error:
        raise refuse(path, str(error)) from None
    except pa.ArrowKeyError:
        raise refuse(path, "its text is not UTF-8", remedy="save it as UTF-8") from None

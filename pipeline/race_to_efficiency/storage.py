"""Reading and writing of files; every write is atomic (`checkout.replacing`: a temporary file, flushed, renamed)."""

from __future__ import annotations

import contextlib
import copy
import hashlib
import json
import math
import os
import sys
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from race_to_efficiency.checkout import replacing
from race_to_efficiency.errors import DataInvalid, InputMissing, SystemRefused
from race_to_efficiency.loading.bounds import decoded
from race_to_efficiency.loading.json_text import parse_json
from race_to_efficiency.parquet import parquet_bytes, parquet_frame

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    import pandas as pd

    JSON = dict[str, Any]
    Fields = Mapping[str, tuple[str, str]]

MAX_READ_BYTES = 1_000_000_000
GENERATED = "processed"
"""Folder of what the stages write: only what is missing there does a run make."""

_LINE_CHARACTERS = 300  # a record of numbers.json with its lineage
"""Most that is read of one file at once: a device without end is no input."""


def write_bytes(path: Path, data: bytes, *, durable: bool = True) -> Path:
    """Write ``data`` to ``path`` in one atomic step; an interrupted write leaves the old file as it was.

    Without ``durable`` the disk is not waited for: for files whose content is checked whenever they are read.
    """
    with replacing(path, durable=durable) as stream:
        stream.write(data)
    return path


def write_together(files: Mapping[Path, bytes], *, before: Callable[[], None] | None = None) -> None:
    """Write several files, each atomically: once all are on the disk, they are renamed in the order given.

    What ``before`` raises, called when nothing but the renames is left to do, leaves the old files as they were.
    """
    with contextlib.ExitStack() as stack:
        for path, data in reversed(list(files.items())):  # the stack is left from its end
            stream = stack.enter_context(replacing(path))
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        if before is not None:
            before()


def write_text(path: Path, text: str) -> Path:
    """Write UTF-8 text with LF line ends, atomically."""
    return write_bytes(path, text.encode("utf-8"))


_line = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
_sorted = json.JSONEncoder(sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


_PLAIN = frozenset((str, int, float, bool, type(None)))
"""What nine values of ten are."""


def json_value(value: Any) -> object:
    """Return ``value`` with non-finite floats as None and numpy scalars as Python's (JSON has no infinity)."""
    kind = type(value)
    if kind in _PLAIN and (kind is not float or math.isfinite(value)):
        return value
    if isinstance(value, dict):
        return {str(key): json_value(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [json_value(item) for item in value]
    if hasattr(value, "tolist") and not isinstance(value, (str, bytes)):
        return json_value(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def dumps(document: object) -> str:
    """Return deterministic JSON: indented, insertion order, shortest round-trip floats, no NaN. Seals hold it so."""
    return json.dumps(json_value(document), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def record_lines(document: object) -> str:
    """Return what `dumps` does, small and readable: one record a line.

    What holds no further mapping or list, and whatever is shorter than `_LINE_CHARACTERS`, stands on one line; the rest
    is indented. A published quarter holds some ten thousand small records.
    """
    return _indented(json_value(document), "\n") + "\n"


def _indented(value: object, newline: str) -> str:
    """Return a JSON value's text, every line but the first begun with ``newline``."""
    line = _line(value)
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if len(line) <= _LINE_CHARACTERS or not any(isinstance(item, (dict, list)) for item in members):
        return line
    deeper = newline + " "
    if isinstance(value, dict):
        rows = [f"{_line(name)}: {_indented(item, deeper)}" for name, item in value.items()]
        return f"{{{deeper}{f',{deeper}'.join(rows)}{newline}}}"
    return f"[{deeper}{f',{deeper}'.join(_indented(item, deeper) for item in members)}{newline}]"


def canonical_json(document: object) -> bytes:
    """Return the canonical JSON bytes of a document (RFC 8785), for digests and signatures."""
    import rfc8785

    encoded: bytes = rfc8785.dumps(json_value(document))  # type: ignore[arg-type]
    return encoded


def write_json(path: Path, document: object) -> Path:
    """Write a document as JSON (`record_lines`), atomically."""
    return write_text(path, record_lines(document))


def read_bytes(path: Path) -> bytes:
    """Return a file's bytes.

    Raises
    ------
    InputMissing, DataInvalid, SystemRefused
        As `read_chunks`; DataInvalid also when it is larger than `MAX_READ_BYTES`.
    """
    pieces: list[bytes] = []
    size = 0
    remedy = "run `race run`, or the stage that writes it" if GENERATED in path.parts else "check the path"
    for piece in read_chunks(path, 1 << 22, remedy=remedy):
        size += len(piece)
        if size > MAX_READ_BYTES:
            raise DataInvalid(f"{path.name} is larger than {MAX_READ_BYTES:,} bytes", where=str(path))
        pieces.append(piece)
    return b"".join(pieces)


def read_chunks(path: Path, size_bytes: int = 1 << 20, *, remedy: str = "check the path") -> Iterator[bytes]:
    """Yield a file's bytes in pieces, so that memory stays bounded whatever the file's size; ``-``: standard input.

    Raises
    ------
    InputMissing
        When the file does not exist.
    DataInvalid
        When it is a folder, or has a name no file can have.
    SystemRefused
        When it may not be read, or reading fails.
    """
    if "\0" in str(path):
        raise DataInvalid("no file has a name with a NUL in it", where=str(path))
    try:
        with sys.stdin.buffer if str(path) == "-" else path.open("rb") as stream:
            while piece := stream.read(size_bytes):
                yield piece
    except (FileNotFoundError, NotADirectoryError):
        raise InputMissing(f"{path.name} is missing", where=str(path), remedy=remedy) from None
    except IsADirectoryError:
        raise DataInvalid(f"{path.name} is a folder, not a file", where=str(path), remedy="name a file in it") from None
    except OSError as error:
        raise SystemRefused.of(error, str(path)) from None


def read_text(path: Path) -> str:
    """Return a file's UTF-8 text (a leading byte-order mark is dropped).

    Raises
    ------
    InputMissing, DataInvalid, SystemRefused
        As `read_bytes`; DataInvalid also when the bytes are not UTF-8 (the line is named).
    """
    return decoded(read_bytes(path), str(path))


def read_json(path: Path) -> Any:
    """Return a JSON document, parsed within the bounds of `loading`; errors as `read_text` and `parse_json`."""
    return parse_json(read_bytes(path), str(path))


def read_yaml(path: Path) -> Any:
    """Return a YAML document, parsed within the bounds of `loading`; errors as `read_text` and `parse_yaml`."""
    return copy.deepcopy(_yaml(read_bytes(path), str(path)))


@lru_cache(maxsize=8)
def _yaml(data: bytes, where: str) -> Any:
    """Return what YAML bytes hold; a run asks for the same files again and again."""
    from race_to_efficiency.loading.yaml_text import parse_yaml

    return parse_yaml(data, where)


def write_parquet(path: Path, frame: pd.DataFrame, fields: Fields = MappingProxyType({}), source: str = "") -> Path:
    """Write a frame as parquet (`parquet_bytes`), atomically."""
    return write_bytes(path, parquet_bytes(frame, fields, source))


def arrow_stream(path: Path) -> Any:
    """Return a file's bytes as a stream (`pyarrow.NativeFile`), unpacked where they are gzipped."""
    import pyarrow as pa

    packed = next(iter(read_chunks(path, 2)), b"") == b"\x1f\x8b"
    return pa.input_stream(str(path), compression="gzip" if packed else None)


def read_parquet(path: Path) -> pd.DataFrame:
    """Return a parquet file as a frame.

    Raises
    ------
    InputMissing
        When the file does not exist.
    """
    return parquet_frame(read_bytes(path))


def digest_bytes(data: bytes) -> str:
    """Return the SHA-256 of ``data`` as 64 hex digits."""
    return hashlib.sha256(data).hexdigest()


def digest_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    return digest_bytes(read_bytes(path))


def digest_document(document: object) -> str:
    """Return the SHA-256 of a document's canonical JSON."""
    return digest_bytes(canonical_json(document))


def digest_json(document: object) -> str:
    """Return the SHA-256 of a document's JSON with sorted keys: for keys that never leave this program."""
    return digest_bytes(_sorted(json_value(document)).encode())


def digest_frame(frame: pd.DataFrame) -> str:
    """Return a content digest of a frame: column names, dtypes and values, independent of parquet's byte layout."""
    rows = frame.to_csv(index=False, lineterminator="\n", float_format=None)
    types = ",".join(f"{name}:{kind}" for name, kind in frame.dtypes.astype(str).items())
    return digest_bytes(f"{types}\n{rows}".encode())


def digest_tree(root: Path, paths: Iterable[Path]) -> str:
    """Return one digest of many files: their names relative to ``root`` and contents, in sorted order."""
    named = sorted((path.relative_to(root).as_posix(), digest_file(path)) for path in paths)
    return digest_document([list(pair) for pair in named])


def code_files(root: Path) -> list[Path]:
    """Return the source files that can change a number or a page: those under ``pipeline/`` but caches and schemas."""
    package = root / "pipeline"
    aside = {"__pycache__", "json_schemas"}  # a schema describes what is printed and changes nothing
    files = (path for path in package.rglob("*") if path.is_file())
    return sorted(path for path in files if aside.isdisjoint(path.relative_to(package).parts))


def process_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return a copy of the process environment with ``extra`` laid over it."""
    return {**os.environ, **(extra or {})}

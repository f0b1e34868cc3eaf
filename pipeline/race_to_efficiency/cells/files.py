"""From a file of any kind to a table: text with any separator, JSON, JSON lines, parquet, gzip, standard input."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency import storage
from race_to_efficiency.cells.physical import BYTE_ORDER_MARK, PhysicalRecord, lines_of
from race_to_efficiency.cells.screening import MAX_TABLE_BYTES, refuse, screened_bytes
from race_to_efficiency.cells.summaries import summaries_aside
from race_to_efficiency.cells.table import Table
from race_to_efficiency.cells.text import tidy
from race_to_efficiency.cells.text_table import text_table
from race_to_efficiency.errors import DataInvalid
from race_to_efficiency.loading.json_text import parse_json
from race_to_efficiency.parquet import parquet_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray


def open_table(path: Path, *, most_bytes: int = MAX_TABLE_BYTES) -> Table:
    """Read a table, whatever it is written as; each physical row is a row of it or one of `Table.unread`.

    Parameters
    ----------
    path : Path
        ``-`` is the standard input.
    most_bytes : int
        Cap on the unpacked text.

    Raises
    ------
    InputMissing, DataInvalid
        When there is no such file, or it is no table; what it is instead is named.
    """
    if path.is_file() and next(iter(storage.read_chunks(path, 4)), b"") == b"PAR1":
        return summaries_aside(_parquet(path))
    data = screened_bytes(path, most_bytes=most_bytes)
    start = data.removeprefix(BYTE_ORDER_MARK).lstrip()[:1]
    if start in (b"{", b"["):
        return summaries_aside(_json(path, data.removeprefix(BYTE_ORDER_MARK)))
    return summaries_aside(text_table(path, data))


def opened(source: Path | Table) -> Table:
    """Return a table that is open, or the one a file holds; see `open_table`."""
    return source if isinstance(source, Table) else open_table(source)


def _json(path: Path, data: bytes) -> Table:
    """Return the table of JSON lines, of an array of records, or of an object of columns."""
    if re.match(rb"\s*\[\[?[A-Za-z_][\w.-]*\]", data):
        raise refuse(path, "it is TOML, not a table", line=1, remedy="save the records as CSV, or as JSON")
    if re.match(rb"\s*\[?\s*\{\s*'", data):
        why = "it holds dictionaries as Python prints them, not JSON"
        raise refuse(path, why, line=1, remedy="save them with json.dump, or as CSV")
    whole, broken = _whole_json(path, data)
    whole, notes = _records_within(path, whole) if isinstance(whole, dict | list) else (whole, ())
    if broken is not None and data.lstrip()[:1] == b"[":
        raise broken
    items: Iterable[tuple[int, Any]]
    unread: list[PhysicalRecord] = []
    if isinstance(whole, dict) and whole and all(isinstance(column, list | dict) for column in whole.values()):
        columns = [list(column.values()) if isinstance(column, dict) else column for column in whole.values()]
        if len(set(map(len, columns))) > 1:
            raise refuse(path, "its columns differ in length", line=1)
        rows = [dict(zip(whole, cells, strict=True)) for cells in zip(*columns, strict=True)]
        items = enumerate(rows, 2)
    elif isinstance(whole, list):
        items = enumerate(whole, 2)
    else:
        items = _json_lines(path, data, unread)
    found: list[dict[str, Any]] = []
    places: list[int] = []
    names: dict[str, None] = {}
    for line, item in items:
        if isinstance(item, dict):
            flat = dict(flat_record(item))
            names |= dict.fromkeys(flat)
            found.append(flat)
            places.append(line)
        else:
            unread.append(PhysicalRecord(line, (str(item)[:200],), "not a JSON object"))
    if not names:
        remedy = "write one object a line, or an array of objects whose keys are the columns' names"
        raise refuse(path, "it is JSON and holds no records", line=1, remedy=remedy)
    header = tuple(names)
    held = [_json_column([row.get(name) for row in found]) for name in header]
    lines = np.array(places, dtype=np.int64)
    return Table(path, header, lines, held.__getitem__, tuple(unread), notes=notes)


def _records_within(path: Path, whole: Any) -> tuple[Any, tuple[str, ...]]:
    """Return the records of a document: the one list of objects it holds, or lists below a list of their names."""
    if isinstance(whole, dict):
        lists = [name for name, part in whole.items() if isinstance(part, list)]
        if len(lists) == 1 and any(isinstance(item, dict) for item in whole[lists[0]]):
            return whole[lists[0]], (f"the records are those of '{tidy(lists[0])}'",)
        names, rows, said = whole.get("columns"), whole.get("data"), "the names are those of 'columns'"  # pandas' split
    else:
        names, rows, said = next(iter(whole), None), whole[1:], "the names are those of the first list"
    if not (isinstance(names, list) and isinstance(rows, list) and rows):
        return whole, ()
    if not all(isinstance(name, str) for name in names) or any(not isinstance(row, list) for row in rows):
        return whole, ()
    if {len(row) for row in rows} != {len(names)}:
        raise refuse(path, f"its lists are not all of {len(names)} cells, as its names are", line=1)
    return [dict(zip(names, row, strict=True)) for row in rows], (said,)


def _whole_json(path: Path, data: bytes) -> tuple[Any, DataInvalid | None]:
    try:
        return parse_json(data, str(path)), None
    except DataInvalid as error:
        return None, error


def _json_lines(path: Path, data: bytes, unread: list[PhysicalRecord]) -> Iterable[tuple[int, Any]]:
    for number, raw in enumerate(lines_of(data), 1):
        if raw.strip():
            try:
                yield number, parse_json(raw.rstrip().removesuffix(b","), f"{path}:{number}")
            except DataInvalid as error:
                unread.append(PhysicalRecord(number, (raw.decode("utf-8")[:200],), f"no JSON: {error.why}"))


def flat_record(item: dict[str, Any], before: str = "") -> Iterable[tuple[str, Any]]:
    """Yield the cells of a JSON object, those of objects within it under ``outer.inner``."""
    for name, value in item.items():
        if isinstance(value, dict):
            yield from flat_record(value, f"{before}{name}.")
        else:
            yield tidy(f"{before}{name}"), value


def _json_column(values: Sequence[Any]) -> NDArray[Any]:
    """Return a column as numbers where it holds nothing else, else as texts."""
    kinds = {type(value) for value in values}
    if kinds <= {int, float, type(None)} and kinds != {type(None)}:
        if kinds == {int}:
            return np.array(values, dtype=np.int64 if max(map(abs, values)) < 2**62 else np.float64)
        return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    texts = ["" if value is None else value if isinstance(value, str) else json.dumps(value) for value in values]
    return np.array([text.strip() for text in texts], dtype=object)


def _parquet(path: Path) -> Table:
    """Return the table of a parquet file; a column is read when it is asked for."""
    import pyarrow as pa

    file = parquet_file(path)
    schema = file.schema_arrow
    shown = [k for k, name in enumerate(schema.names) if name != "__index_level_0__"]

    def column(place: int) -> NDArray[Any]:
        name, kind = schema.names[shown[place]], schema.types[shown[place]]
        if pa.types.is_nested(kind) or pa.types.is_binary(kind):
            where = f"{path}:{name}"
            raise DataInvalid(f"column '{name}' holds {kind}, no cells", where=where, remedy="write numbers or texts")
        cells = file.read([name]).column(0)
        if pa.types.is_dictionary(kind):
            cells = cells.cast(kind.value_type)
            kind = kind.value_type
        if pa.types.is_decimal(kind):
            cells, kind = cells.cast(pa.float64()), pa.float64()
        if pa.types.is_boolean(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind):
            words = cells.cast(pa.string()).to_pandas(deduplicate_objects=True).fillna("").str.strip()
            return np.asarray(words, dtype=object)
        if pa.types.is_temporal(kind):
            return np.asarray(cells.cast(pa.timestamp("ms")).to_numpy(), dtype="datetime64[D]")
        return np.asarray(cells.to_numpy())

    names = tuple(tidy(schema.names[k]) for k in shown)
    return Table(path, names, np.arange(2, file.metadata.num_rows + 2, dtype=np.int64), column)

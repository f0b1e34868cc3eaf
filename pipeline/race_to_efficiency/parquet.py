"""Tables as parquet: the bytes of a frame, and files read or written piece by piece."""

from __future__ import annotations

import contextlib
import io
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from race_to_efficiency.checkout import replacing
from race_to_efficiency.errors import DataInvalid

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import pandas as pd

    Fields = Mapping[str, tuple[str, str]]


def parquet_bytes(frame: pd.DataFrame, fields: Fields = MappingProxyType({}), source: str = "") -> bytes:
    """Return a frame as parquet (zstd, floats split by byte, no pandas index, no writer-dependent row-group split).

    Parameters
    ----------
    frame : DataFrame
    fields : mapping of column to (unit, description)
        Kept with the column (`pyarrow.parquet.read_schema(path).field(name).metadata`); '' where there is no unit.
    source : str
        Where the columns come from, kept with each.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(frame, preserve_index=False)
    floats = [item.name for item in table.schema if pa.types.is_floating(item.type)]
    told = [item.with_metadata(_metadata(fields, item.name, source)) for item in table.schema]
    pq.write_table(
        table.cast(pa.schema(told, metadata=table.schema.metadata)),
        buffer := io.BytesIO(),
        compression="zstd",
        use_dictionary=[name for name in table.column_names if name not in floats],
        column_encoding=dict.fromkeys(floats, "BYTE_STREAM_SPLIT"),
    )
    return buffer.getvalue()


def _metadata(fields: Fields, name: str, source: str) -> dict[str, str] | None:
    if name not in fields:
        return None
    unit, description = fields[name]
    return {key: text for key, text in (("unit", unit), ("description", description), ("source", source)) if text}


def parquet_frame(data: bytes) -> pd.DataFrame:
    """Return the frame that parquet bytes hold."""
    import pandas as pd

    return pd.read_parquet(io.BytesIO(data))


@contextlib.contextmanager
def parquet_stream(path: Path, schema: Any, **options: Any) -> Iterator[Any]:
    """Yield a parquet writer for a table too large to hold; the finished file takes its place in one atomic step.

    Parameters
    ----------
    path : Path
    schema : pyarrow.Schema
    **options
        Of `pyarrow.parquet.ParquetWriter`.
    """
    import pyarrow.parquet as pq

    with replacing(path) as stream, pq.ParquetWriter(stream, schema, **options) as writer:
        yield writer


def parquet_file(path: Path) -> Any:
    """Return a parquet file opened for reading column by column (`pyarrow.parquet.ParquetFile`).

    Raises
    ------
    DataInvalid
        When it is cut short or no parquet file.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(path)
    except pa.ArrowInvalid as error:
        why = str(error).split(". ", 1)[0]
        raise DataInvalid(
            f"{path.name} is no whole parquet file", where=str(path), why=why, remedy="write it again"
        ) from None

"""Tables in memory: a DataFrame, or arrays by name, as the table that the same rows in a file would give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.cells.summaries import summaries_aside
from race_to_efficiency.cells.table import Table
from race_to_efficiency.cells.text import tidy
from race_to_efficiency.errors import DataInvalid, UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

FIRST_LINE = 2
"""Line of the first row, as in a CSV file under its header."""


def table_in_memory(data: Any, name: str) -> Table:
    """Return a table of what a program holds.

    Parameters
    ----------
    data : DataFrame, mapping of str to (n,) array, sequence of mappings or structured array
        Anything with ``to_pandas`` (polars, pyarrow) counts as a DataFrame, a Series with a named index too: levels of
        an index that have names are columns.
    name : str
        What the table is called in ids and messages.

    Raises
    ------
    UsageError
        When the data are none of these.
    DataInvalid
        When the columns differ in length, or one holds arrays.
    """
    if hasattr(data, "to_pandas"):
        data = data.to_pandas()
    names, columns = _named_columns(data)
    if names is None:
        known = "a path, a DataFrame, a mapping of names to arrays, or a list of mappings"
        raise UsageError(f"data of type {type(data).__name__} are no table", where=name, remedy=f"give {known}")
    header = tuple(tidy(str(one)) for one in names)
    held = [_cells(column, f"{name}:{label}") for column, label in zip(columns, header, strict=True)]
    lengths = {len(column) for column in held}
    if len(lengths) != 1:
        counts = ", ".join(f"{label} {len(column)}" for label, column in zip(header, held, strict=True))
        raise DataInvalid("the columns differ in length", where=name, why=counts or "there are none")
    line = np.arange(FIRST_LINE, FIRST_LINE + lengths.pop(), dtype=np.int64)
    return summaries_aside(Table(Path(name), header, line, held.__getitem__))


def _named_columns(data: Any) -> tuple[list[Any] | None, list[Any]]:
    """Return the names and columns of what may be a table; no names where it is none."""
    import pandas as pd

    if isinstance(data, Sequence) and data and all(isinstance(row, Mapping) for row in data):
        data = pd.DataFrame.from_records(data)
    if isinstance(data, pd.Series | pd.DataFrame):
        levels = [level for level in data.index.names if level is not None]
        if isinstance(data, pd.Series) and levels:
            data = data.to_frame()
        if isinstance(data, pd.DataFrame):
            data = data.reset_index(level=[level for level in levels if level not in data.columns])
            names = [_name(part) for part in data.columns]
            return names, [data.iloc[:, k] for k in range(len(names))]
    if isinstance(data, Mapping):
        return list(data), list(data.values())
    fields = getattr(getattr(data, "dtype", None), "names", None)
    return (None, []) if fields is None else (list(fields), [data[field] for field in fields])


def _name(label: Any) -> Any:
    """Return a column's name: of one in several levels the last part that says something."""
    return next((part for part in reversed(label) if part != ""), "") if isinstance(label, tuple) else label


def _cells(column: Any, where: str) -> NDArray[Any]:
    """Return a column as a file's reader would: numbers, days, or texts without blanks at their ends."""
    import pandas as pd

    if np.ndim(column) != 1:
        raise DataInvalid("a column must be one-dimensional", where=where, why=f"shape {np.shape(column)}")
    series = pd.Series(column)
    if isinstance(series.dtype, pd.CategoricalDtype):
        series = series.astype(series.cat.categories.dtype)
    if pd.api.types.is_datetime64_any_dtype(series.dtype):
        return np.asarray(series.dt.tz_localize(None).to_numpy(), dtype="datetime64[D]")
    if pd.api.types.is_bool_dtype(series.dtype) and series.notna().all():
        return np.array(["true" if cell else "false" for cell in series], dtype=object)
    if pd.api.types.is_numeric_dtype(series.dtype) and not pd.api.types.is_complex_dtype(series.dtype):
        kind = np.int64 if pd.api.types.is_integer_dtype(series.dtype) and series.notna().all() else np.float64
        return series.to_numpy(dtype=kind, na_value=np.nan) if kind is np.float64 else series.to_numpy(dtype=kind)
    return np.array(["" if _absent(cell) else str(cell).strip() for cell in series], dtype=object)


def _absent(cell: Any) -> bool:
    """Tell whether a cell stands for nothing: None, NaN, NA or NaT."""
    return cell is None or (not isinstance(cell, str) and np.ndim(cell) == 0 and bool(cell != cell))  # noqa: PLR0124

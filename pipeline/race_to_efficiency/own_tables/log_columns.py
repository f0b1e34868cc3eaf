"""Which columns of step-level logs say what, and a column's cells as numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.cells.run_columns import SPELLINGS, find_figures, key, suggestions
from race_to_efficiency.cells.table import Table
from race_to_efficiency.errors import DataInvalid, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from race_to_efficiency.cells.run_columns import FoundColumns

RATE_NAMES = ("lr", "learningrate", "optimlearningrategroup0", "trainlearningrate", "trainlr", "learningrategroup0")
"""Names of the learning rate in letters and digits, lower case."""


@dataclass(frozen=True)
class LogColumns:
    """Which columns of the logs say what.

    Parameters
    ----------
    step : str
    run : str, optional
        Names the run of a row; where it is None a file is a run.
    loss : str
    rate : str, optional
        Learning rate.
    others : tuple of str
        Columns whose last cell is kept.
    """

    step: str
    run: str | None
    loss: str
    rate: str | None
    others: tuple[str, ...]

    @property
    def wanted(self) -> tuple[str, ...]:
        """Every column that is read, once."""
        named = (self.step, self.loss, *self.others, self.run, self.rate)
        return tuple(dict.fromkeys(name for name in named if name is not None))


def log_columns(
    path: Path, header: Sequence[str], step: str, run: str | None, columns: Mapping[str, str], also: Sequence[str]
) -> tuple[LogColumns, FoundColumns]:
    """Return which column says what, and the figures under the names a table of runs may give them.

    Raises
    ------
    UsageError
        When a column is named that is not there.
    DataInvalid
        When none is the loss, or several could be it.
    """
    for option, name in (("--step-column", step), ("--run-column", run)):
        if name is not None and name not in header:
            raise UsageError(
                f"{option}: {path.name} has no column '{name}'",
                where=str(path),
                why=f"columns: {', '.join(header)}",
                remedy="name one of these columns; of a folder name the logs alone: 'logs/**/*.jsonl'",
            )
    figures = find_figures(header, columns)
    rivals = " or ".join(f"--column 'loss={name}'" for name in figures.rivals.get("loss", ()))
    if "loss" not in figures.columns:
        raise DataInvalid(
            f"{path.name} has no column loss" if not rivals else f"several columns of {path.name} could be the loss",
            where=str(path),
            why=f"columns: {', '.join(header)}",
            remedy=f"add {rivals or '''--column 'loss=NAME' '''.strip()}",
        )
    meant = [header[place] for place in _places(path, header, figures.columns["loss"])]
    others = [header[place] for text in figures.columns.values() for place in _places(path, header, text)]
    lacking = [
        option for figure in SPELLINGS if figure not in figures.columns for option in suggestions(figure, header)
    ]
    others += [name for name in header if any(name in text for text in (*also, *lacking))]
    apart = {run, meant[0]}  # the step may be a figure: a log against tokens
    rate = next((name for name in header if key(name) in RATE_NAMES), None)
    return LogColumns(
        step, run, meant[0], rate, tuple(name for name in dict.fromkeys(others) if name not in apart)
    ), figures


def _places(path: Path, header: Sequence[str], expression: str) -> list[int]:
    """Return the places of the columns that an expression such as ``params_M*1e6`` names."""
    empty = Table(path, tuple(header), np.zeros(0, dtype=np.int64), lambda _: np.zeros(0))
    return [part for _, part in empty.parts(expression) if isinstance(part, int)]


def log_numbers(column: Any) -> Any:
    """Return a column as numbers, (n,) float; NaN where a cell states none."""
    import pandas as pd
    import pyarrow as pa

    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return pd.to_numeric(column.to_pandas(), errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    return column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)

"""From step-level logs of any length to one row a run: its last loss, its best, whether it was finished or diverged.

A piece of the logs is read by one worker, batch by batch; what it found is joined in the order of the files, so that
the place changes nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.cells.run_columns import SPELLINGS, find_figures, key, suggestions
from race_to_efficiency.cells.step_logs import log_batches, log_files, log_header, pieces_of, run_name
from race_to_efficiency.cells.table import Table
from race_to_efficiency.errors import DataInvalid, UsageError
from race_to_efficiency.executors.spread import as_finished
from race_to_efficiency.own_tables.run_states import LEFT_OUT, LogRows, RunStates
from race_to_efficiency.own_tables.run_summaries import column_of, summaries

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import pandas as pd

    from race_to_efficiency.cells.run_columns import FoundColumns
    from race_to_efficiency.cells.step_logs import LogPiece
    from race_to_efficiency.executors.place import Place

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


@dataclass(frozen=True)
class StepLogs:
    """What was read of some logs.

    Parameters
    ----------
    runs : DataFrame
        A row a run; see `summaries`.
    figures : FoundColumns
        Which of its columns are params, tokens, compute_flop and loss.
    n_files : int
    unnamed, unread : int
        Rows that name no run, and lines that are no rows.
    """

    runs: pd.DataFrame
    figures: FoundColumns
    n_files: int
    unnamed: int
    unread: int

    @property
    def n_rows(self) -> int:
        """Physical rows read: used and left out."""
        return int(self.runs["log_rows"].sum()) + self.unnamed + self.unread

    @property
    def notes(self) -> tuple[str, ...]:
        """The account in words."""
        counts = {word: int(self.runs[column_of(word)].sum()) for word in LEFT_OUT}
        counts |= {"no run": self.unnamed, "no row of this header": self.unread}
        reasons = ", ".join(f"{count:,} {word}" for word, count in counts.items() if count)
        used = int(self.runs["log_rows_used"].sum())
        out = f"; {self.n_rows - used:,} left out ({reasons})" if reasons else ""
        unknown = int((self.runs["schedule"] == "unknown").sum())
        said = f"{self.n_rows:,} log rows of {self.n_files} files read: {used:,} used of {len(self.runs)} runs{out}"
        doubt = (f"of {unknown} runs the logs do not tell whether the schedule was finished",) if unknown else ()
        return (said, *self.figures.notes, *doubt)


def read_step_logs(
    pattern: str,
    *,
    step: str,
    run: str | None,
    columns: Mapping[str, str],
    also: Sequence[str] = (),
    smoothed: bool = False,
    place: Place,
    progress: Callable[[str], None] = lambda _: None,
) -> StepLogs:
    """Read logs and summarise their runs.

    Parameters
    ----------
    pattern : str
        A file, a folder, or a pattern such as ``logs/*.parquet``.
    step, run : str
        Columns; without ``run`` each file is a run.
    columns : mapping of str to str
        Figure -> column, as for a table of runs.
    also : sequence of str
        Texts that may name further columns to keep, such as those of `--where`.
    smoothed : bool
        Take for the loss the mean over the last stretch of the run, not that of the last row.
    place : Place
    progress : callable
        Told how much has been read, ten times at most.

    Raises
    ------
    InputMissing, DataInvalid, UsageError
        When there are no logs, one cannot be read, or has not the columns.
    """
    files = log_files(pattern)
    header = log_header(files[0])
    named, figures = _columns(files[0], header, step, run, columns, also)
    missing = [(path, name) for path in files for name in sorted({*named.wanted} - {*log_header(path)})]
    if missing:
        path, name = missing[0]
        raise DataInvalid(f"{path.name} has no column '{name}'", where=str(path), why=f"{files[0].name} has one")
    pieces = [piece for path in files for piece in pieces_of(path, named.wanted)]
    states, waiting, due = RunStates(), {}, 0
    told = math.ceil(len(pieces) / 10)
    for done, (index, found) in enumerate(as_finished(partial(reduce_piece, named), pieces, place=place), start=1):
        if done % told == 0:
            progress(f"{done} of {len(pieces)} pieces of the logs read")
        waiting[index] = found
        while due in waiting:
            states.join(waiting.pop(due))
            due += 1
    runs = summaries(states, named.loss, smoothed=smoothed)
    return StepLogs(runs, figures, len(files), states.unnamed, states.unread)


def _columns(
    path: Path, header: Sequence[str], step: str, run: str | None, columns: Mapping[str, str], also: Sequence[str]
) -> tuple[LogColumns, FoundColumns]:
    """Return which column says what, and the figures under the names a table of runs may give them."""
    for option, name in (("--step-column", step), ("--run-column", run)):
        if name is not None and name not in header:
            raise UsageError(
                f"{option}: {path.name} has no column '{name}'", where=str(path), why=f"columns: {', '.join(header)}"
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
    apart = {step, run, meant[0]}
    rate = next((name for name in header if key(name) in RATE_NAMES), None)
    return LogColumns(
        step, run, meant[0], rate, tuple(name for name in dict.fromkeys(others) if name not in apart)
    ), figures


def _places(path: Path, header: Sequence[str], expression: str) -> list[int]:
    """Return the places of the columns that an expression such as ``params_M*1e6`` names."""
    empty = Table(path, tuple(header), np.zeros(0, dtype=np.int64), lambda _: np.zeros(0))
    return [part for _, part in empty.parts(expression) if isinstance(part, int)]


def reduce_piece(columns: LogColumns, piece: LogPiece) -> RunStates:
    """Return what a piece of the logs says of its runs; read by the worker that calls it."""
    states = RunStates()
    for batch, unread in log_batches(piece):
        states.unread += unread
        held = dict(zip(batch.schema.names, batch.columns, strict=True))
        run, names = _run_codes(held, columns, piece)
        loss = _numbers(held[columns.loss])
        rate = np.full(len(loss), np.nan) if columns.rate is None else _numbers(held[columns.rate])
        stated = np.asarray(held[columns.loss].is_valid())
        others = {name: held[name] for name in columns.others}
        states.add(LogRows(run, names, _numbers(held[columns.step]), loss, stated, rate, others))
    return states


def _run_codes(held: Mapping[str, Any], columns: LogColumns, piece: LogPiece) -> tuple[Any, list[str]]:
    """Return the place of each row's run in a list of names, -1 where the row names none."""
    import pyarrow as pa

    if columns.run is None:
        return np.zeros(len(held[columns.step]), dtype=np.intp), [run_name(piece.path)]
    column = held[columns.run]
    if not pa.types.is_dictionary(column.type):
        column = column.cast(pa.string()).dictionary_encode()
    codes = column.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.intp)
    return codes, [str(name) for name in column.dictionary.to_pylist()]


def _numbers(column: Any) -> Any:
    """Return a column as numbers, (n,) float; NaN where a cell states none."""
    import pandas as pd
    import pyarrow as pa

    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return pd.to_numeric(column.to_pandas(), errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    return column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)

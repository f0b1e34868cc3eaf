"""From step-level logs of any length to one row a run: its last loss, its best, whether it was finished or diverged.

A piece of the logs is read by one worker, batch by batch; what it found is joined in the order of the files, so that
the place changes nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.cells.run_columns import find_figures, suggestions
from race_to_efficiency.cells.run_figures import SCALES
from race_to_efficiency.cells.step_logs import log_batches, log_files, log_header, pieces_of, run_names
from race_to_efficiency.errors import DataInvalid
from race_to_efficiency.executors.spread import as_finished
from race_to_efficiency.own_tables.chart_header import chart_header
from race_to_efficiency.own_tables.chart_logs import read_charts
from race_to_efficiency.own_tables.log_columns import log_columns, log_numbers
from race_to_efficiency.own_tables.run_facts import read_facts
from race_to_efficiency.own_tables.run_states import LEFT_OUT, LogRows, RunStates
from race_to_efficiency.own_tables.run_summaries import column_of, summaries

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import pandas as pd

    from race_to_efficiency.cells.run_columns import FoundColumns
    from race_to_efficiency.cells.step_logs import LogPiece
    from race_to_efficiency.executors.place import Place
    from race_to_efficiency.own_tables.log_columns import LogColumns


CHART_HOLDS = "a chart's export holds steps and metrics ({}); a size in a run's name is not read"


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
    remarks : tuple of str
        What else was read, taken or left: of charts' exports, of a table of the runs.
    held : str
        What the logs hold, in words.
    """

    runs: pd.DataFrame
    figures: FoundColumns
    n_files: int
    unnamed: int
    unread: int
    remarks: tuple[str, ...] = ()
    held: str = ""

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
        return (said, *self.remarks, *self.figures.notes, *doubt)

    def refuse_without_size(self, pattern: str, command: str) -> None:
        """Refuse logs that tell the size of no run, and have no column that may.

        Parameters
        ----------
        pattern : str
            The logs.
        command : str
            What was typed, to which a table of the runs is to be added.

        Raises
        ------
        DataInvalid
        """
        found = find_figures([str(name) for name in self.runs.columns], self.figures.columns)
        lacking = [name for name in SCALES if name not in found.columns]
        near = any(name in found.rivals or suggestions(name, list(self.runs.columns)) for name in lacking)
        if "compute_flop" not in lacking or len(lacking) < 2 or near:
            return
        wanted = [name for name in ("params", "tokens") if name in lacking]
        columns = ",".join(("run", *wanted))
        raise DataInvalid(
            f"the logs do not say {' and '.join(wanted)} of their runs",
            where=pattern,
            why=self.held,
            remedy=f"write runs.csv, a row a run, with the columns {columns}: {command} --runs runs.csv",
        )


def read_step_logs(
    pattern: str,
    *,
    step: str,
    run: str | None,
    columns: Mapping[str, str],
    also: Sequence[str] = (),
    smoothed: bool = False,
    runs: Path | None = None,
    place: Place,
    progress: Callable[[str], None] = lambda _: None,
) -> StepLogs:
    """Read logs and summarise their runs.

    Parameters
    ----------
    pattern : str
        A file, a folder, or a pattern such as ``logs/*.parquet``.
    step, run : str
        Columns; without ``run`` each file is a run, and of a chart's export each column.
    columns : mapping of str to str
        Figure -> column, as for a table of runs.
    also : sequence of str
        Texts that may name further columns to keep, such as those of `--where`.
    smoothed : bool
        Take for the loss the mean over the last stretch of the run, not that of the last row.
    runs : Path, optional
        Table with a row a run: what the logs do not say of a run is taken from it.
    place : Place
    progress : callable
        Told how much has been read, ten times at most.

    Raises
    ------
    InputMissing, DataInvalid, UsageError
        When there are no logs, one cannot be read, or has not the columns.
    """
    files = log_files(pattern)
    headers = {path: log_header(path) for path in files}
    facts = None if runs is None else read_facts(runs)
    by_row = run is not None and run in headers[files[0]]
    charts = {} if by_row else {path: chart_header(headers[path], loss=columns.get("loss")) for path in files}
    chart = next((found for found in charts.values() if found is not None), None)
    header = headers[files[0]] if chart is None else (*chart.rest, *chart.metrics)
    own, theirs = (columns, {}) if facts is None else facts.divided(columns, header)
    if chart is not None:
        found = read_charts(charts, headers, step=step, run=run, columns=own, also=also)
        states, named, figures, remarks = found.states, found.named, found.figures, found.notes
    else:
        named, figures = log_columns(files[0], header, step, run, own, also)
        states, remarks = _read(headers, named, place, progress), _called(files, run)
    frame = summaries(states, named.loss, smoothed=smoothed)
    if facts is not None:
        frame, more = facts.joined(frame)
        remarks, figures = (*remarks, *more), replace(figures, columns={**figures.columns, **theirs})
    why = f"columns: {', '.join(header)}" if chart is None else CHART_HOLDS.format(", ".join(chart.metrics))
    return StepLogs(frame, figures, len(files), states.unnamed, states.unread, remarks, why)


def _read(
    headers: Mapping[Path, tuple[str, ...]], named: LogColumns, place: Place, progress: Callable[[str], None]
) -> RunStates:
    """Return what logs of one header say of their runs."""
    first, *_ = headers
    for path, header in headers.items():
        missing = sorted({*named.wanted} - {*header})
        if missing:
            raise DataInvalid(
                f"{path.name} has no column '{missing[0]}'",
                where=str(path),
                why=f"{first.name} has one",
                remedy="name the logs alone, with a pattern in quotes: 'logs/**/*.jsonl'",
            )
    called = dict(zip(headers, run_names(list(headers)), strict=True))
    pieces = [piece for path in headers for piece in pieces_of(path, named.wanted, called[path])]
    states, waiting, due = RunStates(), {}, 0
    told = math.ceil(len(pieces) / 10)
    for done, (index, found) in enumerate(as_finished(partial(reduce_piece, named), pieces, place=place), start=1):
        if done % told == 0:
            progress(f"{done} of {len(pieces)} pieces of the logs read")
        waiting[index] = found
        while due in waiting:
            states.join(waiting.pop(due))
            due += 1
    return states


def _called(files: Sequence[Path], run: str | None) -> tuple[str, ...]:
    """Return how the runs were named, where files of one name are runs of their own."""
    alike = run is None and len({path.name for path in files}) < len(files)
    return ("runs are called by their paths: files of the logs have one name",) if alike else ()


def reduce_piece(columns: LogColumns, piece: LogPiece) -> RunStates:
    """Return what a piece of the logs says of its runs; read by the worker that calls it."""
    states = RunStates()
    for batch, unread in log_batches(piece):
        states.unread += unread
        held = dict(zip(batch.schema.names, batch.columns, strict=True))
        run, names = _run_codes(held, columns, piece)
        loss = log_numbers(held[columns.loss])
        rate = np.full(len(loss), np.nan) if columns.rate is None else log_numbers(held[columns.rate])
        stated = np.asarray(held[columns.loss].is_valid())
        others = {name: held[name] for name in columns.others}
        states.add(LogRows(run, names, log_numbers(held[columns.step]), loss, stated, rate, others))
    return states


def _run_codes(held: Mapping[str, Any], columns: LogColumns, piece: LogPiece) -> tuple[Any, list[str]]:
    """Return the place of each row's run in a list of names, -1 where the row names none."""
    import pyarrow as pa

    if columns.run is None:
        return np.zeros(len(held[columns.step]), dtype=np.intp), [piece.run]
    column = held[columns.run]
    if not pa.types.is_dictionary(column.type):
        column = column.cast(pa.string()).dictionary_encode()
    codes = column.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.intp)
    return codes, [str(name) for name in column.dictionary.to_pylist()]

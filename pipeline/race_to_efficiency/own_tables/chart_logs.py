"""Charts' exports read as the logs they were drawn from: a row a run and step, the cell under the run its loss."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.cells.run_columns import find_figures
from race_to_efficiency.cells.step_logs import whole_log
from race_to_efficiency.errors import DataInvalid, UsageError
from race_to_efficiency.own_tables.chart_header import BETWEEN, refuse_twins
from race_to_efficiency.own_tables.log_columns import log_columns, log_numbers
from race_to_efficiency.own_tables.run_states import LogRows, RunStates

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from race_to_efficiency.cells.run_columns import FoundColumns
    from race_to_efficiency.own_tables.chart_header import ChartHeader
    from race_to_efficiency.own_tables.log_columns import LogColumns

    Held = Mapping[str, Any]

RUN = "run"
"""What the column of the runs' names would be called in a long log."""

OWN_STEP = "_step"
"""Metric of every run that counts its own steps, where the X axis is another."""

SHOWN = 8
"""Sorts of columns not read that are named."""

GROUP = "Group: "
"""Begins the name of a line that stands for several runs."""


@dataclass(frozen=True)
class Charts:
    """What was read of charts' exports.

    Parameters
    ----------
    states : RunStates
    named : LogColumns
        As of the long log that says the same.
    figures : FoundColumns
    notes : tuple of str
        Which columns were read as what, and those not read.
    """

    states: RunStates
    named: LogColumns
    figures: FoundColumns
    notes: tuple[str, ...]


def read_charts(
    charts: Mapping[Path, ChartHeader | None],
    headers: Mapping[Path, Sequence[str]],
    *,
    step: str,
    run: str | None,
    columns: Mapping[str, str],
    also: Sequence[str],
) -> Charts:
    """Read charts' exports, whole and one after the other.

    Parameters
    ----------
    charts : mapping of Path to ChartHeader
        None for a file that is no such export.
    headers : mapping of Path to sequence of str
    step, run : str
        Columns asked for: the X axis or a metric of every run; there is none of the runs.
    columns : mapping of str to str
        Figure -> metric.
    also : sequence of str
        Texts that may name further metrics to keep.

    Raises
    ------
    DataInvalid, UsageError
        When a file is no chart's export, two runs share a name, or the loss is not told.
    """
    known = {path: found for path, found in charts.items() if found is not None}
    first, chart = next(iter(known.items()))
    if run is not None:
        raise UsageError(
            f"--run-column: {first.name} has no column '{run}'",
            where=str(first),
            why="it is a chart's export: its runs stand along the top",
            remedy="leave the option out",
        )
    for path in (path for path in charts if path not in known):
        why, remedy = f"{first.name} is one; columns: {', '.join(headers[path])}", "fit one kind of log at a time"
        raise DataInvalid(f"{path.name} is no chart's export", where=str(path), why=why, remedy=remedy)
    if step not in {*chart.rest, *chart.metrics}:
        why = f"X axis: {', '.join(chart.rest)}; metrics of its runs: {', '.join(chart.metrics)}"
        raise UsageError(f"--step-column: {first.name} has no column '{step}'", where=str(first), why=why)
    names = list(dict.fromkeys((step, RUN, *chart.metrics)))
    meant, said = _with_loss(chart, names, columns)
    named, figures = log_columns(first, names, step, RUN, meant, also)
    states, counts, notes = RunStates(), Counter[str](), dict.fromkeys(said)
    for path, found in known.items():
        refuse_twins(path, headers[path])
        lacking = sorted({*named.wanted} - {RUN} - {*found.metrics, *found.rest})
        if lacking:
            raise DataInvalid(f"{path.name} has no column '{lacking[0]}'", where=str(path), why=f"{first.name} has one")
        one, more = _read_one(path, found, named, counts)
        states.join(one)
        notes |= dict.fromkeys(more)
    return Charts(states, named, figures, (_account(len(charts), states, named.loss, counts), *notes))


def _with_loss(
    chart: ChartHeader, names: Sequence[str], columns: Mapping[str, str]
) -> tuple[dict[str, str], list[str]]:
    """Return figure -> metric with the loss, which a chart's one metric is if its name speaks of one; and a note."""
    found = find_figures(names, columns)
    drawn = [metric for metric in chart.metrics if not metric.startswith("_")]
    if "loss" in found.columns or "loss" in found.rivals or len(drawn) != 1 or "loss" not in drawn[0].lower():
        return dict(columns), []
    return {**columns, "loss": drawn[0]}, [f"the one metric '{drawn[0]}' was read as loss"]


def _read_one(path: Path, chart: ChartHeader, named: LogColumns, counts: Counter[str]) -> tuple[RunStates, list[str]]:
    """Return what one export says of its runs, with notes on it; what it holds and what is not read is counted."""
    wanted = (*(name for name in named.wanted if name != RUN), OWN_STEP)
    read = [name for name in wanted if name in chart.rest]
    read += [own[name] for own in chart.columns.values() for name in wanted if name in own]
    held, unread = whole_log(path, tuple(dict.fromkeys(read)))
    n_rows = len(held[read[0]])
    steps, counter, notes = _steps(held, chart, named.step)
    used = np.zeros(n_rows, dtype=np.bool_)
    runs: list[_Line] = []
    for own in chart.columns.values():
        stated = np.zeros(n_rows, dtype=np.bool_)
        for name in named.wanted:
            if name in own and name != named.step:
                stated |= np.asarray(held[own[name]].is_valid())
        used |= stated
        runs.append(_Line(own, np.flatnonzero(stated)))

    def cells(name: str | None) -> Any:
        return joined([line.cells(held, name) for line in runs])

    loss = cells(named.loss)
    rows = LogRows(
        run=np.repeat(np.arange(len(runs)), [len(line.rows) for line in runs]),
        names=list(chart.columns),
        step=np.concatenate([steps[run][line.rows] for run, line in zip(chart.columns, runs, strict=True)]),
        loss=log_numbers(loss),
        stated=np.asarray(loss.is_valid()),
        rate=log_numbers(cells(named.rate)),
        others={name: cells(name) for name in named.others},
    )
    if any(run.startswith(GROUP) for run in chart.columns):
        notes.append(f"a line called '{GROUP}...' is the mean over a group of runs")
    states = RunStates()
    states.add(rows)
    states.unread = unread
    counts["silent rows"] += int(np.count_nonzero(~used))
    counts["__MIN and __MAX"] += len(chart.ranges)
    taken = {*named.wanted} - {named.step} | {counter}
    counts.update(metric for own in chart.columns.values() for metric in own if metric not in taken)
    counts.update(name for name in chart.rest if name not in taken)
    return states, notes


@dataclass(frozen=True)
class _Line:
    """A run of a chart: metric -> column, and the rows in which it has any cell."""

    own: Mapping[str, str]
    rows: NDArray[np.intp]

    def cells(self, held: Held, name: str | None) -> Any:
        """Return its cells of a metric or of a column that all runs share; nothing where there is none."""
        import pyarrow as pa

        column = held.get(self.own.get(name or "", name or ""))
        return pa.nulls(len(self.rows), pa.float64()) if column is None else column.take(pa.array(self.rows))


def joined(columns: Sequence[Any]) -> Any:
    """Return columns (`pyarrow.Array`) one below the other; as texts where they are of several kinds."""
    import pyarrow as pa

    filled = {column.type for column in columns if len(column) > column.null_count}
    kind = filled.pop() if len(filled) == 1 else pa.string() if filled else pa.float64()
    return pa.concat_arrays([column.cast(kind) for column in columns])


def _steps(held: Held, chart: ChartHeader, step: str) -> tuple[dict[str, NDArray[np.float64]], str, list[str]]:
    """Return each run's steps, (n,), the column or metric they are from, and a note where that was not asked for.

    An X axis that counts no steps is a time, or a share of an epoch.
    """
    if step not in chart.rest:
        lacking = np.full(len(next(iter(held.values()))), np.nan)
        own = {run: log_numbers(held[own[step]]) if step in own else lacking for run, own in chart.columns.items()}
        return own, step, []
    shared = log_numbers(held[step])
    finite = np.flatnonzero(np.isfinite(shared))
    whole = np.count_nonzero(np.floor(shared[finite]) == shared[finite])
    if 2 * whole >= len(finite):
        return dict.fromkeys(chart.columns, shared), step, []
    said = f"'{step}' counts no steps:"
    if OWN_STEP in chart.metrics:
        own, counter, _ = _steps(held, chart, OWN_STEP)
        return own, counter, [f"{said} those of '<run>{BETWEEN}{OWN_STEP}' were taken"]
    order = np.full(len(shared), np.nan)
    order[finite[np.argsort(shared[finite], kind="stable")]] = np.arange(len(finite))
    return dict.fromkeys(chart.columns, order), step, [f"{said} its order was taken for them"]


def _account(n_files: int, states: RunStates, loss: str, counts: Counter[str]) -> str:
    """Return in words what the exports hold: the runs, and every column and row that was not read."""
    silent = counts.pop("silent rows")
    sorts = sorted((name, count) for name, count in counts.items() if count)
    left = ", ".join(f"{count:,} of {name}" for name, count in sorts[:SHOWN])
    left += f", {sum(count for _, count in sorts[SHOWN:]):,} others" if len(sorts) > SHOWN else ""
    kind = "a chart's export" if n_files == 1 else f"{n_files} charts' exports"
    said = f"{kind}: {len(states.names):,} runs, each its column '<run>{BETWEEN}{loss}'"
    said += f"; columns not read: {left}" if left else ""
    return said + (f"; {silent:,} rows hold no value" if silent else "")

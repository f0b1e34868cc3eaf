"""The header of a chart's export (Weights & Biases, "Export CSV" of a line plot): a column a run and metric.

Its first column is the chart's X axis. Every other is ``<run> - <metric>``, with ``<run> - <metric>__MIN`` and
``<run> - <metric>__MAX`` beside it; a grouped chart has ``Group: <value>`` for the run. The run is what stands before
the last " - ".
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from race_to_efficiency.cells.run_columns import find_figures
from race_to_efficiency.cells.text import tidy
from race_to_efficiency.errors import DataInvalid

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

BETWEEN = " - "
"""Stands between the run and the metric."""

RANGES = ("__MIN", "__MAX")
"""Ends of the columns that hold what the drawn line was averaged from."""


@dataclass(frozen=True)
class ChartHeader:
    """Which column of a chart's export is which.

    Parameters
    ----------
    columns : dict of str to dict of str to str
        Run -> metric -> column.
    metrics : tuple of str
        Every metric, in the order of the columns.
    ranges : tuple of str
        Columns that end in `RANGES`.
    rest : tuple of str
        All others: the X axis first.
    """

    columns: dict[str, dict[str, str]]
    metrics: tuple[str, ...]
    ranges: tuple[str, ...]
    rest: tuple[str, ...]


def chart_header(names: Sequence[str], *, loss: str | None = None) -> ChartHeader | None:
    """Return the header of a chart's export; None for any other table.

    It is one where a column ``<run> - <metric>`` has both its ranges beside it and no other column is a loss by its
    name; then all columns of such a metric are runs.

    Parameters
    ----------
    names : sequence of str
    loss : str, optional
        What the user calls the loss: a metric that itself holds " - ".
    """
    header = [tidy(name) for name in names]
    known = set(header)
    drawn = [name for name in header if all(f"{name}{end}" in known for end in RANGES)]
    metrics = tuple(dict.fromkeys(metric for name in drawn if (metric := _parts(name, loss)[1])))
    if not metrics or loss in known:
        return None
    columns: dict[str, dict[str, str]] = {}
    ranges, rest = [], []
    for name in header:
        run, metric = _parts(name, loss)
        if metric in metrics:
            columns.setdefault(run, {})[metric] = name
        elif name.endswith(RANGES) and name[: -len(RANGES[0])] in known:
            ranges.append(name)
        else:
            rest.append(name)
    plain = find_figures(rest)
    if "loss" in plain.columns or "loss" in plain.rivals:
        return None
    return ChartHeader(columns, metrics, tuple(ranges), tuple(rest))


def _parts(name: str, loss: str | None) -> tuple[str, str]:
    """Return the run and the metric of a column; two empty texts where it is none."""
    if loss is not None and name.endswith(f"{BETWEEN}{loss}"):
        run, metric = name[: -len(f"{BETWEEN}{loss}")], loss
    else:
        run, _, metric = name.rpartition(BETWEEN)
    return (run, metric) if run.strip() and metric.strip() else ("", "")


def refuse_twins(path: Path, names: Sequence[str]) -> None:
    """Refuse a chart's export in which a column stands twice: which of two runs it is cannot be told.

    Raises
    ------
    DataInvalid
    """
    twins = [(name, count) for name, count in Counter(map(tidy, names)).items() if count > 1]
    if twins:
        name, count = twins[0]
        raise DataInvalid(
            f"{count} columns of {path.name} are called '{name}'",
            where=f"{path}:1",
            why="two runs of the chart have one name",
            remedy="give the runs different names in the first line, or in the chart before it is exported",
        )

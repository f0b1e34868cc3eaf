"""Quantile forecasts of any source, in the columns of hubverse or of scoringutils, beside what came of them.

One row a quantile: model_id, the columns of the task (reference_date, horizon, target_end_date, location ...),
output_type (quantile), output_type_id (the level), value. Outcomes stand in a column of the same table, or in a table
of their own that shares some of the task's columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.cells.files import opened
from race_to_efficiency.errors import DataInvalid
from race_to_efficiency.named_options import Option, Words

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pandas as pd
    from numpy.typing import NDArray

    from race_to_efficiency.cells.table import Table

MODEL = ("model_id", "model")
VALUE = ("value", "predicted", "prediction")
LEVEL = ("output_type_id", "quantile_level", "quantile")
KIND = ("output_type",)
OUTCOME = ("oracle_value", "observation", "observed", "true_value")
"""Names a column goes by, the hubverse's own first."""

ORIGIN = ("reference_date", "origin_date", "forecast_date")
END = ("target_end_date", "target_date")
"""Columns of a task that place it in time."""

OWN = ("model", "level", "value", "observed", "unit", "place", "wis", "overprediction", "underprediction", "dispersion",
       "bias", "ae_median", *(f"interval_coverage_{level}" for level in (50, 80, 90, 95)))  # fmt: skip
"""What is worked out beside a task: a column of the table that is called so goes by `of task` as well."""


@dataclass(frozen=True)
class HubForecasts:
    """Quantile forecasts with their outcomes.

    Parameters
    ----------
    rows : DataFrame
        One a quantile: model, level, value, observed (NaN where there is no outcome) and the task's columns as texts.
    task : tuple of str
        Columns that say what was forecast: a model's forecast is the rows that agree in all of them.
    set_aside : dict of reason to int
        Rows not used.
    """

    rows: pd.DataFrame
    task: tuple[str, ...]
    set_aside: dict[str, int]


def read_forecasts(source: Path | Table, outcomes: Path | Table | None = None) -> HubForecasts:
    """Read a table of quantile forecasts, and their outcomes.

    Parameters
    ----------
    source : Path or Table
        CSV, Parquet or JSON, or a table that is open.
    outcomes : Path or Table, optional
        Table of outcomes; by default they stand in the table of forecasts.

    Raises
    ------
    InputMissing, DataInvalid
        When a file is missing or no table, or a column that is needed is not there.
    """
    import pandas as pd

    table = opened(source)
    value, level = _needed(table, VALUE), _needed(table, LEVEL)
    model, kind = _found(table, MODEL), _found(table, KIND)
    own = None if outcomes is not None else _needed(table, OUTCOME)
    named = {name for name in (value, level, model, kind, own) if name}
    task = {f"{name} of task" if name in OWN else name: name for name in table.header if name not in named}
    rows = pd.DataFrame({name: _texts(table, column) for name, column in task.items()})
    rows["model"] = table.texts(model).astype(str) if model else "unnamed"
    rows["level"], rows["value"] = table.numbers(level).value, table.numbers(value).value
    rows["observed"] = table.numbers(own).value if own else np.nan
    other = table.texts(kind) != "quantile" if kind else np.zeros(len(table), dtype=bool)
    bad = ~other & ~(np.isfinite(rows["level"]) & np.isfinite(rows["value"])).to_numpy()
    dated = [name for name in (*ORIGIN, *END) if name in task]
    undated = ~(other | bad) & (rows[dated] == "").any(axis=1).to_numpy()
    set_aside = {"no quantile": int(other.sum()), "not a number": int(bad.sum()), "no date": int(undated.sum())}
    set_aside["not readable"] = len(table.unread)
    rows = rows[~(other | bad | undated)].reset_index(drop=True)
    if outcomes is not None:
        rows = _joined(rows, task, opened(outcomes))
    return HubForecasts(rows, tuple(task), {reason: count for reason, count in set_aside.items() if count})


def _texts(table: Table, name: str) -> NDArray[Any]:
    """Return a column of the task as texts; a date as 2024-03-18, empty where it is none."""
    if name not in (*ORIGIN, *END):
        return table.texts(name).astype(str)
    days = table.dates(name, None).day
    return np.where(np.isnat(days), "", days.astype("datetime64[D]").astype(str))


def _joined(rows: pd.DataFrame, task: Mapping[str, str], table: Table) -> pd.DataFrame:
    """Return forecasts with the outcomes of a table that shares some of the task's columns."""
    import pandas as pd

    shared = [name for name, column in task.items() if table.place(column) is not None]
    value = _found(table, OUTCOME) or _needed(table, VALUE)
    if not shared:
        raise DataInvalid(
            f"{table.name} shares no column with the forecasts",
            where=str(table.path),
            why=f"the forecasts' task stands in {', '.join(task) or 'no column'}; found {', '.join(table.header)}",
            remedy="name the columns alike",
        )
    known = pd.DataFrame({name: _texts(table, task[name]) for name in shared})
    known["observed"] = table.numbers(value).value
    known = known.drop_duplicates()
    if known.duplicated(shared).any():
        twice = known[known.duplicated(shared)].iloc[0]
        raise DataInvalid(
            f"{table.name} has two outcomes for one task",
            where=str(table.path),
            why=", ".join(f"{name} {twice[name]}" for name in shared),
            remedy="keep one, or add the column that tells them apart",
        )
    return rows.drop(columns="observed").merge(known, on=shared, how="left", validate="many_to_one")


def _found(table: Table, names: tuple[str, ...]) -> str | None:
    return next((name for name in names if table.place(name) is not None), None)


def _needed(table: Table, names: tuple[str, ...]) -> str:
    found = _found(table, names)
    if found is None:
        raise DataInvalid(
            f"{table.name} has no column {names[0]}",
            where=f"{table.path}:{table.header_line}",
            why=f"the columns found are {', '.join(table.header)}",
            remedy=Words(
                f"name it {' or '.join(names)}",
                *(("; or give the outcomes with ", Option("outcomes"), " FILE") if names is OUTCOME else ()),
            ),
        )
    return found

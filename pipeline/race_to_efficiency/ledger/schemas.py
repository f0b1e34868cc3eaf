"""Every ledger's schema: one metadata tree that makes the pandera models and the data dictionary."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from race_to_efficiency.errors import UsageError
from race_to_efficiency.ledger.metadata import EARLIEST_DATE, LATEST_DATE, Column, Table
from race_to_efficiency.ledger.tables.accelerators import ACCELERATOR_ALIASES, ACCELERATORS, NOTABLE_MODEL_ALIASES
from race_to_efficiency.ledger.tables.benchmarks import (
    GREEN500,
    MLPERF_TRAINING,
    OPTIMISER_STEPS,
    SLOWRUN_RECORDS,
    SPEEDRUN_RECORDS,
)
from race_to_efficiency.ledger.tables.literature import (
    INFERENCE_PRICE_TRENDS,
    OTHER_FORECASTS,
    PUBLISHED_VALUES,
    SOURCES,
)
from race_to_efficiency.ledger.tables.runs import LANGUAGE_MODEL_PERPLEXITY, NOTABLE_TRAINING_RUNS, TRAINING_RUNS

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    import pandera.pandas as pa


TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        TRAINING_RUNS,
        ACCELERATORS,
        MLPERF_TRAINING,
        SPEEDRUN_RECORDS,
        OPTIMISER_STEPS,
        SLOWRUN_RECORDS,
        GREEN500,
        LANGUAGE_MODEL_PERPLEXITY,
        NOTABLE_TRAINING_RUNS,
        PUBLISHED_VALUES,
        INFERENCE_PRICE_TRENDS,
        OTHER_FORECASTS,
        SOURCES,
        ACCELERATOR_ALIASES,
        NOTABLE_MODEL_ALIASES,
    )
}
"""Every ledger by name, in the order of the data dictionary."""

LEDGERS: tuple[str, ...] = tuple(name for name, table in TABLES.items() if table.versioned)
"""The ledgers whose lines are versions of rows (the alias tables are not)."""


def table_of(name: str) -> Table:
    """Return a table by name.

    Raises
    ------
    UsageError
        When there is no such table.
    """
    if name not in TABLES:
        raise UsageError(f"there is no table '{name}'", why=f"the tables are {', '.join(TABLES)}")
    return TABLES[name]


DTYPES = {"text": "str", "number": "float64", "count": "Int64", "date": "datetime64[us]", "flag": "bool"}
"""The pandas type of each kind of column, in memory and in parquet."""


def pandera_model(name: str) -> pa.DataFrameSchema:
    """Return the strict pandera model of a table, generated from its metadata; validate it with ``lazy=True``.

    Parameters
    ----------
    name : str

    Returns
    -------
    DataFrameSchema
        One column each, no others; the checks carry the rule's words as their name.
    """
    import pandera.pandas as pa

    table = table_of(name)
    columns = {
        column.name: pa.Column(
            DTYPES[column.kind],
            checks=[pa.Check(rule.holds, name=rule.name) for rule in rules(column)],
            nullable=_nullable(column),
        )
        for column in table.columns
    }
    return pa.DataFrameSchema(columns, strict=True, ordered=True, name=name)


def fits(name: str, frame: pd.DataFrame) -> bool:
    """Tell whether a frame plainly keeps every rule of its table; where it may not, the pandera model says which.

    Nearly every ledger does, and pandera takes longer to load than all of them to be looked at.
    """
    table = table_of(name)
    return tuple(frame.columns) == table.names and all(_keeps(column, frame[column.name]) for column in table.columns)


def _keeps(column: Column, values: pd.Series) -> bool:
    """Tell whether a column has its type, lacks no value it must have, and keeps its rules where it has one."""
    known = values.notna()
    if str(values.dtype) != DTYPES[column.kind] or not (_nullable(column) or known.all()):
        return False
    there = values[known]
    return all(bool(rule.holds(there).all()) for rule in rules(column))


def _nullable(column: Column) -> bool:
    """Tell whether a value may be missing; an empty text is the empty string, so only numbers and dates can be."""
    return not column.required and column.kind not in {"text", "flag"}


class Rule(NamedTuple):
    """A range or membership check of a column: its words, and a function of the values to one flag each."""

    name: str
    holds: Callable[[pd.Series], pd.Series]


def rules(column: Column) -> list[Rule]:
    """Return the rules of a column; each refuses infinity by its upper bound or by name."""
    import numpy as np
    import pandas as pd

    found: list[Rule] = []
    if column.kind == "number":
        found.append(Rule("finite", np.isfinite))
    if column.above is not None:
        found.append(Rule(f"> {column.above:g}", lambda values: values > column.above))
    if column.minimum is not None:
        found.append(Rule(f">= {column.minimum:g}", lambda values: values >= column.minimum))
    if column.maximum is not None:
        found.append(Rule(f"<= {column.maximum:g}", lambda values: values <= column.maximum))
    if column.kind == "date":
        first, last = pd.Timestamp(EARLIEST_DATE), pd.Timestamp(LATEST_DATE)
        found.append(Rule(f"{EARLIEST_DATE} to {LATEST_DATE}", lambda values: values.between(first, last)))
    if column.allowed:
        accepted = column.allowed if column.required else (*column.allowed, "")
        found.append(Rule(f"one of {', '.join(column.allowed)}", lambda values: values.isin(accepted)))
    if column.pattern:
        found.append(Rule(f"matches `{column.pattern}`", lambda values: _matches(values, column)))
    if column.kind == "text" and column.required:
        found.append(Rule("required", lambda values: values.str.strip() != ""))
    return found


def _matches(values: pd.Series, column: Column) -> pd.Series:
    matched = values.str.fullmatch(column.pattern)
    return matched if column.required else matched | (values == "")

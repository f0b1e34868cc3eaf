"""Every ledger's schema: one metadata tree that makes the pandera models and the data dictionary."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
            checks=_checks(column),
            # an empty text is the empty string, so only numbers and dates can be missing
            nullable=not column.required and column.kind not in {"text", "flag"},
        )
        for column in table.columns
    }
    return pa.DataFrameSchema(columns, strict=True, ordered=True, name=name)


def _checks(column: Column) -> list[pa.Check]:
    """Return the range and membership checks of a column; each refuses infinity by its upper bound or by name."""
    import numpy as np
    import pandas as pd
    import pandera.pandas as pa

    checks: list[pa.Check] = []
    if column.kind == "number":
        checks.append(pa.Check(np.isfinite, name="finite"))
    if column.above is not None:
        checks.append(pa.Check(lambda values: values > column.above, name=f"> {column.above:g}"))
    if column.minimum is not None:
        checks.append(pa.Check(lambda values: values >= column.minimum, name=f">= {column.minimum:g}"))
    if column.maximum is not None:
        checks.append(pa.Check(lambda values: values <= column.maximum, name=f"<= {column.maximum:g}"))
    if column.kind == "date":
        first, last = pd.Timestamp(EARLIEST_DATE), pd.Timestamp(LATEST_DATE)
        checks.append(pa.Check(lambda values: values.between(first, last), name=f"{EARLIEST_DATE} to {LATEST_DATE}"))
    if column.allowed:
        accepted = column.allowed if column.required else (*column.allowed, "")
        checks.append(pa.Check(lambda values: values.isin(accepted), name=f"one of {', '.join(column.allowed)}"))
    if column.pattern:
        checks.append(pa.Check(lambda values: _matches(values, column), name=f"matches `{column.pattern}`"))
    if column.kind == "text" and column.required:
        checks.append(pa.Check(lambda values: values.str.strip() != "", name="required"))
    return checks


def _matches(values: pd.Series, column: Column) -> pd.Series:
    matched = values.str.fullmatch(column.pattern)
    return matched if column.required else matched | (values == "")

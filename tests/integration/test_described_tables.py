"""Every column of a table we hand out says its unit, what it is and where it comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest
from race_to_efficiency.evaluation.fields import SCORE_FIELDS, STATEMENT_FIELDS
from race_to_efficiency.forecasting.fields import FORECAST_FIELDS, MILESTONE_FIELDS
from race_to_efficiency.ledger.schemas import TABLES

if TYPE_CHECKING:
    from race_to_efficiency.settings.params import Workspace

WRITTEN = {
    "forecast": FORECAST_FIELDS,
    "milestones": MILESTONE_FIELDS,
    "scores": SCORE_FIELDS,
    "statements": STATEMENT_FIELDS,
    **{f"ledger/{name}": table.fields for name, table in TABLES.items()},
}


@pytest.mark.parametrize("name", WRITTEN)
def test_every_column_says_what_it_is(name: str, small_quarter: Workspace) -> None:
    schema = pq.read_schema(small_quarter.processed / f"{name}.parquet")
    for field in schema:
        told = {key.decode(): text.decode() for key, text in (field.metadata or {}).items()}
        unit, description = WRITTEN[name][field.name]
        assert told["description"] == description
        assert told["source"]
        assert told.get("unit", "") == unit
        if str(field.type) == "double" and not name.startswith("ledger"):
            assert unit, f"{field.name} is a number without a unit"
        if name.startswith("ledger"):
            assert told["source"] == f"data/raw/{name.partition('/')[2]}.csv"
            assert str(field.type).startswith("timestamp") == (field.name in DATES[name.partition("/")[2]])


DATES = {name: {column.name for column in table.columns if column.kind == "date"} for name, table in TABLES.items()}
"""Ledgers have their dates as dates."""

"""Rows of one comparable group: who is used, and from when to when they were published."""

from __future__ import annotations

import pandas as pd
from race_to_efficiency.calibration.kappa.group_rows import GROUP_COLUMNS, GroupRows
from race_to_efficiency.settings.kappa import KappaGroup


def runs(released: list[str | None], exclusion: list[str]) -> pd.DataFrame:
    n = len(released)
    numbers = [1.0 + row for row in range(n)]
    columns = [column for _, column in GROUP_COLUMNS]
    return pd.DataFrame(
        dict.fromkeys(columns, numbers)
        | {"run_id": [f"run-{row}" for row in range(n)], "cluster": "one", "exclusion": exclusion}
        | {"released": pd.to_datetime(pd.Series(released, dtype="object"))}
    )


def test_a_group_reaches_from_its_first_publication_to_its_latest() -> None:
    """Of the rows in use alone; a row without a date moves neither end."""
    released = ["2024-05-01", "2022-01-31", None, "2023-02-02", "2025-12-31", "2019-01-01"]
    table = runs(released, ["", "", "", "", "outlier", "outlier"])
    spec = KappaGroup(group="a", family="b")
    assert GroupRows.of(table, spec).window == ("2022-01-31", "2024-05-01")
    assert GroupRows.of(table, spec, readmit=("outlier",)).window == ("2019-01-01", "2025-12-31")
    assert GroupRows.of(table.assign(released=pd.NaT), spec).window is None
    assert GroupRows.of(table.assign(exclusion="outlier"), spec) is None

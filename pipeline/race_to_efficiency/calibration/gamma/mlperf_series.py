"""MLPerf results as series: which results count, the best of a round, one level a cell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.calibration.common.series import Series
from race_to_efficiency.ledger.exclusions import domain_exclusion

if TYPE_CHECKING:
    import pandas as pd

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.calibration.gamma.components import Inputs


MLPERF = "mlperf_training"


def mlperf_rows(inputs: Inputs) -> pd.DataFrame:
    """Return closed-division results with complete logs, not resubmitted, on targets still in force."""
    rows = inputs.rows(MLPERF)
    return rows if rows.empty else rows.loc[domain_exclusion(MLPERF, rows) == ""]


def best_per_round(rows: pd.DataFrame, by: list[str], min_rounds: int) -> pd.DataFrame:
    """Return the fastest row of each cell and round, for cells seen in at least ``min_rounds`` rounds."""
    ordered = rows.sort_values(["minutes", "result_id"], kind="stable")
    best = ordered.drop_duplicates([*by, "round"])
    seen = best.groupby(by, sort=False)["round"].transform("nunique")
    return best.loc[seen >= min_rounds].sort_values(["released", "result_id"], kind="stable")


def with_names(rows: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Return the rows that state every column: results without a chip's name are no common cell."""
    stated = rows[by].notna().all(axis=1)
    for name in by:
        stated &= rows[name].astype(str) != ""
    return rows.loc[stated]


def cell_series(rows: pd.DataFrame, by: list[str], value: Floats, **labels: Any) -> Series:
    """Return a quantity of MLPerf results as a series with one level a cell."""
    return Series(
        table=MLPERF,
        row_ids=rows["result_id"].to_numpy(object),
        dates=rows["released"].to_numpy("datetime64[D]"),
        value=value,
        cells=rows.groupby(by, sort=True).ngroup().to_numpy().astype(np.int64),
        **labels,
    ).ordered()

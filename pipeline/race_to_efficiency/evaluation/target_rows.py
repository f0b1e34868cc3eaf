"""What of a ledger's rows a target observes: item, released, value (log2), cell and block of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.units import joules

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    Rows = Callable[[pd.DataFrame], pd.DataFrame]


def _table(view: pd.DataFrame, key: str, value: np.ndarray, block: pd.Series, cell: object = "") -> pd.DataFrame:
    """Return the five columns every target has."""
    import pandas as pd

    return pd.DataFrame(
        {
            "item": view[key].astype("str"),
            "released": view["released"],
            "value": np.log2(np.asarray(value, dtype=np.float64)),
            "cell": cell,
            "block": block.astype("str"),
        }
    )


def chip(column: str) -> Rows:
    """Return a column of the accelerators per watt of rated power."""

    def rows(view: pd.DataFrame) -> pd.DataFrame:
        # the variants one maker launches on one day are one outcome
        launch = view["manufacturer"].fillna("?") + " " + view["released"].dt.strftime("%Y-%m-%d")
        return _table(view, "accelerator_id", (view[column] / view["tdp_w"]).to_numpy(), launch)

    return rows


def run(column: str) -> Rows:
    """Return a column of the notable training runs."""

    def rows(view: pd.DataFrame) -> pd.DataFrame:
        return _table(view, "model_id", view[column].to_numpy(), view["released"].dt.strftime("%Y-%m-%d"))

    return rows


def speedrun_rows(view: pd.DataFrame) -> pd.DataFrame:
    """Return the times of track 1, re-timings left out."""
    new = view[(view["track"] == 1) & ~view["run_flags"].str.contains("retiming_not_new_record", regex=False)]
    return _table(new, "record_id", new["record_time_s"].to_numpy(), new["released"].dt.strftime("%Y-%m-%d"))


def mlperf(view: pd.DataFrame) -> pd.DataFrame:
    """Return the best time on eight accelerators of each benchmark and round."""
    eight = view[view["accelerator_count"] == 8].sort_values(["minutes", "result_id"], kind="stable")
    best = eight.drop_duplicates(["benchmark", "round"])
    rows = _table(best, "result_id", best["minutes"].to_numpy(), best["round"], best["benchmark"].astype("str"))
    return rows.assign(item=best["benchmark"].astype("str") + "@" + best["round"].astype("str"))


def flop_per_joule(view: pd.DataFrame) -> pd.DataFrame:
    """Return compute over energy of the runs that state power and hours."""
    efficiency = view["compute_flop"] / joules(view["power_draw_w"], view["hours"])
    return _table(view, "model_id", efficiency.to_numpy(), view["organization"].fillna("?"))

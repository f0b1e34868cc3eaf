"""The ledgers and the printed numbers by pandas, numpy and scipy alone: nothing of the package is here."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

RAW = Path(__file__).resolve().parents[2] / "data" / "raw"
AS_OF = pd.Timestamp("2026-03-31")


@cache
def ledger(table: str) -> pd.DataFrame:
    """Every line of a ledger, its dates as dates."""
    return pd.read_csv(RAW / f"{table}.csv", parse_dates=["released", "recorded"])


@cache
def known(table: str, day: pd.Timestamp = AS_OF) -> pd.DataFrame:
    """The last version of each row recorded by a day; of a withdrawal and a new line of one day the line stands."""
    frame = ledger(table)
    frame = frame.assign(live=~frame["withdrawn"])[frame["recorded"] <= day]
    order = frame.sort_values(["recorded", "live"], kind="stable")
    return order.drop_duplicates(frame.columns[0], keep="last")


@cache
def view(table: str, day: pd.Timestamp = AS_OF) -> pd.DataFrame:
    """The rows in force on a day: known, not withdrawn, released by then; with their decimal year."""
    rows = known(table, day)
    rows = rows[~rows["withdrawn"] & (rows["released"] <= day)]
    return rows.assign(year=years(rows["released"])).sort_values("released", kind="stable")


def years(dates: pd.Series) -> pd.Series:
    """Year plus the share of its days gone."""
    return dates.dt.year + (dates.dt.day_of_year - 1) / np.where(dates.dt.is_leap_year, 366, 365)


@cache
def mlperf() -> pd.DataFrame:
    """Results with all their logs, of the closed division, not handed in twice, on today's targets; fastest first."""
    rows = view("mlperf_training")
    number = {name: rows[name].str.lstrip("v").astype(float) for name in ("round", "comparable_from_round")}
    whole = (rows["n_logs_missing"].fillna(0) == 0) & rows["minutes"].notna() & ~rows["is_resubmission"]
    rows = rows[(rows["division"] == "closed") & whole & (number["round"] >= number["comparable_from_round"])]
    return rows.sort_values(["minutes", "result_id"], kind="stable")


def document(folder: Path, name: str) -> Any:
    """A JSON file of the quarter."""
    return json.loads((folder / name).read_text(encoding="utf-8"))


def slope(year: Any, value: Any) -> float:
    """Slope of the least-squares line through (year, value)."""
    return float(np.polyfit(np.asarray(year) - np.mean(year), np.asarray(value, dtype=float), 1)[0])


def jackknife(rows: pd.DataFrame, clusters: pd.Series, estimate: Any) -> tuple[float, float]:
    """95 % interval of an estimate by leaving out one cluster at a time, t with one degree of freedom less (CV3)."""
    from scipy.stats import t

    names = clusters.unique()
    whole, without = estimate(rows), np.array([estimate(rows[clusters != name]) for name in names])
    half = t.ppf(0.975, len(names) - 1) * np.sqrt((len(names) - 1) / len(names) * np.sum((without - whole) ** 2))
    return whole - half, whole + half

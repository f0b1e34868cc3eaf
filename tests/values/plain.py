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


class NewFamily:
    """Families y_i ~ N(theta_i, s_i^2), theta_i ~ N(mu, tau^2), tau half-t with 3 degrees of freedom: by quadrature.

    Gauss and Legendre's nodes in asinh(tau/scale), mu integrated in closed form at each.
    """

    def __init__(self, values: Any, stderrs: Any, scale: float) -> None:
        from scipy.stats import t

        nodes, weights = np.polynomial.legendre.leggauss(400)
        top = np.arcsinh(3000.0)
        u = 0.5 * top * (nodes + 1)
        self.tau = scale * np.sinh(u)
        variance = np.square(stderrs)[:, None] + self.tau**2
        self.spread = 1 / (1 / variance).sum(axis=0)
        self.centre = (np.asarray(values)[:, None] / variance).sum(axis=0) * self.spread
        misfit = ((np.asarray(values)[:, None] - self.centre) ** 2 / variance).sum(axis=0)
        density = np.exp(-0.5 * misfit) * np.sqrt(self.spread / variance.prod(axis=0)) * t.pdf(self.tau / scale, 3)
        weight = weights * np.cosh(u) * density
        self.weight = weight / weight.sum()

    @property
    def mean(self) -> float:
        return float(self.weight @ self.centre)

    def chance(self, x: Any, *, new: bool) -> Any:
        """Chance that mu, or a new family, lies below x (m,)."""
        from scipy.stats import norm

        sd = np.sqrt(self.spread + (self.tau**2 if new else 0))
        return norm.cdf((np.atleast_1d(x)[:, None] - self.centre) / sd) @ self.weight

    def sample(self, shares: Any) -> Any:
        """A new family's values at given shares; kappa is positive, so less than a hundredth of the mean is that."""
        grid = np.linspace(self.mean - 30 * self.spread.min() ** 0.5, self.mean + 30 * self.spread.min() ** 0.5, 20_001)
        return np.maximum(np.interp(shares, self.chance(grid, new=True), grid), 0.01 * self.mean)

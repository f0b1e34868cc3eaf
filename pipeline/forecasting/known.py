"""What the ledgers know about runs: the largest, how long large ones take, and the range behind each group's fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.errors import InputMissing
from pipeline.units import HOURS_PER_YEAR, decimal_years

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd


@dataclass(frozen=True)
class KnownRuns:
    """What the table of notable runs says as of the day: the largest run, and how long large runs take.

    Parameters
    ----------
    largest_id : str
    largest_compute_flop : float, FLOP
    baseline_years : float, years
        Measured tau0: median hours of long runs / 8766.
    n_long_runs : int
    long_run_flop : float, FLOP
        Compute from which a run counts for tau0.
    """

    largest_id: str
    largest_compute_flop: float
    baseline_years: float
    n_long_runs: int
    long_run_flop: float


@dataclass(frozen=True)
class GroupRange:
    """Compute and date range of the rows a group's fit used.

    Parameters
    ----------
    low, high : float, FLOP
    released : float, decimal years
        Latest publication date among the rows.
    """

    low: float
    high: float
    released: float

    @property
    def log_width(self) -> float:
        """ln(high/low)."""
        return float(np.log(self.high / self.low))


def known_runs(notable: pd.DataFrame, *, long_run_flop: float) -> KnownRuns:
    """Return the largest known run and the measured tau0 from the as-of view of notable_training_runs.

    Parameters
    ----------
    notable : DataFrame
        model_id, compute_flop, hours, exclusion.
    long_run_flop : float, FLOP

    Raises
    ------
    InputMissing
        When no run has a known compute, or no run of that size a known duration.
    """
    used = notable[(notable["exclusion"] == "") & (notable["compute_flop"] > 0)]
    if used.empty:
        raise InputMissing(
            "no notable training run with a known compute exists as of this quarter",
            where="ledger/notable_training_runs.parquet:compute_flop",
            remedy="choose a later quarter, or import a table of notable runs",
        )
    largest = used.sort_values(["compute_flop", "model_id"]).iloc[-1]
    hours = used.loc[(used["compute_flop"] >= long_run_flop) & (used["hours"] > 0), "hours"]
    if hours.empty:
        raise InputMissing(
            f"no run of at least {long_run_flop:g} FLOP has a known duration as of this quarter",
            where="ledger/notable_training_runs.parquet:hours",
            remedy="lower forecast.long_run_flop in params.yaml",
        )
    return KnownRuns(
        largest_id=str(largest["model_id"]),
        largest_compute_flop=float(largest["compute_flop"]),
        baseline_years=float(hours.median()) / HOURS_PER_YEAR,
        n_long_runs=len(hours),
        long_run_flop=long_run_flop,
    )


def group_ranges(estimates: Sequence[Mapping[str, Any]], runs: pd.DataFrame, *, fit: str) -> dict[str, GroupRange]:
    """Return the compute and date range of the rows each group's fit used.

    Parameters
    ----------
    estimates : sequence of mapping
        Records of kappa.json; ``rows_used`` names the rows.
    runs : DataFrame
        As-of view of training_runs: run_id, compute_flop, released.
    fit : str
        Functional form.
    """
    indexed = runs.set_index("run_id")
    ranges = {}
    for record in estimates:
        if record.get("form") != fit or not str(record.get("symbol", "")).startswith("kappa_"):
            continue
        ids = [str(row).partition("/")[2] for row in record.get("rows_used", ())]
        rows = indexed.loc[indexed.index.isin(ids)]
        if rows.empty:
            continue
        years = decimal_years(rows["released"].to_numpy())
        compute = rows["compute_flop"]
        ranges[str(record["group"])] = GroupRange(float(compute.min()), float(compute.max()), float(np.nanmax(years)))
    return ranges

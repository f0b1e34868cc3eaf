"""What the ledgers know about runs: the largest, how long large ones take, and the range behind each group's fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.units import HOURS_PER_YEAR, decimal_years

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd


@dataclass(frozen=True)
class KnownRuns:
    """What the table of notable runs says as of the day: the largest run, and how long large runs take.

    Parameters
    ----------
    largest_id : str or None
        None when no run has a known compute.
    largest_compute_flop : float or None, FLOP
    baseline_years : float or None, years
        Measured tau0: median hours of long runs / 8766; None when none of them has a known duration.
    long_run_ids : tuple of str
        The runs behind tau0.
    long_run_flop : float, FLOP
        Compute from which a run counts for tau0.
    """

    largest_id: str | None
    largest_compute_flop: float | None
    baseline_years: float | None
    long_run_ids: tuple[str, ...]
    long_run_flop: float

    @property
    def n_long_runs(self) -> int:
        """How many runs tau0 rests on."""
        return len(self.long_run_ids)


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
    """
    used = notable[(notable["exclusion"] == "") & (notable["compute_flop"] > 0)]
    largest = used.sort_values(["compute_flop", "model_id"]).tail(1)
    long = used[(used["compute_flop"] >= long_run_flop) & (used["hours"] > 0)]
    return KnownRuns(
        largest_id=None if largest.empty else str(largest["model_id"].iloc[0]),
        largest_compute_flop=None if largest.empty else float(largest["compute_flop"].iloc[0]),
        baseline_years=None if long.empty else float(long["hours"].median()) / HOURS_PER_YEAR,
        long_run_ids=tuple(long["model_id"].astype(str)),
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

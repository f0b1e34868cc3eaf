"""What is forecast and scored: observable quantities, each with the rule that says when and how it resolves.

The relative loss R(t) itself is a conditional projection, not an observable, and is not scored.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.evaluation import target_rows
from race_to_efficiency.units import decimal_years

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.settings.backtest import TargetKind


@dataclass(frozen=True)
class Target:
    """One observable quantity.

    Parameters
    ----------
    id : str
    kind : str
        observation: every row released in the target quarter; aggregate: their mean or median over a window; record:
        the best so far, out of many releases; improvement: a record of which only the improvements are listed; panel:
        the best of a round for each cell; loss: a training run larger than those fitted.
    table : str
        Ledger.
    needs : tuple of str
        Columns that must be filled.
    unit : str
        Unit of the quantity; forecasts and scores are in its log2 (doublings).
    what : str
        The quantity in words.
    rule : str
        When and how an outcome resolves.
    rows : callable
        From the used rows of a view to item, released, value (log2), cell, block.
    sign : {1, -1}
        -1 where smaller is better.
    published : str or None
        value_id of the published trend that fits best.
    window_quarters : int
        Length of the window an aggregate is taken over.
    statistic : {'mean', 'median'}
    minimum_items : int
        Rows an aggregate needs.
    from_year : float
        First year of the rows used.
    """

    id: str
    kind: TargetKind
    table: str
    needs: tuple[str, ...]
    unit: str
    what: str
    rule: str
    rows: Callable[[pd.DataFrame], pd.DataFrame]
    sign: int = 1
    published: str | None = None
    window_quarters: int = 1
    statistic: str = "mean"
    minimum_items: int = 1
    from_year: float = 0.0

    def level(self, rows: Floats) -> float:
        """Return the mean or median of an aggregate's rows; NaN of too few."""
        if rows.size < self.minimum_items:
            return np.nan
        return float(np.median(rows) if self.statistic == "median" else np.mean(rows))

    @property
    def settles(self) -> str:
        """Which view settles an outcome: the 'first' that reaches the date, or the 'latest' for single rows."""
        return "latest" if self.kind in ("observation", "panel") else "first"

    @property
    def monotone(self) -> bool:
        """Whether an outcome can only fall behind the last value by a revision: a record stands until it is beaten."""
        return self.kind in ("record", "improvement")

    def observations(self, view: pd.DataFrame) -> pd.DataFrame:
        """Return the target's observations in a view, in the order of their dates.

        Parameters
        ----------
        view : DataFrame
            Used rows of the ledger.

        Returns
        -------
        DataFrame
            item, released, time (decimal years), value (log2 of the unit), cell, block.
        """
        # column by column: asked at every origin, and a table's rows are slow to look through
        stated = [(view[name].notna() & (view[name] > 0)).to_numpy(dtype=bool) for name in self.needs]
        found = self.rows(view[np.logical_and.reduce(stated)])
        found = found.assign(time=decimal_years(found["released"].to_numpy()))
        found = found[found["time"] >= self.from_year]
        columns = ["item", "released", "time", "value", "cell", "block"]
        return found.sort_values(["time", "value", "item"], kind="stable")[columns].reset_index(drop=True)


_CHIPS = "accelerators (Epoch AI, Machine Learning Hardware)"
_MODELS = "notable_training_runs (Epoch AI, Notable AI Models)"
_FIRST_VIEW = "read in the first as-of view that reaches the target date"
_LATEST_VIEW = "read in the as-of view of the quarter that scores it"


def _per_watt(name: str, kind: TargetKind, column: str, what: str, rule: str, published: str) -> Target:
    """Return a target of the accelerators' throughput per watt of rated power."""
    needs, rows = ("tdp_w", column), target_rows.chip(column)
    return Target(name, kind, "accelerators", needs, "FLOP/s/W", what, rule, rows, published=published)


def _largest_run(name: str, column: str, unit: str, what: str) -> Target:
    """Return the record of a figure of the notable training runs since 2012."""
    rule = f"largest {column} in {_MODELS} published by the target date, {_FIRST_VIEW}"
    rows = target_rows.run(column)
    return Target(name, "record", "notable_training_runs", (column,), unit, what, rule, rows, from_year=2012.0)


TARGETS: dict[str, Target] = {
    target.id: target
    for target in (
        _per_watt(
            "tensor16_chip",
            "observation",
            "fp16_tensor_flop_s",
            "dense 16-bit tensor FLOP/s per watt of TDP of each accelerator released in the target quarter",
            f"each row of {_CHIPS} released in the quarter with TDP and tensor FP16, {_LATEST_VIEW}",
            "epoch2023_energy_eff_ml",
        ),
        _per_watt(
            "tensor16_quarter_mean",
            "aggregate",
            "fp16_tensor_flop_s",
            "geometric mean of dense 16-bit tensor FLOP/s per watt of TDP of the accelerators released in the quarter",
            f"mean log2 over the rows of {_CHIPS} released in the quarter, {_FIRST_VIEW}; void without a release",
            "epoch2023_energy_eff_ml",
        ),
        _per_watt(
            "tensor16_record",
            "record",
            "fp16_tensor_flop_s",
            "best dense 16-bit tensor FLOP/s per watt of TDP of any accelerator released so far",
            f"largest value in {_CHIPS} released by the target date, {_FIRST_VIEW}",
            "epoch2024_leading_energy_eff",
        ),
        _per_watt(
            "fp8_record",
            "record",
            "fp8_flop_s",
            "best dense FP8 FLOP/s per watt of TDP of any accelerator released so far",
            f"largest value in {_CHIPS} released by the target date, {_FIRST_VIEW}",
            "epoch2024_leading_energy_eff",
        ),
        Target(
            "speedrun_record_time",
            "improvement",
            "speedrun_records",
            ("record_time_s",),
            "s",
            "record time of the modded-nanogpt speedrun, track 1 (3.28 nats/token on 8 H100)",
            "lowest record_time_s of track 1 by the target date, re-timings left out, once the table reaches it",
            target_rows.speedrun_rows,
            sign=-1,
        ),
        Target(
            "mlperf_best8_minutes",
            "panel",
            "mlperf_training",
            ("minutes",),
            "min",
            "best training time on 8 accelerators of a round of MLPerf Training, by benchmark",
            "least minutes of the round published in the target quarter: closed division, not resubmitted, complete "
            "logs, comparable target, 8 accelerators; unofficial, computed from logs; void without a round or an entry",
            target_rows.mlperf,
            sign=-1,
        ),
        _largest_run("frontier_compute", "compute_flop", "FLOP", "training compute of the largest known run"),
        _largest_run(
            "frontier_power",
            "power_draw_w",
            "W",
            "power draw of the largest known training run (modelled from TDP by the publisher)",
        ),
        Target(
            "training_flop_per_joule_year",
            "aggregate",
            "notable_training_runs",
            ("compute_flop", "power_draw_w", "hours"),
            "FLOP/J",
            "median training FLOP per joule of the notable runs of a year (power modelled from TDP by the publisher)",
            f"median log2 of compute_flop/(power_draw_w x hours) over the rows of {_MODELS} published in the four "
            f"quarters up to the target date, at least 3 of them, {_FIRST_VIEW}",
            target_rows.flop_per_joule,
            published="pilz2025_cluster_energy_eff",
            window_quarters=4,
            statistic="median",
            minimum_items=3,
            from_year=2012.0,
        ),
        _largest_run(
            "run_cost_record",
            "cost_2023usd",
            "USD",
            "cost of the most expensive known training run, in dollars of 2023",
        ),
        _largest_run(
            "run_chips_record", "chip_count", "chips", "accelerators of the largest cluster a known training run used"
        ),
    )
}
"""Every dated target by id. The losses of larger runs have no date and stand in `loss_targets`."""

"""What physics allows: a bound for each target, with its source; a forecast puts nothing beyond it.

A bound is the best value there can be at a date, given what was known at the origin. The share of probability that a
forecast had beyond it, and that was moved to it, is kept beside the forecast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.evaluation.averaging import probability_up_to
from race_to_efficiency.evaluation.origins import QUARTER_YEARS
from race_to_efficiency.evaluation.targets import TARGETS
from race_to_efficiency.units import SECONDS_PER_HOUR

if TYPE_CHECKING:
    from collections.abc import Callable

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.evaluation.origin_views import LedgerViews
    from race_to_efficiency.evaluation.origins import ForecastOrigin
    from race_to_efficiency.settings.backtest import BoundParams

    Limit = tuple[Floats, str]


def bound(origin: ForecastOrigin, views: LedgerViews) -> Limit:
    """Return the best value physics allows at each horizon, (h,) log2 with better larger, and its source in words."""
    caps, name = origin.params.bounds, origin.target.id
    if name == "frontier_compute":
        return _compute(origin, views)
    if name == "speedrun_record_time":
        return _speedrun(origin, views)
    if name == "mlperf_best8_minutes":
        best = float((origin.target.sign * origin.known.observations["value"]).max(skipna=True))
        limit, source = best + caps.benchmark_doublings.value, caps.benchmark_doublings.source
    else:
        limit, source = _FIXED[name](caps)
        limit = float(np.log2(limit))
    return np.full(origin.ends.size, limit), source


def within(quantiles: Floats, limit: Floats) -> tuple[Floats, Floats]:
    """Return (h, 23) quantiles moved to the bound where they lie beyond it, and the (h,) share of mass moved."""
    moved = [1.0 - probability_up_to(row, edge) for row, edge in zip(quantiles, limit, strict=True)]
    return np.minimum(quantiles, limit[:, None]), np.array(moved)


def _ahead(origin: ForecastOrigin) -> Floats:
    return QUARTER_YEARS * np.arange(1.0, origin.ends.size + 1)


def _chip(caps: BoundParams) -> tuple[float, str]:
    return caps.chip_flop_s_per_w.value, caps.chip_flop_s_per_w.source


def _eight_bit(caps: BoundParams) -> tuple[float, str]:
    limit, source = _chip(caps)
    return 2.0 * limit, f"{source}; an 8-bit operation takes half the energy of a 16-bit one"


def _chips(caps: BoundParams) -> tuple[float, str]:
    return caps.power_w.value / caps.training_chip_w.value, f"{caps.power_w.source}; {caps.training_chip_w.source}"


_FIXED: dict[str, Callable[[BoundParams], tuple[float, str]]] = {
    "tensor16_chip": _chip,
    "tensor16_quarter_mean": _chip,
    "tensor16_record": _chip,
    "fp8_record": _eight_bit,
    "training_flop_per_joule_year": _eight_bit,
    "frontier_power": lambda caps: (caps.power_w.value, caps.power_w.source),
    "run_cost_record": lambda caps: (caps.cost_2023usd.value, caps.cost_2023usd.source),
    "run_chips_record": _chips,
}
"""Bounds that hold at every date, in the target's unit; those of the other targets depend on what was known."""


def _compute(origin: ForecastOrigin, views: LedgerViews) -> Limit:
    """Power x time x efficiency: the power cap, the length of the largest runs, what runs get out of a joule."""
    caps = origin.params.bounds
    hours = (caps.usual_hours, caps.duration_growth_per_year, caps.run_hours)
    parts = (caps.power_w, *hours, caps.efficiency_growth_per_year)
    source = "power x time x efficiency: " + "; ".join(one.source for one in parts)
    return np.log2(caps.power_w.value) + _joule_compute(origin, views), source


def _joule_compute(origin: ForecastOrigin, views: LedgerViews) -> Floats:
    """Return the compute that a watt can give a large run at each horizon, (h,) log2 FLOP/W."""
    caps = origin.params.bounds
    hours = caps.usual_hours.value * np.exp2(caps.duration_growth_per_year.value * _ahead(origin))
    return np.log2(np.minimum(hours, caps.run_hours.value) * SECONDS_PER_HOUR) + efficiency(origin, views)


def efficiency(origin: ForecastOrigin, views: LedgerViews) -> Floats:
    """Return the efficiency a large run can have at each horizon, (h,) log2 FLOP/J.

    The median of the runs of the last year that state power and hours, or the best chip where fewer than three do.
    """
    growth = origin.params.bounds.efficiency_growth_per_year.value * _ahead(origin)
    runs = TARGETS["training_flop_per_joule_year"]
    known = views.known(runs, origin.quarter.as_of).observations
    recent = known.loc[known["time"] > known["time"].max() - 1.0, "value"] if len(known) else known["value"]
    if len(recent) >= runs.minimum_items:
        return np.asarray(float(recent.median()) + growth)
    chips = views.used("accelerators", origin.quarter.as_of)
    best = float((chips["fp16_tensor_flop_s"] / chips["tdp_w"]).max(skipna=True))
    # before any chip is known, what no chip exceeds
    best = best if np.isfinite(best) else origin.params.bounds.chip_flop_s_per_w.value
    return np.asarray(np.log2(best) + growth)


def _speedrun(origin: ForecastOrigin, views: LedgerViews) -> Limit:
    """Seconds at peak: the record's tokens, each at its FLOP, fewer by and by, at the peak of the eight chips."""
    caps = origin.params.bounds
    runs = views.used("speedrun_records", origin.quarter.as_of)
    tokens = float(runs.loc[runs["track"] == 1, "tokens"].min())
    seconds = tokens * caps.speedrun_flop_per_token.value / caps.speedrun_flop_s.value
    parts = (caps.speedrun_flop_per_token, caps.speedrun_flop_s, caps.speedrun_token_halvings)
    faster = caps.speedrun_token_halvings.value * _ahead(origin)
    return faster - np.log2(seconds), "seconds at peak: " + "; ".join(one.source for one in parts)


def implied_power(origin: ForecastOrigin, views: LedgerViews, quantiles: Floats) -> Floats:
    """Return how likely the power that a compute forecast implies lies above the cap, (h,).

    Parameters
    ----------
    origin : ForecastOrigin
    views : LedgerViews
    quantiles : (h, 23) float, log2 FLOP
        Of the largest run.
    """
    limit = np.log2(origin.params.bounds.power_w.value) + _joule_compute(origin, views)
    beyond = [1.0 - probability_up_to(row, edge) for row, edge in zip(quantiles, limit, strict=True)]
    # nothing lies beyond a bound that the outermost quantile does not pass
    return np.where(quantiles[:, -1] <= limit, 0.0, beyond)

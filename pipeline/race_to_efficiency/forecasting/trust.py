"""Where a forecast stops being more than arithmetic: five limits, each dated, each in words.

1. range: C0 X(t) leaves a group's fitted compute by more than the width of that range.
2. near_floor: the loss is within a given share of the irreducible loss, where E is all that matters.
3. curvature: a group's fit can hardly tell its floor from a straight line (z_curv below the gate).
4. series_length: the horizon is longer than the series gamma was measured on.
5. hardware_headroom: the chips' share of gamma has used up the physical headroom of CMOS.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.forecasting.milestones import Passage, log_ratio_of_target, reducible_target, time_to_log_ratio
from race_to_efficiency.units import add_years

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.forecasting.anchors import Anchor
    from race_to_efficiency.forecasting.draws import Pool
    from race_to_efficiency.forecasting.engine import DrawnPath
    from race_to_efficiency.forecasting.known import GroupRange
    from race_to_efficiency.settings.forecast import TrustParams

LATEST_YEAR = 9000
"""Dates beyond this are not written: the calendar ends at 9999 and the meaning long before."""


@dataclass(frozen=True)
class Limit:
    """One limit of trust.

    Parameters
    ----------
    limit : str
        range, near_floor, curvature, series_length or hardware_headroom.
    form : str
        total, reducible, or both.
    scenario_id, anchor : str or None
        None where it holds for all.
    years : float
        Median years until it is passed; 0 when already passed, inf for never.
    low, high : float, years
        95 % interval (for hardware_headroom: at the lower and the upper headroom).
    words : str
    """

    limit: str
    form: str
    scenario_id: str | None
    anchor: str | None
    years: float
    low: float
    high: float
    words: str

    def to_json(self, as_of: date) -> dict[str, Any]:
        """Return the record with its date; never is null with ``never`` true."""
        return {
            **{name: value for name, value in vars(self).items() if name != "words"},
            "never": bool(np.isinf(self.years)),
            "passed_at_start": self.years <= 0,
            "date": date_after(as_of, self.years),
            "words": self.words,
        }


def date_after(as_of: date, years: float) -> str | None:
    """Return the ISO date ``years`` after ``as_of``; None for never and for what no calendar holds."""
    if not np.isfinite(years) or as_of.year + years > LATEST_YEAR:
        return None
    return add_years(as_of, float(years)).isoformat()


def _limit(limit: str, form: str, scenario: str | None, anchor: str | None, passage: Passage, words: str) -> Limit:
    low, median, high = (float(value) for value in passage.quantiles((0.025, 0.5, 0.975)))
    return Limit(limit, form, scenario, anchor, median, low, high, words.format(when=_when(median)))


def _when(years: float) -> str:
    if years <= 0:
        return "from the first day"
    return "never" if np.isinf(years) else f"after {years:.1f} years (median)"


def path_limits(
    scenario_id: str,
    path: DrawnPath,
    pool: Pool,
    anchor: Anchor,
    ranges: Mapping[str, GroupRange],
    params: TrustParams,
) -> list[Limit]:
    """Return the limits that depend on how compute grows: fitted range and floor.

    Parameters
    ----------
    scenario_id : str
    path : ComputePath
    pool : Pool
        Of form reducible.
    anchor : Anchor
    ranges : mapping of str to GroupRange
    params : TrustParams
    """
    edges = [
        np.log(ranges[item.group].high) + params.beyond_range_widths * ranges[item.group].log_width - item.log_compute
        for item in anchor.groups
    ]
    width = "its own width" if params.beyond_range_widths == 1 else f"{params.beyond_range_widths:g} times its width"
    left = _limit(
        "range",
        "both",
        scenario_id,
        anchor.name,
        time_to_log_ratio(path, pool.taken(edges)),
        f"compute leaves the fitted range by more than {width} {{when}}",
    )
    floor = anchor.new_family.floor
    near = log_ratio_of_target(
        pool.kappa, np.minimum(reducible_target(1.0, floor), _near(floor, params.near_floor_ratio))
    )
    close = _limit(
        "near_floor",
        "reducible",
        scenario_id,
        anchor.name,
        time_to_log_ratio(path, near),
        f"the loss is within {params.near_floor_ratio - 1:.0%} of the irreducible loss {{when}}",
    )
    return [left, close]


def _near(floor: Floats, ratio: float) -> Floats:
    """Return the reducible ratio at which L = ratio x E, at most 1."""
    return np.asarray(np.minimum((ratio - 1.0) * floor / (1.0 - floor), 1.0))


def curvature_limits(estimates: Sequence[Mapping[str, Any]], pool: Pool, params: TrustParams) -> list[Limit]:
    """Return one limit naming the groups whose floor is weakly identified; empty when there is none."""
    weak = []
    for record in estimates:
        z = (record.get("diagnostics") or {}).get("z_curv")
        member = any(item.group == record.get("group") and item.fit == record.get("form") for item in pool.groups)
        if member and record.get("symbol") == "kappa_reducible" and z is not None and z < params.min_curvature_z:
            weak.append(f"{record['group']} (z {z:.1f})")
    if not weak:
        return []
    words = f"the floor is weakly identified (z_curv below {params.min_curvature_z:g}) in {', '.join(sorted(weak))}"
    return [Limit("curvature", "reducible", None, None, 0.0, 0.0, 0.0, words)]


def series_limits(route: str, scenario_id: str, components: Mapping[str, float | None]) -> list[Limit]:
    """Return the limit set by the shortest series of a route.

    Parameters
    ----------
    route, scenario_id : str
    components : mapping of str to float or None
        Length in years of each component's series; None for a prior, which has none.
    """
    known = {name: years for name, years in components.items() if years is not None}
    if not known:
        return []
    name = min(known, key=lambda item: (known[item], item))
    years = known[name]
    words = f"the horizon exceeds the {years:.1f} years on which {name} of route {route} was measured"
    return [Limit("series_length", "both", scenario_id, None, years, years, years, words)]


def headroom_limits(hardware: Floats, headroom: tuple[float, float, float]) -> list[Limit]:
    """Return when chips growing at the measured rate have used up the physical headroom.

    Parameters
    ----------
    hardware : (n,) float, doublings/yr
    headroom : (low, central, high) float, doublings
        Ho, Erdil & Besiroglu (2023), "Limits to the energy efficiency of CMOS microprocessors": 7.6 (5.6 to 10).
    """
    rate = float(np.median(hardware))
    years = [value / rate if rate > 0 else float("inf") for value in headroom]
    words = (
        f"chips gaining {rate:.2f} doublings a year have used up the physical headroom of CMOS, {headroom[1]:g} "
        f"doublings [{headroom[0]:g}, {headroom[2]:g}], {_when(years[1])}"
    )
    return [Limit("hardware_headroom", "both", None, None, years[1], years[0], years[2], words)]


def reasons_at(limits: Sequence[Limit], *, scenario_id: str, anchor: str, form: str, years: float) -> tuple[str, ...]:
    """Return the names of the limits passed (in the median) at a horizon, for one curve."""
    return tuple(
        dict.fromkeys(
            item.limit
            for item in limits
            if item.scenario_id in (None, scenario_id)
            and item.anchor in (None, anchor)
            and item.form in ("both", form)
            and item.years <= years
        )
    )

"""What every forecast is measured against: last value, random walk with drift, and growth at a fixed rate.

A series is a level that was observed at dates; the baselines know nothing but it. Values are log2, better is larger.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.evaluation.predictive import TAU, empirical

if TYPE_CHECKING:
    from race_to_efficiency.arrays import Floats

BASELINES: tuple[str, ...] = ("last_value", "random_walk_drift", "moore", "published")
"""Names of the baselines in the tables."""

_MINIMUM_CHANGES = 3
_WEEK_YEARS = 7.0 / 365.25


@dataclass(frozen=True)
class Series:
    """One level observed at dates, and the observations that are to be forecast from it.

    Parameters
    ----------
    time, level : (n,) float, years and log2
        The level as it was known at each date, rising dates.
    outcome_time, outcome : (m,) float, years and log2
        Past outcomes; for a path these are the levels themselves.
    """

    time: Floats
    level: Floats
    outcome_time: Floats
    outcome: Floats

    @property
    def last(self) -> float:
        """The last known level."""
        return float(self.level[-1])

    def level_at(self, when: Floats) -> Floats:
        """Return the level known at each date, NaN before the first."""
        # quarters differ by days: a level a week later is still that of the horizon asked for
        index = np.searchsorted(self.time, np.asarray(when) + _WEEK_YEARS, side="right") - 1
        return np.where(index >= 0, self.level[np.maximum(index, 0)], np.nan)


def past_changes(series: list[Series], ahead: float) -> Floats:
    """Return outcome minus the level known ``ahead`` years before it, for every past outcome of all the series.

    With fewer than 3 of them (a short series, a long horizon) the longest shorter horizon that has 3 is used, its
    changes stretched by the square root of time.
    """
    horizon = ahead
    while horizon > 0.05:
        found = [one.outcome - one.level_at(one.outcome_time - horizon) for one in series]
        changes = np.concatenate(found) if found else np.empty(0)
        changes = changes[np.isfinite(changes)]
        if changes.size >= _MINIMUM_CHANGES:
            return np.asarray(changes * np.sqrt(ahead / horizon))
        horizon -= 0.25
    return np.empty(0)


def last_value(last: float, changes: Floats) -> Floats:
    """Return (23,) quantiles: the last value, give or take the past changes over the same horizon (both signs).

    References
    ----------
    Cramer et al. (2022), Evaluation of individual and ensemble probabilistic forecasts of COVID-19 mortality, the
    symmetrised baseline.
    """
    return np.asarray(last + empirical(np.concatenate([changes, -changes])))


def fixed_rate(last: float, rate: float, ahead: float, changes: Floats) -> Floats:
    """Return (23,) quantiles: growth at ``rate`` doublings/yr with the empirical spread of past changes."""
    return np.asarray(last + rate * ahead + empirical(changes - changes.mean()))


def random_walk_drift(series: list[Series], last: float, ahead: float, changes: Floats | None = None) -> Floats:
    """Return (23,) quantiles of a random walk with drift: normal, variance s^2 h (1 + h/T).

    Parameters
    ----------
    series : list of Series
        Steps of all of them are pooled.
    last : float, log2
    ahead : float, years
    changes : (k,) float, optional
        When outcomes scatter around the level (single chips), their past changes over the horizon give the variance.

    References
    ----------
    Hyndman & Athanasopoulos (2021), Forecasting: Principles and Practice, section 5.5.
    """
    from scipy.special import ndtri

    step = np.concatenate([np.diff(one.time) for one in series])
    change = np.concatenate([np.diff(one.level) for one in series])
    rate = change.sum() / step.sum()
    if changes is None:
        span = max(float(one.time[-1] - one.time[0]) for one in series)
        variance = ((change - rate * step) ** 2 / step).sum() / max(step.size - 1, 1) * (ahead + ahead**2 / span)
    else:
        variance = changes.var(ddof=1)
    return np.asarray(last + rate * ahead + np.sqrt(variance) * ndtri(TAU))


def quantiles(
    series: list[Series],
    last: float,
    ahead: Floats,
    past: list[Floats],
    moore: float,
    published: float | None,
    *,
    scatter: bool = False,
    monotone: bool = False,
) -> dict[str, Floats]:
    """Return each baseline's (h, 23) quantiles.

    Parameters
    ----------
    series : list of Series
        What the baselines know (all cells of a panel, pooled for the spread).
    last : float, log2
        The level they start from.
    ahead : (h,) float, years
        From that level to each target date.
    past : list of h (k,) float, log2
        Past changes over each of these times; see `past_changes`.
    moore, published : float, doublings/yr
        No published trend fits where it is None.
    scatter : bool
        Whether single outcomes scatter around the level.
    monotone : bool
        Whether the quantity never falls below its last value: a record. What a baseline would put below it counts as
        staying there.
    """
    rows: dict[str, list[Floats]] = {name: [] for name in BASELINES if name != "published" or published is not None}
    for step, changes in zip(ahead, past, strict=True):
        rows["last_value"].append(last_value(last, changes))
        rows["random_walk_drift"].append(random_walk_drift(series, last, float(step), changes if scatter else None))
        rows["moore"].append(fixed_rate(last, moore, float(step), changes))
        if published is not None:
            rows["published"].append(fixed_rate(last, published, float(step), changes))
    floor = last if monotone else -np.inf
    return {name: np.maximum(np.array(found), floor) for name, found in rows.items()}

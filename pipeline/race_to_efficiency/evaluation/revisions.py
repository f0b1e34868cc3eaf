"""A record can fall: what its publisher has revised, withdrawn or entered late, as part of its forecast.

Between two snapshots of a ledger the record that stood at the first is read again in the second. A change is an event;
events and the years watched give a rate, their sizes a distribution, and before any snapshot a stated prior speaks.
"""

from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.evaluation.averaging import mixture

if TYPE_CHECKING:
    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.evaluation.origin_views import LedgerViews
    from race_to_efficiency.evaluation.score_records import Lateness
    from race_to_efficiency.evaluation.targets import Target
    from race_to_efficiency.settings.backtest import RevisionParams

_DAYS_PER_YEAR = 365.25
_RECENT_DAYS = 730


@dataclass(frozen=True)
class Revisions:
    """How often a standing record has been revised by a day, and by how much.

    Parameters
    ----------
    events : tuple of float, log2
        Changes of the standing record, better larger: late entries lift it, corrections may lower it.
    watched_years : float
        From the first snapshot to the last.
    prior_events, prior_years, prior_doublings : float
        See `RevisionParams`.
    """

    events: tuple[float, ...]
    watched_years: float
    prior_events: float
    prior_years: float
    prior_doublings: float

    @property
    def rate(self) -> float:
        """Events a year: the posterior mean of a Poisson rate."""
        return (len(self.events) + self.prior_events) / (self.watched_years + self.prior_years)

    def probability(self, years: float) -> float:
        """Return the probability of at least one event within a time."""
        return float(-np.expm1(-self.rate * years))

    def apply(self, quantiles: Floats, years: float) -> Floats:
        """Return (23,) quantiles of a record that may also be revised within a time."""
        sizes = np.array([*self.events, -self.prior_doublings])
        share = np.array([*np.ones(len(self.events)), self.prior_events])
        revised = self.probability(years) * share / share.sum()
        shifted = quantiles + np.concatenate([[0.0], sizes])[:, None]
        return mixture(shifted, np.concatenate([[1.0 - revised.sum()], revised]))


def revisions(target: Target, views: LedgerViews, day: dt.date, params: RevisionParams) -> Revisions:
    """Return what the snapshots recorded by a day say about revisions of a record; the prior alone where none are."""
    days = _snapshots(target, views, day)
    moved = [_moved(target, views, before, after) for before, after in itertools.pairwise(days)]
    years = (days[-1] - days[0]).days / _DAYS_PER_YEAR if days else 0.0
    events = tuple(change for change in moved if change)
    return Revisions(events, years, params.prior_events, params.prior_years, params.prior_doublings)


def lateness(target: Target, views: LedgerViews, day: dt.date) -> Lateness | None:
    """Return how late rows entered, between the snapshots recorded by a day: what a pseudo view does not know it lacks.

    A pseudo view holds all that the first snapshot held, cut by release date; a real one lacks the rows that entered
    later. Counted are rows released within two years before a snapshot.

    Returns
    -------
    dict or None
        target, rows, late_share (of them in the next snapshot but not in the one before), median_lag_days (of the late
        ones, from release to the snapshot that has them); None with fewer than two snapshots.
    """
    rows, lags = 0, []
    for before, after in itertools.pairwise(_snapshots(target, views, day)):
        seen = views.observed(target, after)[1]
        when = seen["released"].to_numpy(dtype="datetime64[D]")
        recent = (when <= np.datetime64(before)) & (when > np.datetime64(before - dt.timedelta(days=_RECENT_DAYS)))
        known = set(views.observed(target, before)[1]["item"])
        late = recent & ~seen["item"].isin(known).to_numpy()
        rows += int(recent.sum())
        lags += (np.datetime64(after) - when[late]).astype(int).tolist()
    if not rows:
        return None
    lag = float(np.median(lags)) if lags else None
    return {"target": target.id, "rows": rows, "late_share": len(lags) / rows, "median_lag_days": lag}


def _snapshots(target: Target, views: LedgerViews, day: dt.date) -> list[dt.date]:
    """Return the days of recording by then from which on a target's own columns are known."""
    first = views.first_known(target)
    return [one for one in views.recorded(target.table, day) if first is not None and first <= one]


def _moved(target: Target, views: LedgerViews, before: dt.date, after: dt.date) -> float:
    """Return how the record that stood at one snapshot reads in the next, log2 better."""
    stood = []
    for day in (before, after):
        seen = views.observed(target, day)[1]
        value = target.sign * seen["value"].to_numpy()[seen["released"].to_numpy() <= np.datetime64(before)]
        stood.append(value.max(initial=-np.inf))
    return float(stood[1] - stood[0]) if np.isfinite(stood).all() else 0.0

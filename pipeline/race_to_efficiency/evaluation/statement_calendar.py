"""What can be asked of a source: when it publishes next, and whether its series still lives."""

from __future__ import annotations

import datetime as dt
import itertools
from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.evaluation.outcomes import settled_outcomes

if TYPE_CHECKING:
    from race_to_efficiency.evaluation.origin_views import LedgerViews
    from race_to_efficiency.evaluation.targets import Target
    from race_to_efficiency.units import Quarter

_GAPS = 4
_SILENT = 2.0
_LIVED_WINDOWS = 4


def publications(target: Target, views: LedgerViews, day: dt.date) -> list[dt.date]:
    """Return the dates by ``day`` on which the target's source published what the target needs, rising."""
    first = views.first_known(target)
    return [one for one in views.recorded(target.table, day) if first is None or one >= first]


def next_publication(target: Target, views: LedgerViews, day: dt.date, first_gap_days: int) -> dt.date | None:
    """Return when the target's source may be expected to publish again, None when it has fallen silent.

    The last publication and the median of the last four gaps; silent is a source that has let more than twice its
    longest gap pass. After its first publication a stated gap is expected.
    """
    found = publications(target, views, day)
    gaps = [(after - before).days for before, after in itertools.pairwise(found)] or [first_gap_days]
    if not found or (day - found[-1]).days > _SILENT * max(gaps):
        return None
    expected = found[-1] + dt.timedelta(days=float(np.median(gaps[-_GAPS:])))
    # one that is due already may come any day
    return max(expected, day + dt.timedelta(days=1))


def lives(target: Target, views: LedgerViews, quarter: Quarter) -> bool:
    """Return whether each of the last windows of an aggregate had rows enough; other kinds always have an outcome."""
    if target.kind not in ("aggregate", "observation"):
        return True
    settled = settled_outcomes(target, views, quarter.as_of, quarter.shift(-3 * _LIVED_WINDOWS))
    seen = {one.target_quarter for one in settled}
    return len(seen) > 0 and all(
        str(back) in seen for back in (_last(seen, quarter).shift(-k) for k in range(_LIVED_WINDOWS))
    )


def _last(seen: set[str], quarter: Quarter) -> Quarter:
    """Return the last quarter that has an outcome."""
    while str(quarter) not in seen:
        quarter = quarter.shift(-1)
    return quarter


def next_round(target: Target, views: LedgerViews, quarter: Quarter) -> Quarter:
    """Return the next quarter of a season in which one of the last rounds of a panel was published."""
    released = views.known(target, quarter.as_of).observations.drop_duplicates("block")["released"]
    usual = {int(number) for number in released.iloc[-_GAPS:].dt.quarter}
    return next(quarter.shift(h) for h in range(1, 5) if quarter.shift(h).number in usual)


def live_cells(target: Target, views: LedgerViews, quarter: Quarter) -> list[str]:
    """Return the benchmarks of the newest round, the youngest first: an old one is the likelier to be retired."""
    rows = views.known(target, quarter.as_of).observations
    newest = rows["block"].iloc[-1]
    first = rows.groupby("cell")["time"].min()
    cells = set(rows.loc[rows["block"] == newest, "cell"])
    return sorted(cells, key=lambda cell: (-first[cell], cell))

"""What came of it: a target's outcomes by quarter, read in one as-of view."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import datetime as dt

    import pandas as pd

    from race_to_efficiency.evaluation.origin_views import LedgerViews
    from race_to_efficiency.evaluation.targets import Target
    from race_to_efficiency.units import Quarter

MATURITY_QUARTERS = 2
"""An outcome is read once more this long after its quarter, when late entries and corrections have come in."""


class SettledOutcome(NamedTuple):
    """What came of a target in a quarter: one row of `outcomes`."""

    target: str
    target_quarter: str
    cell: str
    item: str
    block: str
    observed: float
    matured: float


def outcomes(target: Target, views: LedgerViews, day: dt.date, first: Quarter) -> pd.DataFrame:
    """Return every outcome of a target that is settled in the view of ``day``.

    A record or an aggregate is read in the first view that reaches its quarter's end: what later revisions make of the
    past is not what was forecast. It is read again at maturity. Single rows are read in the view of ``day``.

    Parameters
    ----------
    target : Target
    views : LedgerViews
    day : date
        The view that settles; nothing recorded later is used.
    first : Quarter
        First target quarter wanted.

    Returns
    -------
    DataFrame
        target, target_quarter, cell, item, block (outcomes of one block are one), observed (log2 of the unit) and
        matured: the same two quarters on, NaN until then or where it is gone.
    """
    import pandas as pd

    frame = pd.DataFrame(settled_outcomes(target, views, day, first), columns=list(SettledOutcome._fields))
    return frame.astype({name: "float64" if name in ("observed", "matured") else "str" for name in frame})


def settled_outcomes(target: Target, views: LedgerViews, day: dt.date, first: Quarter) -> list[SettledOutcome]:
    """Return the rows of `outcomes`, without a table around them: weights ask for them at every origin."""
    rows: list[SettledOutcome] = []
    quarter = first
    while quarter.as_of <= day:
        reached = views.settled_by(target, quarter.as_of, day)
        if reached is not None:
            mature = max(quarter.shift(MATURITY_QUARTERS).as_of, reached)
            found = _seen(target, views, quarter, reached if target.settles == "first" else day)
            # what is read in today's view is as mature as it can be
            late = found if target.settles == "latest" else _seen(target, views, quarter, min(mature, day))
            again = {one[:2]: one[3] for one in late} if mature <= day else {}
            rows += [SettledOutcome(target.id, str(quarter), *one, again.get(one[:2], np.nan)) for one in found]
        quarter = quarter.shift(1)
    return rows


def _seen(target: Target, views: LedgerViews, quarter: Quarter, day: dt.date) -> list[tuple[str, str, str, float]]:
    """Return a quarter's outcomes as the view of a day has them; days that see the same rows have the same ones."""
    key, observations = views.observed(target, day)
    found = views.outcomes_seen.get((quarter, *key))
    if found is None:
        found = views.outcomes_seen[(quarter, *key)] = _quarter_outcomes(target, observations, quarter)
    return found


def _quarter_outcomes(
    target: Target, observations: pd.DataFrame, quarter: Quarter
) -> list[tuple[str, str, str, float]]:
    """Return (cell, item, block, observed) of one quarter."""
    released = observations["released"].to_numpy(dtype="datetime64[D]")
    by_end = released <= np.datetime64(quarter.as_of)
    name = str(quarter)
    value = observations["value"].to_numpy(dtype=np.float64)
    if target.kind in ("record", "improvement"):
        return [("", name, name, float(target.sign * (target.sign * value[by_end]).max()))] if by_end.any() else []
    width = target.window_quarters if target.kind == "aggregate" else 1
    inside = by_end & (released >= np.datetime64(quarter.shift(1 - width).first_day))
    if target.kind == "aggregate":
        level = target.level(value[inside])
        return [] if np.isnan(level) else [("", name, name, level)]
    rows = observations[inside]
    columns = (rows["cell"], rows["item"], rows["block"], rows["value"])
    return [(str(cell), str(item), str(block), float(found)) for cell, item, block, found in zip(*columns, strict=True)]

"""As-of views: what a ledger said on a date, and what became of every line.

The view holds the latest version a row had by then, not withdrawn; rows undated or released later stand in it excluded.
Before the first snapshot of a table the view is pseudo: the first snapshot's rows, cut by release date.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from race_to_efficiency.ledger.exclusions import Exclusion, domain_exclusion
from race_to_efficiency.ledger.intake import REPEATED_LINE, Intake
from race_to_efficiency.ledger.schemas import table_of

if TYPE_CHECKING:
    import datetime as dt

    import pandas as pd
    from numpy.typing import NDArray


Vintage = Literal["real", "pseudo", "assumed"]


@dataclass(frozen=True)
class View:
    """A ledger as of a date.

    Parameters
    ----------
    table : str
    as_of : date
    rows : DataFrame
        One row an id, sorted by id, with `line` and `exclusion` ('' = used, else the reason).
    account : DataFrame
        One row a valid line: line, row_id, fate (used | excluded), reason.
    vintage : {'real', 'pseudo', 'assumed'}
        real: versions as recorded; pseudo: before the first snapshot; assumed: the table never had vintages.
    """

    table: str
    as_of: dt.date
    rows: pd.DataFrame
    account: pd.DataFrame
    vintage: Vintage

    @property
    def pseudo(self) -> bool:
        """Whether the view uses values recorded after its date."""
        return self.vintage == "pseudo"

    @property
    def used(self) -> pd.DataFrame:
        """The rows without an exclusion."""
        return self.rows[self.rows["exclusion"] == ""].reset_index(drop=True)


def as_of(name: str, rows: pd.DataFrame, as_of: dt.date, *, quarantined: pd.DataFrame | None = None) -> View:
    """Return the view of a ledger on a date.

    Parameters
    ----------
    name : str
        Table.
    rows : DataFrame
        `Intake.rows`: every valid line.
    as_of : date
        Last day whose knowledge counts.
    quarantined : DataFrame, optional
        `Intake.quarantined`: an id with a bad version by then leaves the view; no superseded figure is revived.
    """
    import pandas as pd

    table = table_of(name)
    cutoff = pd.Timestamp(as_of)
    first = rows.loc[rows["recorded_basis"] == "snapshot", "recorded"].min() if table.vintaged else pd.NaT
    known = cutoff if not table.vintaged or pd.isna(first) or (rows["recorded"] <= cutoff).any() else first
    reason = _fates(rows, table.key, known)
    reason[(reason == "") & rows["withdrawn"].to_numpy(dtype=bool)] = str(Exclusion.WITHDRAWN)
    blocked = _blocked(known, quarantined)
    if blocked:
        reason[(reason == "") & rows[table.key].isin(blocked).to_numpy(dtype=bool)] = str(Exclusion.VERSION_QUARANTINED)
    shown = np.flatnonzero(reason == "")
    ids = rows[table.key].iloc[shown].reset_index(drop=True)
    shown = shown[ids.sort_values(kind="stable").index]
    # whole rows are picked out once: there are thirty columns of them
    view = rows.iloc[shown].reset_index(drop=True)
    excluded = _row_exclusion(name, view, cutoff)
    reason[shown] = excluded
    view = view.assign(exclusion=pd.Series(excluded, dtype="str"))
    account = pd.DataFrame(
        {
            "line": rows["line"].to_numpy(),
            "row_id": rows[table.key].to_numpy(),
            "fate": np.where(reason == "", "used", "excluded"),
            "reason": reason,
        }
    )
    vintage: Vintage = "real" if table.vintaged else "assumed"
    return View(name, as_of, view, account, "pseudo" if known > cutoff else vintage)


def view_of(intake: Intake, day: dt.date) -> View:
    """Return the view of a ledger that was just read; see `as_of`."""
    return as_of(intake.table, intake.rows, day, quarantined=intake.quarantined)


def _fates(rows: pd.DataFrame, key: str, known: pd.Timestamp) -> NDArray[np.object_]:
    """Return '' for the version in force of every id, else why a line is not it."""
    import pandas as pd

    recorded, last = rows["recorded"].to_numpy(), known.to_datetime64()
    reason = np.where(recorded > last, str(Exclusion.RECORDED_LATER), "").astype(object)
    # a withdrawal and a newcomer of one day are one rename: the live line stands
    live = ~rows["withdrawn"].to_numpy(dtype=bool)
    order = np.lexsort((rows["line"].to_numpy(), live, recorded))
    visible = order[recorded[order] <= last]
    ids = pd.Series(pd.factorize(rows[key])[0][visible])
    reason[visible[ids.duplicated(keep="last").to_numpy()]] = str(Exclusion.SUPERSEDED)
    return reason


def _blocked(known: pd.Timestamp, quarantined: pd.DataFrame | None) -> set[str]:
    """Return the ids with a bad version known by then, or one whose date cannot be read."""
    import pandas as pd

    if quarantined is None or len(quarantined) == 0:
        return set()
    recorded = pd.to_datetime(quarantined["recorded"].str.strip(), format="%Y-%m-%d", errors="coerce")
    bad = (recorded.isna() | (recorded <= known)) & (quarantined["rule"] != REPEATED_LINE)
    return set(quarantined.loc[bad, "row_id"])


def _row_exclusion(name: str, shown: pd.DataFrame, cutoff: pd.Timestamp) -> NDArray[np.object_]:
    """Return each shown row's reason: undated, not released yet, or a domain rule."""
    reason = domain_exclusion(name, shown)
    released = shown["released"]
    reason[(released > cutoff).to_numpy()] = str(Exclusion.NOT_RELEASED)
    reason[released.isna().to_numpy()] = str(Exclusion.UNDATED)
    return reason

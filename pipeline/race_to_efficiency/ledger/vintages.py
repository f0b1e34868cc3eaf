"""As-of views: what a ledger said on a date, and what became of every line.

The view holds the latest version a row had by then, not withdrawn; rows undated or released later stand in it excluded.
Before the first snapshot of a table the view is pseudo: the first snapshot's rows, cut by release date.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from race_to_efficiency.ledger.exclusions import Exclusion, domain_exclusion
from race_to_efficiency.ledger.intake import REPEATED_LINE, Intake
from race_to_efficiency.ledger.schemas import table_of

if TYPE_CHECKING:
    import datetime as dt

    import pandas as pd


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
    current = rows[reason == ""]
    reason.loc[current[current["withdrawn"]].index] = str(Exclusion.WITHDRAWN)
    blocked = _blocked(known, quarantined)
    reason.loc[current[current[table.key].isin(blocked)].index] = str(Exclusion.VERSION_QUARANTINED)
    shown = rows[reason == ""]
    reason.loc[shown.index] = _row_exclusion(name, shown, cutoff)
    view = shown.assign(exclusion=reason.loc[shown.index]).sort_values(table.key, kind="stable").reset_index(drop=True)
    account = pd.DataFrame(
        {
            "line": rows["line"].to_numpy(),
            "row_id": rows[table.key].to_numpy(),
            "fate": (reason == "").map({True: "used", False: "excluded"}).astype("str").to_numpy(),
            "reason": reason.to_numpy(),
        }
    )
    vintage: Vintage = "real" if table.vintaged else "assumed"
    return View(name, as_of, view, account, "pseudo" if known > cutoff else vintage)


def view_of(intake: Intake, day: dt.date) -> View:
    """Return the view of a ledger that was just read; see `as_of`."""
    return as_of(intake.table, intake.rows, day, quarantined=intake.quarantined)


def _fates(rows: pd.DataFrame, key: str, known: pd.Timestamp) -> pd.Series:
    """Return '' for the version in force of every id, else why a line is not it."""
    import pandas as pd

    reason = pd.Series("", index=rows.index, dtype="str")
    reason.loc[rows["recorded"] > known] = str(Exclusion.RECORDED_LATER)
    visible = rows[rows["recorded"] <= known]
    # a withdrawal and a newcomer of one day are one rename: the live line stands
    ordered = visible.assign(live=~visible["withdrawn"]).sort_values(["recorded", "live", "line"], kind="stable")
    reason.loc[ordered[ordered.duplicated(key, keep="last")].index] = str(Exclusion.SUPERSEDED)
    return reason


def _blocked(known: pd.Timestamp, quarantined: pd.DataFrame | None) -> set[str]:
    """Return the ids with a bad version known by then, or one whose date cannot be read."""
    import pandas as pd

    if quarantined is None or len(quarantined) == 0:
        return set()
    recorded = pd.to_datetime(quarantined["recorded"].str.strip(), format="%Y-%m-%d", errors="coerce")
    bad = (recorded.isna() | (recorded <= known)) & (quarantined["rule"] != REPEATED_LINE)
    return set(quarantined.loc[bad, "row_id"])


def _row_exclusion(name: str, shown: pd.DataFrame, cutoff: pd.Timestamp) -> pd.Series:
    """Return each shown row's reason: undated, not released yet, or a domain rule."""
    reason = domain_exclusion(name, shown)
    reason = reason.mask(shown["released"] > cutoff, str(Exclusion.NOT_RELEASED))
    return reason.mask(shown["released"].isna(), str(Exclusion.UNDATED))

"""How fresh the ledgers are at a date: the newest row of each, and whether anything is new since an earlier quarter."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

from race_to_efficiency.cells.physical import lines_of, records
from race_to_efficiency.cells.typed import is_date
from race_to_efficiency.errors import InputMissing
from race_to_efficiency.json_fields import Count, Written
from race_to_efficiency.ledger.schemas import TABLES

if TYPE_CHECKING:
    from pathlib import Path

    from race_to_efficiency.units import Quarter

OLD_AFTER_DAYS = 92
"""Days of the longest quarter: a ledger whose newest entry is older has missed one."""


@dataclass(frozen=True)
class Freshness:
    """A ledger at a date.

    Parameters
    ----------
    table : str
    newest_released : str or None
        Newest release, ISO.
    newest_recorded : str or None
        Newest entry, ISO.
    age_days : int or None
        Days from the newest entry to the date.
    lines_after : int
        Lines recorded or released after the date: no part of it.
    """

    table: str
    newest_released: str | None
    newest_recorded: str | None
    age_days: int | None
    lines_after: Count

    @property
    def old(self) -> bool:
        """Whether nothing was entered for longer than a quarter."""
        return self.age_days is None or self.age_days > OLD_AFTER_DAYS

    def to_json(self) -> dict[str, Any]:
        """Return it as a JSON-ready mapping."""
        return {**asdict(self), "old": self.old}


FreshnessRecord = Annotated[dict[str, Any], Written("ledger.freshness:Freshness", "old")]
"""What `Freshness.to_json` writes."""


def dates_of(raw: Path, table: str) -> list[tuple[str, str]]:
    """Return (released, recorded) of every line of a ledger; what is missing or no date is left to the intake."""
    path = raw / TABLES[table].file_name
    if not path.is_file():
        return []
    header, *lines = [record.cells for record in records(lines_of(path.read_bytes())) if not record.problem] or [()]
    rows = (dict(zip(header, line, strict=True)) for line in lines if len(line) == len(header))
    cells = ((row.get("released", ""), row.get("recorded", "")) for row in rows)
    return [(out if is_date(out) else "", entered if is_date(entered) else "") for out, entered in cells]


def freshness(raw: Path, as_of: dt.date) -> list[Freshness]:
    """Return how fresh every ledger with versions is at a date.

    Parameters
    ----------
    raw : Path
        The ledgers' folder.
    as_of : date
    """
    day, found = as_of.isoformat(), []
    for name in (name for name, table in TABLES.items() if table.versioned):
        dates = dates_of(raw, name)
        recorded = max((entered for _, entered in dates if "" < entered <= day), default=None)
        released = max((out for out, _ in dates if "" < out <= day), default=None)
        age = None if recorded is None else (as_of - dt.date.fromisoformat(recorded)).days
        after = sum(max(pair) > day for pair in dates)
        found.append(Freshness(name, released, recorded, age, after))
    return found


def require_new_rows(raw: Path, quarter: Quarter, before: Quarter | None) -> None:
    """Refuse a quarter that has nothing to say.

    Parameters
    ----------
    raw : Path
    quarter : Quarter
    before : Quarter or None
        The quarter published before it.

    Raises
    ------
    InputMissing
        When no row was entered between the two quarters' ends, or none was out at all; the newest row of each ledger is
        named.
    """
    day = quarter.as_of.isoformat()
    dates = [pair for name, table in TABLES.items() if table.versioned for pair in dates_of(raw, name)]
    if before is None:
        fresh = any("" < released <= day for released, _ in dates)
    else:
        fresh = any(before.as_of.isoformat() < recorded <= day for _, recorded in dates)
    if not fresh:
        newest = ", ".join(f"{item.table} {item.newest_recorded or 'none'}" for item in freshness(raw, quarter.as_of))
        since = f"no row is new since {before}" if before else "no row was out by then"
        raise InputMissing(
            f"{quarter} has nothing to say: {since}",
            where=str(raw),
            why=f"newest entries by {day}: {newest}",
            remedy="import what was published (race import), or issue it all the same with --allow-empty",
        )

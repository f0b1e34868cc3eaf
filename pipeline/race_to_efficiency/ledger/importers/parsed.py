"""What an importer hands over: rows in the ledger's columns, and what became of every other line."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from race_to_efficiency.json_fields import Count  # noqa: TC001 - named in a record

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from race_to_efficiency.ledger.intake import Intake


@dataclass(frozen=True)
class ParsedRow:
    """One row of a delivery.

    Parameters
    ----------
    line : int
        Where it starts in the file (0 for a folder).
    name : str
        The publisher's name, or the row's key for tables with keys of their own.
    cells : Mapping of str to str
        Ledger texts by column: what the delivery states, an empty text included.
    defaults : Mapping of str to str
        Texts used only when the row is new to the ledger.
    where : str
        Path inside a folder delivery.
    """

    line: int
    name: str
    cells: Mapping[str, str]
    defaults: Mapping[str, str] = field(default_factory=dict)
    where: str = ""


@dataclass(frozen=True)
class Problem:
    """A record left out, and why.

    Parameters
    ----------
    line : int
        Line of the file; 0 for a folder.
    name : str
        The publisher's name of the row.
    column, rule : str
    value : str
        The cell, cut at 200 characters.
    remedy : str
    where : str
        Path inside a folder delivery; empty for a file.
    """

    line: Count
    name: str
    column: str
    rule: str
    value: str = ""
    remedy: str = ""
    where: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the finding as a JSON-ready mapping, long values cut."""
        return {**vars(self), "value": self.value[:200]}


@dataclass
class Parsed:
    """A delivery, read.

    Parameters
    ----------
    table : str
        Ledger it belongs to.
    source_id : str
        Citation of its rows (a row's own `source_id` cell wins).
    n_read : int
        Records in the delivery.
    rows : list of ParsedRow
    excluded, quarantined : list of Problem
        One for each record left out; a record stands in one list only.
    flags : list of dict
        What a reader should look at: {kind, ...}.
    whole_table : bool
        True when a row that is no longer there has been withdrawn.
    recorded_basis : str
    sources : list of dict
        New lines for the sources table, as {column: text}.
    earlier_sources : tuple of str
        Other citations under which the same publisher's rows stand in the ledger.
    """

    table: str
    source_id: str
    n_read: int = 0
    rows: list[ParsedRow] = field(default_factory=list)
    excluded: list[Problem] = field(default_factory=list)
    quarantined: list[Problem] = field(default_factory=list)
    flags: list[dict[str, Any]] = field(default_factory=list)
    whole_table: bool = False
    recorded_basis: str = "stated"
    sources: list[dict[str, str]] = field(default_factory=list)
    earlier_sources: tuple[str, ...] = ()


@dataclass(frozen=True)
class Request:
    """What an importer is asked: a path, the date it counts from, and the ledgers as they stand.

    Parameters
    ----------
    path : Path
    recorded : date
    ledger : callable
        Reads a ledger by its name.
    released : date, optional
        When the publication became public, as told by the user.
    basis : str
        How ``recorded`` is known: ``assumed_released`` where it is the day of publication for want of another.
    """

    path: Path
    recorded: dt.date
    ledger: Callable[[str], Intake]
    released: dt.date | None = None
    basis: str = "stated"


@dataclass(frozen=True)
class Importer:
    """One publisher.

    Parameters
    ----------
    source : str
        The word after ``race import``.
    summary : str
    read : callable
        Reads a delivery.
    released : callable, optional
        The day of publication of a delivery that does not say it in every row, given its path, a reader of ledgers and
        what the user tells. Where nothing says when a delivery was recorded, it counts from that day.
    """

    source: str
    summary: str
    read: Callable[[Request], Parsed]
    released: Callable[[Path, Callable[[str], Intake], dt.date | None], dt.date | None] | None = None

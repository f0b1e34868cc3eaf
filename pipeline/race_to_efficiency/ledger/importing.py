"""An import from the delivery to the ledger: read, planned, and appended in one atomic step under a lock."""

from __future__ import annotations

import contextlib
import datetime as dt
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from race_to_efficiency import checkout, storage
from race_to_efficiency.errors import DataInvalid, UsageError
from race_to_efficiency.ledger.history import row_texts
from race_to_efficiency.ledger.importers.parsed import Importer, Request
from race_to_efficiency.ledger.importers.registry import IMPORTERS, importer_of
from race_to_efficiency.ledger.intake import Intake, known_keys, read_ledger
from race_to_efficiency.ledger.lines import csv_text
from race_to_efficiency.ledger.listing import not_fitted
from race_to_efficiency.ledger.plan import Planner
from race_to_efficiency.ledger.schemas import TABLES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from race_to_efficiency.ledger.import_records import Imported
    from race_to_efficiency.ledger.planned import Plan

__all__ = ["IMPORTERS", "ImportReport", "plan_import", "recorded_date", "run_import"]

_DATE = re.compile(r"(?<!\d)(\d{4}-\d{2}-\d{2})(?!\d)")


@dataclass(frozen=True)
class ImportReport:
    """What an import did, or would do.

    Parameters
    ----------
    source, table : str
    recorded : date
    dry_run : bool
    plan : Plan
    """

    source: str
    table: str
    recorded: dt.date
    dry_run: bool
    plan: Plan

    def to_json(self) -> Imported:
        """Return the report as one JSON-ready document."""
        return {
            "source": self.source,
            "recorded": self.recorded.isoformat(),
            **self.plan.to_json(),
            "table": self.table,
            "dry_run": self.dry_run,
        }


def recorded_date(path: Path, recorded: str | None) -> dt.date | None:
    """Return the day an import counts from: as given, else the date in the file's name; None where there is none.

    Raises
    ------
    UsageError
        When it is no date, or the name holds several.
    """
    found = _DATE.findall(path.stem if path.suffix else path.name) if recorded is None else [recorded]
    if len(set(found)) > 1:
        raise _unknown_day(path, f"its name holds {', '.join(found)}")
    return told_date(found[0], "--recorded") if found else None


def told_date(text: str, option: str) -> dt.date:
    """Return an option's date.

    Raises
    ------
    UsageError
        When it is none.
    """
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"'{text}' is not a date", why="a date is written YYYY-MM-DD", remedy=f"write {option} 2026-03-31"
        ) from None


def _unknown_day(path: Path, why: str) -> UsageError:
    return UsageError(
        f"{path.name}: on which day was this recorded?",
        why=why,
        remedy="add --recorded YYYY-MM-DD, the day the publisher's table looked like this",
    )


def plan_import(
    source: str,
    path: Path,
    raw_dir: Path,
    recorded: dt.date | None,
    *,
    released: dt.date | None = None,
    accept_renames: bool = False,
    accept_withdrawals: bool = False,
    last_day: dt.date | None = None,
) -> Plan:
    """Read a delivery and work out what it would append; nothing is written.

    Parameters
    ----------
    source : str
        Word of an importer, e.g. ``epoch-hardware``.
    path : Path
        The publisher's file or folder.
    raw_dir : Path
        The ledgers' folder.
    recorded : date or None
        When it could be known from the publisher; any day, also one long past. None: the day of publication, where
        the importer knows it.
    released : date, optional
        When the publication became public, for importers whose deliveries do not say it.
    accept_renames, accept_withdrawals : bool
    last_day : date, optional
        Of the current quarter.

    Raises
    ------
    UsageError, InputMissing, DataInvalid
        When the importer is unknown, or the delivery is not what it claims to be.
    """
    importer = importer_of(source)
    ledger = _reader(raw_dir)
    request = _request(importer, path, ledger, recorded, released)
    parsed = importer.read(request)
    aliases = TABLES[parsed.table].aliases
    pairs = row_texts(TABLES[aliases], ledger(aliases).rows) if aliases else []
    sources = known_keys("sources", raw_dir)
    planner = Planner(parsed, request.recorded.isoformat(), ledger(parsed.table), pairs, sources)
    plan = planner.work_out(
        accept_renames=accept_renames,
        accept_withdrawals=accept_withdrawals,
        last_day=None if last_day is None else last_day.isoformat(),
    )
    _read_back(plan, raw_dir, ledger)
    return plan


def _request(
    importer: Importer,
    path: Path,
    ledger: Callable[[str], Intake],
    recorded: dt.date | None,
    released: dt.date | None,
) -> Request:
    """Return what the importer is asked, with the day the delivery counts from."""
    if importer.released is None and released is not None:
        raise UsageError(f"{importer.source} says of every row when it was released", remedy="leave out --released")
    published = importer.released(path, ledger, released) if importer.released else None
    if recorded is not None:
        return Request(path, recorded, ledger, released)
    if published is None:
        raise _unknown_day(path, "its name holds no single date such as 2026-03-31")
    return Request(path, published, ledger, released, "assumed_released")


def _reader(raw_dir: Path) -> Callable[[str], Intake]:
    """Return a function that reads each ledger once."""
    read: dict[str, Intake] = {}

    def ledger(name: str) -> Intake:
        if name not in read:
            read[name] = read_ledger(name, raw_dir)
        return read[name]

    return ledger


def run_import(
    source: str,
    path: Path,
    raw_dir: Path,
    *,
    recorded: str | None = None,
    released: str | None = None,
    accept_renames: bool = False,
    accept_withdrawals: bool = False,
    dry_run: bool = False,
    wait_seconds: float = checkout.WAIT_SECONDS,
    fitted_groups: Collection[str] | None = None,
    last_day: dt.date | None = None,
    tell: Callable[[ImportReport], None] = lambda _: None,
) -> ImportReport:
    """Bring a delivery into its ledger.

    Parameters
    ----------
    source, path, raw_dir
        As in `plan_import`.
    recorded : str, optional
        ISO date the versions count from; the date in the file's name, or the day of publication, when omitted.
    released : str, optional
        ISO date of the publication, for deliveries that do not say it.
    accept_renames : bool
        Make every proposed rename one version of one id, and a line of the alias table.
    accept_withdrawals : bool
        Withdraw what is gone also where it is more than a fifth of the publisher's rows.
    dry_run : bool
        Work everything out and write nothing.
    wait_seconds : float
        How long to wait for another command at work in the checkout.
    fitted_groups : collection of str, optional
        Groups of runs that a fit uses; new rows of another are flagged.
    last_day : date, optional
        Of the current quarter: rows that fall after it are named.
    tell : callable
        Is given the report when nothing but the renames is left to do; what it raises leaves the ledgers as they were.

    Raises
    ------
    UsageError, InputMissing, DataInvalid
        See `plan_import`; the ledger is as it was, byte for byte.
    Locked
        When that command does not end in time.
    """
    importer = importer_of(source)
    day = recorded_date(path, recorded)
    public = None if released is None else told_date(released, "--released")
    words: dict[str, Any] = {"released": public, "accept_renames": accept_renames, "last_day": last_day}
    words["accept_withdrawals"] = accept_withdrawals
    lock = checkout.locked(raw_dir, f"race import {source}", wait_seconds=wait_seconds)
    with contextlib.nullcontext() if dry_run else lock:
        plan = plan_import(source, path, raw_dir, day, **words)
        if fitted_groups is not None:
            known = read_ledger("sources", raw_dir).rows
            families = dict(zip(known["source_id"], known["family"], strict=True))
            families |= {source["source_id"]: source.get("family", "") for source in plan.parsed.sources}
            plan.flags += not_fitted(plan.lines, families, fitted_groups)
        day = dt.date.fromisoformat(plan.recorded)
        report = ImportReport(importer.source, plan.parsed.table, day, dry_run, plan)
        if dry_run:
            tell(report)
        else:
            _append(plan, raw_dir, lambda: tell(report))
    return report


def _append(plan: Plan, raw_dir: Path, before: Callable[[], None]) -> None:
    """Append to all tables at once, sources and aliases first.

    A source or an alias without its rows changes no view, so an interruption even between the renames leaves every
    view as it was.
    """
    new = _new_lines(plan).items()
    files = {raw_dir / TABLES[name].file_name: _with_lines(name, lines, raw_dir) for name, lines in new}
    storage.write_together(files, before=before)


def _new_lines(plan: Plan) -> dict[str, list[dict[str, str]]]:
    """Return what a plan appends, table by table, in the order in which it is written."""
    table = TABLES[plan.parsed.table]
    aliases = {table.aliases: plan.alias_lines} if table.aliases else {}
    new = {"sources": plan.parsed.sources, **aliases, table.name: plan.lines}
    return {name: lines for name, lines in new.items() if lines}


def _with_lines(name: str, lines: list[dict[str, str]], raw_dir: Path) -> bytes:
    """Return what a ledger's file holds once lines are appended."""
    held = storage.read_bytes(raw_dir / TABLES[name].file_name)
    header = held.split(b"\n", 1)[0].decode("utf-8-sig").strip().split(",")
    text = csv_text([line.get(column, "") for column in header] for line in lines)
    return held + (b"" if held.endswith(b"\n") else b"\n") + text.encode("utf-8")


def _read_back(plan: Plan, raw_dir: Path, ledger: Callable[[str], Intake]) -> None:
    """Read what a plan would write as the next run will, before anything is written: a ledger takes nothing back.

    Raises
    ------
    DataInvalid
        When a line it would append does not come back as a row.
    """
    files = {name: _with_lines(name, lines, raw_dir) for name, lines in _new_lines(plan).items()}
    for name, lines in _new_lines(plan).items():
        before, after = ledger(name), read_ledger(name, raw_dir, instead=files)
        known = set(before.quarantined["line"])
        bad: list[Any] = [row for row in after.quarantined.to_dict("records") if row["line"] not in known]
        if not bad and after.n_read == before.n_read + len(lines):
            continue
        first = bad[0] if bad else {"column": "", "rule": "one record a line", "value": "", "remedy": "see its quotes"}
        raise DataInvalid(
            f"a line that this import would append to {name} cannot be read back",
            where=f"data/raw/{name}.csv {first['column']}".strip(),
            why=f"{first['rule']} (found '{first['value']}')",
            remedy=f"{first['remedy']}: correct the delivery or its source record; nothing was appended",
        )

"""modded-nanogpt: the records table, as the repository's README prints it or as CSV in the ledger's columns."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from race_to_efficiency.cells.files import open_table
from race_to_efficiency.cells.published import date_cell, number_cell
from race_to_efficiency.cells.screening import MAX_DELIVERY_BYTES, refuse, screened_bytes
from race_to_efficiency.cells.text import number_text, text_of_cell, tidy
from race_to_efficiency.ledger.importers.parsed import Importer, Parsed, ParsedRow, Problem, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

TARGET_LOSS = {"1": "3.28", "2": "2.92"}
"""Validation loss to reach, nats per token, by track."""

HARDWARE = "8x NVIDIA H100"
_TIME = re.compile(r"([\d.]+)\s*(seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h)\b", re.IGNORECASE)
_SECONDS = {"s": 1, "m": 60, "h": 3600}
_TRACK = re.compile(r"track\s*#?\s*(\d+)", re.IGNORECASE)
_COPIED = (
    "loss_target_nats", "hardware", "log_val_loss", "log_steps", "log_train_time_s", "tokens", "tokens_basis",
    "run_flags",
)  # fmt: skip
_NAMES = {
    "#": "record_no", "record_no": "record_no", "record time": "reported", "reported": "reported", "date": "released",
    "released": "released", "track": "track", "record_time_s": "record_time_s", "flags": "run_flags",
    **{name: name for name in _COPIED},
}  # fmt: skip


_REMEDIES = {
    "record_no": "write the record's number, digits alone",
    "record_time_s": "write the time as the table does, with its unit, or as a number of seconds",
    "released": "write the day as YYYY-MM-DD",
}

_SLOWER, _FASTER, _APART = 1.1, 2.0, 0.01
"""A new record that is this much slower, faster, or apart from its printed time is looked at."""


class WrongCellError(ValueError):
    """A cell of a records table that cannot be read."""

    def __init__(self, column: str, rule: str, text: str) -> None:
        super().__init__(rule)
        self.column, self.rule, self.text = column, rule, text


@dataclass(frozen=True)
class RecordLine:
    """One line of a records table: its place and its texts by ledger column."""

    line: int
    texts: dict[str, str]


def read(request: Request) -> Parsed:
    """Read a records table.

    Raises
    ------
    DataInvalid
        When the file holds no records table.
    """
    data = screened_bytes(request.path, most_bytes=MAX_DELIVERY_BYTES)
    unread: list[Problem] = []
    entries = list(_markdown(data.decode("utf-8-sig")) or ()) or list(_csv(request, unread))
    if not entries:
        why = "no records table: neither a README with '# | Record time | ... | Date' nor CSV with record_no and a time"
        raise refuse(request.path, why, line=1)
    parsed = Parsed("speedrun_records", "modded_nanogpt", len(entries) + len(unread), quarantined=unread)
    numbers: Counter[tuple[str, str]] = Counter()
    for entry in entries:
        name = f"record {entry.texts.get('record_no', '')}"
        try:
            row = _row(entry, numbers)
            if row.cells["released"]:
                parsed.rows.append(row)
            else:
                remedy = "nothing to do: it enters with the first delivery that gives its date"
                parsed.excluded.append(Problem(entry.line, name, "released", "undated", "", remedy))
        except WrongCellError as error:
            parsed.quarantined.append(
                Problem(entry.line, name, error.column, error.rule, error.text, _REMEDIES[error.column])
            )
    parsed.flags += _strange_times(parsed.rows, request)
    return parsed


def _strange_times(rows: Sequence[ParsedRow], request: Request) -> list[dict[str, Any]]:
    """Return a flag for each new record whose time does not follow those before it, or is told in two ways."""
    known = request.ledger("speedrun_records").rows
    flags: list[dict[str, Any]] = []
    before = [
        (str(track), released.date().isoformat(), float(seconds))
        for track, released, seconds in zip(known["track"], known["released"], known["record_time_s"], strict=True)
        if seconds > 0 and released == released  # noqa: PLR0124 - a day that is known
    ]
    held = set(known["record_id"])
    for row in rows:
        cells = row.cells
        if row.name in held or not cells["record_time_s"] or not cells["released"]:
            continue
        seconds = float(cells["record_time_s"])
        earlier = [time for track, day, time in before if track == cells["track"] and day <= cells["released"]]
        label = {"kind": "record_time", "id": row.name, "column": "record_time_s", "new": seconds}
        flags += [{**label, "why": why} for why in _doubts(seconds, earlier, cells.get("reported", ""))]
        before.append((cells["track"], cells["released"], seconds))
    return flags


def _doubts(seconds: float, earlier: Sequence[float], reported: str) -> Iterator[str]:
    """Yield why a record's time may be a slip."""
    best = min(earlier, default=seconds)
    if seconds > _SLOWER * best:
        yield f"no record: {best:g} s was reached before"
    if seconds < best / _FASTER:
        yield f"{best / seconds:.1f} times as fast as any before it"
    told = float(_seconds(reported)) if _TIME.match(reported.strip()) else seconds
    if abs(told - seconds) > _APART * seconds:
        yield f"the table prints '{reported}', {told:g} s"


def _row(entry: RecordLine, numbers: Counter[tuple[str, str]]) -> ParsedRow:
    """Return one record; a number that comes again is a re-timing, lettered b, c."""
    texts = entry.texts
    track, number = texts.get("track", "1") or "1", texts.get("record_no", "").strip()
    if not number.isdigit() or not track.isdigit():
        raise WrongCellError("record_no", "record number", number)
    numbers[track, number] += 1
    times = numbers[track, number]
    row_id = f"track{track}-{int(number):03d}" + ("" if times == 1 else chr(ord("a") + times - 1))
    seconds = _cell(number_cell, "record_time_s", texts.get("record_time_s", ""))
    seconds = seconds or _cell(_seconds, "record_time_s", texts.get("reported", ""))
    cells = {"track": track, "record_no": str(int(number)), "record_time_s": seconds}
    cells |= {"reported": tidy(texts["reported"])} if texts.get("reported") else {}
    cells |= {"released": _cell(date_cell, "released", texts.get("released", ""))}
    cells |= {name: text_of_cell(texts[name]) for name in _COPIED if texts.get(name)}
    defaults = {"loss_target_nats": TARGET_LOSS.get(track, ""), "hardware": HARDWARE}
    defaults |= {"run_flags": "retiming_not_new_record"} if times > 1 else {}
    return ParsedRow(entry.line, row_id, cells, defaults)


def _cell(read: Callable[[str], str], column: str, text: str) -> str:
    """Return a cell as the ledger holds it."""
    try:
        return read(text)
    except ValueError as error:
        raise WrongCellError(column, str(error), text) from None


def _seconds(text: str) -> str:
    """Return a printed time ('2.933 minutes') in seconds, exactly."""
    match = _TIME.match(text.strip())
    if not match:
        raise ValueError("time with a unit")
    try:
        return number_text(float(Decimal(match[1]) * _SECONDS[match[2][0].lower()]))
    except InvalidOperation:
        raise ValueError("time with a unit") from None


def _markdown(text: str) -> Iterator[RecordLine]:
    """Yield the records of a README's tables; a heading that names a track counts for the tables under it."""
    header: list[str] = []
    track, tables = "", 0
    for line, raw in enumerate(text.split("\n"), 1):
        stripped = raw.strip()
        if stripped.startswith("#") and (found := _TRACK.search(stripped)):
            track = found[1]
        if "|" not in stripped:
            header = []
            continue
        cells = [tidy(cell) for cell in stripped.strip("|").split("|")]
        names = [cell.lower() for cell in cells]
        if "record time" in names and "date" in names:
            header, tables = names, tables + 1
        elif header and not re.fullmatch(r"[\s|:\-]+", stripped):
            texts = {_NAMES[name]: cell for name, cell in zip(header, cells, strict=False) if name in _NAMES}
            yield RecordLine(line, {**texts, "track": track or str(tables)})


def _csv(request: Request, unread: list[Problem]) -> Iterator[RecordLine]:
    """Yield the records of a table in the ledger's columns; what cannot be read is added to ``unread``."""
    table = open_table(request.path, most_bytes=MAX_DELIVERY_BYTES)
    names = {_NAMES[name.lower()]: name for name in table.header if name.lower() in _NAMES}
    if "record_no" not in names or not {"reported", "record_time_s"} & set(names) or "released" not in names:
        return
    for record in table.unread:
        raw = ",".join(record.cells)
        unread.append(Problem(record.line, "", "", record.problem, raw, "correct the line in the table"))
    columns = {ours: table.texts(theirs) for ours, theirs in names.items()}
    for row, line in enumerate(table.line.tolist()):
        yield RecordLine(line, {ours: cells[row] for ours, cells in columns.items()})


IMPORTER = Importer("speedrun", "modded-nanogpt: the records table (README.md or CSV)", read)

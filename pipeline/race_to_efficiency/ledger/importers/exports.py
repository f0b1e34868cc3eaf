"""Whole-table CSV exports: find our columns under whatever the publisher calls them today, then clean cell by cell."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from race_to_efficiency.cells.physical import Record, records
from race_to_efficiency.cells.published import (
    UNITS,
    SeveralNumbersError,
    date_cell,
    is_day_first,
    number_cell,
    plain_text,
)
from race_to_efficiency.ledger.importers.delivery import refuse, screened_bytes
from race_to_efficiency.ledger.importers.parsed import Parsed, ParsedRow, Problem, Request
from race_to_efficiency.ledger.lines import tidy
from race_to_efficiency.ledger.schemas import table_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from race_to_efficiency.ledger.metadata import Column

_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}
_LAST_UNIT = re.compile(r"^(.*?)\s*\(([^()]*)\)\s*$")


@dataclass(frozen=True)
class Field:
    """One ledger column and the names under which a publisher has exported it.

    Parameters
    ----------
    column : str
        Ledger column.
    names : tuple of str
        Header names without their unit; case, blanks and punctuation do not count.
    dimension : str
        Key of `cells.UNITS` when the header may state a unit.
    divisor : float
        Base units of the publisher in one unit of ours.
    required : bool
    """

    column: str
    names: tuple[str, ...]
    dimension: str = ""
    divisor: float = 1.0
    required: bool = False


@dataclass(frozen=True)
class Export:
    """A publisher's table.

    Parameters
    ----------
    table : str
        Ledger.
    source_id : str
    fields : tuple of Field
    ignored : tuple of str
        Header names known and left out.
    exclude : callable
        Returns why a row of cells is left out, or the empty text.
    blank : dict of str to str
        Texts that stand for an empty cell of a flag.
    """

    table: str
    source_id: str
    fields: tuple[Field, ...]
    ignored: tuple[str, ...]
    exclude: Callable[[dict[str, str]], str]
    blank: dict[str, str]


@dataclass(frozen=True)
class Place:
    """Where a field stands in a file, and the factor its header's unit asks for."""

    field: Field
    column: Column
    index: int
    factor: float


def key(name: str) -> str:
    """Return a header name as letters and digits only, lower case."""
    return re.sub(r"[^a-z0-9]+", "", name.lower())


def read_export(request: Request, export: Export) -> Parsed:
    """Read a whole-table export.

    Parameters
    ----------
    request : Request
    export : Export
        What the publisher's columns are called.

    Raises
    ------
    DataInvalid
        When the file is no such table, or is cut short; the reason and the line are named.
    """
    path = request.path
    data = screened_bytes(path)
    found = list(records(data))
    header, body = found[0], found[1:]
    places, unknown = _places(path, header, export)
    _refuse_unreadable(path, header, body, complete=data.endswith(b"\n"))
    parsed = Parsed(export.table, export.source_id, len(body), whole_table=True, recorded_basis="snapshot")
    parsed.flags += [{"kind": "unknown_column", "column": name, "why": "not used; is it new?"} for name in unknown]
    absent = [field.column for field in export.fields if field.column not in {place.column.name for place in places}]
    parsed.flags += [
        {"kind": "absent_column", "column": name, "why": "this export does not carry it"} for name in absent
    ]
    dates = [place.index for place in places if place.column.kind == "date"]
    width = len(header.cells)
    slashed = [record.cells[index] for record in body for index in dates if len(record.cells) == width]
    reader = _Reader(export, places, width, absent, day_first=is_day_first(slashed))
    for record in body:
        reader.take(record, parsed)
    _drop_repeats(parsed)
    return parsed


def _places(path: Path, header: Record, export: Export) -> tuple[list[Place], list[str]]:
    """Return where every known column stands, and the header names nobody knows."""
    table = table_of(export.table)
    places: dict[str, Place] = {}
    unknown: list[str] = []
    ignored = {key(name) for name in export.ignored}
    for index, name in enumerate(header.cells):
        field, factor = _match(name, export.fields)
        if field is None:
            unknown += [tidy(name)] if key(name) not in ignored and name.strip() else []
        elif field.column in places:
            raise refuse(path, f"the header names {field.column} twice: '{tidy(name)}' is the second", line=header.line)
        else:
            places[field.column] = Place(field, table.column(field.column), index, factor)
    missing = [field for field in export.fields if field.required and field.column not in places]
    if missing:
        names = ", ".join(f"'{field.names[0]}'" for field in missing)
        shown = ", ".join(tidy(name) for name in header.cells)[:1500]
        whole = "".join(header.cells) if len(header.cells) < 3 else ""
        separator = next((word for mark, word in _SEPARATORS.items() if mark in whole), "")
        why = f"missing required columns: {names}; found: {shown}"
        why += f" (the columns seem separated by {separator}, not commas)" if separator else ""
        raise refuse(path, why, line=header.line, remedy="export the table as comma-separated CSV with these columns")
    return list(places.values()), unknown


def _match(name: str, fields: tuple[Field, ...]) -> tuple[Field | None, float]:
    """Return the field a header name means and its unit's factor; a unit nobody knows means another column."""
    whole = key(name)
    for field in fields:
        if whole in {key(known) for known in field.names}:
            return field, 1.0
    split = _LAST_UNIT.match(tidy(name))
    if split:
        base, unit = key(split[1]), split[2].strip().lower()
        for field in fields:
            factors = UNITS.get(field.dimension, {})
            if base in {key(known) for known in field.names} and unit in factors:
                return field, factors[unit]
    return None, 1.0


def _refuse_unreadable(path: Path, header: Record, body: list[Record], *, complete: bool) -> None:
    """Refuse a file without rows, one cut short, and one whose lines mostly do not fit its header."""
    if not body:
        raise refuse(path, "it has a header and no rows", line=header.line)
    fits = [not record.problem and len(record.cells) == len(header.cells) for record in body]
    last = body[-1]
    if not fits[-1] and not complete:
        raise refuse(path, "it ends in the middle of a record: the download was cut short", line=last.line)
    opened = [place for place, record in enumerate(body) if "never closed" in record.problem]
    if opened and not any(fits[opened[-1] :]):
        raise refuse(path, "it ends inside a quoted cell: the download was cut short", line=body[opened[-1]].line)
    if 2 * sum(fits) < len(body):
        first = body[fits.index(False)]
        why = f"{len(body) - sum(fits)} of {len(body)} records do not have the header's {len(header.cells)} cells"
        raise refuse(path, why, line=first.line)


class _Reader:
    """Cleans the records of one export."""

    def __init__(self, export: Export, places: list[Place], width: int, absent: list[str], *, day_first: bool) -> None:
        self.export = export
        self.places = places
        self.width = width
        self.absent = absent
        self.day_first = day_first
        self.name_column = table_of(export.table).name_column
        self.name_index = next(place.index for place in places if place.column.name == self.name_column)

    def take(self, record: Record, parsed: Parsed) -> None:
        """Put a record into the rows, the exclusions or the quarantine."""
        name = plain_text(record.cells[self.name_index]) if len(record.cells) > self.name_index else ""
        if record.problem or len(record.cells) != self.width:
            rule = record.problem or f"{self.width} cells (found {len(record.cells)})"
            parsed.quarantined.append(
                Problem(record.line, name, "", rule, ",".join(record.cells), "correct the line in the export")
            )
        elif not any(cell.strip() for cell in record.cells):
            parsed.excluded.append(Problem(record.line, name, "", "empty row"))
        else:
            self._take_cells(record, name, parsed)

    def _take_cells(self, record: Record, name: str, parsed: Parsed) -> None:
        # a column this export does not carry is unknown in it, as it would be to a reader of the export alone
        cells = {column: self.export.blank.get(column, "") for column in self.absent}
        for place in self.places:
            text = record.cells[place.index]
            try:
                cells[place.column.name] = self._clean(place, text) or self.export.blank.get(place.column.name, "")
            except SeveralNumbersError:
                cells[place.column.name] = ""
                flag = {"kind": "several_numbers", "name": name, "column": place.column.name, "line": record.line}
                parsed.flags.append({**flag, "value": plain_text(text), "why": "read as unknown"})
            except ValueError as error:
                remedy = f"{place.column.name} must be {place.column.check}, or empty"
                problem = Problem(record.line, name, place.column.name, str(error), text, remedy)
                parsed.quarantined.append(problem)
                return
        if not name:
            rule, remedy = "required", "give the row its name"
            parsed.quarantined.append(Problem(record.line, "", self.name_column, rule, "", remedy))
            return
        reason = self.export.exclude(cells)
        if reason:
            parsed.excluded.append(Problem(record.line, name, "", reason))
        else:
            parsed.rows.append(ParsedRow(record.line, name, cells))

    def _clean(self, place: Place, text: str) -> str:
        if place.column.kind in {"number", "count"}:
            cleaned = number_cell(text, factor=place.factor, divisor=place.field.divisor)
            if cleaned and place.column.kind == "count" and float(cleaned) != int(float(cleaned)):
                raise ValueError("whole number")
            return str(int(float(cleaned))) if cleaned and place.column.kind == "count" else cleaned
        if place.column.kind == "date":
            return date_cell(text, day_first=self.day_first)
        if place.column.kind == "flag":
            return "true" if plain_text(text).lower() in {"true", "1", "yes", "checked", "x"} else "false"
        return plain_text(text)


def _drop_repeats(parsed: Parsed) -> None:
    """Leave out equal rows of one name but the first; rows of one name that differ are all in doubt."""
    counts = Counter(row.name for row in parsed.rows)
    kept: dict[str, ParsedRow] = {}
    for row in [row for row in parsed.rows if counts[row.name] > 1]:
        first = kept.setdefault(row.name, row)
        if first is not row and first.cells == row.cells:
            parsed.excluded.append(Problem(row.line, row.name, "", f"repeats line {first.line}"))
            counts[row.name] -= 1
    doubtful = {name for name, count in counts.items() if count > 1}
    equal = {problem.line for problem in parsed.excluded}
    for row in parsed.rows:
        if row.name in doubtful and row.line not in equal:
            remedy = "keep one row of this name"
            parsed.quarantined.append(Problem(row.line, row.name, "name", "unique name", row.name, remedy))
    parsed.rows = [row for row in parsed.rows if row.name not in doubtful and row.line not in equal]

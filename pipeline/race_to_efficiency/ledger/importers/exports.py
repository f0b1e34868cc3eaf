"""Whole-table CSV exports: find our columns under whatever the publisher calls them today, then clean cell by cell."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from race_to_efficiency.cells.files import open_table
from race_to_efficiency.cells.numbers import SeveralNumbersError
from race_to_efficiency.cells.physical import UNCLOSED
from race_to_efficiency.cells.published import date_cell, number_cell, order_of
from race_to_efficiency.cells.run_columns import key
from race_to_efficiency.cells.scales import UNITS, split_unit
from race_to_efficiency.cells.screening import MAX_DELIVERY_BYTES, refuse
from race_to_efficiency.cells.text import text_of_cell
from race_to_efficiency.ledger.importers.parsed import Parsed, ParsedRow, Problem, Request
from race_to_efficiency.ledger.importers.source_record import read_record
from race_to_efficiency.ledger.schemas import table_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from race_to_efficiency.cells.table import Table
    from race_to_efficiency.ledger.metadata import Column


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
    earlier_sources : tuple of str
        Other citations under which the publisher's rows stand in the ledger.
    """

    table: str
    source_id: str
    fields: tuple[Field, ...]
    ignored: tuple[str, ...]
    exclude: Callable[[dict[str, str]], str]
    blank: dict[str, str]
    earlier_sources: tuple[str, ...] = ()


@dataclass(frozen=True)
class Place:
    """Where a field stands in a file, and the factor its header's unit asks for."""

    field: Field
    column: Column
    index: int
    factor: float


def read_export(request: Request, export: Export) -> Parsed:
    """Read a whole-table export: of the publisher it is described for, or of the one a source record beside it names.

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
    table = open_table(request.path, most_bytes=MAX_DELIVERY_BYTES)
    places, unknown = _places(table, export)
    _refuse_unreadable(table)
    note = read_record(request.path.with_name(request.path.stem + ".source.yaml"))
    source_id = note.texts.get("source_id", export.source_id)
    parsed = Parsed(export.table, source_id, table.n_read, whole_table=True, recorded_basis="snapshot")
    parsed.earlier_sources = export.earlier_sources if source_id == export.source_id else ()
    parsed.sources = note.new_source(request)
    parsed.flags += [{"kind": "unknown_column", "column": name, "why": "not used; is it new?"} for name in unknown]
    absent = [field.column for field in export.fields if field.column not in {place.column.name for place in places}]
    parsed.flags += [
        {"kind": "absent_column", "column": name, "why": "this export does not carry it"} for name in absent
    ]
    reader = _Reader(export, table, places, absent)
    for row, line in enumerate(table.line.tolist()):
        reader.take(row, line, parsed)
    for record in table.unread:
        name = text_of_cell(record.cells[reader.name_index]) if len(record.cells) > reader.name_index else ""
        remedy = "correct the line in the export"
        parsed.quarantined.append(Problem(record.line, name, "", record.problem, ",".join(record.cells), remedy))
    parsed.quarantined.sort(key=lambda problem: problem.line)
    _drop_repeats(parsed)
    return parsed


def _places(table: Table, export: Export) -> tuple[list[Place], list[str]]:
    """Return where every known column stands, and the header names nobody knows."""
    ledger = table_of(export.table)
    places: dict[str, Place] = {}
    unknown: list[str] = []
    ignored = {key(name) for name in export.ignored}
    for index, name in enumerate(table.header):
        field, factor = _match(name, export.fields)
        if field is None:
            unknown += [name] if key(name) not in ignored and name else []
        elif field.column in places:
            why = f"the header names {field.column} twice: '{name}' is the second"
            raise refuse(table.path, why, line=table.header_line)
        else:
            places[field.column] = Place(field, ledger.column(field.column), index, factor)
    missing = [field for field in export.fields if field.required and field.column not in places]
    if missing:
        names = ", ".join(f"'{field.names[0]}'" for field in missing)
        why = f"missing required columns: {names}; found: {', '.join(table.header)[:1500]}"
        raise refuse(table.path, why, line=table.header_line, remedy="export the whole table, with these columns")
    return list(places.values()), unknown


def _match(name: str, fields: tuple[Field, ...]) -> tuple[Field | None, float]:
    """Return the field a header name means and its unit's factor; a unit nobody knows means another column."""
    whole = key(name)
    for field in fields:
        if whole in {key(known) for known in field.names}:
            return field, 1.0
    base, unit = split_unit(name)
    for field in fields:
        factors = UNITS.get(field.dimension, {})
        if key(base) in {key(known) for known in field.names} and unit.lower() in factors:
            return field, factors[unit.lower()]
    return None, 1.0


def _refuse_unreadable(table: Table) -> None:
    """Refuse a file without rows, one cut short, and one whose lines mostly do not fit its header."""
    if not table.n_read:
        raise refuse(table.path, "it has a header and no rows", line=table.header_line)
    if not table.unread:
        return
    last_good = int(table.line.max(initial=0))
    last = table.unread[-1]
    if last.line > last_good and not table.ended:
        raise refuse(table.path, "it ends in the middle of a record: the download was cut short", line=last.line)
    opened = [record for record in table.unread if record.problem == UNCLOSED and record.line > last_good]
    if opened:
        raise refuse(table.path, "it ends inside a quoted cell: the download was cut short", line=opened[0].line)
    if 2 * len(table) < table.n_read:
        width = len(table.header)
        why = f"{len(table.unread)} of {table.n_read} records do not have the header's {width} cells"
        raise refuse(table.path, why, line=table.unread[0].line)


class _Reader:
    """Cleans the records of one export."""

    def __init__(self, export: Export, table: Table, places: list[Place], absent: Sequence[str]) -> None:
        self.export = export
        self.places = places
        self.absent = absent
        self.decimal = table.decimal
        self.cells = [table.texts_at(place) for place in range(len(table.header))]
        self.order = order_of(
            text for place in places if place.column.kind == "date" for text in self.cells[place.index]
        )
        self.name_column = table_of(export.table).name_column
        self.name_index = next(place.index for place in places if place.column.name == self.name_column)

    def take(self, row: int, line: int, parsed: Parsed) -> None:
        """Put a row into the rows, the exclusions or the quarantine."""
        name = text_of_cell(self.cells[self.name_index][row])
        if not any(column[row] for column in self.cells):
            parsed.excluded.append(Problem(line, name, "", "empty row"))
        else:
            self._take_cells(row, line, name, parsed)

    def _take_cells(self, row: int, line: int, name: str, parsed: Parsed) -> None:
        # a column this export does not carry is unknown in it, as it would be to a reader of the export alone
        cells = {column: self.export.blank.get(column, "") for column in self.absent}
        for place in self.places:
            text = self.cells[place.index][row]
            try:
                cells[place.column.name] = self._clean(place, text) or self.export.blank.get(place.column.name, "")
            except SeveralNumbersError:
                cells[place.column.name] = ""
                flag = {"kind": "several_numbers", "name": name, "column": place.column.name, "line": line}
                parsed.flags.append({**flag, "value": text_of_cell(text), "why": "read as unknown"})
            except ValueError as error:
                remedy = f"{place.column.name} must be {place.column.check}, or empty"
                problem = Problem(line, name, place.column.name, str(error), text, remedy)
                parsed.quarantined.append(problem)
                return
        if not name:
            rule, remedy = "required", "give the row its name"
            parsed.quarantined.append(Problem(line, "", self.name_column, rule, "", remedy))
            return
        reason = self.export.exclude(cells)
        if reason:
            parsed.excluded.append(Problem(line, name, "", reason))
        else:
            parsed.rows.append(ParsedRow(line, name, cells))

    def _clean(self, place: Place, text: str) -> str:
        if place.column.kind in {"number", "count"}:
            dimension, divisor = place.field.dimension, place.field.divisor
            cleaned = number_cell(text, dimension=dimension, factor=place.factor, divisor=divisor, decimal=self.decimal)
            if cleaned and place.column.kind == "count" and float(cleaned) != int(float(cleaned)):
                raise ValueError("whole number")
            return str(int(float(cleaned))) if cleaned and place.column.kind == "count" else cleaned
        if place.column.kind == "date":
            return date_cell(text, self.order)
        if place.column.kind == "flag":
            return "true" if text_of_cell(text).lower() in {"true", "1", "yes", "checked", "x"} else "false"
        return text_of_cell(text)


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

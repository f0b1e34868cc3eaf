"""From a text with separators to a table: its lines, the names above them, and what stands between and below."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.cells.dialect import (
    BLANK,
    DELIMITERS,
    Dialect,
    blanks_once,
    decimal_of,
    dialect_of,
    is_number,
    is_rule,
    row_names,
    second_header,
    units_below,
    words_above,
)
from race_to_efficiency.cells.latex import SEPARATOR, latex_rows
from race_to_efficiency.cells.physical import PhysicalRecord, lines_of, records
from race_to_efficiency.cells.printed_table import SEPARATOR as UPRIGHT
from race_to_efficiency.cells.printed_table import is_gap, printed_table
from race_to_efficiency.cells.run_columns import find_figures
from race_to_efficiency.cells.scales import scale_of
from race_to_efficiency.cells.screening import refuse
from race_to_efficiency.cells.table import Table
from race_to_efficiency.cells.text import tidy

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from race_to_efficiency.cells.printed_table import PrintedTable

_ALONE = re.compile(rb"\r(?!\n)(?![,;\t|])")
"""A line break of old, which may stand among others; one before a separator is a stray."""

_MARKS_OF_CONFLICT = (b"<<<<<<< ", b"=======", b">>>>>>> ")
_DASHES = re.compile(r"(:?-+:?)?")
"""A cell of the line below the names of a table in Markdown."""

_FEWEST_FIGURES = 2
_LOOKED_BELOW = 3


def text_table(path: Path, data: bytes) -> Table:
    """Return the table of a text with separators.

    Comments, and lines that repeat the names, are no rows.

    Parameters
    ----------
    path : Path
        For errors.
    data : bytes
        UTF-8.

    Raises
    ------
    DataInvalid
        When it is no table.
    """
    data = _ALONE.sub(b"\n", data) if data.count(b"\r") > data.count(b"\r\n") else data
    printed = printed_table(lines_of(data))
    lines, (delimiter, start, titles), notes = _separated(printed, latex=b"\\\\" in data)
    if all(mark in data for mark in _MARKS_OF_CONFLICT):
        _refuse_conflict(path, lines)
    stream = records(lines, delimiter=delimiter, start=start)
    names, head, said = _header(path, list(itertools.islice(stream, _LOOKED_BELOW)), delimiter)
    if titles:
        notes += (f"the names are those of line {head[0].line}: titles and comments stand before it",)
    rows = _Rows(path, tuple(tidy(cell) for cell in head[0].cells), len(names))
    for record in itertools.chain(head[1:], stream):
        rows.take(record)
    _refuse_cut(path, printed, rows)
    columns = rows.columns
    marked = (cell for column in columns for cell in column if "," in cell or "." in cell)
    decimal, guessed = (
        decimal_of(marked, delimiter) if b"," in data and (delimiter != "," or b'"' in data) else (".", ())
    )
    held = [np.array(column, dtype=object) for column in columns]
    return Table(
        path,
        names,
        np.array(rows.places, dtype=np.int64),
        held.__getitem__,
        tuple(rows.unread),
        decimal,
        (*notes, *said, *rows.notes, *guessed),
        head[0].line,
        data.endswith(b"\n"),
    )


def _header(
    path: Path, head: Sequence[PhysicalRecord], delimiter: str
) -> tuple[tuple[str, ...], Sequence[PhysicalRecord], tuple[str, ...]]:
    """Return the names, the records from that of the names on, and notes where they are not those of one line."""
    header, notes = head[0], tuple[str, ...]()
    if header.problem:
        raise refuse(path, f"its first line cannot be read: {header.problem}", line=header.line)
    names = tuple(tidy(cell) for cell in header.cells)
    if lower := second_header(head) or _merged_header(head):
        names, head = lower, head[1:]
        notes += (f"two header rows: the names are those of line {head[0].line}",)
    if delimiter == "|" and len(head) > 1 and all(_DASHES.fullmatch(cell.strip()) for cell in head[1].cells):
        head = [head[0], *head[2:]]
    units = units_below(head)
    if units:
        names = tuple(map(_with_unit, names, units))
        notes, head = (*notes, f"line {head[1].line} states the units of the columns"), [head[0], *head[2:]]
    if row_names(head, delimiter):
        names = ("", *names)
        notes += ("the first column has no name: it names or counts the rows",)
    # the corner of a grid names both its sides
    names = (names[0].partition("\\")[0].strip() or names[0], *names[1:])
    _refuse_without_names(path, names, head)
    return names, head, notes


def _merged_header(found: Sequence[PhysicalRecord]) -> tuple[str, ...]:
    """Return the names of two header rows of which the upper has merged cells: those below, else those above.

    The lower ones must name figures that the upper ones do not; none otherwise.
    """
    first, second = words_above(found)
    names = tuple(low or top for top, low in zip(first, second, strict=True))
    figures = [len(find_figures([name for name in row if name]).columns) for row in (first, second)]
    return names if all(names) and len(set(names)) == len(names) and figures[1] > figures[0] else ()


class _Rows:
    """The rows below the names, column by column."""

    def __init__(self, path: Path, names: tuple[str, ...], width: int) -> None:
        self.path, self.names, self.width = path, names, width
        self.columns: list[list[str]] = [[] for _ in range(width)]
        self.places: list[int] = []
        self.unread: list[PhysicalRecord] = []
        self.gap: int | None = None
        """Line of a row that stands for others."""
        self._left_out: Counter[str] = Counter()

    def take(self, record: PhysicalRecord) -> None:
        """Take one line."""
        cells = record.cells
        if len(cells) > self.width and not any(cell.strip() for cell in cells[self.width :]):
            cells = cells[: self.width]
        plain = not record.problem and len(cells) == self.width and cells[0][:1].isdigit()
        if plain or self._is_row(record, cells):
            self.places.append(record.line)
            for column, cell in zip(self.columns, cells, strict=True):
                column.append(cell.strip())

    def _is_row(self, record: PhysicalRecord, cells: tuple[str, ...]) -> bool:
        """Return whether a line is a row; keep account of one that is none."""
        if not record.problem and self._repeats(record):
            self._left_out["repeat them"] += 1
        elif cells[0].lstrip().startswith(("#", "```")) and (
            len(cells) != self.width or not any(map(str.strip, cells[1:]))
        ):
            self._left_out["are comments"] += 1
        elif is_gap(record.cells):
            self.gap = self.gap or record.line
        elif record.problem or len(cells) != self.width:
            why = record.problem or f"{self.width} cells (found {len(cells)})"
            self.unread.append(PhysicalRecord(record.line, record.cells, why))
        else:
            return True
        return False

    def _repeats(self, record: PhysicalRecord) -> bool:
        """Return whether a line of words names the same columns once more; refuse one that names others."""
        if any(map(is_number, record.cells)) and record.cells[0].strip() != self.names[0]:
            return False
        found = tuple(tidy(cell) for cell in record.cells[: len(self.names)])
        if found == self.names:
            return True
        figures = _places(found)
        if len(figures) < _FEWEST_FIGURES or len(found) != len(self.names):
            return False
        if figures != _places(self.names):
            why = "it holds two tables: the names of its columns stand there once more, in another order"
            raise refuse(self.path, why, line=record.line, remedy="save each table as a file of its own")
        return True

    @property
    def notes(self) -> tuple[str, ...]:
        """What lines are no rows."""
        return tuple(f"lines below the names that {what}, no rows: {count}" for what, count in self._left_out.items())


def _places(names: Sequence[str]) -> dict[str, int]:
    """Return where the figures stand that some names are those of."""
    found = find_figures(names).columns
    return {
        figure: place
        for figure, name in found.items()
        for place, one in enumerate(names)
        if f"{name}*".startswith(f"{one}*")
    }


def _refuse_cut(path: Path, printed: PrintedTable, rows: _Rows) -> None:
    """Refuse a print that leaves rows out: what is missing is nowhere in the file."""
    shown = len(rows.places) + len(rows.unread)
    line = printed.cut or rows.gap
    if line is None and (printed.n_rows or 0) <= shown:
        return
    of = f"{shown} of {printed.n_rows}" if printed.n_rows else f"only {shown}"
    remedy = "write the whole table to a file as CSV instead of printing it"
    raise refuse(
        path, f"it is the print of a table that leaves rows out: {of} rows stand in it", line=line, remedy=remedy
    )


def _separated(printed: PrintedTable, *, latex: bool) -> tuple[list[bytes], Dialect, tuple[str, ...]]:
    """Return a text's lines, their dialect, and a note where no commas separate the cells."""
    lines = printed.lines
    if printed.names is not None:
        before = sum(bool(line.strip()) for line in lines[: printed.names])
        return lines, Dialect(UPRIGHT, printed.names, before), ("the cells stand in boxes, as programs print them",)
    rows = latex_rows(lines) if latex else None
    if rows is not None:
        return rows, Dialect(SEPARATOR, 0), ("it is a table in LaTeX",)
    dialect = dialect_of(lines)
    if dialect.delimiter == ",":
        return lines, dialect, ()
    named = {**DELIMITERS, BLANK: "blanks"}.get(dialect.delimiter, dialect.delimiter)
    if dialect.delimiter == BLANK:
        lines = blanks_once(lines)
    elif dialect.delimiter == "|":
        lines = [b"" if is_rule(line) else line for line in lines]
    return lines, dialect, (f"the cells are separated by {named}",)


def _refuse_conflict(path: Path, lines: Iterable[bytes]) -> None:
    """Refuse a file in which git left two versions of the same lines."""
    place = dict.fromkeys(_MARKS_OF_CONFLICT, 0)
    for number, line in enumerate(lines, 1):
        if line[:1] in (b"<", b"=", b">"):
            place |= {mark: number for mark in _MARKS_OF_CONFLICT if line.startswith(mark)}
    if all(place.values()):
        why = "git left the marks of a conflict in it, with two versions of the same lines"
        remedy = "keep one version of the lines between <<<<<<< and >>>>>>>"
        raise refuse(path, why, line=place[b"<<<<<<< "], remedy=remedy)


def _with_unit(name: str, unit: str) -> str:
    """Return a name with its unit where that scales a figure of a run; any other column keeps its name."""
    both = f"{name} ({unit})"
    return both if unit and (scale_of(unit) is not None or find_figures([both]).columns) else name


def _refuse_without_names(path: Path, names: tuple[str, ...], head: Sequence[PhysicalRecord]) -> None:
    line, words = head[0].line, [name for name in names if not _is_float(name)]
    if len(names) == len(head) == 1 and not (names[0].startswith("#") or find_figures(names).columns):
        raise refuse(path, f"it holds one line, no table: '{names[0][:80]}'", line=line)
    if len(names) == 1 and (mark := _unknown_separator(names[0])):
        remedy = (
            f"write sep={mark} as its first line, or save it with commas"
            if mark.isascii() and mark.isprintable() and len(mark) == 1
            else "save it with commas"
        )
        raise refuse(path, f"nothing that is known separates its cells, but {mark!r} may", line=line, remedy=remedy)
    if re.match(r"(- )?\w+: *\S", names[0]) and len(names) == 1:
        raise refuse(path, "it is YAML, not a table", line=line, remedy="save the records as CSV, or as JSON")
    if len(words) < len(names) / 2 and not find_figures(words).columns:  # numbers head the columns of a wide grid
        why = "its first line holds numbers, not the names of the columns"
        raise refuse(path, why, line=line, remedy="write a first line with the columns' names, e.g. params,tokens,loss")


def _unknown_separator(name: str) -> str:
    """Return what separates the names of several figures in a line that was read as one cell; empty without it."""
    for mark in dict.fromkeys(re.findall(r"[^\w\s.,;|()\[\]\\'\"-]+|[\x01-\x1f]", name)):
        if len(find_figures([part.strip() for part in name.split(mark)]).columns) >= _FEWEST_FIGURES:
            return str(mark)
    return ""


def _is_float(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True

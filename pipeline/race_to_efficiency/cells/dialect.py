"""How a text table is written: what separates its cells, which mark its decimals take, where its names stand."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from race_to_efficiency.cells.physical import PhysicalRecord, records
from race_to_efficiency.cells.scales import is_unit
from race_to_efficiency.cells.text import is_missing, tidy

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from race_to_efficiency.cells.numbers import DecimalMark

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
BLANK = " "
_BLANKS_FIT = 0.8
"""Share of the lines that must have as many words as the first before blanks are believed to separate cells."""
_LOOKED_AT = 50
_MOST_TITLES = 8
_IN_BRACKETS = re.compile(r"[(\[]([^()\[\]]*)[)\]]")
_COUNTED = 100_000
_DECLARED = re.compile(rb'"?sep=(.)"?\s*')
_COMMA_DECIMAL = re.compile(
    r"[+-]?(\d{1,3}(\.\d{3})+,\d*|0,\d+|\d+,(\d{1,2}|\d{4,}))([eE][+-]?\d+)?|[+-]?\d{1,3}(\.\d{3}){2,}"
)
_POINT_DECIMAL = re.compile(r"[+-]?(\d{1,3}(,\d{3})+\.\d*|\d*\.\d+)([eE][+-]?\d+)?|[+-]?\d{1,3}(,\d{3}){2,}")
_COMMA_THREE = re.compile(r"[+-]?\d{1,3},\d{3}")
_POINT_THREE = re.compile(r"[+-]?\d{1,3}\.\d{3}")


class Dialect(NamedTuple):
    """What separates cells, the first line that is no declaration (0-based), and how many titles stand before it."""

    delimiter: str
    start: int
    titles: int = 0


def dialect_of(lines: Sequence[bytes]) -> Dialect:
    """Return the dialect of a text table: the separator under which most lines have as many cells as the header.

    Parameters
    ----------
    lines : sequence of bytes
        From `lines_of`.
    """
    first = next((k for k, line in enumerate(lines) if line.strip()), 0)
    declared = _DECLARED.fullmatch(lines[first].strip(b"\r")) if lines else None
    if declared:
        return Dialect(declared[1].decode("latin-1"), first + 1)
    best, dialect = (0.0, 0), Dialect(",", 0)
    some = lines[first : first + _LOOKED_AT]
    for delimiter in DELIMITERS:
        found = list(records(some, delimiter=delimiter))
        titles = _titles(found)
        widths = [len(record.cells) for record in found[titles:]]
        if not widths or widths[0] < 2:
            continue
        share = sum(width == widths[0] for width in widths) / len(widths)
        if (share, widths[0]) > best:
            start = first + found[titles].line - 1 if titles else 0
            best, dialect = (share, widths[0]), Dialect(delimiter, start, titles)
    return dialect if best[0] else _by_blanks(some, first) or dialect


def _by_blanks(some: Sequence[bytes], first: int) -> Dialect | None:
    """Return the dialect of columns set apart by blanks, any number of them, as ``numpy.savetxt`` writes."""
    found = list(records(blanks_once(some), delimiter=BLANK))
    names = next((k for k, record in enumerate(found[:-1]) if any(map(is_number, found[k + 1].cells))), 0)
    width = len(found[names].cells) if found else 0
    more = row_names(found[names:], BLANK)
    fitting = sum(len(record.cells) == width + more for record in found[names + more :]) + more
    if width < 2 or fitting < 2 or fitting < _BLANKS_FIT * len(found[names:]):
        return None
    return Dialect(BLANK, first + found[names].line - 1, names)


def blanks_once(lines: Iterable[bytes]) -> list[bytes]:
    """Return lines whose words stand one blank apart; a comment's mark belongs to its first word, a rule is none."""
    return [b"" if is_rule(line) else b" ".join(line.removeprefix(b"#").split()) for line in lines]


def is_rule(line: bytes) -> bool:
    """Return whether a line is a rule of dashes or of equals signs above or below names."""
    return not line.strip(b"-+:=| \r") and (b"---" in line or b"===" in line)


def _titles(found: Sequence[PhysicalRecord]) -> int:
    """Return how many lines before the names are comments, or hold one cell: a title; the names hold no number."""
    count = 0
    while count + 1 < min(len(found), _MOST_TITLES + 1) and _is_title(found[count].cells):
        count += 1
    names = found[count].cells if found else ()
    return count if not _is_title(names) and not any(is_number(tidy(cell)) for cell in names) else 0


def _is_title(cells: Sequence[str]) -> bool:
    """Return whether a line is a comment, or holds one cell at most."""
    return sum(bool(cell.strip()) for cell in cells) < 2 or cells[0].lstrip('" ').startswith("#")


def units_below(found: Sequence[PhysicalRecord]) -> tuple[str, ...]:
    """Return the units a second line states, one a column, where it holds nothing else; none where it does not."""
    _, second = words_above(found)
    units = [_IN_BRACKETS.sub(r"\1", cell) for cell in second]
    stated = [unit for unit in units if unit]
    known = [unit for unit in stated if is_unit(unit)]
    return tuple(units) if known and 2 * len(known) >= len(stated) else ()


def words_above(found: Sequence[PhysicalRecord]) -> tuple[list[str], list[str]]:
    """Return the cells of the first two lines where no number stands before the third; none otherwise."""
    if len(found) < 3:
        return [], []
    first, second, third = ([tidy(cell) for cell in record.cells] for record in found[:3])
    whole = len(first) == len(second) == len(third) and not any(map(is_number, second)) and any(map(is_number, third))
    return (first, second) if whole else ([], [])


def decimal_of(cells: Iterable[str], delimiter: str) -> tuple[DecimalMark, tuple[str, ...]]:
    """Return the mark of the decimals and a note where it was a choice.

    The cells that can only be read one way decide. Where all could be read both ways (3,142 is pi or three thousand),
    cells separated by semicolons have decimal commas, as spreadsheets write where the comma is the decimal mark.

    Parameters
    ----------
    cells : iterable of str
        All cells of the table that hold a comma or a point.
    delimiter : str
    """
    points, commas, either, example = 0, 0, False, ""
    for cell in itertools.islice(cells, _COUNTED):
        if _COMMA_DECIMAL.fullmatch(cell):
            commas, example = commas + 1, example or cell
        elif _COMMA_THREE.fullmatch(cell):
            either = True
        elif _POINT_DECIMAL.fullmatch(cell) and not _POINT_THREE.fullmatch(cell):
            points += 1
    if commas > points:
        return ",", (f"decimal commas: '{example}' allows no other reading",)
    if either and not points and delimiter == ";":
        return ",", ("decimal commas were assumed, since semicolons separate the cells",)
    return ".", ()


def second_header(found: Sequence[PhysicalRecord]) -> tuple[str, ...]:
    """Return the names where they stand in the second line, as pandas writes columns of two levels; none otherwise.

    The first line then repeats names, the second holds others and no number, and the third holds numbers.
    """
    first, second = words_above(found)
    distinct = Counter(name for name in second if name)
    return tuple(second) if len(set(first)) < len(first) and max(distinct.values(), default=2) == 1 else ()


def row_names(found: Sequence[PhysicalRecord], delimiter: str) -> bool:
    """Return whether every row has a cell more than there are names, as R writes and pandas prints.

    The first cells are words, or count from 0 or 1. Between commas one cell more may be a decimal comma.
    """
    if delimiter == "," or len(found) < 3:
        return False
    width, first = len(found[0].cells), tuple(record.cells[0].strip() for record in found[1:3])
    more = all(len(record.cells) == width + 1 and record.cells[-1].strip() for record in found[1:3])
    return more and (first in (("0", "1"), ("1", "2")) or not any(map(is_number, first)))


def is_number(cell: str) -> bool:
    """Return whether a cell begins with a number."""
    return bool(re.match(r"[+-]?[\d.,]*\d", cell)) and not is_missing(cell)

"""Tables as programs print them: boxes around the cells, types below the names, counts of rows, rows left out.

Polars, DuckDB, ClickHouse, psql, Spark, Julia, R and rich each print in their own way; what they share is read here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

SEPARATOR = "│"
"""What separates the cells of a box, once every upright bar is written as this one."""

_LOOKED_AT = 50
_UPRIGHTS = "│┃║┆┇┊┋╎╏"
_UPRIGHT = re.compile(f"[{_UPRIGHTS}]")
_ALIKE = str.maketrans(dict.fromkeys(_UPRIGHTS, SEPARATOR))
_BAR = SEPARATOR.encode()
_BOX = re.compile(r"[\u2500-\u257f]")
_RULE = re.compile(r"[\s\u2500-\u257f+=:-]*")
_BARE = re.compile(r"[\s\u2500-\u257f]*")
_EDGE = re.compile(r"\s*[\u2500-\u257f]{3,}[\s\u2500-\u257f]*")
_ASCII_EDGE = re.compile(r"[+|][-+=|]+[+|]\s*$")
_NAMES_IN_A_RULE = re.compile(r"[┌┏╭][─━]*\s*[^\s\u2500-\u257f]")
"""ClickHouse writes the names into the upper edge: ┌─params─┬─loss─┐."""

_NUMBERED = re.compile(r"\s*Row\s*│")
"""Julia sets only the numbers of the rows apart by a bar, the other cells by blanks."""

_TYPE = re.compile(
    r"(?:<\w+>|[fiu](?:8|16|32|64|128)|str|cat|enum|null|binary|object|list\[.+\]|struct\[.+\]|array\[.+\]"
    r"|bool|boolean|date|time|datetime(?:\[.+\])?|duration(?:\[.+\])?|decimal(?:[\[(].+[\])])?"
    r"|u?(?:tiny|small|big|huge)int|u?int(?:eger|8|16|32|64|128)?|float(?:32|64)?|double|real|numeric|varchar|text"
    r"|string\d*|char|blob|uuid|interval|timestamp(?:_\w+)?(?: with time zone)?|any|missing|nothing"
    r"|---)\??",
    re.IGNORECASE,
)
"""Names of types as polars, DuckDB, R's tibbles and Julia print them below the names of the columns."""

_NAME_AND_TYPE = re.compile(r"(.+) \((\S+)\)")

_SHAPES = (
    re.compile(r"shape: \(([\d_,]+), \d+\)"),
    re.compile(r"# A tibble: ([\d,]+) [×x] \d+.*"),
    re.compile(r"([\d,]+)×\d+ DataFrame"),
)
"""What stands before a print that states its number of rows."""

_COUNT = re.compile(
    r"[\[(]?([\d,]+|\?) rows?(?:\)| x \d+ columns\]| in set\b.*|(?: +\([^)]*\))* +\d+ columns?|(?: +\([^)]*\))+)?",
    re.IGNORECASE,
)
_LEFT_OUT = re.compile(
    r"(?:[\d,?]+ rows? +)?\([^)]*\bshown\).*|\d+ rows? omitted|\[ reached .* omitted [\d,]+ rows? \]"
    r"|(?:ℹ|…|\.\.\.)\D*[\d,]+ more rows?\b.*|only showing top \d+ rows?",
    re.IGNORECASE,
)
_LAST_LINES = 6

_GAPS = frozenset(["...", "..", "…", "·", "⋮", "⋱", ":"])
"""Cells of a row that stands for rows left out."""


@dataclass(frozen=True)
class PrintedTable:
    """The lines of a text, those a program printed around its table empty.

    Parameters
    ----------
    lines : list of bytes
        Cells of a box are separated by `SEPARATOR`, those of Julia by blanks.
    names : int or None
        The first line of a box, counted from 0; None where no box stands around the cells.
    n_rows : int or None
        Rows the print says it has; None where it does not say.
    cut : int or None
        Line that says rows were left out.
    """

    lines: list[bytes]
    names: int | None
    n_rows: int | None
    cut: int | None


def printed_table(lines: list[bytes]) -> PrintedTable:
    """Return the lines of a text without what a program prints around a table; any other text as it is.

    Parameters
    ----------
    lines : list of bytes
        UTF-8, from `lines_of`; changed in place, since there may be 10^8 of them.

    Examples
    --------
    >>> box = ["shape: (1, 2)", "┌─────┬─────┐", "│ a   ┆ b   │", "│ i64 ┆ f64 │", "╞═════╪═════╡", "│ 1   ┆ 2.0 │"]
    >>> found = printed_table([line.encode() for line in box])
    >>> [line.decode().replace(" ", "") for line in found.lines if line], found.n_rows
    (['a│b', '1│2.0'], 1)
    """
    head = [line.decode("utf-8", "replace") for line in lines[:_LOOKED_AT]]
    boxed = any(map(_EDGE.fullmatch, head)) and any(map(_UPRIGHT.search, head))
    boxed |= any(_NAMES_IN_A_RULE.match(line.strip()) for line in head)
    ascii_box = any(map(_SHAPES[0].match, head)) and any(map(_ASCII_EDGE.match, head))  # polars without box characters
    kept = [_unboxed(line, ascii_box) for line in lines] if boxed or ascii_box else lines
    numbered = boxed and any(_NUMBERED.match(line) for line in head)
    if numbered:
        kept = [line.replace(_BAR, b" ") for line in kept]
    n_rows = _without_shape(kept)
    cut, counted = _without_count(kept)
    names = next((place for place, line in enumerate(kept[:_LOOKED_AT]) if _BAR in line), None)
    names = names if boxed or ascii_box else None
    if names is None:
        _without_types(kept)
    else:
        _one_line_each(kept, names)
    return PrintedTable(kept, names, counted if n_rows is None else n_rows, cut)


def is_gap(cells: Sequence[str]) -> bool:
    """Return whether a row stands for rows that a print leaves out."""
    words = {cell.strip() for cell in cells} - {""}
    return bool(words) and words <= _GAPS


def _unboxed(line: bytes, ascii_box: bool = False) -> bytes:
    """Return the cells of a box's line, an empty line for a rule."""
    text = line.decode("utf-8", "replace").removesuffix("\r")
    if ascii_box:
        text = "" if _ASCII_EDGE.match(text) else text.replace("|", SEPARATOR)
    if not _BOX.search(text):
        return text.encode()
    if _BARE.fullmatch(text):
        return b""
    if _NAMES_IN_A_RULE.match(text.strip()):
        return SEPARATOR.join(re.split(r"[\u2500-\u257f]+", text.strip())[1:-1]).encode()
    text = text.translate(_ALIKE)
    framed = text.strip()
    if framed.startswith(SEPARATOR) and framed.endswith(SEPARATOR) and len(framed) > 1:
        text = framed[1:-1]
    return text.encode()


def _one_line_each(lines: list[bytes], first: int) -> None:
    """Write the names of a box into its first line, without types, and each row of polars' into one.

    Polars breaks long names and cells; a number nobody knows is *null* there, so that an empty cell of a column of
    numbers continues the row above.
    """
    end = next((place for place in range(first, len(lines)) if not lines[place].strip()), len(lines))
    block = [_split(lines[place]) for place in range(first, end)]
    if not any(line.strip() for line in lines[end:]) or len({len(row) for row in block}) != 1:
        return  # no rule parts the names from the rows
    columns = list(zip(*block, strict=True))
    broken = any("---" in column for column in columns)
    types = [""] * len(columns)
    if broken:
        cut = [column.index("---") if "---" in column else len(column) for column in columns]
        types = ["".join(column[place + 1 :]) for place, column in zip(cut, columns, strict=True)]
        columns = [column[:place] for place, column in zip(cut, columns, strict=True)]
    elif len(block) > 1 and all(map(_TYPE.fullmatch, block[1])):
        columns = [column[:1] for column in columns]
    names = [re.sub(r"(?<=\S)(?=[(\[])", " ", "".join(column)) if broken else " ".join(column) for column in columns]
    names = [" ".join(name.split()) for name in names]
    inline = [found[1] for name in names if (found := _NAME_AND_TYPE.fullmatch(name)) and _TYPE.fullmatch(found[2])]
    lines[first] = SEPARATOR.join(inline if len(inline) == len(names) else names).encode()
    lines[first + 1 : end] = [b""] * (end - first - 1)
    if broken:
        _continued(lines, end, [name not in ("str", "") for name in types])


def _continued(lines: list[bytes], start: int, filled: Sequence[bool]) -> None:
    """Join the lines that polars broke a row into; the columns that are ``filled`` hold no empty cells."""
    row = -1
    for place in range(start, len(lines)):
        cells = _split(lines[place])
        if not lines[place].strip() or len(cells) != len(filled):
            continue
        if row >= 0 and any(must and not cell for must, cell in zip(filled, cells, strict=True)):
            lines[row] = SEPARATOR.join(map("".join, zip(_split(lines[row]), cells, strict=True))).encode()
            lines[place] = b""
        else:
            row = place


def _split(line: bytes) -> list[str]:
    """Return the cells of a box's line."""
    return [cell.strip() for cell in line.decode("utf-8", "replace").split(SEPARATOR)]


def _without_shape(lines: list[bytes]) -> int | None:
    """Empty a line before the table that states its number of rows, which is returned."""
    for place, line in enumerate(lines[:_LOOKED_AT]):
        text = line.decode("utf-8", "replace").strip()
        for shape in _SHAPES:
            if found := shape.fullmatch(text):
                lines[place] = b""
                return int(re.sub(r"\D", "", found[1]))
    return None


def _without_count(lines: list[bytes]) -> tuple[int | None, int | None]:
    """Empty the lines below a table that count its rows; return the line that says some are missing, and the count."""
    cut, counted = None, None
    last = [place for place, line in enumerate(lines) if line.strip()][-_LAST_LINES:] if len(lines) < 10**6 else []
    for place in last:
        text = lines[place].decode("utf-8", "replace").strip(" |#\r" + SEPARATOR)
        found, missing = _COUNT.fullmatch(text), _LEFT_OUT.fullmatch(text)
        if not (found or missing):
            continue
        lines[place] = b""
        cut = place + 1 if missing and cut is None else cut
        if found and found[1] != "?":
            counted = int(found[1].replace(",", ""))
    return cut, counted


def _without_types(lines: list[bytes]) -> None:
    """Empty the lines below the names that hold types, and the dashes above those."""
    width = 0
    for place, line in enumerate(lines[:_LOOKED_AT]):
        text = line.decode("utf-8", "replace").strip("| \r")
        if not text or (_RULE.fullmatch(text.replace("|", " ")) and "---" not in text.split()):
            continue
        cells = [cell.strip() for cell in re.split(r"[,;\t|]", text)]
        cells = cells if len(cells) > 1 else text.split()
        if 1 < len(cells) <= width and all(map(_TYPE.fullmatch, cells)):
            lines[place] = b""
        elif any(re.match(r"[+-]?\.?\d", cell) for cell in cells) and width:
            return
        else:
            width = len(cells)

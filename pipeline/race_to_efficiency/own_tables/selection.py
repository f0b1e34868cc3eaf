"""Which rows ``--exclude`` takes: comparisons of a column with a number or word, or flags. Parsed, never evaluated."""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from race_to_efficiency.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

FLAG_COLUMNS = ("run_flags", "flags", "flag")

_COMPARISON = re.compile(r"^(?P<column>.+?)\s*(?P<sign><=|>=|==|!=|<|>|=)\s*(?P<value>.+)$")
_AND = re.compile(r"\s+and\s+", re.IGNORECASE)
_SIGNS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_TRUE = ("true", "yes", "1", "y")


@dataclass(frozen=True)
class Selection:
    """Row numbers an expression takes.

    Parameters
    ----------
    rows : frozenset of int
    """

    rows: frozenset[int]

    def __iter__(self) -> Iterator[int]:
        return iter(sorted(self.rows))

    @classmethod
    def parse(cls, text: str, header: Sequence[str], records: Sequence[tuple[int, list[str]]]) -> Selection:
        """Find the rows of ``loss > 4``, ``dataset == C4 and tokens < 1e9``, or of a flag such as ``diverged``.

        Parameters
        ----------
        text : str
        header : sequence of str
        records : sequence of (int, list of str)
            Line and cells of each row.

        Raises
        ------
        UsageError
            When the column or flag is unknown, or a number is compared with a word.
        """
        rows = frozenset(range(len(records)))
        for part in _AND.split(text.strip()):
            rows &= _one(part.strip(), header, records)
        return cls(rows)


def _one(part: str, header: Sequence[str], records: Sequence[tuple[int, list[str]]]) -> frozenset[int]:
    """Return the rows one comparison or flag takes."""
    match = _COMPARISON.match(part)
    if match is None:
        return _flagged(part, header, records)
    column, sign, value = match["column"].strip(), match["sign"], match["value"].strip().strip("'\"")
    if column not in header:
        raise UsageError(f"--exclude: there is no column '{column}'", why=f"columns: {', '.join(header)}")
    at = header.index(column)
    cells = [row[at] if at < len(row) else "" for _, row in records]
    number = _float(value)
    if sign in ("==", "=", "!="):
        same = [_equal(cell, value, number) for cell in cells]
        return frozenset(k for k, equal in enumerate(same) if equal != (sign == "!="))
    if number is None:
        raise UsageError(
            f"--exclude: '{value}' is not a number", why=f"{sign} compares numbers", remedy="use == for words"
        )
    compare = _SIGNS[sign]
    known = [(k, _float(cell)) for k, cell in enumerate(cells)]
    return frozenset(k for k, cell in known if cell is not None and compare(cell, number))


def _equal(cell: str, value: str, number: float | None) -> bool:
    """Compare as numbers where both are, else as words."""
    known = _float(cell)
    return known == number if known is not None and number is not None else cell == value


def _flagged(flag: str, header: Sequence[str], records: Sequence[tuple[int, list[str]]]) -> frozenset[int]:
    """Return the rows that carry a flag: in a flag column, or as a column of yes and no."""
    if flag in header:
        at = header.index(flag)
        return frozenset(k for k, (_, row) in enumerate(records) if at < len(row) and row[at].lower() in _TRUE)
    places = [header.index(name) for name in FLAG_COLUMNS if name in header]
    found: set[str] = set()
    rows = set()
    for k, (_, row) in enumerate(records):
        flags = {word.strip() for at in places if at < len(row) for word in row[at].split(";")}
        found |= flags
        if flag in flags or any(word.startswith(f"{flag}=") for word in flags):
            rows.add(k)
    if not rows:
        known = ", ".join(sorted(found - {""})[:12])
        raise UsageError(
            f"--exclude: no row has the flag '{flag}'",
            why=f"flags: {known}" if known else f"there is no column {' or '.join(FLAG_COLUMNS)}",
            remedy="write a comparison such as 'loss > 4', or one of the flags",
        )
    return frozenset(rows)


def _float(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None

"""One table out of any file: columns of cells, a line for each row, and every row that could not be read."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.cells.dates import Dates, read_dates
from race_to_efficiency.cells.numbers import DecimalMark, Numbers, read_numbers
from race_to_efficiency.cells.text import CellError, number_text, tidy
from race_to_efficiency.errors import DataInvalid, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from race_to_efficiency.cells.date_styles import Order
    from race_to_efficiency.cells.physical import PhysicalRecord

_POWER = re.compile(r"(10|2|e)\^(.+)")
_BASES = {"": None, "10^": 10.0, "2^": 2.0, "e^": float(np.e)}
"""What a column of logarithms is the exponent of."""

_OPERATOR = re.compile(r"\s*([*/])\s*")
_FACTOR = re.compile(r"-?\d+\.?\d*(?:[eE][+-]?\d+)?", re.ASCII)


@dataclass(frozen=True, eq=False)
class Table:
    """A file as columns of cells.

    Parameters
    ----------
    path : Path
    header : tuple of str
        Names as they stand, blanks tidied; a name may stand twice until it is asked for.
    line : (n,) int
        1-based line on which each row starts; in a file without lines, as in a CSV file of the same rows.
    read_column : callable
        Returns column number k, (n,): object where it holds texts, else numbers or dates as the file types them.
    unread : tuple of Record
        Rows that cannot be read as cells of this header, each with its problem.
    decimal : {'.', ','}
        Mark of the decimals in its texts.
    notes : tuple of str
        What was guessed of the file, in words.
    header_line : int
    ended : bool
        False for a text that ends without a line break, as one cut short does.
    """

    path: Path
    header: tuple[str, ...]
    line: NDArray[np.int64]
    read_column: Callable[[int], NDArray[Any]]
    unread: tuple[PhysicalRecord, ...] = ()
    decimal: DecimalMark = "."
    notes: tuple[str, ...] = ()
    header_line: int = 1
    ended: bool = True
    _held: dict[int, NDArray[Any]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.line)

    @property
    def name(self) -> str:
        """The file's name."""
        return "standard input" if str(self.path) == "-" else self.path.name

    @property
    def n_read(self) -> int:
        """Physical rows of the file, those included that cannot be read."""
        return len(self.line) + len(self.unread)

    @cached_property
    def _places(self) -> dict[str, list[int]]:
        places: dict[str, list[int]] = {}
        for place, name in enumerate(self.header):
            places.setdefault(name, []).append(place)
        return places

    def place(self, name: str) -> int | None:
        """Return where a column stands, None when there is none of this name; blanks do not matter.

        Raises
        ------
        DataInvalid
            When the name stands several times.
        """
        places = self._places.get(tidy(name), [])
        if len(places) > 1:
            where = f"{self.path}:{self.header_line}"
            remedy = f"rename one of the two columns '{tidy(name)}' in the first line"
            raise DataInvalid(f"column '{tidy(name)}' stands {len(places)} times", where=where, remedy=remedy)
        return places[0] if places else None

    def column(self, place: int) -> NDArray[Any]:
        """Return a column's cells; texts without blanks at their ends."""
        if place not in self._held:
            self._held[place] = self.read_column(place)
        return self._held[place]

    def release(self) -> None:
        """Forget columns a format can read again."""
        self._held.clear()

    def texts(self, name: str) -> NDArray[Any]:
        """Return a named column as texts, (n,) object.

        Raises
        ------
        UsageError
            When there is no such column.
        """
        return self.texts_at(self._known(name))

    def texts_at(self, place: int) -> NDArray[Any]:
        """Return column number `place` as texts, (n,) object."""
        cells = self.column(place)
        if cells.dtype == object:
            return cells
        blank = np.isnan(cells) if cells.dtype.kind == "f" else np.isnat(cells) if cells.dtype.kind == "M" else None
        words = [number_text(cell) if cells.dtype.kind in "fiu" else str(cell) for cell in cells.tolist()]
        if cells.dtype.kind == "b":
            words = [word.lower() for word in words]
        if blank is not None and blank.any():
            words = ["" if gone else word for word, gone in zip(words, blank.tolist(), strict=True)]
        return np.array(words, dtype=object)

    def dates(self, name: str, order: Order | None) -> Dates:
        """Return a named column as dates; see `read_dates`."""
        return read_dates(self.column(self._known(name)), order=order, where=f"{self.path}:{tidy(name)}")

    def numbers(self, expression: str, dimension: str | None = "") -> Numbers:
        """Return a column, or a product or ratio of columns and factors: ``flop_s/tdp_w``, ``P*1e6``, ``10^log10_N``.

        Parameters
        ----------
        expression : str
            A column's own name comes first, whatever signs it holds.
        dimension : str, optional
            What units the cells may state; see `cells.numbers.number`.

        Raises
        ------
        UsageError
            When a part names no column.
        DataInvalid
            When a column mixes units.
        """
        parts = self.parts(expression)
        if len(parts) == 1 and parts[0][0] == "*":
            return self._one(int(parts[0][1]), dimension)
        value, problems, notes = np.ones(len(self)), dict[int, str](), list[str]()
        for sign, part in parts:
            if isinstance(part, float):
                factor: Any = part
            else:
                found = self._one(part, dimension)
                factor, problems = found.value, {**found.problems, **problems}
                notes += found.notes
            base = _BASES[sign[1:]]
            with np.errstate(divide="ignore", over="ignore"):
                factor = factor if base is None else base**factor
                value = value * factor if sign[0] == "*" else value / factor
        endless = dict.fromkeys(np.flatnonzero(np.isinf(value)).tolist(), "not finite")
        return Numbers(np.where(np.isinf(value), np.nan, value), {**endless, **problems}, tuple(notes))

    def parts(self, expression: str) -> list[tuple[str, int | float]]:
        """Return the columns (by place) and factors of an expression, each with the sign (and base) before it.

        Raises
        ------
        UsageError
            When a part names no column, or none does; those found are listed.
        """
        whole = self.place(expression)
        if whole is not None:
            return [("*", whole)]
        words = _OPERATOR.split(f"*{tidy(expression)}")[1:]
        parts: list[tuple[str, int | float]] = []
        while words:
            sign, taken = words[0], 0
            for end in range(len(words), 1, -2):  # the longest run of words that is a column's name: FLOP/s
                text = "".join(words[1:end]).strip("'\"")
                place, power = self.place(text), _POWER.fullmatch(text)
                base = f"{power[1]}^" if power and place is None else ""
                place = self.place(power[2]) if power and place is None else place
                if place is not None:
                    parts.append((sign + base, place))
                    taken = end
                    break
            if not taken:
                if not _FACTOR.fullmatch(words[1]):
                    raise self.no_column(words[1] if _OPERATOR.search(expression) else expression)
                parts.append((sign, float(words[1])))
                taken = 2
            words = words[taken:]
        if all(isinstance(part, float) for _, part in parts):
            raise self.no_column(expression)
        return parts

    def no_column(self, name: str) -> UsageError:
        """Return the error that lists the columns there are."""
        found = ", ".join(repr(cell) for cell in self.header)
        return UsageError(
            f"{self.name} has no column '{name}'",
            where=f"{self.path}:{self.header_line}",
            why=f"the columns found are {found}",
            remedy="name one of these columns, or a product or ratio of them",
        )

    def _known(self, name: str) -> int:
        place = self.place(name)
        if place is None:
            raise self.no_column(name)
        return place

    def _one(self, place: int, dimension: str | None) -> Numbers:
        try:
            return read_numbers(self.column(place), decimal=self.decimal, dimension=dimension)
        except CellError as error:
            where = f"{self.path}:{self.header[place]}"
            raise DataInvalid(
                f"column '{self.header[place]}' mixes units",
                where=where,
                why=f"it is not a {error.rule}",
                remedy="write the column in one unit",
            ) from None


def title_of(name: str) -> str:
    """Return a file's name without its endings: what ids are made of, whatever the format."""
    return re.sub(r"(\.(csv|tsv|txt|parquet|jsonl?|ndjson|gz))+$", "", name, flags=re.IGNORECASE)

"""Numbers as people and publishers write them: one cell, or a whole column at once."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from race_to_efficiency.cells.scales import SUFFIXES, UNITS, dimension_of, without_counted
from race_to_efficiency.cells.text import (
    ABOUT,
    FOOTNOTE,
    MISSING,
    MISSING_WORDS,
    CellError,
    text_of_cell,
    without_emphasis,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from race_to_efficiency.arrays import Floats

DecimalMark = Literal[".", ","]

PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
"""A number as a ledger holds it."""

_GROUPED = re.compile(r"[+-]?\d{1,3}((,\d{3})+|([ '’_]\d{3})+)(\.\d*)?([eE][+-]?\d+)?", re.ASCII)
"""Digits in threes: 1,234,567 or 1 234 567."""

_LISTED = re.compile(r"[\d.eE+-]+(\s*,\s*[\d.eE+-]+)+", re.ASCII)
_SIGNS_OF_TEX = ((r"\times", "×"), (r"\cdot", "×"), (r"\,", " "), ("~", " "), ("{", ""), ("}", ""))
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-")
_RAISED_TEN = re.compile(r"(?<=10)[⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_POWER_OF_TEN = re.compile(r"\s*[x×*·⋅]\s*10\s*(?:\^|\*\*)\s*([+-]?\d+)")
_ONE_POWER = re.compile(r"^([+-]?)10\s*(?:\^|\*\*)\s*([+-]?\d+)")
"""10^9, where no number stands before it."""

_FORTRAN = re.compile(r"(?<=[\d.])[dD](?=[+-]\d{1,3}$)")
"""The d of 1.5d+24, Fortran's e of a double."""

_ERROR = re.compile(r"\s*(?:±|\+/?-|\\pm)\s*[\d.,]+(?:[eE][+-]?\d+)?$")
"""An error stated after a number: 2.907 ± 0.003."""

_IN_BRACKETS = re.compile(r"([^()]*\d[^()]*?)\s*\(([^()]*\d[^()]*)\)")
"""Another number after the first: 7B (6.7B), or for a loss its error: 2.907 (0.003)."""

_LARGEST_ERROR = 0.1
_LEFT_OUT = {
    _ERROR: "errors stated after the numbers were left out",
    _IN_BRACKETS: "numbers in brackets after the numbers were left out",
    FOOTNOTE: "marks of footnotes were left out",
    ABOUT: "numbers said to be about right (~) were taken as they stand",
}
_WITH_UNIT = re.compile(r"([+-]?[\d.,'’_ ]*\d\.?(?:[eE][+-]?\d+)?)\s*([^\d\s.,].*)")
_SWAPPED = str.maketrans({",": ".", ".": ","})
_MINUS = str.maketrans({"−": "-", "‑": "-"})


class SeveralNumbersError(CellError):
    """A cell lists different numbers where there is room for one."""

    @property
    def said(self) -> str:
        """The finding in words."""
        return "several numbers, where there is room for one"


class CellNumber(NamedTuple):
    """A cell's number: `value` x `factor`, and the unit or suffix that asks for the factor (empty without one)."""

    value: float
    factor: float = 1.0
    unit: str = ""

    @property
    def scaled(self) -> float:
        """The number in base units, rounded once (1.4B is 1.4e9 exactly)."""
        return self.value if self.factor == 1.0 else float(Decimal(repr(self.value)) * Decimal(repr(self.factor)))


def number(text: str, *, decimal: DecimalMark = ".", dimension: str | None = "") -> CellNumber | None:
    r"""Return a cell's number; None for a cell that states none.

    Parameters
    ----------
    text : str
        ``1.979e15``, ``11,458``, ``1 234 567``, ``$11,458.00``, ``46 %``, ``=700``, ``1.4B``, ``300 W``, ``1.4D+09``,
        ``1.4×10⁹``, ``$1.4 \times 10^{9}$``, ``2.907 ± 0.003`` (the error is left out),
        ``**2.907**``, ``~7B``, ``7B*``.
    decimal : {'.', ','}
        Mark of the decimals; the other one groups thousands.
    dimension : str, optional
        Key of `UNITS`: units of it are read. The empty text: a count, whose suffixes are read. None: either.

    Raises
    ------
    SeveralNumbersError
        When it lists numbers that differ.
    CellError
        When the text is no finite number.
    """
    cleaned = without_emphasis(text_of_cell(text)).translate(_MINUS).removeprefix("=").strip().strip('"')
    if found := _IN_BRACKETS.fullmatch(cleaned):
        return _first(found[1], found[2], decimal, dimension)
    cleaned = ABOUT.sub("", FOOTNOTE.sub("", cleaned))
    cleaned = _without_tex(cleaned).removeprefix("$").replace("US$", "").strip()
    if cleaned.lower() in MISSING_WORDS:
        return None
    cleaned = _RAISED_TEN.sub(lambda power: "^" + power[0].translate(_RAISED), cleaned)
    cleaned = _POWER_OF_TEN.sub(r"e\1", cleaned.translate(_SWAPPED) if decimal == "," else cleaned)
    cleaned = _ONE_POWER.sub(r"\g<1>1e\2", cleaned)
    cleaned = _ERROR.sub("", _FORTRAN.sub("e", cleaned))
    factor, unit = 1.0, ""
    if cleaned.endswith("%"):
        cleaned, unit = cleaned.removesuffix("%").strip(), "%"
    elif not (PLAIN.fullmatch(cleaned) or _GROUPED.fullmatch(cleaned)) and (match := _WITH_UNIT.fullmatch(cleaned)):
        cleaned, unit = match[1].strip(), match[2].strip().rstrip(".,")
        factor = _factor(unit, dimension)
    value = _plain(cleaned, listed=decimal == ".")
    if unit == "%":
        return CellNumber(value / 100.0)
    return CellNumber(value, factor, unit)


def qualified(text: str) -> bool:
    """Return whether a cell says more than a number: that it is about right, a footnote, another one in brackets."""
    return any(mark.search(without_emphasis(text_of_cell(text))) for mark in (ABOUT, FOOTNOTE, _IN_BRACKETS))


def _first(text: str, bracketed: str, decimal: DecimalMark, dimension: str | None) -> CellNumber | None:
    """Return a number after which another stands in brackets: the same once more, or the error of a loss."""
    first = number(text, decimal=decimal, dimension=dimension)
    second = number(bracketed, decimal=decimal, dimension=dimension)
    if first is None or second is None:
        raise CellError("number")
    error = dimension == "loss" and abs(second.scaled) < _LARGEST_ERROR * abs(first.scaled)
    if not error and first.scaled != second.scaled:
        raise SeveralNumbersError("several numbers")
    return first


def _without_tex(text: str) -> str:
    """Return a formula of LaTeX as one writes it in a cell; any other text as it is."""
    if len(text) > 2 and text[0] == "$" and text.count("$") == 2:
        text = text.replace("$", "")
    elif "\\" not in text:
        return text
    for sign, plain in _SIGNS_OF_TEX:
        text = text.replace(sign, plain)
    return text.strip()


def _plain(text: str, *, listed: bool) -> float:
    """Return the number of a text without unit, its decimals after a point."""
    if _GROUPED.fullmatch(text):
        text = re.sub(r"[,'’_ ]", "", text)
    elif listed and _LISTED.fullmatch(text):
        text = _one_of(text)
    if not PLAIN.fullmatch(text):
        raise CellError("finite" if text.lower().lstrip("+-") in {"inf", "infinity"} else "number")
    value = float(text)
    if not math.isfinite(value):
        raise CellError("finite")
    return value


def _one_of(listed: str) -> str:
    """Return the one number a list repeats; joining its digits would invent another."""
    parts = {part.strip() for part in listed.split(",")}
    if len(parts) > 1:
        raise SeveralNumbersError("several numbers")
    return parts.pop()


def _factor(unit: str, dimension: str | None) -> float:
    word = unit.lower()
    if dimension:
        known = UNITS[dimension]
        if word not in known:
            raise CellError(f"number in {dimension}" if dimension_of(word) else "number")
        return known[word]
    counted = without_counted(word)
    if not counted:
        return 1.0
    if counted in SUFFIXES:
        return float(f"1e{SUFFIXES[counted]}")
    found = dimension_of(word) if dimension is None else ""
    if not found:
        raise CellError("number")
    return UNITS[found][word]


@dataclass(frozen=True)
class Numbers:
    """A column of numbers, read cell by cell.

    Parameters
    ----------
    value : (n,) float
        NaN where a cell states no number.
    problems : dict of int to str
        Position and rule of each cell that states none: `MISSING`, or what it is not.
    notes : tuple of str
        How the column was read where that was a choice.
    """

    value: Floats
    problems: dict[int, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def read_numbers(cells: NDArray[Any], *, decimal: DecimalMark = ".", dimension: str | None = "") -> Numbers:
    """Read a column of numbers; see `number` for what a cell may hold.

    Cells without a unit in a column whose other cells have one are problems: their scale is not known.

    Parameters
    ----------
    cells : (n,) object or float
        Texts, or numbers where the file holds numbers.
    decimal : {'.', ','}
    dimension : str, optional
    """
    if cells.dtype.kind in "fiu":
        return _typed(cells)
    value = _all_plain(cells) if decimal == "." else None
    if value is not None:
        return Numbers(value)
    value = np.full(len(cells), np.nan)
    problems: dict[int, str] = {}
    units: Counter[str] = Counter()
    bare: list[int] = []
    left_out: dict[str, None] = {}
    for place, text in enumerate(cells):
        try:
            found = number(text, decimal=decimal, dimension=dimension)
        except CellError as error:
            problems[place] = error.said
            continue
        if found is None:
            problems[place] = MISSING
            continue
        value[place] = found.scaled
        units[found.unit] += 1
        if not found.unit:
            bare.append(place)
        if not PLAIN.fullmatch(text):
            read = without_emphasis(text)
            left_out |= dict.fromkeys(said for mark, said in _LEFT_OUT.items() if mark.search(read))
    measured = {unit for unit in units if unit and unit.lower() not in SUFFIXES}
    if len({dimension_of(unit) for unit in measured}) > 1:
        counted = ", ".join(f"{count} in {unit}" for unit, count in units.most_common() if unit)
        raise CellError(f"column of one unit: {counted}")
    if any(_factor(unit, None) != 1 for unit in measured):
        value[bare] = np.nan
        problems |= dict.fromkeys(bare, "without a unit, where other cells have one")
        return Numbers(value, problems, (f"units in the cells were read: {', '.join(sorted(measured))}", *left_out))
    return Numbers(value, problems, (*_suffix_notes(units), *left_out))


def _suffix_notes(units: Counter[str]) -> tuple[str, ...]:
    """Say which suffixes were read."""
    units = Counter({unit: count for unit, count in units.items() if unit.lower() in SUFFIXES})
    powers = ", ".join(f"{unit} as 1e{SUFFIXES[unit.lower()]}" for unit in sorted(units) if unit)
    return (f"suffixes in the cells were read: {powers}",) if powers else ()


def _typed(cells: NDArray[Any]) -> Numbers:
    value = cells.astype(np.float64, copy=False)
    problems = dict.fromkeys(np.flatnonzero(np.isnan(value)).tolist(), MISSING)
    endless = np.flatnonzero(np.isinf(value))
    if len(endless):
        value = np.where(np.isinf(value), np.nan, value)
        problems |= dict.fromkeys(endless.tolist(), CellError("finite").said)
    return Numbers(value, problems)


def _all_plain(cells: NDArray[Any]) -> Floats | None:
    """Return the column at once where every cell is a plain number; None where one is not."""
    try:
        value = cells.astype(np.float64)
    except ValueError:
        return None
    everything = "".join(cells)
    # Python's float reads more than a cell may hold: digits of other scripts, 1_0, nan
    return value if everything.isascii() and "_" not in everything and np.isfinite(value).all() else None

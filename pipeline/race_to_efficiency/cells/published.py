"""What a publisher's cell becomes as ledger text: whole days and plain numbers, empty for what is not known."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from race_to_efficiency.cells.date_styles import Order, one_date, settled_order
from race_to_efficiency.cells.numbers import DecimalMark, number, qualified
from race_to_efficiency.cells.text import CellError, number_text, text_of_cell

if TYPE_CHECKING:
    from collections.abc import Iterable


def number_cell(
    text: str, *, dimension: str = "", factor: float = 1.0, divisor: float = 1.0, decimal: DecimalMark = "."
) -> str:
    """Return a published number as ledger text; empty for unknown, and for zero, which publishers write for unknown.

    Parameters
    ----------
    text : str
        See `cells.numbers.number`.
    dimension : str
        Units the cell may state; one it states stands in for the header's.
    factor, divisor : float
        The value times `factor` (the header's unit), then over `divisor`: two steps, so that bytes become the same GB
        everywhere.
    decimal : {'.', ','}

    Raises
    ------
    SeveralNumbersError, CellError
        As `cells.numbers.number`, where the product is not finite, and where the cell says more than a number.
    """
    if qualified(text):
        raise CellError("number")
    found = number(text, decimal=decimal, dimension=dimension)
    if found is None:
        return ""
    value = found.value * (found.factor if found.unit else factor) / divisor
    if not math.isfinite(value):
        raise CellError("finite")
    return number_text(value) if value else ""


def order_of(texts: Iterable[str]) -> Order:
    """Return which number of a publisher's numeric dates is the day: the month is first unless they say otherwise."""
    try:
        return settled_order(map(text_of_cell, texts)) or "month_first"
    except CellError:
        return "month_first"


def date_cell(text: str, order: Order = "month_first") -> str:
    """Return a published day as ISO text; empty for unknown.

    Parameters
    ----------
    text : str
        See `cells.date_styles.one_date`; years of two digits are read.
    order : {'day_first', 'month_first'}
        Of numeric dates; one that only makes sense the other way round is read so.

    Raises
    ------
    CellError
        When the text is no whole day.
    """
    try:
        found = one_date(text, order, short_years=True)
    except CellError:
        found = one_date(text, "day_first" if order == "month_first" else "month_first", short_years=True)
    if found is None:
        return ""
    if found[1] != "day":
        raise CellError("date with its day")
    return found[0].isoformat()

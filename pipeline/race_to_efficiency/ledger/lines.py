"""How a fact becomes ledger text and a ledger file becomes lines: shortest round-trip numbers, LF, minimal quotes."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from typing import TYPE_CHECKING, Any

from race_to_efficiency.cells.text import number_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from race_to_efficiency.ledger.metadata import Column

_GREEK = re.compile(r"^GREEK (?:CAPITAL|SMALL) LETTER (\w+)$")


def cell_text(column: Column, value: object) -> str:
    """Return a value as ledger text; None and NaN become the empty cell."""
    if value is None or value != value:  # noqa: PLR0124 - NaN is the one value unequal to itself
        return ""
    if column.kind == "flag":
        return "true" if value else "false"
    if column.kind == "count":
        return str(int(value))  # type: ignore[call-overload]
    if column.kind == "number":
        return number_text(value)  # type: ignore[arg-type]
    return str(value)


def csv_text(rows: Iterable[Iterable[str]]) -> str:
    """Return rows of cells as CSV text with LF line ends and quotes only where needed."""
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(rows)
    return stream.getvalue()


def slug(name: str) -> str:
    """Return a readable ASCII id made from a name: lower case, hyphens, ``+`` spelled out, Greek letters named."""
    spelled = []
    for character in name.replace("+", " plus "):
        greek = _GREEK.match(unicodedata.name(character, ""))
        letter = character if character.isascii() or character.isalnum() or unicodedata.combining(character) else " "
        spelled.append(f" {greek[1]} " if greek else letter)
    plain = unicodedata.normalize("NFKD", "".join(spelled)).encode("ascii", "ignore").decode("ascii")
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")


def ledger_value(kind: str, text: str) -> Any:
    """Return a ledger text as a JSON value: numbers as numbers, the empty text as null."""
    if not text:
        return None
    if kind == "number":
        return float(text)
    if kind == "count":
        return int(text)
    return text == "true" if kind == "flag" else text

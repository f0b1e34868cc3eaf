"""Further checks of kappa, as far as the fits wrote them: rows that matter, competing forms, extrapolation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.report.content import Fact, Label, Table, columns, say
from pipeline.report.inputs import Missing
from pipeline.report.numbers import slug
from pipeline.report.shown import name_in_words

if TYPE_CHECKING:
    from pipeline.report.content import Block, Rich
    from pipeline.report.page import Page

TABLES = (
    ("influence", "Rows that kappa hangs on: what leaving them out does"),
    ("forms", "Competing forms of the law, and which the data prefer"),
    ("extrapolation", "Fitted below a compute, tried above it"),
    ("frontier", "The efficient frontier: how it is taken, and what another way gives"),
)


def checks(page: Page) -> list[Block]:
    """Return every table of checks that the fits wrote."""
    document = page.inputs.document("kappa")
    found: list[Block] = [
        generic_table(page, f"kappa-{key}", caption, document[key], source=f"kappa.json: {key}")
        for key, caption in TABLES
        if document.get(key)
    ]
    if not found:
        raise Missing("kappa.json holds no further checks")
    return found


def generic_table(page: Page, table_id: str, caption: str, rows: list[dict[str, Any]], *, source: str) -> Table:
    """Return a table of flat records as it stands: numbers get ids, everything else is text."""
    keys = [key for key in rows[0] if any(plain(row.get(key)) for row in rows)]
    titles = [
        f"#{name_in_words(key)}" if any(is_number(row.get(key)) for row in rows) else name_in_words(key) for key in keys
    ]
    body = tuple(
        tuple(generic_cell(page, f"{table_id}.{index}.{key}", row.get(key), source) for key in keys)
        for index, row in enumerate(rows)
    )
    return Table(table_id, (Label(caption),), columns(*titles), body, folded=True)


def plain(value: Any) -> bool:
    """Tell whether a value can stand in a cell."""
    return isinstance(value, (str, int, float)) or (
        isinstance(value, list) and all(map(plain, value)) and len(value) < 8
    )


def is_number(value: Any) -> bool:
    """Tell whether a value is a number (a truth value is not)."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def generic_cell(page: Page, number_id: str, value: Any, source: str) -> Rich:
    """Return a value as a cell."""
    if is_number(value):
        return page.shown.cell(slug(number_id), value, "1", source=source)
    if isinstance(value, bool):
        return say("yes") if value else say("no")
    if isinstance(value, list):
        return (Fact("; ".join(str(item) for item in value) or "–"),)
    return (Fact("–" if value is None else name_in_words(str(value))),)

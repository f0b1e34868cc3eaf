"""The brief as lines for a terminal: what `race show headline` prints, none wider than eighty characters."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from race_to_efficiency.report import content as c
from race_to_efficiency.report.document import walk_blocks
from race_to_efficiency.report.words.plain import plain_text
from race_to_efficiency.visible import SCREEN_WIDTH

if TYPE_CHECKING:
    from collections.abc import Iterator

    from race_to_efficiency.report.document import Document
    from race_to_efficiency.report.numbers import NumberRegistry

MOST_LINES = 38
"""Lines that the parts may take: with the finding above and the foot below, a screen of forty."""

LEFT_OUT = ("fig-front", "brief-contest-table")
"""Blocks that say nothing without a drawing, or that the sentence before them sums up."""


def screen(document: Document, numbers: NumberRegistry) -> dict[str, Any]:
    """Return brief.json: the finding, the lines of the screen, and the numbers of the brief.

    Parameters
    ----------
    document : Document
    numbers : NumberRegistry

    Returns
    -------
    dict
        finding, data_note, lines, and numbers (id to value, unit, text, status).
    """
    lines: list[str] = []
    for part in document.brief:
        told = section_lines(part, numbers)
        lines += told if len(lines) + len(told) <= MOST_LINES else ()
    places = walk_blocks((document.finding, document.brief))
    ids = dict.fromkeys(item.id for item in places if isinstance(item, c.Num))
    shown = {name: numbers[name] for name in ids}
    return {
        "finding": plain_text(document.finding, numbers),
        "data_note": document.dateline_note,
        "lines": lines,
        "numbers": {
            name: {"value": item.value, "unit": item.unit, "text": item.text, "status": item.status}
            for name, item in shown.items()
        },
    }


def section_lines(part: c.Section, numbers: NumberRegistry) -> list[str]:
    """Return one part of the brief as wrapped lines, its title before the first, a card on a line of its own."""
    said = " ".join(text for block in part.blocks for text in block_texts(block, numbers))
    cards = [card for block in part.blocks if isinstance(block, c.Cards) for _, group in block.groups for card in group]
    own = [
        line for card in cards for line in textwrap.wrap(card_text(card, numbers), SCREEN_WIDTH, subsequent_indent="  ")
    ]
    title = f"{part.title.upper().rstrip('?')}: {said}"
    return [*own, *textwrap.wrap(title, SCREEN_WIDTH, subsequent_indent="  ")] if said else own


def block_texts(block: c.Block, numbers: NumberRegistry) -> Iterator[str]:
    """Yield the sentences of one block; of a figure and of a table, the rows."""
    if isinstance(block, c.Para) and block.kind != "note":
        yield plain_text(block.parts, numbers)
    elif isinstance(block, c.Bullets):
        yield from (plain_text(item, numbers) for item in block.items)
    elif isinstance(block, c.Callout):
        yield f"{block.title} {plain_text(block.parts, numbers)}"
    elif isinstance(block, c.ContentTable) and block.id not in LEFT_OUT:
        yield table_text(block, numbers)
    elif isinstance(block, c.Figure) and block.id not in LEFT_OUT:
        yield table_text(block.table, numbers)


def card_text(card: c.Card, numbers: NumberRegistry) -> str:
    """Return a card in one sentence."""
    grade = f", {card.badge.words}" if card.badge else ""
    ends = f" ({plain_text(card.lines[0], numbers)})" if card.lines else ""
    return f"{plain_text(card.name, numbers)}: {plain_text(card.value, numbers)}{ends}{grade}"


def table_text(table: c.ContentTable, numbers: NumberRegistry) -> str:
    """Return a table row by row, a cell behind its column's title."""
    titles = [column.title for column in table.columns][1:]
    rows = []
    for first, *cells in table.rows:
        said = ", ".join(
            f"{title} {plain_text(cell, numbers)}".strip() for title, cell in zip(titles, cells, strict=True)
        )
        rows.append(f"{plain_text(first, numbers)}: {said}")
    return f"{'; '.join(rows)}."

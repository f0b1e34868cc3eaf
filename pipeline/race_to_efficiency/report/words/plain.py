"""The content tree as plain data: what the typst template reads, with every text a string and no markup anywhere."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from race_to_efficiency.report import content as c

if TYPE_CHECKING:
    from collections.abc import Iterable

    from race_to_efficiency.report.document import Document
    from race_to_efficiency.report.numbers import NumberRegistry

LONG_WORD = re.compile(r"\S{24}")
ZERO_WIDTH_SPACE = "\u200b"
NARROWEST = 6
LONGEST_WORD = 15
WIDEST = {"text": 24, "number": 26, "long": 48}
"""Characters of a column on paper: fewer would not read, more is broken into lines."""

WIDTH_PT = re.compile(r'<svg[^>]* width="([\d.]+)pt"')
FULL_WIDTH_PT = 518.4
"""Width of a drawing that has the whole width of the paper, in points; a narrower one keeps its proportion."""

FOLDED_ROWS = 30
"""Folded tables longer than this stay on the screen: paper cannot fold."""


def plain_text(parts: c.Rich, numbers: NumberRegistry) -> str:
    """Return prose as one string."""
    return "".join(inline_text(part, numbers) for part in parts)


def inline_text(part: c.Inline, numbers: NumberRegistry) -> str:
    """Return one inline as a string."""
    if isinstance(part, c.Num):
        return numbers[part.id].text
    if isinstance(part, c.Badge):
        return part.words if part.short else f"({part.words})"
    return part.text


def inlines(parts: c.Rich, numbers: NumberRegistry) -> list[list[str]]:
    """Return prose as ``[kind, text]`` pairs; links carry their target third."""
    out = []
    for part in parts:
        if isinstance(part, c.Badge):
            out.append(["badge", part.words, part.confidence])
        elif isinstance(part, c.Link):
            out.append(["link", part.text, part.target])
        else:
            text = inline_text(part, numbers)
            out.append([type(part).__name__.lower(), breakable(text) if isinstance(part, c.Fact) else text])
    return out


def breakable(text: str) -> str:
    """Return text with a place to break after every 24 characters without a blank: a column stays in its page."""
    return LONG_WORD.sub(lambda match: match[0] + ZERO_WIDTH_SPACE, text)


def table_data(table: c.ContentTable, numbers: NumberRegistry) -> dict[str, Any]:
    """Return a table as strings."""
    return {
        "t": "table",
        "caption": inlines(table.caption, numbers),
        "columns": [column.title for column in table.columns],
        "kinds": [column.kind for column in table.columns],
        "widths": widths(table, numbers),
        "rows": [[inlines(cell, numbers) for cell in row] for row in table.rows],
        "note": inlines(table.note, numbers),
    }


def widths(table: c.ContentTable, numbers: NumberRegistry) -> list[int]:
    """Return each column's share of the paper's width: the characters of its widest cell, within reason."""
    found = []
    for index, column in enumerate(table.columns):
        cells = [plain_text(row[index], numbers) for row in table.rows]
        word = max(len(word) for text in (column.title, *cells) for word in text.split() or ("",))
        longest = min(max(map(len, cells), default=1), WIDEST[column.kind])
        found.append(max(NARROWEST, longest, min(word, LONGEST_WORD)))
    return found


def block_data(block: c.Block, numbers: NumberRegistry) -> dict[str, Any] | None:
    """Return a block as plain data; None for what has no place on paper."""
    found: dict[str, Any] | None = None
    if isinstance(block, c.Para):
        found = {"t": "para", "kind": block.kind, "parts": inlines(block.parts, numbers)}
    elif isinstance(block, c.Bullets):
        found = {"t": "bullets", "numbered": block.numbered, "items": [inlines(item, numbers) for item in block.items]}
    elif isinstance(block, c.ContentTable) and not (block.folded and len(block.rows) > FOLDED_ROWS):
        found = table_data(block, numbers)
    elif isinstance(block, c.Figure):
        stop = "" if block.title[-1] in "?!" else "."
        alt = f"{block.title}{stop} {block.short}"
        caption = inlines(block.caption, numbers)
        found = {"t": "figure", "title": block.title + stop, "alt": alt, "svg": block.svg, "caption": caption}
        found["share"] = share_of_width(block.svg)
    elif isinstance(block, c.Cards):
        found = {"t": "cards", "groups": [[title, cards_data(cards, numbers)] for title, cards in block.groups]}
    elif isinstance(block, c.Callout):
        found = {"t": "callout", "title": block.title, "parts": inlines(block.parts, numbers)}
    elif isinstance(block, c.Equation):
        found = {"t": "para", "kind": "text", "parts": inlines((c.Text(block.spoken),), numbers)}
    return found


def share_of_width(svg: str) -> float:
    """Return how much of the paper's width a drawing takes: all of it from the width of a wide figure on."""
    width = WIDTH_PT.search(svg)
    return 1.0 if width is None else min(1.0, round(float(width[1]) / FULL_WIDTH_PT, 3))


def cards_data(cards: Iterable[c.Card], numbers: NumberRegistry) -> list[dict[str, Any]]:
    """Return the cards of one reading as plain data."""
    return [
        {
            "name": inlines(card.name, numbers),
            "value": inlines(card.value, numbers),
            "lines": [inlines(line, numbers) for line in card.lines],
            "badge": [card.badge.words, card.badge.confidence] if card.badge else [],
        }
        for card in cards
    ]


def section_data(section: c.Section, numbers: NumberRegistry, level: int = 1) -> list[dict[str, Any]]:
    """Return a section and its subsections as a flat list of headings with their blocks."""
    blocks = [block_data(block, numbers) for block in section.blocks]
    own = {"level": level, "title": section.title, "blocks": [block for block in blocks if block is not None]}
    return [own, *(item for sub in section.subsections for item in section_data(sub, numbers, level + 1))]


def document_data(document: Document, numbers: NumberRegistry) -> dict[str, Any]:
    """Return the brief, which is what goes on paper, as plain data."""
    return {
        "title": document.title,
        "finding": plain_text(document.finding, numbers) or document.title,
        "quarter": document.quarter,
        "as_of": document.as_of,
        "note": document.dateline_note,
        "version": document.version,
        "cite": document.cite,
        "sections": [item for section in document.brief for item in section_data(section, numbers)],
    }

"""The report as Markdown, for pull requests and mail: the same numbers, tables and prose; drawings as links."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from race_to_efficiency.report import content as c
from race_to_efficiency.report.words.plain import FOLDED_ROWS, inline_text

if TYPE_CHECKING:
    from race_to_efficiency.report.document import Document
    from race_to_efficiency.report.numbers import NumberRegistry

SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~!$=])")


def escape(text: str) -> str:
    """Return text from elsewhere with everything Markdown or HTML could act on escaped, on one line."""
    return SPECIAL.sub(r"\\\1", re.sub(r"\s+", " ", text))


def rich(parts: c.Rich, numbers: NumberRegistry) -> str:
    """Return prose as Markdown."""
    out = []
    for part in parts:
        text = inline_text(part, numbers)
        if isinstance(part, c.Fact):
            out.append(escape(text))
        elif isinstance(part, c.Strong):
            out.append(f"**{text}**")
        elif isinstance(part, c.Code):
            out.append(f"`{text}`")
        elif isinstance(part, c.Link) and part.target.startswith("http"):
            out.append(f"[{escape(text)}](<{part.target.replace('>', '%3E')}>)")
        elif isinstance(part, c.Link):
            out.append(escape(text))
        else:
            out.append(text.replace("|", "\\|").replace("<", "&lt;"))
    return "".join(out)


def markdown_table(item: c.ContentTable, numbers: NumberRegistry) -> list[str]:
    """Return a table as Markdown lines."""
    lines = [f"**{rich(item.caption, numbers)}**", ""]
    lines.append("| " + " | ".join(column.title.replace("|", "\\|") for column in item.columns) + " |")
    lines.append("|" + "|".join("---:" if column.kind == "number" else "---" for column in item.columns) + "|")
    lines += ["| " + " | ".join(rich(cell, numbers) for cell in row) + " |" for row in item.rows]
    return [*lines, "", *([f"{rich(item.note, numbers)}", ""] if item.note else [])]


def block(item: c.Block, numbers: NumberRegistry) -> list[str]:
    """Return one block as Markdown lines."""
    lines: list[str] = []
    if isinstance(item, c.Para):
        lines = [rich(item.parts, numbers), ""]
    elif isinstance(item, c.Bullets):
        marks = [f"{index}." if item.numbered else "-" for index, _ in enumerate(item.items, 1)]
        lines = [*(f"{mark} {rich(entry, numbers)}" for mark, entry in zip(marks, item.items, strict=True)), ""]
    elif isinstance(item, c.ContentTable) and not (item.folded and len(item.rows) > FOLDED_ROWS):
        lines = markdown_table(item, numbers)
    elif isinstance(item, c.Figure):
        alt = f"{escape(item.title)}: {escape(item.short)}"
        lines = [f"![{alt}](figures/{item.id}.svg)", "", rich(item.caption, numbers), ""]
    elif isinstance(item, c.Cards):
        lines = [line for title, cards in item.groups for line in card_lines(title, cards, numbers)]
    elif isinstance(item, c.Callout):
        lines = [f"> **{item.title}** {rich(item.parts, numbers)}", ""]
    elif isinstance(item, c.Equation):
        lines = [f"> {item.spoken}", ""]
    return lines


def card_lines(title: str, cards: tuple[c.Card, ...], numbers: NumberRegistry) -> list[str]:
    """Return the cards of one reading as a list."""
    lines = [f"**{title}**", ""]
    for card in cards:
        grade = f" ({card.badge.words})" if card.badge else ""
        details = "".join(f"; {rich(line, numbers)}" for line in card.lines)
        lines.append(f"- {rich(card.name, numbers)}{grade}: **{rich(card.value, numbers)}**{details}")
    return [*lines, ""]


def render_markdown(document: Document, numbers: NumberRegistry) -> str:
    """Return the report as Markdown."""
    note = f" ({document.dateline_note})" if document.dateline_note else ""
    lines = [
        f"# {rich(document.finding, numbers) or document.title}",
        "",
        f"{document.title}, {document.quarter}. Data to {document.as_of}{note}",
        "",
    ]
    for section in (*document.brief, c.Section("annex", f"Annex. {document.subtitle}", ()), *document.sections):
        lines += [f"## {section.title}", ""]
        for item in section.blocks:
            lines += block(item, numbers)
        for sub in section.subsections:
            lines += [f"### {sub.title}", ""]
            for item in sub.blocks:
                lines += block(item, numbers)
    lines += ["---", "", document.cite]
    return "\n".join(lines).rstrip() + "\n"

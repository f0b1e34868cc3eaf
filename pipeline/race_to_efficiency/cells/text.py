"""Text as it stands in cells: blanks, a spreadsheet's wrapping, the words for a value nobody knows, ledger numbers."""

from __future__ import annotations

import re

MISSING = "missing"
"""Rule of a cell that states no value: left out and counted, not wrong."""

MISSING_WORDS = frozenset(
    {"", "-", "--", "–", "—", ".", "?", "na", "n/a", "#n/a", "<na>", "nan", "-nan", "nat", "none", "null", "nil"}
    | {"tba", "tbd", "unknown", "not available", "n.a.", "n.d.", "missing", "...", "…", "---"}
)
"""Lower-case texts that stand for an unknown number or date, in people's tables and publishers' alike."""

CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
"""Characters no cell of text may hold."""

ABOUT = re.compile(r"^(?:~|≈|∼|c\.|ca\.?|circa|about|approx\.?|approximately)\s*(?=[$.]?\d)", re.IGNORECASE)
"""Before a number or a year that is stated as about right."""

FOOTNOTE = re.compile(r"(?<=[\w.%)])\s*(?:[*†‡§¶]+|(?:\[\d{1,3}\])+)$")
"""What points to a footnote: 70M*, May 2020[12]."""

_EMPHASIS = re.compile(r"(?P<mark>\*{1,3}|__?|`|')(?P<text>[^*_`'].*?)(?P=mark)|[“„‘](?P<quoted>.+)[”“’]")
"""Marks of Markdown around a whole cell, or quotes that are no quotes of a table."""


class CellError(ValueError):
    """A cell's text is not what its column holds; ``rule`` names what it ought to be."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule

    @property
    def said(self) -> str:
        """The finding in words: what the cell is not."""
        return "not finite" if self.rule == "finite" else f"not a {self.rule}"


def tidy(text: str) -> str:
    """Return text with every run of blanks and line breaks as one blank, none at the ends."""
    return " ".join(text.split())


def text_of_cell(text: str) -> str:
    """Return a cell's text with blanks and line breaks tidied and a spreadsheet's ``="..."`` wrapping removed."""
    stripped = tidy(text)
    if len(stripped) > 2 and stripped.startswith('="') and stripped.endswith('"'):
        return tidy(stripped[2:-1].replace('""', '"'))
    return stripped


def without_emphasis(text: str) -> str:
    """Return a cell's text without the marks of Markdown, or quotes, around the whole of it: **2.91**, `7B`, '7B'."""
    while found := _EMPHASIS.fullmatch(text):
        text = (found["text"] or found["quoted"]).strip()
    return text


def is_missing(text: str) -> bool:
    """Return whether a cell states no value."""
    return text_of_cell(text).lower() in MISSING_WORDS


def number_text(value: float) -> str:
    """Return the shortest text that reads back as the same float64, without a trailing ``.0``."""
    return repr(float(value)).removesuffix(".0")

"""What a report is made of, before it becomes HTML, PDF or Markdown: sections, paragraphs, tables, figures, numbers.

Prose is written with `say`. A template may not contain a digit: a result enters as a `Num`, whose text stands in
numbers.json, and a numeral that is no result (a setting, a date, a name) enters as a `Label` or is written ``[[so]]``.
So no number in the report can have been typed by hand.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from race_to_efficiency.calibration.common.grades import GRADES
from race_to_efficiency.report.cleaned_text import clean

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Wording:
    """What is a text alone; each kind is shown in its own way."""

    text: str


class Text(Wording):
    """Words of our own."""


@dataclass(frozen=True)
class Num:
    """A result: the id of an entry of numbers.json."""

    id: str


class Label(Wording):
    """A setting, date, symbol or name of ours that may hold digits and is no result."""


@dataclass(frozen=True)
class Fact(Wording):
    """Text that came out of a ledger, written by others: always shown as text, never as markup (see `clean`)."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", clean(self.text))


class Strong(Wording):
    """Words with weight."""


class Code(Wording):
    """A command, a file or an identifier."""


@dataclass(frozen=True)
class Link:
    """A link inside the document (``#id``) or to a cited source."""

    text: str
    target: str


@dataclass(frozen=True)
class Badge:
    """The grade of an estimate or a forecast, with the reasons in words; ``short`` in a column that says what it is.

    ``record`` is the link to how settled forecasts of that grade did, where there is such a record.
    """

    confidence: str
    reasons: tuple[str, ...] = ()
    short: bool = False
    record: str = ""

    @property
    def words(self) -> str:
        """The grade in words: ``low confidence``, in a column ``low``; what is refused is said so."""
        return f"{self.confidence} confidence" if self.confidence in GRADES and not self.short else self.confidence


Inline = Text | Num | Label | Fact | Strong | Code | Link | Badge
Rich = tuple[Inline, ...]
Part = Inline | Rich

Kind = Literal["text", "lead", "note"]
"""What a paragraph is."""


@dataclass(frozen=True)
class Para:
    """A paragraph."""

    parts: Rich
    kind: Kind = "text"

    @classmethod
    def of(cls, template: str, kind: Kind = "text", /, **parts: Part | str) -> Para:
        """Return what `say` makes of a template and its parts as a paragraph."""
        return cls(say(template, **parts), kind)


@dataclass(frozen=True)
class Bullets:
    """A list; numbered where the order matters."""

    items: tuple[Rich, ...]
    numbered: bool = False


@dataclass(frozen=True)
class TableColumn:
    """A table column; figures are set flush right, long prose gets more room."""

    title: str
    kind: Literal["text", "number", "long"] = "text"


def table_columns(*titles: str) -> tuple[TableColumn, ...]:
    """Return table columns; ``#`` before a title makes a column of numbers, ``~`` one of long prose."""
    kinds: dict[str, Literal["number", "long"]] = {"#": "number", "~": "long"}
    return tuple(TableColumn(title.lstrip("#~"), kinds.get(title[:1], "text")) for title in titles)


@dataclass(frozen=True)
class ContentTable:
    """A table with a caption; the first cell of each row is its heading. ``folded`` tables open on request."""

    id: str
    caption: Rich
    columns: tuple[TableColumn, ...]
    rows: tuple[tuple[Rich, ...], ...]
    note: Rich = ()
    folded: bool = False

    @classmethod
    def of(
        cls,
        table_id: str,
        caption: str | Rich,
        titles: Sequence[str],
        rows: Iterable[tuple[Rich, ...]],
        note: str | Rich = (),
        *,
        folded: bool = False,
    ) -> ContentTable:
        """Return a table; a plain caption or note is a template of `say`, titles are read by `table_columns`."""
        words, below = (say(text) if isinstance(text, str) else text for text in (caption, note))
        return cls(table_id, words, table_columns(*titles), tuple(rows), below, folded)


FigureData = tuple[str | Rich, Sequence[str], Iterable[tuple[Rich, ...]]]
"""What a figure shows: of what (a caption of its own, or what stands behind "Data of the figure"), columns, rows."""


def data_table(table_id: str, data: FigureData) -> ContentTable:
    """Return the table of what a figure shows."""
    of, titles, rows = data
    caption = f"Data of the figure{f': {of}' if of else ''}" if isinstance(of, str) else of
    return ContentTable.of(table_id, caption, titles, rows)


@dataclass(frozen=True)
class Figure:
    """A drawing with a title, a short and a long description, and the table of what it shows.

    ``narrow`` is the same drawn for a telephone, where the wide one would have to be cropped.
    """

    id: str
    title: str
    short: str
    svg: str
    caption: Rich
    long: Rich
    table: ContentTable
    narrow: str = ""


@dataclass(frozen=True)
class Card:
    """One of the headline's figures: a name, a value with its intervals, a grade."""

    name: Rich
    value: Rich
    lines: tuple[Rich, ...]
    badge: Badge | None = None


@dataclass(frozen=True)
class Cards:
    """Cards side by side under one heading each."""

    groups: tuple[tuple[str, tuple[Card, ...]], ...]


@dataclass(frozen=True)
class Callout:
    """A paragraph set apart: a warning, or what is missing."""

    title: str
    parts: Rich
    kind: Literal["warning", "missing"] = "warning"


@dataclass(frozen=True)
class Equation:
    """A displayed equation in MathML, and the sentence that says it where there is none or nobody sees it."""

    mathml: str
    spoken: str


@dataclass(frozen=True)
class Explorer:
    """The place of the interactive chart; renderers without scripts leave it out."""

    payload: Mapping[str, object]


Block = Para | Bullets | ContentTable | Figure | Cards | Callout | Equation | Explorer


@dataclass(frozen=True)
class Section:
    """A section; one level of subsections."""

    id: str
    title: str
    blocks: tuple[Block, ...]
    subsections: tuple[Section, ...] = ()


MARKUP = re.compile(r"\[\[(.+?)\]\]|\*\*(.+?)\*\*|`(.+?)`|\{(\w+)\}")


def say(template: str, **parts: Part | str) -> Rich:
    """Return prose with its parts in place.

    Parameters
    ----------
    template : str
        Our own words: ``{name}`` takes a part, ``[[label]]`` a `Label`, ``**so**`` a `Strong`, backquotes a `Code`.
    **parts : Inline, tuple of Inline, or str
        A plain string is text from data: it becomes a `Fact` and is never read as markup.

    Raises
    ------
    ValueError
        When the template holds a digit outside a part or label (a number typed by hand), or a part is missing.
    """
    out: list[Inline] = []
    position = 0
    for match in MARKUP.finditer(template):
        out += text_list(template[position : match.start()], template)
        position = match.end()
        label, strong, code, name = match.groups()
        if label is not None:
            out.append(Label(label))
        elif strong is not None:
            out.append(Strong(without_digits(strong, template)))
        elif code is not None:
            out.append(Code(code))
        else:
            if name not in parts:
                raise ValueError(f"template {template!r} wants a part called {name!r}, got {sorted(parts)}")
            out += flatten(parts[name])
    return (*out, *text_list(template[position:], template))


def text_list(text: str, template: str) -> list[Inline]:
    """Return words of our own as a list of at most one `Text`."""
    return [Text(without_digits(text, template))] if text else []


def without_digits(text: str, template: str) -> str:
    """Return ``text`` unchanged; raise when a number was typed into it."""
    if re.search(r"\d", text):
        raise ValueError(f"a number is typed by hand in {template!r}: give a Num, or mark it as a [[label]]")
    return text


def flatten(part: Part | str) -> Rich:
    """Return a part as a tuple of inlines; a plain string is text from data."""
    if isinstance(part, str):
        return (Fact(part),)
    return part if isinstance(part, tuple) else (part,)


def join(parts: Iterable[Part | str], separator: str = ", ") -> Rich:
    """Return parts one after another with a separator between them."""
    out: list[Inline] = []
    for index, part in enumerate(parts):
        out += (Text(separator), *flatten(part)) if index else flatten(part)
    return tuple(out)

"""What a text names: an option to who types a command, an argument to who calls the function behind it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


@dataclass(frozen=True)
class Option:
    """An option of a command, which is an argument of the function behind it.

    Parameters
    ----------
    name : str
        Of the argument.
    value : str, optional
    key : str, optional
        Of a mapping, which a command takes a pair at a time.
    """

    name: str
    value: str | None = None
    key: str | None = None

    def typed(self) -> str:
        """Return ``--column loss=bpb``, in quotes where a shell wants them."""
        option = "--" + {"columns": "column", "forms": "form"}.get(self.name, self.name).replace("_", "-")
        if self.value is None:
            return option
        given = self.value if self.key is None else f"{self.key}={self.value}"
        safe = given.replace("'", """'"'"'""")
        return f"{option} '{safe}'" if re.search(r"[^\w=.:-]", given) else f"{option} {given}"

    def passed(self) -> str:
        """Return ``columns={'loss': 'bpb'}``."""
        value = self.value if self.key is None else {self.key: self.value}
        return self.name if self.value is None else f"{self.name}={value!r}"


class Words(str):
    """A text and the options it names: as a str, what a command says; options side by side are set apart.

    Parameters
    ----------
    *parts : str, Words or Option
    """

    __slots__ = ("parts",)
    parts: tuple[str | Option, ...]

    def __new__(cls, *parts: str | Option) -> Self:
        """Return the text with options in it."""
        pieces = tuple(piece for part in parts for piece in (part.parts if isinstance(part, Words) else (part,)))
        made = super().__new__(cls, _spelt(pieces, Option.typed, " "))
        made.parts = pieces
        return made

    @classmethod
    def joined(cls, between: str, texts: Iterable[str]) -> Self:
        """Return several texts with a word between each two."""
        return cls(*[part for text in texts for part in (between, text)][1:])

    def for_callers(self) -> str:
        """Return the text with arguments in it."""
        return _spelt(self.parts, Option.passed, ", ")


def _spelt(parts: tuple[str | Option, ...], spell: Callable[[Option], str], between: str) -> str:
    text = ""
    for before, part in zip(("", *parts), parts, strict=False):
        if isinstance(part, str):
            text += part
        else:
            text += (between if isinstance(before, Option) else "") + spell(part)
    return text

"""The report as a whole, and a walk through what it is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from race_to_efficiency.report.content import Rich, Section


@dataclass(frozen=True)
class Document:
    """The report as a whole: a finding as its title, the brief, and the annex behind it."""

    title: str
    subtitle: str
    quarter: str
    as_of: str
    version: str
    cite: str
    sections: tuple[Section, ...]
    dateline_note: str = ""
    finding: Rich = ()
    brief: tuple[Section, ...] = ()


def walk_blocks(blocks: Iterable[object]) -> Iterable[object]:
    """Yield every record of a content tree: sections, blocks, inlines, in reading order."""
    for item in blocks:
        if isinstance(item, (tuple, list)):
            yield from walk_blocks(item)
        elif hasattr(item, "__dataclass_fields__"):
            yield item
            yield from walk_blocks(getattr(item, name) for name in item.__dataclass_fields__)

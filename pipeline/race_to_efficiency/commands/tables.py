"""How numbers, intervals and states are written in tables on the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

STATUS_STYLE = {"trusted": "green", "weak": "yellow", "refused": "red"}


def number_text(value: float | None, digits: int = 4) -> str:
    """Return a number with ``digits`` significant digits; a dash for none."""
    return "-" if value is None else f"{value:.{digits}g}"


def interval_text(intervals: Sequence[dict[str, Any]], level: float) -> str:
    """Return the first interval at ``level`` as ``[low, high] method``; an open end is written as such."""
    for item in intervals:
        if item["level"] == level:
            low = "open" if item["low"] is None else number_text(item["low"])
            high = "open" if item["high"] is None else number_text(item["high"])
            return f"\\[{low}, {high}] {item['method']}"
    return "-"


def status_text(status: str) -> str:
    """Return a state with its colour (the word itself always stands: colour is never the only sign)."""
    style = STATUS_STYLE.get(status)
    return f"[{style}]{status}[/{style}]" if style else status


def table_of(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Table:
    """Return a rich table of plain cells."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for name in columns:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(escape(str(cell)) for cell in row))
    return table

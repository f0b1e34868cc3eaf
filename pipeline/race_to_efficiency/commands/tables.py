"""How numbers and intervals are written in tables on the screen."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


def digits_text(value: float | None, digits: int = 4) -> str:
    """Return a number with ``digits`` significant digits; a dash for none."""
    return "-" if value is None else f"{value:.{digits}g}"


def interval_text(intervals: Sequence[dict[str, Any]], level: float) -> str:
    """Return the first interval at ``level`` as ``[low, high] method``."""
    for item in intervals:
        if item["level"] == level:
            return f"[{end_text(item['low'])}, {end_text(item['high'])}] {item['method']}"
    return "-"


def end_text(value: float | None) -> str:
    """Return an end of an interval: *open* where it does not close, *never* for a time that does not come."""
    if value is None:
        return "open"
    return digits_text(value) if math.isfinite(value) else "never"


def estimate_cells(item: dict[str, Any]) -> tuple[str, str]:
    """Return an estimate's value and 95 % interval; of a refused one the word alone: JSON holds what was computed."""
    if item["status"] == "refused" or item["value"] is None:
        return "refused", "-"
    found = interval_text(item["intervals"], 0.95)
    return digits_text(item["value"]), found.rpartition(" ")[0] or found

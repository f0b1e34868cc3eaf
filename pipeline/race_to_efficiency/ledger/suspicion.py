"""Changes that look like slips: flagged for a person, never refused and never mended in silence."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from race_to_efficiency.ledger.history import Version
    from race_to_efficiency.ledger.metadata import Table

THROUGHPUTS = (
    "fp64_flop_s", "fp32_flop_s", "tf32_tensor_flop_s", "fp16_flop_s", "fp16_tensor_flop_s", "fp8_flop_s",
    "fp4_flop_s", "int16_op_s", "int8_op_s", "int4_op_s",
)  # fmt: skip
FRONTIER_MULTIPLE = 3.0
"""How far above the best chip known a chip's operations per joule are not believed unseen."""

MASS_WITHDRAWAL = 0.2
"""Share of a publisher's rows beyond which a withdrawal must be asked for: a cut export looks like one."""

_SLIPS = (3, 6, 9, 12)


def change_flag(column: str, old: str, new: str) -> dict[str, Any] | None:
    """Return why a change of a number looks like a slip, or None.

    Parameters
    ----------
    column : str
    old, new : str
        Ledger texts; an empty one is no change of a number.
    """
    if not old or not new or old == new:
        return None
    before, after = float(old), float(new)
    if before <= 0 or after <= 0:
        return None
    decades, doublings = math.log10(after / before), math.log2(after / before)
    base = {"column": column, "old": before, "new": after, "factor": after / before}
    if abs(round(decades)) in _SLIPS and abs(decades - round(decades)) < 0.02:
        return {"kind": "unit_slip", **base, "why": f"a factor near 10^{round(decades)}: another unit?"}
    if 1 <= abs(round(doublings)) <= 6 and abs(doublings - round(doublings)) < 0.05:
        why = f"a factor near 2^{round(doublings)}: sparse for dense, or a board for a chip?"
        return {"kind": "power_of_two", **base, "why": why}
    return None


def date_flag(cells: Mapping[str, str], recorded: str) -> dict[str, Any] | None:
    """Return a flag when a row is released after the day it was recorded."""
    released = cells.get("released", "")
    if not released or released <= recorded:
        return None
    why = "released after the day of recording: announced, or a slip?"
    return {"kind": "date_after_recorded", "column": "released", "new": released, "why": why}


def frontiers(versions: Iterable[Version]) -> dict[str, float]:
    """Return the best operations per joule of TDP by throughput column."""
    best: dict[str, float] = {}
    for version in versions:
        for column, value in efficiencies(version.cells).items():
            best[column] = max(best.get(column, 0.0), value)
    return best


def efficiencies(cells: Mapping[str, str]) -> dict[str, float]:
    """Return a chip's operations per joule of TDP by throughput column."""
    if not cells.get("tdp_w"):
        return {}
    power = float(cells["tdp_w"])
    return {column: float(cells[column]) / power for column in THROUGHPUTS if cells.get(column)}


def efficiency_flags(cells: Mapping[str, str], frontier: Mapping[str, float]) -> list[dict[str, Any]]:
    """Return a flag for each throughput that lies far above the best known chip's, per joule."""
    flags = []
    for column, value in efficiencies(cells).items():
        best = frontier.get(column)
        if best and value > FRONTIER_MULTIPLE * best:
            why = f"{value / best:.1f} times the best chip known"
            flags.append({"kind": "above_frontier", "column": column, "new": value, "frontier": best, "why": why})
    return flags


def row_flags(
    table: Table, before: Version | None, cells: Mapping[str, str], frontier: Mapping[str, float]
) -> list[dict[str, Any]]:
    """Return everything suspicious about one new or changed row."""
    flags: list[dict[str, Any]] = []
    old = before.cells if before else {}
    changed = {column.name for column in table.facts if cells.get(column.name, "") != old.get(column.name, "")}
    if before:
        moved = (change_flag(c.name, old[c.name], cells[c.name]) for c in table.facts if c.numeric)
        flags += [flag for flag in moved if flag]
    if "released" in changed and (flag := date_flag(cells, cells["recorded"])):
        flags.append(flag)
    if table.name == "accelerators":
        touched = changed & {"tdp_w", *THROUGHPUTS}
        above = efficiency_flags(cells, frontier) if touched else []
        flags += [flag for flag in above if "tdp_w" in touched or flag["column"] in touched]
    return flags

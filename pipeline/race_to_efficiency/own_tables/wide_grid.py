"""Wide grids of losses: sizes down the side, budgets or tokens along the top; each cell that holds a loss is a run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.cells.numbers import number
from race_to_efficiency.cells.run_columns import SPELLINGS, find_figures, key
from race_to_efficiency.cells.table import Table
from race_to_efficiency.cells.text import MISSING_WORDS, CellError

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAST_BUDGET = 1e15
"""FLOP: numbers along the top from here on are training compute, smaller ones count tokens or parameters."""

LEAST_COLUMNS = 3

_SIGNS = re.compile("[=@:]")
"""One of these may stand between a word and a number along the top: C=1e18, loss@20B."""

_AFTER_LOSS = re.compile(r"(.*?[A-Za-z])[_ -]+(\d\S*)")
"""loss_20B, val_loss 1e19: a loss and where it was taken."""


def lengthened(table: Table) -> Table:
    """Return one row a run of a wide grid; any other table as it is.

    A grid has one column that is params, tokens or compute by its name, and at least three whose names are numbers.

    Parameters
    ----------
    table : Table
    """
    tops = {name: value for name in table.header if (value := _number(name))}
    side = find_figures([name for name in table.header if name not in tops]).columns
    if len(tops) < LEAST_COLUMNS or len(side) != 1 or "loss" in side or len(set(tops.values())) < len(tops):
        return table
    ((down, column),) = side.items()
    along = _along(down, min(tops.values()))
    places = [table.place(name) for name in tops]
    cells = np.stack([table.texts_at(place) for place in places if place is not None], axis=1)
    rows, columns = np.nonzero(~np.isin(np.char.lower(cells.astype(str)), [*MISSING_WORDS, ""]))
    names = list(tops)
    held: dict[str, NDArray[Any]] = {
        "run": np.array(
            [f"line {table.line[i]}, {names[k]}" for i, k in zip(rows, columns, strict=True)], dtype=object
        ),
        down: table.numbers(column).value[rows],
        along: np.array(list(tops.values()))[columns],
        "loss": cells[rows, columns],
    }
    words = f"a grid of {len(table)} rows and {len(tops)} columns: each cell is the loss of a run of {down} (side) and"
    return Table(
        table.path,
        tuple(held),
        table.line[rows],
        list(held.values()).__getitem__,
        table.unread,
        table.decimal,
        (*table.notes, f"{words} {along} (top)"),
        table.header_line,
        table.ended,
    )


def _number(name: str) -> float | None:
    """Return the number a column's name is: 1e18, 3.2B, 6e18 FLOP."""
    *before, text = _SIGNS.split(name)
    if not before and (found := _AFTER_LOSS.fullmatch(name)) and key(found[1]) in SPELLINGS["loss"]:
        text = found[2]
    words = "".join("".join(before).replace("_", " ").split())
    if before and not (words.isalnum() and words[0].isalpha()):
        return None
    try:
        at = number(text, dimension=None)
    except CellError:
        return None
    return at.scaled if at is not None and at.scaled > 0 else None


def _along(down: str, least: float) -> str:
    """Return the figure along the top of a grid."""
    if least >= LEAST_BUDGET and down != "compute_flop":
        return "compute_flop"
    return "params" if down in ("tokens", "compute_flop") else "tokens"

"""How a tracker says each run ended (Weights & Biases' column State): runs that are not finished leave a fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.cells.run_columns import key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from race_to_efficiency.cells.table import Table

FINISHED = "finished"
STATES = frozenset({FINISHED, "running", "crashed", "failed", "killed", "pending", "preempting", "preempted"})
"""Words of Weights & Biases for the state of a run; a column that holds any other word says something else."""


def not_finished(table: Table, asked: Sequence[str]) -> dict[int, str]:
    """Return the lines of runs that crashed, are still running, or ended otherwise before their end, with the reason.

    Parameters
    ----------
    table : Table
    asked : sequence of str
        What `--exclude` and `--where` take: one that speaks of the column decides in place of this.
    """
    for place, name in enumerate(table.header):
        if key(name) != "state" or any(name in text for text in asked):
            continue
        cells = table.column(place)
        if cells.dtype != object:
            continue
        words = np.array([cell.lower() for cell in cells.tolist()], dtype=object)
        if not {*words.tolist()} - {""} <= STATES:
            continue
        unfinished = ~np.isin(words.astype(str), ["", FINISHED])
        return {
            int(line): f"{name} is {word}" for line, word in zip(table.line[unfinished], words[unfinished], strict=True)
        }
    return {}

"""A run counts once, whoever publishes it and under whatever name: repeated runs, and one row split into several."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from race_to_efficiency.ledger.duplicates import find_duplicates

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from race_to_efficiency.ledger.import_records import ProposedCluster

    Cells = Mapping[str, str]

SAME_RUN = {"training_runs": ("params", "tokens", "loss_nats")}
"""Figures that tell a run, by table: rows in which all agree are one run."""

SAME_TRAINING = {"notable_training_runs": ("compute_flop", "hours")}
"""Figures that the parts of a split row share."""


class Repeat(NamedTuple):
    """A run that another row of a ledger is already: its id and who states it."""

    row_id: str
    source_id: str


def repeated_runs(table: str, key: str, held: Iterable[Cells], new: Mapping[int, Cells]) -> dict[int, Repeat]:
    """Return the new rows that repeat a run of the ledger or an earlier row of their own delivery.

    Parameters
    ----------
    table, key : str
        Ledger and its column of ids.
    held : iterable of mapping
        Rows in force, of every source.
    new : mapping of int to mapping
        Line -> the cells of a row that is new to the ledger.
    """
    names = SAME_RUN.get(table)
    lines = list(new)
    if names is None or not lines:
        return {}
    rows = [*held, *(new[line] for line in lines)]
    first = len(rows) - len(lines)
    figures = np.array([[float(row[name] or "nan") for name in names] for row in rows])
    known = np.flatnonzero(np.isfinite(figures).all(axis=1))
    found = {}
    for pair in find_duplicates(*figures[known].T):
        row, other = int(known[pair.row]), rows[int(known[pair.first])]
        if row >= first:
            found[lines[row - first]] = Repeat(other[key], other["source_id"])
    return found


def split_rows(table: str, key: str, gone: Iterable[Cells], new: Sequence[Cells]) -> list[ProposedCluster]:
    """Return the rows that a publisher seems to have split: new ones of equal compute and hours, their parent gone.

    Parameters
    ----------
    table, key : str
        Ledger and its column of ids.
    gone : iterable of mapping
        Rows that a delivery withdraws.
    new : sequence of mapping
        Rows that it adds.

    Returns
    -------
    list of dict
        parent, rows (ids) and evidence: a cluster each, for a person to settle.
    """
    names = SAME_TRAINING.get(table)
    if names is None:
        return []
    found: list[ProposedCluster] = []
    for parent in gone:
        figures = [parent[name] for name in names]
        parts = [row[key] for row in new if all(figures) and [row[name] for name in names] == figures]
        if len(parts) > 1:
            told = ", ".join(f"{name} {text}" for name, text in zip(names, figures, strict=True))
            evidence = f"{parent[key]} is gone, and {len(parts)} new rows have its {told}: one training run"
            found.append({"parent": parent[key], "rows": parts, "evidence": evidence})
    return found

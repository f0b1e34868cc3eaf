"""What forms beside the three need of a table: unique tokens or epochs, active and total parameters, weights."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.cells.run_columns import find_further
from race_to_efficiency.errors import DataInvalid, UsageError
from race_to_efficiency.named_options import Option, Words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.cells.table import Table
    from race_to_efficiency.own_tables.run_table import RunTable

WEIGHT = "weight"

_FLAGS = "run_flags"
"""A ledger's column of flags, some with a value: ``unique_tokens=1e+08``."""

_WANTED = {
    "unique_tokens": "the repeated form needs each run's unique tokens: add a column unique_tokens, or epochs",
    "total_params": "the moe form needs each run's total parameters beside the active ones: add a column total_params",
}

_PASSES = 1.5
"""Epochs above which tokens were seen again; at up to some four they are worth as much as fresh ones (Muennighoff)."""


def further_columns(
    table: Table, more: Sequence[str], given: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """Return where the further figures stand, and the columns that remain for params, tokens, compute and loss.

    Parameters
    ----------
    table : Table
    more : sequence of str
        Of unique_tokens and total_params.
    given : mapping of str to str
        Figure -> column, where the user names it.

    Raises
    ------
    DataInvalid
        When the table has no such column.
    UsageError
        When a column is named that nothing asked for needs.
    """
    header, rest = table.header, dict(given)
    found: dict[str, str] = {}
    for figure in more:
        epochs = find_further(header, "epochs") if figure == "unique_tokens" and "tokens" in header else None
        flagged = _FLAGS in header and any(f"{figure}=" in text for text in table.texts(_FLAGS).tolist())
        named = rest.pop(figure, None) or find_further(header, figure)
        place = named or (_FLAGS if flagged else epochs and f"tokens/{epochs}")
        if place is None:
            why = f"columns found: {', '.join(header)}"
            raise DataInvalid(f"{table.name} has no {figure}", where=str(table.path), why=why, remedy=_WANTED[figure])
        found[figure] = place
    unused = sorted(set(rest) & set(_WANTED))
    if unused:
        idle = Option("columns", "...", unused[0])
        raise UsageError(Words(idle, " is of no use"), why="no form asked for needs it")
    active = find_further(header, "active_params") if "total_params" in more else None
    if active is not None:
        rest.setdefault("params", active)
    return found, rest


def with_further(runs: RunTable, table: Table, found: Mapping[str, str]) -> RunTable:
    """Return the runs with their further figures; a run that lacks one is left out, with the reason."""
    for figure, expression in found.items():
        flags = expression == _FLAGS and figure != WEIGHT
        value = _flagged(table, figure) if flags else table.numbers(expression).value
        own = value[np.searchsorted(table.line, runs.lines)]
        with np.errstate(invalid="ignore"):
            good = np.isfinite(own) & (own > 0)
        if not good.any():
            raise DataInvalid(f"no run has a {figure} above 0", where=str(table.path), why=f"read from {expression}")
        runs = replace(runs, quantities={**runs.quantities, figure: own}).noting(f"{figure} from {expression}")
        runs = runs.without(~good, [f"no {figure} above 0"] * int((~good).sum()))
    return runs


def repetitions_noted(runs: RunTable, table: Table) -> RunTable:
    """Return the runs with a note where a column of epochs says that tokens were seen several times."""
    column = find_further(table.header, "epochs")
    if column is None or "unique_tokens" in runs.quantities:
        return runs
    passes = table.numbers(column).value[np.searchsorted(table.line, runs.lines)]
    several = passes > _PASSES
    if not several.any():
        return runs
    said = f"{int(several.sum())} of {len(runs)} runs saw tokens several times (column '{column}', up to"
    return runs.noting(f"{said} {passes[several].max():g}): the form repeated counts that, the others do not")


def _flagged(table: Table, figure: str) -> Floats:
    """Return the values that a ledger's flags state, NaN where they do not."""
    pattern = re.compile(rf"\b{figure}=([0-9.eE+]+)")
    matches = [pattern.search(text) for text in table.texts(_FLAGS).tolist()]
    return np.array([float(match[1]) if match else np.nan for match in matches])

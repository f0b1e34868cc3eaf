"""Training runs from an analyst's own file: which column is which, the rows that can be used, losses in nats."""

from __future__ import annotations

import math
import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency.cells.files import opened
from race_to_efficiency.cells.run_columns import find_figures, suggestions, unit_a_byte
from race_to_efficiency.cells.run_figures import MOST_VALUE, SCALES, SEVERAL, implied_compute, read_figures
from race_to_efficiency.errors import DataInvalid, UsageError
from race_to_efficiency.named_options import Option, Words
from race_to_efficiency.own_tables.chart_header import chart_header
from race_to_efficiency.own_tables.column_hints import hints, sizes_in_names
from race_to_efficiency.own_tables.further_columns import WEIGHT, further_columns, repetitions_noted, with_further
from race_to_efficiency.own_tables.run_ends import not_finished
from race_to_efficiency.own_tables.run_table import LineNames, RunTable, Texts
from race_to_efficiency.own_tables.selection import selected_rows
from race_to_efficiency.own_tables.wide_grid import lengthened

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from race_to_efficiency.cells.run_columns import FoundColumns
    from race_to_efficiency.cells.run_figures import Figures
    from race_to_efficiency.cells.table import Table

NAME_COLUMNS = ("run_id", "run", "name", "id", "Name", "ID")
MOST_NAMES = 100_000
"""Rows up to which runs go by their own names."""

LOSS_UNITS = {
    "nats": MOST_VALUE["loss"],
    "bits": MOST_VALUE["loss"] / math.log(2.0),
    "perplexity": math.exp(MOST_VALUE["loss"]),
}
"""Units of the loss a token, and the largest value of each."""


def read_runs(
    source: Path | Table,
    *,
    columns: Mapping[str, str],
    loss_unit: str,
    exclude: Sequence[str] = (),
    where: Sequence[str] = (),
    more: Sequence[str] = (),
    weight: str | None = None,
) -> RunTable:
    """Read a table of training runs.

    Parameters
    ----------
    source : Path or Table
        A file (see `cells.files.open_table`), or a table that is open.
    columns : mapping of str to str
        Quantity -> the file's own name for it, where it differs; a factor may follow: ``params_M*1e6``.
    loss_unit : {'nats', 'bits', 'perplexity'}
        Unit of the loss column, a token; converted to nats.
    exclude, where : sequence of str
        Expressions or flags; a row any of `exclude`, or not all of `where` take is left out.
    more : sequence of str
        Of unique_tokens and total_params: what the forms asked for need besides.
    weight : str, optional
        Column of how much each run counts.

    Raises
    ------
    DataInvalid
        When the file is no table, a needed column is missing, or no row can be used.
    UsageError
        When a column or an expression is unknown.
    """
    table = lengthened(opened(source))
    path = table.path
    further, columns = further_columns(table, more, columns)
    further |= {} if weight is None else {WEIGHT: weight}
    for expression in columns.values():
        table.parts(expression)
    found = find_figures(table.header, columns)
    _refuse_missing(table, found)
    figures = read_figures(table, found.columns, most={**MOST_VALUE, "loss": LOSS_UNITS[loss_unit]})
    left_out = not_finished(table, [*exclude, *where])
    set_aside = [{"file": table.name, **finding._asdict()} for finding in figures.wrong if finding.line not in left_out]
    ended = np.isin(table.line, list(left_out)) if left_out else np.zeros(len(table), dtype=np.bool_)
    if not (figures.good | ended).any():
        shown = "; ".join(
            f"line {row['line']}, {row['column']}: {row['value']!r} {row['rule']}" for row in set_aside[:3]
        )
        remedy = "give every run a positive loss and at least two of params, tokens and compute_flop"
        if set_aside and all(row["column"] == "loss" and str(row["value"]).startswith("-") for row in set_aside):
            negated = Option("columns", f"{found.columns['loss']}*-1", "loss")
            remedy = Words("correct the losses; if they are log-likelihoods, add ", negated)
        elif SEVERAL in {row["rule"] for row in set_aside}:
            remedy = set_aside[0]["remedy"]
        raise DataInvalid(
            f"no row of {table.name} can be used",
            where=str(path),
            why=shown or "it has a header and no rows",
            remedy=remedy,
        )
    left_out = {**_left_out(table, figures, exclude, where), **left_out}
    listed = figures.good | ended
    runs = RunTable(
        name=table.name,
        n_read=table.n_read,
        lines=table.line,
        names=_names(table, listed),
        quantities=figures.value,
        cells=Texts(table),
        set_aside=set_aside,
        notes=(*table.notes, *found.notes, *figures.notes),
        loss_unit=(unit_a_byte(found.columns["loss"]) if loss_unit == "nats" else "") or "nats/token",
    ).kept(listed)
    reasons = [left_out[line] for line in runs.lines.tolist() if line in left_out] if left_out else []
    runs = runs.without(np.isin(runs.lines, list(left_out)), reasons) if left_out else runs
    if not len(runs) and ended[listed].all():
        why = ", ".join(sorted({reason for _, reason in runs.excluded}))
        remedy = Words("say which of them to take: ", Option("where"), f" '{why.partition(' is ')[0]} != running'")
        raise DataInvalid(f"no run of {table.name} is finished", where=str(path), why=why, remedy=remedy)
    if not len(runs):
        raise UsageError(Words(Option("exclude"), " and ", Option("where"), " leave no row"), where=str(path))
    return _in_nats(_derived(repetitions_noted(with_further(runs, table, further), table)), loss_unit)


def _left_out(table: Table, figures: Figures, exclude: Sequence[str], where: Sequence[str]) -> dict[int, str]:
    """Return the lines left out on request, each with the reason."""
    reasons: dict[int, str] = {}
    for text in exclude:
        taken = selected_rows(text, table, figures.value, option=Option("exclude"))
        reasons |= dict.fromkeys(table.line[taken].tolist(), f"excluded: {text}")
    for text in where:
        taken = selected_rows(text, table, figures.value, option=Option("where"))
        reasons |= dict.fromkeys(table.line[~taken].tolist(), f"not {text}")
    return reasons


def _refuse_missing(table: Table, found: FoundColumns) -> None:
    """Refuse a table without the columns of a fit, naming the columns that look like them and how to say so."""
    header = table.header
    held = [name for name in SCALES if name in found.columns]
    wanted = [] if "loss" in found.columns else ["loss"]
    if "compute_flop" not in held and len(held) < 2:
        near = [name for name in SCALES if name not in held and suggestions(name, header)]
        first = [name for name in ("params", "tokens") if name not in held]
        only_compute = "compute_flop" in near and not set(first) <= set(near)
        wanted += ["compute_flop"] if only_compute else first
    if not wanted:
        return
    chart = chart_header(header) if "loss" in wanted else None
    if chart is not None and chart.rest:
        file, step = shlex.quote(str(table.path)), shlex.quote(chart.rest[0])
        raise DataInvalid(
            f"{table.name} is a chart's export: its columns are the metrics of runs ({', '.join(chart.metrics)})",
            where=f"{table.path}:{table.header_line}",
            why="a table of runs has a row a run; this one has a row a step",
            remedy=f"race fit kappa {file} --step-column {step} --runs runs.csv, with a table that says their sizes",
        )
    sideways = find_figures([header[0], *table.texts_at(0).tolist()]).columns if len(table) < len(header) else {}
    if len(sideways) > 1:
        raise DataInvalid(
            f"{table.name} is written sideways: a run is a column",
            where=f"{table.path}:{table.header_line}",
            why=f"its first column holds {', '.join(sideways)}",
            remedy="exchange rows and columns (in pandas: read_csv(FILE, index_col=0).T.to_csv(NEW))",
        )
    rivals = {name: [Words(Option("columns", rival, name)) for rival in found.rivals.get(name, ())] for name in wanted}
    taken = found.columns.values()
    options = [[*rivals[name], *hints(name, table, taken), *suggestions(name, header)] for name in wanted]
    several = [name for name in wanted if name in found.rivals]
    what = (
        f"several columns of {table.name} could be {' and '.join(several)}"
        if several
        else f"{table.name} has no column {' and no column '.join(wanted)}"
    )
    choices = [Words.joined(" or ", dict.fromkeys(found)) for found in options if found]
    unknown = [name for name, found in zip(wanted, options, strict=True) if not found]
    named = sizes_in_names(table) if {"params", "tokens"} & set(unknown) else None
    if named is not None:
        remedy = Words(f"write the sizes that stand in '{named.column}' ({named.example}) into columns of their own")
        remedy = Words(remedy, "; and add ", Words.joined(" and ", choices)) if choices else remedy
    elif choices:
        remedy = Words("add ", Words.joined(" and ", choices))
        if unknown:
            which = Option("columns", "NAME", unknown[0])
            remedy = Words(remedy, f", and say which column is {' and which '.join(unknown)}: ", which)
    else:
        which = Option("columns", "NAME", wanted[0])
        what_to_name = "params, tokens, compute_flop (FLOP) and loss (nats per token)"
        remedy = Words(f"name the columns {what_to_name}, or say which is which: ", which)
    raise DataInvalid(
        what, where=f"{table.path}:{table.header_line}", why=f"columns found: {', '.join(header)}", remedy=remedy
    )


def _names(table: Table, listed: NDArray[np.bool_]) -> Sequence[str]:
    """Return the runs' own names where one column names them all differently, else their lines."""
    for name in NAME_COLUMNS if len(table) <= MOST_NAMES else ():
        if table.place(name) is not None:
            cells = table.texts(name)
            good = cells[listed].tolist()
            if all(good) and len(set(good)) == len(good):
                return tuple(cells.tolist())
    return LineNames(table.line)


def _derived(table: RunTable) -> RunTable:
    """Fill what two of params, tokens and compute imply by C = 6 N D, and say so."""
    known = dict(table.quantities)
    notes = []
    derived = set()
    for name, formula, parts in (
        ("compute_flop", "6 params tokens", ("params", "tokens")),
        ("tokens", "compute_flop/(6 params)", ("compute_flop", "params")),
        ("params", "compute_flop/(6 tokens)", ("compute_flop", "tokens")),
    ):
        if not all(part in table.quantities for part in parts):
            continue
        first, second = (table.quantities[part] for part in parts)
        if name in known and not np.isnan(known[name]).any():
            continue
        implied = implied_compute(first, second) if name == "compute_flop" else first / (6.0 * second)
        held = known.get(name, np.full(len(table), np.nan))
        filled = np.isnan(held) & np.isfinite(implied)
        if filled.any():
            known[name] = np.where(filled, implied, held)
            notes.append(f"{name} of {int(filled.sum())} rows is {formula}")
            derived |= {name}
    complete = {name: values for name, values in known.items() if np.isfinite(values).all()}
    partial = sorted(set(known) - set(complete))
    notes += [f"{name} is not known for every row and is not used" for name in partial]
    return replace(table, quantities=complete, derived=frozenset(derived)).noting(*notes)


def _in_nats(table: RunTable, unit: str) -> RunTable:
    """Convert the loss to nats per token."""
    loss = table.quantities["loss"]
    if unit == "nats":
        return table
    if unit == "perplexity":
        if (loss <= 1).any():
            raise DataInvalid(f"a perplexity of {loss.min():g} is not above 1", where=table.name)
        converted = np.log(loss)
    else:
        converted = loss * np.log(2.0)
    return replace(table, quantities={**table.quantities, "loss": converted}).noting(
        f"loss converted from {unit} to nats"
    )

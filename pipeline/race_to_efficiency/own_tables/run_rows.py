"""Training runs from an analyst's own CSV file, read cell by cell; a bad row is set aside, the others stay."""

from __future__ import annotations

import csv
import difflib
import io
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency import storage
from race_to_efficiency.errors import DataInvalid, UsageError
from race_to_efficiency.own_tables.run_table import RunTable
from race_to_efficiency.own_tables.selection import Selection

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

QUANTITIES = {
    "params": ("parameters", "n_params", "num_params", "nparams", "model_size", "model size", "size", "N"),
    "tokens": ("n_tokens", "training_tokens", "train_tokens", "num_tokens", "dataset_size", "data", "D"),
    "loss": ("loss_nats", "final_loss", "val_loss", "validation_loss", "eval_loss", "train_loss", "test_loss", "L"),
    "compute_flop": ("compute", "flop", "flops", "training_flop", "training flop", "training_compute", "C"),
}
"""The columns a fit knows, and names that suggest them."""

SAME_BY_UNIT = {"loss_nats": "loss"}
"""Names that state their unit and are taken as they stand."""

NAME_COLUMNS = ("run_id", "run", "name", "id")
LOSS_UNITS = ("nats", "bits", "perplexity")

_GROUPED = re.compile(r"^[+-]?\d{1,3}(,\d{3})+(\.\d+)?([eE][+-]?\d+)?$")
_SUFFIX = re.compile(r"^\s*[+-]?[\d.]+\s*([kKmMbBtTgG])\s*$")
_MISSING = ("", "na", "n/a", "nan", "null", "none", "-")


def read_runs(path: Path, *, columns: dict[str, str], loss_unit: str, exclude: Sequence[str]) -> RunTable:
    """Read a file of training runs.

    Parameters
    ----------
    path : Path
    columns : mapping of str to str
        Quantity -> the file's own name for it, where it differs.
    loss_unit : {'nats', 'bits', 'perplexity'}
        Unit of the loss column, a token; converted to nats.
    exclude : sequence of str
        Expressions or flags; a row any of them takes is left out.

    Raises
    ------
    DataInvalid
        When the file is no table, a needed column is missing, or no row can be used.
    UsageError
        When a column or an expression is unknown.
    """
    header, records = _records(path)
    places = _places(path, header, columns)
    known = [*header, *(name for name in places if name not in header)]
    cells = [(line, _widened(row, header, places)) for line, row in records]
    selections = [Selection.parse(text, known, cells) for text in exclude]
    values, good, set_aside = _cells(path, records, places)
    if not len(good):
        raise DataInvalid(
            f"no row of {path.name} can be used",
            where=str(path),
            why="; ".join(f"line {row['line']}, {row['column']}: {row['rule']}" for row in set_aside[:3])
            or "it is empty",
            remedy="give every run a positive loss and at least two of params, tokens and compute_flop",
        )
    table = RunTable(
        name=path.name,
        n_read=len(records),
        lines=np.array([records[k][0] for k in good]),
        names=_names(header, records, good),
        quantities={name: column[good] for name, column in values.items()},
        cells={
            name: tuple(records[k][1][at] if at < len(records[k][1]) else "" for k in good)
            for at, name in enumerate(header)
        },
        set_aside=set_aside,
    )
    taken = {row: text for text, chosen in zip(exclude, selections, strict=True) for row in chosen}
    left_out = np.array([at for at, k in enumerate(good) if k in taken], dtype=np.intp)
    table = table.without(left_out, [f"excluded: {taken[good[at]]}" for at in left_out])
    if not len(table):
        raise UsageError("--exclude leaves no row", where=str(path))
    return _in_nats(_derived(table), loss_unit)


def _records(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Return the header and (line, cells) of every data row; comma, semicolon or tab separated."""
    text = storage.read_text(path)
    first = text.split("\n", 1)[0]
    mark = max((",", ";", "\t"), key=first.count)
    reader = csv.reader(io.StringIO(text), delimiter=mark)
    try:
        header = [cell.strip() for cell in next(reader, [])]
        records = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if any(map(str.strip, row))]
    except csv.Error as error:
        raise DataInvalid(f"{path.name} is no CSV file", where=f"{path}:{reader.line_num}", why=str(error)) from None
    repeated = sorted({name for name in header if header.count(name) > 1})
    if not header or repeated:
        why = f"column {repeated[0]} stands twice" if repeated else "it has no header line"
        raise DataInvalid(f"{path.name} is no table of runs", where=f"{path}:1", why=why)
    return header, records


def _widened(row: list[str], header: Sequence[str], places: dict[str, int]) -> list[str]:
    """Return a row with the quantities that go by another name in the file appended, so both names can be used."""
    full = [*row, *[""] * (len(header) - len(row))]
    return [*full, *(full[at] for name, at in places.items() if name not in header)]


def _places(path: Path, header: Sequence[str], columns: dict[str, str]) -> dict[str, int]:
    """Return where each quantity stands; what is missing is named with the columns that look like it."""
    places = {}
    for quantity, name in columns.items():
        if name not in header:
            raise UsageError(f"there is no column '{name}'", where=str(path), why=f"columns: {', '.join(header)}")
        places[quantity] = header.index(name)
    for at, name in enumerate(header):
        quantity = SAME_BY_UNIT.get(name, name)
        if quantity in QUANTITIES:
            places.setdefault(quantity, at)
    scale = [name for name in ("params", "tokens", "compute_flop") if name in places]
    missing = [] if "loss" in places else ["loss"]
    if "compute_flop" not in places and len(scale) < 2:
        missing += (
            ["compute_flop"] if not scale else [n for n in ("params", "tokens", "compute_flop") if n not in scale][:1]
        )
    if missing:
        hints = [
            f"'{close}' looks like {name}: --column {name}='{close}'"
            for name in missing
            for close in _close(name, header)
        ]
        raise DataInvalid(
            f"{path.name} has no column {' and no column '.join(missing)}",
            where=f"{path}:1",
            why=f"columns found: {', '.join(header)}",
            remedy="; ".join(hints) or "name the columns params, tokens, compute_flop (FLOP) and loss (nats per token)",
        )
    return places


def _close(quantity: str, header: Sequence[str]) -> list[str]:
    """Return the columns whose names are close to a quantity's."""
    plain = {re.sub(r"[^a-z0-9]", "", name.lower()): name for name in header}
    wanted = [re.sub(r"[^a-z0-9]", "", name.lower()) for name in (quantity, *QUANTITIES[quantity])]
    exact = [plain[name] for name in wanted if name in plain]
    near = [plain[name] for name in difflib.get_close_matches(wanted[0], list(plain), n=2, cutoff=0.6)]
    inside = [name for key, name in plain.items() if wanted[0].removesuffix("flop") in key]
    return list(dict.fromkeys([*exact, *near, *inside]))[:3]


def _cells(
    path: Path, records: Sequence[tuple[int, list[str]]], places: dict[str, int]
) -> tuple[dict[str, Floats], list[int], list[dict[str, Any]]]:
    """Parse the quantities; return the columns, the usable rows, and what was set aside."""
    values = {name: np.full(len(records), np.nan) for name in places}
    good, set_aside = [], []
    for k, (line, row) in enumerate(records):
        faults: list[dict[str, Any]] = []
        for name, at in places.items():
            text = row[at] if at < len(row) else ""
            number, rule, remedy = _number(text)
            if rule:
                faults.append(
                    {"file": path.name, "line": line, "column": name, "value": text, "rule": rule, "remedy": remedy}
                )
            else:
                values[name][k] = number
        needed = [fault for fault in faults if fault["column"] == "loss" or str(fault["value"]).lower() not in _MISSING]
        known = [
            name for name in ("params", "tokens", "compute_flop") if name in values and np.isfinite(values[name][k])
        ]
        if not needed and ("compute_flop" in known or len(known) >= 2):
            good.append(k)
        else:
            set_aside.append((needed or faults)[0])
    return values, good, set_aside


def _number(text: str) -> tuple[float, str, str]:
    """Return a positive number, or the rule a cell breaks and what to do."""
    if text.lower() in _MISSING:
        return np.nan, "the cell is empty", "fill it in, or leave the row out"
    plain = text.replace(",", "") if _GROUPED.match(text) else text
    try:
        number = float(plain)
    except ValueError:
        suffix = _SUFFIX.match(text)
        remedy = "write the number out, e.g. 7e9 for 7B" if suffix else "write a plain number"
        return np.nan, "not a number", remedy
    if not np.isfinite(number) or number <= 0:
        return np.nan, "must be positive and finite", "correct the figure, or leave the row out"
    return number, "", ""


def _names(header: Sequence[str], records: Sequence[tuple[int, list[str]]], good: Sequence[int]) -> tuple[str, ...]:
    """Return the runs' own names where one column names them all differently, else their lines."""
    for name in NAME_COLUMNS:
        if name in header:
            at = header.index(name)
            cells = [records[k][1][at] if at < len(records[k][1]) else "" for k in good]
            if all(cells) and len(set(cells)) == len(cells):
                return tuple(cells)
    return tuple(f"line {records[k][0]}" for k in good)


def _derived(table: RunTable) -> RunTable:
    """Fill what two of params, tokens and compute imply by C = 6 N D, and say so."""
    known = dict(table.quantities)
    notes = []
    for name, formula, parts in (
        ("compute_flop", "6 params tokens", ("params", "tokens")),
        ("tokens", "compute_flop/(6 params)", ("compute_flop", "params")),
        ("params", "compute_flop/(6 tokens)", ("compute_flop", "tokens")),
    ):
        if not all(part in table.quantities for part in parts):
            continue
        first, second = (table.quantities[part] for part in parts)
        with np.errstate(over="ignore"):
            implied = 6.0 * first * second if name == "compute_flop" else first / (6.0 * second)
        held = known.get(name, np.full(len(table), np.nan))
        filled = np.isnan(held) & np.isfinite(implied)
        if filled.any():
            known[name] = np.where(filled, implied, held)
            notes.append(f"{name} of {int(filled.sum())} rows is {formula}")
    complete = {name: values for name, values in known.items() if np.isfinite(values).all()}
    partial = sorted(set(known) - set(complete))
    notes += [f"{name} is not known for every row and is not used" for name in partial]
    return replace(table, quantities=complete).noting(*notes)


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


__all__ = ["LOSS_UNITS", "QUANTITIES", "RunTable", "read_runs"]

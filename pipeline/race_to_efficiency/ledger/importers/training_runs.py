"""Training runs in the project's neutral columns, with a small source record for citation and licence.

Beside ``NAME.csv`` stands ``NAME.source.yaml``:

    source_id: someone2026            # the comparable group; a column `group` in the table may divide it
    title: A study of ...
    authors: Someone et al.
    year: 2026
    identifier: arXiv 2601.00001
    licence: CC-BY 4.0                # or: none stated; figures only
    family: someone
    loss_unit: GPT-2 BPE; C4 validation loss, nats/token      # ends in the rows' unit where the table has no column
    released: 2026-01-15              # when the runs became public
    run_id_prefix: someone-           # before the table's own ids, or before 000, 001 where it has none
    columns: {params: Model Size, compute_flop: Training FLOP, loss_nats: loss}   # where names differ
    constants: {model_family: Llama, dataset: C4}                                 # the same for every row

A table whose source the ledger knows already needs no record for citation, only what its columns do not say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.cells.files import open_table
from race_to_efficiency.cells.published import date_cell, order_of
from race_to_efficiency.cells.run_columns import PLAIN_NAMES, find_figures
from race_to_efficiency.cells.run_figures import SCALES, Figures, compute_ratio, implied_compute, read_figures
from race_to_efficiency.cells.screening import MAX_DELIVERY_BYTES, refuse
from race_to_efficiency.cells.text import CellError, number_text, text_of_cell
from race_to_efficiency.errors import DataInvalid, UsageError
from race_to_efficiency.ledger.importers.parsed import Importer, Parsed, ParsedRow, Problem, Request
from race_to_efficiency.ledger.importers.source_record import read_record
from race_to_efficiency.ledger.lines import slug
from race_to_efficiency.ledger.tables.runs import LOSS_UNITS

if TYPE_CHECKING:
    import datetime as dt
    from pathlib import Path

    from race_to_efficiency.cells.table import Table

TEXTS = (
    "run_id", "group", "cluster", "model_family", "dataset", "compute_basis", "loss_unit", "run_flags", "released",
)  # fmt: skip
OTHER_NAMES = {"flags": "run_flags", "source_id": "group", "name": "run_id"}
"""Other names under which the neutral columns of text are met; figures go by those of `cells.run_columns`."""


def read(request: Request) -> Parsed:
    """Read a table of training runs.

    Raises
    ------
    DataInvalid
        When the file is no such table, or what is missing stands in neither the table nor the source record.
    """
    table = open_table(request.path, most_bytes=MAX_DELIVERY_BYTES)
    if not table.n_read:
        raise refuse(request.path, "it has a header and no rows", line=table.header_line)
    note = _Note(request)
    figures, texts, notes = note.columns_of(table)
    _ask_for_missing(table, figures, texts, note)
    parsed = Parsed("training_runs", note.source_id, table.n_read, recorded_basis=request.basis)
    parsed.sources = note.record.new_source(request)
    read = read_figures(table, figures)
    parsed.flags += [{"kind": "read_as", "why": word} for word in (*table.notes, *notes, *read.notes)]
    _take(table, read, texts, note, parsed)
    held = set(note.known.index) | {source["source_id"] for source in parsed.sources}
    unknown = sorted({row.cells["source_id"] for row in parsed.rows} - held)
    if unknown:
        raise note.asks(f"a source record for {', '.join(repr(name) for name in unknown)}, which no source stands for")
    if not parsed.rows:
        first = parsed.quarantined[0]
        raise refuse(request.path, f"no row can be read; the first: {first.rule} in {first.column}", line=first.line)
    return parsed


class _Note:
    """The source record beside a table."""

    def __init__(self, request: Request) -> None:
        self.path = request.path.with_name(request.path.stem + ".source.yaml")
        self.request = request
        record = read_record(self.path)
        self.texts = record.texts
        self.columns = record.columns
        self.constants = record.constants
        self.source_id = record.texts.get("source_id", "")
        sources = request.ledger("sources").rows.set_index("source_id")
        self.known = sources
        self.record = record
        self.released = record.released(request)

    def columns_of(self, table: Table) -> tuple[dict[str, str], dict[str, str], tuple[str, ...]]:
        """Return figure -> column, ledger column of text -> column, and what names were guessed."""
        for name, column in self.columns.items():
            try:
                table.parts(column)
            except UsageError as error:
                where = f"{self.path}: columns.{name}"
                remedy = "name a column as the table does"
                raise DataInvalid(error.what, where=where, why=error.why, remedy=remedy) from None
        figures = {PLAIN_NAMES[name]: column for name, column in self.columns.items() if name in PLAIN_NAMES}
        texts = {name: column for name, column in self.columns.items() if name in TEXTS}
        for column in table.header:
            plain = column.lower()
            name = plain if plain in TEXTS else "" if self.columns else OTHER_NAMES.get(plain, "")
            if name:
                texts.setdefault(name, column)
        if self.columns:
            plainly = {PLAIN_NAMES[name]: name for name in table.header if name in PLAIN_NAMES}
            return {**plainly, **figures}, texts, ()
        found = find_figures(table.header, figures)
        if "loss" in found.rivals:
            raise self.asks(f"which column is loss_nats: {' or '.join(found.rivals['loss'])} (under `columns`)")
        return found.columns, texts, found.notes

    def loss_unit(self, group: str) -> str:
        """Return the unit the source's words on its losses end in, empty when they end in none."""
        known = str(self.known.loc[group, "loss_unit"]) if group in self.known.index else ""
        words = self.texts.get("loss_unit", known).replace(",", " ").split()
        return words[-1] if words and words[-1] in LOSS_UNITS else ""

    def prefix(self, group: str) -> str:
        """Return what stands before a run's own id or number."""
        return self.texts.get("run_id_prefix", f"{slug(self.source_id or group)}-")

    def asks(self, what: str) -> DataInvalid:
        """Return the error that asks for what is missing, with the place to write it."""
        return self.record.asks(self.request.path.name, what)


def _ask_for_missing(table: Table, figures: dict[str, str], texts: dict[str, str], note: _Note) -> None:
    """Ask for everything the table and its record leave open, all at once."""
    given = set(texts) | set(note.constants)
    scales = [name for name in SCALES if name in figures]
    enough = len(scales) >= 2 or "compute_flop" in scales
    missing = [] if "loss" in figures else ["loss_nats"]
    missing += [name for name in ("model_family", "dataset") if name not in given]
    missing += [] if enough else ["two of params, tokens, compute_flop (or compute_flop)"]
    missing += [] if note.source_id or "group" in given else ["source_id"]
    missing += [] if note.released or "released" in given or note.source_id in note.known.index else ["released"]
    found = ", ".join(table.header)[:500]
    if len(table.header) < 3 and not figures:
        why = f"missing required columns: loss_nats and two of params, tokens, compute_flop; found: {found}"
        raise refuse(table.path, why, line=table.header_line)
    if missing:
        raise note.asks(f"{', '.join(missing)} (the table has: {found})")


def _take(table: Table, figures: Figures, texts: dict[str, str], note: _Note, parsed: Parsed) -> None:
    """Turn each record into a row, or quarantine it."""
    words = {name: table.texts(column) for name, column in texts.items()}
    order = order_of(words.get("released", ()))
    number = {line: k for k, line in enumerate(sorted([*table.line.tolist(), *(r.line for r in table.unread)]))}
    for finding in figures.wrong:
        column = finding.column.replace("loss", "loss_nats")
        parsed.quarantined.append(Problem(finding.line, "", column, finding.rule, finding.value, finding.remedy))
    for row in np.flatnonzero(figures.good).tolist():
        line, own = int(table.line[row]), {name: text_of_cell(cells[row]) for name, cells in words.items()}
        cells, basis = _completed({name: float(values[row]) for name, values in figures.value.items()})
        try:
            released = date_cell(own.pop("released", note.constants.get("released", "")), order)
        except CellError as error:
            value, remedy = str(words["released"][row]), "write the date as 2026-01-15"
            problem = Problem(line, own.get("run_id", ""), "released", error.rule, value, remedy)
            parsed.quarantined.append(problem)
            continue
        cells |= {name: text for name, text in {**note.constants, **own}.items() if text and name in TEXTS}
        group = cells.setdefault("group", note.source_id)
        run_id = note.prefix(group) + (cells.pop("run_id", "") or f"{number[line]:03d}")
        cells |= {"released": released} if released else {}
        cells["source_id"] = group if group in note.known.index else note.source_id or group
        defaults = {
            "cluster": run_id,
            "compute_basis": basis,
            "loss_unit": note.loss_unit(group),
            "released": note.released or _released(note, group),
        }
        parsed.rows.append(ParsedRow(line, run_id, cells, defaults))
    parsed.flags += _slips(figures)


def _slips(figures: Figures) -> list[dict[str, Any]]:
    """Flag compute that is far from 6 params tokens, as `race fit kappa` does."""
    if not set(SCALES) <= set(figures.value):
        return []
    ratio = compute_ratio(*(figures.value[name][figures.good] for name in SCALES))
    words = ratio.doubt or ratio.remark if ratio else ""
    if not words or ratio is None:
        return []
    kind = "unit_slip" if "FLOP?" in words else "compute_ratio"
    return [{"kind": kind, "column": "compute_flop", "factor": ratio.middle, "why": words}]


def _completed(value: dict[str, float]) -> tuple[dict[str, str], str]:
    """Return a run's figures as ledger texts, the one that follows from two others by C = 6 N D filled in.

    Returns
    -------
    dict of str to str, str
        Texts by ledger column, and what compute then means.
    """
    known = {name: number for name, number in value.items() if np.isfinite(number)}
    basis = "stated"
    if {"params", "tokens"} <= set(known) and "compute_flop" not in known:
        known["compute_flop"] = float(implied_compute(known["params"], known["tokens"]))
        basis = "6nd"
    elif "compute_flop" in known and len({"params", "tokens"} & set(known)) == 1:
        other = "tokens" if "params" in known else "params"
        known[other] = known["compute_flop"] / (6.0 * known["params" if other == "tokens" else "tokens"])
        basis = "c_over_6n"
    return {name.replace("loss", "loss_nats"): number_text(number) for name, number in known.items()}, basis


def _released(note: _Note, group: str) -> str:
    """Return when a known source became public."""
    if group not in note.known.index:
        return ""
    released: Any = note.known.loc[group, "released"]
    return str(released)[:10] if str(released) != "NaT" else ""


def told_release(_path: Path, _ledger: object, told: dt.date | None) -> dt.date | None:
    """Return the day of publication as the user tells it; else the source record or the table's rows say it."""
    return told


RUNS_SUMMARY = "training runs in neutral columns, with NAME.source.yaml beside the table"
IMPORTER = Importer("training-runs", RUNS_SUMMARY, read, told_release)

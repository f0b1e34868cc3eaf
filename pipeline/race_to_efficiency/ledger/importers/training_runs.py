"""Training runs in the project's neutral columns, with a small source record for citation and licence.

Beside ``NAME.csv`` stands ``NAME.source.yaml``:

    source_id: someone2026            # the comparable group; a column `group` in the table may divide it
    title: A study of ...
    authors: Someone et al.
    year: 2026
    identifier: arXiv 2601.00001
    licence: CC-BY 4.0                # or: none stated; figures only
    family: someone
    loss_unit: GPT-2 BPE; C4 validation loss, nats/token
    released: 2026-01-15              # when the runs became public
    run_id_prefix: someone-           # before the table's own ids, or before 000, 001 where it has none
    columns: {params: Model Size, compute_flop: Training FLOP, loss_nats: loss}   # where names differ
    constants: {model_family: Llama, dataset: C4}                                 # the same for every row

A table whose source the ledger knows already needs no record for citation, only what its columns do not say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from race_to_efficiency.cells.physical import Record, records
from race_to_efficiency.cells.published import date_cell, number_cell, plain_text
from race_to_efficiency.errors import DataInvalid
from race_to_efficiency.ledger.importers.delivery import refuse, screened_bytes
from race_to_efficiency.ledger.importers.parsed import Importer, Parsed, ParsedRow, Problem, Request
from race_to_efficiency.ledger.importers.source_record import RECORD_FIELDS, read_record
from race_to_efficiency.ledger.lines import number_text, slug, tidy

if TYPE_CHECKING:
    from pathlib import Path

NUMBERS = ("params", "tokens", "compute_flop", "loss_nats")
TEXTS = ("run_id", "group", "cluster", "model_family", "dataset", "compute_basis", "run_flags")
COMMON_NAMES = {
    "model size": "params", "parameters": "params", "n": "params", "training flop": "compute_flop",
    "training flops": "compute_flop", "flop": "compute_flop", "flops": "compute_flop", "compute": "compute_flop",
    "loss": "loss_nats", "d": "tokens", "flags": "run_flags", "source_id": "group", "name": "run_id",
}  # fmt: skip
"""Other names under which the neutral columns are met."""


def read(request: Request) -> Parsed:
    """Read a table of training runs.

    Parameters
    ----------
    request : Request

    Raises
    ------
    DataInvalid
        When the file is no such table, or what is missing stands in neither the table nor the source record.
    """
    data = screened_bytes(request.path)
    found = list(records(data))
    if len(found) < 2:
        raise refuse(request.path, "it has a header and no rows", line=1)
    note = _Note(request)
    names = note.column_names([tidy(cell) for cell in found[0].cells])
    _ask_for_missing(request.path, names, note, found[0])
    parsed = Parsed("training_runs", note.source_id, len(found) - 1, sources=note.new_source())
    for number, record in enumerate(found[1:]):
        _take(record, number, names, note, parsed)
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
        self.columns = {theirs: ours for ours, theirs in record.columns.items()}
        self.constants = record.constants
        self.source_id = record.texts.get("source_id", "")
        sources = request.ledger("sources").rows.set_index("source_id")
        self.known = sources
        try:
            self.released = date_cell(record.texts.get("released", ""))
        except ValueError as error:
            where = f"{self.path}: released"
            raise DataInvalid("released is no date", where=where, why=str(error), remedy="write 2026-01-15") from None

    def column_names(self, header: list[str]) -> list[str]:
        """Return the ledger column of each header cell, empty for those left out."""
        names = []
        for cell in header:
            plain = cell.lower()
            ours = self.columns.get(cell) or (plain if plain in (*NUMBERS, *TEXTS, "released") else "")
            names.append(ours or ("" if self.columns else COMMON_NAMES.get(plain, "")))
        return [name if name not in names[:place] else "" for place, name in enumerate(names)]

    def new_source(self) -> list[dict[str, str]]:
        """Return the line for the sources table, none when the source is known.

        Raises
        ------
        DataInvalid
            When the record lacks a field.
        """
        if not self.source_id or self.source_id in self.known.index:
            return []
        missing = [name for name in RECORD_FIELDS if name not in self.texts]
        if missing:
            raise self.asks(f"the source '{self.source_id}' is new: {', '.join(missing)}")
        text = {name: self.texts.get(name, "") for name in (*RECORD_FIELDS, "family", "loss_unit")}
        citation = f"{text['authors']} ({text['year']}). {text['title']}. {text['identifier']}."
        day = self.request.recorded.isoformat()
        stamp = {"released": self.released, "recorded": day, "recorded_basis": "stated", "withdrawn": "false"}
        return [{**text, "citation": self.texts.get("citation", citation), **stamp}]

    def prefix(self, group: str) -> str:
        """Return what stands before a run's own id or number."""
        return self.texts.get("run_id_prefix", f"{slug(self.source_id or group)}-")

    def asks(self, what: str) -> DataInvalid:
        """Return the error that asks for what is missing, with the place to write it."""
        return DataInvalid(
            f"{self.request.path.name} cannot be imported: more must be known",
            where=str(self.path),
            why=f"missing: {what}",
            remedy=f"write it into {self.path.name} beside the table (fields: {', '.join(RECORD_FIELDS)}, family, "
            "loss_unit, run_id_prefix, columns, constants)",
        )


def _ask_for_missing(path: Path, names: list[str], note: _Note, header: Record) -> None:
    """Ask for everything the table and its record leave open, all at once."""
    given = set(names) | set(note.constants)
    figures = [name for name in ("params", "tokens", "compute_flop") if name in given]
    missing = [name for name in ("loss_nats", "model_family", "dataset") if name not in given]
    missing += [] if len(figures) >= 2 else ["two of params, tokens, compute_flop"]
    missing += [] if note.source_id or "group" in given else ["source_id"]
    missing += [] if note.released or "released" in given or note.source_id in note.known.index else ["released"]
    if len(header.cells) < 3 and not figures:
        found = ", ".join(tidy(cell) for cell in header.cells)
        why = f"missing required columns: loss_nats and two of params, tokens, compute_flop; found: {found[:500]}"
        raise refuse(path, why, line=header.line)
    if missing:
        raise note.asks(", ".join(missing) + f" (the table has: {', '.join(tidy(cell) for cell in header.cells)})")


def _take(record: Record, number: int, names: list[str], note: _Note, parsed: Parsed) -> None:
    """Turn one record into a row, or quarantine it."""
    if record.problem or len(record.cells) != len(names):
        rule = record.problem or f"{len(names)} cells (found {len(record.cells)})"
        remedy = "correct the line in the table"
        parsed.quarantined.append(Problem(record.line, "", "", rule, ",".join(record.cells), remedy))
        return
    texts = note.constants | {name: cell for name, cell in zip(names, record.cells, strict=True) if name}
    column = ""
    try:
        cells = {}
        for column in NUMBERS:
            if column in texts:
                cells[column] = number_cell(texts[column])
        column = "compute_flop"
        basis = _complete(cells)
        column = "released"
        released = date_cell(texts.get("released", ""))
    except ValueError as error:
        remedy = f"{column} must be a finite number" if column != "released" else "write the date as 2026-01-15"
        name = texts.get("run_id", "")
        parsed.quarantined.append(Problem(record.line, name, column, str(error), texts.get(column, ""), remedy))
        return
    cells |= {name: plain_text(texts[name]) for name in TEXTS if texts.get(name)}
    group = cells.setdefault("group", note.source_id)
    run_id = note.prefix(group) + (cells.pop("run_id", "") or f"{number:03d}")
    cells |= {"released": released} if released else {}
    cells["source_id"] = group if group in note.known.index else note.source_id or group
    defaults = {"cluster": run_id, "compute_basis": basis, "released": note.released or _released(note, group)}
    parsed.rows.append(ParsedRow(record.line, run_id, cells, defaults))


def _complete(cells: dict[str, str]) -> str:
    """Fill in the figure that follows from the other two by C = 6 N D; return what compute then means.

    References
    ----------
    Kaplan et al. (2020), arXiv 2001.08361: about 6 FLOP a parameter and token.
    """
    value = {name: float(cells[name]) for name in ("params", "tokens", "compute_flop") if cells.get(name)}
    if len(value) == 3:
        return "stated"
    if "compute_flop" not in value and len(value) == 2:
        cells["compute_flop"] = number_text(6.0 * value["params"] * value["tokens"])
        return "6nd"
    if len(value) == 2:
        missing = "tokens" if "params" in value else "params"
        other = value.get("params") or value["tokens"]
        cells[missing] = number_text(value["compute_flop"] / (6.0 * other)) if other else ""
        return "c_over_6n"
    raise ValueError("two of params, tokens, compute_flop")


def _released(note: _Note, group: str) -> str:
    """Return when a known source became public."""
    if group not in note.known.index:
        return ""
    released: Any = note.known.loc[group, "released"]
    return str(released)[:10] if str(released) != "NaT" else ""


IMPORTER = Importer("training-runs", "training runs in neutral columns, with NAME.source.yaml beside the table", read)

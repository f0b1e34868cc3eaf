"""The checks of a ledger's lines: their cells, the table's model, keys into other tables; what fails is a finding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from race_to_efficiency.cells.text import CellError
from race_to_efficiency.cells.typed import parse_cell
from race_to_efficiency.errors import DataInvalid
from race_to_efficiency.ledger.schemas import DTYPES, fits, pandera_model

if TYPE_CHECKING:
    import pandas as pd

    from race_to_efficiency.cells.physical import PhysicalRecord
    from race_to_efficiency.ledger.intake import Findings
    from race_to_efficiency.ledger.metadata import Column, Table


def readable(found: list[PhysicalRecord], names: tuple[str, ...], findings: Findings) -> dict[int, dict[str, str]]:
    """Return the lines with the right number of cells, as {line: {column: text}}."""
    lines: dict[int, dict[str, str]] = {}
    remedy = "give the line one cell for each column of the header, with quotes around cells that hold a comma"
    for record in found:
        cells = dict(zip(names, record.cells, strict=False))
        if record.problem:
            findings.add(record.line, cells, "", f"readable line: {record.problem}", ",".join(record.cells), remedy)
        elif len(record.cells) != len(names):
            rule = f"{len(names)} cells (found {len(record.cells)})"
            findings.add(record.line, cells, "", rule, ",".join(record.cells), remedy)
        else:
            lines[record.line] = cells
    return lines


def parse(table: Table, lines: dict[int, dict[str, str]], findings: Findings, max_characters: int) -> pd.DataFrame:
    """Return the typed table, indexed by line; unreadable cells are findings and stand as missing."""
    import pandas as pd

    typed: dict[str, pd.Series] = {}
    index = list(lines)
    for column in table.columns:
        blank: Any = {"text": "", "flag": False}.get(column.kind)
        texts = [cells[column.name] for cells in lines.values()]
        read, refused = _read_each(column, set(texts), max_characters)
        if refused:
            for text, (line, cells) in zip(texts, lines.items(), strict=True):
                if text in refused:
                    findings.add_cell(line, cells, column, refused[text])
        values = [read.get(text, blank) for text in texts]
        typed[column.name] = pd.Series(values, index=index, dtype=DTYPES[column.kind])
    return pd.DataFrame(typed, index=index)


def _read_each(column: Column, texts: set[str], max_characters: int) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the value of each text of a column, and the rule that each unreadable one breaks."""
    read: dict[str, Any] = {}
    refused: dict[str, str] = {}
    for text in texts:
        try:
            read[text] = parse_cell(column.kind, text, required=column.required, max_characters=max_characters)
        except CellError as error:
            refused[text] = error.rule
    return read, refused


def validate(table: Table, frame: pd.DataFrame, lines: dict[int, dict[str, str]], findings: Findings) -> None:
    """Run the pandera model over a table that may not fit it, and turn each failure into a finding of its cell."""
    if fits(table.name, frame):
        return
    import pandera.errors as pe

    try:
        pandera_model(table.name).validate(frame, lazy=True)
    except pe.SchemaErrors as errors:
        for case in errors.failure_cases.itertuples():
            if not isinstance(case.index, int):  # a failure of the whole table: our own fault, not a row's
                raise DataInvalid(f"{table.file_name} does not fit its schema", why=str(case.check)) from None
            line = int(case.index)
            column = table.column(str(case.column))
            rule = "required" if case.check == "not_nullable" else str(case.check)
            findings.add_cell(line, lines[line], column, rule)


def references(table: Table, lines: dict[int, dict[str, str]], known: dict[str, set[str]], findings: Findings) -> None:
    """Quarantine lines whose key into another table is not among those known there."""
    for column in table.columns:
        for line, cells in lines.items() if column.references else ():
            value = cells[column.name]
            if value not in known[column.references]:
                file = f"data/raw/{column.references}.csv"
                remedy = f"add '{value}' to {file} with citation and licence, or correct it"
                findings.add(line, cells, column.name, f"a key of {column.references}", value, remedy)

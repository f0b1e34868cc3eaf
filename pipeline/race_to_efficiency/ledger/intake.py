"""Intake: every line of a ledger ends up either as a valid row or in quarantine, with file, line, column and rule.

Order: the header, a unique row id, cell-by-cell parsing, the pandera model (strict, lazy), keys into other tables.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any

from typing_extensions import TypedDict

from race_to_efficiency import storage
from race_to_efficiency.cells.physical import PhysicalRecord, lines_of, records
from race_to_efficiency.cells.typed import MAX_TEXT_CHARACTERS
from race_to_efficiency.errors import DataInvalid
from race_to_efficiency.json_fields import AtLeast1, Means
from race_to_efficiency.ledger.line_checks import parse, readable, references, validate
from race_to_efficiency.ledger.renames import canonical_ids
from race_to_efficiency.ledger.schemas import TABLES, table_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    import pandas as pd

    from race_to_efficiency.ledger.metadata import Column, Table


class Quarantined(TypedDict):
    """A ledger cell that failed validation; its row took no part."""

    table: str
    file: str
    line: Annotated[AtLeast1, Means("Line of the file, from 1.")]
    row_id: str | None
    column: str | None
    rule: Annotated[str, Means("The rule that was broken.")]
    value: Annotated[str | None, Means("The cell as it stands.")]
    remedy: str
    recorded: Annotated[str | None, Means("Date of the row version.")]


QUARANTINE_COLUMNS = tuple(Quarantined.__annotations__)
"""Columns of the quarantine report; `recorded` is the date as written, so a view knows when the bad version counts."""

REPEATED_LINE = "no repeat of an earlier line"
"""Rule an exact copy of an earlier line breaks: nothing is in doubt, so its id stays in the views."""

_SHOWN_CHARACTERS = 200


@dataclass(frozen=True)
class Intake:
    """What reading one ledger gave.

    Parameters
    ----------
    table : str
    rows : DataFrame
        Every valid line (all versions), the table's columns and `line`, the 1-based line of the file.
    quarantined : DataFrame
        One row for each finding, `QUARANTINE_COLUMNS`.
    n_read : int
        Records in the file, header not counted: rows + distinct quarantined lines.
    """

    table: str
    rows: pd.DataFrame
    quarantined: pd.DataFrame
    n_read: int

    @property
    def n_quarantined(self) -> int:
        """Number of quarantined lines (a line may have several findings)."""
        return int(self.quarantined["line"].nunique())

    def of(self, lines: Collection[int]) -> Intake:
        """Return what reading only some lines of the file gave."""
        rows, bad = (frame[frame["line"].isin(lines)] for frame in (self.rows, self.quarantined))
        return Intake(self.table, rows.reset_index(drop=True), bad.reset_index(drop=True), len(lines))


class Findings:
    """The findings of one file, kept by (line, column) so that nothing is reported twice."""

    def __init__(self, table: Table, file: str) -> None:
        self.table = table
        self.file = file
        self.items: dict[tuple[int, str], dict[str, Any]] = {}

    def add(self, line: int, cells: dict[str, str], column: str, rule: str, value: str, remedy: str) -> None:
        """Record that a line breaks a rule; the first finding of a cell stands."""
        row_id, shown = cells.get(self.table.key, ""), value[:_SHOWN_CHARACTERS]
        entry = (self.table.name, self.file, line, row_id, column, rule, shown)
        row = dict(zip(QUARANTINE_COLUMNS, (*entry, remedy, cells.get("recorded", "")), strict=True))
        self.items.setdefault((line, column), row)

    def add_cell(self, line: int, cells: dict[str, str], column: Column, rule: str) -> None:
        """Record that one cell breaks a rule."""
        wanted = column.check or "printable text, not too long"
        remedy = f"{column.name} must be {wanted}" + ("" if column.required else ", or empty")
        self.add(line, cells, column.name, rule, cells.get(column.name, ""), remedy)

    @property
    def lines(self) -> set[int]:
        """Lines with at least one finding."""
        return {line for line, _ in self.items}

    def frame(self) -> pd.DataFrame:
        """Return the findings, ordered by line."""
        import pandas as pd

        rows = [self.items[key] for key in sorted(self.items, key=lambda item: item[0])]
        frame = pd.DataFrame(rows, columns=list(QUARANTINE_COLUMNS))
        return frame.astype({name: "int64" if name == "line" else "str" for name in QUARANTINE_COLUMNS})


def read_ledger(
    name: str,
    raw_dir: Path,
    *,
    max_characters: int = MAX_TEXT_CHARACTERS,
    instead: Mapping[str, bytes] = MappingProxyType({}),
) -> Intake:
    """Read and validate one ledger.

    Parameters
    ----------
    name : str
        A key of `schemas.TABLES`.
    raw_dir : Path
        The folder of the ledgers.
    max_characters : int
        Longest text a cell may hold.
    instead : mapping of str to bytes
        Tables whose files are to be read as if they held these bytes: what an import is about to write.

    Raises
    ------
    InputMissing
        When the file does not exist.
    DataInvalid
        When the header lacks a column or has an unknown one.
    """
    held = {
        part: instead[part] if part in instead else storage.read_bytes(path)
        for part, path in _files_of(table_of(name), raw_dir)
        if part == name or part in instead or path.exists()
    }
    kept = _read(name, raw_dir, max_characters, _Held(held))
    return Intake(name, kept.rows.copy(), kept.quarantined.copy(), kept.n_read)


@dataclass(frozen=True)
class _Held:
    """The bytes of ledgers, which are the same where their digests are."""

    files: Mapping[str, bytes] = field(compare=False)
    digests: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        digests = tuple((name, storage.digest_bytes(data)) for name, data in self.files.items())
        object.__setattr__(self, "digests", digests)


def _files_of(table: Table, raw_dir: Path) -> list[tuple[str, Path]]:
    """Return the tables whose files reading one looks at, itself first."""
    parts = [table.name, *(column.references for column in table.columns if column.references)]
    if table.aliases:
        parts += [part for part, _ in _files_of(table_of(table.aliases), raw_dir)]
    return [(part, raw_dir / table_of(part).file_name) for part in dict.fromkeys(parts)]


@lru_cache(maxsize=32)
def _read(name: str, raw_dir: Path, max_characters: int, held: _Held) -> Intake:
    """Return what reading the bytes of a ledger gave; a run reads every ledger for several of its stages."""
    instead, table = held.files, table_of(name)
    path = raw_dir / table.file_name
    found = list(records(lines_of(instead[name])))
    names = _header(table, path, found)
    findings = Findings(table, f"data/raw/{table.file_name}")
    lines = readable(found[1:], names, findings)
    _duplicates(table, lines, findings)
    frame = parse(table, lines, findings, max_characters)
    validate(table, frame, lines, findings)
    _foreign_keys(table, lines, raw_dir, findings, instead)
    rows = frame.loc[~frame.index.isin(findings.lines)].rename_axis("line").reset_index()
    rows = rows[[*table.names, "line"]]
    quarantined = findings.frame()
    if table.aliases:
        rows, quarantined = _rename(table, rows, quarantined, raw_dir, instead)
    return Intake(name, rows, quarantined, len(found) - 1)


def _header(table: Table, path: Path, found: list[PhysicalRecord]) -> tuple[str, ...]:
    names = tuple(cell.strip() for cell in found[0].cells) if found else ()
    missing = [name for name in table.names if name not in names]
    unknown = [name for name in names if name not in table.names]
    repeated = sorted({name for name in names if names.count(name) > 1})
    problems = [f"missing: {', '.join(missing)}"] if missing else []
    problems += [f"unknown: {', '.join(repr(name) for name in unknown)}"] if unknown else []
    problems += [f"twice: {', '.join(repeated)}"] if repeated else []
    if problems:
        raise DataInvalid(
            f"the header of {path.name} is not that of the table {table.name}: {'; '.join(problems)}",
            where=f"data/raw/{table.file_name}:1",
            why=f"found: {', '.join(names) or 'nothing'}",
            remedy=f"restore the header: {','.join(table.names)}",
        )
    return names


def _duplicates(table: Table, lines: dict[int, dict[str, str]], findings: Findings) -> None:
    """Quarantine every line that claims the key of an earlier one; the first stands (the ledger is append-only)."""
    firsts: dict[tuple[str, ...], int] = {}
    for line, cells in lines.items():
        key = tuple(cells[name].strip() for name in table.unique)
        if "" in key:
            continue
        first = firsts.setdefault(key, line)
        if first != line:
            rule = REPEATED_LINE if cells == lines[first] else f"unique {' + '.join(table.unique)}"
            remedy = f"remove the line or line {first}; a correction is a new line with a later `recorded`"
            findings.add(line, cells, table.key, rule, " + ".join(key), remedy)


def _foreign_keys(
    table: Table, lines: dict[int, dict[str, str]], raw_dir: Path, findings: Findings, instead: Mapping[str, bytes]
) -> None:
    """Quarantine rows whose key into another table has no line there."""
    names = {column.references for column in table.columns if column.references}
    known = {name: known_keys(name, raw_dir, instead) for name in names}
    references(table, lines, known, findings)


def check_lines(table: Table, lines: dict[int, dict[str, str]], known: dict[str, set[str]]) -> list[dict[str, Any]]:
    """Return the findings of lines that are not in a file yet, by the same checks as the ledger's own.

    Parameters
    ----------
    table : Table
    lines : dict of int to dict
        {line: {column: text}}.
    known : dict of str to set of str
        Keys of the tables that columns refer to.
    """
    findings = Findings(table, "delivery")
    if lines:
        frame = parse(table, lines, findings, MAX_TEXT_CHARACTERS)
        validate(table, frame, lines, findings)
        references(table, lines, known, findings)
    return list(findings.items.values())


def known_keys(name: str, raw_dir: Path, instead: Mapping[str, bytes] = MappingProxyType({})) -> set[str]:
    """Return every key that has a line in a table, valid or not: a bad source row does not take its readers with it."""
    table = TABLES[name]
    path = raw_dir / table.file_name
    found = list(records(lines_of(instead[name] if name in instead else storage.read_bytes(path))))
    names = _header(table, path, found)
    place = names.index(table.key)
    return {record.cells[place] for record in found[1:] if len(record.cells) > place and record.cells[place]}


def _rename(
    table: Table, rows: pd.DataFrame, quarantined: pd.DataFrame, raw_dir: Path, instead: Mapping[str, bytes]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Give a withdrawal and a newcomer that the alias table joins the one id they had first."""
    if table.aliases not in instead and not (raw_dir / f"{table.aliases}.csv").exists():
        return rows, quarantined
    aliases = read_ledger(table.aliases, raw_dir, instead=instead).rows
    joined = canonical_ids(table, rows, aliases)
    if joined:
        rows = rows.assign(**{table.key: rows[table.key].replace(joined)})
        quarantined = quarantined.assign(row_id=quarantined["row_id"].replace(joined))
    return rows, quarantined


def read_all(raw_dir: Path, *, max_characters: int = MAX_TEXT_CHARACTERS) -> dict[str, Intake]:
    """Read every ledger; see `read_ledger`."""
    return {name: read_ledger(name, raw_dir, max_characters=max_characters) for name in TABLES}

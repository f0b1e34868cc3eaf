"""From row ids to the citations they rest on, read straight from the ledgers as they stood on a date."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from race_to_efficiency import storage
from race_to_efficiency.cells.physical import lines_of, records
from race_to_efficiency.errors import DataInvalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

SOURCE_FIELDS = ("source_id", "title", "authors", "year", "identifier", "citation", "licence", "released", "recorded")
"""What is told of a source wherever it is named."""


def rows_as_of(raw: Path, table: str, as_of: str) -> dict[str, dict[str, str]]:
    """Return the newest version of each row of a ledger recorded by ``as_of`` (ISO date), by row id.

    Withdrawn rows keep their last facts: they may have been used by an earlier quarter, and their source stays true.

    Raises
    ------
    InputMissing
        When the ledger is missing.
    """
    rows = list(records(lines_of(storage.read_bytes(raw / f"{table}.csv"))))
    header = rows[0].cells if rows else ()
    newest: dict[str, dict[str, str]] = {}
    for row in rows[1:]:
        if row.problem or len(row.cells) != len(header):
            continue
        cells = dict(zip(header, row.cells, strict=True))
        known = newest.get(row.cells[0])
        recorded = cells.get("recorded", "")
        if recorded <= as_of and (known is None or recorded >= known.get("recorded", "")):
            newest[row.cells[0]] = cells
    return newest


def source_documents(raw: Path, as_of: str, row_ids: Iterable[str]) -> list[dict[str, Any]]:
    """Return the sources that rows rest on: citation, licence, dates, and which of the rows.

    Parameters
    ----------
    raw : Path
        The ledgers' folder.
    as_of : str
        ISO date; versions recorded later are not looked at.
    row_ids : iterable of str
        ``TABLE/ID``.

    Raises
    ------
    DataInvalid
        When a row or its source is in no ledger: the chain from number to citation would end in the air.
    """
    wanted: dict[str, list[str]] = {}
    for row_id in dict.fromkeys(row_ids):
        table, _, key = row_id.partition("/")
        wanted.setdefault(table, []).append(key)
    citations = rows_as_of(raw, "sources", as_of)
    found: dict[str, dict[str, list[str]]] = {}
    for table in sorted(wanted):
        rows = rows_as_of(raw, table, as_of)
        for key in wanted[table]:
            source_id = rows[key]["source_id"] if key in rows else ""
            if source_id not in citations:
                raise DataInvalid(
                    f"row {table}/{key} has no citation",
                    where=f"data/raw/{table}.csv",
                    why=f"source_id {source_id!r} is not in sources.csv as of {as_of}" if source_id else "no such row",
                )
            found.setdefault(source_id, {}).setdefault(table, []).append(key)
    return [
        {**{name: citations[source_id].get(name) or None for name in SOURCE_FIELDS}, "rows": found[source_id]}
        for source_id in sorted(found)
    ]


def count_rows(source: Mapping[str, Any]) -> int:
    """Return how many rows a source document names."""
    return sum(len(keys) for keys in source["rows"].values())


def narrow(sources: Iterable[Mapping[str, Any]], row_ids: Iterable[str]) -> list[dict[str, Any]]:
    """Return the sources that some rows rest on, each with only those rows; sources first that carry most of them."""
    wanted = set(row_ids)
    kept = []
    for source in sources:
        rows = {table: [key for key in keys if f"{table}/{key}" in wanted] for table, keys in source["rows"].items()}
        rows = {table: keys for table, keys in rows.items() if keys}
        if rows:
            kept.append({**source, "rows": rows})
    return sorted(kept, key=lambda source: (-count_rows(source), source["source_id"]))


def citation_line(source: Mapping[str, Any]) -> str:
    """Return one line that cites a source: citation, identifier, licence."""
    identifier = source.get("identifier") or ""
    citation = source.get("citation") or source.get("title") or source["source_id"]
    link = f" {identifier}" if identifier and identifier not in citation else ""
    return f"{source['source_id']}: {citation}{link} Licence: {source.get('licence') or 'none stated'}."

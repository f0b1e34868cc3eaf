"""data/raw as a Frictionless data package, made from the same metadata tree as the pandera models and the dictionary.

Digests are left to the published manifests: the package describes the tables, which gain lines with every import.

References
----------
Data Package and Table Schema, version 1 (specs.frictionlessdata.io).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import race_to_efficiency
from race_to_efficiency import storage
from race_to_efficiency.ledger.archive import DESCRIPTOR
from race_to_efficiency.ledger.schemas import TABLES
from race_to_efficiency.provenance.sources import citation_line, rows_as_of

if TYPE_CHECKING:
    from race_to_efficiency.ledger.metadata import Column, Table

TYPES = {"text": "string", "number": "number", "count": "integer", "date": "date", "flag": "boolean"}
"""Our kinds of columns in the words of Table Schema."""

DICTIONARY, LICENCE = "README.md", "LICENSE"

LATEST = "9999-12-31"


def datapackage(raw: Path) -> dict[str, Any]:
    """Return datapackage.json for the ledgers' folder.

    Parameters
    ----------
    raw : Path
        The ledgers' folder: tables without a file there are left out.

    Raises
    ------
    InputMissing, DataInvalid
        When sources.csv is missing or is no CSV.
    """
    sources = rows_as_of(raw, "sources", LATEST)
    return {
        "profile": "tabular-data-package",
        "name": "race-to-efficiency-ledgers",
        "title": "Ledgers behind the race-to-efficiency forecasts",
        "description": (
            "Append-only facts about AI training runs, accelerators and benchmarks; a line is one version of one row, "
            "with its source, the day it became public and the day it was recorded. Each source keeps its own licence."
        ),
        "version": race_to_efficiency.__version__,
        "licenses": [
            {"name": "MIT", "path": "https://spdx.org/licenses/MIT", "title": "MIT License (the compilation)"}
        ],
        "sources": [_source(sources[name]) for name in sorted(sources)],
        "resources": [_resource(table) for table in TABLES.values() if (raw / table.file_name).is_file()],
    }


def package_files(raw: Path, licence: bytes) -> dict[str, bytes]:
    """Return the ledgers as a package to keep: every table with its digest, the dictionary, the licence, by file name.

    A row's licence is its source's: `source_id` is a key of the table of sources.

    Parameters
    ----------
    raw : Path
        The ledgers' folder.
    licence : bytes
        Text of the compilation's own.

    Raises
    ------
    InputMissing, DataInvalid
        As `datapackage`.
    """
    document = datapackage(raw)
    files = {item["path"]: storage.read_bytes(raw / item["path"]) for item in document["resources"]}
    for item in document["resources"]:
        data = files[item["path"]]
        item |= {"bytes": len(data), "hash": f"sha256:{storage.digest_bytes(data)}"}
        keys = [column for column in TABLES[Path(item["path"]).stem].columns if column.references]
        if keys:
            item["schema"]["foreignKeys"] = [_key(column) for column in keys]
    dictionary = {DICTIONARY: storage.read_bytes(raw / DICTIONARY), LICENCE: licence}
    return {DESCRIPTOR: storage.dumps(document).encode(), **files, **dictionary}


def _key(column: Column) -> dict[str, Any]:
    reference = TABLES[column.references]
    return {
        "fields": column.name,
        "reference": {"resource": reference.name.replace("_", "-"), "fields": reference.key},
    }


def _source(source: dict[str, str]) -> dict[str, str]:
    """Return a source in Frictionless words; `path` must be an address, so it stands only where there is one."""
    identifier = source.get("identifier", "")
    document = {"title": citation_line(source)}
    return {**document, "path": identifier} if identifier.startswith(("http://", "https://")) else document


def _resource(table: Table) -> dict[str, Any]:
    return {
        "profile": "tabular-data-resource",
        "name": table.name.replace("_", "-"),
        "path": table.file_name,
        "title": table.title,
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "dialect": {"delimiter": ",", "lineTerminator": "\n", "quoteChar": '"', "doubleQuote": True, "header": True},
        "schema": {
            "fields": [_field(column) for column in table.columns],
            "primaryKey": list(table.unique),
            "missingValues": [""],
        },
    }


def _field(column: Column) -> dict[str, Any]:
    """Return a column in the words of Table Schema; what those cannot say stands in the description."""
    field: dict[str, Any] = {
        "name": column.name,
        "type": TYPES[column.kind],
        "description": f"{column.meaning}{f' Check: {column.check}.' if column.check else ''}",
    }
    if column.unit:
        field["unit"] = column.unit
    if column.kind == "flag":
        field |= {"trueValues": ["true"], "falseValues": ["false"]}
    lowest = column.minimum if column.minimum is not None else column.above
    constraints = {
        "required": True if column.required else None,
        "minimum": lowest,
        "maximum": column.maximum,
        "enum": list(column.allowed) or None,
        "pattern": column.pattern or None,
    }
    constraints = {name: value for name, value in constraints.items() if value is not None}
    return {**field, "constraints": constraints} if constraints else field

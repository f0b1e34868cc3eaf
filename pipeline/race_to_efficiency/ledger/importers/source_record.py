"""NAME.source.yaml beside a table of training runs: what stands in it, read as texts, or refused with its place."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from race_to_efficiency import storage
from race_to_efficiency.cells.published import date_cell
from race_to_efficiency.cells.text import tidy
from race_to_efficiency.errors import DataInvalid

if TYPE_CHECKING:
    from pathlib import Path

    from race_to_efficiency.ledger.importers.parsed import Request

RECORD_FIELDS = ("source_id", "title", "authors", "year", "identifier", "licence", "released")
"""What a source record must say of a source the ledger does not know."""

OTHER_FIELDS = ("family", "loss_unit", "citation", "run_id_prefix")
MAPPINGS = ("columns", "constants")


@dataclass(frozen=True)
class SourceRecord:
    """A source record as read.

    Parameters
    ----------
    path : Path
    texts : dict of str to str
        The fields that are given, blanks tidied.
    columns : dict of str to str
        Ledger column -> the table's name for it.
    constants : dict of str to str
        Ledger column -> what stands there in every row.
    """

    path: Path
    texts: dict[str, str] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=dict)
    constants: dict[str, str] = field(default_factory=dict)

    def new_source(self, request: Request) -> list[dict[str, str]]:
        """Return the line for the sources table; none when the ledger knows the source, or none is named.

        Raises
        ------
        DataInvalid
            When the record lacks a field, or its day of publication is none.
        """
        source_id = self.texts.get("source_id", "")
        if not source_id or (request.ledger("sources").rows["source_id"] == source_id).any():
            return []
        told = {"released"} if request.released else set()
        missing = [name for name in RECORD_FIELDS if name not in {*self.texts, *told}]
        if missing:
            raise self.asks(request.path.name, f"the source '{source_id}' is new: {', '.join(missing)}")
        text = {name: self.texts.get(name, "") for name in (*RECORD_FIELDS, "family", "loss_unit")}
        citation = f"{text['authors']} ({text['year']}). {text['title']}. {text['identifier']}."
        stamp = {"released": self.released(request), "recorded": request.recorded.isoformat()}
        basis = {"recorded_basis": request.basis, "withdrawn": "false"}
        return [{**text, "citation": self.texts.get("citation", citation), **stamp, **basis}]

    def released(self, request: Request) -> str:
        """Return the day of publication, as the user tells it or as it stands here; empty where neither does.

        Raises
        ------
        DataInvalid
            When it is no date.
        """
        try:
            return str(request.released or date_cell(self.texts.get("released", "")))
        except ValueError as error:
            where = f"{self.path}: released"
            raise DataInvalid("released is no date", where=where, why=str(error), remedy="write 2026-01-15") from None

    def asks(self, name: str, what: str) -> DataInvalid:
        """Return the error that asks for what is missing, with the place to write it."""
        return DataInvalid(
            f"{name} cannot be imported: more must be known",
            where=str(self.path),
            why=f"missing: {what}",
            remedy=f"write it into {self.path.name} beside the table (fields: {', '.join(RECORD_FIELDS)}, family, "
            "loss_unit, run_id_prefix, columns, constants)",
        )


def read_record(path: Path) -> SourceRecord:
    """Return the source record of a table, an empty one where there is no such file.

    Parameters
    ----------
    path : Path

    Raises
    ------
    DataInvalid
        When it is no YAML within bounds, or a field is unknown or holds what it cannot hold.
    """
    document = storage.read_yaml(path) if path.exists() else None
    if document is None:
        return SourceRecord(path)
    if not isinstance(document, dict):
        raise _wrong(path, "", "it is no mapping of fields")
    known = (*RECORD_FIELDS, *OTHER_FIELDS, *MAPPINGS)
    unknown = [str(name) for name in document if name not in known]
    if unknown:
        raise _wrong(path, unknown[0], f"there is no such field; the fields are {', '.join(known)}")
    given = {name: value for name, value in document.items() if name not in MAPPINGS and value is not None}
    texts = {name: _text(path, name, value) for name, value in given.items()}
    pairs = {name: _pairs(path, name, document.get(name)) for name in MAPPINGS}
    filled = {name: text for name, text in texts.items() if text or name == "run_id_prefix"}  # a prefix may be empty
    return SourceRecord(path, filled, **pairs)


def _pairs(path: Path, name: str, value: Any) -> dict[str, str]:
    """Return a mapping of names to texts."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _wrong(path, name, "it is no mapping, such as {params: Model Size}")
    return {_text(path, name, key): _text(path, f"{name}.{key}", item) for key, item in value.items()}


def _text(path: Path, name: str, value: Any) -> str:
    """Return a plain value as text; yes and no would come out as True and False, so they are none."""
    if isinstance(value, bool) or not isinstance(value, str | int | float | dt.date):
        raise _wrong(path, name, "it must be one text, number or date (a word such as yes in quotes)")
    return tidy(str(value))


def _wrong(path: Path, name: str, why: str) -> DataInvalid:
    where = f"{path}: {name}" if name else str(path)
    return DataInvalid(f"{path.name} is no source record", where=where, why=why, remedy="correct it there")

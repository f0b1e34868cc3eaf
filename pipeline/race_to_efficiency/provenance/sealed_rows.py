"""Which rows of today's ledgers a published quarter was made with."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from race_to_efficiency import storage
from race_to_efficiency.errors import DataInvalid, InputMissing
from race_to_efficiency.loading.json_text import parse_json
from race_to_efficiency.provenance.first_seals import FIRST_MARKS, seal_from_json
from race_to_efficiency.provenance.kept_files import kept_bytes
from race_to_efficiency.provenance.manifest import MANIFEST, MARKS
from race_to_efficiency.provenance.row_seals import Found, Ledger

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def read_marks(folder: Path) -> dict[str, str]:
    """Return the marks of every ledger's rows from a published folder; none when that file is damaged."""
    name = FIRST_MARKS if (folder / FIRST_MARKS).exists() else MARKS
    try:
        marks = parse_json(kept_bytes(folder / name), name)
    except (InputMissing, DataInvalid):
        return {}
    return {str(key): str(value) for key, value in marks.items()} if isinstance(marks, dict) else {}


def sealed_ledger(folder: Path, raw: Path, name: str, manifest: Mapping[str, Any]) -> tuple[Ledger, Found]:
    """Return a ledger and what it holds of the rows that a quarter sealed.

    Raises
    ------
    InputMissing
        When the ledger is missing.
    """
    if not (raw / name).is_file():
        raise InputMissing(f"{name} is missing", where=str(raw / name), remedy=f"git restore -- data/raw/{name}")
    ledger = Ledger(name, storage.read_bytes(raw / name))
    seal = seal_from_json(manifest["ledgers"][name])
    return ledger, seal.find(ledger, read_marks(folder).get(name, ""), manifest["as_of"])


def sealed_lines(folder: Path, raw: Path) -> dict[str, frozenset[int]]:
    """Return the lines of today's ledgers that a published quarter was made with, by table.

    A ledger that no longer holds all of its sealed rows is left out: `race audit verify` names them.

    Raises
    ------
    InputMissing
        When a ledger is missing.
    """
    manifest = storage.read_json(folder / MANIFEST)
    lines = {}
    for name in manifest["ledgers"]:
        ledger, found = sealed_ledger(folder, raw, name, manifest)
        if found.holds:
            lines[PurePath(name).stem] = frozenset(ledger.rows[place].line for place in found.rows)
    return lines

"""Ledgers in one zip file, as `race export datapackage -o FILE.zip` writes it: packed the same way always, and read."""

from __future__ import annotations

import io
import zipfile
import zlib
from typing import TYPE_CHECKING, Any

from race_to_efficiency import storage
from race_to_efficiency.errors import DataInvalid, IntegrityError
from race_to_efficiency.ledger.schemas import TABLES
from race_to_efficiency.loading.json_text import parse_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DESCRIPTOR = "datapackage.json"
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time a zip can tell; files of a package have none."""

_READABLE = 0o644 << 16


def packed(files: Mapping[str, bytes]) -> bytes:
    """Return files as one zip: the same bytes for the same files, wherever and whenever it is made."""
    with zipfile.ZipFile(buffer := io.BytesIO(), "w") as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system, entry.external_attr = 3, _READABLE
            archive.writestr(entry, data, zipfile.ZIP_DEFLATED, 9)
    return buffer.getvalue()


def ledgers_in(path: Path) -> dict[str, bytes]:
    """Return the ledgers that a data package holds, by table.

    Parameters
    ----------
    path : Path
        A zip with datapackage.json.

    Raises
    ------
    InputMissing
        When there is no such file.
    DataInvalid
        When it is no zip, holds no data package, or a file in it is too large.
    IntegrityError
        When a ledger's bytes are not those its package describes.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(storage.read_bytes(path))) as archive:
            package = parse_json(_member(archive, DESCRIPTOR), f"{path}/{DESCRIPTOR}")
            listed = {str(item["path"]): item for item in package["resources"]}
            held = [table for table in TABLES.values() if table.file_name in listed]
            return {table.name: _checked(archive, listed[table.file_name], path) for table in held}
    except (zipfile.BadZipFile, zlib.error, KeyError, TypeError, RuntimeError) as error:
        raise DataInvalid(
            f"{path.name} is no data package of ledgers",
            where=str(path),
            why=str(error),
            remedy="make one with race export datapackage -o FILE.zip",
        ) from None


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    """Return a file of an archive, of no more than `storage.MAX_READ_BYTES` whatever it says of itself."""
    with archive.open(name) as stream:
        data = stream.read(storage.MAX_READ_BYTES + 1)
    if len(data) > storage.MAX_READ_BYTES:
        raise zipfile.BadZipFile(f"{name} is larger than {storage.MAX_READ_BYTES:,} bytes")
    return data


def _checked(archive: zipfile.ZipFile, resource: Mapping[str, Any], path: Path) -> bytes:
    data = _member(archive, resource["path"])
    if resource["hash"] != f"sha256:{storage.digest_bytes(data)}":
        raise IntegrityError(
            f"{resource['path']} is not the ledger its package describes",
            where=f"{path}/{resource['path']}",
            why="its SHA-256 differs from the one in datapackage.json",
            remedy="take the archive again from where it is kept",
        )
    return data

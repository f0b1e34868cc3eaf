"""The one door to a published folder's files: what is read is what was published, or nothing is.

A file that lies in no published folder (a run's own) is read as it is.
"""

from __future__ import annotations

import io
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from race_to_efficiency import storage
from race_to_efficiency.errors import DataInvalid, IntegrityError
from race_to_efficiency.loading.json_text import parse_json
from race_to_efficiency.provenance.kept_files import kept_path, unpacked
from race_to_efficiency.provenance.manifest import MANIFEST

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

DEEPEST = 4
"""How many folders below its manifest a published file lies at most (inputs/data/published)."""


def published_json(path: Path) -> Any:
    """Return a JSON document of a published folder or a run; see `published_bytes`."""
    return parse_json(published_bytes(path), str(path))


def published_yaml(path: Path) -> Any:
    """Return a YAML document of a published folder or a run; see `published_bytes`."""
    from race_to_efficiency.loading.yaml_text import parse_yaml

    return parse_yaml(published_bytes(path), str(path))


def published_parquet(path: Path) -> pd.DataFrame:
    """Return a table of a published folder or a run, texts as categories: few of them fill a column of many rows.

    See `published_bytes`.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    stream = io.BytesIO(published_bytes(path))
    texts = [
        item.name
        for item in pq.read_schema(stream)
        if pa.types.is_string(item.type) or pa.types.is_large_string(item.type)
    ]
    frame: pd.DataFrame = pq.read_table(stream, read_dictionary=texts).to_pandas()
    return frame


def published_bytes(path: Path) -> bytes:
    """Return a file's bytes, which are those its manifest lists where it lies in a published folder, unpacked.

    Parameters
    ----------
    path : Path

    Raises
    ------
    InputMissing
        When there is no such file.
    IntegrityError
        When the bytes are not the published ones, or the manifest is none any more.
    """
    path = kept_path(path)
    data = storage.read_bytes(path)
    folder = next((place for place in path.parents[:DEEPEST] if (place / MANIFEST).is_file()), None)
    if folder is None:
        return unpacked(data, path)
    name = path.relative_to(folder).as_posix()
    kept = folder / MANIFEST
    listed = _digests(kept, kept.stat().st_mtime_ns, kept.stat().st_size)
    if listed.get(name) != storage.digest_bytes(data):
        raise IntegrityError(
            f"{name} of {folder.name} is not what was published",
            where=str(path),
            why="its digest is not the one the manifest lists" if name in listed else "the manifest does not list it",
            remedy=f"race audit verify {folder} tells all, and how to restore it",
        )
    return unpacked(data, path)


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return a published folder's manifest.

    Raises
    ------
    InputMissing
        When the folder has none.
    IntegrityError
        When it is no manifest any more.
    """
    path = folder / MANIFEST
    try:
        document = storage.read_json(path)
        whole = isinstance(document["quarter"], str) and isinstance(document["as_of"], str)
        whole = whole and all(isinstance(document[name], dict) for name in ("files", "ledgers", "code"))
    except (DataInvalid, KeyError, TypeError):
        whole = False
    if not whole:
        raise IntegrityError(
            f"the manifest of {folder.name} is none any more", where=str(path), remedy=f"race audit verify {folder}"
        )
    manifest: dict[str, Any] = document
    return manifest


@lru_cache(maxsize=32)
def _digests(path: Path, _changed_ns: int, _size: int) -> dict[str, str]:
    """Return name -> SHA-256 of the files a manifest lists; remembered while the manifest itself does not change."""
    files = read_manifest(path.parent)["files"]
    return {name: str(entry.get("sha256")) for name, entry in files.items() if isinstance(entry, dict)}

"""What nodes found, on disk: JSON and Parquet under the digest of what was read; nothing damaged is ever believed."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from race_to_efficiency import storage
from race_to_efficiency.errors import RaceError, SystemRefused
from race_to_efficiency.loading.json_text import parse_json
from race_to_efficiency.quarter.node import NodeResult, Origin, Read, digest_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

STORE = ("data", "processed", "nodes")
"""Where a checkout remembers what its nodes found; shared by all of its quarters."""

STORE_FORMAT = 1
"""Layout of an entry; one of another layout is computed anew."""

LIMIT_BYTES = 512_000_000
"""Beyond this the entries unused for longest go: some hundred quarters, their comparisons included."""


class Store:
    """A folder of remembered results.

    Parameters
    ----------
    folder : Path
    limit_bytes : int
    """

    def __init__(self, folder: Path, *, limit_bytes: int = LIMIT_BYTES) -> None:
        self.folder, self.limit_bytes = folder, limit_bytes

    def shapes_of(self, call: str) -> list[tuple[Read, ...]]:
        """Return the lists of reads a call has had; what cannot be read is left out."""
        document = sealed(self.folder / "calls" / f"{call}.json", call)
        found = []
        for shape in document.get("shapes", ()):
            try:
                found.append(tuple(Read.from_json(read) for read in shape))
            except (KeyError, TypeError, ValueError):
                continue
        return found

    def result(self, key: str) -> NodeResult | None:
        """Return what is remembered under a key; None where nothing is, or where a byte of it has changed."""
        path = self._path(key)
        told = sealed(path, key)
        if told.get("format") != STORE_FORMAT:
            return None
        try:
            parquet = {name: storage.read_bytes(path.with_name(f"{key}.{name}.parquet")) for name in told["tables"]}
            reads = tuple((Read.from_json(read), digest) for read, digest in told["reads"])
        except (RaceError, KeyError, TypeError, ValueError):
            return None
        origins = {
            name: Origin(
                tuple(item["rows"]), tuple(item["outputs"]), tuple((row, why) for row, why in item["left_out"])
            )
            for name, item in told["origins"].items()
        }
        if digest_of(told["document"], origins, parquet) != told["digest"]:
            return None
        with contextlib.suppress(OSError):  # a checkout that may only be read
            path.touch()
        return NodeResult(told["node"], told["module"], told["document"], origins, reads, told["digest"], parquet)

    def keep(self, call: str, key: str, result: NodeResult, shapes: Sequence[tuple[Read, ...]]) -> None:
        """Write a result, its tables first; whoever reads a half-written one finds nothing.

        Where nothing can be written, nothing is remembered: that costs time and no more.
        """
        with contextlib.suppress(SystemRefused):
            self._keep(call, key, result, shapes)

    def _keep(self, call: str, key: str, result: NodeResult, shapes: Sequence[tuple[Read, ...]]) -> None:
        path = self._path(key)
        for name, data in result.parquet.items():
            storage.write_bytes(path.with_name(f"{key}.{name}.parquet"), data, durable=False)
        told = {
            "name": key,
            "format": STORE_FORMAT,
            "node": result.node,
            "module": result.module,
            "digest": result.digest,
            "reads": [[read.to_json(), digest] for read, digest in result.reads],
            "tables": list(result.parquet),
            "origins": {name: asdict(item) for name, item in result.origins.items()},
            "document": result.document,
        }
        seal(path, told)
        asked = [[read.to_json() for read in shape] for shape in shapes]
        seal(self.folder / "calls" / f"{call}.json", {"name": call, "shapes": asked})

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.json"

    def entries(self) -> list[tuple[str, int, int]]:
        """Return node id, bytes and last use (ns since the epoch, for their order) of every entry, oldest first."""
        found = []
        for path in self.folder.glob("??/*.json"):
            told = sealed(path, path.stem)
            size = sum(item.stat().st_size for item in path.parent.glob(f"{path.stem}.*"))
            found.append((str(told.get("node", "damaged")), size, path.stat().st_mtime_ns))
        return sorted(found, key=lambda entry: entry[2])

    def prune(self) -> int:
        """Remove the entries unused for longest until the store is within its limit; return the bytes removed."""
        entries: dict[tuple[Path, str], list[Path]] = {}
        for path in self.folder.glob("??/*"):
            entries.setdefault((path.parent, path.name.partition(".")[0]), []).append(path)
        found = {path: path.stat() for files in entries.values() for path in files}
        total, removed = sum(told.st_size for told in found.values()), 0
        for files in sorted(entries.values(), key=lambda files: max(found[path].st_mtime_ns for path in files)):
            if total - removed <= self.limit_bytes:
                break
            removed += sum(found[path].st_size for path in files)
            for path in files:
                path.unlink(missing_ok=True)
        return removed

    def clear(self) -> int:
        """Remove everything; return the bytes removed."""
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        removed = sum(path.stat().st_size for path in files)
        for path in files:
            path.unlink(missing_ok=True)
        return removed


def seal(path: Path, document: Any) -> None:
    """Write a document that has a ``name``, with the digest of its text before it."""
    body = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    storage.write_bytes(path, f"{storage.digest_bytes(body.encode())}\n{body}\n".encode(), durable=False)


def sealed(path: Path, name: str) -> dict[str, Any]:
    """Return the document of a sealed file; nothing where it is missing, another's, or a byte of it has changed."""
    try:
        seal, _, rest = storage.read_bytes(path).partition(b"\n")
    except RaceError:
        return {}
    body = rest.removesuffix(b"\n")
    if seal.decode("ascii", "replace") != storage.digest_bytes(body):
        return {}
    found: dict[str, Any] = parse_json(body, str(path))
    return found if found["name"] == name else {}

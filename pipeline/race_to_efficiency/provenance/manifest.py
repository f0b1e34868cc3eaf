"""The manifest of a published quarter: every file, the ledgers as they stood, the settings, the code, the environment.

A manifest names the one before it by digest, so the published quarters form a chain. Bytes decide whether a published
file is still itself; beside them a content digest stands where bytes may differ between machines (parquet, JSON), for
whoever recomputes the quarter elsewhere.
"""

from __future__ import annotations

import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import race_to_efficiency
from race_to_efficiency import storage
from race_to_efficiency.loading.json_text import parse_json
from race_to_efficiency.provenance import row_seals

if TYPE_CHECKING:
    from collections.abc import Mapping

    from race_to_efficiency.units import Quarter

MANIFEST_FORMAT = "race-to-efficiency/manifest/2"
MANIFEST = "manifest.json"
MARKS = "ledger_rows.json"
PARAMS = "params.yaml"
MAX_FILE_BYTES = 2_000_000

RESULT_LIBRARIES = (
    "jinja2",
    "lmfit",
    "matplotlib",
    "numpy",
    "pandas",
    "pandera",
    "pyarrow",
    "pydantic",
    "pyyaml",
    "scipy",
    "statsmodels",
    "typst",
)
"""Libraries whose version can change a number or a page."""


def content_digest(name: str, data: bytes) -> str | None:
    """Return the digest of a file's content where that is more lasting than its bytes, else None."""
    if name.endswith(".parquet"):
        import io

        import pandas as pd

        return storage.digest_frame(pd.read_parquet(io.BytesIO(data)))
    if name.endswith(".json"):
        return storage.digest_document(parse_json(data, name))
    return None


def file_entry(name: str, data: bytes) -> dict[str, Any]:
    """Return a file's entry in the manifest: its digest, length and content digest."""
    entry: dict[str, Any] = {"sha256": storage.digest_bytes(data), "bytes": len(data)}
    content = content_digest(name, data)
    return {**entry, "content_sha256": content} if content else entry


def machine() -> dict[str, str]:
    """Return what of this machine can move a last digit: system, processor, Python and BLAS kernel."""
    import numpy as np
    from threadpoolctl import threadpool_info

    np.ones(1) @ np.ones(1)  # loads the BLAS library, which chooses its kernel when loaded
    kernels = {str(item.get("architecture")) for item in threadpool_info() if item.get("user_api") == "blas"}
    return {
        "system": platform.system(),
        "processor": platform.machine(),
        "python": platform.python_version(),
        "blas_kernel": ",".join(sorted(kernels)) or "unknown",
    }


def libraries() -> dict[str, str]:
    """Return the installed version of every library whose version can change a number or a page."""
    found = {}
    for name in RESULT_LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "absent"
    return found


def code_in_use() -> Path:
    """Return the folder that holds the ``pipeline`` package this process runs."""
    return Path(race_to_efficiency.__file__).resolve().parents[2]


def code_record(root: Path) -> dict[str, Any]:
    """Return the digest of the code as a whole and of each of its files."""
    files = {path.relative_to(root).as_posix(): storage.digest_file(path) for path in storage.code_files(root)}
    return {"digest": storage.digest_document([list(pair) for pair in sorted(files.items())]), "files": files}


def git_state(root: Path) -> dict[str, Any]:
    """Return the commit a checkout stands on and whether anything the numbers depend on differs from it.

    Both are None where there is no git or no repository: a manifest can be made without.
    """
    inputs = ("pipeline", "data/raw", "params.yaml", "requirements.lock")
    try:
        commit = _git(root, "rev-parse", "HEAD")
        changed = _git(root, "status", "--porcelain", "--", *inputs)
    except (OSError, subprocess.CalledProcessError):
        return {"commit": None, "clean": None}
    return {"commit": commit.strip(), "clean": not changed.strip()}


def _git(root: Path, *words: str) -> str:
    command = ["git", "-C", str(root), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def seal_ledgers(raw: Path, as_of: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Return each ledger's seal and the marks of its rows, by file name."""
    seals, marks = {}, {}
    for path in sorted(raw.glob("*.csv")):
        made, marks[path.name] = row_seals.seal(row_seals.Ledger(path.name, storage.read_bytes(path)), as_of)
        seals[path.name] = made.to_json()
    return seals, marks


def seal_documents(raw: Path) -> dict[str, str]:
    """Return the digest of each file beside the ledgers that describes them (data dictionary, data package)."""
    return {
        path.name: storage.digest_file(path)
        for path in sorted(raw.iterdir())
        if path.is_file() and path.suffix != ".csv" and not path.name.startswith(".")
    }


def build(
    root: Path,
    quarter: Quarter,
    files: Mapping[str, bytes],
    seals: Mapping[str, Any],
    *,
    number: int,
    previous: Mapping[str, Any] | None,
    revision: int = 1,
    supersedes: Mapping[str, Any] | None = None,
    reason: str | None = None,
    reconstructed: bool = False,
    signed_by: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return the manifest of a quarter about to be published.

    Parameters
    ----------
    root : Path
        The checkout it is published from.
    quarter : Quarter
    files : mapping
        Name -> bytes of every file of the folder, but the manifest and what is derived from it.
    seals : mapping
        Ledger file name -> its seal (`seal_ledgers`).
    number : int
        Position in the registry, from 1.
    previous, supersedes : mapping or None
        ``{"quarter", "revision", "manifest_sha256"}`` of the entry before, and of the one this corrects.
    revision : int
    reason : str or None
        Why a revision was made.
    reconstructed : bool
        True when the quarter was published after the fact, from what the ledgers held as of its last day.
    signed_by : mapping or None
        ``{"key_id", "public_key"}`` of the key that will sign.
    """
    lock = root / "requirements.lock"
    return {
        "format": MANIFEST_FORMAT,
        "number": number,
        "quarter": str(quarter),
        "as_of": quarter.as_of.isoformat(),
        "revision": revision,
        "reconstructed": reconstructed,
        "previous": previous,
        "supersedes": supersedes,
        "reason": reason,
        "signed_by": signed_by,
        "files": {name: file_entry(name, files[name]) for name in sorted(files)},
        "ledgers": dict(seals),
        "documents": seal_documents(root / "data" / "raw"),
        "code": {**git_state(root), **code_record(code_in_use())},
        "lock_sha256": storage.digest_file(lock) if lock.exists() else None,
        "environment": {"machine": machine(), "libraries": libraries()},
    }

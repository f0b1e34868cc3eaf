"""What a process computes with: its code, the settings that came with it, its libraries; and how two processes differ.

Numbers are the same wherever they are made only where these are the same, so a worker of a cluster tells them first.
"""

from __future__ import annotations

import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from race_to_efficiency import storage
from race_to_efficiency.settings.corridor import shipped

Identity = dict[str, dict[str, str]]
"""Kind (code, settings, libraries) -> name -> digest or version."""

LIBRARIES = ("numpy", "scipy", "pandas", "pyarrow", "lmfit", "statsmodels")
"""Libraries whose release can move a digit of a fit."""

CODE_SUFFIXES = (".py", ".parquet")
"""Of the package's files: what runs, and the tables it reads that are its own."""

SHOWN = 8
"""Differences that are named."""


@cache
def own_identity() -> Identity:
    """Return what this process computes with; no path but within the package, and nothing of the machine."""
    package = Path(__file__).resolve().parents[1]
    code = {
        path.relative_to(package).as_posix(): storage.digest_file(path)
        for path in sorted(package.rglob("*"))
        if path.suffix in CODE_SUFFIXES and path.relative_to(package).parts[0] != "data"
    }
    settings: dict[str, Any] = storage.read_yaml(shipped("params.yaml"))
    return {
        "code": code,
        "settings": {name: storage.digest_document(value) for name, value in settings.items()},
        "libraries": {"Python": platform.python_version()}
        | {name: _version(name) for name in LIBRARIES}
        | {"threads of linear algebra": _blas_threads()},
    }


def _blas_threads() -> str:
    """Return how many threads linear algebra uses: a sum over another number may differ in its last digit.

    They cannot be set from a worker's thread (OpenBLAS then leaves them as they are), only be the same.
    """
    import scipy.linalg  # noqa: F401  (brings its own library, beside numpy's)
    from threadpoolctl import threadpool_info

    return ", ".join(sorted({str(pool["num_threads"]) for pool in threadpool_info() if pool["user_api"] == "blas"}))


def identity_digest(identity: Identity) -> str:
    """Return the digest of an identity."""
    return storage.digest_document(identity)


@cache
def own_digest() -> str:
    """Return the digest of what this process computes with."""
    return identity_digest(own_identity())


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"


def differences(here: Identity, there: Identity) -> list[str]:
    """Return in words how two processes differ, the first few things by name; empty where they do not."""
    found = []
    for kind, own in here.items():
        other = there.get(kind, {})
        for name in sorted(own.keys() | other.keys()):
            mine, theirs = own.get(name, "absent"), other.get(name, "absent")
            if mine != theirs:
                found.append(f"{name} {theirs} (here {mine})" if kind == "libraries" else f"{kind}: {name}")
    more = len(found) - SHOWN
    return [*found[:SHOWN], f"and {more} more"] if more > 0 else found

"""Which stages are out of date, and because of which setting, file or line of code: dvc.yaml held against dvc.lock.

DVC decides by the same comparison what it runs; here it is told before the run, with the reason.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from race_to_efficiency import storage
from race_to_efficiency.settings.corridor import Declared, declared
from race_to_efficiency.settings.params import PARAMS_FILE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


MOST_STALE = 4
"""Reasons told for each stage; the rest are counted."""


def out_of_date(root: Path) -> dict[str, list[str]]:
    """Return the stages whose own inputs or outputs are not those of their last run, each with what differs.

    A stage that reads what one of these writes is not named: it runs only if that comes out otherwise.
    """
    lock = root / "dvc.lock"
    locked = (storage.read_yaml(lock) or {}).get("stages", {}) if lock.is_file() else {}
    settings = storage.read_yaml(root / PARAMS_FILE)
    found = {name: _changes(root, stage, locked.get(name), settings) for name, stage in declared(root).items()}
    return {name: changes for name, changes in found.items() if changes}


def told(name: str, changes: list[str]) -> str:
    """Return a stage and what changed in one line."""
    more = f" and {len(changes) - MOST_STALE} more" if len(changes) > MOST_STALE else ""
    return f"  {name} is out of date: {', '.join(changes[:MOST_STALE])}{more}"


def _changes(root: Path, stage: Declared, entry: Mapping[str, Any] | None, settings: Any) -> list[str]:
    if entry is None:
        return ["it has not run here"]
    then = entry.get("params", {}).get(PARAMS_FILE, {})
    found = [] if entry.get("cmd") == stage.command else ["its command"]
    found += [leaf for name in stage.settings for leaf in _differing(name, then.get(name), _at(settings, name))]
    for key, paths in (("deps", stage.deps), ("outs", stage.outs)):
        known = {item["path"]: item.get("md5") for item in entry.get(key, ())}
        found += [path for path in paths if known.get(path) != md5(root / path)]
        found += [f"{path} is read no more" for path in known if path not in paths]
    return found


def _differing(name: str, then: Any, now: Any) -> list[str]:
    """Return the dotted names under which two values differ."""
    if isinstance(then, dict) and isinstance(now, dict):
        keys = dict.fromkeys((*then, *now))
        return [leaf for key in keys for leaf in _differing(f"{name}.{key}", then.get(key), now.get(key))]
    return [] if _alike(then, now) else [name]


def _alike(then: Any, now: Any) -> bool:
    """Compare two values of YAML files; DVC writes 1e+20, which YAML 1.1 takes for text."""
    if isinstance(then, list) and isinstance(now, list):
        return len(then) == len(now) and all(map(_alike, then, now))
    if isinstance(then, dict) and isinstance(now, dict):
        return then.keys() == now.keys() and all(_alike(then[key], now[key]) for key in then)
    if isinstance(then, str) and isinstance(now, (int, float)):
        try:
            return float(then) == now
        except ValueError:
            return False
    return bool(then == now)


def _at(document: Any, name: str) -> Any:
    for key in name.split("."):
        document = document.get(key) if isinstance(document, dict) else None
    return document


def md5(path: Path) -> str | None:
    """Return the digest DVC keeps of a file or folder; None where there is none."""
    if path.is_dir():
        files = sorted(item.relative_to(path) for item in path.rglob("*") if item.is_file())
        listed = [{"md5": md5(path / item), "relpath": item.as_posix()} for item in files]
        return _hex(json.dumps(sorted(listed, key=lambda item: str(item["relpath"]))).encode()) + ".dir"
    return _hex(storage.read_bytes(path)) if path.is_file() else None


def _hex(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()

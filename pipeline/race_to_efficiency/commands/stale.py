"""Which stages are out of date, and because of which setting, file or line of code: dvc.yaml held against dvc.lock.

DVC decides by the same comparison what it runs; here it is told before the run, with the reason.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from typing import TYPE_CHECKING, Any

from race_to_efficiency import storage
from race_to_efficiency.commands.dvc_shortcuts import LOCK_FILE
from race_to_efficiency.loading.plain_yaml import plain_document
from race_to_efficiency.settings.corridor import Declared, declared
from race_to_efficiency.settings.params import PARAMS_FILE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


MOST_STALE = 4
"""Reasons told for each stage; the rest are counted."""


def out_of_date(root: Path) -> dict[str, list[str]]:
    """Return the stages whose own inputs or outputs are not those of their last run, each with what differs.

    A stage that reads what one of these writes is not named: it runs only if that comes out otherwise.
    """
    locked = (as_dvc_reads(root / LOCK_FILE) or {}).get("stages", {}) if (root / LOCK_FILE).is_file() else {}
    settings = as_dvc_reads(root / PARAMS_FILE)
    digest = cache(md5)  # a file of code is read by several stages
    found = {name: _changes(stage, locked.get(name), settings, root, digest) for name, stage in declared(root).items()}
    return {name: changes for name, changes in found.items() if changes}


def in_doubt(root: Path) -> bool:
    """Tell whether dvc.yaml or dvc.lock says of a stage what `out_of_date` does not look at: DVC has to answer then."""
    files = [as_dvc_reads(root / name) if (root / name).is_file() else {} for name in ("dvc.yaml", LOCK_FILE)]
    if not all(isinstance(file, dict) and isinstance(file.get("stages"), dict) for file in files):
        return True
    if not files[0].keys() <= {"stages", "plots", "artifacts"} or files[1].keys() != {"schema", "stages"}:
        return True
    return not (
        all(map(_is_plain_stage, files[0]["stages"].values()))
        and all(map(_is_plain_entry, (files[1]["stages"].get(name) for name in files[0]["stages"])))
    )


def _is_plain_stage(stage: Any) -> bool:
    """Tell whether a stage of dvc.yaml has no more than a command, and names of settings and files."""
    if not isinstance(stage, dict) or not stage.keys() <= {"desc", "cmd", "params", "deps", "outs", "metrics"}:
        return False
    read = [item for key in ("params", "deps") for item in stage.get(key) or ()]
    written = [item for key in ("outs", "metrics") for item in stage.get(key) or () if not isinstance(item, str)]
    options = [option for item in written for option in item.values()]
    texts = all(isinstance(item, str) for item in (stage.get("cmd"), *read))
    return texts and all(isinstance(option, dict) and option.keys() <= {"persist"} for option in options)


def _is_plain_entry(entry: Any) -> bool:
    """Tell whether an entry of dvc.lock has one MD5 for every file, and settings of one file."""
    if not isinstance(entry, dict) or not entry.keys() <= {"cmd", "params", "deps", "outs"}:
        return False
    items = [item for key in ("deps", "outs") for item in entry.get(key, ())]
    told = all(item.get("hash") == "md5" and item.keys() <= {"path", "hash", "md5", "size", "nfiles"} for item in items)
    once = len({item["path"] for item in items}) == len(items)
    return told and once and entry.get("params", {}).keys() <= {PARAMS_FILE}


def as_dvc_reads(path: Path) -> Any:
    """Return a YAML file by the rules of DVC, which takes 1e+20 for a number and 017 for seventeen.

    Raises
    ------
    DataInvalid
        When `storage.read_yaml` refuses it.
    """
    text = storage.read_text(path)
    plain = plain_document(text)
    if plain is not None:
        return plain
    storage.read_yaml(path)
    from dvc.utils.serialize import parse_yaml

    return parse_yaml(text, path)


def told(name: str, changes: list[str]) -> str:
    """Return a stage and what changed in one line."""
    more = f" and {len(changes) - MOST_STALE} more" if len(changes) > MOST_STALE else ""
    return f"  {name} is out of date: {', '.join(changes[:MOST_STALE])}{more}"


def _changes(
    stage: Declared, entry: Mapping[str, Any] | None, settings: Any, root: Path, digest: Callable[[Path], str | None]
) -> list[str]:
    if entry is None:
        return ["it has not run here"]
    then = entry.get("params", {}).get(PARAMS_FILE, {})
    found = [] if entry.get("cmd") == stage.command else ["its command"]
    found += [name for name in stage.settings if name not in then]
    told = (name for name in stage.settings if name in then)
    found += [leaf for name in told for leaf in _differing(name, then[name], _at(settings, name))]
    for key, paths in (("deps", stage.deps), ("outs", stage.outs)):
        known = {item["path"]: item.get("md5") for item in entry.get(key, ())}
        found += [path for path in paths if known.get(path) != digest(root / path)]
        found += [f"{path} is read no more" for path in known if path not in paths]
    return found


def _differing(name: str, then: Any, now: Any) -> list[str]:
    """Return the dotted names under which two values differ."""
    if isinstance(then, dict) and isinstance(now, dict):
        keys = dict.fromkeys((*then, *now))
        return [leaf for key in keys for leaf in _differing(f"{name}.{key}", then.get(key), now.get(key))]
    return [] if then == now else [name]


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

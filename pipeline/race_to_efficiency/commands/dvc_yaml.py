"""DVC's YAML within one process: a text is parsed once, and a stage that ran changes its own lines of dvc.lock alone.

DVC parses params.yaml some four times for every stage, and all of dvc.lock, and writes all of it, after each; by a
parser in Python that took a third of a run. What is read and written stays what it was.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from race_to_efficiency import storage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LOCK_FILE, LOCK_HEAD = "dvc.lock", "schema: '2.0'\nstages:\n"
_ENTRY = re.compile(r"^  (?! )", re.MULTILINE)
"""Where the lines of a stage begin."""

_KEPT = 64
"""Texts remembered: params.yaml, dvc.yaml, dvc.lock, and each stage of it as it is and as it was."""


def remember() -> None:
    """Let DVC parse and write as told above, from now on in this process."""
    from dvc import dvcfile
    from dvc.utils import serialize, strictyaml
    from dvc.utils.serialize import _yaml

    parse = remembering(_yaml.parse_yaml)
    for module in (_yaml, serialize, strictyaml):
        module.parse_yaml = parse
    dvcfile.modify_yaml = modifying(dvcfile.modify_yaml, parse, serialize.dumps_yaml)


def remembering(parse: Callable[..., Any]) -> Callable[..., Any]:
    """Return DVC's ``parse_yaml`` with a memory of the texts it has parsed; every answer is a copy of its own.

    Parameters
    ----------
    parse : callable
        ``parse(text, path, typ)``; only the type ``safe``, plain data, is remembered.
    """

    @lru_cache(maxsize=_KEPT)
    def known(text: str, path: str) -> Any:
        return parse(text, path)

    def parse_yaml(text: str, path: Any, typ: str = "safe") -> Any:
        return deepcopy(known(text, str(path))) if typ == "safe" else parse(text, path, typ=typ)

    return parse_yaml


def modifying(modify: Callable[..., Any], parse: Callable[..., Any], dumps: Callable[[Any], str]) -> Callable[..., Any]:
    """Return DVC's ``modify_yaml`` with a shorter way for a dvc.lock as DVC writes it.

    Parameters
    ----------
    modify, parse, dumps : callable
        DVC's own: modify a file, parse a text, write one.
    """

    @contextmanager
    def modify_yaml(path: Any, fs: Any = None) -> Iterator[Any]:
        entries = entries_of(Path(path))
        if entries is None:
            with modify(path, fs=fs) as data:
                yield data
            return
        stages: dict[str, Any] = {}
        for text in entries:
            stages |= parse(f"stages:\n{text}", path)["stages"]
        texts = dict(zip(stages, entries, strict=True))
        before, data = dict(stages), {"schema": "2.0", "stages": stages}
        yield data
        if data.keys() != {"schema", "stages"}:
            storage.write_text(Path(path), dumps(data))
            return
        new = [
            texts[name] if entry is before.get(name) else dumps({"stages": {name: entry}}).partition("\n")[2]
            for name, entry in stages.items()
        ]
        storage.write_text(Path(path), LOCK_HEAD + "".join(new))

    return modify_yaml


def entries_of(path: Path) -> list[str] | None:
    """Return the lines of each stage of a dvc.lock; None of any other file, or one that DVC has not written."""
    text = storage.read_text(path) if path.name == LOCK_FILE and path.is_file() else ""
    body = text.removeprefix(LOCK_HEAD)
    if body == text or "#" in text or not all(line.startswith("  ") for line in body.split("\n")[:-1]):
        return None
    starts = [match.start() for match in _ENTRY.finditer(body)]
    return [body[start:end] for start, end in zip(starts, [*starts[1:], len(body)], strict=True)]

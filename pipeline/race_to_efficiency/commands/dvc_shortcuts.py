"""Shortcuts for DVC within one process: a text is parsed once, and a stage that ran changes its own lines of dvc.lock.

DVC parses params.yaml some four times for every stage, and all of dvc.lock, and writes all of it, after each; by a
parser in Python that took a third of a run. What is plain is read by libyaml and written here (`loading.plain_yaml`).
What is read and written stays what it was.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

from race_to_efficiency import storage
from race_to_efficiency.loading.plain_yaml import bare_text, is_bare, plain_document

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LOCK_FILE, LOCK_HEAD, STAGES = "dvc.lock", "schema: '2.0'\nstages:\n", "stages:\n"
MOST_CHARACTERS = 80 - len("    - ")
"""Of a line of a file's entry: DVC's writer breaks longer ones."""
_ENTRY = re.compile(r"^  (?! )", re.MULTILINE)
"""Where the lines of a stage begin."""


def take() -> None:
    """Let DVC take these shortcuts from now on in this process."""
    from dvc import dvcfile
    from dvc.stage import cache
    from dvc.utils import serialize, strictyaml
    from dvc.utils.serialize import _yaml

    texts = Texts(_yaml.parse_yaml, serialize.dumps_yaml)
    for module in (_yaml, serialize, strictyaml):
        module.parse_yaml = texts.parse
    dvcfile.modify_yaml = texts.modifying(dvcfile.modify_yaml)
    cache._can_hash = outs_first(cache._can_hash)  # noqa: SLF001


class Texts:
    """YAML texts as DVC parses them, each parsed once; every answer is a copy of its own.

    Parameters
    ----------
    parse : callable
        DVC's ``parse(text, path, typ)``; only the type ``safe``, plain data, is remembered.
    dumps : callable
        DVC's: a document as text.
    """

    def __init__(self, parse: Callable[..., Any], dumps: Callable[[Any], str]) -> None:
        self._parse, self._dumps = parse, dumps
        self._known: dict[str, Any] = {}

    def parse(self, text: str, path: Any, typ: str = "safe") -> Any:
        """Return what DVC's ``parse_yaml`` does; a dvc.lock as DVC writes it is put together from its stages."""
        if typ != "safe":
            return self._parse(text, path, typ=typ)
        entries = entries_of(text)
        if entries is None:
            return deepcopy(self._once(text, path))
        stages = [self._once(STAGES + entry, path)["stages"] for entry in entries]
        return {"schema": "2.0", "stages": deepcopy({name: one for stage in stages for name, one in stage.items()})}

    def _once(self, text: str, path: Any) -> Any:
        if text not in self._known:
            plain = plain_document(text)
            self._known[text] = self._parse(text, path) if plain is None else plain
        return self._known[text]

    def modifying(self, modify: Callable[..., Any]) -> Callable[..., Any]:
        """Return DVC's ``modify_yaml`` with a shorter way for a dvc.lock as DVC writes it."""

        @contextmanager
        def modify_yaml(path: Any, fs: Any = None) -> Iterator[Any]:
            place = Path(path)
            text = storage.read_text(place) if place.name == LOCK_FILE and place.is_file() else ""
            entries = entries_of(text)
            if entries is None:
                with modify(path, fs=fs) as data:
                    yield data
                return
            data = self.parse(text, path)
            before = dict(data["stages"])
            lines = dict(zip(before, entries, strict=True))
            yield data
            if data.keys() != {"schema", "stages"}:
                storage.write_text(place, self._dumps(data))
                return
            new = [
                lines[name] if entry is before.get(name) else self._written(name, entry)
                for name, entry in data["stages"].items()
            ]
            storage.write_text(place, LOCK_HEAD + "".join(new))

        return modify_yaml

    def _written(self, name: str, entry: dict[str, Any]) -> str:
        """Return the lines of a stage, and remember what they say."""
        if entry and is_bare(name):
            text = f"  {name}:\n" + "".join(self._part(name, key, value) for key, value in entry.items())
        else:
            text = self._dumps({"stages": {name: entry}}).removeprefix(STAGES)
        self._known[STAGES + text] = deepcopy({"stages": {name: entry}})
        return text

    def _part(self, name: str, key: str, value: Any) -> str:
        """Return the lines of one key of a stage: files it reads and writes are put down here, the rest by DVC."""
        if not isinstance(value, list) or not value or not is_bare(key):
            return self._by_dvc(name, key, value)
        head = f"    {key}:\n"
        return head + "".join(_item(item) or self._by_dvc(name, key, [item]).removeprefix(head) for item in value)

    def _by_dvc(self, name: str, key: str, value: Any) -> str:
        return self._dumps({"stages": {name: {key: value}}}).removeprefix(f"{STAGES}  {name}:\n")


def _item(item: Any) -> str:
    """Return the lines of a file that a stage reads or writes; nothing where DVC might write them otherwise."""
    texts = {name: bare_text(value) for name, value in item.items()} if isinstance(item, dict) else {}
    lines = [f"{name}: {text}" for name, text in texts.items() if text and is_bare(name)]
    if not lines or len(lines) < len(texts) or max(map(len, lines)) > MOST_CHARACTERS:
        return ""
    return "    - " + "\n      ".join(lines) + "\n"


def entries_of(text: str) -> list[str] | None:
    """Return the lines of each stage of a dvc.lock; None of any other text, or one that DVC has not written so."""
    body = text.removeprefix(LOCK_HEAD)
    if body == text or not body or "#" in text or not all(line.startswith("  ") for line in body.split("\n")[:-1]):
        return None
    starts = [match.start() for match in _ENTRY.finditer(body)]
    entries = [body[start:end] for start, end in zip(starts, [*starts[1:], len(body)], strict=True)]
    names = {entry.partition("\n")[0] for entry in entries}
    return entries if len(names) == len(entries) else None


def outs_first(can_hash: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """Return DVC's question whether it may keep a run of a stage, without the digests of what it reads where not.

    DVC keeps no run of a stage whose outputs persist, as ours do, and looks at that last.
    """

    def may(stage: Any) -> bool:
        return not any(out.persist for out in stage.outs) and can_hash(stage)

    return may

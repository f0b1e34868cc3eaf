"""What a piece of work reads: every setting it looks at and every file it opens, written down while it runs.

A setting is read where it is asked of its section as an attribute, or told by ``model_dump`` to what is written. What a
node is remembered under (`quarter.reading`) is no reading: it may name more than the node looks at.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from race_to_efficiency.settings.section import SettingsSection

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Reads:
    """What was read so far.

    Parameters
    ----------
    settings : set of str
        Dotted names of leaves.
    files : set of Path
        Opened for reading.
    """

    settings: set[str] = field(default_factory=set)
    files: set[Path] = field(default_factory=set)


_LISTENING: list[Reads] = []


def _opened(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open" and _LISTENING and isinstance(arguments[0], (str, bytes, Path)):
        _, mode, flags = arguments
        writes = ("w" in mode or "a" in mode or "x" in mode) if isinstance(mode, str) else bool(flags & 3)
        inside = str(arguments[0]).startswith(sys.prefix)  # a library's own file, wherever its environment lies
        if not writes and not inside:
            for reads in _LISTENING:
                reads.files.add(Path(str(arguments[0])))


sys.addaudithook(_opened)  # for the life of the process; it does nothing while nobody listens


def _places(model: SettingsSection, place: str, found: dict[int, str]) -> dict[int, str]:
    found[id(model)] = place
    for name in type(model).model_fields:
        value = model.__dict__.get(name)
        if isinstance(value, SettingsSection):
            _places(value, f"{place}.{name}" if place else name, found)
    return found


def leaves(model: SettingsSection, place: str = "") -> set[str]:
    """Return the dotted names of every setting under a model; a list or an open mapping is one."""
    found = set()
    for name in type(model).model_fields:
        value, dotted = model.__dict__.get(name), f"{place}.{name}" if place else name
        found |= leaves(value, dotted) if isinstance(value, SettingsSection) else {dotted}
    return found


@contextmanager
def recorded(params: SettingsSection) -> Iterator[Reads]:
    """Write down what is read of ``params``, and of the files, in this process."""
    reads, places, alive = Reads(), _places(params, "", {}), [params]
    ask, copy, tell = SettingsSection.__getattribute__, SettingsSection.model_copy, SettingsSection.model_dump

    def place_of(model: SettingsSection) -> str | None:
        return places.get(id(model))

    def asked(model: SettingsSection, name: str) -> Any:
        value = ask(model, name)
        place = places.get(id(model))
        if place is not None and name in type(model).model_fields and not isinstance(value, SettingsSection):
            reads.settings.add(f"{place}.{name}" if place else name)
        return value

    def copied(model: SettingsSection, **options: Any) -> Any:
        made = copy(model, **options)
        if id(model) in places:
            alive.append(made)
            _places(made, places[id(model)], places)
        return made

    def told(model: SettingsSection, **options: Any) -> Any:
        place = place_of(model)
        if place is not None and not sys._getframe(1).f_code.co_filename.endswith("quarter/reading.py"):
            kept = set(options.get("include") or type(model).model_fields) - set(options.get("exclude") or ())
            reads.settings.update(
                leaf for leaf in leaves(model, place) if leaf.removeprefix(f"{place}.").partition(".")[0] in kept
            )
        return tell(model, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SettingsSection, "__getattribute__", asked)
        patch.setattr(SettingsSection, "model_copy", copied)
        patch.setattr(SettingsSection, "model_dump", told)
        _LISTENING.append(reads)
        try:
            yield reads
        finally:
            _LISTENING.remove(reads)

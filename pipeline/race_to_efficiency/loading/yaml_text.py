"""YAML within bounds: nesting and values are counted on the parser's events, an alias as often as it is used."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml
from yaml.constructor import ConstructorError

from race_to_efficiency.loading.bounds import MAX_DEPTH, MAX_DIGITS, decoded, invalid

if TYPE_CHECKING:
    from collections.abc import Hashable

MAX_BYTES = 1_000_000
"""Largest YAML document; params.yaml has 10 kB."""

MAX_VALUES = 20_000
"""Most values of a YAML document with its aliases written out; params.yaml has 700."""

_MERGE = "tag:yaml.org,2002:merge"
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")


def parse_yaml(data: bytes | str, where: str) -> Any:
    """Return a YAML document: data, never objects.

    Parameters
    ----------
    data, where
        As `parse_json`.

    Raises
    ------
    DataInvalid
        When it is no YAML, is larger or deeper than the bounds with its aliases written out, repeats a key, carries a
        tag, or holds a date that does not exist or a number that is not finite; line and column are named.
    """
    text = decoded(data, where) if isinstance(data, bytes) else data
    if len(text) > MAX_BYTES:
        raise invalid("YAML", where, f"it is larger than {MAX_BYTES:,} bytes")
    try:
        _check_events(text)
        loader = _Loader(text)
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{where}:{mark.line + 1}:{mark.column + 1}" if mark else where
        why = getattr(error, "problem", None) or str(error).partition("\n")[0]
        raise invalid("YAML", place, why) from None


def _check_events(text: str) -> None:
    """Refuse a YAML text by its events, before anything is built."""
    anchored: dict[str | None, tuple[int, int]] = {}  # what an anchor names: values, levels
    opened: list[_Open] = [_Open(None)]
    for event in yaml.parse(text, Loader=_Loader):
        values, levels = 0, 0
        if isinstance(event, yaml.CollectionEndEvent):
            closed = opened.pop()
            values, levels = closed.values + 1, closed.levels + 1
            anchored[closed.anchor] = values, levels
        elif isinstance(event, yaml.CollectionStartEvent):
            opened.append(_Open(event.anchor))
        elif isinstance(event, yaml.AliasEvent):
            if any(event.anchor == collection.anchor for collection in opened):
                raise problem(event, f"the alias *{event.anchor} stands inside what it names")
            values, levels = anchored.get(event.anchor, (1, 0))
        elif isinstance(event, yaml.ScalarEvent):
            values = 1
            anchored[event.anchor] = 1, 0
        _check_tag(event)
        opened[-1].values += values
        opened[-1].levels = max(opened[-1].levels, levels)
        if len(opened) - 1 + levels > MAX_DEPTH:
            raise problem(event, f"it is nested more than {MAX_DEPTH} deep")
        if sum(collection.values for collection in opened) > MAX_VALUES:
            raise problem(event, f"it holds more than {MAX_VALUES:,} values, aliases written out")


@dataclass
class _Open:
    """A collection whose end has not been met: its anchor, the values in it so far, and how deep they are nested."""

    anchor: str | None
    values: int = 0
    levels: int = 0


def _check_tag(event: yaml.Event) -> None:
    if getattr(event, "tag", None) not in (None, "!"):
        raise problem(event, f"the tag {event.tag} is not read: data only")  # type: ignore[attr-defined]


def problem(place: yaml.Event | yaml.Node, what: str) -> ConstructorError:
    """Return the error that names a place of the text."""
    return ConstructorError(None, None, what, place.start_mark)  # type: ignore[arg-type]


class _Loader(yaml.CSafeLoader):
    """PyYAML's safe loader, which besides refuses repeated keys, endless numbers, and what is no number or date."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        if node.tag in _NUMBERS and len(node.value) > MAX_DIGITS:
            raise problem(node, f"it holds a number of more than {MAX_DIGITS} digits")
        try:
            value = super().construct_object(node, deep=deep)
        except (ValueError, OverflowError) as error:  # a date that does not exist, digits that are none
            raise problem(node, f"'{node.value}': {error}") from None
        if isinstance(value, float) and not math.isfinite(value):
            raise problem(node, f"{node.value} is no finite number")
        return value

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        own = [key for key, _ in node.value if key.tag != _MERGE]  # a merged key may be given again: that is its use
        mapping = super().construct_mapping(node, deep=deep)
        seen = set()
        for key_node in own:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise problem(key_node, f"the key '{key}' stands twice")
            seen.add(key)
        return mapping

"""The plain part of YAML 1.2, fast: mappings, lists and short values as machines write them.

DVC's parser is written in Python and takes a second for what libyaml reads in a twentieth. What this module answers is
what that parser answers; of every other text it says so, and that parser is asked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import yaml

_CHARACTERS = re.compile(r"[ -~\n]*")
_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,17}")
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]{0,17})\.[0-9]{1,17}(?:[eE][-+]?[0-9]{1,2})?|-?[1-9][0-9]?e[-+]?[0-9]{1,2}")
_DIGEST = re.compile(r"(?=.*[acdf])[0-9a-f]{32}(?:\.dir)?")
"""Hex digits that are no number: none is written with one of these letters, but for 0x before it."""
_WORDS = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("null", "Null", "NULL", "~", ""), None),
}
_LETTERS = re.compile(r"[A-Za-z/_(]")
"""What a text may begin with that is no number, date or sign, whatever follows; `_WORDS` are told apart before."""
_IN_NO_NUMBER = re.compile(r"[0-9].*[G-HJ-MP-SU-WYghj-mp-su-wy/]")
"""Begins with a digit and holds a letter that no number and no date has."""


class NotPlain(Exception):
    """The text holds more than this module reads."""


def plain_document(text: str) -> dict[str, Any] | None:
    """Return a YAML document; None of every text that holds, or may hold, anything but the plain part of YAML 1.2.

    Parameters
    ----------
    text : str

    Returns
    -------
    dict or None
        Keys are texts.
    """
    if not _CHARACTERS.fullmatch(text):
        return None
    try:
        return _built(text, escapes="\\" in text)
    except (NotPlain, yaml.YAMLError):
        return None


def _built(text: str, *, escapes: bool) -> dict[str, Any]:
    """Return the document of the text's events; double quotes are not read where there are ``escapes``."""
    events: Any = yaml.parse(text, Loader=yaml.CSafeLoader)
    _expect(events, yaml.StreamStartEvent)
    _require(not _expect(events, yaml.DocumentStartEvent).explicit)
    start = _expect(events, yaml.MappingStartEvent)
    _require_bare(start)
    document: dict[str, Any] = {}
    opened = [_Open(document, start.flow_style)]
    for event in events:
        if type(event) in _ENDS:
            opened.pop()
            if not opened:
                break
            continue
        _require(not opened[-1].flow)  # `[a:b]` may be read in two ways: there, nothing but what is empty is read
        _require_bare(event)
        if type(event) in _STARTS:
            value = _STARTS[type(event)]()
            opened[-1].take(value)
            opened.append(_Open(value, event.flow_style))
        else:
            opened[-1].take(_scalar(event, escapes=escapes))
    _require(not _expect(events, yaml.DocumentEndEvent).explicit)
    _expect(events, yaml.StreamEndEvent)
    return document


_ENDS = (yaml.MappingEndEvent, yaml.SequenceEndEvent)
_STARTS: dict[type, type] = {yaml.MappingStartEvent: dict, yaml.SequenceStartEvent: list}


@dataclass
class _Open:
    """A collection whose end has not been met: whether it stands in brackets, and the key whose value is awaited."""

    collection: Any
    flow: bool
    key: str | None = None

    def take(self, value: Any) -> None:
        """Take an item, a key or the value of the key before it."""
        if isinstance(self.collection, list):
            self.collection.append(value)
        elif self.key is None:
            _require(isinstance(value, str) and value not in self.collection)
            self.key = value
        else:
            self.collection[self.key], self.key = value, None


def _require(holds: bool) -> None:
    if not holds:
        raise NotPlain


def _expect(events: Any, kind: type) -> Any:
    event = next(events)
    _require(type(event) is kind)
    return event


def _require_bare(event: Any) -> None:
    """Refuse an alias, and what carries an anchor or a tag."""
    _require(type(event) is not yaml.AliasEvent and event.anchor is None and event.tag is None)


def _scalar(event: Any, *, escapes: bool) -> Any:
    """Return a scalar's value."""
    text: str = event.value
    if not event.style:
        return plain_value(text)
    _require(event.style == "'" or (event.style == '"' and not escapes))
    return text


def plain_value(text: str) -> str | int | float | bool | None:
    """Return what a text means that stands without quotes.

    Parameters
    ----------
    text : str

    Raises
    ------
    NotPlain
        When that is not plain to see.
    """
    if text in _WORDS:
        return _WORDS[text]
    if _LETTERS.match(text) or _DIGEST.fullmatch(text) or _IN_NO_NUMBER.match(text):
        return text
    if _WHOLE.fullmatch(text):
        return int(text)
    if _DECIMAL.fullmatch(text):
        return float(text)
    raise NotPlain


_BARE = re.compile(r"[A-Za-z][A-Za-z0-9_./-]{0,99}")
"""What DVC's writer puts down as it is, be it a key or a value, on a line that is long enough."""


def is_bare(text: str) -> bool:
    """Tell whether a text is a name or a path that is surely written without quotes."""
    return bool(_BARE.fullmatch(text)) and text not in _WORDS


def bare_text(value: Any) -> str:
    """Return a value as DVC's writer writes it; nothing where it is no whole number, name, path or digest."""
    if type(value) is int:
        return str(value)
    return value if isinstance(value, str) and (is_bare(value) or _DIGEST.fullmatch(value)) else ""

"""JSON within bounds: nesting, digits and number of values are counted on the text, before anything is built."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, NoReturn

from race_to_efficiency.loading.bounds import MAX_DEPTH, MAX_DIGITS, decoded, invalid

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_JSON_BYTES = 32_000_000
"""Largest JSON document; the largest of ours has 1.5 MB."""

MAX_JSON_VALUES = 1_000_000
"""Most values of a JSON document, about 100 MB in memory; the largest of ours has 90,000."""

_TEXTS = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_BRACKETS = re.compile(r"[\[\]{}]+")
_HALF_PAIR = re.compile(r"\\u[dD][89a-fA-F]")


class _Refused(ValueError):
    """A value that JSON's grammar allows and this project does not."""


class Repeated(tuple[Any, ...]):
    """The values of a name that stands several times in one object, in a document of which we read only some names."""

    __slots__ = ()


def parse_json(data: bytes | str, where: str, *, keep_repeated: bool = False, not_finite: bool = False) -> Any:
    """Return a JSON document.

    Parameters
    ----------
    data : bytes or str
        UTF-8 when bytes; a leading byte-order mark is dropped.
    where : str
        How to name the place in an error: the path, with the line where there is one.
    keep_repeated : bool
        Return a name that stands several times as `Repeated` instead of refusing it: for publishers' files, which
        repeat names we do not read.
    not_finite : bool
        Return NaN and Infinity as the floats they are: for logs, where a loss that is none is news.

    Raises
    ------
    DataInvalid
        When it is no JSON, is larger or deeper than the bounds, repeats a key, or holds a number that is not finite.
    """
    text = decoded(data, where) if isinstance(data, bytes) else data
    if len(text) > MAX_JSON_BYTES:
        raise invalid("JSON", where, f"it is larger than {MAX_JSON_BYTES:,} bytes")
    _check_shape(text, where)
    try:
        document = (_KEEPING if keep_repeated else _LOGGED if not_finite else _STRICT).decode(text)
        if _HALF_PAIR.search(text):
            json.dumps(document, ensure_ascii=False).encode("utf-8")
    except json.JSONDecodeError as error:
        raise invalid("JSON", f"{where}:{error.lineno}:{error.colno}", error.msg) from None
    except UnicodeEncodeError:
        raise invalid("JSON", where, "it holds half of a surrogate pair, which is no character") from None
    except _Refused as error:
        raise invalid("JSON", where, str(error)) from None
    return document


def _check_shape(text: str, where: str) -> None:
    """Refuse a JSON text that is nested too deeply or holds too much, before it is built.

    String literals are taken out first, so that brackets inside them do not count; then rounds of removing the
    innermost pairs of brackets measure the depth.
    """
    if len(text) <= MAX_JSON_VALUES and text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    bare = _TEXTS.sub('""', text)
    if bare.count(",") + bare.count("[") + bare.count("{") > MAX_JSON_VALUES:
        raise invalid("JSON", where, f"it holds more than {MAX_JSON_VALUES:,} values")
    brackets = "".join(_BRACKETS.findall(bare)).translate(str.maketrans("[]{}", "()()"))
    for _ in range(MAX_DEPTH):
        brackets = brackets.replace("()", "")
    if "()" in brackets or brackets.count("(") > MAX_DEPTH:
        raise invalid("JSON", where, f"it is nested more than {MAX_DEPTH} deep")


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object's members; a repeated name would silently lose the first of its values."""
    members: dict[str, Any] = {}
    for name, value in pairs:
        if name in members:
            raise _Refused(f"the name '{name}' stands twice in one object")
        members[name] = value
    return members


def _all_kept(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object's members, those of a repeated name together."""
    found: dict[str, list[Any]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return {name: values[0] if len(values) == 1 else Repeated(values) for name, values in found.items()}


def _whole(text: str) -> int:
    return int(_short(text))


def _finite(text: str) -> float:
    value = float(_short(text))
    if not math.isfinite(value):
        raise _Refused(f"{text} is no finite number")
    return value


def _short(text: str) -> str:
    if len(text) > MAX_DIGITS:
        raise _Refused(f"it holds a number of more than {MAX_DIGITS} digits")
    return text


def _no_constant(text: str) -> NoReturn:
    raise _Refused(f"{text} is no finite number")


def _decoder(
    objects: Callable[[list[tuple[str, Any]]], Any], constant: Callable[[str], float] = _no_constant
) -> json.JSONDecoder:
    return json.JSONDecoder(object_pairs_hook=objects, parse_float=_finite, parse_int=_whole, parse_constant=constant)


_STRICT, _KEEPING, _LOGGED = _decoder(_once_each), _decoder(_all_kept), _decoder(_once_each, float)

"""What the typed record of a JSON document says beside its types; `json_records` makes the JSON Schemas from it.

A record is a `TypedDict`, or a dataclass, beside the code that makes the document. Nothing here is read while a command
runs, and nothing heavy is loaded.
"""

from __future__ import annotations

import collections.abc
import inspect
from dataclasses import is_dataclass
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Annotated, Any, NotRequired, TypeVar, get_type_hints

from typing_extensions import TypedDict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Record = TypeVar("Record", bound=type)

HOOK = "__get_pydantic_json_schema__"
"""Method by which pydantic lets a type say its own JSON Schema."""


class Means:
    """What a field means, with its unit, and further words of JSON Schema on it.

    Parameters
    ----------
    description : str
    **words
        Keywords of JSON Schema, e.g. ``minimum=0``; a limit on numbers says nothing of null.

    Examples
    --------
    >>> Means("Loss ratio R*.", exclusiveMinimum=0, maximum=1).words
    {'description': 'Loss ratio R*.', 'exclusiveMinimum': 0, 'maximum': 1}
    """

    def __init__(self, description: str = "", **words: Any) -> None:
        self.words = ({"description": description} if description else {}) | words

    def __get_pydantic_json_schema__(self, schema: Any, make: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        return {**make(schema), **self.words}


class Written:
    """Marks a mapping that is another record as its ``to_json`` writes it; named, so that nothing is loaded for it.

    Parameters
    ----------
    name : str
        ``module.within.the.package:Record``.
    *properties
        Properties that are written beside the fields of a dataclass.
    only : sequence of str
        Fields that are written; all by default.
    without : sequence of str
        Fields that are not written.
    newer : sequence of str
        Fields that records written by earlier versions lack.
    """

    def __init__(
        self,
        name: str,
        *properties: str,
        only: Sequence[str] = (),
        without: Sequence[str] = (),
        newer: Sequence[str] = (),
    ) -> None:
        self.name, self.properties, self.only, self.without, self.newer = name, properties, only, without, newer

    def __get_pydantic_core_schema__(self, source: Any, make: Any) -> Any:
        record = resolve_name(f"race_to_efficiency.{self.name}")
        return make.generate_schema(self._as_mapping(record) if is_dataclass(record) or self.only else record)

    def _as_mapping(self, record: Any) -> Any:
        """Return a record as the mapping that is written."""
        known = vars(collections.abc)  # what modules import for type checkers alone
        fields = get_type_hints(record, localns=known, include_extras=True)
        for name in self.properties:
            getter = getattr(record, name).fget
            hints = get_type_hints(getter, localns=known)
            fields[name] = Annotated[hints.pop("return"), Means(inspect.getdoc(getter) or "")]
        written = {
            name: NotRequired[kind] if name in self.newer else kind
            for name, kind in fields.items()
            if name not in self.without and (not self.only or name in self.only)
        }
        made: Any = TypedDict(record.__name__, written)  # type: ignore[misc]
        made.__doc__ = record.__doc__
        setattr(made, "__orig_bases__", getattr(record, "__orig_bases__", record.__bases__))  # noqa: B010
        if hasattr(record, HOOK) and not self.only:
            setattr(made, HOOK, getattr(record, HOOK))
        return made


def further(**words: Any) -> Callable[[Record], Record]:
    """Give a record words of JSON Schema that hold several of its fields to each other."""

    def given(record: Record) -> Record:
        setattr(record, HOOK, Means(**words).__get_pydantic_json_schema__)
        return record

    return given


def when(condition: dict[str, Any], then: dict[str, Any], otherwise: dict[str, Any]) -> dict[str, Any]:
    """Return JSON Schema's condition on an object's fields: name to schema, an empty mapping where nothing is said."""
    parts = {"if": condition, "then": then, "else": otherwise}
    return {word: {"properties": fields} for word, fields in parts.items() if fields}


Count = Annotated[int, Means(minimum=0)]
AtLeast1 = Annotated[int, Means(minimum=1)]
NotNegative = Annotated[float, Means(minimum=0)]
Share = Annotated[float, Means(minimum=0, maximum=1)]
Positive = Annotated[float, Means(exclusiveMinimum=0)]
Target = Annotated[float, Means("Loss ratio R*.", exclusiveMinimum=0, maximum=1)]
Day = Annotated[str, Means(pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
AsOf = Annotated[Day, Means("Last day of the quarter: nothing recorded or released later is used.")]
QuarterName = Annotated[str, Means("Quarter, e.g. 2026Q1.", pattern="^[0-9]{4}Q[1-4]$")]
Sha256 = Annotated[str, Means(pattern="^[0-9a-f]{64}$")]
Unbounded = Annotated[float, Means(type=["number", "null"])]
"""A number that is written as null where it is infinite."""

Word = Annotated[str, Means(minLength=1)]
Value = TypeVar("Value")
LEVELS_NAMED = Means(propertyNames={"pattern": "^0[.][0-9]+$"})
Levels = Annotated[dict[str, Value], LEVELS_NAMED]
Cell = float | str | bool | None
Notes = Annotated[list[str], Means("What a reader must know beside the figures.")]
Reasons = Annotated[list[str], Means("Why the status is not 'trusted', in words.")]

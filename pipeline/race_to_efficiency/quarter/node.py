"""Nodes: pure functions of what they read, which remember what that was.

A node's function gets a `Reading`: the one handle through which it can see rows, settings, the date, the seed or
another node. What it asked for becomes its list of reads, each with the digest of what was found; under those
digests (and that of the code it reaches) its result is remembered. Asked again, in this world or another, it is
computed only where one of its reads would find something else.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, is_dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from race_to_efficiency import storage
from race_to_efficiency.parquet import parquet_bytes, parquet_frame
from race_to_efficiency.quarter.world import Selection

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pandas as pd

    Function = Callable[..., "Computed"]


NODES: dict[str, Node] = {}
"""Every node by its name; a module that declares one is imported by `quarter.evaluate`."""


@dataclass(frozen=True)
class Node:
    """A named function of a world.

    Parameters
    ----------
    name : str
        Room and quantity, as in ``kappa.group``.
    function : callable
        ``function(reading, *arguments)`` gives a `Found`; at the top of a module.
    revive : callable, optional
        Makes the live object (`Reading.live`) from a remembered result, where that takes less than to compute again.
    """

    name: str
    function: Function
    revive: Callable[[NodeResult], Any] | None = None

    def __post_init__(self) -> None:
        NODES[self.name] = self

    def called(self, arguments: Sequence[str]) -> str:
        """Return the id of a call: the name and its arguments."""
        return ":".join((self.name, *arguments))


@dataclass(frozen=True)
class Origin:
    """What one output of a node rests on.

    Parameters
    ----------
    rows : tuple of str
        ``TABLE/ID`` of the rows that took part.
    outputs : tuple of str
        Outputs of other nodes that took part, ``NODE#OUTPUT``.
    left_out : tuple of (str, str)
        Rows that could have taken part and did not, with the reason.
    """

    rows: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, eq=False)
class Computed:
    """What a node's function returns.

    Parameters
    ----------
    document : object
        JSON-ready.
    tables : mapping of str to DataFrame
    origins : mapping of str to Origin
        By output: what each number of the document rests on.
    live : object
        For further work in this process (`Reading.live`); never stored.
    """

    document: Any
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    origins: Mapping[str, Origin] = field(default_factory=dict)
    live: Any = None


@dataclass(frozen=True)
class Read:
    """One thing a node asked for.

    Parameters
    ----------
    kind : {'rows', 'settings', 'item', 'names', 'scenario', 'date', 'seed', 'node'}
    what : tuple
        How to ask for it again in any world.
    """

    kind: str
    what: tuple[Any, ...]

    def to_json(self) -> list[Any]:
        """Return the request as JSON; a node is told by its name."""
        told = [
            item.name
            if isinstance(item, Node)
            else asdict(item)
            if is_dataclass(item) and not isinstance(item, type)
            else item
            for item in self.what
        ]
        return [self.kind, *(list(item) if isinstance(item, tuple) else item for item in told)]

    @classmethod
    def from_json(cls, document: Sequence[Any]) -> Read:
        """Return the request that `to_json` told.

        Raises
        ------
        KeyError, TypeError, ValueError
            When it names a node or a field there is none of: other code wrote it.
        """
        kind, *what = document
        if kind == "rows":
            (told,) = what
            where = tuple((column, text) for column, text in told.pop("where"))
            return cls(kind, (Selection(where=where, columns=tuple(told.pop("columns")), **told),))
        if kind == "node":
            name, arguments = what
            return cls(kind, (NODES[name], tuple(arguments)))
        return cls(kind, tuple(tuple(item) if isinstance(item, list) else item for item in what))


@dataclass(frozen=True, eq=False)
class NodeResult:
    """A remembered call of a node.

    Parameters
    ----------
    node : str
        Id of the call.
    module : str
        Where its function stands; the code it reaches is `code.modules_reached` of it.
    document, origins
        As `Found`.
    reads : tuple of (Read, str)
        What was asked for, in order, with the digest of what was found.
    digest : str
        Of document, tables and origins.
    parquet : mapping of str to bytes
        The tables as they are stored.
    """

    node: str
    module: str
    document: Any
    origins: Mapping[str, Origin]
    reads: tuple[tuple[Read, str], ...]
    digest: str
    parquet: Mapping[str, bytes]

    @cached_property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The tables, read when they are first asked for."""
        return {name: parquet_frame(data) for name, data in self.parquet.items()}

    @classmethod
    def of(cls, node: str, module: str, found: Computed, reads: tuple[tuple[Read, str], ...]) -> NodeResult:
        """Return a result with its digest; the document becomes what its JSON would read back as."""
        document = storage.json_value(found.document)
        parquet = {name: parquet_bytes(frame) for name, frame in found.tables.items()}
        digest = digest_of(document, found.origins, parquet)
        return cls(node, module, document, dict(found.origins), reads, digest, parquet)


def digest_of(document: Any, origins: Mapping[str, Origin], parquet: Mapping[str, bytes]) -> str:
    """Return the digest of what a node found."""
    told = {name: [item.rows, item.outputs, item.left_out] for name, item in origins.items()}
    return storage.digest_json([document, told, {name: storage.digest_bytes(data) for name, data in parquet.items()}])

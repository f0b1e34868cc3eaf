"""Nodes: pure functions of what they read, which remember what that was.

A node's function gets a `Reading`: the one handle through which it can see rows, settings, the date, the seed or
another node. What it asked for becomes its list of reads, each with the digest of what was found; under those
digests (and that of the code it reaches) its result is remembered. Asked again, in this world or another, it is
computed only where one of its reads would find something else.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, is_dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from race_to_efficiency import storage
from race_to_efficiency.errors import RaceError
from race_to_efficiency.executors.place import HERE
from race_to_efficiency.quarter.code import code_digest
from race_to_efficiency.quarter.world import Selection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import date

    import pandas as pd

    from race_to_efficiency.executors.place import Place
    from race_to_efficiency.quarter.store import Store
    from race_to_efficiency.quarter.world import World
    from race_to_efficiency.settings.scenarios import ScenarioParams

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
        return {name: storage.parquet_frame(data) for name, data in self.parquet.items()}

    @classmethod
    def of(cls, node: str, module: str, found: Computed, reads: tuple[tuple[Read, str], ...]) -> NodeResult:
        """Return a result with its digest; the document becomes what its JSON would read back as."""
        document = storage.json_value(found.document)
        parquet = {name: storage.parquet_bytes(frame) for name, frame in found.tables.items()}
        digest = digest_of(document, found.origins, parquet)
        return cls(node, module, document, dict(found.origins), reads, digest, parquet)


def digest_of(document: Any, origins: Mapping[str, Origin], parquet: Mapping[str, bytes]) -> str:
    """Return the digest of what a node found."""
    told = {name: [item.rows, item.outputs, item.left_out] for name, item in origins.items()}
    return storage.digest_json([document, told, {name: storage.digest_bytes(data) for name, data in parquet.items()}])


class Reading:
    """What a node's function can see, each request written down.

    Parameters
    ----------
    evaluation : Evaluation
    """

    def __init__(self, evaluation: Evaluation) -> None:
        self._evaluation = evaluation
        self.reads: dict[Read, str] = {}

    def _note(self, kind: str, *what: Any) -> None:
        read = Read(kind, what)
        self.reads[read] = self._evaluation.digest(read)

    def rows(
        self,
        table: str,
        *,
        where: Mapping[str, str] | None = None,
        columns: Sequence[str] = (),
        used: bool = False,
        stating: str = "",
    ) -> pd.DataFrame:
        """Return rows of an as-of view; see `world.Selection`. With ``columns`` the frame holds no other."""
        selection = Selection(table, tuple((where or {}).items()), tuple(columns), used, stating)
        self._note("rows", selection)
        frame = self._evaluation.world.tables[table].select(selection)
        return frame[list(columns)] if columns else frame

    def lines(
        self, table: str, *, columns: Sequence[str], where: Mapping[str, str] | None = None, recorded_by: str = ""
    ) -> None:
        """Count rows as read that are seen through another node's live object, which holds more of them."""
        self._note("rows", Selection(table, tuple((where or {}).items()), tuple(columns), recorded_by=recorded_by))

    def settings(self, section: str, *, without: Sequence[str] = (), only: Sequence[str] = ()) -> Any:
        """Return a section of the settings; only the fields not ``without``, or ``only`` these, count as read."""
        self._note("settings", section, tuple(without), tuple(only))
        return getattr(self._evaluation.world.settings, section)

    def item(self, section: str, field_name: str, key: str, value: str) -> Any:
        """Return the item of a list of the settings whose ``key`` is ``value``; it alone counts as read."""
        self._note("item", section, field_name, key, value)
        return item_of(self._evaluation.world, section, field_name, key, value)

    def names(self, section: str, field_name: str, key: str) -> list[str]:
        """Return the ``key`` of every item of a list of the settings, in order; they alone count as read."""
        self._note("names", section, field_name, key)
        return names_of(self._evaluation.world, section, field_name, key)

    def scenario(self, name: str) -> ScenarioParams | None:
        """Return a scenario by its name; it alone counts as read."""
        self._note("scenario", name)
        return self._evaluation.world.scenario(name)

    @property
    def as_of(self) -> date:
        """The reference date."""
        self._note("date")
        return self._evaluation.world.as_of

    @property
    def seed(self) -> int:
        """The root of every random stream."""
        self._note("seed")
        return self._evaluation.world.seed

    def ask(self, node: Node, *arguments: str) -> NodeResult:
        """Return another node's result in the same world."""
        self._note("node", node, arguments)
        return self._evaluation.ask(node, *arguments)

    def live(self, node: Node, *arguments: str) -> Any:
        """Return another node's live object, made again where only its result is remembered."""
        self._note("node", node, arguments)
        return self._evaluation.live(node, *arguments)

    def ask_each(self, node: Node, calls: Sequence[tuple[str, ...]], *, size: Callable[..., int]) -> list[NodeResult]:
        """Return the results of several calls; those to be computed share the evaluation's place."""
        found = self._evaluation.ask_each(node, calls, size=size)
        for arguments in calls:
            self._note("node", node, arguments)
        return found


def item_of(world: World, section: str, field_name: str, key: str, value: str) -> Any:
    """Return the item of a list of the settings whose ``key`` is ``value``, or None."""
    items = getattr(getattr(world.settings, section), field_name)
    return next((item for item in items if getattr(item, key) == value), None)


def names_of(world: World, section: str, field_name: str, key: str) -> list[str]:
    """Return the ``key`` of every item of a list of the settings."""
    return [str(getattr(item, key)) for item in getattr(getattr(world.settings, section), field_name)]


def told_of(world: World, read: Read) -> Any:
    """Return what a world says to a request for settings, the date or the seed, as JSON."""
    if read.kind == "settings":
        section, without, only = read.what
        model = getattr(world.settings, section)
        return model.model_dump(mode="json", exclude=set(without) or None, include=set(only) or None)
    if read.kind == "names":
        return names_of(world, *read.what)
    if read.kind in ("item", "scenario"):
        found = item_of(world, *read.what) if read.kind == "item" else world.scenario(*read.what)
        return None if found is None else found.model_dump(mode="json")
    return str(world.as_of) if read.kind == "date" else world.seed


class Memory:
    """What nodes found before, in this process and, where there is a store, in earlier ones.

    Parameters
    ----------
    store : Store, optional
    """

    def __init__(self, store: Store | None = None) -> None:
        self.store = store
        self.shapes: dict[str, list[tuple[Read, ...]]] = {}
        self.results: dict[str, NodeResult] = {}
        self.lives: dict[str, Any] = {}
        self.computed: list[str] = []

    def shapes_of(self, call: str) -> list[tuple[Read, ...]]:
        """Return the lists of reads a call has had before."""
        if call not in self.shapes:
            self.shapes[call] = self.store.shapes_of(call) if self.store else []
        return self.shapes[call]

    def result(self, key: str) -> NodeResult | None:
        """Return what is remembered under a key; a damaged entry of the store is no memory."""
        if key not in self.results and self.store:
            found = self.store.result(key)
            if found is not None:
                self.results[key] = found
        return self.results.get(key)

    def keep(self, call: str, key: str, result: NodeResult, live: Any) -> None:
        """Remember a result under its key."""
        shape = tuple(read for read, _ in result.reads)
        known = self.shapes_of(call)
        if shape not in known:
            known.append(shape)
        self.results[key] = result
        self.lives[key] = live
        self.computed.append(result.node)
        if self.store:
            self.store.keep(call, key, result, known)


class Evaluation:
    """Answers nodes in one world, from memory where it can.

    Parameters
    ----------
    world : World
    memory : Memory
        Shared between worlds.
    place : Place
        Where the calls of `Reading.ask_each` are computed.
    """

    def __init__(self, world: World, memory: Memory, *, place: Place = HERE) -> None:
        self.world, self.memory, self.place = world, memory, place
        self._digests: dict[Read, str] = {}
        self._asked: dict[tuple[Node, tuple[str, ...]], tuple[str, NodeResult]] = {}

    def ask(self, node: Node, *arguments: str) -> NodeResult:
        """Return a node's result in this world."""
        return self._answer(node, arguments)[1]

    def live(self, node: Node, *arguments: str) -> Any:
        """Return a node's live object in this world."""
        key, result = self._answer(node, arguments)
        lives = self.memory.lives
        if node.revive is not None and lives.get(key) is None:
            lives[key] = node.revive(result)
        elif key not in lives:
            lives[key] = node.function(Reading(self), *arguments).live
        return lives[key]

    def ask_each(self, node: Node, calls: Sequence[tuple[str, ...]], *, size: Callable[..., int]) -> list[NodeResult]:
        """Return the results of several calls, those that must be computed side by side."""
        from race_to_efficiency.executors.spread import each

        missing = [arguments for arguments in calls if self._remembered(node, arguments) is None]
        if not self.place.alone and len(missing) > 1:
            tasks = [_Task(self.world, node, arguments) for arguments in missing]
            found = each(_alone, tasks, place=self.place, size=lambda task: size(*task.arguments))
            for arguments, (reads, answer) in zip(missing, found, strict=True):
                self._keep(node, arguments, reads, answer)
        return [self.ask(node, *arguments) for arguments in calls]

    @contextmanager
    def beside(self, node: Node, calls: Sequence[tuple[str, ...]]) -> Iterator[Callable[[], list[NodeResult]]]:
        """Begin several calls elsewhere, but those remembered, and give a function that waits for their results."""
        from race_to_efficiency.executors.spread import beside

        missing = [arguments for arguments in calls if self._remembered(node, arguments) is None]
        if self.place.alone or not missing:
            yield lambda: [self.ask(node, *arguments) for arguments in calls]
            return
        tasks = [_Task(self.world, node, arguments) for arguments in missing]
        with beside(_in_turn, tasks, place=self.place) as answers:

            def results() -> list[NodeResult]:
                for arguments, (reads, answer) in zip(missing, answers(), strict=True):
                    self._keep(node, arguments, reads, answer)
                return [self.ask(node, *arguments) for arguments in calls]

            yield results

    def digest(self, read: Read) -> str:
        """Return the digest of what a read finds in this world."""
        if read not in self._digests:
            self._digests[read] = self._digest(read)
        return self._digests[read]

    def _digest(self, read: Read) -> str:
        if read.kind == "rows":
            (selection,) = read.what
            table = self.world.tables.get(selection.table)
            return "" if table is None else table.digest(selection)
        if read.kind == "node":
            return self.ask(read.what[0], *read.what[1]).digest
        return storage.digest_json(told_of(self.world, read))

    def _answer(self, node: Node, arguments: tuple[str, ...]) -> tuple[str, NodeResult]:
        remembered = self._remembered(node, arguments)
        if remembered is not None:
            return remembered
        reading = Reading(self)
        found = node.function(reading, *arguments)
        return self._keep(node, arguments, reading.reads, found)

    def _keep(
        self, node: Node, arguments: tuple[str, ...], reads: Mapping[Read, str], found: Computed
    ) -> tuple[str, NodeResult]:
        call = self._call(node, arguments)
        result = NodeResult.of(node.called(arguments), node.function.__module__, found, tuple(reads.items()))
        key = _key(call, result.reads)
        self.memory.keep(call, key, result, found.live)
        self._asked[node, arguments] = key, result
        return key, result

    def _remembered(self, node: Node, arguments: tuple[str, ...]) -> tuple[str, NodeResult] | None:
        if (node, arguments) not in self._asked:
            call = self._call(node, arguments)
            for shape in self.memory.shapes_of(call):
                key = self._key_here(call, shape)
                result = self.memory.result(key) if key else None
                if key and result is not None:
                    self._asked[node, arguments] = key, result
                    break
        return self._asked.get((node, arguments))

    def _key_here(self, call: str, shape: tuple[Read, ...]) -> str | None:
        """Return the key that a call with these reads has in this world; None where one of them cannot be read."""
        try:
            return _key(call, [(read, self.digest(read)) for read in shape])
        except RaceError:
            return None

    def _call(self, node: Node, arguments: tuple[str, ...]) -> str:
        return storage.digest_json([node.called(arguments), code_digest(node.function.__module__)])


def _key(call: str, reads: Sequence[tuple[Read, str]]) -> str:
    return storage.digest_json([call, [[read.to_json(), digest] for read, digest in reads]])


@dataclass(frozen=True)
class _Task:
    """One call to compute in a process of its own."""

    world: World
    node: Node
    arguments: tuple[str, ...]


def _alone(task: _Task) -> tuple[dict[Read, str], Computed]:
    """Return what a call reads and finds, without memory; the live object stays behind."""
    reading = Reading(Evaluation(task.world, Memory()))
    found = task.node.function(reading, *task.arguments)
    return reading.reads, replace(found, live=None)


def _in_turn(tasks: Sequence[_Task]) -> list[tuple[dict[Read, str], Computed]]:
    """Return what several calls read and find, one after another."""
    return [_alone(task) for task in tasks]


__all__ = ["Computed", "Evaluation", "Memory", "Node", "NodeResult", "Origin", "Read", "Reading"]

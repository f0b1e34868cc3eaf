"""Answers of nodes in one world: from memory where every read finds what it found before, computed where not."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from race_to_efficiency import storage
from race_to_efficiency.errors import RaceError
from race_to_efficiency.executors.place import HERE
from race_to_efficiency.quarter.code import code_digest
from race_to_efficiency.quarter.node import Computed, Node, NodeResult, Read
from race_to_efficiency.quarter.reading import Reading, told_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from race_to_efficiency.executors.place import Place
    from race_to_efficiency.quarter.store import Store
    from race_to_efficiency.quarter.world import World


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

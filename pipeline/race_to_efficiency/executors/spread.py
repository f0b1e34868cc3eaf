"""Independent pieces shared out over a place; the results and their order are those of one process."""

from __future__ import annotations

from concurrent.futures import as_completed
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from race_to_efficiency import children
from race_to_efficiency.executors.cluster import on_cluster

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Executor
    from contextlib import AbstractContextManager

    from race_to_efficiency.executors.place import Place

Item = TypeVar("Item")
TaskResult = TypeVar("TaskResult")


def executor(place: Place, pieces: int) -> AbstractContextManager[Executor]:
    """Return the executor of a place that is not this process alone, for so many pieces.

    Parameters
    ----------
    place : Place
    pieces : int
        No more processes of this machine are started than there are pieces.
    """
    return children.workers(min(place.workers, pieces)) if place.scheduler is None else on_cluster(place.scheduler)


def as_finished(
    function: Callable[[Item], TaskResult], items: Sequence[Item], *, place: Place
) -> Iterator[tuple[int, TaskResult]]:
    """Yield the index of an item and ``function(item)`` as they are done, begun in the order of the items.

    Parameters
    ----------
    function : callable
        At the top of a module.
    items : sequence
    place : Place
        A single item stays in this process wherever that is.
    """
    if place.alone or len(items) < 2:
        yield from enumerate(map(function, items))
        return
    with executor(place, len(items)) as pool:
        waiting = {pool.submit(function, item): index for index, item in enumerate(items)}
        for future in as_completed(waiting):
            yield waiting[future], future.result()


def each(
    function: Callable[[Item], TaskResult], items: Sequence[Item], *, place: Place, size: Callable[[Item], int]
) -> list[TaskResult]:
    """Return ``function(item)`` for every item, in the order of the items; the largest are begun first.

    Parameters
    ----------
    function, items, place
        As in `as_finished`.
    size : callable
        How much work an item is.
    """
    order = sorted(range(len(items)), key=lambda index: -size(items[index]))
    found = {order[rank]: result for rank, result in as_finished(function, [items[i] for i in order], place=place)}
    return [found[index] for index in range(len(items))]


@contextmanager
def beside(function: Callable[..., TaskResult], *arguments: Any, place: Place) -> Iterator[Callable[[], TaskResult]]:
    """Begin a call elsewhere and give a function that waits for its result; where there is no elsewhere, calls it."""
    if place.alone:
        yield lambda: function(*arguments)
        return
    with executor(place, 1) as pool:
        yield pool.submit(function, *arguments).result

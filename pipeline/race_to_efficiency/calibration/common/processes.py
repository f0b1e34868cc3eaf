"""Independent pieces of a stage in processes of their own; the results and their order are those of one process."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from race_to_efficiency import children

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Item = TypeVar("Item")
TaskResult = TypeVar("TaskResult")

WORKERS = 2
"""Processes of a stage; a piece's result depends on its arguments alone, so their number changes no digit."""


def each(
    function: Callable[[Item], TaskResult], items: Sequence[Item], *, workers: int, size: Callable[[Item], int]
) -> list[TaskResult]:
    """Return ``function(item)`` for every item, in the order of the items; the largest are begun first.

    Parameters
    ----------
    function : callable
        At the top of a module.
    items : sequence
    workers : int
        1 stays in this process.
    size : callable
        How much work an item is.
    """
    if workers == 1 or len(items) < 2:
        return [function(item) for item in items]
    order = sorted(range(len(items)), key=lambda index: -size(items[index]))
    with children.workers(workers) as pool:
        waiting = {index: pool.submit(function, items[index]) for index in order}
        return [waiting[index].result() for index in range(len(items))]


@contextmanager
def beside(function: Callable[..., TaskResult], *arguments: Any, workers: int) -> Iterator[Callable[[], TaskResult]]:
    """Begin a call in another process and give a function that waits for its result; with one worker, calls it then."""
    if workers == 1:
        yield lambda: function(*arguments)
        return
    with children.workers(1) as pool:
        yield pool.submit(function, *arguments).result

"""Where work may be computed: in this process, in processes of this machine, or on a cluster that the user names.

DVC and the stages run in a process of their own; it is told by two variables of the environment, which `race run` sets
for its children. They are no setting: a piece's result depends on its arguments alone, so the place changes no digit.
"""

from __future__ import annotations

import contextlib
import os
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

from race_to_efficiency.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

WORKERS_VARIABLE = "RACE_WORKERS"
SCHEDULER_VARIABLE = "RACE_SCHEDULER"


def _processors() -> int:
    """Return how many processors this process may use: fewer than the machine has where it is confined."""
    affinity = getattr(os, "sched_getaffinity", None)  # not on every system
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1


WORKERS = _processors()
"""Processes where nobody said how many."""


@dataclass(frozen=True)
class Place:
    """Where pieces are computed.

    Parameters
    ----------
    workers : int
        Processes of this machine; 1 stays in this one.
    scheduler : str, optional
        Address of a Dask cluster, ``tls://host:8786``; it then computes, with as many workers as it has.
    """

    workers: int = 1
    scheduler: str | None = None

    @property
    def alone(self) -> bool:
        """Whether all is computed in this process."""
        return self.scheduler is None and self.workers == 1

    def environment(self) -> dict[str, str]:
        """Return the variables that tell a process started from here."""
        return {WORKERS_VARIABLE: str(self.workers), SCHEDULER_VARIABLE: self.scheduler or ""}


HERE = Place()
"""This process alone."""

_CHOSEN: ContextVar[Place | None] = ContextVar("place", default=None)


def place_here() -> Place:
    """Return the place that the command chose, else the one its environment names, else this machine.

    Raises
    ------
    UsageError
        When the environment's number of workers is none.
    """
    chosen = _CHOSEN.get()
    if chosen is not None:
        return chosen
    told = os.environ.get(WORKERS_VARIABLE, "")
    if told and not (told.isascii() and told.isdigit() and int(told) > 0):
        raise UsageError(f"{WORKERS_VARIABLE} must be a number of processes, got '{told}'", where=WORKERS_VARIABLE)
    return Place(int(told) if told else WORKERS, os.environ.get(SCHEDULER_VARIABLE) or None)


@contextlib.contextmanager
def chosen(place: Place) -> Iterator[Place]:
    """Make a place the one that `place_here` returns within the block."""
    token = _CHOSEN.set(place)
    try:
        yield place
    finally:
        _CHOSEN.reset(token)

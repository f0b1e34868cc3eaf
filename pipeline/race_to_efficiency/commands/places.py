"""``--workers`` and ``--scheduler``: where a command's pieces are computed."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Annotated

import typer

from race_to_efficiency.commands import terminal
from race_to_efficiency.commands.extras import require_extras
from race_to_efficiency.errors import UsageError
from race_to_efficiency.executors.place import Place, chosen, place_here

if TYPE_CHECKING:
    from collections.abc import Iterator

Workers = Annotated[
    int | None,
    typer.Option("--workers", min=1, help="processes of this machine, as many as it has processors if absent"),
]
Scheduler = Annotated[
    str | None,
    typer.Option("--scheduler", help="compute on the Dask cluster at this address, tls://HOST:8786 or tcp://HOST:8786"),
]


@contextlib.contextmanager
def computing(workers: int | None, scheduler: str | None) -> Iterator[None]:
    """Compute where the options say within the block, else where the environment says; the numbers do not change.

    Raises
    ------
    UsageError
        When both are given, or an encrypted connection is asked for and no certificate is named.
    InputMissing
        When the extra ``cluster`` is not installed.
    IntegrityError, SystemRefused
        When a worker of the cluster computes with something else, or none answers.
    """
    if workers is not None and scheduler is not None:
        raise UsageError(
            "--workers and --scheduler exclude each other",
            where="--workers",
            why="a cluster has the workers that were started there",
        )
    told = place_here()
    place = Place(scheduler=scheduler) if scheduler else told if workers is None else Place(workers)
    if place.scheduler is not None:
        require_extras("cluster")
        _greet(place.scheduler)
    with chosen(place):
        yield


def _greet(address: str) -> None:
    """Say that the cluster answers, before any work."""
    import dask

    from race_to_efficiency.executors.cluster import connected, require_same

    if address.startswith("tls://") and not dask.config.get("distributed.comm.tls.ca-file", None):
        raise UsageError(
            "a cluster with TLS needs certificates",
            where="--scheduler",
            why="Dask's configuration names no authority (distributed.comm.tls.ca-file)",
            remedy="name authority, certificate and key: DASK_DISTRIBUTED__COMM__TLS__CA_FILE, ...CLIENT__CERT, "
            "...CLIENT__KEY",
        )
    terminal.progress(f"  asking {address} what it computes with")
    with connected(address) as client:
        count = require_same(client)
    kept = "" if address.startswith("tls://") else "; what is sent there is not encrypted"
    terminal.progress(f"  {count} worker{'' if count == 1 else 's'} with this code, settings and libraries{kept}")

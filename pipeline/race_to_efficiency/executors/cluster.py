"""A Dask cluster as an executor: only workers that compute with the same code, and calls named by what they hold.

Dask gives a call that was on a lost worker to another one, and may run one twice. Neither can change a result: a call
is a function of this package and its arguments, named by their digest, and the worker that runs it first compares what
it computes with against what the client does. Pickle is the transport, between processes of the cluster the user named.
"""

from __future__ import annotations

import contextlib
import logging
import pickle
import threading
import time
from concurrent.futures import CancelledError, Executor
from typing import TYPE_CHECKING, Any

from race_to_efficiency import storage
from race_to_efficiency.errors import IntegrityError, SystemRefused, UsageError
from race_to_efficiency.executors.identity import differences, own_digest, own_identity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future

    from distributed import Client

CONNECT_SECONDS = 10
"""How long a scheduler may take to answer, and a first worker to be there."""

LOST_SECONDS = 60.0
"""How long a cluster may be without a worker: one that is started again is there sooner."""

LOGGERS = ("distributed", "distributed.client", "distributed.core", "distributed.utils")
"""Dask tells on stderr, at length, what its errors tell too."""

_ONE_AT_A_TIME = threading.Lock()
"""A worker of several threads computes one call at a time: how warnings are taken is the process's, not a thread's."""


class OtherCode(Exception):
    """A worker found that it computes with something else than the client."""


def compute(digest: str, call: bytes) -> Any:
    """Return what a call gives; runs on a worker.

    Parameters
    ----------
    digest : str
        Of what the client computes with.
    call : bytes
        The function, by its name, and its arguments.

    Raises
    ------
    OtherCode
        When this process computes with something else: nothing of the call has been read then.
    """
    if own_digest() != digest:
        raise OtherCode
    function, arguments = pickle.loads(call)  # noqa: S301  (from the client, over the cluster's own connection)
    with _ONE_AT_A_TIME:
        return function(*arguments)


class ClusterExecutor(Executor):
    """Dask's own executor, with every call checked by the worker and named by what it holds.

    Parameters
    ----------
    client : distributed.Client
    """

    def __init__(self, client: Client) -> None:
        self._client, self._executor = client, client.get_executor()

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        """Send a call: a function at the top of a module, or a `functools.partial` of one, and its arguments."""
        if named:
            raise TypeError("arguments of a call on a cluster are given in order")
        call = pickle.dumps((function, arguments), protocol=5)
        key = f"race-{storage.digest_document([own_digest(), storage.digest_bytes(call)])}"
        sent: Future[Any] = self._executor.submit(compute, own_digest(), call, key=key)
        return sent

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Wait for the calls, or cancel them."""
        self._executor.shutdown(wait=wait and not cancel_futures)


@contextlib.contextmanager
def on_cluster(address: str) -> Iterator[ClusterExecutor]:
    """Yield an executor on a cluster all of whose workers compute with what this process does.

    Parameters
    ----------
    address : str
        Of the scheduler, ``tcp://host:port`` or ``tls://host:port``.

    Raises
    ------
    UsageError, SystemRefused
        When the address is none, or nobody answers there; when the scheduler or all workers are lost, or
        a call lost worker after worker.
    IntegrityError
        When a worker computes with something else, also one that came later.
    """
    from distributed import KilledWorker

    with connected(address) as client:
        require_same(client)
        pool, over = ClusterExecutor(client), threading.Event()
        threading.Thread(target=_give_up, args=(client, pool, over), daemon=True).start()
        try:
            yield pool
            pool.shutdown()
        except CancelledError:
            raise SystemRefused(
                "the cluster was lost",
                where=address,
                why=f"its scheduler has ended, or it was without a worker for {LOST_SECONDS:g} s",
                remedy="start it again; then run again",
            ) from None
        except OtherCode:
            require_same(client)
            raise IntegrityError(
                "a worker of the cluster computed with other code and has gone", where=address, remedy="run again"
            ) from None
        except KilledWorker as lost:
            raise SystemRefused(
                "the same piece of work lost one worker after another",
                where=address,
                why=f"{lost.last_worker.address if lost.last_worker else 'the last worker'} was ended from outside, "
                "as a system does when memory runs out",
                remedy="give the workers more memory; then run again",
            ) from None
        except BaseException:
            pool.shutdown(wait=False)
            raise
        finally:
            over.set()


def _give_up(client: Client, pool: ClusterExecutor, over: threading.Event) -> None:
    """Cancel every call once there has been no worker for too long; Dask itself would wait for one."""
    alone = time.monotonic()
    while not over.wait(min(1.0, LOST_SECONDS / 4)):
        if client.status != "running" or client.nthreads():
            alone = time.monotonic()
        elif time.monotonic() - alone > LOST_SECONDS:
            pool.shutdown(wait=False)
            return


@contextlib.contextmanager
def connected(address: str) -> Iterator[Client]:
    """Yield a client of a cluster that has a worker."""
    import dask
    from distributed import Client
    from distributed.comm.registry import backends

    scheme, _, rest = address.partition("://")
    if scheme not in backends or not rest:  # Dask itself would go on asking, or start a cluster of its own
        raise UsageError(
            f"'{address}' is no address of a scheduler",
            where="--scheduler",
            why=f"it begins with one of {', '.join(f'{name}://' for name in backends)}",
            remedy="write it as the scheduler prints it: tcp://host:8786 or tls://host:8786",
        )
    for name in LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with contextlib.ExitStack() as stack:
        # the lines around a call are a look into the caller's files, and no part of the work
        stack.enter_context(dask.config.set({"distributed.diagnostics.computations.nframes": 0}))
        try:
            client = stack.enter_context(Client(address, timeout=CONNECT_SECONDS, set_as_default=False))
            client.wait_for_workers(1, timeout=CONNECT_SECONDS)
        except (OSError, ValueError) as error:
            raise SystemRefused(
                f"no scheduler with a worker answers at {address}",
                where="--scheduler",
                why=str(error) or type(error).__name__,
                remedy="start one: dask scheduler, and dask worker ADDRESS --nthreads 1",
            ) from None
        yield client


def require_same(client: Client) -> int:
    """Return how many workers there are; all of them compute with what this process does.

    Raises
    ------
    IntegrityError
        What differs is named.
    """
    answers: dict[str, Any] = client.run(own_identity, on_error="return")
    for worker, answer in answers.items():
        if isinstance(answer, Exception):
            differs = [f"it cannot say what it computes with ({type(answer).__name__}: {answer})"]
        else:
            differs = differences(own_identity(), answer)
        if differs:
            raise IntegrityError(
                f"the worker {worker} computes with something else than this process",
                where=worker,
                why="; ".join(differs),
                remedy="install the same release and libraries there, start the worker again, then run again",
            )
    return len(answers)

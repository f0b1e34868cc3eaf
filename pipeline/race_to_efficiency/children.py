"""Who owns a process: every process a command starts ends with it, however the command ends.

A command that is told to stop (INT, TERM or HUP) raises `Stopped`, ends its children on the way out and returns 128
plus the signal's number. Should it not get there in time (compiled code may hold it), a thread that the signal itself
wakes ends children and command. A command that is killed outright can end nobody: its children watch it and follow it.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import subprocess
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait
from typing import TYPE_CHECKING

from race_to_efficiency.errors import SystemRefused

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

GRACE_SECONDS = 0.75
"""From the signal to the end by force: enough to remove temporary files, and less than half of what is promised."""

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


_WORDS: dict[int, str] = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated", signal.SIGHUP: "hung up"}


class Stopped(BaseException):
    """The command was told to stop.

    Parameters
    ----------
    number : int
        The signal's.
    """

    def __init__(self, number: int) -> None:
        super().__init__(_WORDS.get(number, "stopped"))
        self.number = number

    @property
    def exit_code(self) -> int:
        """What a shell reports of a process that a signal ended: 130, 143 or 129."""
        return 128 + self.number


@contextlib.contextmanager
def heeding_signals() -> Iterator[None]:
    """Turn INT, TERM and HUP into `Stopped` for the duration of the block, and end the process if that takes too long.

    A HUP that is ignored from the start (``nohup``) stays ignored. An INT is heeded even where a shell script has put
    the command in the background and INT is ignored there: a run that nothing but a kill can end is nobody's wish.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # signals belong to the main thread
        return
    heeded = [one for one in SIGNALS if one != signal.SIGHUP or signal.getsignal(one) != signal.SIG_IGN]
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    threading.Thread(target=_end_late, args=(reading, writing), daemon=True).start()
    woken = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    before = {one: signal.signal(one, _stop) for one in heeded}
    stopped = False
    try:
        yield
    except Stopped:
        stopped = True  # the thread stays, and sees to it that the process ends
        raise
    finally:
        if not stopped:
            for one, handler in before.items():
                signal.signal(one, handler)
            signal.set_wakeup_fd(woken)
            os.write(writing, bytes([_NO_SIGNAL]))


_NO_SIGNAL = 0


def _stop(number: int, frame: object) -> None:  # noqa: ARG001  (what Python calls)
    for one in SIGNALS:
        signal.signal(one, signal.SIG_IGN)  # one is enough: what is being ended must not be interrupted
    raise Stopped(number)


def _end_late(reading: int, writing: int) -> None:
    """Wait for a signal, then end the process once its time is over: the main thread may be in compiled code."""
    number = os.read(reading, 1)[0]
    while number not in (*SIGNALS, _NO_SIGNAL):  # one that something else in the process heeds, such as a timer's
        number = os.read(reading, 1)[0]
    if number != _NO_SIGNAL:
        time.sleep(GRACE_SECONDS)
        end_children()
        os._exit(128 + number)
    os.close(reading)
    os.close(writing)


_sessions: set[int] = set()
"""Sessions begun here and not yet over, by the id of their leader."""


def end_children() -> None:
    """End every process this one has started, and what they have started."""
    for leader in list(_sessions):
        _end_session(leader)
    for worker in multiprocessing.active_children():
        worker.kill()


def _end_session(leader: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


@contextlib.contextmanager
def session(command: Sequence[str], *, folder: Path, environment: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    """Start a command in a session of its own and end the whole session when the block or the command ends.

    Its output and errors are one stream. Its standard input ends with this process: see `follow_owner`.
    """
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        _sessions.add(process.pid)
        threading.Thread(target=_end_with_leader, args=(process,), daemon=True).start()
        try:
            yield process
            process.wait()
        finally:
            _end_session(process.pid)
            process.wait()
            _sessions.discard(process.pid)


def _end_with_leader(process: subprocess.Popen[str]) -> None:
    """End what a command has started when it is ended from outside: else its output, which they share, has no end."""
    process.wait()
    _end_session(process.pid)


def follow_owner() -> None:
    """End this process and its session when standard input ends: `session` holds the other end and has gone.

    Nothing happens to a process that was started otherwise: its group is somebody else's.
    """
    if os.getpgrp() != os.getpid():
        return

    def follow() -> None:
        while os.read(0, 1024):
            pass
        _end_session(os.getpgrp())

    threading.Thread(target=follow, daemon=True).start()


@contextlib.contextmanager
def workers(number: int) -> Iterator[ProcessPoolExecutor]:
    """Yield an executor of processes that end with the block, and with this process if it is ended from outside.

    Raises
    ------
    SystemRefused
        When a worker was ended from outside, most often for want of memory.
    """
    # a fork would copy the threads' locks of the libraries loaded by now
    context = multiprocessing.get_context("spawn")
    executor = ProcessPoolExecutor(number, mp_context=context, initializer=_follow_parent)
    try:
        yield executor
        executor.shutdown()
    except BrokenProcessPool:
        raise SystemRefused(
            "a worker process was ended from outside",
            why="the system does so when memory runs out",
            remedy="give it more memory, or end other programs; then run again",
        ) from None
    except Exception:
        executor.shutdown(cancel_futures=True)
        raise
    except BaseException:
        end_children()
        executor.shutdown(wait=False, cancel_futures=True)
        raise


def _follow_parent() -> None:
    """End this worker when its parent has gone; an INT from the terminal is the parent's to answer."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def follow() -> None:
        if parent is not None:
            wait([parent.sentinel])
            os._exit(1)

    threading.Thread(target=follow, daemon=True).start()

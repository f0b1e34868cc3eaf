"""The checkout as a place: where it begins, its one folder of temporary files, its one lock.

A file is written beside nothing anybody reads: under ``.tmp`` at the root of the checkout, and then renamed into its
place. Whoever is ended in the middle leaves its temporary file there; a file that a living process is still writing is
locked by it, so what can be locked was left behind, and the next command sweeps it away.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING

from race_to_efficiency.errors import Locked, SystemRefused
from race_to_efficiency.visible import progress

if TYPE_CHECKING:
    from collections.abc import Iterator

TEMPORARY = ".tmp"
"""Folder of temporary files and of the lock; git and DVC ignore it, and nothing but this module looks into it."""

LOCK, HOLDER = "lock", "holder"

HELD_FOR_US = "RACE_CHECKOUT_LOCK"
"""Environment variable by which the holder of the lock lets the stages it starts through."""

WAIT_SECONDS = 10.0
SAY_AFTER_SECONDS = 1.0


def root_of(path: Path) -> Path | None:
    """Return the checkout that holds ``path``: the nearest folder upwards with params.yaml and data/raw, or None."""
    path = path.resolve()
    return next(
        (
            place
            for place in (path, *path.parents)
            if (place / "params.yaml").is_file() and (place / "data/raw").is_dir()
        ),
        None,
    )


@contextlib.contextmanager
def replacing(path: Path, *, durable: bool = True) -> Iterator[IO[bytes]]:
    """Yield a binary stream whose content takes the place of ``path`` in one step; a failure leaves ``path`` as it was.

    Parameters
    ----------
    path : Path
        Inside a checkout the stream lies under its ``.tmp``, elsewhere beside ``path``.
    durable : bool
        Wait for the disk.

    Raises
    ------
    SystemRefused
        When the system refuses any step; ``path`` is named, not the temporary file.
    """
    try:
        with _replacing(path, durable=durable) as stream:
            yield stream
    except OSError as error:
        raise SystemRefused.of(error, str(path)) from None


@contextlib.contextmanager
def _replacing(path: Path, *, durable: bool) -> Iterator[IO[bytes]]:
    path.parent.mkdir(parents=True, exist_ok=True)
    root = root_of(path.parent)
    stream, temporary = _claimed(root / TEMPORARY if root else path.parent)
    try:
        with stream:  # its lock goes with it: the rename must come first
            yield stream
            stream.flush()
            if durable:
                os.fsync(stream.fileno())
            temporary.chmod(0o644)
            _rename(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _claimed(folder: Path) -> tuple[IO[bytes], Path]:
    """Return a new temporary file, open and locked, in ``folder``."""
    while True:
        folder.mkdir(exist_ok=True)
        handle, name = tempfile.mkstemp(dir=folder, prefix=".race-")
        stream = os.fdopen(handle, "wb")
        with contextlib.suppress(OSError):  # a file system without locks: then nothing is ever swept either
            fcntl.flock(handle, fcntl.LOCK_EX)
        if os.fstat(handle).st_nlink:
            return stream, Path(name)
        stream.close()  # swept between its birth and its lock


def _rename(temporary: Path, path: Path) -> None:
    try:
        temporary.replace(path)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        # the folder is a mount of its own, and a rename works only within it
        stream, near = _claimed(path.parent / TEMPORARY)
        try:
            with stream, temporary.open("rb") as written:
                shutil.copyfileobj(written, stream)
                stream.flush()
                os.fsync(stream.fileno())
                near.chmod(0o644)
                near.replace(path)
        finally:
            near.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                near.parent.rmdir()
        temporary.unlink()


def sweep(root: Path) -> list[Path]:
    """Remove the temporary files that ended processes left in a checkout; return what was removed."""
    # a folder under data/ or reports/ may be a mount of its own, with a place of its own
    folders = [root / TEMPORARY, *(place for name in ("data", "reports") for place in (root / name).rglob(TEMPORARY))]
    return [path for folder in folders for path in sorted(folder.glob(".race-*")) if _left(path)]


def sweep_here() -> None:
    """Sweep the checkout one stands in, where there is one and it may be written."""
    with contextlib.suppress(OSError):
        if (root := root_of(Path.cwd())) is not None:
            sweep(root)


def _left(path: Path) -> bool:
    """Remove a temporary file unless a living process holds it; tell whether it was removed."""
    with contextlib.suppress(OSError), path.open("rb") as stream:
        fcntl.flock(stream.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
        return True
    return False


@contextlib.contextmanager
def locked(place: Path, doing: str, *, wait_seconds: float = WAIT_SECONDS) -> Iterator[None]:
    """Hold the one lock of a checkout for the duration of the block; whoever already holds it passes.

    Whatever writes ledgers, numbers or publications holds it, so that the numbers of a run, and the ledgers a
    publication seals, are of one state.

    Parameters
    ----------
    place : Path
        Anywhere in a checkout; a folder outside any is locked by itself.
    doing : str
        What this process does, told to those who wait.
    wait_seconds : float
        How long to wait for another process.

    Raises
    ------
    Locked
        When another process still holds it by then.
    """
    import filelock

    root = root_of(place) or place
    if os.environ.get(HELD_FOR_US) == str(root):
        yield
        return
    folder = root / TEMPORARY
    folder.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(str(folder / LOCK), is_singleton=True)
    try:
        try:
            lock.acquire(timeout=min(wait_seconds, SAY_AFTER_SECONDS))
        except filelock.Timeout:
            if wait_seconds <= SAY_AFTER_SECONDS:
                raise
            progress(f"waiting for {_holder(folder)}, at most {wait_seconds:g} s")
            lock.acquire(timeout=wait_seconds - SAY_AFTER_SECONDS)
    except filelock.Timeout:
        raise Locked(
            f"another race command is at work in this checkout: {_holder(folder)}",
            where=str(folder / LOCK),
            remedy="wait for it to end, then run again",
        ) from None
    try:
        (folder / HOLDER).write_text(f"{doing} (process {os.getpid()})", encoding="utf-8")
        sweep(root)
        yield
    finally:
        lock.release()


def _holder(folder: Path) -> str:
    """Return who holds the lock, in words; it may have ended by the time it is read."""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return (folder / HOLDER).read_text(encoding="utf-8") or "an unnamed one"
    return "an unnamed one"

"""How the libraries and the allocator behave in this process; to be settled before numpy is imported."""

from __future__ import annotations

import contextlib
import ctypes
import os

BLAS_THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")
"""Variables of the environment that say how many threads linear algebra uses."""

ALLOCATOR_OPTIONS = {-3: 2**20, -1: 2**23}
"""Of glibc's ``mallopt``: M_MMAP_THRESHOLD and M_TRIM_THRESHOLD, bytes. Left alone they grow with what was freed, and a
process that reads one table after another keeps a third more than it holds."""


def set_library_defaults() -> None:
    """Let linear algebra use one thread and Arrow no pool, and let freed memory go back to the system.

    What the user has set in the environment stays, and children inherit it. The matrices here are small, so threads
    only wait for each other; and a sum over threads may differ in its last digit from machine to machine, which a
    recomputation would then report. The pool of Arrow keeps some 40 MB of which tables of ours fill 5.
    """
    for name in BLAS_THREADS:
        os.environ.setdefault(name, "1")
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    with contextlib.suppress(AttributeError, OSError):  # another C library has no such option
        for option, size in ALLOCATOR_OPTIONS.items():
            ctypes.CDLL(None).mallopt(option, size)

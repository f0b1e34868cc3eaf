"""Freed memory goes back to the system, and what the user has set stays."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest
from race_to_efficiency.library_defaults import BLAS_THREADS, set_library_defaults

HELD_AFTER_FREEING = """
import os, sys
from race_to_efficiency.library_defaults import set_library_defaults

def held():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

if sys.argv[1] == "settled":
    set_library_defaults()
blocks = bytearray(30 << 20)
del blocks  # from here on the allocator would serve blocks of this size from its heap, between what stays
before, kept = held(), []
for _ in range(20):
    blocks = [bytearray(5 << 20) for _ in range(4)]
    kept.append(bytearray(200_000))
    del blocks
print(held() - before)
"""


def kept_bytes(how: str) -> int:
    """Return what a process holds beyond what it started with after it has freed a hundred blocks."""
    done = subprocess.run([sys.executable, "-c", HELD_AFTER_FREEING, how], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the options are those of the GNU C library")
def test_freed_memory_goes_back() -> None:
    left_alone, settled = kept_bytes("alone"), kept_bytes("settled")
    assert settled < 10e6  # the twenty small blocks that are kept hold 4 MB
    assert left_alone > 2 * settled, "the case does not show what the options are for"


def test_what_the_user_has_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    first, *others = BLAS_THREADS
    monkeypatch.setenv(first, "7")
    monkeypatch.setenv("ARROW_DEFAULT_MEMORY_POOL", "mimalloc")
    for name in others:
        monkeypatch.delenv(name, raising=False)
    set_library_defaults()
    assert [os.environ[name] for name in (first, *others)] == ["7", *("1" for _ in others)]
    assert os.environ["ARROW_DEFAULT_MEMORY_POOL"] == "mimalloc"

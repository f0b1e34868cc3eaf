"""Every process of a command ends with it: told to stop, killed, stuck in compiled code, or losing a child itself."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from race_to_efficiency import children
from race_to_efficiency.errors import SystemRefused
from race_to_efficiency.executors.place import Place
from race_to_efficiency.executors.spread import each

STOPS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
MARK = "RACE_TEST_MARK"

OWNER = """
import os, sys, time
from pathlib import Path
from race_to_efficiency import children
from race_to_efficiency.cli import main
from race_to_efficiency import cli

def session():
    stage = (
        "import subprocess, sys; from race_to_efficiency import children; children.follow_owner()\\n"
        "stage = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\\n"
        "print('here', flush=True); stage.wait()"
    )
    with children.session([sys.executable, "-c", stage], folder=Path.cwd(), environment=os.environ) as process:
        process.stdout.readline()
        print("here", flush=True)
        for _ in process.stdout:
            pass
    print("leader ended", process.returncode, flush=True)

def busy(number):
    Path(f"busy-{number}").touch()
    time.sleep(60)

def workers():
    with children.workers(2) as pool:
        waiting = [pool.submit(busy, number) for number in range(4)]
        while len(list(Path.cwd().glob("busy-*"))) < 2:
            time.sleep(0.02)
        print("here", flush=True)
        waiting[0].result()

def compiled():
    import hashlib
    print("here", flush=True)
    hashlib.pbkdf2_hmac("sha256", b"", b"", 200_000_000)

if __name__ == "__main__":
    cli.application = lambda *_: lambda words, standalone_mode: globals()[sys.argv[1]]()
    sys.exit(main(["run"]))
"""


@pytest.fixture
def mark() -> Iterator[str]:
    """A word in the environment of every process a test starts, by which they are found wherever they went."""
    word = uuid.uuid4().hex
    yield word
    for process in alive(word):
        process.kill()


def alive(mark: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def gone(mark: str, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while alive(mark):
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def at_work(mark: str, count: int, seconds: float) -> bool:
    """Return whether so many processes are found; one that has just begun may not have its environment yet."""
    end = time.monotonic() + seconds
    while len(alive(mark)) < count and time.monotonic() < end:
        time.sleep(0.02)
    return len(alive(mark)) >= count


def owner(path: Path, kind: str, mark: str, *before: str) -> subprocess.Popen[str]:
    """Start a command that owns processes, and return it once they are at work."""
    script = path / "owner.py"
    script.write_text(OWNER)
    process = subprocess.Popen(
        [*before, sys.executable, str(script), kind],
        env={**os.environ, MARK: mark},
        cwd=path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "here\n"
    return process


@pytest.mark.parametrize("number", list(STOPS))
@pytest.mark.parametrize(("kind", "processes"), [("session", 3), ("workers", 3), ("compiled", 1)])
def test_told_to_stop_all_of_it_is_gone_within_two_seconds(
    tmp_path: Path, mark: str, kind: str, processes: int, number: signal.Signals
) -> None:
    with owner(tmp_path, kind, mark) as process:
        assert at_work(mark, processes, 2.0)
        process.send_signal(number)
        assert gone(mark, 2.0)
        assert process.wait() == STOPS[number]


@pytest.mark.parametrize("kind", ["session", "workers"])
def test_killed_outright_its_children_follow(tmp_path: Path, mark: str, kind: str) -> None:
    with owner(tmp_path, kind, mark) as process:
        process.kill()
        assert gone(mark, 2.0)


def test_when_the_leader_of_a_session_is_killed_the_rest_ends_and_the_owner_goes_on(tmp_path: Path, mark: str) -> None:
    with owner(tmp_path, "session", mark) as process:
        leader = next(item for item in alive(mark) if item.ppid() == process.pid)
        leader.kill()
        out, _ = process.communicate(timeout=10)
        assert out == f"leader ended {-signal.SIGKILL}\n"
        assert process.returncode == 0
        assert gone(mark, 2.0)


def test_nohup_is_respected_and_an_ignored_interrupt_is_not(tmp_path: Path, mark: str) -> None:
    ignoring = "trap '' HUP INT; exec \"$@\""
    with owner(tmp_path, "workers", mark, "/bin/sh", "-c", ignoring, "sh") as process:
        process.send_signal(signal.SIGHUP)
        assert not gone(mark, 1.5)
        process.send_signal(signal.SIGINT)
        assert gone(mark, 2.0)
        assert process.wait() == 130


def test_a_process_that_was_not_started_so_ends_nobody() -> None:
    script = "import time; from race_to_efficiency import children; children.follow_owner(); time.sleep(0.5)"
    shell = ["/bin/sh", "-c", '"$@"; echo on', "sh", sys.executable, "-c", script]  # the shell leads the group
    done = subprocess.run(shell, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False, start_new_session=True)
    assert (done.returncode, done.stdout) == (0, b"on\n")


def die(number: int) -> int:
    os.kill(os.getpid(), number)
    return number


def root_of(number: float) -> float:
    return math.sqrt(number)


def test_a_worker_killed_by_the_system_is_said_to_be() -> None:
    with pytest.raises(SystemRefused, match="ended from outside") as caught:
        each(die, [signal.SIGKILL, signal.SIGKILL], place=Place(2), size=int)
    assert caught.value.exit_code == 8


def test_an_error_in_a_worker_comes_back_as_it_was() -> None:
    assert each(root_of, [1.0, 4.0, 9.0], place=Place(2), size=int) == [1.0, 2.0, 3.0]
    with pytest.raises(ValueError, match="math domain error"):
        each(root_of, [1.0, -1.0, 4.0], place=Place(2), size=int)


def test_signals_are_given_back() -> None:
    before = [signal.getsignal(number) for number in STOPS]
    threads = threading.active_count()
    for _ in range(3):
        with children.heeding_signals():
            assert [signal.getsignal(number) for number in STOPS] != before
    assert [signal.getsignal(number) for number in STOPS] == before
    time.sleep(0.1)
    assert threading.active_count() == threads


def test_the_signal_of_a_timer_ends_nothing() -> None:
    """Any signal that Python handles wakes the thread that ends a command late: only those that stop it count."""
    script = (
        "import signal, time\nfrom race_to_efficiency import children\n"
        "signal.signal(signal.SIGALRM, lambda *_: print('rang', flush=True))\n"
        "with children.heeding_signals():\n    signal.setitimer(signal.ITIMER_REAL, 0.05)\n"
        f"    time.sleep({children.GRACE_SECONDS + 0.5})\nprint('done')\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("rang\ndone\n", 0), done.stderr

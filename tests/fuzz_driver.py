"""Feed the commands changed files, thousands of them, and hold every answer against what must hold.

    python tests/fuzz_driver.py --seed 1 --count 10000 [--subject ledger ...] [--only ledger:17] [--workers 2]

Must hold: no traceback and no exit code 1, no case above 5 s, one message of at most 2 kB, nothing on the terminal that
acts on it, accounts that add up, ledgers that change by whole accepted imports only. Every case is made by its own
random generator, from seed, subject and number: ``--only`` runs one again, alone. Each subject has a process to itself
for all its cases: what one command left in memory is met by the next, as in a notebook, and the memory told is that of
the libraries one user loads, not of all of them at once.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
import unicodedata
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

import typer

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1] / "pipeline")]

from fuzz_subjects import SUBJECTS, Answer  # noqa: E402
from race_to_efficiency import cli  # noqa: E402
from race_to_efficiency.library_defaults import set_library_defaults  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAX_SECONDS = 5.0 if "PYTEST_XDIST_WORKER" not in os.environ else 15.0  # two workers share the machine
MAX_MESSAGE_BYTES = 2048
TOLD_EVERY = 500
"""Cases between two lines of progress."""
TELL = partial(print, flush=True)
ACTING = ("Cc", "Cf", "Cs", "Zl", "Zp")


class HangError(BaseException):
    """A case took longer than it may."""


@dataclass
class Report:
    """What a run of the driver found.

    Parameters
    ----------
    cases : int
    codes : Counter
        Exit codes by subject, as (subject, code).
    failures : list of str
        One line for each thing that did not hold.
    slowest : float, s
        Of one command.
    megabytes : float, MB
        The most its process held.
    """

    cases: int = 0
    codes: Counter[tuple[str, int]] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    slowest: float = 0.0
    slowest_case: str = ""
    megabytes: float = 0.0


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    """Interrupt what runs longer."""

    def stop(*_: object) -> None:
        raise HangError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def fuzz(
    seed: int,
    cases: list[tuple[str, int]],
    *,
    budget_seconds: float = float("inf"),
    tell: Callable[[str], None] = TELL,
) -> Report:
    """Run cases and return what was found.

    Parameters
    ----------
    seed : int
    cases : list of (subject, number)
    budget_seconds : float
        No case is begun after this.
    tell : callable
        Is given a line for each failure, and one now and then of how far it has come.
    """
    report, begun, here = Report(), time.monotonic(), Path.cwd()
    command = typer.main.get_command(cli.application())  # made once: it takes as long as many a command
    with (
        mock.patch.object(cli, "application", return_value=command),
        tempfile.TemporaryDirectory(prefix="race-fuzz-") as base,
    ):
        folders: dict[str, Path] = {}
        try:
            for name, number in cases:
                if time.monotonic() - begun > budget_seconds:
                    break
                if name not in folders:
                    folders[name] = Path(base).resolve() / name
                    SUBJECTS[name].prepare(folders[name])
                os.chdir(folders[name])
                for failure in attempt(seed, name, number, folders[name], report):
                    report.failures.append(f"{name}:{number} (seed {seed}): {failure}")
                    tell(report.failures[-1])
                report.cases += 1
                if report.cases % TOLD_EVERY == 0:
                    tell(f"  {report.cases} cases, {len(report.failures)} failures, {peak_megabytes():.0f} MB at most")
        finally:
            os.chdir(here)
    report.megabytes = peak_megabytes()
    return report


def alone(seed: int, budget_seconds: float, cases: list[tuple[str, int]]) -> Report:
    """Run cases in a process begun for them."""
    set_library_defaults()
    report = fuzz(seed, cases, budget_seconds=budget_seconds, tell=TELL)
    TELL(
        f"  {cases[0][0]}: {report.cases} cases, slowest command {report.slowest:.2f} s of CPU "
        f"({report.slowest_case}), peak memory {report.megabytes:.0f} MB"
    )
    return report


def attempt(seed: int, name: str, number: int, folder: Path, report: Report) -> Iterator[str]:
    """Yield what does not hold of one case."""
    failures: list[str] = []

    def race(words: list[str], *, codes: tuple[int, ...]) -> Answer:
        answer = call(words)
        report.codes[name, answer.code] += 1
        if answer.seconds > report.slowest:
            report.slowest, report.slowest_case = answer.seconds, f"{name}:{number} {' '.join(words)}"
        failures.extend(f"{' '.join(words)}: {problem}" for problem in problems(answer, codes))
        return answer

    rng = random.Random(f"{seed}:{name}:{number}")
    try:
        yield from SUBJECTS[name].attempt(folder, rng, race)
    except HangError:
        yield f"more than {MAX_SECONDS} s"
    except Exception:  # noqa: BLE001 - it is what is looked for
        yield f"not caught: {traceback.format_exc()[-1500:]}"
    yield from failures


def call(words: list[str]) -> Answer:
    """Run a command in this process."""
    out, err = io.StringIO(), io.StringIO()
    started = time.process_time()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), within(12 * MAX_SECONDS):
        code = cli.main(list(words))
    return Answer(words, code, out.getvalue(), err.getvalue(), time.process_time() - started)


def problems(answer: Answer, codes: tuple[int, ...]) -> Iterator[str]:
    """Yield what does not hold of an answer, whatever was asked."""
    if answer.code not in codes or "Traceback" in answer.err:
        yield f"exit code {answer.code}: {answer.err[-1500:]}"
    if answer.seconds > MAX_SECONDS:
        yield f"{answer.seconds:.1f} s"
    message = answer.err[answer.err.find("race: ") :]
    if answer.code not in (0, 4) and len(message.encode("utf-8", "replace")) > MAX_MESSAGE_BYTES:
        yield f"a message of {len(message)} characters"
    acting = {char for char in answer.out + answer.err if unicodedata.category(char) in ACTING} - {"\n"}
    if acting:
        yield f"acts on the terminal: {acting!r}"
    if "--json" in answer.words:
        try:
            answer.document  # noqa: B018
        except ValueError as error:
            yield f"no JSON document: {error}: {answer.out[:200]!r}"


def peak_megabytes() -> float:
    """Return the most memory this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> int:
    """Run the driver from a command line; 1 when anything did not hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of each subject's first case")
    parser.add_argument("--count", type=int, default=1000, help="cases, shared among the subjects")
    parser.add_argument("--subject", action="append", choices=sorted(SUBJECTS))
    parser.add_argument("--workers", type=int, default=2, help="subjects at a time")
    parser.add_argument("--only", help="SUBJECT:NUMBER")
    parser.add_argument("--budget", type=float, default=float("inf"), help="seconds after which no case is begun")
    given = parser.parse_args()
    names = given.subject or sorted(SUBJECTS)
    cases = [(names[n % len(names)], given.first + n // len(names)) for n in range(given.count)]
    if given.only:
        name, _, number = given.only.partition(":")
        cases = [(name, int(number))]
    TELL(f"seed {given.seed}, {len(cases)} cases of {', '.join(names)}")
    shares = [share for name in names if (share := [case for case in cases if case[0] == name])]
    with ProcessPoolExecutor(given.workers, mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
        reports = list(pool.map(partial(alone, given.seed, given.budget), shares))
    codes = sum((report.codes for report in reports), Counter())
    failures = [line for report in reports for line in report.failures]
    for (name, code), count in sorted(codes.items()):
        TELL(f"  {name}: exit code {code}, {count} times")
    TELL(f"{sum(report.cases for report in reports)} cases, {codes.total()} commands, {len(failures)} failures")
    for line in failures:
        TELL(f"  {line}")
    TELL(
        f"slowest command {max(report.slowest for report in reports):.2f} s of CPU; "
        f"peak memory {max(report.megabytes for report in reports):.0f} MB"
    )
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

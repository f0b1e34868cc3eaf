"""INT, TERM and HUP at random moments of ``race run``: who is still alive 2 s later, and is the next run right.

Run from the checkout: ``.venv/bin/python benchmarks/attacks/stop_anywhere.py [--times 20] [--seed 1]`` (two to three
minutes a time; ``--small`` makes it less). Each run is made to run every stage, every second one with nothing
remembered; after each stop a plain ``race run`` must succeed unaided and give the numbers of the undisturbed one, byte
for byte.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import time
from pathlib import Path

from scratch import Scratch, copied

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
PROMISED_SECONDS = 2.0


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=20, help="stops by each of INT and TERM; HUP a quarter of it")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--small", action="store_true", help="the settings of the suite's small quarter, in the copy")
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    with copied(given.folder) as copy:
        return attack(copy, given)


def attack(scratch: Scratch, given: argparse.Namespace) -> int:
    """Stop runs as often as asked; return 1 when one of them was not as promised."""
    stream = random.Random(given.seed)
    if given.small:
        scratch.make_small()
    scratch.forget()
    begun = time.monotonic()
    code, err = scratch.race("run", "--force")
    if code not in (0, 4):
        sys.exit(f"the undisturbed run failed with {code}: {err[-800:]}")
    whole = time.monotonic() - begun
    reference = scratch.numbers()
    print(f"seed {given.seed}; an undisturbed run takes {whole:.0f} s")
    plan = [signal.SIGINT, signal.SIGTERM] * given.times + [signal.SIGHUP] * (given.times // 4)
    bad = []
    for turn, number in enumerate(plan):
        if turn // 2 % 2 == 0:
            scratch.forget()
        if not stopped(scratch, number, stream.uniform(0.3, 0.9 * whole), reference):
            bad.append(number.name)
    print(f"{len(plan) - len(bad)} of {len(plan)} stops right; not: {bad or 'none'}")
    return bool(bad)


def stopped(scratch: Scratch, number: signal.Signals, delay: float, reference: dict[str, bytes]) -> bool:
    """Stop one run after ``delay`` seconds; tell whether everything was as promised."""
    process = scratch.start("run", "--force")
    time.sleep(delay)
    begun = time.monotonic()
    ended = process.poll() is not None  # a run that remembers what it found may be over before it is stopped
    process.send_signal(number)
    taken = scratch.seconds_until_gone(PROMISED_SECONDS)
    left = [] if taken is not None else scratch.alive()
    _, err = process.communicate(timeout=60)
    seconds = time.monotonic() - begun
    again, words = scratch.race("run", "--wait", "0")
    found = {
        "exit code": ended or process.returncode in (CODES[number], -number),  # itself, before Python listens
        "nothing left": not left,
        "next run": again in (0, 4),
        "same numbers": scratch.numbers() == reference,
        "no hidden file": not scratch.hidden(),
    }
    wrong = [name for name, right in found.items() if not right]
    gone = "more than 2" if taken is None else f"{taken:.2f}"
    if ended:
        print("the run had ended by itself:", end=" ")
    print(
        f"{number.name} after {delay:5.1f} s: exit {process.returncode} in {seconds:.2f} s, all gone after {gone} s, "
        f"next run exit {again}",
        flush=True,
    )
    if wrong:
        print(f"  WRONG: {wrong} {left} {scratch.hidden()} {err[-200:]} {words[-400:]}", flush=True)
    return not wrong


if __name__ == "__main__":
    sys.exit(main())

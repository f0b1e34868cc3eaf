"""kill -9 at random moments of import, publish, fit and run: old or new, and never a repair by hand.

Run from the checkout: ``.venv/bin/python benchmarks/attacks/kill_anywhere.py [--times 50] [--seed 1]`` (an hour or two;
``--small`` makes runs shorter). The command alone is killed: what it had started must follow it within 2 s.
Then the ledgers are old or new byte for byte, ``race audit verify`` finds nothing broken (or names the publication that
was cut off), no temporary file is left, and the command itself succeeds unaided.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from scratch import Scratch, copied

if TYPE_CHECKING:
    from collections.abc import Callable

QUARTER = "2025Q2"
CHIPS = "tests/data/ledger/hardware_generation_1.csv"
DAY = "2027-01-05"
FIT = ("fit", "kappa", "runs.csv", "--form", "power_law", "--bootstrap", "200", "--plot", "build/plot.png")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=60, help="kills of import, publish and fit, each")
    parser.add_argument("--runs", type=int, default=20, help="kills of run, which take longest")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--small", action="store_true", help="the settings of the suite's small quarter, in the copy")
    parser.add_argument("--only", choices=("import", "publish", "fit", "run"))
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    with copied(given.folder) as copy:
        if given.small:
            copy.make_small()
        attack = Attack(copy, random.Random(given.seed))
        verbs = {"import": attack.imports, "publish": attack.publishes, "fit": attack.fits, "run": attack.runs}
        for name, verb in verbs.items():
            if given.only in (None, name):
                verb(given.runs if name == "run" else given.times)
        print(f"seed {given.seed}; {attack.tried - len(attack.wrong)} of {attack.tried} kills right", flush=True)
        print("\n".join(attack.wrong) or "nothing was wrong")
    return bool(attack.wrong)


class Attack:
    """Kills in one copy of the checkout, and what was wrong after them."""

    def __init__(self, scratch: Scratch, stream: random.Random) -> None:
        self.scratch, self.stream = scratch, stream
        self.tried = 0
        self.wrong: list[str] = []

    def undisturbed(self, *words: str) -> float:
        """Run a command to its end and return how long it took."""
        begun = time.monotonic()
        code, err = self.scratch.race(*words)
        if code not in (0, 4):
            sys.exit(f"race {' '.join(words)} ended with {code}, undisturbed: {err[-800:]}")
        return time.monotonic() - begun

    def killed(self, words: tuple[str, ...], within: float, check: Callable[[], list[str]]) -> None:
        """Kill one command at a random moment, then look at what it left."""
        delay = self.stream.uniform(0.05, within)
        process = self.scratch.start(*words)
        time.sleep(delay)
        process.kill()
        gone = self.scratch.seconds_until_gone(2.0)
        process.communicate()
        found = [] if gone is not None else [f"alive after 2 s: {self.scratch.alive()}"]
        self.tried += 1
        found += check()
        if self.scratch.hidden():
            found.append(f"left behind: {self.scratch.hidden()}")
        if process.returncode != -signal.SIGKILL:
            delay = float("inf")  # it had ended by itself
        print(f"{words[0]} killed after {delay:.1f} s: {found or 'right'}", flush=True)
        self.wrong += [f"{' '.join(words)} after {delay:.2f} s: {item}" for item in found]

    def verified(self, *, unfinished: str = "") -> list[str]:
        """Verify, and return what is broken beside a publication that was cut off."""
        process = self.scratch.start("audit", "verify", "--json")
        out, err = process.communicate()
        try:
            document = json.loads(out)
        except ValueError:
            return [f"audit verify ended with {process.returncode}: {err[-300:]}"]
        named = (f"reports/{unfinished}/", "reports/registry.json") if unfinished else ()
        return [f"broken: {item}" for item in document["broken"] if not item["artefact"].startswith(named)]

    def again(self, *words: str) -> list[str]:
        """Run a command after a kill; return what is wrong with that."""
        code, err = self.scratch.race(*words)
        return [] if code in (0, 4) else [f"the next `race {words[0]}` ended with {code}: {err[-300:]}"]

    def imports(self, times: int) -> None:
        words = ("import", "epoch-hardware", CHIPS, "--recorded", DAY)
        old = self.scratch.state("data/raw")
        within = self.undisturbed(*words)
        new = self.scratch.state("data/raw")
        for _ in range(times):
            self.scratch.put(old)

            def check() -> list[str]:
                held = self.scratch.state("data/raw")
                found = [] if held in (old, new) else ["a ledger is neither old nor new"]
                found += self.verified() + self.again(*words)
                return found + ([] if self.scratch.state("data/raw") == new else ["the next import is another"])

            self.killed(words, 1.2 * within, check)
        self.scratch.put(old)

    def publishes(self, times: int) -> None:
        self.undisturbed("run", "--quarter", QUARTER)
        within = 1.1 * self.undisturbed("publish", "--quarter", QUARTER, "--revise", "before the attack")
        for turn in range(times):
            entries = self.entries()
            revision = sum(entry["quarter"] == QUARTER for entry in entries) + 1
            words = ("publish", "--quarter", QUARTER, "--revise", f"turn {turn}")

            def check(before: list[dict[str, object]] = entries, revision: int = revision) -> list[str]:
                held = self.entries()
                kept = held[: len(before)] == before and len(held) <= len(before) + 1
                found = [] if kept else ["the registry has other entries"]
                found += self.verified(unfinished=f"{QUARTER}.r{revision}" if held == before else "")
                if held == before:
                    found += self.again("publish", "--quarter", QUARTER, "--revise", "after a kill")
                    found += ["it was not published"] if len(self.entries()) != len(before) + 1 else []
                return found + self.verified()

            self.killed(words, within, check)

    def entries(self) -> list[dict[str, object]]:
        document = json.loads((self.scratch.root / "reports" / "registry.json").read_text())
        found: list[dict[str, object]] = document["entries"]
        return found

    def fits(self, times: int) -> None:
        stream = random.Random(7)
        compute = [10 ** stream.uniform(18, 22) for _ in range(60)]
        rows = "\n".join(f"{c:.6e},{9.0 * c**-0.03 * (1 + stream.gauss(0, 0.002)):.6f}" for c in compute)
        (self.scratch.root / "runs.csv").write_text(f"compute_flop,loss\n{rows}\n")
        self.scratch.root.joinpath("build").mkdir(exist_ok=True)
        within = self.undisturbed(*FIT)
        plot = self.scratch.root / "build" / "plot.png"
        whole = plot.read_bytes()
        for _ in range(times):
            plot.unlink(missing_ok=True)
            before = self.scratch.state("data/raw", "reports")

            def check(before: dict[str, bytes] = before) -> list[str]:
                found = ["a torn plot"] if plot.exists() and plot.read_bytes() != whole else []
                found += ["a fit touched the checkout"] if self.scratch.state("data/raw", "reports") != before else []
                return found + self.again(*FIT) + (["another plot"] if plot.read_bytes() != whole else [])

            self.killed(FIT, 1.1 * within, check)

    def runs(self, times: int) -> None:
        self.undisturbed("run")
        within = 0.9 * self.undisturbed("run", "--force")
        reference = self.scratch.numbers()
        for turn in range(times):
            if turn % 5 == 0:
                self.scratch.forget()

            def check() -> list[str]:
                found = self.verified()
                if self.stream.random() < 0.5:  # else the next run meets what two kills have left
                    found += self.again("run", "--wait", "0")
                    found += [] if self.scratch.numbers() == reference else ["the next run has other numbers"]
                return found

            self.killed(("run", "--force"), within, check)
        self.wrong += self.again("run") + ([] if self.scratch.numbers() == reference else ["the last run differs"])


if __name__ == "__main__":
    sys.exit(main())

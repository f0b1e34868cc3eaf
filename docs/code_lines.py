"""Lines of code by what they serve, beside those of version 0.1; `python docs/code_lines.py` prints the table.

Docstrings, comments and blank lines are no code. 0.1's counts, by the same counter, are kept in code_lines_0.1.json.
"""

from __future__ import annotations

import ast
import json
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).resolve().parent
PACKAGE = HERE.parent / "pipeline" / "race_to_efficiency"
KEPT = HERE / "code_lines_0.1.json"


@dataclass(frozen=True)
class Room:
    """A part of the program: where it stands, where it stood in 0.1, and what its growth serves.

    Parameters
    ----------
    name : str
    now, before : tuple of str
        Beginnings of paths under the package; the first room that names a file has it.
    serves : str
        What 0.2 does there that 0.1 did not, or does otherwise.
    """

    name: str
    now: tuple[str, ...]
    before: tuple[str, ...]
    serves: str


ROOMS = (
    Room(
        "the maths",
        ("equation/", "planning/", "relative_loss.py", "scaling_laws.py"),
        ("equation/", "planning/", "relative_loss.py", "scaling_laws.py"),
        "the same laws",
    ),
    Room(
        "settings",
        ("settings/",),
        ("config",),
        "every setting bounded, described and read from one file; settings of sealed quarters completed by rule",
    ),
    Room(
        "step logs",
        (
            "cells/step_logs",
            "own_tables/step_logs",
            "own_tables/log_columns",
            "own_tables/chart_",
            "own_tables/run_facts",
            "own_tables/run_states",
            "own_tables/run_summaries",
            "commands/step_logs",
        ),
        (),
        "logs of any length read in pieces: smoothed losses, runs that diverged or were not finished told and left out",
    ),
    Room(
        "many processors",
        ("executors/",),
        ("calibration/processes",),
        "the same bytes in this process, in several, or on a cluster whose workers must compute with the same code",
    ),
    Room(
        "laws with conditions",
        (
            "calibration/kappa/conditional",
            "calibration/kappa/conditions",
            "calibration/kappa/repeated_data",
            "calibration/kappa/mixture_of_experts",
            "own_tables/conditional",
            "own_tables/further_columns",
        ),
        (),
        "what an analyst holds fixed or ties, weights of runs, repeated data, active and total parameters, with the "
        "evidence for each",
    ),
    Room(
        "reading tables",
        ("cells/", "loading/"),
        ("ledger/parsing.py", "ledger/physical.py"),
        "one reader of any CSV, Parquet and JSON for fits and imports: separators, marks, units in cells, dates "
        "of any spelling, every row counted; JSON and YAML within bounds",
    ),
    Room(
        "fits of own tables",
        ("own_tables/",),
        ("calibration/run_", "calibration/table_", "calibration/selection"),
        "groups, conditions, wide grids, long tables whole, larger runs held out, rates of algorithms from "
        "losses, what cannot be fitted said before the refits",
    ),
    Room(
        "ledgers",
        ("ledger/",),
        ("ledger/",),
        "seven more tables, loss units, withdrawals by publisher, precedence of sources, renames and splits, data "
        "package",
    ),
    Room(
        "recovery study",
        ("recovery/",),
        ("evaluation/recovery",),
        "the same study in a room of its own, with predictive intervals and discrepancy",
    ),
    Room(
        "kappa and gamma",
        ("calibration/",),
        ("calibration/",),
        "one pool by a stated rule, random effects, discrepancy beyond the runs, larger runs held out, lack of "
        "fit, grades",
    ),
    Room(
        "forecasts",
        ("forecasting/", "scenarios/"),
        ("forecasting/", "scenarios/"),
        "grades on two axes, forecasts by quarter and scenario, units in the tables",
    ),
    Room(
        "backtest and statements",
        ("evaluation/",),
        ("evaluation/",),
        "members with weights learnt at each origin, grades' record, bounds of physics, scoring of anybody's forecasts",
    ),
    Room(
        "a quarter as a value",
        ("quarter/", "comparison/"),
        ("provenance/refits/", "provenance/attribution.py", "provenance/difference.py", "calibration/comparison.py"),
        "nodes remembered by what they read, with row-level edges, in place of a second program for refits; "
        "causes of every change, entered late and reference date among them",
    ),
    Room(
        "provenance",
        ("provenance/",),
        ("provenance/",),
        "seals as sets of rows, chains closed and begun anew, keys that hand over, what is unsealed",
    ),
    Room(
        "the brief",
        ("report/brief/", "report/words/"),
        (),
        "a report of four screens: finding, record, grades, drivers, what would change our mind, two cases, Hare "
        "and Turtle, others' forecasts, in plain words",
    ),
    Room(
        "report",
        ("report/",),
        ("report/",),
        "figures in place of tables, the page's own chart in place of a library of 590 kB, front figure, index of "
        "quarters, metrics and plots for DVC",
    ),
    Room("forecast hub", ("hub/",), (), "all forecasts and outcomes in hubverse's folders"),
    Room("import race", ("api/",), (), "twelve public functions with frozen results, in any folder"),
    Room(
        "what may fail or stop",
        (
            "checkout.py",
            "children.py",
            "visible.py",
            "named_options.py",
            "storage.py",
            "parquet.py",
            "errors.py",
            "commands/terminal.py",
            "commands/output_files.py",
            "commands/reproduction.py",
            "commands/stale.py",
        ),
        ("storage.py", "errors.py"),
        "one writer to the terminal that shows text as such; one lock; signals that end every process; full disks; "
        "what is out of date and why",
    ),
    Room(
        "commands and stages",
        ("",),
        ("",),
        "score, cache, hub, data package, release notes, extras, the quarter's forecast; stages that write their edges",
    ),
)


def code_lines(text: str) -> int:
    """Return the lines of a module that are code: no docstring, comment or blank line.

    Parameters
    ----------
    text : str

    Examples
    --------
    >>> code_lines('"A module."' + chr(10) + "# why" + chr(10) + chr(10) + "x = 1  # one")
    1
    """
    told: set[int] = set()
    for node in statements(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.body:
            first = node.body[0]
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                told.update(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    lines = enumerate(text.splitlines(), 1)
    return sum(1 for k, line in lines if k not in told and line.strip() and not line.strip().startswith("#"))


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """Yield a module and every statement in it; no docstring lies deeper."""
    yield node
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt | ast.ExceptHandler | ast.match_case):
            yield from statements(child)


@lru_cache
def counted(package: Path) -> dict[str, int]:
    """Return module -> lines of code of a package."""
    return {
        path.relative_to(package).as_posix(): code_lines(path.read_text(encoding="utf-8"))
        for path in sorted(package.rglob("*.py"))
    }


def by_room(lines: dict[str, int], *, before: bool) -> dict[str, int]:
    """Return room -> lines of code; each file is in one room, the last taking what no other names."""
    found = dict.fromkeys((room.name for room in ROOMS), 0)
    for path, count in lines.items():
        # a room that names a file or a longer folder speaks before one that names its folder
        names = [(len(start), room.name) for room in ROOMS for start in (room.before if before else room.now)
                 if path.startswith(start)]  # fmt: skip
        found[max(names)[1]] += count
    return found


def size_page() -> str:
    """Return the page: the table, and the two totals."""
    before, now = counted_before(), counted(PACKAGE)
    old, new = by_room(before, before=True), by_room(now, before=False)
    rows = [
        f"| {name} | {old[name]:,} | {new[name]:,} | {new[name] - old[name]:+,} | {serves} |"
        for name, serves in ((room.name, room.serves) for room in ROOMS)
    ]
    total = (
        f"| **all** | {sum(old.values()):,} | {sum(new.values()):,} | {sum(new.values()) - sum(old.values()):+,} | |"
    )
    return "\n".join(
        [
            "# How large it is, and why",
            "",
            "Lines of code under `pipeline/`, without docstrings, comments and blank lines, beside those of version",
            "0.1: what each part has grown by, and what that serves. Counted at build, by `docs/code_lines.py`.",
            "",
            "| part | 0.1 | now | more | what it serves |",
            "|---|---:|---:|---:|---|",
            *rows,
            total,
            "",
        ]
    )


def counted_before() -> dict[str, int]:
    """Return module -> lines of code of version 0.1."""
    lines: dict[str, int] = json.loads(KEPT.read_text(encoding="utf-8"))["lines"]
    return lines


if __name__ == "__main__":
    sys.stdout.write(size_page())

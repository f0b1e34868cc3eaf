"""``race recovery``: the simulated-truth study, and the table that is committed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from race_to_efficiency.commands import terminal
from race_to_efficiency.commands.output_files import output_file
from race_to_efficiency.commands.places import Scheduler, Workers, computing
from race_to_efficiency.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from race_to_efficiency.recovery.study import Study, Task

FULL = 1000
"""Data sets a case of the committed table."""


def register(app: typer.Typer) -> None:
    """Add the verb ``recovery``."""

    @app.command(epilog="Example: race recovery --case kappa_clean_50 --datasets 200")
    def recovery(
        datasets: Annotated[int, typer.Option("--datasets", min=1, help="simulated data sets a case")] = FULL,
        case: Annotated[list[str] | None, typer.Option("--case", help="a case; may be repeated; default: all")] = None,
        workers: Workers = None,
        scheduler: Scheduler = None,
        seed: Annotated[int, typer.Option("--seed", min=0, help="root of every random number")] = 1,
        output: Annotated[
            Path | None,
            typer.Option("--output", help="write .md or .json here; the whole study goes to reports/recovery.md"),
        ] = None,
        as_json: Annotated[bool, typer.Option("--json", help="one JSON document on stdout")] = False,
    ) -> None:
        """Simulate data with a known truth, fit them, and compare bias, coverage and refusals with their bounds.

        Finished chunks are kept in data/processed/recovery: an interrupted study goes on where it stopped. A missed
        bound is shown and counted; it is no error.
        """
        from race_to_efficiency import storage
        from race_to_efficiency.executors.place import place_here
        from race_to_efficiency.recovery.study import EVERY_CASE, study
        from race_to_efficiency.recovery.table import markdown, study_document
        from race_to_efficiency.settings.params import find_root

        chosen = _chosen(case, EVERY_CASE)
        root = find_root(Path.cwd())
        whole = case is None and datasets >= FULL
        target = output_file(output, "--output") or (root / "reports" / "recovery.md" if whole else None)
        if target is not None and target.suffix not in (".md", ".json"):
            raise UsageError(f"--output must end in .md or .json, got '{target.name}'", where="--output")
        named = "".join(f" --case {name}" for name in chosen) if case else ""
        command = f"race recovery --datasets {datasets} --seed {seed}{named}"
        with computing(workers, scheduler):
            found = study(
                chosen,
                root / "data" / "processed" / "recovery",
                n_datasets=datasets,
                seed=seed,
                place=place_here(),
                progress=_progress(),
            )
        if target is not None and target.suffix == ".json":
            storage.write_json(target, study_document(found, command))
        elif target is not None:
            storage.write_text(target, markdown(found, command))
        if as_json:
            terminal.document(study_document(found, command))
            return
        _print(found, target)


def _chosen(asked: list[str] | None, known: list[str]) -> list[str]:
    """Return the cases asked for, in the study's order."""
    unknown = sorted(set(asked or ()) - set(known))
    if unknown:
        raise UsageError(f"there is no case '{unknown[0]}'", where="--case", why=f"cases: {', '.join(known)}")
    return [name for name in known if not asked or name in asked]


def _progress() -> Callable[[int, Task], None]:
    """Return a function that tells how much is left, once a case's chunk is done."""

    def tell(left: int, task: Task) -> None:
        terminal.progress(f"{task.case}: chunk {task.chunk + 1} done; {left} chunks left")

    return tell


def _print(found: Study, target: Path | None) -> None:
    """Print the rows under their cases, the misses and the count."""
    from race_to_efficiency.recovery.table import bounds_met, cells, miss_text

    case = ""
    for row in found.rows:
        _, bound, quantity, value, stderr, limit, meets, refused, count = cells(row)
        if row.case != case:
            case = row.case
            terminal.line(f"{case}: bound {bound or '-'}; {count} data sets, {refused} refused")
        judged = "" if meets == "-" else f"  {limit}: {meets}"
        terminal.line(f"    {quantity:<46} {value:>8} (s.e. {stderr}){judged}")
    terminal.lines(f"missed: {miss_text(row)}" for row in found.failed)
    terminal.line(f"{bounds_met(found)} (* the study's own bound)")
    if target is not None:
        terminal.line(f"written to {target}")

"""The simulated-truth study: every recovery case in chunks, in parallel, resumable, the same whatever the workers.

A chunk is fifty data sets of one case with a seed of its own. Finished chunks are kept with the digest of the code and
settings that made them, so an interrupted study goes on where it stopped and a changed estimator starts anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency import storage
from race_to_efficiency.errors import DataInvalid, InputMissing
from race_to_efficiency.executors.spread import as_finished
from race_to_efficiency.recovery import (
    kappa as recovery_kappa,
)
from race_to_efficiency.recovery import (
    predictive as recovery_predictive,
)
from race_to_efficiency.recovery import (
    trends as recovery_trends,
)
from race_to_efficiency.recovery.summary import Row, meets_bound, rows_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from race_to_efficiency.executors.place import Place

CHUNK = 50
"""Data sets of one chunk."""

CASES = recovery_trends.CASES | recovery_predictive.CASES
"""Cases that tell their own bias, coverage and refusals; those of kappa tell outcomes."""

EVERY_CASE = [*recovery_kappa.STUDY, *CASES]

_CODE = ("calibration", "evaluation", "equation", "forecasting", "own_tables", "recovery")
_NOT_CODE = ("recovery/study.py", "recovery/summary.py", "recovery/table.py")
"""They gather and print what the chunks hold: a change there needs no chunk again."""

_BOUNDS = {
    "truncated_clustered": "4, 5",
    "clustered": "4",
    "truncated": "5",
    "censored": "5",
    "predictive": "intervals",
}


@dataclass(frozen=True)
class Study:
    """A finished study.

    Parameters
    ----------
    rows : tuple of Row
        By case, in the order asked for.
    notes : mapping of str to str
        What each case simulates.
    n_datasets, seed : int
    code : str
        Digest of the code that was studied.
    """

    rows: tuple[Row, ...]
    notes: Mapping[str, str]
    n_datasets: int
    seed: int
    code: str

    @property
    def failed(self) -> tuple[Row, ...]:
        """The rows that do not meet their bound."""
        return tuple(row for row in self.rows if row.meets == "no")


@dataclass(frozen=True)
class Task:
    """One chunk of one case.

    Parameters
    ----------
    case : str
    chunk, n_datasets : int
    seed : int
        Of the study; the chunk's own is derived from it.
    code : str
        Digest of the code that computes it.
    """

    case: str
    chunk: int
    n_datasets: int
    seed: int
    code: str

    @property
    def key(self) -> str:
        """Digest of everything the chunk depends on."""
        return storage.digest_document([self.case, self.chunk, self.n_datasets, self.seed, self.code])


def cases_digest() -> str:
    """Return the digest of the code the cases run."""
    from pathlib import Path

    import race_to_efficiency

    root = Path(str(race_to_efficiency.__file__)).parent
    files = [
        path
        for folder in _CODE
        for path in root.glob(f"{folder}/**/*.py")
        if path.relative_to(root).as_posix() not in _NOT_CODE
    ]
    return storage.digest_tree(root, [*files, *root.glob("settings/*.py"), *root.glob("relative_loss*.py")])


def tasks_of(cases: Sequence[str], n_datasets: int, seed: int, code: str) -> list[Task]:
    """Return the chunks of a study; the last one of a case may be smaller."""
    tasks = []
    for case in cases:
        known = recovery_kappa.STUDY.get(case)
        count = min(n_datasets, n_datasets if known is None or known.most is None else known.most)
        sizes = [min(CHUNK, count - begin) for begin in range(0, count, CHUNK)]
        tasks += [Task(case, chunk, size, seed, code) for chunk, size in enumerate(sizes)]
    return tasks


def compute(task: Task) -> dict[str, Any]:
    """Return what a chunk measures: columns of outcomes (kappa), or bias, coverage and refusals (the others)."""
    from threadpoolctl import threadpool_limits

    seed = int(np.random.SeedSequence([task.seed, task.chunk]).generate_state(1)[0] >> 1)
    with threadpool_limits(limits=1):
        if task.case in CASES:
            return CASES[task.case](task.n_datasets, seed)
        return {"columns": recovery_kappa.simulate_outcomes(task.case, task.n_datasets, seed)}


def run_tasks(
    tasks: Sequence[Task], store: Path, *, place: Place, progress: Callable[[int, Task], None]
) -> dict[tuple[str, int], dict[str, Any]]:
    """Compute the chunks that are not kept yet, and return all.

    Parameters
    ----------
    tasks : sequence of Task
    store : Path
        Folder of the finished chunks.
    place : Place
    progress : callable
        Called with the number of chunks left and the chunk just finished.
    """
    done = {(task.case, task.chunk): kept for task in tasks if (kept := _kept(task, store)) is not None}
    left = [task for task in tasks if (task.case, task.chunk) not in done]
    for number, (index, result) in enumerate(as_finished(compute, left, place=place), start=1):
        task = left[index]
        storage.write_json(_path(task, store), {"key": task.key, "result": result})
        # What is read back is what counts: a resumed study and an uninterrupted one see the same numbers.
        done[task.case, task.chunk] = storage.read_json(_path(task, store))["result"]
        progress(len(left) - number, task)
    return done


def _path(task: Task, store: Path) -> Path:
    return store / task.case / f"{task.chunk:04d}.json"


def _kept(task: Task, store: Path) -> dict[str, Any] | None:
    """Return a finished chunk; None when there is none, or it was made by other code, settings or seed."""
    try:
        document = storage.read_json(_path(task, store))
    except (InputMissing, DataInvalid):
        return None
    if not isinstance(document, dict) or document.get("key") != task.key:
        return None
    result: dict[str, Any] = document["result"]
    return result


def study(
    cases: Sequence[str],
    store: Path,
    *,
    n_datasets: int,
    seed: int,
    place: Place,
    progress: Callable[[int, Task], None] = lambda _left, _task: None,
) -> Study:
    """Run cases and return what the recovery table shows.

    Parameters
    ----------
    cases : sequence of str
        Of `EVERY_CASE`.
    store : Path
    n_datasets, seed : int
    place : Place
    progress : callable
    """
    code = cases_digest()
    tasks = tasks_of(cases, n_datasets, seed, code)
    done = run_tasks(tasks, store, place=place, progress=progress)
    chunks = {case: [done[task.case, task.chunk] for task in tasks if task.case == case] for case in cases}
    rows = tuple(row for case in cases for row in case_rows(case, chunks[case]))
    return Study(rows, {case: _note(case, chunks[case]) for case in cases}, n_datasets, seed, code)


def case_rows(case: str, chunks: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Return the table's rows of a case from all its chunks."""
    if case in CASES:
        return _pooled_rows(case, chunks)
    names = sorted({name for chunk in chunks for name in chunk["columns"]})
    columns: dict[str, list[float | None]] = {name: [] for name in names}
    for chunk in chunks:
        count = len(chunk["columns"]["refused"])
        for name in names:
            columns[name] += chunk["columns"].get(name, [None] * count)
    known = recovery_kappa.STUDY[case]
    return rows_of(case, known.bound, known.quantities, columns)


def _note(case: str, chunks: Sequence[Mapping[str, Any]]) -> str:
    """Return in words what a case simulates."""
    return str(chunks[0]["note"]) if case in CASES else recovery_kappa.STUDY[case].note


def _pooled_rows(case: str, chunks: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Pool chunks that hold means over their answered data sets; a refused data set covers nothing."""
    total = sum(chunk["n_datasets"] for chunk in chunks)
    answered = [chunk["n_datasets"] * (1.0 - chunk["refused"]) for chunk in chunks]
    kept = sum(answered)
    refused = 1.0 - kept / total
    bounds: dict[str, float] = chunks[0]["bounds"]

    def mean(name: str) -> float | None:
        parts = [(weight, chunk[name]) for weight, chunk in zip(answered, chunks, strict=True) if weight > 0]
        return sum(weight * value for weight, value in parts) / kept if kept else None

    answered_coverage, bias = mean("coverage"), mean("bias")
    coverage = None if answered_coverage is None else answered_coverage * (1.0 - refused)
    at_most = bounds.get("coverage_below", bounds.get("coverage_at_most"))
    bound = next((label for prefix, label in _BOUNDS.items() if case.startswith(prefix)), "")
    own = bound not in ("4", "5", "4, 5") or "coverage_below" in bounds

    def row(quantity: str, value: float | None, error: float | None, low: float | None, high: float | None) -> Row:
        own_bound = own and (low is not None or high is not None)
        return Row(
            case, bound, quantity, value, error, low, high, own_bound, meets_bound(value, low, high), refused, total
        )

    error = None if coverage is None else float(np.sqrt(max(coverage * (1.0 - coverage), 0.0) / total))
    rows = [row("coverage", coverage, error, bounds.get("coverage"), at_most)]
    limit = bounds.get("bias")
    rows.append(row("bias", bias, _bias_error(chunks, answered, bias), None if limit is None else -limit, limit))
    if "stated_within" in bounds and coverage is not None:
        gap, within = abs(float(mean("stated_coverage") or 0.0) - coverage), bounds["stated_within"]
        rows.append(row("stated less real coverage", gap, error, None, within))
    return rows


def _bias_error(chunks: Sequence[Mapping[str, Any]], answered: Sequence[float], bias: float | None) -> float | None:
    """Return the standard error of the pooled bias from each chunk's mean and sd."""
    if bias is None:
        return None
    pairs = [(weight, chunk) for weight, chunk in zip(answered, chunks, strict=True) if weight > 0]
    variance = sum(weight * (chunk["sd"] ** 2 + (chunk["bias"] - bias) ** 2) for weight, chunk in pairs)
    count = sum(answered)
    return float(np.sqrt(variance) / count)

"""MLPerf Training: a results folder in the layout of the public repositories, scored from its raw logs.

Layout: ORGANISATION/results/SYSTEM/BENCHMARK/result_N.txt and ORGANISATION/systems/SYSTEM.json, with a scaling.json
beside the logs where the round allows one. Scores are unofficial.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from race_to_efficiency.cells.screening import refuse
from race_to_efficiency.errors import DataInvalid, InputMissing, RaceError
from race_to_efficiency.executors.place import HERE, place_here
from race_to_efficiency.executors.spread import each
from race_to_efficiency.ledger.importers.mlperf_logs import (
    RunLog,
    read_log,
)
from race_to_efficiency.ledger.importers.mlperf_result import LOG, Result, number_of
from race_to_efficiency.ledger.importers.mlperf_rounds import round_of, round_published
from race_to_efficiency.ledger.importers.parsed import Importer, Parsed, ParsedRow, Problem, Request

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    Logs = list[RunLog | RaceError]
    """Of one result: each log, or why it cannot be read."""

MAX_LOGS = 20_000
"""Most logs read from one folder; the largest round has about 4,000."""

SHARED_OUT_BYTES = 200_000_000
"""Logs from which on other processes of this machine are started: below, starting them takes longer than reading."""


def read(request: Request) -> Parsed:
    """Read a results folder.

    Raises
    ------
    InputMissing
        When there is no such folder.
    DataInvalid
        When it holds no results, or names no round.
    """
    folder = request.path
    number = round_of(folder)
    groups = _groups(folder)
    history = request.ledger("mlperf_training").rows
    logs = _read_logs(groups)
    parsed = Parsed("mlperf_training", f"mlperf_training_{number}", len(groups), recorded_basis=request.basis)
    parsed.sources = _source(number, request)
    for line, place in enumerate(groups, 1):
        result = Result(folder, place, logs[place], number, history)
        _take(result, line, request, parsed)
    _mark_resubmissions(parsed, history, number)
    return parsed


def _read_logs(groups: dict[Path, list[Path]]) -> dict[Path, Logs]:
    """Return what each folder's logs say, one log in memory a worker; a large tree is shared out, a small one not."""
    sizes = {path: path.lstat().st_size for paths in groups.values() for path in paths}
    place = place_here()
    if place.scheduler is None and sum(sizes.values()) < SHARED_OUT_BYTES:
        place = HERE
    found = dict(zip(sizes, each(_log_or_why_not, [*sizes], place=place, size=sizes.__getitem__), strict=True))
    return {folder: [found[path] for path in paths] for folder, paths in groups.items()}


def _log_or_why_not(path: Path) -> RunLog | RaceError:
    """Return a log, or the error that refuses it: it costs its own result and no other."""
    try:
        return read_log(path)
    except (DataInvalid, InputMissing) as error:
        return error


def _take(result: Result, line: int, request: Request, parsed: Parsed) -> None:
    """Score one result, or put it in quarantine with the reason."""
    try:
        cells = result.cells()
    except (DataInvalid, InputMissing) as error:  # a file that is unreadable, or a link to one that is gone
        rule = f"{error.what}: {error.why}" if error.why else error.what
        problem = Problem(line, result.result_id, "", rule, "", error.remedy or "", error.where or "")
        parsed.quarantined.append(problem)
        return
    parsed.flags += result.flags
    defaults = result.defaults(request)
    parsed.rows.append(ParsedRow(line, result.result_id, cells, defaults, result.where))


def _groups(folder: Path) -> dict[Path, list[Path]]:
    """Return the benchmark folders in the order of their paths, each with its logs in the order of their numbers."""
    groups: dict[Path, list[Path]] = {}
    logs = sorted(path for path in folder.rglob("result_*.txt") if LOG.fullmatch(path.name))
    if len(logs) > MAX_LOGS:
        raise refuse(folder, f"{len(logs)} logs, more than {MAX_LOGS}")
    for path in logs:
        if len(path.relative_to(folder).parts) >= 5 and path.parents[2].name == "results":
            groups.setdefault(path.parent, []).append(path)
    if not groups:
        why = "no ORGANISATION/results/SYSTEM/BENCHMARK/result_N.txt in it"
        raise refuse(folder, why, remedy="name the folder that holds the organisations' folders")
    return {place: sorted(paths, key=number_of) for place, paths in groups.items()}


def _source(number: str, request: Request) -> list[dict[str, str]]:
    """Return the citation of a round the sources do not hold yet."""
    source_id = f"mlperf_training_{number}"
    released = round_published(request.path, request.ledger, request.released)
    if (request.ledger("sources").rows["source_id"] == source_id).any():
        return []
    unofficial = "Unofficial: computed from the public logs; MLPerf is a trademark of MLCommons."
    return [
        {
            "source_id": source_id,
            "title": f"MLPerf Training {number} results",
            "authors": "MLCommons",
            "year": str(released.year),
            "identifier": f"https://github.com/mlcommons/training_results_{number}",
            "citation": f"MLCommons, MLPerf Training {number} results. {unofficial}",
            "licence": "Apache-2.0 (MLPerf is a trademark; derived metrics must be labelled unofficial)",
            "released": released.isoformat(),
            "recorded": request.recorded.isoformat(),
            "recorded_basis": request.basis,
            "withdrawn": "false",
        }
    ]


def _mark_resubmissions(parsed: Parsed, history: pd.DataFrame, number: str) -> None:
    """Mark results whose times another result has already: of an earlier round, or earlier in this one."""
    timed = history[(history["round"] != number) & history["minutes_logs"].notna()]
    earlier = timed[[_sortable(item) < _sortable(number) for item in timed["round"]]]
    columns = ("benchmark", "minutes_logs", "minutes_best")
    seen = set(earlier[list(columns)].itertuples(index=False, name=None))
    marked = []
    for row in parsed.rows:
        cells = dict(row.cells)
        mark = (cells["benchmark"], _float(cells["minutes_logs"]), _float(cells["minutes_best"]))
        if cells["minutes_logs"]:
            cells["is_resubmission"] = "true" if mark in seen else "false"
            seen.add(mark)
        marked.append(ParsedRow(row.line, row.name, cells, row.defaults, row.where))
    parsed.rows = marked


def _sortable(number: str) -> tuple[int, ...]:
    return tuple(int(part) for part in number.removeprefix("v").split("."))


def _float(text: str) -> float | None:
    return float(text) if text else None


SUMMARY = "MLPerf Training: a round's results folder, in the public repository's layout"
IMPORTER = Importer("mlperf", SUMMARY, read, round_published)

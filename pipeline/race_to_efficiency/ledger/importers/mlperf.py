"""MLPerf Training: a results folder in the layout of the public repositories, scored from its raw logs.

Layout: ORGANISATION/results/SYSTEM/BENCHMARK/result_N.txt and ORGANISATION/systems/SYSTEM.json, with a scaling.json
beside the logs where the round allows one. Scores are unofficial.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from race_to_efficiency.cells.screening import refuse
from race_to_efficiency.cells.text import number_text, tidy
from race_to_efficiency.errors import DataInvalid, InputMissing, RaceError
from race_to_efficiency.executors.place import HERE, place_here
from race_to_efficiency.executors.spread import each
from race_to_efficiency.ledger.importers.mlperf_logs import (
    DEFAULT_REQUIRED_RUNS,
    REQUIRED_RUNS,
    RunLog,
    olympic_mean,
    read_log,
)
from race_to_efficiency.ledger.importers.mlperf_rounds import round_of, round_published
from race_to_efficiency.ledger.importers.mlperf_systems import availability, normalised, read_object, whole_number
from race_to_efficiency.ledger.importers.parsed import Importer, Parsed, ParsedRow, Problem, Request

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    Logs = list[RunLog | RaceError]
    """Of one result: each log, or why it cannot be read."""

_LOG = re.compile(r"result_(\d+)\.txt")
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
        result = _Result(folder, place, logs[place], number, history)
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


def _take(result: _Result, line: int, request: Request, parsed: Parsed) -> None:
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
    logs = sorted(path for path in folder.rglob("result_*.txt") if _LOG.fullmatch(path.name))
    if len(logs) > MAX_LOGS:
        raise refuse(folder, f"{len(logs)} logs, more than {MAX_LOGS}")
    for path in logs:
        if len(path.relative_to(folder).parts) >= 5 and path.parents[2].name == "results":
            groups.setdefault(path.parent, []).append(path)
    if not groups:
        why = "no ORGANISATION/results/SYSTEM/BENCHMARK/result_N.txt in it"
        raise refuse(folder, why, remedy="name the folder that holds the organisations' folders")
    return {place: sorted(paths, key=_number) for place, paths in groups.items()}


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


class _Result:
    """One benchmark folder of one system."""

    def __init__(self, root: Path, folder: Path, logs: Logs, number: str, history: pd.DataFrame) -> None:
        self.root = root
        self.folder = folder
        self.logs = logs
        self.round = number
        self.history = history
        self.benchmark = folder.name
        self.system = folder.parent.name
        self.submitter = folder.parents[2].name
        self.result_id = f"{number}/{self.submitter}/{self.system}/{self.benchmark}"
        self.where = folder.relative_to(root).as_posix()
        self.flags: list[dict[str, Any]] = []

    def cells(self) -> dict[str, str]:
        """Return the result's columns as ledger texts."""
        described, match = self._system()
        logs = self._logs()
        missing = self._missing(logs)
        times = [log.minutes for log in logs if log.succeeded and log.minutes is not None]
        failed = sum(log.failed for log in logs)
        score = olympic_mean(times, failed, self.benchmark)
        factor = self._scaling()
        count = whole_number(described, "accelerators_per_node", 0) * whole_number(described, "number_of_nodes", 1)
        original = tidy(str(described.get("accelerator_model_name", "") or ""))
        size = next((log.batch_size for log in logs if log.batch_size), None)
        minutes = None if score is None else round(score * factor, 4)
        return {
            "round": self.round,
            "benchmark": self.benchmark,
            "submitter": self.submitter,
            "system": self.system,
            "accelerator": normalised(original) if count else "",
            "accelerator_original": original if count else "",
            "accelerator_family": self._family(original) if count else "",
            "accelerator_count": str(count),
            "nodes": str(whole_number(described, "number_of_nodes", 1)),
            "division": str(described.get("division", "")).strip().lower(),
            "availability": availability(str(described.get("status", ""))),
            "framework": tidy(str(described.get("framework", ""))),
            "minutes": _rounded(minutes, 4),
            "minutes_logs": _rounded(score, 4),
            "scaling_factor": number_text(factor),
            "minutes_best": _rounded(min(times, default=None), 4),
            "accelerator_minutes": _rounded(minutes * count if minutes and count else None, 3),
            "n_runs": str(len(logs) + len(missing)),
            "n_success": str(len(times)),
            "n_failed": str(failed),
            "n_logs_missing": str(len(missing) + sum(bool(log.problem) for log in logs)),
            "global_batch_size": number_text(size) if size else "",
            "system_json_match": match,
            "is_resubmission": "false",
        }

    def defaults(self, request: Request) -> dict[str, str]:
        """Return what only the ledger knows of a round or a benchmark, for results new to it."""
        same_benchmark = self.history[self.history["benchmark"] == self.benchmark]
        released = round_published(request.path, request.ledger, request.released)
        first = same_benchmark["comparable_from_round"].iloc[-1] if len(same_benchmark) else self.round
        return {"released": released.isoformat(), "comparable_from_round": str(first), "n_power_runs": "0"}

    def _logs(self) -> list[RunLog]:
        logs = []
        for log in self.logs:
            if isinstance(log, RaceError):
                raise log
            logs.append(log)
            path = log.path.relative_to(self.root).as_posix()
            if log.problem:
                self._flag("log_cut_short", path, log.problem)
            elif not log.status:
                self._flag("log_without_run_stop", path, "the run ended without reaching its target or saying so")
        return logs

    def _missing(self, logs: list[RunLog]) -> list[str]:
        """Return the logs that ought to be there: gaps in the numbers, and what the rules ask for."""
        numbers = {_number(log.path) for log in logs}
        required = REQUIRED_RUNS.get(self.benchmark, DEFAULT_REQUIRED_RUNS)
        if self.benchmark not in REQUIRED_RUNS:
            self._flag("unknown_benchmark", self.where, f"taken to ask for {required} runs")
        start = min(*numbers, 1)
        expected = max(max(numbers) + 1 - start, required)
        missing = [
            f"{self.where}/result_{number}.txt" for number in range(start, start + expected) if number not in numbers
        ]
        for path in missing:
            self._flag("log_missing", path, f"{self.benchmark} asks for {required} runs")
        return missing

    def _system(self) -> tuple[dict[str, Any], str]:
        """Return the system's description and how it was found."""
        folder = self.folder.parents[2] / "systems"
        path = folder / f"{self.system}.json"
        match = "exact"
        if not path.exists():
            similar = [item for item in sorted(folder.glob("*.json")) if _plain(item.stem) == _plain(self.system)]
            if len(similar) != 1:
                where = path.relative_to(self.root).as_posix()
                raise DataInvalid("no system description", where=where, why="the system's JSON file is missing")
            path, match = similar[0], "name_rule"
        return read_object(path, path.relative_to(self.root).as_posix()), match

    def _scaling(self) -> float:
        """Return the factor of the scaling file, 1 without one."""
        path = self.folder / "scaling.json"
        if not path.exists():
            return 1.0
        where = path.relative_to(self.root).as_posix()
        factor = read_object(path, where).get("scaling_factor")
        if isinstance(factor, bool) or not isinstance(factor, int | float) or factor <= 0:
            raise DataInvalid("unreadable scaling", where=where, why="scaling.json holds no positive scaling_factor")
        return float(factor)

    def _family(self, original: str) -> str:
        """Return the family the ledger gives this accelerator, else the last word with a digit in its name."""
        known = self.history[self.history["accelerator"] == normalised(original)]
        if len(known):
            return str(known["accelerator_family"].iloc[-1])
        words = [word for word in re.split(r"[\s()/-]+", original) if any(mark.isdigit() for mark in word)]
        return words[0] if words else original

    def _flag(self, kind: str, path: str, why: str) -> None:
        self.flags.append({"kind": kind, "id": self.result_id, "path": path, "why": why})


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


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "", name.lower())


def _number(path: Path) -> int:
    match = _LOG.fullmatch(path.name)
    return int(match[1]) if match else 0


def _rounded(value: float | None, digits: int) -> str:
    return "" if value is None else number_text(round(value, digits))


SUMMARY = "MLPerf Training: a round's results folder, in the public repository's layout"
IMPORTER = Importer("mlperf", SUMMARY, read, round_published)

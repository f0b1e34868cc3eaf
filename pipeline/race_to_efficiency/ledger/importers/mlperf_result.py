"""One MLPerf result: a benchmark's logs and the description of the system they ran on, scored."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from race_to_efficiency.cells.text import number_text, tidy
from race_to_efficiency.errors import DataInvalid, RaceError
from race_to_efficiency.ledger.importers.mlperf_logs import (
    DEFAULT_REQUIRED_RUNS,
    REQUIRED_RUNS,
    RunLog,
    olympic_mean,
)
from race_to_efficiency.ledger.importers.mlperf_rounds import round_published
from race_to_efficiency.ledger.importers.mlperf_systems import availability, normalised, read_object, whole_number

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from race_to_efficiency.ledger.importers.parsed import Request

    Logs = list[RunLog | RaceError]
    """Of one result: each log, or why it cannot be read."""


LOG = re.compile(r"result_(\d+)\.txt")


class Result:
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
        numbers = {number_of(log.path) for log in logs}
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


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "", name.lower())


def number_of(path: Path) -> int:
    """Return the number a log's name ends with."""
    match = LOG.fullmatch(path.name)
    return int(match[1]) if match else 0


def _rounded(value: float | None, digits: int) -> str:
    return "" if value is None else number_text(round(value, digits))

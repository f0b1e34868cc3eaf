"""One MLPerf Training run log: when the run started and stopped, and whether the log is whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from race_to_efficiency.cells.screening import screened_bytes
from race_to_efficiency.errors import DataInvalid
from race_to_efficiency.loading.json_text import parse_json

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_MARK = ":::MLLOG"
_INTERVALS = {"block": 0, "epoch": 0, "eval": 0, "init": 0}

REQUIRED_RUNS = {
    "bert": 10, "dlrm": 5, "dlrm_dcnv2": 10, "gnmt": 10, "gnn": 10, "gpt3": 3, "llama2_70b_lora": 10,
    "llama31_405b": 3, "llama31_8b": 10, "maskrcnn": 5, "minigo": 10, "ncf": 100, "resnet": 5, "retinanet": 5,
    "rgat": 10, "rnnt": 10, "ssd": 5, "stable_diffusion": 10, "flux1": 10, "transformer": 10, "unet3d": 40,
}  # fmt: skip
"""Runs the rules ask for, by benchmark (MLPerf Training rules, section on benchmark results)."""

DEFAULT_REQUIRED_RUNS = 10


@dataclass(frozen=True)
class RunLog:
    """What one log says.

    Parameters
    ----------
    path : Path
    minutes : float or None
        run_stop - run_start; None when either is missing.
    status : str
        success, aborted ...; empty without a run_stop.
    problem : str
        Why the log is not whole; empty when it is.
    batch_size : float or None
    """

    path: Path
    minutes: float | None
    status: str
    problem: str
    batch_size: float | None

    @property
    def succeeded(self) -> bool:
        """Whether the run reached the target."""
        return not self.problem and self.status == "success" and self.minutes is not None

    @property
    def failed(self) -> bool:
        """Whether the run ended and says that it did not reach the target."""
        return not self.problem and self.status not in {"", "success"}


def read_log(path: Path) -> RunLog:
    """Read one ``result_N.txt``.

    Raises
    ------
    DataInvalid
        When the file is no text log, or holds a line that is marked as an event and is none.
    """
    events: list[dict[str, Any]] = []
    broken_line = 0
    for number, line in enumerate(_log_text(path).split("\n"), 1):
        place = line.find(_MARK)
        if place < 0:
            continue
        try:
            document = parse_json(line[place + len(_MARK) :], f"{path.name}:{number}")
        except DataInvalid:
            broken_line = number
        else:
            events.append(_event(document, f"{path}:{number}"))
    starts = [event["time_ms"] for event in events if event.get("key") == "run_start"]
    stops = [event for event in events if event.get("key") == "run_stop"]
    minutes = (stops[-1]["time_ms"] - starts[0]) / 60_000 if starts and stops else None
    status = str(stops[-1]["metadata"].get("status", "")) if stops else ""
    sizes = [event.get("value") for event in events if event.get("key") == "global_batch_size"]
    size = float(sizes[0]) if sizes and isinstance(sizes[0], int | float) and sizes[0] > 0 else None
    problem = _problem(events, broken_line, stopped=minutes is not None)
    if minutes is not None and minutes <= 0:
        problem = "run_stop before run_start"
    return RunLog(path, minutes, status, problem, size)


def _event(document: Any, where: str) -> dict[str, Any]:
    """Return one event of a log: an object with a finite time and, where it has any, metadata that is an object too.

    Raises
    ------
    DataInvalid
        When the line is JSON and no event: something else wrote under the mark.
    """
    event = document if isinstance(document, dict) else {}
    time, metadata = event.get("time_ms"), event.get("metadata") or {}
    if isinstance(time, bool) or not isinstance(time, int | float) or not isinstance(metadata, dict):
        raise DataInvalid(f"a line marked {_MARK} is no event", where=where, remedy="correct the log, or leave it out")
    return {**event, "time_ms": float(time), "metadata": metadata}


def _log_text(path: Path) -> str:
    """Return a log's text; programs print odd bytes between the events, which are none of ours."""
    return screened_bytes(path, whole_text=False).decode("utf-8", "replace")


def _problem(events: list[dict[str, Any]], broken_line: int, *, stopped: bool) -> str:
    """Return why a log is not whole.

    A run that ends without run_stop but with every interval closed ended short of its target without saying so; one
    that ends inside an epoch, a block or an evaluation was cut.
    """
    if stopped:
        return ""
    if broken_line:
        return f"cut short: line {broken_line} is no event"
    keys = [str(event.get("key", "")) for event in events]
    if "run_start" not in keys:
        return "cut short: no run_start"
    open_intervals = dict(_INTERVALS)
    for key in keys:
        name, _, edge = key.rpartition("_")
        if name in open_intervals:
            open_intervals[name] += (edge == "start") - (edge == "stop")
    inside = [name for name, count in open_intervals.items() if count > 0]
    return f"cut short: ends inside {' and '.join(inside)}" if inside else ""


def olympic_mean(minutes: Iterable[float], failed: int, benchmark: str) -> float | None:
    """Return the score before scaling: the mean without the best and the worst runs (four and four for unet3d).

    Parameters
    ----------
    minutes : iterable of float, min
        Successful runs.
    failed : int
        Runs that ended short of the target: each counts as the slowest.
    benchmark : str

    Returns
    -------
    float or None
        None when more runs failed than are dropped, or none succeeded.
    """
    times = sorted(minutes)
    dropped = 4 if benchmark == "unet3d" else 1
    if not times or failed > dropped:
        return None
    ranked = [*times, *[float("inf")] * failed]
    kept = ranked[dropped : len(ranked) - dropped] or times
    return sum(kept) / len(kept)

"""The options of ``race fit kappa`` that make its file a step-level log, and what they read."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from race_to_efficiency import storage
from race_to_efficiency.commands.output_files import output_file
from race_to_efficiency.commands.places import computing
from race_to_efficiency.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from race_to_efficiency.own_tables.step_logs import StepLogs


@dataclass(frozen=True)
class LogOptions:
    """What was asked of logs.

    Parameters
    ----------
    step, run : str, optional
        Columns; without ``step`` the file is a table of runs, and no other option may be given.
    smoothed : bool
    summaries : str, optional
        Where the summaries of the runs are written.
    runs : str, optional
        Table of what the logs do not say of their runs.
    workers : int, optional
    scheduler : str, optional

    Raises
    ------
    UsageError
        When an option of logs is given without the column of the step.
    """

    step: str | None
    run: str | None
    smoothed: bool
    summaries: str | None
    runs: str | None
    workers: int | None
    scheduler: str | None

    def __post_init__(self) -> None:
        if self.step is None and any(
            (self.run, self.smoothed, self.summaries, self.runs, self.workers, self.scheduler)
        ):
            raise UsageError(
                "--run-column, --smoothed, --summaries, --runs, --workers and --scheduler go with --step-column",
                where="--step-column",
                why="a table of runs is read and fitted in this process",
            )

    def read(
        self, pattern: str, columns: Mapping[str, str], also: Sequence[str], *, progress: Callable[[str], None]
    ) -> StepLogs | None:
        """Return what the logs say of their runs, and write it where that was asked; None for a table of runs.

        Parameters
        ----------
        pattern : str
        columns : mapping of str to str
            Figure -> column.
        also : sequence of str
            Texts that may name further columns.
        progress : callable
        """
        if self.step is None:
            return None
        from race_to_efficiency.executors.place import place_here
        from race_to_efficiency.own_tables.step_logs import read_step_logs

        written = output_file(self.summaries, "--summaries")
        with computing(self.workers, self.scheduler):
            found = read_step_logs(
                pattern,
                step=self.step,
                run=self.run,
                columns=columns,
                also=also,
                smoothed=self.smoothed,
                runs=None if self.runs is None else Path(self.runs),
                place=place_here(),
                progress=progress,
            )
        if written is not None:
            storage.write_parquet(written, found.runs)
        if self.runs is None:
            run = [] if self.run is None else ["--run-column", self.run]
            named = [word for figure, name in columns.items() for word in ("--column", f"{figure}={name}")]
            words = ["race", "fit", "kappa", pattern, "--step-column", self.step, *run, *named]
            found.refuse_without_size(pattern, shlex.join(words))
        return found

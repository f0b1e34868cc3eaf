"""One row a run from what its step log said: losses, whether the schedule was finished or diverged, and the account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.own_tables.run_states import LEFT_OUT

if TYPE_CHECKING:
    import pandas as pd

    from race_to_efficiency.own_tables.run_states import RunStates

FINISHED_SHARE = 0.11
"""A cosine ends at a tenth of its peak (Hoffmann et al. 2022) and others at 0; the last row may stand a little before
the end. A run cut at nine tenths of a cosine has still 0.12."""

STEADY_SHARE = 0.99
"""A rate that never fell below this share of its peak tells nothing of an end."""

DIVERGED_SHARE = 1.1
"""A smoothed loss that ends a tenth above its own best is no loss of a trained model."""

FLAGS = ("diverged", "unfinished")
"""Columns of the summaries that keep a run out of a fit."""


def summaries(states: RunStates, loss_column: str, *, smoothed: bool) -> pd.DataFrame:
    """Return a row a run, in the order of their names.

    Parameters
    ----------
    states : RunStates
    loss_column : str
        What the logs call the loss.
    smoothed : bool
        Put the smoothed loss there, not that of the last row.

    Returns
    -------
    DataFrame
        run, last_step; the loss under the logs' own name for it, and the last cells of the other columns; last_loss,
        smoothed_loss and best_smoothed_loss in the logs' unit; schedule (finished, unfinished or unknown), the flags
        diverged and unfinished; log_rows, log_rows_used, and those left out by reason.
    """
    import pandas as pd

    best, last = _smoothed(states)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = states.rate / states.peak
        diverged = (states.bad_step >= np.maximum(states.last_step, 0)) | (last > DIVERGED_SHARE * best)
    schedule = np.where(
        share <= FINISHED_SHARE, "finished", np.where(share < STEADY_SHARE, "unfinished", "unknown")
    ).astype(object)
    used = states.counts.sum(axis=1).astype(np.int64)
    found: dict[str, Any] = {"run": list(states.names), "last_step": states.last_step}
    found |= {"last_loss": states.loss, "smoothed_loss": last, "best_smoothed_loss": best, "schedule": schedule}
    found |= {"diverged": diverged, "unfinished": schedule == "unfinished"}
    found |= {"log_rows": used + states.left_out.sum(axis=1), "log_rows_used": used}
    found |= {column_of(word): states.left_out[:, number] for number, word in enumerate(LEFT_OUT)}
    own = {name: [*cells, *[None] * (len(used) - len(cells))] for name, cells in states.others.items()}
    found |= {loss_column: last if smoothed else states.loss, **own, "run": found["run"]}
    return pd.DataFrame(found).sort_values("run", ignore_index=True)


def column_of(reason: str) -> str:
    """Return the column that counts a run's rows left out for a reason of `LEFT_OUT`."""
    return f"log_rows_{reason.replace(' ', '_')}"


def _smoothed(states: RunStates) -> tuple[Any, Any]:
    """Return the best and the last mean over a stretch of each run, (n,) each; NaN where it has no row.

    A last stretch that holds less than half the rows of the one before it is joined to that one.
    """
    sums, counts = states.sums.copy(), states.counts.copy()
    for row in range(len(counts)):
        held = np.flatnonzero(counts[row])
        if len(held) > 1 and counts[row, held[-1]] < counts[row, held[-2]] / 2:
            for column in (sums, counts):
                column[row, held[-2]] += column[row, held[-1]]
                column[row, held[-1]] = 0.0
    with np.errstate(invalid="ignore"):
        means = np.where(counts > 0, sums / counts, np.nan)
    some = (counts > 0).any(axis=1)
    best, last = np.full(len(means), np.nan), np.full(len(means), np.nan)
    best[some] = np.nanmin(means[some], axis=1)
    final = counts.shape[1] - 1 - np.argmax(counts[:, ::-1] > 0, axis=1)
    last[some] = means[some, final[some]]
    return best, last

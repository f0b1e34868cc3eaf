"""Why a valid row is not used: one table of rules per ledger, from the flags the rows carry.

Rows are excluded for what they are (an outlier, another division), never for how they move an estimate; a selection
that one component alone makes (figures present, a window of years) stands with that component.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from numpy.typing import NDArray


class Exclusion(StrEnum):
    """Every reason for which a line of a ledger is read, valid and not used."""

    RECORDED_LATER = "recorded_later"
    SUPERSEDED = "superseded"
    WITHDRAWN = "withdrawn"
    VERSION_QUARANTINED = "version_quarantined"
    UNDATED = "undated"
    NOT_RELEASED = "not_released"
    OUTLIER = "outlier"
    MULTI_EPOCH = "multi_epoch"
    LOSS_UNITS_UNKNOWN = "loss_units_unknown"
    RERUN = "rerun"
    FIXED_BUDGET = "fixed_token_count"
    OPEN_DIVISION = "open_division"
    RESUBMISSION = "resubmission"
    INCOMPLETE_LOGS = "incomplete_logs"
    TARGET_CHANGED = "target_changed"


@dataclass(frozen=True)
class Rule:
    """One domain rule: the reason, the words for the report, and the rows it takes."""

    reason: Exclusion
    meaning: str
    applies: Callable[[pd.DataFrame], pd.Series]


def flagged(rows: pd.DataFrame, flag: str) -> pd.Series:
    """Return where `run_flags` holds a flag, by itself or as ``flag=value``."""
    return (";" + rows["run_flags"] + ";").str.contains(f";{flag}[;=]", regex=True)


def round_number(rounds: pd.Series) -> pd.Series:
    """Return MLPerf rounds as sortable numbers: v4.1 -> 401."""
    parts = rounds.str.extract(r"v(\d+)\.(\d+)").astype("int64")
    return parts[0] * 100 + parts[1]


EXCLUSION_RULES: dict[str, tuple[Rule, ...]] = {
    "training_runs": (
        Rule(
            Exclusion.OUTLIER,
            "one of the five highest losses of the Chinchilla points, left out by Besiroglu et al. 2024",
            lambda rows: flagged(rows, "high_loss_dropped_by_besiroglu"),
        ),
        Rule(
            Exclusion.MULTI_EPOCH,
            "trained for more than one epoch: repeated tokens are worth less than fresh ones",
            lambda rows: flagged(rows, "multi_epoch"),
        ),
        Rule(
            Exclusion.LOSS_UNITS_UNKNOWN,
            "the plotted losses are not nats per token",
            lambda rows: flagged(rows, "loss_units_uncertain_not_nats_per_token"),
        ),
        Rule(
            Exclusion.RERUN,
            "a rerun of a run that stands here: no independent run",
            lambda rows: flagged(rows, "rerun"),
        ),
        Rule(
            Exclusion.FIXED_BUDGET,
            "trained on a fixed token count: no compute-efficient frontier",
            lambda rows: flagged(rows, "fixed_token_count"),
        ),
    ),
    "mlperf_training": (
        Rule(Exclusion.OPEN_DIVISION, "not in the closed division", lambda rows: rows["division"] != "closed"),
        Rule(Exclusion.RESUBMISSION, "logs of an earlier round", lambda rows: rows["is_resubmission"]),
        Rule(
            Exclusion.INCOMPLETE_LOGS,
            "logs missing, or too few successful runs for a score",
            lambda rows: (rows["n_logs_missing"] > 0).astype(bool) | rows["minutes"].isna(),
        ),
        Rule(
            Exclusion.TARGET_CHANGED,
            "the benchmark's target has changed since",
            lambda rows: round_number(rows["round"]) < round_number(rows["comparable_from_round"]),
        ),
    ),
}
"""Domain rules by ledger, in the order in which they are asked; the first that applies is the reason."""


def domain_exclusion(name: str, rows: pd.DataFrame) -> NDArray[np.object_]:
    """Return each row's domain reason, the empty text where it is used.

    Parameters
    ----------
    name : str
        Table.
    rows : DataFrame
        Rows of that table.
    """
    reasons = np.full(len(rows), "", dtype=object)
    for rule in EXCLUSION_RULES.get(name, ()):
        reasons[(reasons == "") & rule.applies(rows).to_numpy(dtype=bool)] = str(rule.reason)
    return reasons

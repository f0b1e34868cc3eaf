"""When the results of each round of MLPerf Training were published: what a folder of logs does not say."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING

from race_to_efficiency.cells.screening import refuse
from race_to_efficiency.errors import InputMissing, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from race_to_efficiency.ledger.intake import Intake

ROUNDS = {
    "v0.5": dt.date(2018, 12, 12),
    "v0.6": dt.date(2019, 7, 10),
    "v0.7": dt.date(2020, 7, 29),
    "v1.0": dt.date(2021, 6, 30),
    "v1.1": dt.date(2021, 12, 1),
    "v2.0": dt.date(2022, 6, 29),
    "v2.1": dt.date(2022, 11, 9),
    "v3.0": dt.date(2023, 6, 27),
    "v3.1": dt.date(2023, 11, 8),
    "v4.0": dt.date(2024, 6, 12),
    "v4.1": dt.date(2024, 11, 13),
    "v5.0": dt.date(2025, 6, 4),
    "v5.1": dt.date(2025, 11, 12),
}
"""Days on which MLCommons published the rounds; add a round here, or tell `--released`."""

_ROUND = re.compile(r"v\d+\.\d+")


def round_of(folder: Path) -> str:
    """Return the round named by a folder or, failing that, by one that holds it.

    Raises
    ------
    InputMissing
        When there is no such folder.
    DataInvalid
        When none names a round.
    """
    if not folder.is_dir():
        raise InputMissing(
            f"{folder.name} is no folder", where=str(folder), remedy="name the results folder of a round"
        )
    for name in (folder.name, *(parent.name for parent in folder.absolute().parents)):
        if found := _ROUND.findall(name):
            return str(found[-1])
    why = "neither the folder nor one that holds it names a round such as v5.0"
    raise refuse(folder, why, remedy="keep the repository's folder name, e.g. training_results_v5.0")


def round_published(folder: Path, ledger: Callable[[str], Intake], told: dt.date | None = None) -> dt.date:
    """Return the day a round was published: as told, as the ledger has it, else by the table of rounds.

    Parameters
    ----------
    folder : Path
        The round's folder.
    ledger : callable
        Reads a ledger by its name.
    told : date, optional

    Raises
    ------
    UsageError
        When nobody knows; the day of the import is never taken for it.
    """
    number = round_of(folder)
    rows = ledger("mlperf_training").rows
    held = rows.loc[rows["round"] == number, "released"].dropna()
    day = told or (held.min().date() if len(held) else ROUNDS.get(number))
    if day is None:
        raise UsageError(
            f"on which day were the results of MLPerf Training {number} published?",
            where=str(folder),
            why=f"the folder does not say, and the rounds known here are {', '.join(ROUNDS)}",
            remedy="add --released YYYY-MM-DD, the day MLCommons published the round (not the day of the import)",
        )
    return day

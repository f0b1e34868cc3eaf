"""Nodes of the backtest of dated targets: what is tested on a ledger, remembered until a line of it is another.

A forecast of an earlier quarter sees the lines a ledger had by then, so these nodes read lines and no view.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from race_to_efficiency.evaluation.backtesting import SCORED_LEDGERS, backtest, together
from race_to_efficiency.evaluation.origin_views import LedgerViews
from race_to_efficiency.evaluation.targets import TARGETS
from race_to_efficiency.evaluation.weights import Learned
from race_to_efficiency.ledger.intake import QUARANTINE_COLUMNS, Intake
from race_to_efficiency.ledger.schemas import table_of
from race_to_efficiency.quarter.node import Computed, Node
from race_to_efficiency.quarter.world import LedgerView
from race_to_efficiency.units import Quarter

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from race_to_efficiency.quarter.node import Evaluation, Reading


class _ReadLedgers(Mapping[str, Intake]):
    """Ledgers as a node reads them: each one asked for becomes one of its reads."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._known: dict[str, Intake] = {}

    def __getitem__(self, name: str) -> Intake:
        if name not in self._known:
            rows = self._reading.rows(_lines(name), columns=(*table_of(name).names, "line"))
            bad = self._reading.rows(_refused(name), columns=QUARANTINE_COLUMNS)
            self._known[name] = Intake(name, rows, bad, len(rows) + bad["line"].nunique())
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(SCORED_LEDGERS)

    def __len__(self) -> int:
        return len(SCORED_LEDGERS)


def ledger_test(reading: Reading, table: str, quarter: str) -> Computed:
    """Test every target of a ledger at every origin up to a quarter; see `backtesting.backtest`."""
    own = [target for target in TARGETS.values() if target.table == table]
    views, params = LedgerViews(_ReadLedgers(reading)), reading.settings("backtest")
    made, learned = backtest(views, Quarter.parse(quarter), params, reading.seed, own)
    return Computed({name: one.to_json() for name, one in learned.items()}, tables={"forecasts": made})


def lines_of(views: LedgerViews) -> dict[str, LedgerView]:
    """Return the tables of a world that these nodes are asked in: every line of each ledger, the refused ones too."""
    rows = {_lines(name): LedgerView(intake.rows, table_of(name).key) for name, intake in views.intakes.items()}
    bad = {_refused(name): LedgerView(intake.quarantined, "row_id") for name, intake in views.intakes.items()}
    return rows | bad


def dated_forecasts(evaluation: Evaluation, quarter: Quarter) -> tuple[pd.DataFrame, dict[str, Learned]]:
    """Return what `backtesting.backtest` does for every dated target, as it is remembered.

    Parameters
    ----------
    evaluation : Evaluation
        Of a world with `lines_of` the ledgers.
    quarter : Quarter
        Last origin.
    """
    tables = dict.fromkeys(target.table for target in TARGETS.values())
    found = [evaluation.ask(LEDGER_TEST, name, str(quarter)) for name in tables]
    learned = {name: Learned.from_json(told) for result in found for name, told in result.document.items()}
    return together([result.tables["forecasts"] for result in found]), learned


def _lines(table: str) -> str:
    return f"{table}, every line"


def _refused(table: str) -> str:
    return f"{table}, refused lines"


LEDGER_TEST = Node("backtest.ledger", ledger_test)

"""Nodes of the backtest of dated targets: a ledger's targets at one origin, and all origins up to a quarter.

An origin reads the lines recorded by its day, and the first snapshot that holds a target's columns where that came
later. It looks at them through the views of all lines (`LEDGERS`), which are worked out once for every origin, and is
refused a later day: a new line is a reason to compute again for the origins that knew it, in whichever quarter.

One node is all targets of a ledger at an origin: they read the same lines, and to read one result takes as long as to
read one target's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.evaluation.backtesting import (
    SCORED_LEDGERS,
    forecasts_of,
    learned_by,
    new_history,
    origin_test,
    quarters,
    together,
    with_outcomes,
)
from race_to_efficiency.evaluation.origin_tests import packed, unpacked
from race_to_efficiency.evaluation.origin_views import LedgerViews
from race_to_efficiency.evaluation.outcomes import outcomes
from race_to_efficiency.evaluation.targets import TARGETS
from race_to_efficiency.evaluation.weights import Learned
from race_to_efficiency.ledger.intake import QUARANTINE_COLUMNS, Intake
from race_to_efficiency.ledger.schemas import table_of
from race_to_efficiency.quarter.node import Computed, Node
from race_to_efficiency.quarter.world import LedgerView
from race_to_efficiency.units import Quarter

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    import pandas as pd

    from race_to_efficiency.evaluation.origin_tests import OriginTest
    from race_to_efficiency.evaluation.targets import Target
    from race_to_efficiency.quarter.evaluation import Evaluation
    from race_to_efficiency.quarter.node import NodeResult
    from race_to_efficiency.quarter.reading import Reading

NOT_OF_ORIGINS = ("minimum_n_eff", "band_level", "compared_from", "loss")
"""Settings of the backtest that no dated forecast depends on: how scores are judged, and the losses of larger runs."""


class _ReadLedgers(Mapping[str, Intake]):
    """Ledgers as a node reads them: each one asked for becomes one of its reads."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._known: dict[str, Intake] = {}

    def __getitem__(self, name: str) -> Intake:
        if name not in self._known:
            rows = self._reading.rows(_lines(name), columns=_columns(name))
            bad = self._reading.rows(_refused(name), columns=QUARANTINE_COLUMNS)
            self._known[name] = Intake(name, rows, bad, len(rows) + bad["line"].nunique())
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(SCORED_LEDGERS)

    def __len__(self) -> int:
        return len(SCORED_LEDGERS)


def ledgers(reading: Reading) -> Computed:
    """Tell since when each ledger has lines and snapshots; the live object is the `LedgerViews` of all its lines.

    The document is all that an origin learns here of lines recorded after its day.
    """
    views = LedgerViews(_ReadLedgers(reading))
    told: dict[str, Any] = {}
    for name in dict.fromkeys([*(target.table for target in TARGETS.values()), "published_values"]):
        rows = views.intakes[name].rows
        snapshots = rows.loc[rows["recorded_basis"] == "snapshot", "recorded"] if table_of(name).vintaged else None
        told[name] = {
            "begins": _day(rows["recorded"].min()) if len(rows) else None,
            "snapshots": None if snapshots is None or snapshots.empty else _day(snapshots.min()),
            "holds": {one.id: _day(views.first_known(one)) for one in targets_of(name)},
        }
    return Computed(told, live=views)


def _day(day: Any) -> str | None:
    return None if day is None else f"{day:%Y-%m-%d}"


def targets_of(table: str) -> list[Target]:
    """Return the dated targets of a ledger."""
    return [target for target in TARGETS.values() if target.table == table]


def known_by(reading: Reading, day: dt.date, *tables: str) -> LedgerViews:
    """Return the views of every ledger up to a day; what is looked at of them counts as read, and ``tables`` anyway.

    Raises
    ------
    ValueError
        By the views, when they are asked for a later day.
    """
    told = reading.ask(LEDGERS).document
    views: LedgerViews = reading.live(LEDGERS)
    noted: set[str] = set()

    def watch(table: str, asked: dt.date) -> None:
        if asked > day:
            raise ValueError(f"an origin on {day} must not ask what {table} says as of {asked}")
        if table not in noted:
            noted.add(table)
            _note(reading, table, told[table], day.isoformat())

    for table in tables:
        watch(table, day)
    return replace(views, watch=watch)


def _note(reading: Reading, table: str, told: Mapping[str, Any], day: str) -> None:
    """Count as read what a day knew of a ledger: lines recorded by then, or the first snapshot; and later ones' first.

    See `ledger.vintages.as_of` and `LedgerViews.known` for what a day sees before the first snapshot.
    """
    columns = _columns(table)
    last = max(day, told["snapshots"] or "") if day < (told["begins"] or "") else day
    reading.lines(_lines(table), columns=columns, recorded_by=last)
    for first in sorted({one for one in told["holds"].values() if one is not None and one > last}):
        reading.lines(_lines(table), columns=columns, where={"recorded": first})
    reading.lines(_refused(table), columns=QUARANTINE_COLUMNS)


def origin_node(reading: Reading, table: str, quarter: str) -> Computed:
    """Forecast every target of a ledger at one origin; see `backtesting.origin_test`."""
    import pandas as pd

    origin, params = Quarter.parse(quarter), reading.settings("backtest", without=NOT_OF_ORIGINS)
    views = known_by(reading, origin.as_of, table)
    before = quarters(params.first_origin, origin.shift(-1))
    earlier: list[Mapping[str, OriginTest]] = [reading.live(ORIGIN, table, str(one)) for one in before]
    tests = {}
    for target in targets_of(table):
        history = new_history(target, params)
        history.made += [one[target.id] for one in earlier]
        tests[target.id] = origin_test(target, views, origin, history, params, reading.seed)
    told, numbers = packed(tests)
    return Computed(told, tables={"numbers": pd.DataFrame({"number": numbers})}, live=tests)


def origin_tests(result: NodeResult) -> dict[str, OriginTest]:
    """Return what an origin keeps, by target."""
    return unpacked(result.document, result.tables["numbers"]["number"].to_numpy(dtype=np.float64))


def ledger_test(reading: Reading, table: str, quarter: str) -> Computed:
    """Test every target of a ledger at every origin up to a quarter; see `backtesting.backtest`."""
    last, params = Quarter.parse(quarter), reading.settings("backtest", without=NOT_OF_ORIGINS)
    origins = quarters(params.first_origin, last)
    found: list[Mapping[str, OriginTest]] = [reading.live(ORIGIN, table, str(origin)) for origin in origins]
    views, first = known_by(reading, last.as_of, table), Quarter.parse(params.first_origin)
    learned, frames = {}, []
    for target in targets_of(table):
        tests = [one[target.id] for one in found]
        known = outcomes(target, views, last.as_of, first)
        frames.append(with_outcomes(forecasts_of(target, tests), known))
        # what an origin itself forecasts has no outcome yet: its weights are the last there are
        own = tests[-1].learned if tests else learned_by(target, views, last, new_history(target, params), params)
        learned[target.id] = own.to_json()
    return Computed(learned, tables={"forecasts": together(frames)})


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


def _columns(table: str) -> tuple[str, ...]:
    return (*table_of(table).names, "line")


LEDGERS = Node("backtest.ledgers", ledgers)

ORIGIN = Node("backtest.origin", origin_node, origin_tests)

LEDGER_TEST = Node("backtest.ledger", ledger_test)

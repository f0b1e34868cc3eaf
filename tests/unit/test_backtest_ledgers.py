"""What the backtest remembers of each ledger: what was computed, until a line, a setting or the quarter is another."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from race_to_efficiency.evaluation.backtesting import SCORED_LEDGERS, backtest
from race_to_efficiency.evaluation.origin_views import LedgerViews
from race_to_efficiency.evaluation.targets import TARGETS
from race_to_efficiency.ledger.schemas import table_of
from race_to_efficiency.quarter.backtest_ledgers import LEDGER_TEST, dated_forecasts, lines_of
from race_to_efficiency.quarter.node import Evaluation, Memory
from race_to_efficiency.quarter.store import Store
from race_to_efficiency.quarter.world import World
from race_to_efficiency.settings.params import shipped_params
from race_to_efficiency.units import Quarter
from small_settings import section

LAST = Quarter(2026, 1)
FEW = {"horizon_quarters": 2, "members": {"draws": 200}}
BACKTEST = section("backtest", first_origin="2025Q4", **FEW)
SETTINGS = shipped_params().model_copy(update={"backtest": BACKTEST})
RECORDS = "speedrun_records"
COLUMNS = [*table_of(RECORDS).names, "line"]


@pytest.fixture(scope="module")
def views(root):
    return LedgerViews.read(root / "data" / "raw", SCORED_LEDGERS, LAST.as_of)


def world(views, params=BACKTEST, seed=7):
    return World(lines_of(views), SETTINGS.model_copy(update={"backtest": params}), LAST.as_of, seed)


def again(folder, made, table=RECORDS, quarter=LAST):
    """Tell whether a process that remembers nothing itself computes a ledger's test anew."""
    memory = Memory(Store(folder))
    Evaluation(made, memory).ask(LEDGER_TEST, table, str(quarter))
    return bool(memory.computed)


@pytest.fixture(scope="module")
def direct(views):
    """Every ledger's test as it is computed without a memory."""
    return backtest(views, LAST, BACKTEST, 7)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, views):
    """A store that holds every ledger's test."""
    made = tmp_path_factory.mktemp("nodes")
    memory = Memory(Store(made))
    dated_forecasts(Evaluation(world(views), memory), LAST)
    assert len(memory.computed) == len({target.table for target in TARGETS.values()})
    return made


def with_rows(views, table, change):
    """Return the ledgers with one of them changed by a function of its rows."""
    intake = views.intakes[table]
    rows = change(intake.rows.copy())
    return LedgerViews({**views.intakes, table: dataclasses.replace(intake, rows=rows)})


def same(found, expected):
    """Hold forecasts and weights to others, to the last bit."""
    pd.testing.assert_frame_equal(found[0], expected[0], check_exact=True)
    assert list(found[1]) == list(expected[1])
    for name, one in expected[1].items():
        other = found[1][name]
        assert (other.names, other.baseline) == (one.names, one.baseline)
        for field in ("weights", "relative", "n_eff"):
            np.testing.assert_array_equal(getattr(other, field), getattr(one, field))


def test_what_is_remembered_is_what_would_be_computed(folder, views, direct):
    memory = Memory(Store(folder))
    same(dated_forecasts(Evaluation(world(views), memory), LAST), direct)
    assert memory.computed == []


def test_where_nothing_can_be_forecast_yet_that_is_remembered_too(views, tmp_path):
    early = section("backtest", first_origin="2009Q1", **FEW)
    table, learned = backtest(views, Quarter(2009, 1), early, 7)
    assert table.empty
    for _ in range(2):
        found = dated_forecasts(Evaluation(world(views, early), Memory(Store(tmp_path))), Quarter(2009, 1))
        assert found[0].empty
        assert list(found[0].columns) == list(table.columns)
        same((table, found[1]), (table, learned))


def another(value):
    """Return a value of the same type that is not this one."""
    if isinstance(value, (bool, np.bool_)):
        return not value
    if isinstance(value, str):
        return f"{value}-b"
    return value + (pd.Timedelta(days=1) if isinstance(value, pd.Timestamp) else 1)


@pytest.mark.parametrize("column", COLUMNS)
def test_every_cell_of_every_line_counts(folder, views, column):
    given_cells = views.intakes[RECORDS].rows[column].dropna()
    at = given_cells.index[len(given_cells) // 2]

    def change(rows):
        rows.loc[at, column] = another(rows.loc[at, column])
        return rows

    assert again(folder, world(with_rows(views, RECORDS, change)))


def test_a_line_more_or_less_or_refused_counts_and_another_ledger_s_does_not(folder, views):
    intake = views.intakes[RECORDS]
    assert again(folder, world(with_rows(views, RECORDS, lambda rows: rows.iloc[:-1])))
    bad = dict.fromkeys(intake.quarantined.columns, "x") | {"line": 9, "recorded": "2026-01-02"}
    refused = dataclasses.replace(intake, quarantined=pd.DataFrame([bad]))
    assert again(folder, world(LedgerViews({**views.intakes, RECORDS: refused})))
    for table in set(SCORED_LEDGERS) - {RECORDS}:
        assert not again(folder, world(with_rows(views, table, lambda rows: rows.iloc[:-1]))), table


def test_settings_seed_and_quarter_count(folder, views):
    for change in ({"minimum_rows": 9}, {"members": {"draws": 201}}, {"learning": {"prior_outcomes": 3.5}}):
        other = section("backtest", **{"first_origin": "2025Q4", **FEW, **change})
        assert other != BACKTEST
        assert again(folder, world(views, other)), change
    assert again(folder, world(views, seed=8))
    assert again(folder, world(views), quarter=Quarter(2025, 4))
    kappa = SETTINGS.fit_kappa.model_copy(update={"bootstrap_replicates": 111})
    made = dataclasses.replace(world(views), settings=SETTINGS.model_copy(update={"fit_kappa": kappa}))
    assert not again(folder, dataclasses.replace(made, as_of=Quarter(2026, 2).as_of))


def test_a_new_chip_leaves_the_tests_of_the_other_ledgers(folder, views, direct):
    memory = Memory(Store(folder))
    fewer = with_rows(views, "accelerators", lambda rows: rows.iloc[:-1].reset_index(drop=True))
    table, learned = dated_forecasts(Evaluation(world(fewer), memory), LAST)
    assert memory.computed == [f"backtest.ledger:accelerators:{LAST}"]
    chips = [target for target in TARGETS.values() if target.table == "accelerators"]
    own = table["target"].isin([target.id for target in chips])
    apart, weights = backtest(fewer, LAST, BACKTEST, 7, chips)
    same((table[own], learned), (apart, direct[1] | weights))
    pd.testing.assert_frame_equal(table[~own], direct[0].loc[table.index[~own]], check_exact=True)


@pytest.fixture(scope="module")
def small_store(tmp_path_factory, views):
    """A store that holds one ledger's test, and that test."""
    made = tmp_path_factory.mktemp("one")
    return made, Evaluation(world(views), Memory(Store(made))).ask(LEDGER_TEST, RECORDS, str(LAST))


@settings(max_examples=10)
@given(st.data())
def test_a_damaged_test_is_made_again_and_not_believed(small_store, views, data):
    folder, expected = small_store
    path = data.draw(st.sampled_from(sorted(path for path in folder.rglob("*") if path.is_file())))
    content = path.read_bytes()
    place = data.draw(st.integers(0, len(content) - 1))
    flipped = bytes([content[place] ^ data.draw(st.integers(1, 255))])
    changes = [content[:place] + flipped + content[place + 1 :], content[:place], b""]
    path.write_bytes(data.draw(st.sampled_from(changes)))
    found = Evaluation(world(views), Memory(Store(folder))).ask(LEDGER_TEST, RECORDS, str(LAST))
    assert (found.digest, found.document) == (expected.digest, expected.document)
    pd.testing.assert_frame_equal(found.tables["forecasts"], expected.tables["forecasts"], check_exact=True)
    path.write_bytes(content)

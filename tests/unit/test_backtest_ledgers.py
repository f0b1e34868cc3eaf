"""What the backtest remembers of each ledger and origin: what was computed, until what it knew by then is another."""

from __future__ import annotations

import dataclasses
import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from race_to_efficiency.evaluation.backtesting import SCORED_LEDGERS, backtest
from race_to_efficiency.evaluation.origin_views import LedgerViews
from race_to_efficiency.evaluation.targets import TARGETS
from race_to_efficiency.ledger.schemas import table_of
from race_to_efficiency.quarter import backtest_ledgers
from race_to_efficiency.quarter.backtest_ledgers import (
    LEDGER_TEST,
    LEDGERS,
    NOT_OF_ORIGINS,
    ORIGIN,
    dated_forecasts,
    known_by,
    lines_of,
    targets_of,
)
from race_to_efficiency.quarter.evaluation import Evaluation, Memory
from race_to_efficiency.quarter.reading import Reading
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
ORIGINS = ("2025Q4", "2026Q1")


@pytest.fixture(scope="module")
def views(root):
    return LedgerViews.read(root / "data" / "raw", SCORED_LEDGERS, LAST.as_of)


DIGESTED = {}
"""What worlds are made of, by ledger and its rows: a ledger that several worlds have is digested once."""


def world(views, params=BACKTEST, seed=7):
    lines = {name: DIGESTED.setdefault((name, id(one.rows)), one) for name, one in lines_of(views).items()}
    return World(lines, SETTINGS.model_copy(update={"backtest": params}), LAST.as_of, seed)


class Anew(Exception):
    """A forecast is made."""


def again(folder, made, table=RECORDS, quarter=LAST):
    """Tell whether a process that remembers nothing itself computes a ledger's test anew; no forecast is made."""

    def forecast(*_):
        raise Anew

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backtest_ledgers, "origin_test", forecast)
        try:
            return bool(computed(folder, made, table, quarter))
        except Anew:
            return True


def computed(folder, made, table=RECORDS, quarter=LAST):
    """Return the nodes that such a process computes for a ledger, but for how far the ledgers reach."""
    memory = Memory(Store(folder))
    Evaluation(made, memory).ask(LEDGER_TEST, table, str(quarter))
    return [name for name in memory.computed if name != LEDGERS.name]


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
    tables = {target.table for target in TARGETS.values()}
    assert len(memory.computed) == 1 + len(tables) * (1 + len(ORIGINS))
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
    for change in (
        {"minimum_rows": 9},
        {"members": {"draws": 201}},
        {"learning": {"prior_outcomes": 3.5}},
        {"revisions": {"prior_years": 6}},
        {"bounds": {"power_w": {"value": 4.6e10, "source": "another"}}},
        {"moore_doublings_per_year": 0.4},
        {"horizon_quarters": 3},
        {"first_origin": "2025Q3"},
    ):
        other = section("backtest", **{"first_origin": "2025Q4", **FEW, **change})
        assert other != BACKTEST
        assert again(folder, world(views, other)), change
    assert again(folder, world(views, seed=8))
    assert again(folder, world(views), quarter=Quarter(2025, 4))
    kappa = SETTINGS.fit_kappa.model_copy(update={"bootstrap_replicates": 111})
    made = dataclasses.replace(world(views), settings=SETTINGS.model_copy(update={"fit_kappa": kappa}))
    assert not again(folder, dataclasses.replace(made, as_of=Quarter(2026, 2).as_of))
    for name, value in zip(NOT_OF_ORIGINS, (21, 0.9, "2024Q1", {"replicates": 27}), strict=True):
        assert not again(folder, world(views, section("backtest", **{"first_origin": "2025Q4", **FEW, name: value})))


def test_a_new_chip_leaves_the_tests_of_the_other_ledgers(folder, views, direct):
    memory = Memory(Store(folder))
    fewer = with_rows(views, "accelerators", lambda rows: rows.iloc[:-1].reset_index(drop=True))
    table, learned = dated_forecasts(Evaluation(world(fewer), memory), LAST)
    # the last line is of 2026-03-31: the origin before it did not know it
    nodes = [f"backtest.{kind}:accelerators:{LAST}" for kind in ("origin", "ledger")]
    assert [name for name in memory.computed if name != LEDGERS.name] == nodes
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


PAST = section("backtest", first_origin="2024Q4", **FEW)
PAST_ORIGINS = ("2024Q4", "2025Q1", "2025Q2", "2025Q3", "2025Q4", "2026Q1")


@pytest.fixture(scope="module")
def past(tmp_path_factory, views):
    """A store that holds the accelerators' test from before their first snapshot on, and every origin's result."""
    made = tmp_path_factory.mktemp("past")
    evaluation = Evaluation(world(views, PAST), Memory(Store(made)))
    evaluation.ask(LEDGER_TEST, "accelerators", str(LAST))
    return made, {name: evaluation.ask(ORIGIN, "accelerators", name) for name in PAST_ORIGINS}


def origins_of(names):
    return [name.rpartition(":")[2] for name in names if name.startswith("backtest.origin:")]


@settings(max_examples=2)
@given(st.data())
def test_a_new_line_is_a_reason_for_the_origins_that_knew_it_alone(past, views, data):
    """Whatever is recorded on a day: origins before are remembered, and all is as if computed without a memory."""
    folder, before = past
    day = data.draw(st.dates(dt.date(2025, 6, 12), LAST.as_of))
    released = data.draw(st.dates(dt.date(2019, 1, 1), day))
    old = data.draw(st.integers(0, len(views.intakes["accelerators"].rows) - 1))

    def change(rows):
        line = rows.iloc[[old]].assign(line=int(rows["line"].max()) + 1, withdrawn=False, tdp_w=1.0)
        line = line.assign(recorded=pd.Timestamp(day), released=pd.Timestamp(released))
        return pd.concat([rows, line.astype(rows.dtypes)], ignore_index=True)

    changed = with_rows(views, "accelerators", change)
    memory = Memory(Store(folder))
    evaluation = Evaluation(world(changed, PAST), memory)
    result = evaluation.ask(LEDGER_TEST, "accelerators", str(LAST))
    assert set(origins_of(memory.computed)) <= {name for name in PAST_ORIGINS if Quarter.parse(name).as_of >= day}
    table, learned = backtest(changed, LAST, PAST, 7, targets_of("accelerators"))
    found = result.tables["forecasts"]
    pd.testing.assert_frame_equal(found, table, check_exact=True)
    assert {name: told["baseline"] for name, told in result.document.items()} == {
        name: one.baseline for name, one in learned.items()
    }
    for name in PAST_ORIGINS:
        same_as_before = evaluation.ask(ORIGIN, "accelerators", name).digest == before[name].digest
        assert same_as_before or Quarter.parse(name).as_of >= day


@pytest.mark.parametrize(
    ("recorded", "first"),
    [("2025-03-13", "2024Q4"), ("2025-10-30", "2024Q4"), ("2025-11-14", "2025Q4"), ("2026-03-31", "2026Q1")],
)
def test_a_snapshot_is_known_from_its_day_on_and_the_first_with_a_target_s_columns_before(past, views, recorded, first):
    """The first snapshot stands in for what earlier days knew; that of FP8 figures came later than that of the rest."""

    def change(rows):
        at = rows.index[rows["recorded"] == pd.Timestamp(recorded)][0]
        rows.loc[at, "memory_gb"] = 12345.0
        return rows

    made = world(with_rows(views, "accelerators", change), PAST)
    found = origins_of(computed(past[0], made, "accelerators"))
    # an origin that comes out the same is no reason for those after it
    assert found == [name for name in PAST_ORIGINS if (name >= first if recorded != "2025-10-30" else name != "")]


def test_the_next_quarter_computes_its_own_origin_alone(past, views):
    made = world(LedgerViews(views.intakes), PAST)
    assert computed(past[0], made, "accelerators", LAST.shift(1)) == [
        "backtest.origin:accelerators:2026Q2",
        "backtest.ledger:accelerators:2026Q2",
    ]


@pytest.mark.parametrize("name", PAST_ORIGINS[::2])  # before any snapshot, before that of a target, after both
@pytest.mark.parametrize("table", ["accelerators", "notable_training_runs"])
def test_what_an_origin_reads_is_all_that_it_needs(views, table, name):
    """With every line that is not among its reads gone the origin finds the same."""
    whole = Evaluation(world(views, section("backtest", first_origin=name, **FEW)), Memory())
    result = whole.ask(ORIGIN, table, name)
    kept = {name: set() for name in SCORED_LEDGERS}
    for selection in (read.what[0] for read, _ in result.reads if read.kind == "rows"):
        ledger, _, kind = selection.table.partition(", ")
        if kind == "every line":
            kept[ledger] |= set(whole.world.tables[selection.table].select(selection).index)
    assert kept[table]
    assert len(kept[table]) < len(views.intakes[table].rows) or name >= "2025Q4"
    fewer = {
        other: dataclasses.replace(intake, rows=intake.rows.loc[sorted(kept[other])].reset_index(drop=True))
        for other, intake in views.intakes.items()
    }
    own = whole.ask(LEDGER_TEST, table, name)
    params = whole.world.settings.backtest
    direct, learned = backtest(LedgerViews(fewer), Quarter.parse(name), params, 7, targets_of(table))
    assert len(direct)
    pd.testing.assert_frame_equal(own.tables["forecasts"], direct, check_exact=True)
    assert [one.baseline for one in learned.values()] == [told["baseline"] for told in own.document.values()]


def test_an_origin_is_refused_what_a_later_day_says(views):
    reading = Reading(Evaluation(world(views), Memory()))
    known = known_by(reading, dt.date(2025, 6, 30))
    assert [read.kind for read in reading.reads] == ["node"]
    chips = TARGETS["tensor16_record"]
    later = dt.date(2025, 7, 1)
    for ask in (
        lambda: known.used("accelerators", later),
        lambda: known.known(chips, later),
        lambda: known.observed(chips, later),
        lambda: known.recorded("accelerators", later),
    ):
        with pytest.raises(ValueError, match="2025-07-01"):
            ask()
    assert [read.kind for read in reading.reads] == ["node"]
    known.known(chips, dt.date(2025, 6, 30))
    told = [read.what[0] for read in reading.reads if read.kind == "rows"]
    assert [(one.recorded_by, one.where) for one in told[:2]] == [
        ("2025-06-30", ()),
        ("", (("recorded", "2025-10-30"),)),
    ]


def test_before_any_line_the_first_snapshot_is_read_also_where_no_target_has_its_columns(views):
    first = pd.Timestamp(2025, 3, 13)

    def change(rows):
        rows.loc[rows["recorded"] == first, "tdp_w"] = np.nan
        return rows

    bare, day = with_rows(views, "accelerators", change), dt.date(2024, 12, 31)
    reading = Reading(Evaluation(world(bare), Memory()))
    seen = known_by(reading, day).used("accelerators", day)
    assert set(seen["recorded"]) == {first}
    told = [read.what[0] for read in reading.reads if read.kind == "rows"]
    assert told[0].recorded_by == "2025-03-13"
    assert {"2025-03-13"}.isdisjoint(value for one in told for _, value in one.where)


def test_what_was_computed_elsewhere_is_made_live_from_what_is_kept(past, views):
    evaluation = Evaluation(world(views, PAST), Memory(Store(past[0])))
    first = evaluation.live(ORIGIN, "accelerators", "2025Q4")
    for key in evaluation.memory.lives:
        evaluation.memory.lives[key] = None  # another process keeps its live objects
    again = evaluation.live(ORIGIN, "accelerators", "2025Q4")
    assert evaluation.memory.computed == []
    for name, one in first.items():
        np.testing.assert_array_equal(again[name].made, one.made)

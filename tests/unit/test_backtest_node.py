"""The remembered forecasts of larger runs: what was computed, until something they read has changed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from race_to_efficiency.executors.place import Place
from race_to_efficiency.quarter.backtest import FITS, LOSSES, RUN_COLUMNS, fits_of, groups_of, loss_forecasts
from race_to_efficiency.quarter.evaluation import Evaluation, Memory
from race_to_efficiency.quarter.store import Store
from race_to_efficiency.quarter.world import RUNS, LedgerView, World
from race_to_efficiency.settings.params import shipped_params
from small_settings import section
from test_loss_targets import backtested, runs

BACKTEST = section("backtest", loss={"replicates": 20})
SETTINGS = shipped_params().model_copy(update={"backtest": BACKTEST})
ROWS = pd.concat([runs(40, seed=k, name=f"g{k}", released=f"202{k}-01-15") for k in range(2)], ignore_index=True)


def world(rows=ROWS, settings=SETTINGS, seed=5):
    return World(
        {RUNS: LedgerView(rows.assign(note="as it was"), "run_id")}, settings, pd.Timestamp("2026-03-31"), seed
    )


def computed(store, made):
    """Ask for the node in a process that remembers nothing itself; tell what was computed, and the result."""
    memory = Memory(store)
    result = Evaluation(made, memory).ask(LOSSES)
    return memory.computed, result


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    made = Store(tmp_path_factory.mktemp("nodes"))
    assert computed(made, world())[0]
    return made


@pytest.mark.parametrize("place", [None, Place(2)])
def test_what_is_remembered_is_what_would_be_computed(store, place):
    direct, weights = backtested(ROWS, SETTINGS.fit_kappa)
    if place is None:
        again, result = computed(store, world())
        assert not again
    else:
        evaluation = Evaluation(world(), Memory(), place=place)
        with evaluation.beside(FITS, groups_of(ROWS)) as wait:
            found = wait()
        assert evaluation.memory.computed == ["backtest.fits:g0", "backtest.fits:g1"]
        assert found == [evaluation.ask(FITS, *call) for call in groups_of(ROWS)]
        result = evaluation.ask(LOSSES)
        assert evaluation.memory.computed[2:] == ["backtest.losses"]
    table, learned = loss_forecasts(result)
    pd.testing.assert_frame_equal(table, direct, check_exact=True, check_dtype=False)
    assert learned.keys() == weights.keys()
    for name, one in weights.items():
        assert (learned[name].names, learned[name].baseline) == (one.names, one.baseline)
        for field in ("weights", "relative", "n_eff"):
            np.testing.assert_array_equal(getattr(learned[name], field), getattr(one, field))


def changed(column):
    rows = ROWS.copy()
    old = rows.loc[7, column]
    rows.loc[7, column] = (
        f"{old}-b" if isinstance(old, str) else old + pd.Timedelta(days=1) if column == "released" else old * 1.01
    )
    return world(rows)


@pytest.mark.parametrize("column", RUN_COLUMNS)
def test_every_cell_that_is_read_counts(store, column):
    assert computed(store, changed(column))[0]


def test_settings_and_seed_count_and_nothing_else_does(store):
    fewer = section("backtest", loss={"replicates": 21})
    others = SETTINGS.fit_kappa.model_copy(update={"bootstrap_replicates": 111})
    one_family = [group.model_copy(update={"family": "one"}) for group in SETTINGS.fit_kappa.groups]
    families = SETTINGS.fit_kappa.model_copy(update={"groups": tuple(one_family)})
    assert computed(store, world(seed=6))[0]
    assert computed(store, world(settings=SETTINGS.model_copy(update={"backtest": fewer})))[0]
    assert computed(store, world(settings=SETTINGS.model_copy(update={"fit_kappa": families})))[0]
    assert not computed(store, world(settings=SETTINGS.model_copy(update={"fit_kappa": others})))[0]
    assert not computed(store, world(ROWS.assign(note="another")))[0]


def test_no_group_with_enough_runs_is_remembered_too(store):
    made = world(ROWS.iloc[:3])
    assert computed(store, made)[0]
    again, result = computed(store, made)
    assert not again
    table, learned = loss_forecasts(result)
    assert (len(table), learned) == (0, {})


def test_a_new_group_leaves_the_fits_of_the_others(store):
    more = pd.concat([ROWS, runs(40, seed=4, name="g4", released="2024-01-15")], ignore_index=True)
    found, result = computed(store, world(more))
    assert [name for name in found if ":g" not in name or name.endswith((":g0", ":g1", ":g4"))] == [
        "backtest.fits:g4",
        "backtest.losses",
    ]
    pd.testing.assert_frame_equal(loss_forecasts(result)[0], backtested(more, SETTINGS.fit_kappa)[0], check_dtype=False)


def test_fits_survive_the_store_to_the_last_bit(store):
    kept, fresh = (Evaluation(world(), Memory(one)).ask(FITS, "g1") for one in (store, None))
    assert fits_of(kept)
    for (cut, one), (other_cut, other) in zip(fits_of(kept), fits_of(fresh), strict=True):
        assert (cut, one.residual_log2, one.free) == (other_cut, other.residual_log2, other.free)
        np.testing.assert_array_equal(one.theta, other.theta)
        np.testing.assert_array_equal(one.replicates, other.replicates)
        assert len(one.replicates) > 10


def test_a_group_that_is_gone_is_no_error(store):
    assert fits_of(Evaluation(world(ROWS[ROWS["group"] == "g0"]), Memory(store)).ask(FITS, "g1")) == []

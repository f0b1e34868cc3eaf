"""Rolling origins: no leakage, deterministic streams, honest choices."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from race_to_efficiency.evaluation import backtesting, choices
from race_to_efficiency.evaluation.backtesting import KEY_COLUMNS, LEDGERS
from race_to_efficiency.evaluation.choices import Choice
from race_to_efficiency.evaluation.origin_views import LedgerViews
from race_to_efficiency.evaluation.scoring import QUANTILE_COLUMNS
from race_to_efficiency.evaluation.targets import TARGETS
from race_to_efficiency.ledger.intake import Intake
from race_to_efficiency.units import Quarter
from small_settings import section

LAST = Quarter(2025, 4)
PARAMS = section("backtest", first_origin="2024Q3", horizon_quarters=4, draws=200, choose_by="2025Q1").model_copy(
    update={"choose_by_target": {}}
)


@pytest.fixture(scope="module")
def views(root: Path) -> LedgerViews:
    return LedgerViews.read(root / "data" / "raw", LEDGERS, Quarter(2026, 1).as_of)


def forecasts(views: LedgerViews, names: list[str]) -> pd.DataFrame:
    frames = [backtesting.target_forecasts(TARGETS[name], views, LAST, PARAMS, 7) for name in names]
    return pd.concat(frames, ignore_index=True)


def planted(views: LedgerViews, table: str, **cells: object) -> LedgerViews:
    """Return the ledgers with one more line: a copy of the last one with other cells."""
    intake = views.intakes[table]
    line = intake.rows.tail(1).assign(line=int(intake.rows["line"].max()) + 1)
    for name, value in cells.items():
        line[name] = pd.Timestamp(value) if name in ("released", "recorded") else value  # type: ignore[arg-type]
    rows = pd.concat([intake.rows, line.astype(intake.rows.dtypes)], ignore_index=True)
    return LedgerViews({**views.intakes, table: Intake(table, rows, intake.quarantined, intake.n_read + 1)})


PLANTS = {
    "a future chip": (
        "accelerators",
        {
            "accelerator_id": "planted",
            "released": "2025-09-15",
            "recorded": "2025-12-16",
            "tdp_w": 10.0,
            "fp16_tensor_flop_s": 1e18,
            "fp8_flop_s": 1e18,
        },
        ("tensor16_chip", "tensor16_quarter_mean", "tensor16_record", "fp8_record"),
    ),
    "a future revision of an old chip": (
        "accelerators",
        {
            "accelerator_id": "nvidia-a100",
            "released": "2020-03-01",
            "recorded": "2025-12-16",
            "tdp_w": 1.0,
            "fp16_tensor_flop_s": 1e17,
            "fp8_flop_s": 1e17,
        },
        ("tensor16_chip", "tensor16_quarter_mean", "tensor16_record", "fp8_record"),
    ),
    "an old chip found late": (
        "accelerators",
        {
            "accelerator_id": "planted",
            "released": "2019-01-15",
            "recorded": "2025-12-16",
            "tdp_w": 10.0,
            "fp16_tensor_flop_s": 1e18,
            "fp8_flop_s": 1e18,
        },
        ("tensor16_chip", "tensor16_quarter_mean", "tensor16_record", "fp8_record"),
    ),
    "a future model": (
        "notable_training_runs",
        {
            "model_id": "planted",
            "released": "2025-10-10",
            "recorded": "2025-11-01",
            "compute_flop": 1e30,
            "power_draw_w": 1e11,
            "hours": 10.0,
        },
        ("frontier_compute", "frontier_power", "training_flop_per_joule_year"),
    ),
    "a future revision of an old model": (
        "notable_training_runs",
        {
            "model_id": "gpt-4",
            "released": "2023-03-15",
            "recorded": "2025-11-01",
            "compute_flop": 1e28,
            "power_draw_w": 1e10,
            "hours": 1.0,
        },
        ("frontier_compute", "frontier_power", "training_flop_per_joule_year"),
    ),
    "a future speedrun": (
        "speedrun_records",
        {
            "record_id": "planted",
            "track": 1,
            "run_flags": "",
            "released": "2025-10-15",
            "recorded": "2025-10-15",
            "record_time_s": 1.0,
        },
        ("speedrun_record_time",),
    ),
    "a future revision of an old speedrun": (
        "speedrun_records",
        {
            "record_id": "track1-012",
            "track": 1,
            "run_flags": "",
            "released": "2024-11-19",
            "recorded": "2025-10-15",
            "record_time_s": 1.0,
        },
        ("speedrun_record_time",),
    ),
    "a future round": (
        "mlperf_training",
        {
            "result_id": "planted",
            "round": "v5.1",
            "benchmark": "bert",
            "accelerator_count": 8,
            "division": "closed",
            "is_resubmission": False,
            "n_logs_missing": 0,
            "minutes": 0.01,
            "comparable_from_round": "v0.7",
            "released": "2025-11-12",
            "recorded": "2025-11-12",
        },
        ("mlperf_best8_minutes",),
    ),
    "a future published trend": (
        "published_values",
        {
            "value_id": "epoch2023_energy_eff_ml",
            "gamma_per_year": 99.0,
            "released": "2023-11-01",
            "recorded": "2025-12-16",
        },
        ("tensor16_chip",),
    ),
}


@pytest.mark.parametrize("name", PLANTS)
def test_nothing_recorded_later_moves_an_earlier_forecast(views: LedgerViews, name: str) -> None:
    table, cells, targets = PLANTS[name]
    before = forecasts(views, list(targets))
    after = forecasts(planted(views, table, **cells), list(targets))
    quarters = {"2024Q3", "2024Q4", "2025Q1", "2025Q2", "2025Q3"}
    old, new = (one[one["origin"].isin(quarters)].reset_index(drop=True) for one in (before, after))
    assert len(old) > 0
    # byte for byte, not nearly
    assert old.to_csv(index=False) == new.to_csv(index=False)
    assert {column: old[column].to_numpy().tobytes() for column in QUANTILE_COLUMNS} == {
        column: new[column].to_numpy().tobytes() for column in QUANTILE_COLUMNS
    }
    # the plant is seen once it is recorded: the test could fail
    assert before[before["origin"] == "2025Q4"].to_csv() != after[after["origin"] == "2025Q4"].to_csv()


def test_the_choice_of_a_model_is_blind_to_later_rows(views: LedgerViews) -> None:
    target, last = TARGETS["tensor16_record"], Quarter(2026, 1)
    params = PARAMS.model_copy(update={"first_origin": "2022Q1", "choose_by": "2024Q4"})
    table, cells, _ = PLANTS["a future chip"]
    found = []
    for one in (views, planted(views, table, **cells)):
        everything = backtesting.target_forecasts(target, one, last, params, 7)
        found.append(choices.choose(target, everything, one, last, params))
    assert found[0].n_early >= 8
    assert found[0].early == found[1].early != {}
    assert found[0].chosen == found[1].chosen
    # what came later does tell the two apart
    assert found[0].late != found[1].late


def test_forecasts_do_not_depend_on_what_else_is_forecast(views: LedgerViews) -> None:
    alone = forecasts(views, ["frontier_compute"])
    together = forecasts(views, ["tensor16_record", "frontier_compute"])
    own = together[together["target"] == "frontier_compute"].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, own)
    other_seed = backtesting.target_forecasts(TARGETS["frontier_compute"], views, LAST, PARAMS, 8)
    assert other_seed.to_csv() != alone.to_csv()


@pytest.mark.parametrize("name", TARGETS)
def test_every_forecast_is_a_distribution(views: LedgerViews, name: str) -> None:
    found = forecasts(views, [name])
    assert list(found.columns) == [*KEY_COLUMNS, *QUANTILE_COLUMNS]
    q = found[list(QUANTILE_COLUMNS)].to_numpy()
    assert np.isfinite(q).all()
    assert (np.diff(q, axis=1) >= 0).all()
    assert found["shared"].between(0, 1).all()
    assert (found["window_end"] > found["window_start"]).all()
    assert set(found["method"]) >= {"forecast", "last_value", "random_walk_drift", "moore"}
    keys = ["target", "origin", "horizon_quarters", "cell", "model"]
    assert not found.duplicated(keys).any()


def test_smaller_is_better_turns_the_quantiles_round(views: LedgerViews) -> None:
    found = forecasts(views, ["speedrun_record_time"])
    record = found[(found["model"] == "jumps") & (found["horizon_quarters"] == 4) & (found["origin"] == "2025Q3")]
    # a record time can only fall: nothing lies above today's 146.82 s
    assert float(2 ** record["q0.99"].iloc[0]) <= 146.82 + 1e-6
    assert float(2 ** record["q0.01"].iloc[0]) < 146.82


def test_default_before_the_choice_and_chosen_after_it() -> None:
    choice = Choice("t", "a", "b", "2022Q4", {"a": 2.0, "b": 1.0}, {"a": 1.0, "b": 1.02}, 20, 20, 0.05)
    frame = pd.DataFrame(
        {
            "origin": ["2022Q4", "2022Q4", "2023Q1", "2023Q1", "2023Q1"],
            "method": ["forecast", "forecast", "forecast", "forecast", "moore"],
            "model": ["a", "b", "a", "b", "moore"],
        }
    )
    assert choices.in_use(frame, choice)["model"].tolist() == ["a", "b", "moore"]
    assert choice.model_at("2022Q4") == "a"
    assert choice.model_at("2023Q1") == "b"
    assert choice.confirmed is True
    assert choice.next_model == "b"
    assert "confirmed" in choice.words


def test_an_unconfirmed_choice_is_given_up_for_the_default() -> None:
    choice = Choice("t", "a", "b", "2022Q4", {"a": 2.0, "b": 1.0}, {"a": 1.0, "b": 2.0}, 20, 20, 0.05)
    assert choice.confirmed is False
    assert choice.next_model == "a"
    assert "not confirmed" in choice.words
    none = Choice("t", "a", "a", "2022Q4", {}, {}, 0, 0)
    assert none.confirmed is None
    assert none.next_model == "a"
    assert "too few" in none.words


def test_the_default_stays_unless_clearly_beaten() -> None:
    assert choices.pick(("a", "b"), {"a": 1.0, "b": 0.97}, 0.05) == "a"
    assert choices.pick(("a", "b"), {"a": 1.0, "b": 0.94}, 0.05) == "b"
    assert choices.pick(("a", "b"), {}, 0.05) == "a"


def test_an_origin_with_too_little_says_nothing(views: LedgerViews) -> None:
    early = dataclasses.replace(TARGETS["tensor16_record"], id="late", from_year=2025.5)
    found = backtesting.target_forecasts(early, views, LAST, PARAMS, 7)
    assert found.empty
    assert list(found.columns) == [*KEY_COLUMNS, *QUANTILE_COLUMNS]


def test_quarters_run_from_first_to_last() -> None:
    assert [str(q) for q in backtesting.quarters("2024Q3", Quarter(2025, 2))] == [
        "2024Q3",
        "2024Q4",
        "2025Q1",
        "2025Q2",
    ]
    assert backtesting.quarters("2026Q1", Quarter(2025, 2)) == []

"""Rolling origins: no leakage, deterministic streams, weights from settled outcomes alone."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from race_to_efficiency.evaluation import backtesting
from race_to_efficiency.evaluation.backtesting import SCORED_LEDGERS
from race_to_efficiency.evaluation.bounds import bound
from race_to_efficiency.evaluation.forecast_rows import KEY_COLUMNS
from race_to_efficiency.evaluation.origin_views import LedgerViews
from race_to_efficiency.evaluation.outcomes import SettledOutcome, settled_outcomes
from race_to_efficiency.evaluation.scoring import QUANTILE_COLUMNS
from race_to_efficiency.evaluation.targets import TARGETS
from race_to_efficiency.ledger.intake import Intake
from race_to_efficiency.units import Quarter
from small_settings import section

LAST = Quarter(2025, 4)
PARAMS = section("backtest", first_origin="2024Q1", horizon_quarters=4, members={"draws": 200})


@pytest.fixture(scope="module")
def views(root: Path) -> LedgerViews:
    return LedgerViews.read(root / "data" / "raw", SCORED_LEDGERS, Quarter(2026, 1).as_of)


def forecasts(views: LedgerViews, names: list[str]) -> pd.DataFrame:
    frames = [backtesting.target_forecasts(TARGETS[name], views, LAST, PARAMS, 7)[0] for name in names]
    return pd.concat(frames, ignore_index=True)


class Plain(dict[str, pd.DataFrame]):
    """Forecasts of the ledgers as they are, by target, each made when it is first asked for."""

    def __init__(self, views: LedgerViews) -> None:
        self.views = views

    def __missing__(self, name: str) -> pd.DataFrame:
        self[name] = forecasts(self.views, [name])
        return self[name]


@pytest.fixture(scope="module")
def plain(views: LedgerViews) -> dict[str, pd.DataFrame]:
    return Plain(views)


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
def test_nothing_recorded_later_moves_an_earlier_forecast(
    views: LedgerViews, plain: dict[str, pd.DataFrame], name: str
) -> None:
    table, cells, targets = PLANTS[name]
    before = pd.concat([plain[target] for target in targets], ignore_index=True)
    after = forecasts(planted(views, table, **cells), list(targets))
    quarters = {str(Quarter(2024, 1).shift(k)) for k in range(7)}
    old, new = (one[one["origin"].isin(quarters)].reset_index(drop=True) for one in (before, after))
    assert len(old) > 0
    # byte for byte, not nearly
    assert old.to_csv(index=False) == new.to_csv(index=False)
    assert {column: old[column].to_numpy().tobytes() for column in QUANTILE_COLUMNS} == {
        column: new[column].to_numpy().tobytes() for column in QUANTILE_COLUMNS
    }
    # the plant is seen once it is recorded: the test could fail
    assert before[before["origin"] == "2025Q4"].to_csv() != after[after["origin"] == "2025Q4"].to_csv()


@pytest.fixture(scope="module")
def history(views: LedgerViews) -> Any:
    """What the origins of one target did by today, the ledgers being as they are."""
    return backtesting.target_forecasts(TARGETS["tensor16_record"], views, LAST, PARAMS, 7)[1]


WEIGHTS_PLANTS = ("a future chip", "a future revision of an old chip", "an old chip found late")


@pytest.mark.parametrize("name", WEIGHTS_PLANTS)
def test_weights_are_blind_to_later_rows(views: LedgerViews, history: Any, name: str) -> None:
    table, cells, _ = PLANTS[name]
    target, first = TARGETS["tensor16_record"], Quarter.parse(PARAMS.first_origin)
    learned = {}
    changed = planted(views, table, **cells)
    after = backtesting.target_forecasts(target, changed, LAST, PARAMS, 7)[1]
    for kind, seen, done in (("before", views, history), ("after", changed, after)):
        for day in (Quarter(2025, 3).as_of, Quarter(2026, 1).as_of):
            settled = done.settled(settled_outcomes(target, seen, day, first), target.sign)
            learned[kind, day] = done.learned(settled, np.arange(1.0, 5.0), PARAMS.learning)
    early, late = Quarter(2025, 3).as_of, Quarter(2026, 1).as_of
    assert learned["before", early].n_eff[0] > 1
    assert learned["before", early].weights.tobytes() == learned["after", early].weights.tobytes()
    assert learned["before", early].baseline == learned["after", early].baseline
    # it is seen once an outcome settles with it
    assert learned["before", late].weights.tobytes() != learned["after", late].weights.tobytes()


def test_a_settled_score_moves_later_weights_alone(
    views: LedgerViews, plain: dict[str, pd.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An outcome that settles in 2025Q2 as something else leaves every forecast made before then as it was."""
    target = TARGETS["frontier_compute"]
    before = plain[target.id]
    true = backtesting.settled_outcomes

    def other(*known: object) -> list[SettledOutcome]:
        found = true(*known)  # type: ignore[arg-type]
        return [one._replace(observed=one.observed + 5.0 * (one.target_quarter == "2025Q1")) for one in found]

    monkeypatch.setattr(backtesting, "settled_outcomes", other)
    moved = backtesting.target_forecasts(target, views, LAST, PARAMS, 7)[0]
    # 2025Q1 is first reached by the snapshot of 2025-11-01: known to the origin 2025Q4 alone
    same = before["origin"] < "2025Q4"
    assert before[same].to_csv() == moved[same].to_csv()
    assert before[~same].to_csv() != moved[~same].to_csv()


def test_forecasts_do_not_depend_on_what_else_is_forecast(views: LedgerViews, plain: dict[str, pd.DataFrame]) -> None:
    alone = plain["frontier_compute"]
    together = forecasts(views, ["tensor16_record", "frontier_compute"])
    own = together[together["target"] == "frontier_compute"].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, own)
    other_seed = backtesting.target_forecasts(TARGETS["frontier_compute"], views, LAST, PARAMS, 8)[0]
    assert other_seed.to_csv() != alone.to_csv()


@pytest.mark.parametrize("name", TARGETS)
def test_every_forecast_is_a_distribution(plain: dict[str, pd.DataFrame], name: str) -> None:
    found = plain[name]
    assert list(found.columns) == [*KEY_COLUMNS, *QUANTILE_COLUMNS]
    q = found[list(QUANTILE_COLUMNS)].to_numpy()
    assert np.isfinite(q).all()
    assert (np.diff(q, axis=1) >= 0).all()
    assert found["shared"].between(0, 1).all()
    assert (found["window_end"] > found["window_start"]).all()
    assert set(found["method"]) >= {"forecast", "last_value", "random_walk_drift", "moore"}
    assert found["baseline"].isin(found["method"]).all()
    keys = ["target", "origin", "horizon_quarters", "cell", "model"]
    assert not found.duplicated(keys).any()


def test_smaller_is_better_turns_the_quantiles_round(plain: dict[str, pd.DataFrame]) -> None:
    found = plain["speedrun_record_time"]
    made = found[(found["horizon_quarters"] == 4) & (found["origin"] == "2025Q3")].set_index("method")
    # a record time can only fall: no baseline lies above today's 146.82 s, the forecast only by a revision
    for name in ("last_value", "random_walk_drift", "moore"):
        assert float(2 ** made.loc[name, "q0.99"]) == pytest.approx(146.82)
        assert float(2 ** made.loc[name, "q0.01"]) < 146.82
    assert float(2 ** made.loc["forecast", "q0.9"]) <= 146.82 + 1e-6
    assert float(2 ** made.loc["forecast", "q0.99"]) > 146.82


@pytest.mark.parametrize("name", [name for name, target in TARGETS.items() if target.monotone])
def test_no_baseline_is_on_the_impossible_side_of_a_record(plain: dict[str, pd.DataFrame], name: str) -> None:
    found = plain[name]
    base = found[found["method"] != "forecast"]
    sign = TARGETS[name].sign
    worst = base["q0.01"] if sign > 0 else base["q0.99"]
    assert len(base) > 0
    assert (sign * (worst - base["last"]) >= -1e-9).all()


def test_a_record_may_be_revised_but_mostly_stands(plain: dict[str, pd.DataFrame]) -> None:
    """After the first snapshots a standing record has a small chance to be corrected; before them it has none."""
    found = plain["frontier_compute"]
    own = found[found["method"] == "forecast"]
    below = own["q0.025"] < own["last"] - 1e-9
    assert below[(own["origin"] == "2025Q4") & (own["horizon_quarters"] == 4)].all()
    assert not (own["q0.25"] < own["last"] - 1e-9).any()
    # the snapshot of 2024-07-06 stands in for every earlier view: nothing up to it can be revised
    first = own[(own["origin"] == "2024Q1") & (own["horizon_quarters"] == 1)]
    assert float(first["q0.01"].iloc[0]) == pytest.approx(float(first["last"].iloc[0]))


def test_nothing_lies_beyond_the_bounds_of_physics(views: LedgerViews, plain: dict[str, pd.DataFrame]) -> None:
    for name in ("frontier_power", "speedrun_record_time", "tensor16_record"):
        found = plain[name]
        sign = TARGETS[name].sign
        for quarter, rows in found.groupby("origin"):
            origin = backtesting.origin_of(TARGETS[name], views, Quarter.parse(str(quarter)), PARAMS, 7)
            limit = bound(origin, views)[0][rows["horizon_quarters"].to_numpy() - 1]
            best = rows["q0.99"] if sign > 0 else rows["q0.01"]
            assert (sign * best.to_numpy() <= limit + 1e-12).all()
        assert found["moved"].between(0, 1).all()


def test_an_origin_with_too_little_says_nothing(views: LedgerViews) -> None:
    early = dataclasses.replace(TARGETS["tensor16_record"], from_year=2025.5)
    found = backtesting.target_forecasts(early, views, LAST, PARAMS, 7)[0]
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

"""The data account, the statements' baselines, the outcomes and the scores, from the CSVs and the statements alone."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from plain import AS_OF, RAW, document, known, ledger, mlperf, view

if TYPE_CHECKING:
    from collections.abc import Callable

    from race_to_efficiency.settings.params import Workspace

TABLES = ("accelerators", "mlperf_training", "notable_training_runs", "training_runs", "speedrun_records", "sources")
PUBLISHED = RAW.parent / "published" / "race-0.1"
KEPT = RAW.parents[1] / "pipeline" / "race_to_efficiency" / "evaluation" / "kept"


def per_watt(column: str) -> pd.Series:
    rows = view("accelerators")
    return (rows[column] / rows["tdp_w"]).dropna()


def last_best(benchmark: str) -> float:
    """Least minutes on eight accelerators in the newest round with the benchmark."""
    rows = mlperf().query("accelerator_count == 8 and benchmark == @benchmark")
    return float(rows[rows["released"] == rows["released"].max()]["minutes"].min())


def record_time() -> float:
    rows = view("speedrun_records")
    return float(rows[rows["track"] == 1]["record_time_s"].min())


def largest(column: str) -> float:
    return float(view("notable_training_runs")[column].max())


STATED: dict[str, Callable[[], float]] = {
    "frontier_compute": lambda: largest("compute_flop"),
    "frontier_power": lambda: largest("power_draw_w"),
    "run_cost_record": lambda: largest("cost_2023usd"),
    "run_chips_record": lambda: largest("chip_count"),
    "tensor16_record": lambda: per_watt("fp16_tensor_flop_s").max(),
    "fp8_record": lambda: per_watt("fp8_flop_s").max(),
    "speedrun_record_time": record_time,
}


@pytest.mark.parametrize("name", STATED)
def test_a_statement_starts_from_the_last_value_in_the_ledger(numbers: dict[str, Any], name: str) -> None:
    assert numbers[f"statement.2026Q1.{name}.baseline0.5"]["value"] == pytest.approx(STATED[name](), rel=1e-9)


def test_a_benchmark_that_the_newest_round_has_dropped_is_not_spoken_of(numbers: dict[str, Any]) -> None:
    newest = mlperf()["released"].max()
    gone = set(mlperf()["benchmark"]) - set(mlperf().loc[mlperf()["released"] == newest, "benchmark"])
    assert {"bert", "stable_diffusion"} <= gone
    assert not [name for name in numbers if name.startswith("statement.2026Q1.") and name.split(".")[2][7:] in gone]


@pytest.mark.parametrize("table", TABLES)
def test_the_account_counts_the_lines_of_the_file(numbers: dict[str, Any], table: str) -> None:
    rows, last = ledger(table), known(table)
    later = rows["recorded"] > AS_OF
    undated = ~last["withdrawn"] & last["released"].isna()
    counts = {
        "read": len(rows),
        "excluded.recorded_later": later.sum(),
        "excluded.superseded": len(rows) - later.sum() - len(last),
        "excluded.withdrawn": last["withdrawn"].sum(),
        "excluded.undated": undated.sum(),
        "quarantined": 0,
    }
    printed = {name: numbers.get(f"account.{table}.{name}", {"value": 0})["value"] for name in counts}
    assert printed == counts


def test_the_account_counts_what_the_rules_of_mlperf_leave(numbers: dict[str, Any]) -> None:
    rows = view("mlperf_training")
    assert numbers["account.mlperf_training.used"]["value"] == len(mlperf())
    assert numbers["account.mlperf_training.excluded.open_division"]["value"] == (rows["division"] != "closed").sum()


@cache
def snapshot_at(table: str, end: pd.Timestamp) -> pd.Timestamp | None:
    """The first day at or after a quarter's end on which the publisher's table was recorded; None when not yet."""
    days = ledger(table)["recorded"]
    days = days[(days >= end) & (days <= AS_OF)]
    return None if days.empty else days.min()


def best_by(table: str, value: Callable[[pd.DataFrame], pd.Series], end: pd.Timestamp) -> float:
    """log2 of the largest value released by a quarter's end, as first recorded after it."""
    day = snapshot_at(table, end)
    if day is None:
        return np.nan
    rows = view(table, day)
    return float(np.log2(value(rows[rows["released"] <= end]).max()))


OUTCOMES: dict[str, tuple[str, Callable[[pd.DataFrame], pd.Series]]] = {
    "tensor16_record": ("accelerators", lambda rows: rows["fp16_tensor_flop_s"] / rows["tdp_w"]),
    "fp8_record": ("accelerators", lambda rows: rows["fp8_flop_s"] / rows["tdp_w"]),
    "frontier_compute": ("notable_training_runs", lambda rows: rows["compute_flop"]),
    "frontier_power": ("notable_training_runs", lambda rows: rows["power_draw_w"]),
}


@pytest.mark.parametrize("target", OUTCOMES)
def test_an_outcome_is_read_in_the_first_snapshot_after_its_quarter(small_quarter: Workspace, target: str) -> None:
    rows = pd.read_parquet(small_quarter.processed / "backtest.parquet")
    own = rows[rows["target"] == target].drop_duplicates("target_quarter").set_index("target_quarter")["observed"]
    table, value = OUTCOMES[target]
    for quarter, observed in own.items():
        end = pd.Period(str(quarter), freq="Q").end_time.normalize()
        expected = best_by(table, value, end)
        assert observed == pytest.approx(expected, rel=1e-12, nan_ok=True), quarter
    assert own.notna().sum() >= 3


def test_scores_and_coverage_follow_from_the_forecasts(small_quarter: Workspace) -> None:
    """WIS is twice the mean pinball loss (Bracher et al. 2021); skill is 1 less its ratio to the named baseline's."""
    rows = pd.read_parquet(small_quarter.processed / "backtest.parquet")
    columns = [name for name in rows if name.startswith("q0.")]
    tau = np.array([float(name[1:]) for name in columns])
    rows = rows[rows["observed"].notna() & (rows["vintage"] == "real")]
    scores = pd.read_parquet(small_quarter.processed / "scores.parquet").query("vintage == 'real'")
    scores, checked = scores.set_index(["target", "horizon_quarters"]), 0
    for target, horizon in (("frontier_compute", 1), ("tensor16_record", 1), ("tensor16_quarter_mean", 1)):
        own = rows[(rows["target"] == target) & (rows["horizon_quarters"] == horizon)]
        error = own["observed"].to_numpy()[:, None] - own[columns].to_numpy()
        own = own.assign(wis=2 * np.maximum(tau * error, (tau - 1) * error).mean(axis=1))
        of = own.set_index(["method", "target_quarter", "item"])["wis"]
        made = own[own["method"] == "forecast"]
        named = [of[row.baseline, row.target_quarter, row.item] for row in made.itertuples()]
        assert scores.loc[(target, horizon), "n"] == len(made)
        skill = float(scores.loc[(target, horizon), "skill"])
        assert skill == pytest.approx(1 - made["wis"].mean() / np.mean(named), rel=1e-9)
        checked += 1
    assert checked == 3


@pytest.fixture(scope="module")
def beside(small_quarter: Workspace) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The quarter's forecasts with 0.1's and the last value's of the same outcomes, and what the scorecard says."""
    rows = pd.read_parquet(small_quarter.processed / "backtest.parquet")
    rows = rows[rows["observed"].notna() & (rows["origin"] >= "2023Q1") & ~rows["target"].str.startswith("loss.")]
    keys = ["target", "origin", "horizon_quarters", "target_quarter", "cell"]
    kept = pd.read_parquet(next(KEPT.glob("*.parquet")))
    columns = [name for name in kept if name.startswith("q0.")]
    tau = np.array([float(name[1:]) for name in columns])

    def with_score(own: pd.DataFrame, name: str) -> pd.DataFrame:
        error = own["observed"].to_numpy()[:, None] - own[columns].to_numpy()
        return own.assign(**{name: 2 * np.maximum(tau * error, (tau - 1) * error).mean(axis=1)})

    made = with_score(rows[rows["method"] == "forecast"], "own")
    naive = with_score(rows[rows["method"] == "last_value"], "naive")[[*keys, "item", "naive"]]
    earlier = kept[[*keys, *columns]].merge(
        rows.loc[rows["method"] == "forecast", [*keys, "item", "observed"]], on=keys
    )
    earlier = with_score(earlier, "earlier")[[*keys, "item", "earlier"]]
    both = made.merge(naive, on=[*keys, "item"]).merge(earlier, on=[*keys, "item"])
    return both, document(small_quarter.processed, "scores.json")["predecessors"][0]


def test_0_1_is_scored_on_the_very_same_outcomes(beside: tuple[pd.DataFrame, dict[str, Any]]) -> None:
    both, said = beside
    mean = both.groupby("target")[["own", "earlier"]].mean()
    assert said["ratio"] == pytest.approx(np.exp(np.log(mean["own"] / mean["earlier"]).mean()), rel=1e-9)
    assert [row["n"] for row in said["targets"]] == both.groupby("target").size().tolist()
    cells = both.groupby(["target", "horizon_quarters"])[["own", "earlier", "naive"]].mean()
    assert said["cells"] == len(cells) >= 20
    assert said["below_last_value"] == (cells["own"] < cells["naive"]).sum()
    assert said["below_last_value_earlier"] == (cells["earlier"] < cells["naive"]).sum()


def test_coverage_counts_outcomes_between_the_ends(beside: tuple[pd.DataFrame, dict[str, Any]]) -> None:
    """Where no outcome lies on a point mass, it is the plain share inside the interval."""
    both, said = beside
    columns = [name for name in both if name.startswith("q0.")]
    massed = (both[columns].to_numpy() == both["observed"].to_numpy()[:, None]).sum(axis=1) > 1
    inside = both["observed"].between(both["q0.1"], both["q0.9"])
    low, high = (inside & ~massed).mean(), (inside | massed).mean()
    assert 0 < low <= said["coverage"]["80"] <= high < 1
    assert massed.any()


def published(name: str) -> dict[str, Any]:
    quarter = name.split(".", maxsplit=1)[0]
    return next(item for item in document(PUBLISHED, f"{quarter}.json")["statements"] if item["id"] == name)


def test_an_earlier_statement_is_scored_as_it_was_published(numbers: dict[str, Any]) -> None:
    """Brier score of a probability, WIS of quantiles in doublings."""
    for name, happened in (("new_16_bit_record", 0.0), ("speedrun_threshold", 0.0)):
        stated = published(f"2025Q1.{name}")
        printed = numbers[f"record.2025Q1.2025Q1.{name}.score"]["value"]
        assert printed == pytest.approx((stated["probability"] - happened) ** 2, rel=1e-12)
    best = {
        "best_16_bit_4q": per_watt("fp16_tensor_flop_s").max(),
        "speedrun_4q": record_time(),
        "mlperf_bert": last_best("bert"),
    }
    for name, value in best.items():
        for key, quantiles in (
            ("score", published(f"2025Q1.{name}")["quantiles"]),
            ("score_baseline", published(f"2025Q1.{name}")["baseline"]["quantiles"]),
        ):
            tau = np.array([float(level) for level in quantiles])
            error = np.log2(value) - np.log2(list(quantiles.values()))
            wis = 2 * np.maximum(tau * error, (tau - 1) * error).mean()
            assert numbers[f"record.2025Q1.2025Q1.{name}.{key}"]["value"] == pytest.approx(wis, rel=1e-9)


def test_every_published_statement_is_accounted_for(numbers: dict[str, Any]) -> None:
    states = ("settled", "open", "overdue", "void", "by_hand")
    whole = dict.fromkeys(("stated", *states), 0)
    for quarter in ("2025Q1", "2025Q2", "2025Q3", "2025Q4"):
        printed = {key: numbers[f"record.publications.{quarter}.{key}"]["value"] for key in whole}
        both = (PUBLISHED, PUBLISHED.parent)  # as published by 0.1, and worked out anew
        stated = [item for folder in both for item in document(folder, f"{quarter}.json")["statements"]]
        assert sum(printed[key] for key in states) == printed["stated"] == len(stated)
        due = sum(pd.Timestamp(item["by"]) <= AS_OF for item in stated)
        assert numbers[f"record.publications.{quarter}.due"]["value"] == due
        whole = {key: whole[key] + printed[key] for key in whole}
    rows = ("race-0.1_as_published", "race-0.2_reconstructed")
    assert whole == {key: sum(numbers[f"record.totals.{row}.{key}"]["value"] for row in rows) for key in whole}

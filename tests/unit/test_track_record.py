"""Statements of the past: settled by their own rules, scored as they were made, and added up."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from race_to_efficiency import storage
from race_to_efficiency.errors import DataInvalid
from race_to_efficiency.evaluation import predecessor, published_scores
from race_to_efficiency.evaluation import track_record as track
from race_to_efficiency.evaluation.backtesting import SCORED_LEDGERS, backtest
from race_to_efficiency.evaluation.origin_views import LedgerViews
from race_to_efficiency.evaluation.published_inputs import published_document, read_published
from race_to_efficiency.evaluation.scoring import brier_score, weighted_interval_score
from race_to_efficiency.evaluation.settlement import Outcome, settle
from race_to_efficiency.evaluation.statements import Statement, read_statements
from race_to_efficiency.units import Quarter
from small_settings import section

BACKTEST = section("backtest", first_origin="2025Q1", horizon_quarters=8, members={"draws": 200})
PARAMS = section("statements")
END = dt.date(2026, 3, 31)


@pytest.fixture(scope="module")
def views(root: Path) -> LedgerViews:
    return LedgerViews.read(root / "data" / "raw", SCORED_LEDGERS, END)


@pytest.fixture(scope="module")
def table(views: LedgerViews) -> pd.DataFrame:
    return backtest(views, Quarter(2026, 1), BACKTEST, 7)[0]


def statement(**change: object) -> Statement:
    base = {
        "id": "2025Q1.x",
        "what": "x",
        "by": "2026-03-31",
        "kind": "quantiles",
        "unit": "s",
        "resolution_source": "a",
        "resolution_rule": "b",
        "basis": "c",
        "target": "speedrun_record_time",
        "target_quarter": "2026Q1",
        "quantiles": {"0.1": 64.0, "0.5": 128.0, "0.9": 256.0},
        "baseline": {"method": "last_value", "quantiles": {"0.1": 32.0, "0.5": 128.0, "0.9": 512.0}},
    }
    return Statement(**(base | change))  # type: ignore[arg-type]


def test_scores_by_hand() -> None:
    found = published_scores.score_statement(statement(), 64.0)
    expected = weighted_interval_score([6.0], [[6.0, 7.0, 8.0]], [0.1, 0.5, 0.9]).wis[0]
    assert found["score"] == pytest.approx(expected)
    assert found["score_baseline"] == pytest.approx(
        weighted_interval_score([6.0], [[5.0, 7.0, 9.0]], [0.1, 0.5, 0.9]).wis[0]
    )
    event = statement(
        kind="probability", quantiles=None, probability=0.8, threshold=60.0, baseline={"probability": 0.5}
    )
    assert published_scores.score_statement(event, 1.0) == {
        "score": pytest.approx(0.04),
        "score_baseline": 0.25,
        "pit": None,
    }
    date = statement(
        unit="decimal year", by="2046-03-31", quantiles={"0.1": 2026.0, "0.5": 2027.0, "0.9": None}, baseline={}
    )
    assert published_scores.score_statement(date, 2027.0)["score"] == pytest.approx(
        (0.1 * (2046.2438 - 2026)) / 1.5, rel=1e-3
    )


def test_observables_settle_by_their_rule(views: LedgerViews) -> None:
    assert settle(statement(), views, END, PARAMS) == Outcome("resolved", pytest.approx(85.56))
    assert settle(statement(), views, dt.date(2025, 12, 31), PARAMS) == Outcome("open")
    # 85.56 s is not at most 60 s
    event = {"kind": "probability", "quantiles": None, "probability": 0.5, "unit": "1", "baseline": {}}
    assert settle(statement(threshold=60.0, **event), views, END, PARAMS) == Outcome("resolved", 0.0)
    assert settle(statement(threshold=90.0, **event), views, END, PARAMS) == Outcome("resolved", 1.0)
    # the models' table reaches 2025-12-02 only: due, and not settled
    run = statement(target="frontier_compute", unit="FLOP")
    assert settle(run, views, END, PARAMS) == Outcome("overdue")
    # no benchmark of that name stood in the round
    gone = statement(target="mlperf_best8_minutes", cell="gnn", target_quarter="2025Q2", by="2025-06-30")
    assert settle(gone, views, END, PARAMS) == Outcome("void")


def test_an_outcome_is_read_again_at_maturity(views: LedgerViews) -> None:
    """The largest run of 2025Q2 was 3.5e26 FLOP in the first view that reached it, 3.8e26 two quarters on."""
    item = statement(target="frontier_compute", unit="FLOP", target_quarter="2025Q2", by="2025-06-30")
    found = settle(item, views, END, PARAMS)
    assert (found.observed, found.matured) == (pytest.approx(3.5e26, rel=0.01), pytest.approx(3.8e26, rel=0.01))
    early = settle(item, views, dt.date(2025, 11, 30), PARAMS)
    assert (early.observed, early.matured) == (pytest.approx(3.5e26, rel=0.01), None)


def test_dates_of_the_first_publications_still_settle(views: LedgerViews) -> None:
    item = statement(
        target="frontier_compute",
        unit="decimal year",
        threshold=1e26,
        by="2045-03-31",
        quantiles={"0.1": 2026.0, "0.5": 2027.0, "0.9": None},
        baseline={},
    )
    found = settle(item, views, END, PARAMS)
    # Grok 3, 2025-02-17
    assert found == Outcome("resolved", pytest.approx(2025 + 47 / 365))
    assert settle(dataclasses.replace(item, threshold=1e29), views, END, PARAMS) == Outcome("open")


def entered(views: LedgerViews, table: str, day: str) -> LedgerViews:
    """Return the ledgers with one more line of one table, recorded on a day."""
    intake = views.intakes[table]
    last = intake.rows.tail(1)
    line = last.assign(**{last.columns[0]: "one-more", "recorded": pd.Timestamp(day), "line": 10_000_000})
    rows = pd.concat([intake.rows, line.astype(intake.rows.dtypes)], ignore_index=True)
    return LedgerViews({**views.intakes, table: dataclasses.replace(intake, rows=rows)})


def test_reestimates_of_the_first_publications_settle_from_later_estimates(views: LedgerViews) -> None:
    item = statement(target="estimate:growth.power", target_quarter="2027Q1", by="2027-03-31", unit="doublings/yr")
    end, later = dt.date(2027, 3, 31), {"2027Q1": {"growth.power": 1.3}}
    told = entered(views, "accelerators", "2027-02-01")
    assert settle(item, told, end, PARAMS, estimates=later) == Outcome("resolved", 1.3)
    assert settle(item, told, end, PARAMS, estimates={"2027Q1": {"growth.x": 1.0}}) == Outcome("void")
    assert settle(item, views, dt.date(2026, 6, 30), PARAMS) == Outcome("open")
    assert settle(item, told, end, PARAMS) == Outcome("overdue")
    # a quarter in which nothing was recorded re-estimates nothing, whenever the rows before it or after it came
    for day in ("2026-12-31", "2027-04-01"):
        assert settle(item, entered(views, "accelerators", day), end, PARAMS, estimates=later) == Outcome("overdue")


def test_a_larger_run_that_did_not_come_is_void_only_once_the_table_reaches_the_day(views: LedgerViews) -> None:
    item = statement(target="loss:gadre2024_c4", threshold=1e30, by="2026-06-30", target_quarter="2026Q2", unit="nats")
    assert settle(item, views, dt.date(2026, 3, 31), PARAMS) == Outcome("open")
    assert settle(item, views, dt.date(2026, 9, 30), PARAMS) == Outcome("overdue")
    told = entered(views, "training_runs", "2026-07-01")
    assert settle(item, told, dt.date(2026, 6, 30), PARAMS) == Outcome("overdue")
    assert settle(item, told, dt.date(2026, 9, 30), PARAMS) == Outcome("void")


def test_a_quarter_without_new_rows_settles_nothing(root: Path, views: LedgerViews) -> None:
    """What 0.1 published, looked at on the last day of its rows and in each of the four quarters after."""
    files = sorted((root / "data" / "published").rglob("*.json"))
    documents = [json.loads(path.read_text(encoding="utf-8")) for path in files]
    estimates = {document["quarter"]: document["growths"] for document in documents}
    quarter = Quarter.of(END)
    made = [item for document in documents for item in read_statements(document["statements"])]
    before = {item.id: settle(item, views, quarter.as_of, PARAMS, estimates=estimates) for item in made}
    assert {"resolved", "open"} <= {outcome.status for outcome in before.values()}
    for ahead in range(1, 5):
        trial = quarter.shift(ahead)
        known = {**estimates, str(trial): documents[-1]["growths"]}
        after = {item.id: settle(item, views, trial.as_of, PARAMS, estimates=known) for item in made}
        settled = ("resolved", "void")
        assert [name for name in after if after[name].status in settled and before[name].status not in settled] == []


def test_next_scale_losses_settle_from_new_runs(views: LedgerViews) -> None:
    item = statement(target="loss:gadre2024_c4", threshold=1e22, by="2027-03-31", unit="nats/token")
    end = dt.date(2027, 3, 31)
    assert settle(item, views, end, PARAMS) == Outcome("overdue")
    intake = views.intakes["training_runs"]
    line = intake.rows[intake.rows["group"] == "gadre2024_c4"].tail(1)
    new = {"run_id": "new", "line": 99_999, "compute_flop": 1.5e22, "loss_nats": 2.2}
    line = line.assign(**new, recorded=pd.Timestamp(2026, 9, 1), released=pd.Timestamp(2026, 9, 1))
    rows = pd.concat([intake.rows, line.astype(intake.rows.dtypes)], ignore_index=True)
    later = LedgerViews({**views.intakes, "training_runs": dataclasses.replace(intake, rows=rows)})
    assert settle(item, later, end, PARAMS) == Outcome("resolved", 2.2)
    assert settle(item, later, dt.date(2026, 6, 30), PARAMS) == Outcome("open")


def test_today_s_forecaster_stands_beside(views: LedgerViews, table: pd.DataFrame) -> None:
    today = published_scores.by_question(table)
    own = statement(id="2025Q1.x")
    event = statement(
        id="2025Q1.y", kind="probability", quantiles=None, probability=0.9, threshold=60.0, unit="1",
        baseline={"probability": 0.1},
    )  # fmt: skip
    first, second = published_scores.score_statements([own, event], today, views, END, PARAMS)
    row = table[(table["origin"] == "2025Q1") & (table["target"] == own.target) & (table["method"] == "forecast")]
    row = row[row["target_quarter"] == "2026Q1"].iloc[0]
    assert first["median_today"] == pytest.approx(2.0 ** row["q0.5"])
    levels = [0.1, 0.5, 0.9]
    expected = weighted_interval_score([np.log2(85.56)], [[row[f"q{level}"] for level in levels]], levels).wis[0]
    assert first["score_today"] == pytest.approx(expected)
    assert first["score"] == pytest.approx(published_scores.score_statement(own, first["observed"])["score"])
    assert second["observed"] == 0.0
    assert second["score"] == pytest.approx(0.81)
    assert second["score_today"] == pytest.approx(float(brier_score(0.0, second["median_today"])))
    # a threshold at one of the forecast's own quantiles: reached from below by a rate, from above by a time
    for target, unit, sign in (("speedrun_record_time", "s", -1), ("tensor16_record", "FLOP/s/W", 1)):
        row = table[(table["origin"] == "2025Q1") & (table["target"] == target) & (table["method"] == "forecast")]
        at = float(2.0 ** row[row["target_quarter"] == "2026Q1"].iloc[0]["q0.7"])
        asked = dataclasses.replace(event, target=target, unit=unit, threshold=at)
        said = published_scores.score_statements([asked], today, views, END, PARAMS)[0]["median_today"]
        assert said == pytest.approx(0.7 if sign < 0 else 0.3)
    unknown = statement(id="2019Q1.z")
    assert published_scores.score_statements([unknown], today, views, END, PARAMS)[0]["median_today"] is None


def rows(**change: object) -> dict[str, object]:
    base: dict[str, object] = dict.fromkeys(published_scores.PUBLISHED_COLUMNS)
    base |= {"publication": "2025Q1", "model": "race-0.1", "reconstructed": False, "id": "x", "what": "x", "unit": "s"}
    base |= {"by": "2026-03-31", "kind": "quantiles", "status": "resolved", "observed": 2.0, "median": 1.0}
    return base | {"low80": 0.5, "high80": 3.0, "score": 1.0, "score_baseline": 2.0} | change


def test_totals_by_hand() -> None:
    event = {"kind": "probability", "low80": None, "high80": None, "observed": 1.0}
    lost = {"score": None, "score_baseline": None, "observed": None}
    found = track.totals(
        [
            rows(pit=0.5),
            rows(observed=9.0, score=3.0, pit=0.97),
            rows(**event, score=0.04, score_baseline=0.25),
            rows(**event, score=0.64, score_baseline=0.16),
            rows(status="overdue", **lost),
            rows(status="void", **lost),
            rows(status="by hand", by="2027-03-31", **lost),
            rows(status="open", by="2026-06-30", **lost),
        ],
        END,
    )
    assert found == {
        "stated": 8, "due": 6, "settled": 4, "open": 1, "overdue": 1, "void": 1, "by_hand": 1,
        "inside_80": 1, "in_80_of": 2, "better": 2, "with_baseline": 4,
        "events": 2, "brier": pytest.approx(0.34), "brier_baseline": pytest.approx(0.205),
        "skill": pytest.approx((1 / 3 - 1 / 5 + 0.21 / 0.29 - 0.48 / 0.8) / 4),
        "calibration": [
            {"level": 0.5, "share": 0.5, "low": 0.0, "high": 1.0},
            {"level": 0.8, "share": 0.5, "low": 0.0, "high": 1.0},
            {"level": 0.95, "share": 1.0, "low": 0.5, "high": 1.0},
        ],
    }  # fmt: skip


def test_the_record_has_three_rows_and_names_the_worst_misses() -> None:
    told = [
        rows(id="fine"),
        rows(id="bad", score=5.0),
        rows(id="worse", score=9.0, model="race-0.2", reconstructed=True, publication="2025Q1 reconstructed"),
        rows(id="live", model="race-0.2", publication="2026Q1"),
    ]
    found = track.track_record(told, END)
    names = [item["name"] for item in found["totals"]]
    assert names == ["race-0.1, as published", "race-0.2, reconstructed", "race-0.2, live"]
    assert [item["settled"] for item in found["totals"]] == [2, 1, 1]
    assert [item["publication"] for item in found["publications"]] == ["2025Q1", "2025Q1 reconstructed", "2026Q1"]
    assert [item["id"] for item in found["misses"][:2]] == ["worse", "bad"]
    assert found["published"] == told
    assert track.track_record([], END)["totals"][0]["stated"] == 0


def test_totals_of_the_first_publications_are_those_of_their_files(
    root: Path, views: LedgerViews, table: pd.DataFrame
) -> None:
    """What 0.1 published, counted here by another way: its files, the ledgers, and nothing in between."""
    documents = [item for item in read_published(root / "data" / "published", "2026Q1") if "model" not in item]
    stated = [item for document in documents for item in document["statements"]]
    scored = track.score_documents(documents, table, views, END, PARAMS)
    found = track.track_record(scored, END)["totals"][0]
    assert found["stated"] == len(stated)
    assert found["due"] == sum(item["by"] <= "2026-03-31" for item in stated)
    states = [row["status"] for row in scored]
    counted = {name: states.count(name) for name in ("resolved", "open", "overdue", "void", "by hand")}
    assert sum(counted.values()) == len(stated)
    assert found["by_hand"] == counted["by hand"] == sum(item["target"] == "kappa_eff" for item in stated)
    # the speedrun of a year on, stated at 7.8 s: 85.56 s came
    row = next(row for row in scored if row["id"] == "2025Q1.speedrun_4q")
    assert (row["median"], row["observed"]) == (pytest.approx(7.75, abs=0.01), pytest.approx(85.56))


def test_statements_are_made_again_in_order_and_published_ones_stand(views: LedgerViews, table: pd.DataFrame) -> None:
    params = section("statements", reconstruct_from="2025Q3")
    found = track.remade(table, views, Quarter(2026, 1), params, [])
    assert [item["quarter"] for item in found] == ["2025Q3", "2025Q4"]
    assert all(item["reconstructed"] for item in found)
    asked = [(one.target, one.cell, one.threshold or one.target_quarter) for item in found
             for one in read_statements(item["statements"])]  # fmt: skip
    assert len(set(asked)) == len(asked)
    own = {"quarter": "2025Q3", "publication": "2025Q3", "model": "race-0.2", "reconstructed": False}
    asked_before = statement(id="2025Q3.x", target="frontier_compute", target_quarter="2026Q4", by="2026-12-31")
    own |= {"statements": [asked_before.to_json()], "growths": {}}
    again = track.remade(table, views, Quarter(2026, 1), params, [own])
    assert again[0] == own
    # what was published before is not asked again
    lost = {item["id"] for item in found[1]["statements"]} - {item["id"] for item in again[1]["statements"]}
    assert lost == {"2025Q4.frontier_compute"}


def test_earlier_publications_are_scored_from_what_they_stated(
    views: LedgerViews, table: pd.DataFrame, tmp_path: Path
) -> None:
    power = statement(
        id="2025Q1.power",
        target="estimate:growth.power",
        unit="doublings/yr",
        quantiles={"0.1": 1.0, "0.5": 1.1, "0.9": 1.2},
        baseline={},
    )
    estimate = {"component": "growth", "estimator": "power", "value": 1.15}
    stated = {"statements": [statement().to_json(), power.to_json()]}
    kept = tmp_path / "published"
    for quarter, document, gamma in (
        ("2025Q1", stated, {"estimates": []}),
        ("2026Q1", {"model": "race-0.2", "statements": []}, {"estimates": [estimate]}),
    ):
        found = published_document(quarter, quarter, document, gamma, {}, reconstructed=True)
        storage.write_json(kept / f"{quarter}.json", found)
    assert read_published(kept, "2025Q1") == []
    earlier = read_published(kept, "2026Q1")
    assert [item["publication"] for item in earlier] == ["2025Q1"]
    assert "model" not in earlier[0]
    own = {"2026Q1": track.growths_of({"estimates": [estimate]})}
    scored = {row["id"]: row for row in track.score_documents(earlier, table, views, END, PARAMS, own_growths=own)}
    assert scored["2025Q1.x"]["observed"] == pytest.approx(85.56)
    assert scored["2025Q1.power"]["observed"] == 1.15
    assert scored["2025Q1.x"]["model"] == "race-0.1"
    said = {"discrepancy": [{"form": "floor"}]}
    kept_too = published_document("2026Q2", "2026Q2", {"statements": []}, {"estimates": []}, said, reconstructed=True)
    assert kept_too["discrepancy"] == said["discrepancy"]
    assert "discrepancy" not in earlier[0]
    later = read_published(kept, "2026Q2")
    assert (later[1]["model"], later[1]["reconstructed"]) == ("race-0.2", True)
    assert {row["status"] for row in track.score_documents(later, table, views, END, PARAMS)} == {"resolved"}


def test_what_the_first_forecaster_said_is_kept(root: Path) -> None:
    (path,) = predecessor.KEPT.glob("*.parquet")
    assert path.stat().st_size < 2_000_000
    (kept,) = predecessor.kept()
    assert set(kept["model"]) == {"race-0.1"}
    assert not kept.duplicated(predecessor.KEYS).any()
    # its last published quarter stated what stands here, but for the draws behind it
    stated = storage.read_json(root / "data" / "published" / "race-0.1" / "2026Q1.json")["statements"]
    item = next(one for one in stated if one["id"] == "2026Q1.best_16_bit_4q")
    row = kept[(kept["target"] == "tensor16_record") & (kept["origin"] == "2026Q1") & (kept["horizon_quarters"] == 4)]
    for level, value in item["quantiles"].items():
        assert float(row[f"q{level}"].iloc[0]) == pytest.approx(np.log2(value), abs=0.1)


def test_a_record_of_the_first_version_is_completed() -> None:
    old = {name: row for name, row in rows(drift="none").items() if name not in ("model", "reconstructed", "kind")}
    record = {"published": [old, {**old, "status": "not published"}], "publications": []}
    found = track.completed({"scores": [{"target": "t"}]}, record, END)
    assert found["totals"][0]["settled"] == 1
    assert found["published"][0]["kind"] == "quantiles"
    assert found["scores"] == [{"baseline": "last_value", "target": "t"}]
    new = {"totals": [1]}
    assert track.completed({"scores": []}, new, END) == {"scores": [], "totals": [1]}


def test_the_headlines_of_the_last_quarters_are_kept_a_correction_in_its_quarter_s_place() -> None:
    def said(quarter: str, name: str, median: float) -> dict[str, Any]:
        rows = [{"reading": "reducible", "years": 5.0, "median": median, "point": 0.0}]
        empty: dict[str, Any] = {"estimates": []}
        stated = {"model": "race-0.2", "statements": []}
        return published_document(quarter, name, stated, empty, {}, rows, reconstructed=True)

    kept = [said(f"202{i}Q4", f"202{i}Q4", i / 10) for i in range(1, 7)]
    old = published_document("2019Q4", "2019Q4", {"statements": []}, {"estimates": []}, {}, reconstructed=True)
    found = track.published_headlines([old, *kept, said("2026Q4", "2026Q4.r2", 0.99)])
    assert [(item["publication"], item["rows"][0]["median"]) for item in found] == [
        ("2023Q4", 0.3), ("2024Q4", 0.4), ("2025Q4", 0.5), ("2026Q4.r2", 0.99),
    ]  # fmt: skip
    assert set(found[0]["rows"][0]) == {"reading", "years", "median"}
    assert track.published_headlines([old]) == []
    rows = [{"reading": "reducible", "years": 5.0, "median": 0.4}]  # the first forecaster's files stay what they were
    first = published_document("2019Q4", "2019Q4", {"statements": []}, {"estimates": []}, {}, rows, reconstructed=True)
    assert first == old


def test_a_correction_stands_beside_what_it_corrects(tmp_path: Path) -> None:
    for name in ("2025Q4", "2025Q4.r2", "2025Q3"):
        document = published_document(name[:6], name, {"statements": []}, {"estimates": []}, {}, reconstructed=False)
        storage.write_json(tmp_path / f"{name}.json", document)
    names = [item["publication"] for item in read_published(tmp_path, "2026Q1")]
    assert names == ["2025Q3", "2025Q4", "2025Q4.r2"]
    storage.write_json(tmp_path / "2025Q2.json", {"quarter": "2025Q2"})
    with pytest.raises(DataInvalid, match="lacks growths, publication, statements"):
        read_published(tmp_path, "2026Q1")
    storage.write_json(tmp_path / "notes.json", {})
    with pytest.raises(DataInvalid, match="not named for a publication"):
        read_published(tmp_path, "2026Q1")

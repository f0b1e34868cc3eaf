"""Stage backtest on the shipped ledgers, shortened: files, shapes, and the same bytes twice."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import json_documents
import numpy as np
import pytest
from race_to_efficiency import storage
from race_to_efficiency.commands import scores_view, show
from race_to_efficiency.commands.stage_lines import with_line
from race_to_efficiency.errors import InputMissing
from race_to_efficiency.evaluation.scorecard import SCORE_KEYS
from race_to_efficiency.evaluation.scoring import QUANTILE_COLUMNS
from race_to_efficiency.evaluation.targets import TARGETS
from race_to_efficiency.ledger.freshness import freshness
from race_to_efficiency.settings.params import Workspace, open_workspace
from race_to_efficiency.stages import backtest

FILES = (
    "backtest.parquet",
    "scores.parquet",
    "scores.json",
    "statements.parquet",
    "statements.json",
    "track_record.json",
    "lineage_backtest.parquet",
)


@pytest.fixture(scope="module")
def run(own_quarter: Workspace) -> tuple[Workspace, dict[str, object]]:
    for name in FILES:
        (own_quarter.processed / name).unlink()
    return own_quarter, backtest.run(own_quarter)


def test_writes_its_files_and_says_what(run: tuple[Workspace, dict[str, object]]) -> None:
    space, summary = run
    for name in FILES:
        assert (space.processed / name).is_file()
    assert 12 <= summary["statements"] <= 20  # type: ignore[operator]
    shown = with_line("backtest", summary)
    assert "too few to judge" in shown["line"]
    json_documents.check("stage", {"stage": "backtest", "quarter": "2026Q1", **shown})
    for row in storage.read_json(space.processed / "scores.json")["scores"]:
        json_documents.check("show_scores", row, "/properties/scores/items")


def test_every_target_has_a_row_at_four_quarters(run: tuple[Workspace, dict[str, object]]) -> None:
    rows = storage.read_json(run[0].processed / "scores.json")["scores"]
    assert all(tuple(row) == SCORE_KEYS for row in rows)
    at_four = {row["target"]: row for row in rows if row["horizon_quarters"] == 4}
    assert set(at_four) >= {*TARGETS, "loss.all", "all"}
    for row in at_four.values():
        assert row["verdict"] in ("pass", "fail", "too few to judge")
        assert row["n_eff"] <= row["n"]
        assert row["verdict"] == "too few to judge" or row["n_eff"] >= 20
    for row in rows:
        assert row["verdict"] != "pass" or row["skill"] > 0


def test_scores_agree_with_the_forecasts_they_are_made_of(run: tuple[Workspace, dict[str, object]]) -> None:
    folder = run[0].processed
    table, scores = (storage.read_parquet(folder / name) for name in ("backtest.parquet", "scores.parquet"))
    row = scores[(scores["target"] == "tensor16_chip") & (scores["horizon_quarters"] == 1)].iloc[0]
    own = table[(table["target"] == "tensor16_chip") & (table["horizon_quarters"] == 1) & table["observed"].notna()]
    forecast = own[own["method"] == "forecast"]
    assert row["n"] == len(forecast)
    tau = np.array([float(name[1:]) for name in QUANTILE_COLUMNS])
    error = forecast["observed"].to_numpy()[:, None] - forecast[list(QUANTILE_COLUMNS)].to_numpy()
    pinball = np.maximum(tau * error, (tau - 1) * error)
    assert row["wis"] == pytest.approx(2 * pinball.mean())
    inside = (forecast["observed"] >= forecast["q0.1"]) & (forecast["observed"] <= forecast["q0.9"])
    assert row["interval_coverage_80"] == pytest.approx(inside.mean())


def test_models_and_pooled_pit_are_stated(run: tuple[Workspace, dict[str, object]]) -> None:
    document = storage.read_json(run[0].processed / "scores.json")
    assert {item["target"] for item in document["models"]} >= set(TARGETS)
    for item in document["models"]:
        for horizon in item["horizons"]:
            assert list(horizon["weights"]) == item["members"]
            assert sum(horizon["weights"].values()) == pytest.approx(1.0)
    assert {item["target"] for item in document["bounds"]} == set(TARGETS)
    compute = next(item for item in document["bounds"] if item["target"] == "frontier_compute")
    assert 0 <= compute["power_implied_above_cap"] < 0.01
    assert [item["model"] for item in document["predecessors"]] == ["race-0.1"]
    assert sum(document["pit"][0]["shares"]) == pytest.approx(1.0)


def test_the_same_bytes_twice(run: tuple[Workspace, dict[str, object]], small_quarter: Workspace) -> None:
    for name in FILES:
        assert storage.read_bytes(small_quarter.processed / name) == storage.read_bytes(run[0].processed / name), name


def test_statements_need_gamma(small_quarter: Workspace, tmp_path: Path) -> None:
    with pytest.raises(InputMissing, match="gamma"):
        backtest.run(dataclasses.replace(small_quarter, processed=tmp_path))


def test_the_screen_of_scores_holds_40_lines_of_80_characters(run: tuple[Workspace, dict[str, object]]) -> None:
    folder = run[0].processed
    scores, record = (storage.read_json(folder / name) for name in ("scores.json", "track_record.json"))
    fresh = [item.to_json() for item in freshness(run[0].raw, run[0].quarter.as_of)]
    document = {**scores, **record, "freshness": fresh}
    json_documents.check("show_scores", document)
    found = [*scores_view.lines(document), *show.freshness_lines(document)]
    assert len(found) <= 40
    assert max(len(line) for line in found) <= 80
    for row, line in zip(document["totals"], found[2:5], strict=True):
        assert line.startswith(row["name"])
        assert line.split()[-2 if row["events"] else -1].rstrip(":") == str(row["events"])


def test_totals_are_those_of_the_rows(run: tuple[Workspace, dict[str, object]]) -> None:
    record = storage.read_json(run[0].processed / "track_record.json")
    first, remade, live = record["totals"]
    rows = record["published"]
    for total, own in (
        (first, [row for row in rows if row["model"] == "race-0.1"]),
        (remade, [row for row in rows if row["reconstructed"]]),
        (live, [row for row in rows if row["model"] != "race-0.1" and not row["reconstructed"]]),
    ):
        assert total["stated"] == len(own)
        assert total["due"] == sum(row["by"] <= "2026-03-31" for row in own)
        assert total["settled"] == sum(row["observed"] is not None for row in own)
        better = [row for row in own if row["score"] is not None and row["score_baseline"] is not None]
        assert total["with_baseline"] == len(better)
        assert total["better"] == sum(row["score"] < row["score_baseline"] for row in better)
    assert remade["void"] + remade["by_hand"] <= remade["stated"] / 10


def test_statements_document_is_json_for_the_command(run: tuple[Workspace, dict[str, object]]) -> None:
    text = storage.read_text(run[0].processed / "statements.json")
    document = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert document["quarter"] == "2026Q1"
    assert document.pop("model") == "race-0.2"
    json_documents.check("show_statements", {**document, "freshness": []})


def test_a_target_too_young_to_be_scored_has_edges_too(own_quarter: Workspace, tmp_path: Path) -> None:
    """The report shows its weights, and a number of the report rests on edges."""
    shutil.copytree(own_quarter.root, tmp_path / "young", symlinks=True)
    copied = open_workspace(tmp_path / "young", "2026Q1")
    space = dataclasses.replace(copied, params=copied.params.model_copy(update={"quarter": "2025Q2"}))
    backtest.run(space)
    scored = set(storage.read_parquet(space.processed / "backtest.parquet")["target"].astype(str))
    learnt = {item["target"] for item in storage.read_json(space.processed / "scores.json")["models"]}
    assert learnt - scored
    edges = storage.read_parquet(space.processed / "lineage_backtest.parquet")
    assert {f"backtest.{name}" for name in learnt} <= set(edges["output"])

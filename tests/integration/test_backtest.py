"""Stage backtest on the shipped ledgers, shortened: files, shapes, and the same bytes twice."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import json_documents
import numpy as np
import pytest
from race_to_efficiency import storage
from race_to_efficiency.errors import InputMissing
from race_to_efficiency.evaluation.scorecard import SCORE_KEYS
from race_to_efficiency.evaluation.scoring import QUANTILE_COLUMNS
from race_to_efficiency.evaluation.targets import TARGETS
from race_to_efficiency.settings.params import Workspace
from race_to_efficiency.stages import backtest

FILES = ("backtest.parquet", "scores.parquet", "scores.json", "statements.parquet", "statements.json")


@pytest.fixture(scope="module")
def run(own_quarter: Workspace) -> tuple[Workspace, dict[str, object]]:
    for name in FILES:
        (own_quarter.processed / name).unlink()
    return own_quarter, backtest.run(own_quarter)


def test_writes_its_files_and_says_what(run: tuple[Workspace, dict[str, object]]) -> None:
    space, summary = run
    for name in FILES:
        assert (space.processed / name).is_file()
    assert summary["statements"] >= 20  # type: ignore[operator]
    assert "too few to judge" in str(summary["line"])
    json_documents.check("stage", {"stage": "backtest", "quarter": "2026Q1", **summary})
    for row in storage.read_json(space.processed / "scores.json")["scores"]:
        json_documents.check("show_scores", row, "/properties/scores/items")


def test_every_target_has_a_row_at_four_quarters(run: tuple[Workspace, dict[str, object]]) -> None:
    rows = storage.read_json(run[0].processed / "scores.json")["scores"]
    assert all(tuple(row) == SCORE_KEYS for row in rows)
    at_four = {row["target"]: row for row in rows if row["horizon_quarters"] == 4}
    assert set(at_four) >= {*TARGETS, "loss.all"}
    for row in at_four.values():
        assert row["verdict"] in ("pass", "fail", "too few to judge")
        assert row["n_eff"] <= row["n"]
        assert row["verdict"] == "too few to judge" or row["n_eff"] >= 20


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
    assert all(item["words"] for item in document["models"])
    assert sum(document["pit"][0]["shares"]) == pytest.approx(1.0)


def test_the_same_bytes_twice(run: tuple[Workspace, dict[str, object]], small_quarter: Workspace) -> None:
    for name in FILES:
        assert storage.read_bytes(small_quarter.processed / name) == storage.read_bytes(run[0].processed / name), name


def test_statements_need_the_draws(small_quarter: Workspace, tmp_path: Path) -> None:
    early = small_quarter.params.model_copy(update={"quarter": "2024Q4"})
    with pytest.raises(InputMissing, match="gamma_draws"):
        backtest.run(dataclasses.replace(small_quarter, params=early, processed=tmp_path))


def test_statements_document_is_json_for_the_command(run: tuple[Workspace, dict[str, object]]) -> None:
    text = storage.read_text(run[0].processed / "statements.json")
    document = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert document["quarter"] == "2026Q1"
    assert len(document["statements"]) >= 20
    json_documents.check("show_statements", document)

"""The hub: read by hubverse's own reader, row for row what was published, and scored to the report's figures."""

from __future__ import annotations

import datetime as dt
import json
import re
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hubdata
import json_documents
import jsonschema
import numpy as np
import pandas as pd
import pytest
import race_to_efficiency as race
from hubdata.connect_target_data import connect_target_data
from hubdata.create_target_data_schema import TargetType
from race_to_efficiency import storage
from race_to_efficiency.cli import main
from race_to_efficiency.commands import export_hub
from race_to_efficiency.errors import UsageError
from race_to_efficiency.hub.folder import hub_files
from race_to_efficiency.hub.rows import TASK, Publication, newest
from race_to_efficiency.units import decimal_year

if TYPE_CHECKING:
    from race_to_efficiency.settings.params import Workspace

LOSSES = ("relative_loss total", "reducible_loss reducible", "relative_loss reducible")
FIRST = ("2025Q1", "2025Q2")


def document(change: dict[str, Any] | None = None) -> dict[str, Any]:
    one = {
        "id": "2025Q1.first_run",
        "what": "x",
        "by": "2030-06-30",
        "kind": "quantiles",
        "unit": "decimal year",
        "resolution_source": "a",
        "resolution_rule": "b",
        "basis": "c",
        "target": "frontier_compute",
        "target_quarter": "2030Q2",
        "threshold": 1e28,
        "quantiles": {"0.1": 2026.5, "0.5": 2027.5, "0.9": None},
        "baseline": {"method": "last_value", "quantiles": {"0.1": 2026.0, "0.5": None, "0.9": None}},
    }
    base = {"quarter": "2025Q1", "publication": "2025Q1", "statements": [one], "growths": {}}
    return base | (change or {})


@pytest.fixture(scope="module")
def documents(root: Path) -> list[dict[str, Any]]:
    """What was published, as it lies in the checkout."""
    paths = sorted((root / "data" / "published").glob("**/*.json"))
    return [json.loads(path.read_text()) for path in paths]


@pytest.fixture(scope="module")
def record(small_quarter: Workspace) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = storage.read_json(small_quarter.processed / "track_record.json")["published"]
    return rows


@pytest.fixture(scope="module")
def hub(
    small_quarter: Workspace, documents: list[dict[str, Any]], record: list[dict[str, Any]], tmp_path_factory: Any
) -> Path:
    forecast = storage.read_parquet(small_quarter.processed / "forecast.parquet")
    report = small_quarter.params.report
    made = [
        Publication(
            item,
            forecast if item["quarter"] == str(small_quarter.quarter) else None,
            report.headline_scenario,
            report.headline_anchor,
        )
        for item in documents
    ]
    folder: Path = tmp_path_factory.mktemp("hub")
    export_hub.write_folder(folder, hub_files(made, record, "0"))
    return folder


@pytest.fixture(scope="module")
def rows(hub: Path) -> pd.DataFrame:
    """All model output, as hubverse's reader gives it."""
    table: pd.DataFrame = hubdata.connect_hub(hub).to_table().to_pandas()
    return table


def model_of(item: dict[str, Any]) -> str:
    version = {"race-0.1": "v0_1", "race-0.2": "v0_2"}[item.get("model", "race-0.1")]
    return f"race-{version}{'_remade' if item.get('reconstructed') else ''}"


def test_hubverse_reads_every_statement_and_level_as_published(rows: pd.DataFrame, documents: Any) -> None:
    expected = []
    for item in documents:
        for one in item["statements"]:
            for name, held in (("", one["quantiles"]), ("_base", one["baseline"].get("quantiles"))):
                for level, value in (held or {}).items() if one["quantiles"] else ():
                    last = decimal_year(dt.date.fromisoformat(one["by"]))
                    told = last if value is None else value
                    expected.append((model_of(item) + name, item["quarter"], one["by"], float(level), told))
    told = rows[~rows["target"].isin(LOSSES)]
    quarters = [f"{day.year}Q{(day.month + 2) // 3}" for day in told["reference_date"]]
    ends = [day.isoformat() for day in told["target_end_date"]]
    found = zip(told["model_id"], quarters, ends, told["output_type_id"], told["value"], strict=True)
    assert len(expected) > 1000
    assert sorted(found) == sorted(expected)


def test_relative_loss_stands_beside_them_without_outcomes(
    hub: Path, rows: pd.DataFrame, small_quarter: Workspace
) -> None:
    headline = storage.read_json(small_quarter.processed / "headline.json")
    models = rows[rows["target"].isin(LOSSES)].groupby("model_id")
    assert len(models) > 0
    for _, own in models:
        cells = own.set_index(["target", "horizon", "output_type_id"])["value"]
        assert len(own) == len(headline) * 23
        for item in headline:
            key = (f"{item['target']} {item['form']}", 12 * item["years"])
            for name, level in (("low80", 0.1), ("median", 0.5), ("high80", 0.9)):
                assert cells[(*key, level)] == item[name]
    outcomes = connect_target_data(hub, TargetType.ORACLE_OUTPUT).to_table().to_pandas()
    assert not set(outcomes["target"]) & set(LOSSES)


def test_outcomes_are_the_track_records(hub: Path, record: list[dict[str, Any]]) -> None:
    outcomes = connect_target_data(hub, TargetType.ORACLE_OUTPUT).to_table().to_pandas()
    known = [item for item in record if item["observed"] is not None and item["kind"] == "quantiles"]
    known = [item for item in known if "reconstructed" not in item["publication"]]
    assert {item["observed"] for item in known} == set(outcomes["oracle_value"])
    assert list(outcomes.columns) == [*TASK, "oracle_value"]
    assert not outcomes.duplicated(list(TASK)).any()
    sidecar = pd.read_csv(hub / "auxiliary-data" / "statements.csv")
    settled = sidecar[sidecar["status"] == "resolved"]
    assert set(settled["observed"]) >= {item["observed"] for item in known}
    assert set(sidecar["kind"]) == {"quantiles", "probability"}


def means(record: list[dict[str, Any]], name: str) -> dict[str, tuple[int, float]]:
    """Number of the settled statements of quantiles and their mean score, by model."""
    found: dict[str, list[float]] = {}
    for item in record:
        if item["kind"] == "quantiles" and item[name] is not None and "reconstructed" not in item["publication"]:
            found.setdefault(model_of(item) + ("_base" if name == "score_baseline" else ""), []).append(item[name])
    return {model: (len(own), float(np.mean(own))) for model, own in found.items()}


def test_race_score_gives_the_reports_scores(hub: Path, rows: pd.DataFrame, record: list[dict[str, Any]]) -> None:
    expected = means(record, "score") | means(record, "score_baseline")
    found = race.score(str(hub / "auxiliary-data" / "scored.parquet")).to_json()["models"]
    assert {item["model"]: item["n"] for item in found} == {model: n for model, (n, _) in expected.items()}
    for item in found:
        assert item["wis"] == pytest.approx(expected[item["model"]][1], rel=1e-12)
    # the same from model output and outcomes as any hub holds them
    natural = rows["target"].eq("estimate") | rows["target"].str.endswith("reached")
    outcomes = connect_target_data(hub, TargetType.ORACLE_OUTPUT).to_table().to_pandas()
    sums: dict[str, float] = {}
    for part, log2 in ((rows[natural], False), (rows[~natural & ~rows["target"].isin(LOSSES)], True)):
        for item in race.score(part, outcomes, log2=log2).to_json()["models"]:
            sums[item["model"]] = sums.get(item["model"], 0.0) + item["n"] * item["wis"]
    assert {model: total / expected[model][0] for model, total in sums.items()} == pytest.approx(
        {model: mean for model, (_, mean) in expected.items()}, rel=1e-12
    )


def test_files_obey_the_rules_of_hub_validations(hub: Path) -> None:
    tasks = json.loads((hub / "hub-config" / "tasks.json").read_text())
    json_documents.check("export", tasks)
    round_ = tasks["rounds"][0]
    allowed = {item["target_metadata"][0]["target_id"]: item for item in round_["model_tasks"]}
    metadata = json.loads((hub / "hub-config" / "model-metadata-schema.json").read_text())
    files = sorted((hub / "model-output").rglob("*.parquet"))
    assert len(files) >= 10
    for path in files:
        name = re.fullmatch(r"(\d{4}-\d\d-\d\d)-([A-Za-z0-9_]+-[A-Za-z0-9_]+)", path.stem)
        assert name
        assert path.parent.name == name[2]
        model = json.loads((hub / "model-metadata" / f"{name[2]}.yml").read_text())
        jsonschema.validate(model, metadata)
        assert f"{model['team_abbr']}-{model['model_abbr']}" == name[2]
        table = pd.read_parquet(path)
        assert list(table.columns) == [*TASK, "output_type", "output_type_id", "value"]
        assert set(table["reference_date"].astype(str)) == {name[1]}
        assert np.isfinite(table["value"]).all()
        for task, own in table.groupby(list(TASK)):
            known = allowed[task[1]]
            for column, value in zip(TASK, task, strict=True):
                assert (str(value) if column.endswith("date") else value) in known["task_ids"][column]["optional"]
            assert own["output_type_id"].tolist() == known["output_type"]["quantile"]["output_type_id"]["required"]
            assert all(low <= high for low, high in pairwise(own["value"]))
            assert (task[3].year - task[0].year) * 12 + task[3].month - task[0].month == task[2]


def test_a_date_beyond_the_years_looked_at_is_the_last_of_them(tmp_path: Path) -> None:
    known = {"publication": "2025Q1", "id": "2025Q1.first_run", "observed": 2027.0}
    export_hub.write_folder(tmp_path, hub_files([Publication(document())], [known], "0"))
    table = hubdata.connect_hub(tmp_path).to_table().to_pandas().set_index(["model_id", "output_type_id"])["value"]
    last = decimal_year(dt.date(2030, 6, 30))
    assert set(hubdata.connect_hub(tmp_path).to_table().to_pandas()["horizon"]) == {63}
    assert table["race-v0_1"].to_dict() == {0.1: 2026.5, 0.5: 2027.5, 0.9: last}
    assert table["race-v0_1_base"].to_dict() == {0.1: 2026.0, 0.5: last, 0.9: last}
    scored = pd.read_parquet(tmp_path / "auxiliary-data" / "scored.parquet")
    assert set(scored["observed"]) == {2027.0}
    assert scored.groupby("model_id")["value"].max().tolist() == [last, last]


def test_each_forecaster_has_a_name_and_a_correction_takes_its_place() -> None:
    live = document({"model": "race-0.2", "reconstructed": False})
    remade = document({"model": "race-0.2", "reconstructed": True})
    revised = document({"model": "race-0.2", "reconstructed": False, "publication": "2025Q1.r2"})
    held = newest([Publication(item) for item in (document(), remade, live, revised)])
    assert [(item.model, item.document["publication"]) for item in held] == [
        ("race-v0_1", "2025Q1"),
        ("race-v0_2_remade", "2025Q1"),
        ("race-v0_2", "2025Q1.r2"),
    ]


def test_one_task_forecast_twice_is_refused() -> None:
    twice = document()
    twice["statements"] = [*twice["statements"], twice["statements"][0] | {"id": "2025Q1.again"}]
    with pytest.raises(ValueError, match="race-v0_1 forecasts a task twice"):
        hub_files([Publication(twice)], [], "0")


def test_the_command_writes_a_folder_of_its_own(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(root)
    files = hub_files([Publication(document())], [], "0")
    monkeypatch.setattr(export_hub, "hub_files", lambda _workspace: files)
    for _ in range(2):
        main(["export", "hub", "-o", str(tmp_path / "hub")])
    assert {path.relative_to(tmp_path / "hub").as_posix() for path in (tmp_path / "hub").rglob("*.*")} == set(files)
    main(["export", "hub"])
    assert json.loads(capsys.readouterr().out) == json.loads(files["hub-config/tasks.json"])
    (tmp_path / "hub" / "model-output" / "old.parquet").touch()
    with pytest.raises(UsageError, match=r"holds model-output/old\.parquet"):
        export_hub.write_folder(tmp_path / "hub", files)
    with pytest.raises(UsageError, match="would write among what"):
        export_hub.write_folder(root / "reports" / "hub", files)


def test_publications_come_with_the_headlines_curves_of_their_folders(root: Path) -> None:
    from race_to_efficiency.settings.params import open_workspace

    space = open_workspace(root, FIRST[0])
    found = [item for item in export_hub.published(space) if item.document.get("publication") == FIRST[0]]
    assert found
    for item in found:
        assert item.forecast is not None
        assert (item.forecast["scenario_id"] == item.scenario).any()
        assert (item.forecast["anchor"] == item.anchor).any()
    assert {str(item.quarter) for item in export_hub.published(space)} == {FIRST[0]}

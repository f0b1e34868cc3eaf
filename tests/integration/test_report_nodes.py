"""Every number of the report is made with outputs that a stage tells of: on the small quarter of the real ledgers."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING, Any

import pytest
import report_quarter
import yaml
from race_to_efficiency import storage
from race_to_efficiency.quarter.lineage import Edges, file_of, gathered
from race_to_efficiency.settings.params import STAGES, open_workspace
from race_to_efficiency.stages import forecast
from race_to_efficiency.stages import report as stage
from small_quarter import FEW, GROUPS, QUARTER
from small_settings import document

if TYPE_CHECKING:
    from pathlib import Path

    from race_to_efficiency.settings.params import Workspace

R = "R.constant_power.frontier_trend.5y.q0.5"
WHOLE = "L_over_L0.constant_power.frontier_trend.5y.q0.5"


@pytest.fixture(scope="module")
def numbers(small_quarter: Workspace) -> dict[str, Any]:
    found: dict[str, Any] = storage.read_json(small_quarter.processed / "report" / "numbers.json")
    return found


@pytest.fixture(scope="module")
def edges(small_quarter: Workspace) -> Edges:
    return Edges(gathered(small_quarter.processed, STAGES))


def test_every_number_is_made_with_outputs_that_are_known_to_the_last(numbers, edges):
    assert len(numbers) > 1500
    for name, entry in numbers.items():
        assert entry["nodes"], name
        for output in edges.reached(entry["nodes"]):
            assert output in edges or output.startswith("setting."), (name, output)


def test_no_number_was_read_out_of_prose(numbers):
    assert [name for name, entry in numbers.items() if re.search(r"\.said\d*$", name) or "source" in entry] == []


def test_a_number_that_is_an_estimate_is_traced_to_the_rows_of_its_fit(numbers, edges, small_quarter):
    """A fit of kappa sees every run of its group: also those that lie off the frontier it then fits."""
    runs = storage.read_parquet(small_quarter.processed / "ledger" / "training_runs.parquet")
    held = 0
    for file in ("kappa", "gamma"):
        for item in storage.read_json(small_quarter.processed / f"{file}.json")["estimates"]:
            if f"{item['id']}.value" not in numbers:
                continue
            traced = set(edges.rows(numbers[f"{item['id']}.value"]["nodes"]))
            assert set(item["rows_used"]) <= traced, item["id"]
            if item["group"] in GROUPS:
                own = runs[(runs["group"] == item["group"]) & (runs["exclusion"] == "")]
                assert traced == set("training_runs/" + own["run_id"]), item["id"]
                held += 1
    assert held > 20


def test_a_setting_that_a_number_is_made_with_stands_in_params(numbers, edges, small_quarter):
    settings = yaml.safe_load((small_quarter.root / "params.yaml").read_text(encoding="utf-8"))
    named = {output for entry in numbers.values() for output in edges.reached(entry["nodes"])}
    paths = {output.partition(".")[2] for output in named if output.startswith("setting.")}
    assert len(paths) > 20
    absent = {"fleet"}  # a key that a scenario may leave out: its meaning then stands with the model
    for path in paths:
        place = settings
        for key in path.split("."):
            place = {item["name"]: item for item in place} if isinstance(place, list) else place
            if key in absent and key not in place:
                break
            assert key in place, path
            place = place[key]


def test_a_figure_of_a_ledger_is_its_row_and_the_equation_needs_none(numbers, edges):
    shown = [entry["nodes"] for entry in numbers.values() if entry["nodes"][0].startswith("row.")]
    assert len(shown) > 10
    assert all(edges.rows([node]) == [node.removeprefix("row.")] for nodes in shown for node in nodes)
    severity = [entry["nodes"] for name, entry in numbers.items() if name.startswith("severity.")]
    assert len(severity) > 100
    assert all(edges.rows(nodes) == [] for nodes in severity)


def test_a_changed_row_is_behind_the_count_of_the_changed(numbers, edges, small_quarter):
    data = storage.read_json(small_quarter.processed / "changes.json")["data"]
    counts = 0
    for table, item in data.items():
        for kind, count in item["counts"].items():
            rows = edges.rows(numbers[f"changed_rows.{table}.{kind}"]["nodes"])
            assert rows == sorted(f"{table}/{row['id']}" for row in item[kind])
            assert len(rows) == count
            counts += count
    assert counts == len(edges.rows(numbers["changes.rows"]["nodes"])) > 0


def test_a_group_out_of_the_pool_leaves_the_trace_of_r_and_stays_in_its_own_kappas(
    numbers, edges, small_quarter, tmp_path
):
    *rest, out = GROUPS
    shutil.copytree(small_quarter.processed, tmp_path / "data" / "processed")
    fewer = {**FEW, "forecast": {**FEW["forecast"], "pool": {"total_groups": rest, "reducible_groups": rest}}}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(document(**fewer)), encoding="utf-8")
    space = open_workspace(tmp_path, QUARTER)
    forecast.run(space)
    without = Edges(gathered(space.processed, STAGES))
    forms = {R: ("kappa_total", "power_law"), WHOLE: ("kappa_reducible", "chinchilla")}
    for name, (symbol, form) in forms.items():
        own = numbers[f"{symbol}.{out}.{form}.value"]["nodes"]
        rows = set(edges.rows(own))
        assert rows
        assert rows <= set(edges.rows(numbers[name]["nodes"]))
        assert not rows & set(without.rows(numbers[name]["nodes"]))
        assert set(without.rows(own)) == rows


def test_a_number_made_with_an_output_that_no_stage_tells_of_stops_the_stage(tmp_path: Path):
    space = report_quarter.workspace(tmp_path)
    report_quarter.write_quarter(space.processed)
    (space.processed / file_of("forecast")).unlink()
    with pytest.raises(ValueError, match=r"number '[^']+' is made with '[^']+', which no stage's edges know"):
        stage.run(space)
    assert not (space.processed / "report").exists()

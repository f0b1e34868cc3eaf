"""Stage fit_gamma: reads ledgers and kappa, writes gamma.json and gamma_draws.parquet, the same bytes every time."""

from __future__ import annotations

import json
from collections.abc import Iterator

import json_documents
import numpy as np
import pandas as pd
import pytest
from gamma_views import SEED, views
from quick_fits import without_fragility
from race_to_efficiency import storage
from race_to_efficiency.calibration.common.estimates import Estimate
from race_to_efficiency.commands.stage_lines import with_line
from race_to_efficiency.errors import InputMissing, UsageError
from race_to_efficiency.settings.params import Workspace
from race_to_efficiency.settings.sections import Params
from race_to_efficiency.stages import fit_gamma
from race_to_efficiency.units import Quarter
from small_settings import section

KAPPA = {
    "estimates": [
        {"symbol": "kappa_total", "form": "power_law", "group": "pooled", "value": 0.055, "status": "weak"},
        {"symbol": "kappa_reducible", "form": "chinchilla", "group": "pooled", "value": 0.16, "status": "weak"},
    ]
}


def workspace(root, quarter="2026Q1", *, tables=None, **settings):
    params = Params.model_construct(
        quarter=quarter, seed=SEED, fit_gamma=section("fit_gamma", **{"draws": 300, **settings})
    )
    processed = root / "data" / "processed"
    tables = views(Quarter.parse(quarter).as_of.isoformat()) if tables is None else tables
    for name, frame in tables.items():
        storage.write_parquet(processed / "ledger" / f"{name}.parquet", frame)
    storage.write_json(processed / "kappa.json", KAPPA)
    return Workspace(root=root, params=params, processed=processed, reports=root / "reports")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    place = workspace(tmp_path_factory.mktemp("with a space"))
    summary = fit_gamma.run(place)
    return place, summary, storage.read_json(place.processed / "gamma.json")


@pytest.fixture
def _no_grades() -> Iterator[None]:
    """For tests of values and rows, which rest on no grade."""
    with without_fragility():
        yield


def test_it_writes_what_it_promises(run):
    place, summary, document = run
    assert document["quarter"] == "2026Q1"
    assert document["as_of"] == "2026-03-31"
    tables = ("estimates", "components", "routes", "fragility", "slope_change", "roadmap", "published")
    assert all(document[name] for name in tables)
    assert summary["estimates"] == len(document["estimates"])
    shown = with_line("fit_gamma", summary)
    assert "routes D" in shown["line"]
    json_documents.check("stage", {"stage": "fit_gamma", "quarter": "2026Q1", **shown})
    json_documents.check("show_gamma", {**document, "freshness": []})
    draws = storage.read_parquet(place.processed / "gamma_draws.parquet")
    assert len(draws) == 300
    assert np.isfinite(draws.to_numpy()).all()
    for row in document["routes"]:
        assert f"route.{row['route']}" in draws.columns


def test_every_record_is_an_estimate_and_the_ids_are_unique(run):
    _, _, document = run
    records = [Estimate.from_json(item) for item in document["estimates"]]
    assert len({record.id for record in records}) == len(records)
    for record in records:
        assert record.id == f"gamma.{record.component}.{record.estimator}"
        assert record.symbol == f"gamma_{record.component}"
    assert {row["estimate"] for row in document["components"]} <= {record.id for record in records}


def test_components_declare_what_they_cover(run):
    _, _, document = run
    for row in document["components"]:
        assert set(row["coverage"]) <= {"chip", "format", "utilisation", "algorithm"}
        assert not set(row["coverage"]) & set(row["omits"])
        assert row["basis"]
        assert row["status"] in ("trusted", "weak", "refused")
        assert row["meaning"]


def test_the_headline_and_its_status(run):
    _, _, document = run
    default = [row for row in document["routes"] if row["default"]]
    assert [row["route"] for row in default] == ["D"]
    assert default[0]["status"] == "weak"
    assert default[0]["reasons"] == ["algorithmic.mixture fails a check"]


def test_rows_used_are_named_and_known_by_the_quarters_end(run):
    _, _, document = run
    known = {
        f"{name}/{row}"
        for name, frame in views("2026-03-31").items()
        for row in frame.loc[frame["exclusion"].eq("") & frame["recorded"].le("2026-03-31")].iloc[:, 0]
    }
    for item in document["estimates"]:
        assert set(item["rows_used"]) <= known
        assert item["status"] == "refused" or item["rows_used"]


def test_two_runs_in_two_folders_write_the_same_bytes(run, tmp_path):
    place, _, _ = run
    other = workspace(tmp_path)
    fit_gamma.run(other)
    for name in ("gamma.json", "gamma_draws.parquet"):
        assert storage.read_bytes(place.processed / name) == storage.read_bytes(other.processed / name)


@pytest.mark.usefixtures("_no_grades")
def test_the_order_of_rows_does_not_matter(run, tmp_path):
    shuffled = {name: frame.sample(frac=1, random_state=1) for name, frame in views("2026-03-31").items()}
    other = workspace(tmp_path, tables=shuffled)
    fit_gamma.run(other)
    first = {item["id"]: item["value"] for item in run[2]["estimates"]}
    for item in storage.read_json(other.processed / "gamma.json")["estimates"]:
        assert item["value"] == pytest.approx(first[item["id"]], rel=1e-9, abs=1e-12), item["id"]


@pytest.mark.usefixtures("_no_grades")
def test_an_earlier_quarter_sees_its_own_rows(tmp_path):
    place = workspace(tmp_path, "2025Q2")
    fit_gamma.run(place)
    found = {item["id"]: item for item in storage.read_json(place.processed / "gamma.json")["estimates"]}
    mean = found["gamma.hardware_tensor16.mean_chip"]
    assert (mean["value"], mean["n_rows"]) == (pytest.approx(0.226, abs=5e-4), 51)
    assert max(item["window"][1] for item in found.values() if item["window"]) <= "2025-06-30"


def test_a_quarter_before_every_snapshot_refuses_in_words_and_still_writes(tmp_path):
    place = workspace(tmp_path, "2015Q4")
    summary = fit_gamma.run(place)
    document = storage.read_json(place.processed / "gamma.json")
    assert summary["refused"] > 0
    assert all(row["status"] == "refused" for row in document["routes"])
    assert all(item["reasons"] for item in document["estimates"] if item["status"] == "refused")


@pytest.mark.usefixtures("_no_grades")
def test_an_overlapping_route_stops_the_stage_and_writes_nothing(tmp_path):
    route = {"id": "twice", "components": ["mlperf_system", "algorithmic"]}
    place = workspace(tmp_path, routes=[route], default_route="twice")
    with pytest.raises(UsageError, match="both cover algorithm"):
        fit_gamma.run(place)
    assert not (place.processed / "gamma.json").exists()


def test_without_ingest_the_missing_file_is_named(tmp_path):
    params = Params.model_construct(quarter="2026Q1", seed=SEED, fit_gamma=section("fit_gamma"))
    place = Workspace(root=tmp_path, params=params, processed=tmp_path, reports=tmp_path)
    with pytest.raises(InputMissing, match=r"accelerators\.parquet"):
        fit_gamma.run(place)


def test_gamma_json_has_no_infinity(run):
    place, _, _ = run
    text = storage.read_text(place.processed / "gamma.json")
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} in gamma.json"))


@pytest.mark.usefixtures("_no_grades")
def test_withdrawing_a_row_is_seen(tmp_path):
    tables = dict(views("2026-03-31"))
    chips = tables["accelerators"].copy()
    chips.loc[chips["accelerator_id"].eq("google-tpu-v2"), "exclusion"] = "withdrawn"
    tables["accelerators"] = chips
    place = workspace(tmp_path, tables=tables)
    fit_gamma.run(place)
    found = {item["id"]: item for item in storage.read_json(place.processed / "gamma.json")["estimates"]}
    assert found["gamma.hardware_tensor16.mean_chip"]["n_rows"] == 61
    assert isinstance(chips, pd.DataFrame)

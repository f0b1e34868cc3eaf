"""Tracing: every kind of target ends at rows and citations, from a checkout, a run, and a copied folder alone."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import synthetic_quarter
from race_to_efficiency import storage
from race_to_efficiency.errors import DataInvalid, InputMissing, UsageError
from race_to_efficiency.provenance import sources
from race_to_efficiency.provenance.lineage import most_influential
from race_to_efficiency.provenance.records import QuarterRecords, open_folder, open_records
from race_to_efficiency.provenance.targets import resolve, split_quarter
from race_to_efficiency.provenance.trace import trace
from race_to_efficiency.provenance.verify import chain_state
from race_to_efficiency.quarter.forecast_lineage import curve_of
from race_to_efficiency.quarter.lineage import Lineage

KEYS = {"target", "value", "unit", "intervals", "status", "computed_by", "rows", "sources", "chain"}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthetic_quarter.publish_all(synthetic_quarter.make_checkout(tmp_path_factory.mktemp("checkout")))


@pytest.fixture
def records(checkout: Path) -> QuarterRecords:
    return open_records(synthetic_quarter.workspace(checkout, "2025Q2"))


def traced(name: str, records: QuarterRecords, place: Path) -> dict[str, Any]:
    return trace(name, records, chain_state(place, records.folder if records.published else None))


@pytest.mark.parametrize(
    "name",
    ["gamma", "kappa_total", "gamma.route.D", "kappa_total.pooled.power_law", "R5", "r_or_number"],
)
def test_a_trace_ends_at_rows_with_citations(name: str, records: QuarterRecords, checkout: Path) -> None:
    if name == "r_or_number":
        name = "forecast:scenario_id=constant_power,horizon=5"
    document = traced(name, records, checkout)
    assert set(document) >= KEYS
    assert document["rows"]["used"] == len(document["rows"]["used_ids"]) > 0
    cited = [f"{table}/{row}" for item in document["sources"] for table, rows in item["rows"].items() for row in rows]
    assert sorted(cited) == sorted(document["rows"]["used_ids"])
    assert all(item["citation"] and item["licence"] and item["recorded"] for item in document["sources"])
    assert document["chain"]["intact"]
    assert document["chain"]["published"]
    assert storage.dumps(document)


def test_gamma_is_the_value_worked_out_by_hand(records: QuarterRecords, checkout: Path) -> None:
    # as of 2025-06-30: 1e11 in 2020, 2e11 in 2022, 4e11 in 2024 (the revised figure): one doubling in two years
    document = traced("gamma", records, checkout)
    assert document["value"] == pytest.approx(0.5, rel=1e-12)
    assert document["unit"] == "doublings/yr"
    assert document["status"] == "weak"
    assert document["rows"]["used_ids"] == ["accelerators/chip-a", "accelerators/chip-b", "accelerators/chip-c"]
    assert [item["source_id"] for item in document["sources"]] == ["chips"]
    before = open_records(synthetic_quarter.workspace(checkout, "2025Q1"))
    slope = np.polyfit([2020, 2022, 2024], np.log2([1.0, 2.0, 9.0]), 1)[0]  # 9e11 stood there until 2025-05-20
    assert traced("gamma", before, checkout)["value"] == pytest.approx(slope, rel=1e-9)


@pytest.mark.parametrize(
    ("name", "code", "rows"),
    [
        ("R3", "race_to_efficiency.stages.forecast", 6),
        ("fit.loss", "race_to_efficiency.stages.fit_kappa", 3),
        ("rows.read", "race_to_efficiency.stages.ingest", 3),
        ("chip.paper", "race_to_efficiency.stages.report", 1),
        ("severity.years", "race_to_efficiency.relative_loss", 0),
    ],
)
def test_a_number_that_is_no_estimate_leads_to_what_it_was_read_from(
    name: str, code: str, rows: int, records: QuarterRecords, checkout: Path
) -> None:
    document = traced(name, records, checkout)
    assert document["computed_by"] == code
    assert document["rows"]["used"] == rows
    assert bool(document["sources"]) == bool(rows)
    assert document["value"] == records.numbers[name]["value"]


def test_a_row_shown_as_it_is_ends_at_its_own_citation(records: QuarterRecords, checkout: Path) -> None:
    (source,) = traced("chip.paper", records, checkout)["sources"]
    assert source["source_id"] == "chips"
    assert source["rows"] == {"accelerators": ["chip-b"]}


def test_excluded_rows_are_told_with_their_reason(records: QuarterRecords, checkout: Path) -> None:
    rows = traced("kappa_total", records, checkout)["rows"]
    assert rows["excluded_ids"] == [{"row": "training_runs/run-4", "reason": "outlier"}]
    assert rows["most_influential"] == [
        {"rows": ["training_runs/run-1"], "estimate": "kappa_total.pooled.power_law", "change": 0.01}
    ]
    rows = traced("gamma", records, checkout)["rows"]  # its record names none: the ledger's view does
    assert rows["excluded_ids"] == [{"row": "accelerators/chip-w", "reason": "withdrawn"}]


def test_relative_loss_is_the_forecast_s_row(records: QuarterRecords, checkout: Path) -> None:
    (target,) = resolve("forecast:horizon=5", records)
    document = traced("forecast:horizon=5", records, checkout)
    table = storage.read_parquet(checkout / "reports" / "2025Q2" / "forecast.parquet")
    assert document["value"] == table.loc[target.row, "value"]
    assert [item["id"] for item in document["derived_from"]] == ["kappa_total.pooled.power_law", "gamma.route.D"]


def readings(tmp_path: Path) -> QuarterRecords:
    """A quarter whose forecast has both readings, several levels and two groups."""
    import pandas as pd

    rows = [
        {
            "target": target,
            "scenario_id": scenario,
            "horizon": horizon,
            "output_type": "quantile",
            "output_type_id": level,
            "value": base + 0.1 * level - 0.01 * horizon,
            "unit": "1",
            "form": form,
            "anchor": "frontier_trend",
            "route": "D",
            "group": group,
            "status": "weak",
            "reasons": "anchor beyond the data",
        }
        for target, form, base in (
            ("relative_loss", "total", 0.8),
            ("reducible_loss", "reducible", 0.6),
            ("relative_loss", "reducible", 0.9),
        )
        for scenario in ("constant_power", "static")
        for horizon in (1.0, 5.0)
        for level in (0.025, 0.1, 0.5, 0.9, 0.975)
        for group in ("pooled", "chinchilla")
    ]
    root = synthetic_quarter.make_checkout(tmp_path)
    space = synthetic_quarter.workspace(root, "2025Q2")
    synthetic_quarter.run_stages(space)
    kappa = storage.read_json(space.processed / "kappa.json")
    total = kappa["estimates"][0]
    pooled = {**total, "id": "kappa_reducible.pooled.chinchilla", "symbol": "kappa_reducible", "group": "pooled"}
    member = {**total, "id": "kappa_reducible.chips.chinchilla", "symbol": "kappa_reducible", "group": "chips"}
    kappa["estimates"] = [
        {**total, "group": "pooled"},
        {**pooled, "form": "chinchilla", "rows_used": [], "rows_excluded": []},
        {**member, "form": "chinchilla", "rows_used": ["training_runs/run-2"]},
    ]
    storage.write_json(space.processed / "kappa.json", kappa)
    storage.write_parquet(space.processed / "forecast.parquet", pd.DataFrame(rows))
    lineage, code = Lineage(), "race_to_efficiency.stages.forecast"
    lineage.add("kappa_reducible.chips.chinchilla", code=code, rows=["training_runs/run-2"])
    for form, kappa_id in (
        ("total", "kappa_total.pooled.power_law"),
        ("reducible", "kappa_reducible.chips.chinchilla"),
    ):
        lineage.add(f"pool.{form}", code=code, sources=[kappa_id])
        lineage.add(curve_of("constant_power", form, "pooled"), code=code, sources=[f"pool.{form}", "gamma.route.D"])
    lineage.write(space.processed, "forecast")
    return open_records(space)


def test_r_at_five_years_comes_in_both_readings(tmp_path: Path) -> None:
    records = readings(tmp_path)
    for spelling in ("R(5)", "R(5yr)", "R( 5 years )", "R(5.0)"):
        document = traced(spelling, records, tmp_path)
        total, reducible = document["readings"]
        assert total["reading"] == "total"
        assert total["value"] == document["value"] == pytest.approx(0.8)
        assert reducible["value"] == pytest.approx(0.6)
        assert total["intervals"] == [
            {"method": "draws", "level": 0.95, "low": pytest.approx(0.7525), "high": pytest.approx(0.8475)},
            {"method": "draws", "level": 0.8, "low": pytest.approx(0.76), "high": pytest.approx(0.84)},
        ]
        assert total["status"] == "weak"
        assert total["reasons"] == ["anchor beyond the data"]
    kappas = [[x["id"] for x in item["derived_from"] if "kappa" in x["id"]] for item in (total, reducible)]
    assert kappas[0] == ["kappa_total.pooled.power_law"]
    assert kappas[1] == ["kappa_reducible.chips.chinchilla"]
    runs = [row for row in reducible["rows"]["used_ids"] if row.startswith("training_runs/")]
    assert runs == ["training_runs/run-2"]  # those of groups that do not draw took no part
    assert document["chain"] == chain_state(tmp_path, None)
    assert not document["chain"]["published"]
    only = traced("r(5)", records, tmp_path)
    assert "readings" not in only
    assert only["value"] == pytest.approx(0.6)
    with pytest.raises(UsageError, match="no R\\(2\\)"):
        resolve("R(2)", records)
    with pytest.raises(UsageError, match="one is needed"):
        resolve("forecast:horizon=5", records)
    with pytest.raises(UsageError, match="selects nothing"):
        resolve("forecast:colour=blue", records)


def test_what_bears_no_name_is_met_with_the_nearest(records: QuarterRecords) -> None:
    with pytest.raises(UsageError, match="kappa_total"):
        resolve("kapa_total", records)


@pytest.mark.parametrize(
    ("text", "name", "quarter"),
    [
        ("gamma@2026Q1", "gamma", "2026Q1"),
        ("R(5)@2026q1", "R(5)", "2026Q1"),
        ("a.b@c", "a.b@c", None),
        ("a@2025@2025Q4", "a@2025", "2025Q4"),
        ("gamma", "gamma", None),
    ],
)
def test_the_quarter_stands_behind_the_last_at_sign(text: str, name: str, quarter: str | None) -> None:
    assert split_quarter(text) == (name, quarter)


def test_a_copied_folder_traces_alone(checkout: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(checkout / "reports" / "2025Q2", tmp_path / "elsewhere"))
    here = traced("gamma", open_folder(folder), folder)
    there = traced("gamma", open_records(synthetic_quarter.workspace(checkout, "2025Q2")), checkout)
    same = KEYS - {"chain"}
    assert {key: here[key] for key in same} == {key: there[key] for key in same}
    assert here["chain"]["intact"]


def test_a_trace_tells_of_a_broken_chain(checkout: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(checkout, tmp_path / "broken"))
    page = root / "reports" / "2025Q1" / "report.html"
    page.write_bytes(page.read_bytes() + b" ")
    document = traced("gamma", open_records(synthetic_quarter.workspace(root, "2025Q2")), root)
    assert not document["chain"]["intact"]
    assert document["chain"]["first_bad"]["artefact"] == "reports/2025Q1/report.html"
    assert document["chain"]["holds"]  # the quarter asked for is whole; an earlier one is not


def test_a_quarter_that_never_ran_is_missing(checkout: Path) -> None:
    with pytest.raises(InputMissing, match="2024Q4"):
        open_records(synthetic_quarter.workspace(checkout, "2024Q4"))


def test_a_row_without_a_citation_is_refused(tmp_path: Path) -> None:
    raw = synthetic_quarter.make_checkout(tmp_path) / "data" / "raw"
    for row in ("accelerators/chip-z", "training_runs/chip-a"):
        with pytest.raises(DataInvalid, match="no citation"):
            sources.source_documents(raw, "2025-12-31", [row])
    (found,) = sources.source_documents(raw, "2025-12-31", ["accelerators/chip-b", "accelerators/chip-a"])
    assert found["rows"] == {"accelerators": ["chip-b", "chip-a"]}
    assert "CC-BY 4.0" in sources.citation_line(found)
    assert "https://chips.example/table" in sources.citation_line(found)


def test_rows_as_of_a_day_are_the_newest_version_known_then(tmp_path: Path) -> None:
    raw = synthetic_quarter.make_checkout(tmp_path) / "data" / "raw"
    versions = [
        sources.rows_as_of(raw, "accelerators", day)["chip-c"]["flop_per_joule"] for day in ("2025-05-19", "2025-05-20")
    ]
    assert versions == ["9.0e11", "4.0e11"]
    assert "chip-d" not in sources.rows_as_of(raw, "accelerators", "2025-08-31")


def test_a_row_tells_what_it_reaches(tmp_path: Path) -> None:
    space = synthetic_quarter.workspace(synthetic_quarter.make_checkout(tmp_path), "2025Q2")
    synthetic_quarter.run_stages(space)
    used = traced("training_runs/run-1", open_records(space), tmp_path)
    curve = "curve.constant_power.total.pooled"
    assert used["reaches"] == {"estimates": ["kappa_total.pooled.power_law"], "headline": [curve]}
    assert used["rows"]["used_ids"] == ["training_runs/run-1"]
    idle = traced("training_runs/run-4", open_records(space), tmp_path)
    assert idle["reaches"] == {"estimates": [], "headline": []}
    assert idle["reasons"] == ["it takes part in no number of the headline"]


def test_pairs_left_out_of_gamma_are_named(records: QuarterRecords) -> None:
    entries = [
        {
            "component": "route.D",
            "kind": "leave_two_out",
            "rows": [f"accelerators/{name}" for name in names],
            "delta": d,
        }
        for names, d in ((("chip-a", "chip-b"), -0.2), (("chip-a", "chip-c"), 0.3))
    ]
    records.documents["gamma.json"]["fragility"] = [*entries, {"component": "other", "kind": "window", "change": "x"}]
    found = most_influential([records.estimates["gamma.route.D"]], records)
    assert [item["rows"] for item in found] == [
        ["accelerators/chip-a", "accelerators/chip-c"],
        ["accelerators/chip-a", "accelerators/chip-b"],
    ]


def test_the_code_listed_is_what_the_functions_reach(records: QuarterRecords, checkout: Path, root: Path) -> None:
    files = [item["file"] for item in traced("kappa_total", records, checkout)["code"]["files"]]
    assert "pipeline/race_to_efficiency/calibration/kappa/group_fit.py" in files
    assert not any(name.startswith("pipeline/race_to_efficiency/report/") for name in files)
    assert all((root / name).is_file() for name in files)
    (equation,) = [name for name in files if name.endswith("stages/fit_kappa.py")]
    assert equation.startswith("pipeline/race_to_efficiency/")

"""MLPerf folders: scores from raw logs, and every log that is missing or cut named by its path."""

from __future__ import annotations

import csv
import json
import shutil
import statistics
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from race_to_efficiency.errors import DataInvalid, InputMissing, UsageError
from race_to_efficiency.executors.place import HERE, Place, chosen
from race_to_efficiency.executors.spread import each
from race_to_efficiency.ledger.importers import mlperf
from race_to_efficiency.ledger.importers.mlperf_logs import olympic_mean, read_log
from race_to_efficiency.ledger.importers.mlperf_rounds import ROUNDS
from race_to_efficiency.ledger.importers.mlperf_systems import availability, normalised, whole_number
from race_to_efficiency.ledger.importing import run_import
from race_to_efficiency.ledger.intake import read_ledger

RUNS = (100.0, 90.0, 110.0, 95.0, 105.0)
"""Minutes of five invented runs; without the best and the worst their mean is 100."""


def event(key: str, time_ms: float, value=None, **metadata) -> str:
    document = {
        "namespace": "",
        "time_ms": time_ms,
        "event_type": "X",
        "key": key,
        "value": value,
        "metadata": metadata,
    }
    return f"noise before :::MLLOG {json.dumps(document)}"


def log(minutes: float, status: str | None = "success", size: int = 256) -> str:
    lines = [
        event("global_batch_size", 0, size),
        event("init_start", 0),
        event("init_stop", 5),
        event("run_start", 1000),
        event("epoch_start", 1000, 1),
        event("eval_start", 1500),
        event("eval_stop", 1600),
        event("epoch_stop", 1700, 1),
    ]
    if status is not None:
        lines.append(event("run_stop", 1000 + minutes * 60_000, status=status))
    return "plain output of the program\n" + "\n".join(lines) + "\n"


SYSTEM = {
    "accelerator_model_name": "NVIDIA A100-SXM4-80GB (400W)", "accelerators_per_node": "8", "number_of_nodes": "2",
    "division": "closed", "status": "Available on-premise", "framework": "Framework 1.0",
}  # fmt: skip


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """One invented resnet result of a round nobody has published."""
    folder = tmp_path / "training_results_v9.1"
    place = folder / "Acme" / "results" / "box_n2" / "resnet"
    place.mkdir(parents=True)
    for number, minutes in enumerate(RUNS):
        (place / f"result_{number}.txt").write_text(log(minutes), encoding="utf-8")
    systems = folder / "Acme" / "systems"
    systems.mkdir()
    (systems / "box_n2.json").write_text(json.dumps(SYSTEM), encoding="utf-8")
    return folder


@pytest.fixture
def raw(root: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "raw"
    folder.mkdir()
    shutil.copy(root / "data" / "raw" / "sources.csv", folder)
    lines = (root / "data" / "raw" / "mlperf_training.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if ",resnet,NVIDIA," in line]
    (folder / "mlperf_training.csv").write_text(lines[0] + "".join(kept), encoding="utf-8")
    return folder


RESULT = "v9.1/Acme/box_n2/resnet"
RELEASED = "2031-05-20"


def bring(folder: Path, raw: Path, day: str = "2031-06-01") -> tuple[dict, dict]:
    report = run_import("mlperf", folder, raw, recorded=day, released=RELEASED).to_json()
    rows = read_ledger("mlperf_training", raw).rows
    newest = rows[rows["result_id"] == RESULT]
    return report, newest.iloc[-1].to_dict() if len(newest) else {}


def place(folder: Path, number: int) -> Path:
    return folder / "Acme" / "results" / "box_n2" / "resnet" / f"result_{number}.txt"


def test_a_result_is_scored_described_and_cited(results: Path, raw: Path) -> None:
    report, row = bring(results, raw)
    assert (report["read"], report["new"], report["quarantined"], report["flags"]) == (1, 1, 0, [])
    assert row["minutes"] == row["minutes_logs"] == pytest.approx(100.0)
    assert (row["minutes_best"], row["n_runs"], row["n_success"], row["n_logs_missing"]) == (90.0, 5, 5, 0)
    assert (row["accelerator"], row["accelerator_family"]) == ("NVIDIA A100-SXM4-80GB", "A100")
    assert row["accelerator_original"] == "NVIDIA A100-SXM4-80GB (400W)"
    assert (row["accelerator_count"], row["nodes"], row["accelerator_minutes"]) == (16, 2, 1600.0)
    assert (row["division"], row["availability"], row["global_batch_size"]) == ("closed", "available_onprem", 256.0)
    assert (row["comparable_from_round"], str(row["released"])[:10]) == ("v0.6", RELEASED)
    source = read_ledger("sources", raw).rows.set_index("source_id").loc["mlperf_training_v9.1"]
    assert "Unofficial" in source["citation"]
    assert source["licence"].startswith("Apache-2.0")


def test_the_same_folder_again_changes_nothing(results: Path, raw: Path) -> None:
    bring(results, raw)
    held = {path.name: path.read_bytes() for path in raw.glob("*.csv")}
    report, _ = bring(results, raw, "2031-07-01")
    assert (report["unchanged"], report["appended"]) == (1, 0)
    assert {path.name: path.read_bytes() for path in raw.glob("*.csv")} == held


def test_scaling_multiplies_the_score_and_not_the_best_run(results: Path, raw: Path) -> None:
    (place(results, 0).parent / "scaling.json").write_text('{"scaling_factor": 1.05}', encoding="utf-8")
    _, row = bring(results, raw)
    assert (row["minutes"], row["minutes_logs"], row["minutes_best"]) == (105.0, 100.0, 90.0)


def test_a_missing_log_is_named_by_its_path_and_the_result_is_incomplete(results: Path, raw: Path) -> None:
    place(results, 2).unlink()
    report, row = bring(results, raw)
    assert [(flag["kind"], flag["path"]) for flag in report["flags"]] == [
        ("log_missing", "Acme/results/box_n2/resnet/result_2.txt")
    ]
    assert (row["n_runs"], row["n_logs_missing"]) == (5, 1)


def test_a_missing_last_log_is_missed_because_the_rules_ask_for_five(results: Path, raw: Path) -> None:
    place(results, 4).unlink()
    report, row = bring(results, raw)
    assert [flag["path"][-12:] for flag in report["flags"]] == ["result_4.txt"]
    assert row["n_logs_missing"] == 1


@pytest.mark.parametrize("keep", [0.0, 0.2, 0.5, 0.8])
def test_a_log_cut_anywhere_is_named_and_the_result_is_incomplete(results: Path, raw: Path, keep: float) -> None:
    data = place(results, 3).read_bytes()
    place(results, 3).write_bytes(data[: int(keep * len(data))])
    report, row = bring(results, raw)
    assert [(flag["kind"], flag["path"]) for flag in report["flags"]] == [
        ("log_cut_short", "Acme/results/box_n2/resnet/result_3.txt")
    ]
    assert (row["n_success"], row["n_logs_missing"]) == (4, 1)


def test_a_log_cut_between_lines_inside_an_epoch_is_cut_all_the_same(results: Path, raw: Path) -> None:
    lines = place(results, 3).read_text(encoding="utf-8").splitlines(keepends=True)
    place(results, 3).write_text("".join(lines[:7]), encoding="utf-8")
    report, row = bring(results, raw)
    assert [flag["why"] for flag in report["flags"]] == ["cut short: ends inside epoch and eval"]
    assert row["n_logs_missing"] == 1


def test_a_run_that_ended_without_saying_how_is_flagged_and_complete(results: Path, raw: Path) -> None:
    place(results, 3).write_text(log(1.0, status=None), encoding="utf-8")
    report, row = bring(results, raw)
    assert [flag["kind"] for flag in report["flags"]] == ["log_without_run_stop"]
    assert (row["n_success"], row["n_failed"], row["n_logs_missing"]) == (4, 0, 0)
    assert row["minutes"] == pytest.approx(102.5)  # the middle two of the four that succeeded


def test_one_failed_run_counts_as_the_slowest_and_two_leave_no_score(results: Path, raw: Path) -> None:
    place(results, 3).write_text(log(1.0, "aborted"), encoding="utf-8")
    _, row = bring(results, raw)
    assert (row["n_failed"], row["minutes"]) == (1, pytest.approx(105.0))
    place(results, 1).write_text(log(1.0, "aborted"), encoding="utf-8")
    _, row = bring(results, raw, "2031-07-01")
    assert (row["n_failed"], row["minutes"] == row["minutes"]) == (2, False)


def test_times_another_result_had_before_are_a_resubmission(results: Path, raw: Path) -> None:
    bring(results, raw)
    later = results.with_name("training_results_v9.2")
    shutil.copytree(results, later)
    run_import("mlperf", later, raw, recorded="2031-12-01", released="2031-11-20")
    rows = read_ledger("mlperf_training", raw).rows.set_index("result_id")
    assert not rows.loc[RESULT, "is_resubmission"]
    assert rows.loc[RESULT.replace("v9.1", "v9.2"), "is_resubmission"]


@pytest.mark.parametrize(
    ("text", "why"),
    [("{", "not valid JSON"), ("[1]", "no JSON object"), (None, "missing")],
    ids=["broken", "no object", "absent"],
)
def test_a_result_without_a_readable_system_is_quarantined_with_the_path(
    results: Path, raw: Path, text: str | None, why: str
) -> None:
    path = results / "Acme" / "systems" / "box_n2.json"
    path.unlink() if text is None else path.write_text(text, encoding="utf-8")
    report, row = bring(results, raw)
    assert (report["read"], report["quarantined"], row) == (1, 1, {})
    assert why in report["quarantine"][0]["rule"]
    assert report["quarantine"][0]["where"].partition(":")[0].endswith("systems/box_n2.json")


def test_a_folder_that_is_no_round_is_refused(tmp_path: Path, results: Path, raw: Path) -> None:
    with pytest.raises(InputMissing):
        bring(tmp_path / "absent_v5.0", raw)
    empty = tmp_path / "training_results_v9.3"
    empty.mkdir()
    with pytest.raises(DataInvalid, match="no ORGANISATION/results"):
        bring(empty, raw)
    unnamed = results.rename(results.with_name("results"))
    with pytest.raises(DataInvalid, match="round such as"):
        bring(unnamed, raw)


@given(st.lists(st.floats(1.0, 1e4), min_size=3, max_size=12))
def test_the_olympic_mean_leaves_out_one_best_and_one_worst(times: list[float]) -> None:
    expected = (sum(times) - min(times) - max(times)) / (len(times) - 2)
    assert olympic_mean(times, 0, "resnet") == pytest.approx(expected, rel=1e-9)
    assert olympic_mean(times, 1, "resnet") == pytest.approx(statistics.fmean(sorted(times)[1:]), rel=1e-12)
    assert olympic_mean(times, 2, "resnet") is None


def test_unet3d_leaves_out_four_and_four() -> None:
    assert olympic_mean(range(1, 41), 0, "unet3d") == pytest.approx(20.5)
    assert olympic_mean(range(1, 41), 4, "unet3d") == pytest.approx(statistics.fmean(range(5, 41)))
    assert olympic_mean([], 0, "unet3d") is None


def test_odd_bytes_between_the_events_do_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "result_0.txt"
    path.write_bytes(b"\xe9 noise\n" + log(42.0).encode())
    assert read_log(path).minutes == pytest.approx(42.0)


def test_spellings_of_accelerators_in_the_ledger_follow_one_rule(root: Path) -> None:
    rows = read_ledger("mlperf_training", root / "data" / "raw").rows
    assert [normalised(name) for name in rows["accelerator_original"]] == list(rows["accelerator"])
    assert normalised("Tesla  V100-PCIE-32GB (250W)") == "NVIDIA V100-PCIe-32GB"


@pytest.mark.parametrize(
    ("status", "word"),
    [
        ("Available on-premise", "available_onprem"),
        ("onprem", "available_onprem"),
        ("Available cloud", "available_cloud"),
        ("Preview", "preview"),
        ("Research, Development, or Internal", "research"),
        ("RDI", "research"),
        ("", ""),
    ],
)
def test_availability_in_one_vocabulary(status: str, word: str) -> None:
    assert availability(status) == word


def test_counts_are_read_from_the_start_of_a_field() -> None:
    assert whole_number({"n": "8 (per node)"}, "n", 0) == 8
    assert whole_number({"n": "N/A"}, "n", 1) == 1


def test_the_table_of_rounds_is_what_the_ledger_has_and_tells_the_newest(root: Path) -> None:
    held: dict[str, set[str]] = {}
    with (root / "data" / "raw" / "mlperf_training.csv").open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            held.setdefault(row["round"], set()).add(row["released"])
    assert all({ROUNDS[number].isoformat()} == days for number, days in held.items())
    assert ROUNDS["v5.1"].isoformat() == "2025-11-12"


@pytest.mark.parametrize("recorded", [None, "2026-07-20", "2025-11-12"])
def test_a_round_is_released_when_it_was_published_whenever_it_is_imported(
    results: Path, raw: Path, recorded: str | None
) -> None:
    """Both clocks: what the option says, what the ledger knows of the round; never the day of import."""
    report = run_import("mlperf", results, raw, recorded=recorded, released="2025-11-12").to_json()
    row = read_ledger("mlperf_training", raw).rows.iloc[-1]
    source = read_ledger("sources", raw).rows.iloc[-1]
    for line in (row, source):
        assert f"{line['released']:%Y-%m-%d}" == "2025-11-12"
        assert f"{line['recorded']:%Y-%m-%d}" == (recorded or "2025-11-12") == report["recorded"]
        assert line["recorded_basis"] == ("assumed_released" if recorded is None else "stated")
    assert source["year"] == 2025
    add_result(results, "bert")
    run_import("mlperf", results, raw, recorded="2026-08-01")
    again = read_ledger("mlperf_training", raw).rows.iloc[-1]
    assert (again["benchmark"], f"{again['released']:%Y-%m-%d}") == ("bert", "2025-11-12")


def test_a_round_nobody_knows_the_day_of_is_asked_about(results: Path, raw: Path) -> None:
    before = {path.name: path.read_bytes() for path in raw.glob("*.csv")}
    for words in ({"recorded": "2026-07-20"}, {}):
        with pytest.raises(UsageError, match=r"v9\.1 published") as caught:
            run_import("mlperf", results, raw, **words)
        assert "--released" in str(caught.value.remedy)
    with pytest.raises(UsageError, match="not a date"):
        run_import("mlperf", results, raw, recorded="2026-07-20", released="soon")
    assert {path.name: path.read_bytes() for path in raw.glob("*.csv")} == before


@pytest.mark.upstream
@pytest.mark.parametrize("recorded", [None, "2026-07-20"])
def test_the_results_of_v5_1_have_the_rounds_date_either_way(
    root: Path, shared: Path, tmp_path: Path, recorded: str | None
) -> None:
    raw = Path(shutil.copytree(root / "data" / "raw", tmp_path / "raw"))
    ledger = raw / "mlperf_training.csv"
    lines = ledger.read_text(encoding="utf-8").splitlines(keepends=True)
    ledger.write_text("".join(line for line in lines if not line.startswith("v5.1/")), encoding="utf-8")
    before = len(read_ledger("mlperf_training", raw).rows)
    folder = shared / "data" / "upstream" / "mlperf_training_v5.1"
    report = run_import("mlperf", folder, raw, recorded=recorded).to_json()
    assert (report["read"], report["new"], report["quarantined"]) == (7, 7, 0)
    rows = read_ledger("mlperf_training", raw).rows.iloc[before:]
    assert {f"{day:%Y-%m-%d}" for day in rows["released"]} == {"2025-11-12"}
    assert {f"{day:%Y-%m-%d}" for day in rows["recorded"]} == {recorded or "2025-11-12"}
    facts = pd.read_csv(shared / "data" / "facts" / "mlperf_training_v5.1.csv")
    both = rows.merge(facts, on=["submitter", "system", "benchmark"], suffixes=("", "_facts"))
    assert len(both) == 7
    assert both["minutes"].to_numpy(float) == pytest.approx(both["minutes_facts"].to_numpy(float), rel=1e-6)


@pytest.mark.upstream
def test_the_sample_of_v5_0_gives_the_ledgers_rows_to_the_printed_digits(
    root: Path, shared: Path, tmp_path: Path
) -> None:
    raw = Path(shutil.copytree(root / "data" / "raw", tmp_path / "raw"))
    folder = shared / "data" / "upstream" / "mlperf_training_v5.0"
    report = run_import("mlperf", folder, raw, recorded="2026-03-31").to_json()
    assert (report["read"], report["unchanged"], report["appended"]) == (7, 7, 0)
    assert [(flag["kind"], flag["path"]) for flag in report["flags"]] == [
        ("log_without_run_stop", "tinycorp/results/tinybox_green/retinanet/result_4.txt")
    ]


def add_result(results: Path, name: str) -> Path:
    """Add a second result of the same system, sound in every part."""
    place = results / "Acme" / "results" / "box_n2" / name
    place.mkdir()
    for number, minutes in enumerate(RUNS):
        (place / f"result_{number}.txt").write_text(log(minutes + 7), encoding="utf-8")
    return place


DEEP = "[" * 50_000 + "]" * 50_000
BAD_FILES = {
    "a log line that is JSON and no event": ("result_0.txt", log(100.0) + ":::MLLOG 3\n", "no event"),
    "an event without a time": ("result_0.txt", log(100.0) + ':::MLLOG {"key": "x"}\n', "no event"),
    "an event at no time": ("result_0.txt", log(100.0) + ':::MLLOG {"key": "x", "time_ms": "1"}\n', "no event"),
    "metadata that are none": ("result_0.txt", log(100.0) + ':::MLLOG {"time_ms": 1, "metadata": [1]}\n', "no event"),
    "a log of NULs": ("result_0.txt", "\0" * 50, "NUL"),
    "a deep scaling file": ("scaling.json", DEEP, "more than 64 deep"),
    "a scaling factor without end": ("scaling.json", '{"scaling_factor": 1e999}', "no finite number"),
    "a scaling factor of nothing": ("scaling.json", '{"scaling_factor": 0}', "no positive scaling_factor"),
    "a scaling factor that is none": ("scaling.json", '{"scaling_factor": [1]}', "no positive scaling_factor"),
    "two scaling factors": ("scaling.json", '{"scaling_factor": 1, "scaling_factor": 2}', "scaling_factor twice"),
    "a scaling file that is no object": ("scaling.json", "3", "no JSON object"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_one_bad_file_costs_one_result_and_not_the_round(results: Path, raw: Path, name: str) -> None:
    file, text, why = BAD_FILES[name]
    (add_result(results, "unet3d") / file).write_text(text, encoding="utf-8")
    report, row = bring(results, raw)
    assert (report["read"], report["new"], report["quarantined"]) == (2, 1, 1)
    assert row["minutes"] == 100.0
    assert why in report["quarantine"][0]["rule"]
    assert file in report["quarantine"][0]["where"]


def test_a_link_to_a_log_that_is_gone_costs_one_result(results: Path, raw: Path) -> None:
    place = add_result(results, "unet3d")
    (place / "result_3.txt").unlink()
    (place / "result_3.txt").symlink_to(place / "gone.txt")
    report, _ = bring(results, raw)
    assert (report["new"], report["quarantined"]) == (1, 1)


@pytest.mark.parametrize(("threshold", "asked"), [(1, Place(2)), (10**9, HERE)])
def test_a_round_read_by_other_processes_is_the_same_import(
    results: Path, raw: Path, monkeypatch: pytest.MonkeyPatch, threshold: int, asked: Place
) -> None:
    """The bad log among them comes back as the error it is, with its place; a small round starts no process."""
    (add_result(results, "unet3d") / "result_0.txt").write_text("\0" * 50, encoding="utf-8")
    used = []

    def noted(function, items, *, place, size):
        used.append(place)
        return each(function, items, place=place, size=size)

    def dry() -> dict:
        return run_import("mlperf", results, raw, recorded="2031-06-01", released=RELEASED, dry_run=True).to_json()

    monkeypatch.setattr(mlperf, "each", noted)
    with chosen(HERE):
        alone = dry()
    monkeypatch.setattr(mlperf, "SHARED_OUT_BYTES", threshold)
    with chosen(Place(2)):
        assert dry() == alone
    assert used == [HERE, asked]
    assert (alone["new"], alone["quarantined"]) == (1, 1)


def test_a_garbled_line_in_a_whole_log_costs_nothing_and_names_we_do_not_read_may_repeat(
    results: Path, raw: Path
) -> None:
    place = results / "Acme" / "results" / "box_n2" / "resnet"
    (place / "result_0.txt").write_text(log(RUNS[0]) + ":::MLLOG {broken\n" + f":::MLLOG {DEEP}\n", encoding="utf-8")
    text = json.dumps(SYSTEM)
    (results / "Acme" / "systems" / "box_n2.json").write_text(
        text.replace("{", '{"accelerator_frequency": "", "accelerator_frequency": "1590MHz", '), encoding="utf-8"
    )
    report, row = bring(results, raw)
    assert (report["quarantined"], row["minutes"]) == (0, 100.0)

"""The speedrun records and the neutral training-runs table, which asks for what is missing."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from known_ledgers import without_news
from race_to_efficiency.errors import DataInvalid
from race_to_efficiency.ledger.importing import run_import
from race_to_efficiency.ledger.intake import read_ledger

GROUPS = ("chinchilla_besiroglu2024", "gadre2024_c4")


@pytest.fixture
def raw(root: Path, tmp_path: Path) -> Path:
    """Ledgers of these tables, of the training runs two groups: each import compares its rows with all there are."""
    folder = tmp_path / "raw"
    folder.mkdir()
    for name in ("sources", "speedrun_records"):
        shutil.copy(root / "data" / "raw" / f"{name}.csv", folder)
    header, *lines = (root / "data" / "raw" / "training_runs.csv").read_text("utf-8").splitlines(keepends=True)
    kept = [line for line in lines if line.split(",")[1] in GROUPS]
    (folder / "training_runs.csv").write_text(header + "".join(kept), encoding="utf-8")
    return folder


README = """# A speedrun

text with a | bar in it

## World record history

| # | Record time | Description | Date | Log | Contributors |
| - | - | - | - | - | - |
1 | 45 minutes | [first](https://x) | 05/28/24 | [log](a/b.log) | @a, b
2 | 31.4 minutes | [second](https://x) | 06/06/24 | none | @a
| 90 | 1.337 minutes | [new](https://x) | 04/02/26 | [log](c) | @c |
90 | 1.341 minutes | re-timed | 04/03/26 | none | @c
91 | soon | not yet | 04/04/26 | none | @c
92 | 1.3 minutes | no day | later | none | @c

## Speedrun track 2: medium

| # | Record time | Description | Date | Log | Contributors |
| - | - | - | - | - | - |
1 | 5.8 hours | [first](https://x) | 05/28/24 | none | @a
"""


def test_the_readmes_tables_are_read_by_track(raw: Path, tmp_path: Path) -> None:
    path = tmp_path / "README-2026-04-05.md"
    path.write_text(README, encoding="utf-8")
    report = run_import("speedrun", path, raw).to_json()
    assert [report[name] for name in ("read", "unchanged", "new", "revised", "quarantined")] == [7, 3, 2, 0, 2]
    assert [(p["line"], p["column"]) for p in report["quarantine"]] == [(13, "record_time_s"), (14, "released")]
    rows = read_ledger("speedrun_records", raw).rows.set_index("record_id")
    assert rows.loc["track1-090", "record_time_s"] == 80.22
    assert (rows.loc["track1-090", "loss_target_nats"], rows.loc["track1-090", "hardware"]) == (3.28, "8x NVIDIA H100")
    assert rows.loc["track1-090b", "run_flags"] == "retiming_not_new_record"
    assert str(rows.loc["track1-090", "released"])[:10] == "2026-04-02"
    held = (raw / "speedrun_records.csv").read_bytes()
    assert run_import("speedrun", path, raw).to_json()["appended"] == 0
    assert (raw / "speedrun_records.csv").read_bytes() == held


def test_the_records_as_csv_in_the_ledgers_own_columns(raw: Path, tmp_path: Path) -> None:
    path = tmp_path / "records-2026-04-05.csv"
    shutil.copy(without_news(raw) / "speedrun_records.csv", path)
    report = run_import("speedrun", path, raw).to_json()
    assert (report["read"], report["unchanged"], report["quarantined"]) == (97, 97, 0)


HEADER = "track,record_no,released,record_time_s,reported"


def delivered(raw: Path, tmp_path: Path, *lines: str) -> dict:
    path = tmp_path / "records-2026-08-01.csv"
    path.write_text("\n".join([HEADER, *lines]) + "\n", encoding="utf-8")
    return run_import("speedrun", path, raw, dry_run=True).to_json()


@pytest.mark.parametrize(
    ("line", "column", "value"),
    [
        ("1,88,2026-07-03,1:18.2,1.3 minutes", "record_time_s", "1:18.2"),
        ("1,88,2026-07-03,,soon", "record_time_s", "soon"),
        ("1,88th,2026-07-03,78.2,", "record_no", "88th"),
        ("1,88,2026-07,78.2,", "released", "2026-07"),
    ],
)
def test_the_cell_that_cannot_be_read_is_the_one_that_is_named(raw, tmp_path, line, column, value) -> None:
    report = delivered(raw, tmp_path, line, "1,89,2026-07-15,77.1,1.285 minutes")
    assert [(p["line"], p["column"], p["value"]) for p in report["quarantine"]] == [(2, column, value)]
    assert (report["new"], report["flags"]) == (1, [])


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("1,88,2026-07-03,780.2,", "no record: 75.36 s was reached before"),
        ("1,88,2026-07-03,7.8,", "9.7 times as fast"),
        ("1,88,2026-07-03,78.2,1.266 minutes", "75.96 s"),
        ("1,88,2026-07-03,78.2,1.304 minutes", None),
        ("1,88,2026-07-03,82.2,", None),
        ("2,188,2026-07-03,780.2,", None),
        ("1,88,2024-07-03,1500,", None),
        ("1,5,2024-10-14,780.2,", None),
    ],
)
def test_a_record_that_may_be_a_slip_is_flagged_and_no_other(raw, tmp_path, line, why) -> None:
    flags = delivered(raw, tmp_path, line)["flags"]
    assert [flag["kind"] for flag in flags] == ["record_time"] * (why is not None)
    assert why is None or re.search(why, flags[0]["why"])


@pytest.mark.parametrize("text", ["# nothing here\n", "a,b\n1,2\n", "| # | time |\n| - | - |\n| 1 | 2 |\n"])
def test_a_file_without_a_records_table_is_refused(raw: Path, tmp_path: Path, text: str) -> None:
    path = tmp_path / "README-2026-04-05.md"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataInvalid, match="no records table"):
        run_import("speedrun", path, raw)


NOTE = """\
source_id: finch2026
title: Small birds scale
authors: Finch and Wren
year: 2026
identifier: arXiv 2601.00001
licence: CC-BY 4.0
family: finch
loss_unit: nats/token
released: 2026-01-15
constants: {model_family: Finch, dataset: Seeds}
"""

TABLE = "Model Size,Training FLOP,loss,colour\n1e8,6e18,3.2,red\n2e8,2.4e19,2.9,blue\n"


def delivery(folder: Path, table: str = TABLE, note: str | None = NOTE) -> Path:
    path = folder / "finch-2026-02-01.csv"
    path.write_text(table, encoding="utf-8")
    if note is not None:
        (folder / "finch-2026-02-01.source.yaml").write_text(note, encoding="utf-8")
    return path


def test_a_new_group_enters_with_its_citation(raw: Path, tmp_path: Path) -> None:
    report = run_import("training-runs", delivery(tmp_path), raw).to_json()
    assert (report["read"], report["new"], report["appended"]) == (2, 2, 2)
    rows = read_ledger("training_runs", raw)
    assert rows.quarantined.empty
    run = rows.rows.set_index("run_id").loc["finch2026-001"]
    assert (run["params"], run["tokens"], run["compute_flop"]) == (2e8, 2.4e19 / (6 * 2e8), 2.4e19)
    assert (run["compute_basis"], run["group"], run["cluster"]) == ("c_over_6n", "finch2026", "finch2026-001")
    assert (str(run["released"])[:10], str(run["recorded"])[:10], run["recorded_basis"]) == (
        "2026-01-15",
        "2026-02-01",
        "stated",
    )
    source = read_ledger("sources", raw).rows.set_index("source_id").loc["finch2026"]
    assert source["citation"] == "Finch and Wren (2026). Small birds scale. arXiv 2601.00001."
    assert (source["licence"], source["family"]) == ("CC-BY 4.0", "finch")
    held = {path.name: path.read_bytes() for path in raw.glob("*.csv")}
    assert run_import("training-runs", delivery(tmp_path), raw).to_json()["unchanged"] == 2
    assert {path.name: path.read_bytes() for path in raw.glob("*.csv")} == held


@pytest.mark.parametrize(
    ("note", "asked"),
    [
        (None, ["model_family", "dataset", "source_id", "released"]),
        (NOTE.replace("licence: CC-BY 4.0\n", ""), ["licence"]),
        (NOTE.replace("constants: {model_family: Finch, dataset: Seeds}\n", ""), ["model_family", "dataset"]),
        (NOTE + "columns: {loss_nats: loss}\n", ["two of params, tokens, compute_flop"]),
    ],
)
def test_what_is_missing_is_asked_for_by_name_and_nothing_is_written(
    raw: Path, tmp_path: Path, note: str | None, asked: list[str]
) -> None:
    held = {path.name: path.read_bytes() for path in raw.iterdir() if path.is_file()}
    with pytest.raises(DataInvalid) as caught:
        run_import("training-runs", delivery(tmp_path, note=note), raw)
    assert all(name in str(caught.value.why) for name in asked)
    assert "finch-2026-02-01.source.yaml" in str(caught.value.remedy)
    assert {path.name: path.read_bytes() for path in raw.iterdir() if path.suffix == ".csv"} == held


def test_a_group_no_source_stands_for_is_asked_for(raw: Path, tmp_path: Path) -> None:
    table = (
        "run_id,group,model_family,dataset,params,tokens,loss_nats,released\na,robin2026,R,S,1e8,2e9,3.0,2026-01-01\n"
    )
    with pytest.raises(DataInvalid, match="a source record for 'robin2026'"):
        run_import("training-runs", delivery(tmp_path, table, note=None), raw)


def test_bad_rows_are_quarantined_one_by_one(raw: Path, tmp_path: Path) -> None:
    table = TABLE + "1e8,,3.1,red\n1e8,6e18,low,red\n1e8,6e18,-3,red\n1e8,6e18\n3e8,5.4e19,2.8,red\n"
    report = run_import("training-runs", delivery(tmp_path, table), raw).to_json()
    assert (report["read"], report["new"], report["quarantined"]) == (7, 3, 4)
    assert [(p["line"], p["column"], p["rule"]) for p in report["quarantine"]] == [
        (4, "compute_flop", "two of params, tokens, compute_flop"),
        (5, "loss_nats", "not a number"),
        (6, "loss_nats", "not positive"),
        (7, "", "4 cells (found 2)"),
    ]


@pytest.mark.parametrize("table", ["<html>\n", "a;b;c\n1;2;3\n", "loss\n", "", "run_id,loss\n"])
def test_what_is_no_table_of_runs_is_refused(raw: Path, tmp_path: Path, table: str) -> None:
    with pytest.raises(DataInvalid):
        run_import("training-runs", delivery(tmp_path, table), raw)


def test_tokens_times_params_give_compute_and_the_table_may_say_all_three(raw: Path, tmp_path: Path) -> None:
    table = "run_id,params,tokens,compute_flop,loss_nats,cluster\na,1e8,2e9,,3.0,m\nb,1e8,2e9,1.3e18,3.0,m\n"
    run_import("training-runs", delivery(tmp_path, table), raw)
    rows = read_ledger("training_runs", raw).rows.set_index("run_id")
    assert (rows.loc["finch2026-a", "compute_flop"], rows.loc["finch2026-a", "compute_basis"]) == (1.2e18, "6nd")
    assert (rows.loc["finch2026-b", "compute_flop"], rows.loc["finch2026-b", "compute_basis"]) == (1.3e18, "stated")
    assert set(rows.loc[["finch2026-a", "finch2026-b"], "cluster"]) == {"m"}


def test_compute_alone_is_a_run_and_the_unit_of_the_loss_is_the_sources(raw: Path, tmp_path: Path) -> None:
    note = NOTE.replace("loss_unit: nats/token", "loss_unit: bytes of Wren, bits/byte")
    run_import("training-runs", delivery(tmp_path, "run_id,compute_flop,loss_nats\na,1e18,0.9\n", note), raw)
    row = read_ledger("training_runs", raw).rows.set_index("run_id").loc["finch2026-a"]
    assert (row["compute_flop"], row["compute_basis"], row["loss_unit"]) == (1e18, "stated", "bits/byte")
    assert np.isnan(row["params"])
    assert np.isnan(row["tokens"])


def test_a_unit_in_the_table_rules_and_one_no_ledger_knows_is_quarantined(raw: Path, tmp_path: Path) -> None:
    table = "run_id,compute_flop,loss_nats,loss_unit\na,1e18,0.9,nats/byte\nb,1e18,0.9,\nc,1e18,0.9,bits/word\n"
    report = run_import("training-runs", delivery(tmp_path, table), raw).to_json()
    units = read_ledger("training_runs", raw).rows.set_index("run_id")["loss_unit"]
    assert (units["finch2026-a"], units["finch2026-b"]) == ("nats/byte", "nats/token")
    assert [(p["line"], p["column"]) for p in report["quarantine"]] == [(4, "loss_unit")]


CHINCHILLA = """\
source_id: chinchilla_besiroglu2024
run_id_prefix: chinchilla-
constants: {model_family: Chinchilla, dataset: MassiveText}
"""


@pytest.mark.upstream
def test_the_published_chinchilla_points_are_the_ledgers(raw: Path, shared: Path, tmp_path: Path) -> None:
    original = shared / "data" / "upstream" / "besiroglu2024_chinchilla" / "svg_extracted_data.csv"
    path = delivery(tmp_path, original.read_text(encoding="utf-8"), CHINCHILLA)
    report = run_import("training-runs", path, raw).to_json()
    assert (report["read"], report["unchanged"], report["appended"]) == (245, 245, 0)


@pytest.mark.upstream
def test_the_published_gadre_points_are_the_ledgers(raw: Path, shared: Path, tmp_path: Path) -> None:
    lines = (
        (shared / "data" / "upstream" / "gadre2024" / "models.csv")
        .read_text(encoding="utf-8")
        .splitlines(keepends=True)
    )
    kept = [line for line in lines if line.startswith(("name,", "c4_original"))]
    note = (
        "source_id: gadre2024_c4\nrun_id_prefix: gadre-\nconstants: {model_family: OpenLM, dataset: C4}\n"
        "columns: {run_id: name, params: params, tokens: tokens, loss_nats: loss_c4_val}\n"
    )
    report = run_import("training-runs", delivery(tmp_path, "".join(kept), note), raw).to_json()
    assert (report["read"], report["unchanged"], report["appended"]) == (34, 34, 0)

"""A run counts once: repeated runs are found over sources, and a split row is proposed as one."""

from __future__ import annotations

import csv
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
from race_to_efficiency.ledger.importing import run_import
from race_to_efficiency.ledger.intake import read_ledger
from race_to_efficiency.ledger.repeats import repeated_runs, split_rows

RECORD = """
source_id: someone2026
title: Runs seen elsewhere
authors: Someone
year: 2026
identifier: arXiv 2601.00001
licence: none stated; figures only
family: someone
loss_unit: nats/token
released: 2026-01-15
constants: {model_family: Llama, dataset: C4}
"""


@pytest.fixture
def raw(root: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(root / "data" / "raw", tmp_path / "raw"))


def test_runs_that_another_source_has_are_told_and_left_out(raw: Path, tmp_path: Path) -> None:
    """Three runs of the ledger under new names, one of them rounded, beside two of its own; one repeated within."""
    held = read_ledger("training_runs", raw).rows
    known = held[held["group"] == "gadre2024_c4"].head(3)
    rows = [[row["params"], row["tokens"], row["loss_nats"]] for row in known.to_dict("records")]
    rows[2][2] = float(f"{rows[2][2]:.4g}")
    rows += [[3.1e8, 6.2e9, 3.1234], [3.3e8, 6.2e9, 3.0123], [3.1e8, 6.2e9, 3.1234]]
    path = tmp_path / "someone-2026-02-01.csv"
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([["params", "tokens", "loss_nats"], *rows])
    path.with_suffix("").with_suffix(".source.yaml").write_text(RECORD, encoding="utf-8")
    report = run_import("training-runs", path, raw, fitted_groups={"gadre2024_c4"}).to_json()
    assert (report["read"], report["new"], report["excluded"]) == (6, 2, 4)
    told = [item["rule"] for item in report["exclusions"]]
    assert all(f"the run is {name} of gadre2024_c4" in rule for name, rule in zip(known["run_id"], told, strict=False))
    assert told[3].startswith("the run is someone2026-003 of someone2026")
    (flag,) = (flag for flag in report["flags"] if flag["kind"] == "group_not_fitted")
    assert flag["add"] == "  - group: someone2026\n    family: someone"
    assert len(read_ledger("training_runs", raw).rows) == len(held) + 2
    again = run_import("training-runs", path, raw).to_json()
    assert (again["unchanged"], again["new"], again["excluded"], again["appended"]) == (2, 0, 4, 0)


def test_the_ledger_s_runs_are_compared_as_pandas_finds_them(root: Path) -> None:
    """On exact figures the finder and pandas' `duplicated` name the same rows."""
    rows = read_ledger("training_runs", root / "data" / "raw").rows
    figures = ["params", "tokens", "loss_nats"]
    stated = rows.dropna(subset=figures)
    exact = stated[stated.duplicated(figures, keep="first")]
    texts = rows[["run_id", "source_id", *figures]].astype(str).replace("nan", "").to_dict("records")
    cells = dict(enumerate(texts))
    found = repeated_runs("training_runs", "run_id", [], cells)
    assert {rows["run_id"].iloc[at] for at in found} >= set(exact["run_id"])


def test_one_row_split_into_several_is_proposed_as_one_training_run() -> None:
    def row(name: str, compute: str = "1e24", hours: str = "1000") -> dict[str, str]:
        return {"model_id": name, "compute_flop": compute, "hours": hours}

    parts = [row("big-chat"), row("big-code"), row("other", "2e24"), row("undated", "1e24", "")]
    (found,) = split_rows("notable_training_runs", "model_id", [row("big"), row("gone", "3e24")], parts)
    assert (found["parent"], found["rows"]) == ("big", ["big-chat", "big-code"])
    assert split_rows("notable_training_runs", "model_id", [row("big")], parts[:1]) == []
    unknown = [row(name, hours="") for name in ("big", "a", "b")]
    assert split_rows("notable_training_runs", "model_id", unknown[:1], unknown[1:]) == []
    assert split_rows("accelerators", "model_id", [row("big")], parts) == []


@pytest.mark.upstream
def test_the_news_of_2026q2_is_counted_as_another_comparison_does(root: Path, shared: Path, tmp_path: Path) -> None:
    """Two exports of the publisher laid side by side in pandas, and the records table against the ledger's file."""
    raw = Path(shutil.copytree(root / "data" / "raw", tmp_path / "raw"))
    for name, day in (("accelerators", "2026-03-31"), ("speedrun_records", "2026-03-31")):
        frame = pd.read_csv(raw / f"{name}.csv", dtype=str, keep_default_na=False)
        frame[frame["recorded"] <= day].to_csv(raw / f"{name}.csv", index=False, lineterminator="\n")
    news = shared / "data" / "news"
    old = pd.read_csv(shared / "data" / "upstream" / "epoch_ml_hardware" / "2026-03-31.csv", dtype=str)
    new = pd.read_csv(news / "epoch_ml_hardware" / "2026-05-12.csv", dtype=str)
    both = old.merge(new, on="Hardware name", suffixes=("", " now"), how="outer", indicator=True)
    unused = re.compile("bit|MHz|Notes")
    shown = [name for name in old.columns if name + " now" in both and not unused.search(name)]
    shown = [name for name in shown if "(" in name or name in ("Release date", "Type")]
    common = both[both["_merge"] == "both"]
    differs = pd.DataFrame({name: common[name].fillna("") != common[name + " now"].fillna("") for name in shown})
    report = run_import("epoch-hardware", news / "epoch_ml_hardware" / "2026-05-12.csv", raw).to_json()
    assert report["read"] == len(new)
    assert report["new"] == int((both["_merge"] == "right_only").sum())
    assert report["withdrawn"] == int((both["_merge"] == "left_only").sum())
    assert report["revised"] == int(differs.any(axis=1).sum()) == len(report["new_rows"]) - report["new"]
    assert len(report["revisions"]) == int(differs.to_numpy().sum())
    records = pd.read_csv(news / "speedrun" / "speedrun_2026-06-30.csv", dtype=str)
    held = pd.read_csv(raw / "speedrun_records.csv", dtype=str)
    fresh = ~records["record_no"].isin(held.loc[held["track"] == "1", "record_no"])
    report = run_import("speedrun", news / "speedrun" / "speedrun_2026-06-30.csv", raw).to_json()
    assert (report["read"], report["new"]) == (len(records), int(fresh.sum()))
    assert [row["value"] for row in report["new_rows"]] == records["record_time_s"].astype(float).tolist()

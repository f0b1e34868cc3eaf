"""An import against the ledger: counts, versions, renames, flags, older exports; always the same views either way."""

from __future__ import annotations

import csv
import datetime as dt
import itertools
import random
import re
import shutil
from pathlib import Path

import pytest
from known_ledgers import without_news
from race_to_efficiency import checkout
from race_to_efficiency.cells.text import tidy
from race_to_efficiency.errors import DataInvalid, UsageError
from race_to_efficiency.ledger.history import History
from race_to_efficiency.ledger.importing import recorded_date, run_import
from race_to_efficiency.ledger.intake import read_ledger
from race_to_efficiency.ledger.names import name_similarity
from race_to_efficiency.ledger.proposals import RenameEnd, propose
from race_to_efficiency.ledger.schemas import TABLES
from race_to_efficiency.ledger.suspicion import change_flag
from race_to_efficiency.ledger.vintages import view_of

COLUMNS = (
    "Hardware name", "Manufacturer", "Type", "Release date", "TDP (W)", "Tensor-FP16/BF16 performance (FLOP/s)",
    "FP32 (single precision) performance (FLOP/s)", "Memory (bytes)", "Release price (USD)",
)  # fmt: skip


def chip(
    name: str, maker: str = "Acme", released: str = "2024-05-01", tdp=300, fp16=1e15, fp32=6e13, memory=80e9, price=""
) -> list:
    return [name, maker, "GPU", released, tdp, fp16, fp32, memory, price]


CHIPS = {
    "one": chip("Acme One", released="2022-03-01", tdp=250, fp16=3e14, fp32=2e13, memory=40e9),
    "two": chip("Acme Two 80GB"),
    "three": chip("Acme Three", released="2025-02-01", tdp=700, fp16=2.5e15, fp32=9e13, memory=192e9),
    "bora": chip("Bora X1", "Bora", "2023-01-10", 200, 2e14, 1e13, 32e9),
    "cyan": chip("Cyan 9", "Cyan", "", 150, "", 8e12, 16e9),
}


@pytest.fixture
def raw(root: Path, tmp_path: Path) -> Path:
    """A ledger folder with sources and no chips."""
    folder = tmp_path / "raw"
    folder.mkdir()
    shutil.copy(root / "data" / "raw" / "sources.csv", folder)
    for name in ("accelerators", "accelerator_aliases", "notable_training_runs", "notable_model_aliases"):
        header = (root / "data" / "raw" / f"{name}.csv").read_text(encoding="utf-8").split("\n")[0]
        (folder / f"{name}.csv").write_text(header + "\n", encoding="utf-8")
    return folder


def export(folder: Path, day: str, *rows: list) -> Path:
    path = folder / f"chips-{day}.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([COLUMNS, *rows])
    return path


def bring(raw: Path, day: str, *rows: list, **options) -> dict:
    return run_import("epoch-hardware", export(raw.parent, day, *rows), raw, **options).to_json()


def counts(report: dict) -> tuple[int, ...]:
    assert report["read"] == sum(report[name] for name in ("unchanged", "new", "revised", "excluded", "quarantined"))
    return tuple(report[name] for name in ("read", "unchanged", "new", "revised", "withdrawn", "quarantined"))


def view(raw: Path, day: str):
    return view_of(read_ledger("accelerators", raw), dt.date.fromisoformat(day))


def figures(raw: Path, day: str) -> set[tuple]:
    """What a fit sees of a view: every used row's figures, without ids and names."""
    rows = view(raw, day).used.fillna(-1.0)
    return set(
        rows[["tdp_w", "fp16_tensor_flop_s", "fp32_flop_s", "memory_gb", "released"]].itertuples(index=False, name=None)
    )


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix == ".csv"}


def test_a_first_import_is_new_and_the_same_again_changes_nothing(raw: Path) -> None:
    assert counts(bring(raw, "2025-01-31", *CHIPS.values())) == (5, 0, 5, 0, 0, 0)
    held = contents(raw)
    assert counts(bring(raw, "2025-01-31", *CHIPS.values())) == (5, 5, 0, 0, 0, 0)
    assert counts(bring(raw, "2025-02-28", *CHIPS.values())) == (5, 5, 0, 0, 0, 0)
    assert contents(raw) == held
    assert list(view(raw, "2025-06-30").rows["accelerator_id"]) == [
        "acme-one",
        "acme-three",
        "acme-two-80gb",
        "bora-x1",
        "cyan-9",
    ]


def test_revised_withdrawn_new_and_returned_rows_are_versions(raw: Path) -> None:
    bring(raw, "2025-01-31", *CHIPS.values())
    changed = chip("Acme One", released="2022-03-01", tdp=275, fp16=3e14, fp32=2e13, memory=40e9)
    rows = [changed, *(row for name, row in CHIPS.items() if name not in {"one", "bora"}), chip("Dawn 1", "Dawn")]
    report = bring(raw, "2025-04-30", *rows)
    assert counts(report) == (5, 3, 1, 1, 1, 0)
    assert [(r["id"], r["column"], r["old"], r["new"]) for r in report["revisions"]] == [
        ("acme-one", "tdp_w", 250.0, 275.0)
    ]
    assert report["withdrawals"] == [{"id": "bora-x1", "name": "Bora X1"}]
    assert counts(bring(raw, "2025-07-31", *rows, CHIPS["bora"])) == (6, 5, 1, 0, 0, 0)
    tdp = {
        day: dict(zip(view(raw, day).rows["accelerator_id"], view(raw, day).rows["tdp_w"], strict=True))
        for day in ("2025-03-31", "2025-06-30", "2025-09-30")
    }
    assert (tdp["2025-03-31"]["acme-one"], tdp["2025-06-30"]["acme-one"]) == (250, 275)
    assert ["bora-x1" in tdp[day] for day in tdp] == [True, False, True]
    withdrawn = [
        line for line in (raw / "accelerators.csv").read_text(encoding="utf-8").splitlines() if line.endswith(",true")
    ]
    assert len(withdrawn) == 1
    assert "Bora X1" in withdrawn[0]
    assert ",200," in withdrawn[0]  # a withdrawn line keeps the last known facts


def test_a_dry_run_reports_the_same_and_writes_nothing(raw: Path) -> None:
    held = contents(raw)
    planned = bring(raw, "2025-01-31", *CHIPS.values(), dry_run=True)
    assert contents(raw) == held
    done = bring(raw, "2025-01-31", *CHIPS.values())
    assert {**planned, "dry_run": False} == done


def test_an_unreadable_row_is_quarantined_and_its_id_is_not_withdrawn(raw: Path) -> None:
    bring(raw, "2025-01-31", *CHIPS.values())
    bad = chip("Bora X1", "Bora", "2023-01-10", "hot", 2e14, 1e13, 32e9)
    report = bring(raw, "2025-04-30", *(row for name, row in CHIPS.items() if name != "bora"), bad)
    assert counts(report) == (5, 4, 0, 0, 0, 1)
    assert report["quarantine"][0] | {"remedy": ""} == {
        "line": 6, "name": "Bora X1", "column": "tdp_w", "rule": "number", "value": "hot", "remedy": "", "where": "",
    }  # fmt: skip
    assert "bora-x1" in set(view(raw, "2025-06-30").used["accelerator_id"])


def test_what_the_ledgers_own_checks_refuse_never_enters_it(raw: Path) -> None:
    report = bring(raw, "2025-01-31", chip("Hot", tdp=1e9), chip("Cold", tdp=-5), CHIPS["one"])
    assert counts(report) == (3, 0, 1, 0, 0, 2)
    assert [(p["name"], p["column"], p["rule"]) for p in report["quarantine"]] == [
        ("Hot", "tdp_w", "<= 100000"),
        ("Cold", "tdp_w", "> 0"),
    ]
    assert read_ledger("accelerators", raw).quarantined.empty


def test_hostile_names_are_kept_as_text(raw: Path) -> None:
    names = ['<img src=x onerror="alert(1)">', '=HYPERLINK("http://x")', "\u202egnirts", "x" * 10_000]
    assert counts(bring(raw, "2025-01-31", *(chip(name) for name in names))) == (4, 0, 4, 0, 0, 0)
    assert set(view(raw, "2025-03-31").rows["name"]) == set(names)
    assert all(len(row_id) < 20_000 for row_id in view(raw, "2025-03-31").rows["accelerator_id"])


# renames


def test_a_rename_is_proposed_shown_and_until_accepted_two_rows(raw: Path) -> None:
    bring(raw, "2025-01-31", *CHIPS.values())
    renamed = chip("Acme Two (Aurora)", released="2024-09-01")
    report = bring(raw, "2025-04-30", *(row for name, row in CHIPS.items() if name != "two"), renamed)
    assert counts(report) == (5, 4, 1, 0, 1, 0)
    (proposal,) = report["proposed_renames"]
    assert (proposal["old_name"], proposal["new_name"], proposal["accepted"]) == (
        "Acme Two 80GB",
        "Acme Two (Aurora)",
        False,
    )
    assert proposal["released"] == {"old": "2024-05-01", "new": "2024-09-01", "changed": True}
    assert len(view(raw, "2025-06-30").rows) == 5


@pytest.mark.parametrize("how", ["at once", "later", "by hand"])
def test_accepted_or_not_a_view_holds_the_same_figures(raw: Path, how: str) -> None:
    bring(raw, "2025-01-31", *CHIPS.values())
    rows = [*(row for name, row in CHIPS.items() if name != "two"), chip("Acme Two (Aurora)", tdp=350)]
    bring(raw, "2025-04-30", *rows, accept_renames=how == "at once")
    before = figures(raw, "2025-06-30")
    if how == "later":
        report = bring(raw, "2025-04-30", *rows, accept_renames=True)
        assert counts(report) == (5, 5, 0, 0, 0, 0)
        assert [item["accepted"] for item in report["proposed_renames"]] == [True]
    if how == "by hand":
        with (raw / "accelerator_aliases.csv").open("a", encoding="utf-8") as stream:
            stream.write("Acme Two 80GB,Acme Two (Aurora),2025-04-30,seen by eye\n")
    assert figures(raw, "2025-06-30") == before
    rows_now = view(raw, "2025-06-30").rows.set_index("accelerator_id")
    assert rows_now.loc["acme-two-80gb", "name"] == "Acme Two (Aurora)"
    assert rows_now.loc["acme-two-80gb", "tdp_w"] == 350
    assert len(rows_now) == 5
    assert bring(raw, "2025-07-31", *rows)["unchanged"] == 5


def test_a_name_that_flips_back_is_the_id_it_was(raw: Path) -> None:
    bring(raw, "2025-01-31", *CHIPS.values())
    rest = [row for name, row in CHIPS.items() if name != "two"]
    for day, name in (
        ("2025-02-28", "Acme Two Ultra"),
        ("2025-03-31", "Acme Two 80GB"),
        ("2025-04-30", "Acme Two Ultra"),
    ):
        report = bring(raw, day, *rest, chip(name), accept_renames=True)
        assert counts(report) == (5, 4, 0, 1, 0, 0)
        assert [(r["column"], r["new"]) for r in report["revisions"]] == [("name", name)]
    assert set(view(raw, "2025-06-30").rows["accelerator_id"]) == {
        "acme-one",
        "acme-two-80gb",
        "acme-three",
        "bora-x1",
        "cyan-9",
    }


def test_a_reused_name_beside_its_successor_is_another_product(raw: Path) -> None:
    bring(raw, "2025-01-31", *CHIPS.values())
    rest = [row for name, row in CHIPS.items() if name != "two"]
    bring(raw, "2025-02-28", *rest, chip("Acme Two Ultra"), accept_renames=True)
    report = bring(
        raw,
        "2025-03-31",
        *rest,
        chip("Acme Two Ultra"),
        chip("Acme Two 80GB", tdp=90, fp16=1e14, fp32=5e12, memory=8e9, released="2025-03-01"),
    )
    assert counts(report) == (6, 5, 1, 0, 0, 0)
    assert [flag["kind"] for flag in report["flags"] if flag["kind"] == "name_reused"] == ["name_reused"]
    rows = view(raw, "2025-06-30").rows.set_index("accelerator_id")
    assert (rows.loc["acme-two-80gb", "tdp_w"], rows.loc["acme-two-80gb-2", "tdp_w"]) == (300, 90)


@pytest.mark.parametrize(
    ("old", "new", "near"),
    [
        ("NVIDIA B300", "NVIDIA B300 (Blackwell Ultra)", True),
        ("NVIDIA GB200 NVL2", "NVIDIA GB200", True),
        ("NVIDIA GTX Titan Black", "NVIDIA GeForce GTX Titan Black", True),
        ("Google TPU v6e", "Google TPU v6e Trillium", True),
        ("NVIDIA H100-SXM5-80GB", "NVIDIA H100 SXM5 80GB", True),
        ("NVIDIA GeForce RTX 4070", "NVIDIA GeForce RTX 4080", False),
        ("Huawei Ascend 910B1", "Huawei Ascend 910B3", False),
        ("NVIDIA Tesla V100 SXM2 16 GB", "NVIDIA Tesla V100 SXM2 32 GB", False),
        ("Meta MTIA v1", "Meta MTIA v2 (MTIA 200)", False),
    ],
)
def test_names_that_add_are_near_and_names_whose_numbers_contradict_are_not(old: str, new: str, near: bool) -> None:
    similarity = name_similarity(old, new, "NVIDIA Huawei Google Meta")
    assert (similarity >= 0.85) == near
    assert similarity == pytest.approx(name_similarity(new, old, "NVIDIA Huawei Google Meta"))


def drop_maker(name: str, maker: str) -> str:
    if not maker:
        return f"{name} chip"
    return re.sub(rf"^{re.escape(maker.partition(' ')[0])}\s+", "", name, flags=re.IGNORECASE)


RENAMING = {
    "maker dropped": drop_maker,
    "maker at the end": lambda name, maker: f"{drop_maker(name, maker)} ({maker or 'unknown'})",
    "capitals": lambda name, maker: name.upper() if name.upper() != name else name.lower(),
    "hyphens": lambda name, maker: name.replace(" ", "-"),
    "no blanks": lambda name, maker: name.replace(" ", ""),
    "code name": lambda name, maker: f"{name} (Orion)",
    "suffix": lambda name, maker: f"{name} Tensor Core GPU",
    "word order": lambda name, maker: " ".join(name.split()[::-1]),
    "letters apart": lambda name, maker: re.sub(r"([A-Za-z])(\d)", r"\1 \2", name) + " board",
    "abbreviated": lambda name, maker: " ".join(w if re.search(r"\d", w) else w[:3] for w in name.split()) + " v",
}


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (2, 3))])
def test_ten_random_chips_renamed_by_unseen_rules(root: Path, tmp_path: Path, seed: int) -> None:
    """From the shipped ledger: at least nine proposals, none of them wrong, and nothing merged before acceptance."""
    raw = without_news(Path(shutil.copytree(root / "data" / "raw", tmp_path / "raw")))
    generator = random.Random(seed)
    live = view(raw, "2026-03-31").rows
    chosen = generator.sample(sorted(live["accelerator_id"]), 10)
    rules = generator.sample(list(RENAMING.values()), 10)
    renames = {}
    rows = []
    for item in live.itertuples():
        name = item.name
        if item.accelerator_id in chosen:
            name = tidy(rules[chosen.index(item.accelerator_id)](item.name, item.manufacturer))
            renames[item.name] = name
        rows.append(published(item, name))
    assert all(old != new for old, new in renames.items())
    path = tmp_path / "2026-06-30.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([[*COLUMNS, *FURTHER], *rows])
    report = run_import("epoch-hardware", path, raw).to_json()
    proposed = {item["old_name"]: item["new_name"] for item in report["proposed_renames"]}
    assert len(proposed) >= 9
    assert all(renames[old] == new for old, new in proposed.items())
    assert (report["new"], report["withdrawn"], report["revised"]) == (10, 10, 0)


FURTHER = (
    "Process size (nm)", "Foundry", "Die Size (mm^2)", "Transistors (millions)", "Memory bandwidth (byte/s)",
    "Intranode bandwidth (byte/s)", "Tensor cores", "FP64 (double precision) performance (FLOP/s)",
    "TF32 (TensorFloat-32) performance (FLOP/s)", "FP16 (half precision) performance (FLOP/s)",
    "FP8 performance (FLOP/s)", "FP4 performance (FLOP/s)", "INT16 performance (OP/s)", "INT8 performance (OP/s)",
    "INT4 performance (OP/s)",
)  # fmt: skip
FURTHER_COLUMNS = (
    "process_nm", "foundry", "die_size_mm2", "transistors_millions", "memory_bandwidth_bytes_s",
    "intranode_bandwidth_bytes_s", "tensor_cores", "fp64_flop_s", "tf32_tensor_flop_s", "fp16_flop_s", "fp8_flop_s",
    "fp4_flop_s", "int16_op_s", "int8_op_s", "int4_op_s",
)  # fmt: skip


def published(item, name: str) -> list:
    """A ledger row in the publisher's columns and units."""
    row = item._asdict()
    released = "" if row["released"] != row["released"] else str(row["released"])[:10]
    memory = row["memory_gb"] * 1e9
    head = [
        name,
        row["manufacturer"],
        row["type"],
        released,
        row["tdp_w"],
        row["fp16_tensor_flop_s"],
        row["fp32_flop_s"],
        memory,
        row["release_price_usd"],
    ]
    return [
        "" if str(value) in {"nan", "<NA>"} else value
        for value in [*head, *(row[column] for column in FURTHER_COLUMNS)]
    ]


def test_two_chips_alike_in_everything_are_not_guessed_between() -> None:
    table = TABLES["accelerators"]
    cells = {
        "manufacturer": "Acme",
        "tdp_w": "300",
        "fp16_tensor_flop_s": "1e+15",
        "fp32_flop_s": "6e+13",
        "memory_gb": "80",
        "released": "2024-05-01",
    }
    gone = [RenameEnd("acme-p", "Acme P", cells), RenameEnd("acme-q", "Acme Q", cells)]
    come = [RenameEnd("line 2", "Unit Seven", cells), RenameEnd("line 3", "Unit Eight", cells)]
    assert propose(table, gone, come) == []
    assert propose(table, gone[:1], [RenameEnd("line 2", "Acme P", {**cells, "manufacturer": "Other"})]) == []


# flags


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ("989.5", "1979", "power_of_two"),
        ("300", "75", "power_of_two"),
        ("340", "170", "power_of_two"),
        ("80", "80000", "unit_slip"),
        ("1e+15", "1000000", "unit_slip"),
        ("80", "0.08", "unit_slip"),
        ("300", "350", None),
        ("300", "900", None),
        ("", "900", None),
    ],
)
def test_changes_that_look_like_slips(old: str, new: str, kind: str | None) -> None:
    flag = change_flag("tdp_w", old, new)
    assert (flag["kind"] if flag else None) == kind


def test_suspicious_changes_are_flagged_and_still_recorded(raw: Path) -> None:
    bring(raw, "2025-01-31", *CHIPS.values())
    rows = [
        chip("Acme One", released="2022-03-01", tdp=500, fp16=3e14, fp32=2e13, memory=40e9),
        chip("Acme Two 80GB", memory=80e12),
        chip("Acme Three", released="2025-09-01", tdp=700, fp16=2.5e15, fp32=9e13, memory=192e9),
        chip("Dawn 1", "Dawn", tdp=100, fp16=2e15),
    ]
    report = bring(raw, "2025-04-30", *rows, CHIPS["bora"], CHIPS["cyan"])
    flags = {(flag["kind"], flag.get("id"), flag.get("column")) for flag in report["flags"] if "id" in flag}
    assert flags == {
        ("power_of_two", "acme-one", "tdp_w"),
        ("unit_slip", "acme-two-80gb", "memory_gb"),
        ("date_after_recorded", "acme-three", "released"),
        ("above_frontier", "dawn-1", "fp16_tensor_flop_s"),
    }
    assert view(raw, "2025-06-30").rows.set_index("accelerator_id").loc["acme-one", "tdp_w"] == 500


def test_more_than_a_fifth_is_withdrawn_only_when_it_is_asked_for(raw: Path) -> None:
    bring(raw, "2025-01-31", *CHIPS.values())
    held = view(raw, "2025-06-30").rows
    report = bring(raw, "2025-02-28", CHIPS["one"], CHIPS["two"])
    assert counts(report) == (2, 2, 0, 0, 0, 0)
    assert report["appended"] == 0
    (flag,) = (flag for flag in report["flags"] if flag["kind"] == "withdrawals_held_back")
    assert "3 of 5 rows" in flag["why"]
    assert report["flag_counts"][0]["kind"] == "withdrawals_held_back"
    assert view(raw, "2025-06-30").rows.equals(held)
    report = bring(raw, "2025-02-28", CHIPS["one"], CHIPS["two"], accept_withdrawals=True)
    assert counts(report) == (2, 2, 0, 0, 3, 0)
    assert "mass_withdrawal" in {flag["kind"] for flag in report["flags"]}
    assert set(view(raw, "2025-06-30").rows["accelerator_id"]) == {"acme-one", "acme-two-80gb"}


OTHER = """
source_id: dawn_table
title: A table of three chips
authors: Dawn
year: 2025
identifier: https://dawn.example/chips
licence: CC0
released: 2025-02-10
"""


def test_another_publisher_s_export_adds_its_own_and_changes_nobody_else_s(raw: Path) -> None:
    """Three chips of their own; then one that the first publisher has, with less and with other figures."""
    bring(raw, "2025-01-31", *CHIPS.values())
    held = view(raw, "2025-06-30").rows
    (raw.parent / "chips-2025-02-28.source.yaml").write_text(OTHER, encoding="utf-8")
    mine = [chip(f"Dawn {number}", "Dawn", tdp=100 + number) for number in (1, 2, 3)]
    report = bring(raw, "2025-02-28", *mine)
    assert counts(report) == (3, 0, 3, 0, 0, 0)
    assert [row["what"] for row in report["new_rows"]] == ["new"] * 3
    now = view(raw, "2025-06-30").rows
    assert now[~now["accelerator_id"].str.startswith("dawn")].reset_index(drop=True).equals(held)
    assert set(now.loc[now["accelerator_id"].str.startswith("dawn"), "source_id"]) == {"dawn_table"}
    (raw.parent / "chips-2025-03-31.source.yaml").write_text(OTHER, encoding="utf-8")
    theirs = chip("Cyan 9", "Cyan", "2021-05-05", 155, 2e14, "", "", "900")
    report = bring(raw, "2025-03-31", *mine, theirs)
    assert counts(report) == (4, 3, 0, 1, 0, 0)
    filled = {cell["column"]: cell["new"] for cell in report["revisions"]}
    assert filled == {"released": "2021-05-05", "fp16_tensor_flop_s": 2e14, "release_price_usd": 900.0}
    assert not [cell for cell in report["revisions"] if cell["new"] is None]
    assert [(flag["kind"], flag["column"]) for flag in report["flags"] if flag["kind"] == "other_source"] == [
        ("other_source", "tdp_w")
    ]
    row = view(raw, "2025-06-30").rows.set_index("accelerator_id").loc["cyan-9"]
    assert (row["tdp_w"], row["source_id"], row["fp32_flop_s"]) == (150, "epoch_ml_hardware", 8e12)
    # each publisher withdraws its own: the first drops a chip of its five, the other keeps its three
    first = [row for name, row in CHIPS.items() if name != "bora"]
    report = bring(raw, "2025-04-30", *first)
    assert (report["withdrawn"], report["withdrawals"]) == (1, [{"id": "bora-x1", "name": "Bora X1"}])
    assert {"dawn-1", "dawn-2", "dawn-3"} < set(view(raw, "2025-06-30").rows["accelerator_id"])


def test_a_source_record_that_says_too_little_stops_an_export(raw: Path) -> None:
    (raw.parent / "chips-2025-02-28.source.yaml").write_text("source_id: dawn_table\n", encoding="utf-8")
    with pytest.raises(DataInvalid, match="more must be known") as caught:
        bring(raw, "2025-02-28", *CHIPS.values())
    assert "title, authors, year" in str(caught.value.why)


def test_every_line_is_listed_and_those_after_the_quarter_are_named(raw: Path) -> None:
    bring(raw, "2025-01-31", *CHIPS.values())
    changed = chip("Acme One", released="2022-03-01", tdp=260, fp16=3e14, fp32=2e13, memory=40e9)
    later = chip("Acme Four", released="2025-05-01")
    rest = [row for name, row in CHIPS.items() if name not in ("one", "bora")]
    report = bring(raw, "2025-02-28", changed, later, *rest, last_day=dt.date(2025, 3, 31))
    with (raw / "accelerators.csv").open(newline="", encoding="utf-8") as stream:
        lines = [row for row in csv.DictReader(stream) if row["recorded"] == "2025-02-28"]
    assert len(lines) == report["appended"] == len(report["new_rows"]) == 3
    told = {(row["id"], row["what"], row["value"], row["after_quarter"]) for row in report["new_rows"]}
    assert told == {
        ("acme-four", "new", 1e15, True),
        ("acme-one", "revised", 3e14, False),
        ("bora-x1", "withdrawn", 2e14, False),
    }
    last = bring(raw, "2025-03-31", changed, later, chip("Acme Five"), *rest, last_day=dt.date(2025, 3, 31))
    assert [(row["id"], row["after_quarter"]) for row in last["new_rows"]] == [("acme-five", False)]
    assert {(row["id"], row["value"]) for row in report["new_rows"]} == {
        (line["accelerator_id"], float(line["fp16_tensor_flop_s"])) for line in lines
    }


# order and dates


def test_an_older_export_imported_late_changes_only_the_views_of_its_time(raw: Path) -> None:
    late = [
        chip("Acme One", released="2022-03-01", tdp=260, fp16=3e14, fp32=2e13, memory=40e9),
        CHIPS["bora"],
        chip("Gone 1", "Gone"),
    ]
    bring(raw, "2025-01-31", CHIPS["one"], CHIPS["two"])
    bring(raw, "2025-05-31", CHIPS["one"], CHIPS["two"], CHIPS["bora"])
    january, summer = view(raw, "2025-02-01").rows, view(raw, "2025-06-30").rows
    report = bring(raw, "2025-03-31", *late, accept_withdrawals=True)
    assert counts(report)[:5] == (3, 0, 2, 1, 1)
    assert len(report["new_rows"]) == report["appended"]
    spring = view(raw, "2025-04-30").rows
    assert set(spring["accelerator_id"]) == {"acme-one", "bora-x1", "gone-1"}
    assert spring.set_index("accelerator_id").loc["acme-one", "tdp_w"] == 260
    for day, held in (("2025-02-01", january), ("2025-06-30", summer)):
        now = view(raw, day).rows.drop(columns=["line", "recorded"])
        assert now.equals(held.drop(columns=["line", "recorded"])), day


def test_a_second_version_of_one_day_is_refused_row_by_row(raw: Path) -> None:
    bring(raw, "2025-01-31", *CHIPS.values())
    changed = chip("Acme One", released="2022-03-01", tdp=275, fp16=3e14, fp32=2e13, memory=40e9)
    report = bring(raw, "2025-01-31", changed, *(row for name, row in CHIPS.items() if name != "one"))
    assert counts(report) == (5, 4, 0, 0, 0, 1)
    assert "later --recorded" in report["quarantine"][0]["remedy"]


@pytest.mark.parametrize(
    ("name", "recorded", "day"),
    [
        ("2026-03-31.csv", None, "2026-03-31"),
        ("ml_hardware-2026-03-31 (1).csv", None, "2026-03-31"),
        ("export.csv", "2026-03-31", "2026-03-31"),
        ("2025-01-01.csv", "2026-03-31", "2026-03-31"),
    ],
)
def test_the_day_is_given_or_stands_in_the_name(name: str, recorded: str | None, day: str) -> None:
    assert recorded_date(Path(name), recorded) == dt.date.fromisoformat(day)


@pytest.mark.parametrize(
    ("name", "recorded"),
    [("export.csv", None), ("2025-01-01_2025-02-01.csv", None), ("2025-13-01.csv", None), ("export.csv", "soon")],
)
def test_a_day_that_cannot_be_known_is_asked_for(raw: Path, name: str, recorded: str | None) -> None:
    path = export(raw.parent, "x", *CHIPS.values()).rename(raw.parent / name)
    with pytest.raises(UsageError) as caught:
        run_import("epoch-hardware", path, raw, recorded=recorded)
    assert caught.value.exit_code == 2
    with pytest.raises(UsageError, match="when it was released"):
        run_import("epoch-hardware", path, raw, recorded="2026-03-31", released="2026-01-01")


def test_an_unknown_importer_lists_those_that_exist(raw: Path) -> None:
    with pytest.raises(UsageError, match="mlperf"):
        run_import("chips", raw / "x-2025-01-01.csv", raw)


def test_an_import_interrupted_at_any_write_leaves_every_view_as_it_was(
    raw: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring(raw, "2025-01-31", *CHIPS.values())
    held = view(raw, "2025-06-30").rows
    rows = [*(row for name, row in CHIPS.items() if name != "two"), chip("Acme Two (Aurora)")]
    real = checkout._rename
    for survives in (0, 1):
        done = []

        def broken(temporary: Path, path: Path, done=done, survives=survives) -> None:
            if len(done) == survives:
                raise KeyboardInterrupt
            done.append(path)
            real(temporary, path)

        monkeypatch.setattr(checkout, "_rename", broken)
        with pytest.raises(KeyboardInterrupt):
            bring(raw, "2025-04-30", *rows, accept_renames=True)
        monkeypatch.setattr(checkout, "_rename", real)
        assert view(raw, "2025-06-30").rows.equals(held)
    assert counts(bring(raw, "2025-04-30", *rows, accept_renames=True)) == (5, 4, 0, 1, 0, 0)


# the publisher's own history


def cut(root: Path, folder: Path, day: str) -> Path:
    """The shipped ledger as it stood on a day; the alias table as reviewed."""
    raw = Path(shutil.copytree(root / "data" / "raw", folder / "raw"))
    for name in ("accelerators", "notable_training_runs"):
        with (raw / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
            rows = list(csv.reader(stream))
        place = rows[0].index("recorded")
        with (raw / f"{name}.csv").open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream, lineterminator="\n").writerows(
                row for row in rows if row[place] <= day or row is rows[0]
            )
    return raw


def by_name(path: Path, column: str, left_out: set[str]) -> dict[str, dict[str, str]]:
    """An export as {name: normalised cells}, read without the project."""

    def plain(text: str) -> str:
        try:
            return repr(float(text) + 0.0) if float(text) else ""
        except ValueError:
            return " ".join(text.split())

    with path.open(encoding="utf-8-sig", newline="") as stream:
        return {
            " ".join(row[column].split()): {name: plain(text) for name, text in row.items() if name not in left_out}
            for row in csv.DictReader(stream)
        }


def used_headers(path: Path) -> dict[str, str]:
    """Our column of each header the importer uses: a list of our own would only repeat the importer's."""
    from race_to_efficiency.ledger.importers.epoch_hardware import FIELDS
    from race_to_efficiency.ledger.importers.exports import _match

    with path.open(encoding="utf-8-sig", newline="") as stream:
        header = next(csv.reader(stream))
    return {name: field.column for name in header if (field := _match(name, FIELDS)[0]) is not None}


def ours(path: Path) -> dict[str, dict[str, str]]:
    """An export as {name: normalised cells}, by our columns."""
    used = {theirs: column for theirs, column in used_headers(path).items() if column != "name"}
    return {
        name: {column: cells[theirs] for theirs, column in used.items()}
        for name, cells in by_name(path, "Hardware name", set()).items()
    }


@pytest.mark.upstream
def test_five_exports_in_turn_rebuild_every_view_and_their_counts_match_the_files(
    root: Path, shared: Path, tmp_path: Path
) -> None:
    raw = cut(root, tmp_path, "2025-06-11")
    with (root / "data" / "raw" / "accelerator_aliases.csv").open(encoding="utf-8", newline="") as stream:
        renamed = {(row["old_name"], row["snapshot"]): row["new_name"] for row in csv.DictReader(stream)}
    paths = sorted((shared / "data" / "upstream" / "epoch_ml_hardware").glob("*.csv"))
    for before, path in itertools.pairwise(paths):
        report = run_import("epoch-hardware", path, raw).to_json()
        old, new = (ours(file) for file in (before, path))
        moved = {renamed.get((name, path.stem), name): name for name in old}
        columns = {column for cells in (*old.values(), *new.values()) for column in cells}
        kept = set(moved) & set(new)
        changed = {
            name
            for name in kept
            if moved[name] != name or any(old[moved[name]].get(c, "") != new[name].get(c, "") for c in columns)
        }
        assert counts(report) == (
            len(new),
            len(kept - changed),
            len(set(new) - set(moved)),
            len(changed),
            len(set(moved) - set(new)),
            0,
        ), path.stem
    for day in ("2025-06-30", "2025-09-30", *(path.stem for path in paths), "2026-03-31"):
        rebuilt = view(raw, day).rows.drop(columns="line")
        shipped = view(root / "data" / "raw", day).rows.drop(columns="line")
        assert rebuilt.equals(shipped), day
    whole = without_news(Path(shutil.copytree(root / "data" / "raw", tmp_path / "whole"))) / "accelerators.csv"
    rebuilt_lines = (raw / "accelerators.csv").read_text(encoding="utf-8").split("\n")
    assert sorted(rebuilt_lines) == sorted(whole.read_text(encoding="utf-8").split("\n"))


@pytest.mark.upstream
def test_the_renames_of_the_publisher_are_proposed_where_nobody_has_reviewed_them(
    root: Path, shared: Path, tmp_path: Path
) -> None:
    raw = cut(root, tmp_path, "2025-06-11")
    aliases = raw / "accelerator_aliases.csv"
    aliases.write_text("".join(aliases.read_text(encoding="utf-8").splitlines(keepends=True)[:5]), encoding="utf-8")
    found = {}
    for path in sorted((shared / "data" / "upstream" / "epoch_ml_hardware").glob("*.csv"))[1:]:
        report = run_import("epoch-hardware", path, raw, accept_renames=True).to_json()
        found |= {
            (path.stem, item["old_name"]): item for item in report["proposed_renames"] if item["basis"] == "proposed"
        }
    assert {key: item["new_name"] for key, item in found.items()} == {
        ("2025-10-30", "NVIDIA GB200 NVL2"): "NVIDIA GB200",
        ("2025-10-30", "NVIDIA GTX Titan Black"): "NVIDIA GeForce GTX Titan Black",
        ("2025-10-30", "NVIDIA B300"): "NVIDIA B300 (Blackwell Ultra)",
        ("2025-10-30", "NVIDIA GB300"): "NVIDIA GB300 (Blackwell Ultra)",
        ("2026-03-31", "Meta MTIA v1"): "Meta MTIA v1 (MTIA 100)",
        ("2026-03-31", "Meta MTIA v2"): "Meta MTIA v2 (MTIA 200)",
    }
    assert found["2025-10-30", "NVIDIA GB200 NVL2"]["released"] == {
        "old": "2024-06-02",
        "new": "2025-02-15",
        "changed": True,
    }
    for day in ("2025-10-30", "2025-12-10", "2026-03-31"):
        assert (
            view(raw, day).rows.drop(columns="line").equals(view(root / "data" / "raw", day).rows.drop(columns="line"))
        )


@pytest.mark.upstream
def test_the_models_exports_rebuild_the_shipped_views(root: Path, shared: Path, tmp_path: Path) -> None:
    raw = cut(root, tmp_path, "2025-02-24")
    for path in sorted((shared / "data" / "upstream" / "epoch_notable_models").glob("*.csv")):
        report = run_import("epoch-models", path, raw).to_json()
        assert report["quarantined"] == 0
        day = dt.date.fromisoformat(path.stem)
        rebuilt = view_of(read_ledger("notable_training_runs", raw), day).rows.drop(columns="line")
        shipped = view_of(read_ledger("notable_training_runs", root / "data" / "raw"), day).rows.drop(columns="line")
        assert rebuilt.equals(shipped), path.stem


def test_history_lists_versions_in_the_order_of_recording(root: Path) -> None:
    history = History("accelerators", read_ledger("accelerators", root / "data" / "raw").rows)
    tdp = [version.cells["tdp_w"] for version in history.versions["google-tpu-v4"]]
    assert [text for place, text in enumerate(tdp) if place == 0 or text != tdp[place - 1]] == ["192", "170", "340"]
    assert history.live("2025-06-11")["google-tpu-v4"].cells["tdp_w"] == "170"
    assert history.next_date("2025-06-11") == "2025-10-30"
    assert history.next_date("2026-03-31") == "2026-05-12"
    assert history.next_date("2026-05-12") is None

"""The ingest stage: typed views, a quarantine that names, an account that adds up, the same bytes twice."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING

import json_documents
import pandas as pd
import pytest
from race_to_efficiency import storage
from race_to_efficiency.commands.stage_lines import with_line
from race_to_efficiency.errors import DataInvalid
from race_to_efficiency.ledger.schemas import DTYPES, LEDGERS, TABLES
from race_to_efficiency.stages import ingest
from race_to_efficiency.units import Quarter

if TYPE_CHECKING:
    from pathlib import Path


def workspace(folder: Path, raw: Path, quarter: str = "2026Q1"):
    return SimpleNamespace(
        quarter=Quarter.parse(quarter),
        raw=raw,
        processed=folder / "processed",
        params=SimpleNamespace(ingest=SimpleNamespace(max_cell_characters=20_000)),
    )


@pytest.fixture
def raw(root: Path, tmp_path: Path) -> Path:
    return shutil.copytree(root / "data" / "raw", tmp_path / "raw")


@pytest.fixture(scope="module")
def newest(root: Path, tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("ingest")
    summary = ingest.run(workspace(folder, root / "data" / "raw"))
    return folder / "processed" / "ledger", summary


def test_it_writes_a_typed_view_of_every_table(newest) -> None:
    folder, _ = newest
    for name, table in TABLES.items():
        frame = storage.read_parquet(folder / f"{name}.parquet")
        for column in table.columns:
            assert str(frame[column.name].dtype) == DTYPES[column.kind], (name, column.name)
        if table.versioned:
            assert frame[table.key].is_unique
            assert frame["exclusion"].notna().all()


def test_the_account_adds_up_and_is_what_was_returned(newest) -> None:
    folder, summary = newest
    account = json.loads((folder.parent / "account.json").read_text(encoding="utf-8"))
    assert account == {key: value for key, value in summary.items() if key != "quarantined"}
    assert (account["quarter"], account["as_of"]) == ("2026Q1", "2026-03-31")
    assert set(account["tables"]) == set(TABLES)
    json_documents.check("stage", {"stage": "ingest", **with_line("ingest", summary)})
    for name, table in account["tables"].items():
        assert table["read"] == table["used"] + sum(table["excluded"].values()) + table["quarantined"]
        view = storage.read_parquet(folder / f"{name}.parquet")
        used = (view["exclusion"] == "").sum() if name in LEDGERS else len(view)
        assert used == table["used"]


def test_one_wrong_cell_a_table_is_named_and_nothing_else_is_lost(newest, raw: Path, tmp_path: Path) -> None:
    folder, before = newest
    planted = {
        "accelerators": ("tdp_w", "lots"),
        "training_runs": ("loss_nats", "-1"),
        "mlperf_training": ("source_id", "nowhere"),
        "speedrun_records": ("released", "2026-13-01"),
    }
    ids = {}
    for name, (column, text) in planted.items():
        lines = pd.read_csv(raw / f"{name}.csv", dtype=str, keep_default_na=False)
        place = len(lines) - 20
        ids[name] = lines.iloc[place, 0]
        lines.loc[place, column] = text
        lines.to_csv(raw / f"{name}.csv", index=False, lineterminator="\n")
    after = ingest.run(workspace(tmp_path, raw))
    assert len(after["quarantined"]) == len(planted)
    report = storage.read_parquet(tmp_path / "processed" / "quarantine.parquet").set_index("table")
    for name, (column, text) in planted.items():
        assert tuple(report.loc[name, ["row_id", "column", "value"]]) == (ids[name], column, text)
        assert after["tables"][name]["read"] == before["tables"][name]["read"]
        old = storage.read_parquet(folder / f"{name}.parquet")
        new = storage.read_parquet(tmp_path / "processed" / "ledger" / f"{name}.parquet")
        expected = old[old.iloc[:, 0] != ids[name]].reset_index(drop=True)
        pd.testing.assert_frame_equal(new, expected)


def test_a_broken_header_stops_the_stage_before_anything_is_written(newest, raw: Path, tmp_path: Path) -> None:
    space = workspace(tmp_path, raw)
    shutil.copytree(newest[0].parent, space.processed)
    before = {path.name: path.read_bytes() for path in (space.processed / "ledger").iterdir()}
    path = raw / "accelerators.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("tdp_w", "watts", 1), encoding="utf-8")
    with pytest.raises(DataInvalid, match="missing: tdp_w"):
        ingest.run(space)
    assert {path.name: path.read_bytes() for path in (space.processed / "ledger").iterdir()} == before


@pytest.mark.parametrize("quarter", ["2018Q4", "2025Q2"])
def test_another_quarter_is_rebuilt_and_pseudo_views_say_so(root: Path, tmp_path: Path, quarter: str) -> None:
    summary = ingest.run(workspace(tmp_path, root / "data" / "raw", quarter))
    for name, table in summary["tables"].items():
        if name in LEDGERS:
            view = storage.read_parquet(tmp_path / "processed" / "ledger" / f"{name}.parquet")
            late = (view["recorded"] > pd.Timestamp(summary["as_of"])).any()
            assert late == table["pseudo"] or view.empty
    assert summary["tables"]["accelerators"]["pseudo"] == (quarter < "2025Q1")


PROGRAM = """
import sys
from pathlib import Path
from types import SimpleNamespace
from race_to_efficiency.stages import ingest
from race_to_efficiency.units import Quarter
from race_to_efficiency import storage
raw, out = Path(sys.argv[1]), Path(sys.argv[2])
params = SimpleNamespace(ingest=SimpleNamespace(max_cell_characters=20000))
ingest.run(SimpleNamespace(quarter=Quarter(2026, 1), raw=raw, processed=out, params=params))
for path in sorted(path for path in out.rglob("*") if path.is_file()):
    print(path.name, storage.digest_file(path))
"""


def test_another_folder_time_zone_language_and_hash_seed_give_the_same_bytes(root: Path, newest, tmp_path) -> None:
    here = sorted(path for path in newest[0].parent.rglob("*") if path.is_file())
    assert len(here) == len(TABLES) + 3
    settings = {"TZ": "Pacific/Auckland", "LANG": "de_DE.UTF-8", "PYTHONHASHSEED": "1"}
    command = [sys.executable, "-c", PROGRAM, str(root / "data" / "raw"), str(tmp_path / "there")]
    environment = storage.process_environment(settings)
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=root, env=environment)
    assert done.stdout.splitlines() == [f"{path.name} {storage.digest_file(path)}" for path in here]

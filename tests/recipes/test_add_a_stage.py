"""CONTRIBUTING's recipe of a stage, carried out: its file, its test, its entry; `make dvc-yaml` does the rest."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml
from race_to_efficiency.settings.corridor import declared

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Scratch

STAGE = '''"""Stage count_rows: the as-of training runs in; how many rows each group has out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from race_to_efficiency import storage

if TYPE_CHECKING:
    from race_to_efficiency.settings.params import Workspace


def run(workspace: Workspace) -> dict[str, Any]:
    """Count the rows of every group."""
    runs = storage.read_parquet(workspace.processed / "ledger" / "training_runs.parquet")
    counts = {str(name): int(number) for name, number in runs["group"].value_counts().sort_index().items()}
    storage.write_json(workspace.processed / "row_counts.json", {"quarter": str(workspace.quarter), "rows": counts})
    return {"groups": len(counts), "line": f"{len(counts)} groups"}
'''

TEST = '''"""Stage count_rows on two rows of our own."""

from pathlib import Path

import pandas as pd
from race_to_efficiency import storage
from race_to_efficiency.settings.params import Workspace
from race_to_efficiency.stages import count_rows
from small_settings import params


def test_rows_are_counted_by_group(tmp_path: Path) -> None:
    space = Workspace(tmp_path, params(), tmp_path, tmp_path)
    frame = pd.DataFrame({"group": ["b", "a", "b"]})
    storage.write_parquet(tmp_path / "ledger" / "training_runs.parquet", frame)
    assert count_rows.run(space)["groups"] == 2
    assert storage.read_json(tmp_path / "row_counts.json") == {"quarter": params().quarter, "rows": {"a": 1, "b": 2}}
'''

ENTRY = """\
  count_rows:
    cmd: race stage count_rows
    outs:
      - data/processed/row_counts.json:
          persist: true
"""

BRING_UP_TO_DATE = """
import json, sys
from pathlib import Path
import small_quarter, what_stages_read
folder = Path(sys.argv[1])
small_quarter.lay_out(what_stages_read.ROOT, folder)
reads = json.loads(Path(sys.argv[2]).read_text())
for name in ("ingest", "count_rows"):
    _, reads[name] = small_quarter.run_and_listen(name, what_stages_read.ROOT, folder)
(what_stages_read.ROOT / "dvc.yaml").write_text(what_stages_read.brought_up_to_date(reads))
"""
"""`make dvc-yaml`, with what the suite already knows of the other stages."""


@pytest.mark.slow
def test_a_stage_is_its_file_its_test_and_its_entry(
    scratch: Scratch, reads: dict[str, dict[str, list[str]]], tmp_path: Path
) -> None:
    scratch.write("pipeline/race_to_efficiency/stages/count_rows.py", STAGE)
    scratch.write("tests/integration/test_count_rows.py", TEST)
    file = scratch.root / "dvc.yaml"
    before = file.read_text(encoding="utf-8")
    file.write_text(before.replace("  fit_kappa:\n", ENTRY + "  fit_kappa:\n", 1), encoding="utf-8")

    scratch.python("-m", "race_to_efficiency.stages.declared", code=1)
    (tmp_path / "reads.json").write_text(json.dumps(reads), encoding="utf-8")
    scratch.python("-c", BRING_UP_TO_DATE, str(tmp_path / "quarter"), str(tmp_path / "reads.json"))
    scratch.python("-m", "race_to_efficiency.stages.declared")

    made = declared(scratch.root)
    assert list(made)[:3] == ["ingest", "count_rows", "fit_kappa"]
    assert made["count_rows"].settings == ("quarter",)
    assert made["count_rows"].data == ("data/processed/ledger/training_runs.parquet",)
    assert "pipeline/race_to_efficiency/stages/count_rows.py" in made["count_rows"].code
    others = {name: entry for name, entry in yaml.safe_load(file.read_text())["stages"].items() if name != "count_rows"}
    assert others == yaml.safe_load(before)["stages"]

    scratch.suite("tests/contract/test_one_name_five_places.py", "tests/integration/test_count_rows.py")
    scratch.race("stage", "ingest")
    assert json.loads(scratch.race("stage", "count_rows", "--json"))["groups"] > 10

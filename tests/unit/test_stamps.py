"""Files of another quarter are refused by every reader before anything is written."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from race_to_efficiency import cli, storage
from race_to_efficiency.commands.corridor import run_stage
from race_to_efficiency.errors import InputMissing
from race_to_efficiency.provenance.stamps import STAMPED, require_own
from race_to_efficiency.units import Quarter


def workspace(folder: Path, quarter: Quarter) -> Any:
    return SimpleNamespace(root=folder, processed=folder, quarter=quarter)


def stamp(folder: Path, stage: str, quarter: Quarter) -> None:
    storage.write_json(folder / STAMPED[stage], {"quarter": str(quarter), "as_of": quarter.as_of.isoformat()})


def test_files_of_the_quarter_asked_for_pass(tmp_path: Path) -> None:
    for stage in STAMPED:
        stamp(tmp_path, stage, Quarter(2026, 1))
    require_own(workspace(tmp_path, Quarter(2026, 1)))
    require_own(workspace(tmp_path / "nothing here", Quarter(2026, 1)))


@pytest.mark.parametrize("stage", STAMPED)
def test_one_file_of_another_quarter_is_named(tmp_path: Path, stage: str) -> None:
    for name in STAMPED:
        stamp(tmp_path, name, Quarter(2026, 3) if name != stage else Quarter(2026, 1))
    with pytest.raises(InputMissing, match=f"{STAMPED[stage]} is of 2026Q1, not of 2026Q3") as raised:
        require_own(workspace(tmp_path, Quarter(2026, 3)))
    assert "race run --quarter 2026Q3" in str(raised.value)
    require_own(workspace(tmp_path, Quarter(2026, 3)), before=stage)


def test_a_right_name_with_another_last_day_is_refused(tmp_path: Path) -> None:
    storage.write_json(tmp_path / "account.json", {"quarter": "2026Q1", "as_of": "2026-02-28"})
    with pytest.raises(InputMissing, match=r"account.json"):
        require_own(workspace(tmp_path, Quarter(2026, 1)))


def test_a_stage_does_not_begin_on_another_quarter_s_files(tmp_path: Path) -> None:
    stamp(tmp_path, "ingest", Quarter(2026, 1))
    before = sorted(tmp_path.iterdir())
    with pytest.raises(InputMissing, match=r"account\.json is of 2026Q1"):
        run_stage("fit_kappa", workspace(tmp_path, Quarter(2026, 3)))
    assert [path for path in sorted(tmp_path.iterdir()) if path.name != "stage_error.json"] == before


@pytest.mark.parametrize("words", [["show"], ["show", "scores"], ["report"], ["audit", "trace", "gamma@2031Q4"]])
def test_no_command_reads_files_of_another_quarter(
    words: list[str], root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (root / "params.yaml").read_text(encoding="utf-8")
    (tmp_path / "data" / "raw").mkdir(parents=True)
    (tmp_path / "params.yaml").write_text(text.replace("quarter: 2026Q1", "quarter: 2031Q4"), encoding="utf-8")
    for stage in STAMPED:
        stamp(tmp_path / "data" / "processed", stage, Quarter(2026, 1))
    monkeypatch.chdir(tmp_path)
    assert cli.main(words) == 6
    assert "is of 2026Q1, not of 2031Q4" in capsys.readouterr().err
    assert not (tmp_path / "reports").exists()

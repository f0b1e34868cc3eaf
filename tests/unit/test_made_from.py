"""The note of what a run's numbers were made from, and publishing held to it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from race_to_efficiency import storage
from race_to_efficiency.commands import corridor
from race_to_efficiency.errors import InputMissing
from race_to_efficiency.provenance import made_from
from race_to_efficiency.settings.params import open_workspace

QUARTER = "2025Q2"


@pytest.fixture
def space(root: Path, tmp_path: Path) -> Any:
    shutil.copytree(root / "data" / "raw", tmp_path / "data" / "raw")
    for name in ("params.yaml", "requirements.lock"):
        shutil.copy(root / name, tmp_path)
    return open_workspace(tmp_path, QUARTER)


def state(space: Any) -> str | None:
    return made_from.read_note(space).get("state")


def edit(space: Any) -> None:
    path = space.raw / "accelerators.csv"
    path.write_bytes(path.read_bytes() + b"x\n")


def rebuild(space: Any, runner: Any, **options: Any) -> bool:
    return corridor.reproduce_quarter(space, force=False, runner=runner, **options)


def test_a_whole_run_is_not_made_again_until_what_it_reads_changes(space: Any) -> None:
    runs: list[str | None] = []
    assert rebuild(space, lambda space: runs.append(state(space)))
    assert runs == [made_from.RUNNING]
    assert state(space) == made_from.DONE
    assert not rebuild(space, lambda space: runs.append("again"))
    edit(space)
    assert rebuild(space, lambda space: runs.append("edited"))
    (space.root / "params.yaml").write_text((space.root / "params.yaml").read_text().replace("seed: ", "seed: 1"))
    assert rebuild(open_workspace(space.root, QUARTER), lambda space: runs.append("settings"))
    assert runs[1:] == ["edited", "settings"]


def test_ledgers_that_change_under_a_run_make_it_void(space: Any) -> None:
    with pytest.raises(InputMissing, match="changed while the run was at work") as caught:
        rebuild(space, edit)
    assert caught.value.exit_code == 6
    assert state(space) == made_from.RUNNING
    assert rebuild(space, lambda space: None)


def test_a_run_that_ends_early_is_told_from_one_whose_inputs_changed_too(space: Any) -> None:
    def fail(_: Any) -> None:
        raise KeyboardInterrupt

    def edit_and_fail(space: Any) -> None:
        edit(space)
        fail(space)

    for runner, expected in ((fail, made_from.STOPPED), (edit_and_fail, made_from.RUNNING)):
        with pytest.raises(KeyboardInterrupt):
            rebuild(space, runner)
        assert state(space) == expected


def test_only_the_ledgers_that_the_numbers_were_made_from_are_sealed(space: Any) -> None:
    with pytest.raises(InputMissing, match="not known from which ledgers"):
        made_from.require_same_ledgers(space)
    rebuild(space, lambda space: None)
    made_from.require_same_ledgers(space)
    whole = (space.raw / "sources.csv").read_bytes()
    for change in (whole + b"x\n", whole[:-1], None):
        if change is None:
            (space.raw / "sources.csv").unlink()
        else:
            (space.raw / "sources.csv").write_bytes(change)
        with pytest.raises(InputMissing, match="other ledgers") as caught:
            made_from.require_same_ledgers(space)
        assert caught.value.where == "data/raw/sources.csv"
        assert f"race run --quarter {QUARTER}" in str(caught.value)
    (space.raw / "sources.csv").write_bytes(whole)
    (space.raw / "new.csv").write_text("id\n")
    with pytest.raises(InputMissing, match="other ledgers"):
        made_from.require_same_ledgers(space)
    (space.raw / "new.csv").unlink()
    note = made_from.read_note(space)
    for wrong in ({"state": made_from.STOPPED}, {"state": made_from.RUNNING}, {"quarter": "2025Q1"}):
        storage.write_json(space.processed / made_from.NOTE, {**note, **wrong})
        with pytest.raises(InputMissing, match="not known from which ledgers"):
            made_from.require_same_ledgers(space)
    (space.processed / made_from.NOTE).write_text("{")
    with pytest.raises(InputMissing, match="not known from which ledgers"):
        made_from.require_same_ledgers(space)

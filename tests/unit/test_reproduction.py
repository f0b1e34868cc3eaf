"""What stands around DVC: folders that are the user's alone, what a killed run leaves, and its last words."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from race_to_efficiency.commands import corridor, reproduction
from race_to_efficiency.errors import InputMissing, Locked, RaceError, SystemRefused

ROOT = Path(__file__).resolve().parents[2]


def modes(root: Path) -> set[int]:
    return {(root / name).stat().st_mode & 0o777 for name in (*reproduction.CACHES, reproduction.SITE_CACHE)}


def test_dvc_s_folders_are_made_for_the_user_alone(tmp_path: Path) -> None:
    reproduction.own_caches(tmp_path)
    kept = tmp_path / reproduction.SITE_CACHE / "repo" / "index"
    kept.parent.mkdir(mode=0o777)
    kept.write_text("what DVC remembers")
    reproduction.own_caches(tmp_path)
    assert modes(tmp_path) == {0o700}
    assert kept.is_file()


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702, 0o755])
def test_an_index_that_others_could_reach_is_thrown_away_unread(tmp_path: Path, mode: int) -> None:
    planted = tmp_path / reproduction.SITE_CACHE / "repo" / "cache.db"
    planted.parent.mkdir(parents=True)
    planted.write_text("a pickle")
    (tmp_path / reproduction.SITE_CACHE).chmod(mode)
    cached = tmp_path / ".dvc" / "cache" / "files"
    cached.mkdir(parents=True)
    reproduction.own_caches(tmp_path)
    assert modes(tmp_path) == {0o700}
    assert not planted.exists()
    assert cached.is_dir()


def test_a_link_in_the_index_s_place_is_cut_and_what_it_points_to_is_left(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o777)
    (elsewhere / "theirs").write_text("x")
    (tmp_path / ".dvc" / "tmp").mkdir(parents=True)
    (tmp_path / reproduction.SITE_CACHE).symlink_to(elsewhere)
    reproduction.own_caches(tmp_path)
    assert not (tmp_path / reproduction.SITE_CACHE).is_symlink()
    assert (elsewhere / "theirs").read_text() == "x"


def rwlock(root: Path, text: str) -> Path:
    path = root / ".dvc" / "tmp" / "rwlock"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.mark.parametrize("text", ["", "{", '{"write": {"a": {"pid": ', "[]", '{"write": {"a": 3}}', "{}"])
def test_a_torn_list_of_files_in_use_is_removed(tmp_path: Path, text: str) -> None:
    path = rwlock(tmp_path, text)
    reproduction.forget_the_dead(tmp_path)
    assert not path.exists()


def test_a_list_that_names_the_dead_or_strangers_is_removed_and_one_of_a_living_dvc_is_kept(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as dead:
        pass
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        for pid in (dead.pid, stranger.pid):  # the number of a dead process may be in use again, by a stranger
            path = rwlock(tmp_path, json.dumps({"read": {"x": [{"pid": pid, "cmd": "dvc repro"}]}}))
            reproduction.forget_the_dead(tmp_path)
            assert not path.exists()
        stranger.communicate(b"\n")
    with subprocess.Popen(
        [sys.executable, "-c", "print(flush=True); input()", "dvc"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as living:
        assert living.stdout is not None
        living.stdout.readline()
        path = rwlock(tmp_path, json.dumps({"write": {"x": {"pid": living.pid, "cmd": "dvc repro"}}}))
        reproduction.forget_the_dead(tmp_path)
        assert path.exists()
        living.communicate(b"")


def test_a_torn_lock_file_is_dropped_wherever_it_was_cut_and_a_whole_one_is_kept(tmp_path: Path) -> None:
    """DVC refuses what its schema refuses; what is cut between two entries is a shorter list, and whole."""
    whole = (ROOT / "dvc.lock").read_text(encoding="utf-8")
    path = tmp_path / "dvc.lock"
    dropped = 0
    for end in (0, 5, 14, 200, 201, 230, len(whole) // 2, len(whole) - 3, len(whole)):
        path.write_text(whole[:end])
        torn = reproduction.drop_torn_lock_file(tmp_path)
        assert path.exists() != torn
        dropped += torn
    assert path.exists()
    assert dropped >= 4
    path.unlink()
    assert not reproduction.drop_torn_lock_file(tmp_path)


@pytest.mark.parametrize(
    ("words", "code", "kind"),
    [
        ("ERROR: Unable to acquire lock. Most likely another DVC process is running", 255, Locked),
        ("ERROR: 'data/raw' is busy, it is being blocked by:", 255, Locked),
        (
            "ERROR: failed to reproduce 'fit_kappa': failed to run: race stage fit_kappa, exited with -9",
            255,
            SystemRefused,
        ),
        ("ERROR: failed to run: race stage fit_kappa, exited with 137", 255, SystemRefused),
        ("Running stage 'ingest':", -9, SystemRefused),
        ("ERROR: failed to run: race stage fit_kappa, exited with 1", 255, RaceError),
    ],
)
def test_a_run_that_left_no_error_says_what_can_be_known(tmp_path: Path, words: str, code: int, kind: type) -> None:
    found = corridor.stage_error(tmp_path / "absent.json", ["Running stage 'ingest':", words], code)
    assert type(found) is kind


@pytest.mark.parametrize(("code", "kind", "what"), [(1, RaceError, "lost"), (6, InputMissing, "stage ingest: lost")])
def test_a_stages_own_error_is_told_as_it_left_it(tmp_path: Path, code: int, kind: type, what: str) -> None:
    left = {"what": "lost", "where": "here", "why": "gone", "remedy": "look", "kind": "any", "exit_code": code}
    path = tmp_path / "error.json"
    path.write_text(json.dumps({"stage": "ingest", "error": left}))
    found = corridor.stage_error(path, [], 255)
    assert type(found) is kind
    assert found.parts() == {"what": what, "where": "here", "why": "gone", "remedy": "look"}

"""What runs and publications put into a report folder, and what a user put there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import synthetic_quarter
from race_to_efficiency import storage
from race_to_efficiency.errors import UsageError
from race_to_efficiency.provenance.installed import INSTALLED_NOTE, install


@pytest.fixture
def space(tmp_path: Path) -> Any:
    return synthetic_quarter.workspace(synthetic_quarter.make_checkout(tmp_path), "2025Q1")


def held(space: Any) -> dict[str, bytes]:
    place = space.reports / "2025Q1"
    return {path.relative_to(place).as_posix(): path.read_bytes() for path in place.rglob("*") if path.is_file()}


def test_a_later_run_takes_away_what_an_earlier_one_put_and_leaves_a_user_s_file(space: Any) -> None:
    install(space, "2025Q1", {"report.html": b"1", "figures/a.svg": b"a"})
    storage.write_text(space.reports / "2025Q1" / "mine.txt", "mine")
    install(space, "2025Q1", {"report.html": b"2", "figures/b.svg": b"b"})
    assert held(space) == {"report.html": b"2", "figures/b.svg": b"b", "mine.txt": b"mine"}
    install(space, "2025Q1-draft", {"figures/b.svg": b"b"})
    assert "figures/b.svg" in held(space)
    with pytest.raises(UsageError, match="no part of the publication") as caught:
        install(space, "2025Q1", {"report.html": b"3"}, alone=True)
    assert caught.value.where == "mine.txt"
    assert held(space)["report.html"] == b"2"


def test_what_a_cut_off_one_has_written_is_known_to_the_next(space: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    write = storage.write_bytes

    def cut_off(path: Path, data: bytes) -> Path:
        if path.name == "b.svg":
            raise KeyboardInterrupt
        return write(path, data)

    monkeypatch.setattr(storage, "write_bytes", cut_off)
    with pytest.raises(KeyboardInterrupt):
        install(space, "2025Q1", {"a.svg": b"a", "b.svg": b"b"}, alone=True)
    monkeypatch.undo()
    assert held(space) == {"a.svg": b"a"}
    install(space, "2025Q1", {"c.svg": b"c"}, alone=True)
    assert held(space) == {"c.svg": b"c"}


@pytest.mark.parametrize("text", ["", "[]", '{"2025Q1": 3}', "\x00"])
def test_without_a_note_that_can_be_read_nothing_is_taken_away(space: Any, text: str) -> None:
    install(space, "2025Q1", {"a.svg": b"a"})
    storage.write_text(space.root / "data" / "processed" / INSTALLED_NOTE, text)
    install(space, "2025Q1", {"b.svg": b"b"})
    assert held(space) == {"a.svg": b"a", "b.svg": b"b"}


def test_a_link_in_a_file_s_place_is_replaced_and_not_followed(space: Any) -> None:
    target = space.root / "outside.txt"
    storage.write_text(target, "outside")
    (space.reports / "2025Q1").mkdir(parents=True)
    (space.reports / "2025Q1" / "a.svg").symlink_to(target)
    install(space, "2025Q1", {"a.svg": b"outside"})
    assert not (space.reports / "2025Q1" / "a.svg").is_symlink()
    assert target.read_text() == "outside"

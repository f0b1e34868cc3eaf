"""What is remembered of files is what looking at them gives, and nothing damaged, foreign or outdated is believed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import synthetic_quarter
from hypothesis import given
from hypothesis import strategies as st
from race_to_efficiency import storage
from race_to_efficiency.provenance.published_statements import keep_statements
from race_to_efficiency.provenance.publishing import publish
from race_to_efficiency.provenance.verify import changed_ledger_lines, verify
from race_to_efficiency.quarter import answers as answers_module
from race_to_efficiency.quarter.answers import Answers
from race_to_efficiency.quarter.here import store_of

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
CODE = answers_module._code
"""Reads the code each time; conftest.py has it read once for the other tests."""


def place(root: Path) -> Path:
    return store_of(root).folder / "checks.json"


def ask(root: Path | None, *questions: object, most: int = 1_000) -> tuple[list[Any], list[object]]:
    """Return the answers to some questions, and which of them had to be worked out."""
    worked: list[object] = []

    def work(question: object) -> Callable[[], Any]:
        return lambda: (worked.append(question), ["about", question])[1]

    checks = Answers(root, "checks", most)
    answers = [checks.of(question, work(question)) for question in questions]
    checks.keep()
    return answers, worked


def test_an_answer_is_worked_out_once_for_one_question(tmp_path: Path) -> None:
    assert ask(tmp_path, "a", "b", "a")[1] == ["a", "b"]
    assert ask(tmp_path, "b", "c") == ([["about", "b"], ["about", "c"]], ["c"])
    assert ask(tmp_path, "c", "a") == ([["about", "c"], ["about", "a"]], [])


def test_without_a_checkout_nothing_is_remembered(tmp_path: Path) -> None:
    assert ask(None, "a")[1] == ask(None, "a")[1] == ["a"]
    assert list(tmp_path.iterdir()) == []


def test_a_changed_byte_anywhere_in_the_memory_is_not_believed(tmp_path: Path) -> None:
    ask(tmp_path, "a", "b")
    data = place(tmp_path).read_bytes()
    for at in range(0, len(data) - 1, 7):
        place(tmp_path).write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        assert ask(tmp_path, "a")[1] == ["a"], at
    for end in (0, 1, 64, 65, len(data) // 2):
        place(tmp_path).write_bytes(data[:end])
        assert ask(tmp_path, "a")[1] == ["a"], end


def test_other_code_remembers_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers_module, "_code", CODE)
    ask(tmp_path, "a")
    package = tmp_path / "code" / "race_to_efficiency"
    package.mkdir(parents=True)
    monkeypatch.setattr(answers_module, "package_root", lambda: tmp_path / "code")
    for text in ("a = 1\n", "a = 2\n"):
        (package / "one.py").write_text(text, encoding="utf-8")
        assert ask(tmp_path, "a")[1] == ["a"]
        assert ask(tmp_path, "a")[1] == []


def test_the_oldest_answers_go_and_a_folder_that_cannot_be_written_remembers_nothing(tmp_path: Path) -> None:
    ask(tmp_path, "a", "b", "c", most=3)
    ask(tmp_path, "d", "b", most=3)
    assert ask(tmp_path, "d", "b")[1] == []
    assert len(json.loads(place(tmp_path).read_bytes().partition(b"\n")[2])["answers"]) == 3
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where the folder should be")
    assert ask(blocked, "a")[1] == ["a"]


@given(st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3), max_leaves=6))
def test_questions_that_differ_have_answers_of_their_own(question: Any) -> None:
    checks = Answers()
    assert checks.of([question], lambda: 1) == 1
    assert checks.of([question, 0], lambda: 2) == 2
    assert checks.of([question], lambda: 3) == 1


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    """A checkout with two published quarters and what they stated."""
    return published_chain(tmp_path)


def published_chain(folder: Path, *statements: str) -> Path:
    root = synthetic_quarter.make_checkout(folder)
    for name in synthetic_quarter.QUARTERS[:2]:
        space = synthetic_quarter.workspace(root, name)
        synthetic_quarter.run_stages(space)
        storage.write_json(space.processed / "statements.json", {"statements": list(statements)})
        publish(space)
    keep_statements(space)
    return root


def test_the_checkout_s_own_publications_are_found_to_be_what_they_are_remembered_or_not(tmp_path: Path) -> None:
    found = verify(ROOT).to_json()
    for _ in range(2):
        checks = Answers(tmp_path, "checks")
        assert verify(ROOT, checks=checks).to_json() == found
        checks.keep()


@pytest.mark.parametrize("every", [3, pytest.param(1, marks=pytest.mark.slow)])
def test_a_verification_that_remembers_finds_what_one_finds_that_does_not(chain: Path, every: int) -> None:
    """As it lies, and with a byte changed in a file: what was remembered of other bytes is not told of these.

    Each third file, in the order of paths, is in every folder and of every kind; the slow one takes each.
    """
    checks = Answers(chain, "checks")
    assert verify(chain, checks=checks).to_json() == verify(chain).to_json()
    checks.keep()
    told = set()
    paths = sorted(path for name in ("data", "reports") for path in (chain / name).rglob("*") if path.is_file())
    for path in paths[::every]:
        data = path.read_bytes()
        if path == place(chain) or len(data) < 3:
            continue
        path.write_bytes(data[:-3] + bytes([data[-3] ^ 1]) + data[-2:])
        found = verify(chain, checks=Answers(chain, "checks")).to_json()
        assert found == verify(chain).to_json(), path
        told.add(json.dumps(found["first_bad"]))
        path.write_bytes(data)
    assert len(told) > 20 // every
    assert verify(chain, checks=Answers(chain, "checks")).to_json() == verify(chain).to_json()


def test_what_was_published_is_written_again_where_it_differs_remembered_or_not(chain: Path) -> None:
    space = synthetic_quarter.workspace(chain, "2025Q2")
    kept = {path: path.read_bytes() for path in space.published.glob("*.json")}
    assert len(kept) == 2
    for _ in range(2):
        checks = Answers(chain, "checks")
        assert keep_statements(space, checks) == []
        for path, data in kept.items():
            path.write_bytes(data + b" ")
        assert set(keep_statements(space, checks)) == set(kept)
        assert {path: path.read_bytes() for path in kept} == kept
        checks.keep()


def test_what_one_publication_stated_is_not_taken_for_what_another_of_its_name_stated(
    chain: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = published_chain(tmp_path_factory.mktemp("other"), "a statement")
    stated = [sorted(path.read_bytes() for path in (root / "data" / "published").iterdir()) for root in (chain, other)]
    assert stated[0] != stated[1]
    checks = Answers(chain, "checks")
    for root in (chain, other):
        assert verify(root, checks=checks).to_json() == verify(root).to_json()
        assert keep_statements(synthetic_quarter.workspace(root, "2025Q2"), checks) == []


def test_a_run_is_told_of_changed_lines_whatever_it_remembers(chain: Path) -> None:
    ledger = chain / "data" / "raw" / "accelerators.csv"
    data, told = ledger.read_bytes(), []
    for text in (data, data.replace(b"2.0e11", b"2.5e11"), data, data.replace(b"2.0e11", b"2.5e11")):
        ledger.write_bytes(text)
        checks = Answers(chain, "checks")
        told.append(changed_ledger_lines(chain, checks))
        checks.keep()
    assert told[0] == told[2] == []
    assert told[1] == told[3]
    assert told[1][0].startswith("data/raw/accelerators.csv:3: this line was changed")

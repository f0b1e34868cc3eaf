"""A few hundred changed files: no traceback, no hang, no silent loss; `make fuzz` runs more, with other seeds."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fuzz_driver
import fuzz_mutations
import fuzz_subjects
import pytest
from fuzz_subjects import SUBJECTS, Answer
from quick_fits import asked_forms_alone

CASES = {"ledger": 10, "settings": 20, "runs": 4, "dated": 10, "forecasts": 15, "export": 6, "record": 20, "logs": 3,
         "published": 5}  # fmt: skip
SEED = 20260331


@pytest.fixture(scope="module", autouse=True)
def _one_form() -> Iterator[None]:
    with asked_forms_alone():
        yield


def test_every_subject_is_fuzzed() -> None:
    assert set(CASES) == set(SUBJECTS)


@pytest.mark.parametrize("name", CASES)
def test_changed_files(name: str) -> None:
    report = fuzz_driver.fuzz(SEED, [(name, number) for number in range(CASES[name])])
    assert report.failures == []
    assert report.cases == CASES[name]


@pytest.mark.parametrize("name", [name for name in CASES if name not in ("published", "forecasts")])
def test_unchanged_files_are_taken(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise every case above might be refused for one and the same reason."""
    monkeypatch.setattr(fuzz_subjects, "changed", lambda rng, data: data)
    for change in ("bytes_changed", "value_changed"):
        monkeypatch.setattr(fuzz_mutations, change, lambda rng, value: value)
    monkeypatch.setattr(fuzz_mutations, "TEXTS", ("2026-01-15",))
    monkeypatch.setattr(fuzz_mutations, "VALUES", ({"key": "x", "time_ms": 1},))
    report = fuzz_driver.fuzz(1, [(name, number) for number in range(3)])
    assert report.failures == []
    assert {code for _, code in report.codes} == {0}


def test_the_driver_sees_what_does_not_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    said = []

    def attempt(folder: Path, rng: random.Random, race: Any) -> Iterator[str]:
        race(["predict", "--kappa", "x"], codes=(0,))
        race(["solve", "nothing", "--json"], codes=(2,))
        yield "a loss"
        raise ValueError("not caught")

    monkeypatch.setitem(SUBJECTS, "broken", fuzz_subjects.Subject("broken", Path.mkdir, attempt))
    report = fuzz_driver.fuzz(5, [("broken", 7)], tell=said.append)
    assert said == report.failures
    assert [line.partition(": ")[0] for line in said] == ["broken:7 (seed 5)"] * 3
    assert "a loss" in said[0]
    assert "ValueError: not caught" in said[1]
    assert "exit code 2" in said[2]


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (Answer(["x"], 1, "", "race: bug: y", 0.1), "exit code 1"),
        (Answer(["x"], 0, "", "Traceback (most recent call last)", 0.1), "Traceback"),
        (Answer(["x"], 0, "", "", fuzz_driver.MAX_SECONDS + 1), f"{fuzz_driver.MAX_SECONDS + 1:.1f} s"),
        (Answer(["x"], 0, "a\x1b[2J", "", 0.1), "acts on the terminal"),
        (Answer(["x"], 3, "", "race: data invalid: " + "x" * 2100, 0.1), "a message of"),
        (Answer(["x", "--json"], 0, "{", "", 0.1), "no JSON document"),
    ],
)
def test_what_must_hold_of_every_answer(answer: Answer, problem: str) -> None:
    found = list(fuzz_driver.problems(answer, (0, 3)))
    assert len(found) == 1
    assert problem in found[0]
    assert list(fuzz_driver.problems(Answer(["x", "--json"], 0, "{}", "", 0.1), (0,))) == []

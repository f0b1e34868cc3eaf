"""Seals of ledgers: sets of rows that order, new columns and late rows leave whole, and a changed row named."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import random
from pathlib import Path

import pandas as pd
import pytest
import synthetic_quarter
from hypothesis import given
from hypothesis import strategies as st
from race_to_efficiency.provenance import first_seals, row_seals
from race_to_efficiency.provenance.findings import Finding
from race_to_efficiency.provenance.first_seals import seal_from_json
from race_to_efficiency.provenance.ledger_history import entered_findings, sealed_finding
from race_to_efficiency.provenance.row_seals import Found, Ledger, not_sealed
from race_to_efficiency.provenance.sealed_rows import read_marks

NAME = "accelerators.csv"
CHIPS = synthetic_quarter.ACCELERATORS.encode()
LINES = CHIPS.splitlines(keepends=True)
DAY = "2025-05-20"
"""On which a row was recorded: the last day counts."""

SEAL, MARKS = row_seals.seal(Ledger(NAME, CHIPS), DAY)
APPENDED = "chip-e,Chip E,1e12,chips,2025-10-01,2025-10-02,snapshot,false\n"


def found(data: bytes) -> Found:
    return SEAL.find(Ledger(NAME, data), MARKS, DAY)


def check(data: bytes) -> Finding | None:
    """Return the finding about a ledger as verification words it; None when nothing is wrong."""
    ledger, there = Ledger(NAME, data), found(data)
    damage = ledger.damage()
    if damage is not None:
        return Finding(f"data/raw/{NAME}:{damage[0]}", damage[1])
    return None if there.holds else sealed_finding(ledger, "2025Q2", there)


def own_digest(row: dict[str, str]) -> str:
    """Digest a row as the seal's docstring says, with another reader of CSV."""
    pairs = [[name, row[name]] for name in sorted(row) if row[name] != ""]
    return hashlib.sha256(json.dumps(pairs, ensure_ascii=False, separators=(",", ":")).encode("utf-8")).hexdigest()


def test_the_digests_are_what_another_reader_computes() -> None:
    rows = list(csv.DictReader(io.StringIO(CHIPS.decode())))
    digests = [own_digest(row) for row in rows]
    known = [own_digest(row) for row in rows if row["recorded"] <= DAY]
    assert "".join(digest[:16] for digest in digests) == MARKS
    for one, many in ((SEAL.sha256, digests), (SEAL.as_of_sha256, known)):
        assert one == hashlib.sha256("".join(f"{digest}\n" for digest in sorted(many)).encode()).hexdigest()
    assert (SEAL.rows, len(known)) == (5, 4)
    assert seal_from_json(json.loads(json.dumps(SEAL.to_json()))) == SEAL


@given(order=st.permutations(LINES[1:]), late=st.lists(st.integers(0, 5), max_size=4), place=st.integers(0, 8))
def test_order_new_columns_and_late_rows_leave_a_seal_whole(order: list[bytes], late: list[int], place: int) -> None:
    lines = list(order)
    for number, at in enumerate(late):  # rows that claim to have been known before the quarter ended, anywhere
        lines.insert(at, f"late-{number},,3e11,chips,2024-02-02,2024-02-02,stated,false\n".encode())
    frame = pd.read_csv(io.BytesIO(b"".join([LINES[0], *lines])), dtype=str, keep_default_na=False)
    frame.insert(place, "loss_unit", ["nats/token" if at % 2 else "" for at in range(len(frame))])
    shuffled = frame[sorted(frame.columns)]
    for data in (frame, shuffled):
        text = data.to_csv(index=False, lineterminator="\n").encode()
        there = found(text)
        assert there.holds
        assert there.as_of_holds
        ledger = Ledger(NAME, text)
        held = sorted(ledger.cells(ledger.rows[at])["accelerator_id"] for at in there.rows)
        assert held == ["chip-a", "chip-b", "chip-c", "chip-c", "chip-d"]
        assert len(not_sealed(ledger, [there])) == len(late)


def test_an_empty_cell_is_as_good_as_none() -> None:
    assert row_seals.row_digest({"a": "x", "b": ""}) == row_seals.row_digest({"a": "x"})
    assert row_seals.row_digest({"a": "x", "b": " "}) != row_seals.row_digest({"a": "x"})
    assert row_seals.row_digest({"b": "x"}) != row_seals.row_digest({"a": "x"})


def test_a_row_that_stands_twice_is_sealed_once() -> None:
    there = found(CHIPS + LINES[2])
    assert there.holds
    assert there.rows == [0, 1, 2, 3, 4]
    twice, marks = row_seals.seal(Ledger(NAME, CHIPS + LINES[2]), DAY)
    assert not twice.find(Ledger(NAME, CHIPS), marks, DAY).holds


@given(position=st.integers(0, len(CHIPS) - 1), value=st.integers(0, 255))
def test_any_byte_changed_in_a_sealed_line_names_its_line(position: int, value: int) -> None:
    changed = bytearray(CHIPS)
    changed[position] = value
    finding = check(bytes(changed))
    if bytes(changed) == CHIPS:
        assert finding is None
        return
    line = CHIPS[:position].count(b"\n") + 1
    assert finding is not None
    # a line feed put into a line, or taken from its end, is a change of two lines
    assert finding.artefact in (f"data/raw/{NAME}:{line}", f"data/raw/{NAME}:{line + 1}" if value == 10 else "")


@pytest.mark.parametrize(
    ("change", "line", "words"),
    [
        (lambda rows: [*rows[:2], *rows[3:]], 3, "removed"),
        (lambda rows: rows[:4], 5, "2 sealed rows are missing"),
        (
            lambda rows: [*rows[:3], rows[3].replace(b"9.0", b"9.1"), *rows[4:]],
            4,
            "changed (it now begins with 'chip-c')",
        ),
        (lambda rows: [rows[0], rows[1].replace(b"\n", b"\r\n"), *rows[2:]], 2, "carriage return"),
        (lambda rows: [b"\xef\xbb\xbf" + rows[0], *rows[1:]], 1, "byte-order mark"),
        (lambda rows: [rows[0].replace(b"name", b"nbme"), *rows[1:]], 1, "it lacks name"),
        (lambda rows: [*rows[:3], b"\n", *rows[3:]], 4, "blank line"),
        (lambda rows: [*rows, b"\n"], 7, "blank line"),
        (lambda rows: [*rows[:-1], rows[-1][:-1]], 6, "line feed"),
        (lambda rows: [], 1, "line feed"),
    ],
)
def test_what_happened_to_a_sealed_row_is_said(change: object, line: int, words: str) -> None:
    finding = check(b"".join(change(LINES)))
    assert finding is not None
    assert finding.artefact == f"data/raw/{NAME}:{line}"
    assert words in finding.what


def test_what_was_recorded_after_the_quarter_is_told_apart() -> None:
    there = found(CHIPS.replace(b"8.0e11", b"8.1e11"))  # recorded 2025-09-01
    assert (there.holds, there.as_of_holds) == (False, True)
    there = found(CHIPS.replace(b"4.0e11", b"4.1e11"))  # recorded 2025-05-20
    assert (there.holds, there.as_of_holds) == (False, False)


@pytest.mark.parametrize(
    ("tail", "level", "words"),
    [
        (APPENDED, None, ""),
        (APPENDED.replace("Chip E", '"Chip E\nsecond line"'), None, ""),
        (APPENDED + APPENDED.replace("chip-e", "chip-f"), None, ""),
        (APPENDED.replace("2025-10-02", "2025-06-30"), None, ""),
        ("chip-a,Chip A,1.0e11,chips,2020-01-01,2025-01-10,snapshot,false\n", "warning", "repeats line 2"),
        (APPENDED.replace(",false", ""), "broken", "cells"),
        (" ,,,,,,,\n", "broken", "cells"),
        (LINES[0].decode(), "broken", "header"),
        (APPENDED.replace("2025-10-02", "soon"), "broken", "no date"),
        (APPENDED.replace("2025-10-02", "20251002"), "broken", "no date"),
        (APPENDED.replace("2025-10-02", ""), "broken", "no date"),
        (APPENDED.replace("Chip E", '"Chip E'), "broken", "read"),
    ],
)
def test_rows_that_entered_later_are_held_to_their_form(tail: str, level: str | None, words: str) -> None:
    ledger = Ledger(NAME, CHIPS + tail.encode())
    there = SEAL.find(ledger, MARKS, DAY)
    assert there.holds
    findings = entered_findings(ledger, not_sealed(ledger, [there]))
    assert [item.level for item in findings] == ([level] if level else [])
    assert all(words in item.what and item.artefact == f"data/raw/{NAME}:7" for item in findings)


@pytest.mark.parametrize("folder", ["race-0.1/2025Q1", "race-0.1/2026Q1"])
def test_the_seals_of_0_1_hold_through_late_rows_and_a_new_column(root: Path, folder: str) -> None:
    """Format 1 sealed bytes; they are told from today's ledgers, whatever these have gained."""
    manifest = json.loads((root / "reports" / folder / "manifest.json").read_text())
    assert manifest["format"] == first_seals.FIRST_FORMAT
    marks = read_marks(root / "reports" / folder)
    name, sealed = "training_runs.csv", seal_from_json(manifest["ledgers"]["training_runs.csv"])
    data = (root / "data" / "raw" / name).read_bytes()
    as_it_lies = sealed.find(Ledger(name, data), marks[name], manifest["as_of"])
    assert as_it_lies.holds
    frame = pd.read_csv(io.BytesIO(data), dtype=str, keep_default_na=False)
    late = frame.sample(5, random_state=1).assign(run_id=[f"late-{at}" for at in range(5)])
    grown = pd.concat([frame, late])
    if "loss_unit" not in grown:
        grown.insert(random.Random(2).randrange(1, 12), "loss_unit", "nats/token")
    text = grown.to_csv(index=False, lineterminator="\n").encode()
    there = sealed.find(Ledger(name, text), marks[name], manifest["as_of"])
    assert there.holds
    assert there.as_of_holds
    assert there.rows == list(range(sealed.to_json()["lines"] - 1))
    changed = text.replace(b"nats/token,", b"nats/token, ", 1).replace(b",2.", b",3.", 1)
    gone = sealed.find(Ledger(name, changed), marks[name], manifest["as_of"])
    assert not gone.holds
    line, words = row_seals.missing_row(Ledger(name, changed), gone)
    assert line == 1 + next(
        at for at, (one, other) in enumerate(zip(text.split(b"\n"), changed.split(b"\n"), strict=True)) if one != other
    )
    assert "changed" in words

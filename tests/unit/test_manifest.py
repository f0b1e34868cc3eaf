"""The manifest and the ledgers' seals: digests another tool computes, and lines named as they were changed."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from pathlib import Path

import pytest
import synthetic_quarter
from hypothesis import given
from hypothesis import strategies as st
from race_to_efficiency.provenance import ledger_lines, manifest, registry
from race_to_efficiency.units import Quarter

CHIPS = synthetic_quarter.ACCELERATORS.encode()


def build(root: Path, **options: object) -> dict[str, object]:
    seals, _ = manifest.seal_ledgers(root / "data" / "raw", "2025-06-30")
    arguments = {"number": 1, "previous": None, **options}
    return manifest.build(root, Quarter.parse("2025Q2"), {"a.txt": b"abc", "n.json": b'{"x": 1}'}, seals, **arguments)


def test_digests_are_plain_sha256_and_content_digests_ignore_layout(tmp_path: Path) -> None:
    document = build(synthetic_quarter.make_checkout(tmp_path))
    files = document["files"]
    # FIPS 180-2, appendix B.1: the digest of "abc"
    assert files["a.txt"]["sha256"] == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert files["n.json"]["content_sha256"] == manifest.content_digest("n.json", b'{ "x":1}\n')
    assert files["n.json"]["sha256"] != hashlib.sha256(b'{ "x":1}\n').hexdigest()
    seal = document["ledgers"]["accelerators.csv"]
    assert (seal["size_bytes"], seal["lines"]) == (len(CHIPS), CHIPS.count(b"\n"))
    assert seal["sha256"] == hashlib.sha256(CHIPS).hexdigest()


def test_the_manifest_names_no_place_and_no_time(tmp_path: Path) -> None:
    root = synthetic_quarter.make_checkout(tmp_path / "a b")
    text = json.dumps(build(root))
    assert str(root) not in text
    assert str(manifest.code_in_use()) not in text
    assert build(root) == build(root)
    assert build(root)["code"]["commit"] is None  # a folder without git has no commit to name


def test_every_file_of_the_package_is_in_the_code_digest(root: Path) -> None:
    record = manifest.code_record(root)
    assert "pipeline/race_to_efficiency/provenance/manifest.py" in record["files"]
    assert not [name for name in record["files"] if "__pycache__" in name]


def test_as_of_lines_are_those_recorded_by_the_day() -> None:
    lines = ledger_lines.split_lines(CHIPS)
    rows = list(csv.DictReader(io.StringIO(CHIPS.decode())))
    for day in ("2024-12-31", "2025-01-10", "2025-05-19", "2025-05-20", "2026-01-01"):
        kept = [lines[0], *(line for line, row in zip(lines[1:], rows, strict=True) if row["recorded"] <= day)]
        assert ledger_lines.as_of_digest(lines, day) == (len(kept), hashlib.sha256(b"".join(kept)).hexdigest())


def test_a_quoted_line_break_belongs_to_its_record() -> None:
    data = b'id,name,recorded\nx,"two\nlines",2025-01-01\ny,one,2026-01-01\n'
    count, digest = ledger_lines.as_of_digest(ledger_lines.split_lines(data), "2025-12-31")
    assert (count, digest) == (3, hashlib.sha256(data[: data.index(b"y,one")]).hexdigest())


@given(st.binary(max_size=400))
def test_splitting_loses_no_byte(data: bytes) -> None:
    lines = ledger_lines.split_lines(data)
    assert b"".join(lines) == data
    assert all(line.endswith(b"\n") for line in lines[:-1])


def check(data: bytes) -> list[ledger_lines.Finding]:
    seal = ledger_lines.seal(CHIPS, "2025-06-30")
    return ledger_lines.check_sealed("accelerators.csv", data, seal, ledger_lines.marks(CHIPS), "2025Q2")


@given(position=st.integers(0, len(CHIPS) - 1), value=st.integers(0, 255))
def test_any_byte_changed_in_a_sealed_line_names_its_line(position: int, value: int) -> None:
    changed = bytearray(CHIPS)
    changed[position] = value
    findings = check(bytes(changed))
    if bytes(changed) == CHIPS:
        assert findings == []
        return
    line = CHIPS[:position].count(b"\n") + 1
    assert findings[0].artefact == f"data/raw/accelerators.csv:{line}"


@pytest.mark.parametrize(
    ("change", "line", "words"),
    [
        (lambda rows: [*rows[:2], *rows[3:]], 3, "removed"),
        (lambda rows: [*rows[:2], b"chip-x,,,,,,,\n", *rows[2:]], 3, "inserted"),
        (lambda rows: [*rows[:2], rows[4], rows[3], rows[2], rows[5]], 3, "another order"),
        (lambda rows: rows[:4], 5, "2 sealed lines are missing"),
        (lambda rows: [rows[0], rows[1].replace(b"\n", b"\r\n"), *rows[2:]], 2, "changed"),
        (lambda rows: [b"\xef\xbb\xbf" + rows[0], *rows[1:]], 1, "changed"),
        (lambda rows: [], 1, "missing"),
    ],
)
def test_what_happened_to_a_sealed_line_is_said(change: object, line: int, words: str) -> None:
    (finding,) = check(b"".join(change(ledger_lines.split_lines(CHIPS))))
    assert finding.artefact == f"data/raw/accelerators.csv:{line}"
    assert words in finding.what


APPENDED = "chip-e,Chip E,1e12,chips,2025-10-01,2025-10-02,snapshot,false\n"


@pytest.mark.parametrize(
    ("tail", "level", "words"),
    [
        (APPENDED, None, ""),
        (APPENDED.replace("Chip E", '"Chip E\nsecond line"'), None, ""),
        (APPENDED + APPENDED.replace("chip-e", "chip-f"), None, ""),
        ("chip-a,Chip A,1.0e11,chips,2020-01-01,2025-01-10,snapshot,false\n", "broken", "repeats line 2"),
        (APPENDED.rstrip("\n"), "broken", "incomplete"),
        (" ", "broken", "incomplete"),
        ("\n", "broken", "cells"),
        (" \n", "broken", "cells"),
        (APPENDED.replace("\n", "\r\n"), "broken", "carriage"),
        ("\ufeff" + APPENDED, "broken", "byte-order"),
        ("\0" + APPENDED, "broken", "NUL"),
        (APPENDED.replace(",false", ""), "broken", "cells"),
        (APPENDED.replace("2025-10-02", "soon"), "broken", "no date"),
        (APPENDED.replace("2025-10-02", "20251002"), "broken", "no date"),
        (APPENDED.replace("Chip E", '"Chip E'), "broken", "CSV"),
        (APPENDED.replace("2025-10-02", "2025-06-30"), "broken", "2025Q2"),
        (APPENDED.replace("2025-10-02,snapshot", "2025-06-30,assumed_released"), "warning", "2025Q2"),
    ],
)
def test_appended_lines_are_accepted_by_their_form_and_date(tail: str, level: str | None, words: str) -> None:
    seal = ledger_lines.seal(CHIPS, "2025-06-30")
    findings = ledger_lines.check_appended("accelerators.csv", CHIPS + tail.encode(), seal, {"2025Q2": "2025-06-30"})
    assert [item.level for item in findings] == ([level] if level else [])
    assert all(words in item.what and item.artefact.startswith("data/raw/accelerators.csv:7") for item in findings)


def test_an_entry_holds_its_types_exactly(tmp_path: Path) -> None:
    document = build(synthetic_quarter.make_checkout(tmp_path))
    entry = registry.entry_of(document, "0" * 64)
    assert entry.folder == "2025Q2"
    assert registry.folder_name("2025Q2", 3) == "2025Q2.r3"
    for name, value in (("number", 1.0), ("number", True), ("reconstructed", 0), ("previous", 0), ("quarter", None)):
        with pytest.raises(TypeError, match=name):
            registry.Entry(**{**entry.to_json(), name: value})


def test_the_chain_is_made_of_previous_digests(tmp_path: Path) -> None:
    root = synthetic_quarter.make_checkout(tmp_path)
    first = registry.entry_of(build(root), "a" * 64)
    second = registry.entry_of(build(root, number=2, previous=first.reference()), "b" * 64)
    data = registry.render([first, second])
    assert registry.check_registry(data, "r.json") == ([first, second], [])
    assert json.loads(data)["head"] == "b" * 64
    for entries, words in (
        ([second], "deleted"),
        ([second, first], "another order"),
        ([first, first], "twice"),
        ([first, second, second], "twice"),
    ):
        findings = registry.check_registry(registry.render(entries), "r.json")[1]
        assert words in findings[0].what
        assert findings[0].artefact.startswith("r.json: entry ")
    (finding,) = registry.check_registry(data.replace(b'"head": "b', b'"head": "c'), "r.json")[1]
    assert finding.artefact == "r.json: head"

"""A source record is read, or refused before anything is appended; what an import appends comes back as rows."""

from __future__ import annotations

import random
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from race_to_efficiency import cli
from race_to_efficiency.errors import DataInvalid
from race_to_efficiency.ledger.importers.source_record import OTHER_FIELDS, RECORD_FIELDS, read_record
from race_to_efficiency.ledger.importing import run_import
from race_to_efficiency.ledger.intake import read_ledger

TABLE = "run_id,params,tokens,loss_nats,model_family,dataset\n" + "".join(
    f"{n},{n + 1}e8,{n + 1}e10,{3 - n / 100},L,C4\n" for n in range(20)
)
GOOD: dict[str, Any] = {
    "source_id": "mine2026", "title": "T", "authors": "A", "year": 2026, "identifier": "x", "licence": "CC-BY 4.0",
    "family": "m", "loss_unit": "n", "released": "2026-01-15",
}  # fmt: skip


@pytest.fixture
def raw(root: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "data" / "raw"
    folder.mkdir(parents=True)
    shutil.copy(root / "params.yaml", tmp_path)
    shutil.copy(root / "data" / "raw" / "sources.csv", folder)
    lines = (root / "data" / "raw" / "training_runs.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "training_runs.csv").write_text("".join(lines[:40]), encoding="utf-8")
    return folder


def deliver(raw: Path, note: str, table: str = TABLE) -> Path:
    path = raw.parents[1] / "runs-2026-06-30.csv"
    path.write_text(table, encoding="utf-8")
    path.with_suffix(".source.yaml").write_text(note, encoding="utf-8")
    return path


def ledgers(raw: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in raw.glob("*.csv")}


def quarantined(raw: Path) -> int:
    return sum(len(read_ledger(name, raw).quarantined) for name in ("sources", "training_runs"))


DUMPED = yaml.safe_dump(GOOD, sort_keys=False)
LEVELS = "\n".join(["a0: &a0 [" + "x," * 9 + "]", *(f"a{n}: &a{n} [{f'*a{n - 1},' * 9}]" for n in range(1, 9))])
BREAKERS = {  # the same eight kinds as were found by attack, and their sisters
    "an impossible day": (DUMPED.replace("'2026-01-15'", "2026-99-99"), "month must be in 1..12", ":9:11"),
    "an impossible day, quoted": (DUMPED.replace("2026-01-15", "2026-99-99"), "calendar date", ": released"),
    "no date": (DUMPED.replace("2026-01-15", "soon"), "date", ": released"),
    "3,000 deep": (DUMPED + "x: " + "[" * 3000 + "]" * 3000, "more than 64 deep", ":10:"),
    "an alias bomb": (f"{LEVELS}\n{DUMPED.replace('title: T', 'title: *a8')}", "more than 20,000 values", ":"),
    "constants as a list": (DUMPED + "constants: [1]\n", "no mapping", ": constants"),
    "columns as a text": (DUMPED + "columns: N\n", "no mapping", ": columns"),
    "a constant that is a list": (DUMPED + "constants: {dataset: [C4]}\n", "one text", ": constants.dataset"),
    "a list as title": (DUMPED.replace("title: T", "title: [T]"), "one text", ": title"),
    "a truth value as title": (DUMPED.replace("title: T", "title: yes"), "one text", ": title"),
    "an unknown field": (DUMPED + "licnece: MIT\n", "no such field", ": licnece"),
    "no mapping": ("- source_id\n", "no mapping", ""),
    "an escape sequence": (DUMPED.replace("title: T", r'title: "\e[31mRED"'), "no control", "data/raw/sources.csv"),
    "a NUL": (DUMPED.replace("authors: A", r'authors: "\0"'), "control", "data/raw/sources.csv"),
    "a title without end": (DUMPED.replace("title: T", "title: " + "x" * 30_000), "at most", "data/raw/sources.csv"),
    "a key twice": (DUMPED + "title: U\n", "the key 'title' stands twice", ":10:1"),
}  # fmt: skip


@pytest.mark.parametrize("name", BREAKERS)
@pytest.mark.parametrize("dry", [True, False], ids=["dry", "wet"])
def test_a_bad_record_is_refused_before_anything_is_appended(
    raw: Path, name: str, dry: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    note, why, place = BREAKERS[name]
    path, held = deliver(raw, note), ledgers(raw)
    monkeypatch.chdir(raw.parents[1])
    started = time.process_time()
    assert cli.main(["import", "training-runs", str(path), *(["--dry-run"] if dry else [])]) == 3
    assert time.process_time() - started < 3.0  # the ledgers are read in it; the record itself takes milliseconds
    told = capsys.readouterr().err
    assert len(told.encode()) <= 2048
    assert why in told
    assert (place if place.startswith("data") else f".source.yaml{place}") in told
    assert ledgers(raw) == held


def test_a_good_record_is_read_as_it_stands(raw: Path, tmp_path: Path) -> None:
    more = {"columns": {"loss_nats": "loss"}, "constants": {"dataset": "C4"}, "run_id_prefix": "", "citation": None}
    record = read_record(deliver(raw, yaml.safe_dump({**GOOD, **more})).with_suffix(".source.yaml"))
    assert record.texts == {**GOOD, "year": "2026", "run_id_prefix": ""}
    assert (record.columns, record.constants) == ({"loss_nats": "loss"}, {"dataset": "C4"})
    assert read_record(tmp_path / "absent.source.yaml").texts == {}
    run_import("training-runs", deliver(raw, DUMPED), raw)
    assert set(read_ledger("training_runs", raw).rows["run_id"].tail(20)) == {f"mine2026-{n}" for n in range(20)}


NASTY = ("\x1b[2J", "\x00", "\x85", "\u2028", "\u202e", "'", '"', '""', ",", "\n", "\r\n", "\r", '"\n"', "=1", " ", "",
         "é" * 400, "x" * 25_000, "9" * 400, "1e999", "nan", "-1", "0", "null", "true", "2026-02-30", "9999-12-31",
         "0001-01-01", "besiroglu2024", "mine2026", "[b]", "\\", "#", "%", "\ufeff", "\u0000x", "😀")  # fmt: skip


def hostile(rng: random.Random) -> tuple[str, str]:
    """Return a source record and a table with nasty texts in some places."""
    note = dict(GOOD)
    for name in rng.sample([*RECORD_FIELDS, *OTHER_FIELDS], rng.randint(1, 3)):
        text = rng.choice(NASTY)
        note[name] = rng.choice((text, f"{note.get(name, 'a')}{text}", f"a{text}b{rng.choice(NASTY)}"))
    if rng.random() < 0.3:
        note[rng.choice(("columns", "constants"))] = {
            rng.choice(("dataset", "cluster", "run_flags")): rng.choice(NASTY)
        }
    lines = TABLE.splitlines()
    if rng.random() < 0.5:
        place = rng.randrange(len(lines))
        cells = lines[place].split(",")
        cells[rng.randrange(len(cells))] = rng.choice(NASTY)
        lines[place] = ",".join(cells)
    return yaml.safe_dump(note, allow_unicode=rng.random() < 0.5), "\n".join(lines) + "\n"


def test_whatever_an_import_accepts_the_next_read_accepts(raw: Path) -> None:
    held, rng, accepted = ledgers(raw), random.Random(20260331), 0
    before = quarantined(raw)
    for _ in range(25):
        note, table = hostile(rng)
        path = deliver(raw, note, table)
        try:
            report = run_import("training-runs", path, raw).to_json()
        except DataInvalid:
            assert ledgers(raw) == held
            continue
        accepted += 1
        assert quarantined(raw) == before, note
        assert report["read"] == sum(
            report[name] for name in ("unchanged", "new", "revised", "excluded", "quarantined")
        )
        for name, data in held.items():
            (raw / name).write_bytes(data)
    assert accepted >= 4

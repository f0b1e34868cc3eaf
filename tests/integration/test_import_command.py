"""``race import`` as a person and a program meet it: words, JSON, exit codes, locks, kills, hostile files."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from race_to_efficiency import cli, storage
from race_to_efficiency.checkout import locked

DATA = Path(__file__).resolve().parent.parent / "data" / "ledger"

PROGRAM = """
import resource, sys
import typer
from race_to_efficiency.commands import dictionary, import_
from race_to_efficiency.cli import report_error
from race_to_efficiency.errors import RaceError
app = typer.Typer()
import_.register(app)
dictionary.register(app)
code = 0
try:
    app(sys.argv[1:], standalone_mode=False)
except RaceError as error:
    code = report_error(error, as_json="--json" in sys.argv)
sys.stderr.write(f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}\\n")
sys.exit(code)
"""


LONG = ("mlperf_training", "notable_training_runs", "training_runs")
"""Ledgers no import here touches: their first rows will do."""

Race = Callable[..., tuple[int, str, str]]


@pytest.fixture
def checkout(root: Path, tmp_path: Path) -> Path:
    """A folder like a checkout: the shipped ledgers, the long ones cut short, and a params.yaml."""
    raw = Path(shutil.copytree(root / "data" / "raw", tmp_path / "data" / "raw"))
    for name in LONG:
        lines = (raw / f"{name}.csv").read_text(encoding="utf-8").splitlines(keepends=True)
        (raw / f"{name}.csv").write_text("".join(lines[:40]), encoding="utf-8")
    (tmp_path / "params.yaml").write_text("quarter: 2026Q1\n", encoding="utf-8")
    return tmp_path


@pytest.fixture
def race(checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Race:
    """Run ``race WORDS`` in the checkout: exit code, stdout and stderr."""
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")

    def call(*words: str, at: Path = checkout) -> tuple[int, str, str]:
        monkeypatch.chdir(at)
        code = cli.main(list(words))
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return call


def command(root: Path, checkout: Path, *words: str) -> subprocess.Popen[str]:
    """Start ``race WORDS`` in a process of its own."""
    environment = storage.process_environment({"PYTHONPATH": str(root / "pipeline"), "NO_COLOR": "1", "COLUMNS": "120"})
    arguments = [sys.executable, "-c", PROGRAM, *words]
    return subprocess.Popen(
        arguments, cwd=checkout, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def ledgers(checkout: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (checkout / "data" / "raw").glob("*.csv")}


def chips(checkout: Path, generation: int = 2) -> str:
    path = checkout / "chips-2026-06-30.csv"
    shutil.copy(DATA / f"hardware_generation_{generation}.csv", path)
    return path.name


def test_json_is_one_document_with_the_promised_keys(race: Race, checkout: Path) -> None:
    code, out, _ = race("import", "epoch-hardware", chips(checkout), "--json")
    document = json.loads(out)
    assert code == 0
    assert list(document)[:15] == [
        "source", "recorded", "read", "unchanged", "new", "revised", "withdrawn", "excluded", "quarantined",
        "new_rows", "revisions", "proposed_renames", "proposed_clusters", "flag_counts", "flags",
    ]  # fmt: skip
    assert (document["source"], document["recorded"]) == ("epoch-hardware", "2026-06-30")
    counted = [
        document[name] for name in ("read", "unchanged", "new", "revised", "withdrawn", "excluded", "quarantined")
    ]
    assert all(type(number) is int for number in counted)
    assert counted == [5, 0, 5, 0, 0, 0, 0]
    assert document["appended"] == len(document["new_rows"]) == 5


def test_a_person_reads_what_changed(race: Race, checkout: Path) -> None:
    code, out, _ = race("import", "epoch-hardware", chips(checkout, 1))
    assert code == 0
    assert "7 read = 0 unchanged + 5 new + 0 revised + 2 excluded + 0 quarantined; 0 withdrawn beside them" in out
    assert "withdrawals_held_back" in out
    assert "Flags, those that move an estimate first: 1 withdrawals held back" in out
    code, out, _ = race("import", "epoch-hardware", chips(checkout, 1), "--accept-withdrawals")
    assert code == 0
    assert "7 read = 5 unchanged + 0 new + 0 revised + 2 excluded + 0 quarantined; 175 withdrawn beside them" in out
    assert "\x1b[" not in out


def test_a_dry_run_writes_nothing(race: Race, checkout: Path) -> None:
    held = ledgers(checkout)
    code, out, _ = race("import", "epoch-hardware", chips(checkout), "--dry-run")
    assert code == 0
    assert "would append 5 lines" in out
    assert ledgers(checkout) == held


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["import", "epoch-hardware", "chips.csv"], 2, "--recorded"),
        (["import", "epoch-hardware", "chips.csv", "--recorded", "soon"], 2, "YYYY-MM-DD"),
        (["import", "chips", "chips.csv", "--recorded", "2026-06-30"], 2, "epoch-models"),
        (["import", "epoch-hardware", "absent-2026-06-30.csv"], 6, "does not exist"),
        (["import", "mlperf", "absent-2026-06-30"], 6, "no folder"),
    ],
)
def test_calls_that_cannot_be_served_say_what_to_do(
    race: Race, checkout: Path, words: list[str], code: int, said: str
) -> None:
    shutil.copy(DATA / "hardware_generation_2.csv", checkout / "chips.csv")
    held = ledgers(checkout)
    found, out, err = race(*words)
    assert (found, out) == (code, "")
    assert said in err
    assert ledgers(checkout) == held


def table_text() -> bytes:
    return (DATA / "hardware_generation_2.csv").read_bytes()


HOSTILE = {
    "web page": b"<!doctype html><html>busy</html>",
    "NUL bytes": table_text().replace(b"Acme", b"Ac\x00me", 1),
    "half written": table_text()[: len(table_text()) // 2],
    "latin-1": table_text().replace(b"Acme", b"Acm\xe9", 1),
    "gzip bomb": gzip.compress(bytes(50_000_000)),
    "binary": bytes(range(256)) * 20,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_exits_3_with_reason_and_line_and_the_ledger_is_untouched(
    race: Race, checkout: Path, name: str
) -> None:
    (checkout / "export-2026-06-30.csv").write_bytes(HOSTILE[name])
    held = ledgers(checkout)
    code, out, err = race("import", "epoch-hardware", "export-2026-06-30.csv", "--json")
    error = json.loads(out)["error"]
    assert code == error["exit_code"] == 3
    assert error["why"]
    assert error["where"].rpartition(":")[2].isdigit()
    assert "Traceback" not in err
    assert ledgers(checkout) == held


def test_a_line_of_200_mb_is_refused_in_bounded_memory(root: Path, checkout: Path) -> None:
    small, large = checkout / "small-2026-06-30.csv", checkout / "large-2026-06-30.csv"
    small.write_bytes(b"<html>")
    with large.open("wb") as stream:
        stream.write(table_text())
        for _ in range(200):
            stream.write(b"x" * 1_000_000)
    peaks = []
    for path in (small, large):
        process = command(root, checkout, "import", "epoch-hardware", path.name)
        _, err = process.communicate(timeout=120)
        assert process.returncode == 3
        peaks.append(int(err.rsplit("peak ", 1)[1]))
    assert "large-2026-06-30.csv:7" in err
    assert peaks[1] - peaks[0] < 60_000  # kB; the file has 200,000


def test_ragged_rows_are_quarantined_one_by_one_and_the_rest_is_imported(race: Race, checkout: Path) -> None:
    lines = table_text().decode().splitlines(keepends=True)
    lines[3] = "Bora,too,short\n"
    (checkout / "chips-2026-06-30.csv").write_text("".join(lines), encoding="utf-8")
    code, out, _ = race("import", "epoch-hardware", "chips-2026-06-30.csv", "--json")
    document = json.loads(out)
    assert (code, document["new"], document["quarantined"]) == (0, 4, 1)
    assert document["quarantine"][0]["line"] == 4


def test_another_import_that_holds_the_ledger_exits_7_when_it_does_not_end(root: Path, checkout: Path) -> None:
    held = ledgers(checkout)
    with locked(checkout, "a test"):
        process = command(root, checkout, "import", "epoch-hardware", chips(checkout), "--wait", "0.3")
        _, err = process.communicate(timeout=120)
    assert process.returncode == 7
    assert "another race command is at work in this checkout: a test" in err
    assert ledgers(checkout) == held


def test_of_two_imports_at_once_one_waits_and_both_are_whole(root: Path, race: Race, checkout: Path) -> None:
    name = chips(checkout)
    pair = [command(root, checkout, "import", "epoch-hardware", name, "--wait", "60", "--json") for _ in range(2)]
    documents = []
    for process in pair:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        documents.append(json.loads(out))
    assert sorted(document["appended"] for document in documents) == [0, 5]
    code, out, _ = race("import", "epoch-hardware", name, "--json")
    assert (code, json.loads(out)["unchanged"]) == (0, 5)


def test_a_killed_import_leaves_the_ledger_old_or_new_and_never_between(root: Path, race: Race, checkout: Path) -> None:
    old = ledgers(checkout)
    name = chips(checkout)
    reference = checkout.parent / "reference"
    shutil.copytree(checkout, reference)
    race("import", "epoch-hardware", name, at=reference)
    new = ledgers(reference)
    for delay in (0.5, 1.2, 2.0):
        process = command(root, checkout, "import", "epoch-hardware", name)
        time.sleep(delay)
        process.kill()
        process.communicate(timeout=60)
        assert ledgers(checkout) in (old, new)
    code, _, _ = race("import", "epoch-hardware", name)
    assert (code, ledgers(checkout)) == (0, new)


def test_the_dictionary_is_checked_and_written(root: Path, race: Race, checkout: Path) -> None:
    readme = checkout / "data" / "raw" / "README.md"
    assert race("dictionary", "--check")[0] == 0
    readme.write_text("old\n", encoding="utf-8")
    code, _, err = race("dictionary", "--check")
    assert (code, "race dictionary" in err) == (5, True)
    code, out, _ = race("dictionary", "--json")
    assert (code, json.loads(out)["changed"]) == (0, True)
    assert readme.read_bytes() == (root / "data" / "raw" / "README.md").read_bytes()

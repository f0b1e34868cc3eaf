"""Inputs made to break a command: each gives its right answer, shown as what it is."""

from __future__ import annotations

import json
import shutil
import unicodedata
from pathlib import Path

import pytest
from race_to_efficiency import cli
from race_to_efficiency.commands import run
from race_to_efficiency.ledger.account import account_of
from race_to_efficiency.ledger.intake import read_ledger
from race_to_efficiency.settings.params import open_workspace

ESCAPES = "\x1b]0;pwned\x07\x1b[2J\x1b[31mevil"
DATED = "date,value\n2010-01-15,{}\n" + "".join(f"{2011 + n}-01-15,{2 ** (n / 2):.6f}\n" for n in range(12))


def acting(text: str) -> set[str]:
    return {character for character in text if unicodedata.category(character) in ("Cc", "Cf")} - {"\n"}


@pytest.fixture
def checkout(root: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    shutil.copytree(root / "data" / "raw", folder / "data" / "raw")
    shutil.copy(root / "params.yaml", folder)
    return folder


def test_terminal_escapes_of_a_table_are_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("evil.csv").write_text(DATED.format(ESCAPES))
    words = ["fit", "gamma", "evil.csv", "--date", "date", "--value", "value", "--draws", "100"]
    assert cli.main(words) == 0
    shown = capsys.readouterr()
    assert not acting(shown.out + shown.err)
    assert r"\x1b]0;pwned\x07\x1b[2J\x1b[31mevil" in shown.out
    assert cli.main([*words, "--json"]) == 0
    out = capsys.readouterr().out
    assert not acting(out)
    assert json.loads(out)["quarantined"][0]["value"] == ESCAPES
    Path("evil.csv").write_text(DATED.format("1").replace("value", "val\x9b2Jue", 1))
    assert cli.main(words) == 2
    assert not acting(capsys.readouterr().err)


def test_a_bad_row_that_looks_like_markup_is_listed_as_typed(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(checkout)
    monkeypatch.setenv("COLUMNS", "400")
    with (checkout / "data/raw/accelerator_aliases.csv").open("a") as stream:
        stream.write("bad[/b],x[/foo]\n" + f"{ESCAPES},:cat:[red]\n")
    assert cli.main(["stage", "ingest"]) == 0
    found = run.quarantined_rows(open_workspace(checkout))
    assert len(found) == 2
    capsys.readouterr()
    summary = {
        "quarantined": found,
        "as_of": "2026-03-31",
        "estimates": [],
        "routes": [],
        "headline": [],
        "note": "[/x]",
        "report": "r",
    }
    run.print_summary(summary)
    out = capsys.readouterr().out
    assert "bad[/b],x[/foo]" in out
    assert r"\x1b]0;pwned\x07\x1b[2J\x1b[31mevil,:cat:[red]" in out
    assert not acting(out)
    intake = read_ledger("accelerator_aliases", checkout / "data" / "raw")
    assert account_of(intake, None)["quarantined"] == 2


@pytest.mark.parametrize("quarter", ["9999Q4", "1999Q4", "0001Q1", "2100Q1"])
@pytest.mark.parametrize(
    "words", [("run", "--quarter"), ("show", "--quarter"), ("publish", "--quarter"), ("diff", "2025Q4"),
              ("audit", "rederive"), ("export", "prov", "--quarter"), ("audit", "trace", "gamma", "--quarter"),
              ("report", "--quarter"), ("stage", "ingest", "--quarter")], ids=" ".join,
)  # fmt: skip
def test_a_quarter_at_the_end_of_time_is_a_wrong_call(
    checkout: Path, words: tuple[str, ...], quarter: str, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(checkout)
    assert cli.main([*words, quarter]) == 2
    assert f"the quarter '{quarter}' lies outside the years 2000 to 2099" in capsys.readouterr().err


def test_settings_that_no_setting_can_be_are_refused_with_their_place(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(checkout)
    params = checkout / "params.yaml"
    good = params.read_text(encoding="utf-8")
    line = good[: good.index("\nseed:")].count("\n") + 2
    for text, place, why in (
        (good.replace("\nseed:", "\nseed: .nan\nold:"), f":{line}:7", "no finite number"),
        (f"{good}seed: 1\n", f":{good.count(chr(10)) + 1}:1", "the key 'seed' stands twice"),
        (f"{good}x: {'[' * 3000}", ":", "more than 64 deep"),
        (good.replace("\nseed:", "\nseed: 2026-13-01\nold:"), f":{line}:7", "month must be in 1..12"),
    ):
        params.write_text(text, encoding="utf-8")
        assert cli.main(["stage", "ingest"]) == 3
        told = capsys.readouterr().err
        assert f"params.yaml{place}" in told
        assert why in told


def test_a_name_that_looks_like_mathematics_is_the_title_of_a_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name = "$\\frac{$ \x1b[2J.csv"
    runs = "".join(f"{10**18 * 2**n},{3.0 * 0.97**n:.6f}\n" for n in range(12))
    Path(name).write_text(f"compute_flop,loss\n{runs}")
    words = [
        "fit",
        "kappa",
        name,
        "--form",
        "power_law",
        "--bootstrap",
        "100",
        "--frontier",
        "all",
        "--plot",
        "fit.svg",
    ]
    assert cli.main(words) == 0
    assert r"$\frac{$ \x1b[2J.csv" in Path("fit.svg").read_text(encoding="utf-8")

"""The one writer to the terminal: text from data is shown as such, and nothing else writes."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from race_to_efficiency import cli, errors
from race_to_efficiency.commands import terminal
from race_to_efficiency.errors import DataInvalid, RaceError
from race_to_efficiency.visible import shortened, visible, visible_json, width

ROOT = Path(__file__).resolve().parents[2]
ACTING = ("Cc", "Cf", "Cs", "Zl", "Zp")
HOSTILE = "a\x1b]0;pwned\x07\x1b[2J\r\x9b31m\u202egnp\u2028[/b][red]x[/red] :cat: \\[b]\ud800\n"
SHOWN = r"a\x1b]0;pwned\x07\x1b[2J\r\x9b31m\u202egnp\u2028[/b][red]x[/red] :cat: \[b]\ud800\n"


def acting(text: str) -> set[str]:
    return {character for character in text if unicodedata.category(character) in ACTING}


def test_every_acting_character_of_unicode_is_spelt_out() -> None:
    every = [chr(code) for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) in ACTING]
    assert len(every) > 2000
    assert not acting(visible("".join(every)))
    assert visible("plain text, é, 漢, 😀: \\x1b") == "plain text, é, 漢, 😀: \\x1b"


@given(st.recursive(st.text() | st.integers(), lambda inner: st.dictionaries(st.text(), inner), max_leaves=5))
def test_json_means_the_same_and_acts_on_nothing(document: object) -> None:
    text = json.dumps(document, ensure_ascii=False, indent=2)
    assert json.loads(visible_json(text)) == json.loads(text)
    assert acting(visible_json(text)) <= {"\n"}


@given(st.text(), st.integers(30, 400))
def test_a_long_text_is_cut_in_its_middle(text: str, most: int) -> None:
    cut = shortened(text, most)
    assert width(cut) <= most
    assert len(visible(cut).encode("utf-8")) <= most
    assert (cut == text) == (width(text) <= most)
    if cut != text:
        assert cut[:1] == text[:1] or width(text[:1]) > 8
        assert " [...] " in cut


LONG = st.sampled_from(["\n", "\x1b\n", "漢", "x\n", "\x9b", "😀"]).map(lambda part: part * 700)


@given(st.lists(st.text() | st.text("漢\x1b\n", min_size=200, max_size=900) | LONG, min_size=4, max_size=4))
def test_an_error_stays_within_two_kilobytes_and_keeps_its_short_parts(texts: list[str]) -> None:
    what, where, why, remedy = texts
    error = DataInvalid(what, where=where, why=why, remedy=remedy)
    assert len(f"race: {error.kind}: {error}\n".encode()) <= 2048
    assert len(json.dumps(error.to_json()).encode()) <= 2048
    assert acting(str(error)) <= {"\n"}
    assert all(getattr(error, name) == part for name, part in error.parts().items() if width(part or "") < 300)
    assert all(line.startswith("  ") for line in str(error).split("\n")[1:])


def test_the_writer_shows_hostile_text_as_such(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.line(HOSTILE)
    terminal.line(HOSTILE, "red")
    terminal.labelled("warning", HOSTILE)
    assert capsys.readouterr().out.splitlines() == [SHOWN, SHOWN, f"warning{SHOWN}"]
    terminal.progress(HOSTILE)
    assert capsys.readouterr().err == f"{SHOWN}\n"
    terminal.document({HOSTILE.replace("\ud800", ""): 1})
    assert acting(capsys.readouterr().out) == {"\n"}


def test_a_document_is_told_as_json_or_in_words_and_never_as_both(capsys: pytest.CaptureFixture[str]) -> None:
    document = {"a": 1, "b": 2}

    def in_words(told: dict[str, int]) -> None:
        terminal.lines(f"{name} is {value}" for name, value in told.items())

    terminal.tell(document, in_words, as_json=True)
    assert json.loads(capsys.readouterr().out) == document
    terminal.tell(document, in_words, as_json=False)
    assert capsys.readouterr().out == "a is 1\nb is 2\n"


def test_a_table_shows_hostile_cells_as_such(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    terminal.table(HOSTILE, (HOSTILE, "b"), [(HOSTILE, "trusted"), (1, "refused")])
    out = capsys.readouterr().out
    assert acting(out) == {"\n"}
    assert out.count(SHOWN) == 3


def test_an_error_about_hostile_text_is_shown_as_such(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["solve", HOSTILE, "--json"]) == 2
    shown = capsys.readouterr()
    assert acting(shown.err) <= {"\n"}
    assert acting(shown.out) <= {"\n"}
    assert r"\x1b[2J" in shown.err


def test_a_fault_of_the_program_is_told_with_its_lines(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(first: str) -> None:
        raise ValueError(HOSTILE)

    monkeypatch.setattr(cli, "application", broken)
    assert cli.main(["show", "--json"]) == 1
    shown = capsys.readouterr()
    assert json.loads(shown.out)["error"]["kind"] == "bug"
    assert "in broken" in shown.err
    assert acting(shown.err) == {"\n"}


def test_every_error_class_has_its_own_code_and_kind() -> None:
    known = [RaceError, *RaceError.__subclasses__()]
    assert sorted(kind.exit_code for kind in known) == list(range(1, len(known) + 1))
    assert len({kind.kind for kind in known}) == len(known)
    assert errors.SystemRefused.exit_code == 8


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_any_encoding_of_the_terminal_will_do(encoding: str) -> None:
    script = "from race_to_efficiency.commands import terminal as t; t.ready(); t.line('漢 é \\ud800'); t.finish()"
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        check=True,
        env={**os.environ, "PYTHONIOENCODING": encoding},
    )
    assert done.stdout.decode(encoding).startswith("漢" if encoding == "utf-8" else r"\u6f22")


def test_nothing_else_writes_to_the_terminal() -> None:
    package = ROOT / "pipeline" / "race_to_efficiency"
    found = set()
    for path in sorted(package.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = {
                ast.Name: lambda node: node.id in ("print", "Console"),
                ast.Attribute: lambda node: (
                    node.attr in ("stdout", "stderr", "echo", "secho")
                    and getattr(node.value, "id", "") in ("sys", "typer")
                ),
            }
            if type(node) in names and names[type(node)](node):
                found.add(path.relative_to(package).as_posix())
    assert found == {
        "commands/terminal.py",
        "json_records.py",
        "stages/declared.py",
        "visible.py",
    }  # checks of `make lint`

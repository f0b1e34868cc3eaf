"""DVC's own parser and writer are the measure: where the fast reader answers at all, it answers what they do."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
from dvc.utils import serialize
from dvc.utils.serialize import YAMLFileCorruptedError
from hypothesis import example, given, settings
from hypothesis import strategies as st
from race_to_efficiency.loading.plain_yaml import bare_text, plain_document

ROOT = Path(__file__).resolve().parents[2]
FILES = ("dvc.lock", "dvc.yaml", "params.yaml")
REFUSED = "refused"


def dvc_reads(text: str) -> Any:
    """Return what DVC reads, or that it refuses the text."""
    try:
        return serialize.parse_yaml(text, "a.yaml")
    except (YAMLFileCorruptedError, ValueError, TypeError, AttributeError, IndexError, NotImplementedError):
        return REFUSED  # its parser also ends on faults of its own


def agree(text: str) -> bool:
    """Hold an answer to DVC's, to the type of every value; return whether there was one."""
    found = plain_document(text)
    if found is not None:
        assert repr(found) == repr(dvc_reads(text))
    return found is not None


@pytest.mark.parametrize("name", FILES)
def test_the_checkout_s_own_files_are_read(name: str) -> None:
    assert agree((ROOT / name).read_text(encoding="utf-8"))


NUMBERLIKE = "0123456789abcdefxXoO_+-.:eEinfINFaTtZz ~"
WORDS = st.sampled_from(
    [
        "null",
        "Null",
        "nULL",
        "~",
        "true",
        "TRUE",
        "yes",
        "No",
        "on",
        "y",
        "n",
        "<<",
        "=",
        ".inf",
        "-.INF",
        ".nan",
        "2026Q1",
        "2026-03-31",
        "2026-03-31 10:00:00",
        "1e20",
        "1.0e+20",
        "1_000",
        "0o17",
        "017",
        "0x1F",
        "0b11",
        "1:30",
        "-0",
        "+1",
        "1.",
        ".5",
        "-.5e+3",
        "00",
        "12e03",
        "'it''s'",
        '"a\\n"',
        '"a"',
        "'a' b",
        "a: b",
        "a #b",
        "- a",
        "[]",
        "{}",
    ]
)


@settings(max_examples=400, deadline=None)
@given(text=st.one_of(WORDS, st.text(NUMBERLIKE, max_size=12), st.text("0123456789abcdef", min_size=32, max_size=32)))
@example(text="0b" + "01" * 15)
@example(text="0x" + "01" * 15)
@example(text="1e" + "01" * 15)
def test_a_value_without_quotes_is_what_dvc_takes_it_for(text: str) -> None:
    for line in (f"a: {text}\n", f"a:\n- {text}\n", f"{text}: 1\n"):
        agree(line)


def test_what_machines_write_is_read_and_not_left_to_dvc() -> None:
    for text in ("1", "-3", "0", "1.5", "1e-3", "1.0e+20", "2026Q1", "data/raw/a.csv", "'2026-03-31'", "true", "null"):
        assert agree(f"a: {text}\nb:\n- c: {text}\n")


@cache
def lines() -> list[str]:
    """Lines of the checkout's files, a stage of each of the two of DVC's."""
    return [line for name in FILES for line in (ROOT / name).read_text(encoding="utf-8").splitlines()[:120]]


SIGNS = st.one_of(
    st.text(" \n-:?[]{},#&*!|>'\"%@`\\~<=\t.01ea\u00e9\r\x00\x85", min_size=1, max_size=3), st.just("---\n")
)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_text_with_a_place_changed_is_read_as_dvc_reads_it_or_left_to_it(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(lines()) - 2))
    text = "\n".join(lines()[start : start + data.draw(st.integers(1, 12))]) + "\n"
    for _ in range(data.draw(st.integers(0, 3))):
        place = data.draw(st.integers(0, len(text)))
        text = text[:place] + data.draw(SIGNS) + text[place + data.draw(st.integers(0, 2)) :]
    agree(text)


MORE = [
    "a: 1\na: 2",
    "a: &x 1\nb: *x",
    "<<: {}",
    "a: !!str 1",
    "--- \na: 1",
    "a: 1\n...",
    "a: 1\n---\nb: 2",
    "%YAML 1.1\n---\na: yes",
    "a: [b, c]",
    "a: {b: c}",
    "a: >\n  b",
    'a: "\\x41"',
    "a:\tb",
    "",
    "- a",
    "a",
    "? [a]\n: b",
    "1: a",
    "a: é",
]


@pytest.mark.parametrize("text", [*MORE, "a: |\n  b"])
def test_what_is_more_than_plain_is_left_to_dvc(text: str) -> None:
    assert plain_document(f"{text}\n") is None


VALUES = st.one_of(
    st.integers(-(10**20), 10**20),
    st.booleans(),
    st.none(),
    st.floats(allow_nan=False),
    st.text("abcdef0123456789./-_ :#e~'", max_size=40),
    st.from_regex(r"[0-9a-f]{32}(\.dir)?", fullmatch=True),
    st.sampled_from(["null", "True", "a" * 99, "a" * 101, "a.", "a-", "0b" + "01" * 15, "1e" + "01" * 15]),
)


@settings(max_examples=300, deadline=None)
@given(value=VALUES)
def test_a_value_is_written_as_dvc_writes_it_or_left_to_it(value: Any) -> None:
    text = bare_text(value)
    if text:
        assert "".join(serialize.dumps_yaml({"a": value}).split()) == f"a:{text}"  # a long one on a line of its own


def test_paths_digests_and_sizes_are_written() -> None:
    for value in ("data/raw/a.csv", "07f922091431daa92a61d915ceef8228", "41af6a804fa49e69393d6237cbeb292a.dir", 12):
        assert bare_text(value) == str(value)

"""JSON and YAML within bounds: what is no data of ours is refused with its place, in a second and in little memory."""

from __future__ import annotations

import ast
import contextlib
import json
import math
import time
import tracemalloc
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from race_to_efficiency import storage
from race_to_efficiency.errors import DataInvalid
from race_to_efficiency.loading import bounds, json_text, yaml_text
from race_to_efficiency.loading.json_text import Repeated, parse_json
from race_to_efficiency.loading.yaml_text import parse_yaml

ROOT = Path(__file__).resolve().parents[2]

DOCUMENTS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**98), 10**98)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=5),
    max_leaves=30,
)


@given(DOCUMENTS)
def test_json_within_bounds_reads_as_the_standard_library_reads_it(document: object) -> None:
    text = json.dumps(document)
    assert parse_json(text, "x") == json.loads(text)
    assert parse_json(text.encode(), "x") == json.loads(text)


@given(st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.text("abc :#-é", max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abcd", min_size=1, max_size=4), inner),
    max_leaves=20,
))  # fmt: skip
def test_yaml_within_bounds_reads_as_pyyaml_reads_it(document: object) -> None:
    text = yaml.safe_dump(document)
    assert parse_yaml(text, "x") == yaml.safe_load(text)


def bomb(levels: int, width: int) -> str:
    lines = [f"a0: &a0 [{','.join('x' * width)}]"]
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * width)}]" for n in range(1, levels)]
    return "\n".join(lines)


HOSTILE_YAML = {
    "impossible day": ("a: 1\nday: 2026-99-99\n", "month must be in 1..12", ":2:6"),
    "impossible time zone": ("day: 2026-01-01 10:00:00 +99:99", "offset", ":1:6"),
    "nested in brackets": ("a: 1\nx: " + "[" * 3000 + "]" * 3000, "more than 64 deep", ":2:67"),
    "nested in dashes": ("- " * 3000, "more than 64 deep", ":1:129"),
    "nested in braces": ("{a: " * 3000 + "1" + "}" * 3000, "more than 64 deep", ":1:257"),
    "nested by aliases": (f"a: &a {'[' * 40}{']' * 40}\nb: {'[' * 40}*a{']' * 40}", "more than 64 deep", ":2:44"),
    "alias bomb": (bomb(9, 9), "more than 20,000 values", ":5:"),
    "merged bomb": (bomb(3, 9) + "\nz0: &z0 {k: *a2}\n" + "\n".join(
        f"z{n}: &z{n} {{<<: [{','.join([f'*z{n - 1}'] * 9)}]}}" for n in range(1, 6)), "20,000 values", ":"),
    "alias of itself": ("a: &a {b: *a}", "inside what it names", ":1:11"),
    "many values": ("[" + "1," * 30_000 + "1]", "more than 20,000 values", ":1:"),
    "a key twice": ("seed: 1\nb: 2\nseed: 3\n", "the key 'seed' stands twice", ":3:1"),
    "one key in two spellings": ("yes: 1\ntrue: 2\n", "stands twice", ":2:1"),
    "no number": ("a: .nan", "no finite number", ":1:4"),
    "infinity": ("a: -.inf", "no finite number", ":1:4"),
    "beyond a float": ("a: 1.0e+999", "no finite number", ":1:4"),
    "endless digits": ("a: " + "9" * 101, "more than 100 digits", ":1:4"),
    "endless hexadecimal digits": ("a: 0x" + "f" * 5000, "more than 100 digits", ":1:4"),
    "an object": ("a: !!python/object/apply:os.getcwd []", "is not read", ":1:4"),
    "bytes": ("a: !!binary aGk=", "is not read", ":1:4"),
    "a list as key": ("? [a]\n: 1\n", "unhashable", ":1:3"),
    "two documents": ("a: 1\n---\nb: 2\n", "another document", ":2:1"),
    "a control character": ("a: \x01", "control characters", ""),
    "not closed": ("a: [1, 2", "did not find", ":2:1"),
    "too long": ("a: " + "x" * 1_000_000, "larger than 1,000,000 bytes", ""),
}  # fmt: skip

HOSTILE_JSON = {
    "nested": ("[" * 50_000 + "]" * 50_000, "more than 64 deep"),
    "opened only": ("[" * 100_000, "more than 64 deep"),
    "nested objects": ('{"a":' * 65 + "1" + "}" * 65, "more than 64 deep"),
    "nested behind texts": ('["]",' * 65 + '"["' + "]" * 65, "more than 64 deep"),
    "many values": ("[" + "[]," * 1_000_001 + "1]", "more than 1,000,000 values"),
    "a name twice": ('{"a": 1, "b": {"c": 1, "c": 2}}', "the name 'c' stands twice"),
    "no number": ("[NaN]", "NaN is no finite number"),
    "infinity": ("[-Infinity]", "-Infinity is no finite number"),
    "beyond a float": ("[1e999]", "1e999 is no finite number"),
    "endless digits": ("[" + "1" * 5000 + "]", "more than 100 digits"),
    "endless fraction": ("[0." + "1" * 5000 + "]", "more than 100 digits"),
    "half a pair": (r'["\ud800"]', "surrogate"),
    "a comment": ("{} // x", "Extra data"),
    "nothing": ("", "Expecting value"),
    "too long": ('"' + "x" * 32_000_000 + '"', "larger than 32,000,000 bytes"),
}


def refused(parse, text: str) -> DataInvalid:
    """Return the refusal of a text, which must come within a second and take little more than the text itself."""
    tracemalloc.start()
    started = time.process_time()
    try:
        with pytest.raises(DataInvalid) as caught:
            parse(text, "some/file.x")
        assert time.process_time() - started < 1.0
        assert tracemalloc.get_traced_memory()[1] < 60e6 + 3 * len(text)
    finally:
        tracemalloc.stop()
    assert len(str(caught.value).encode()) <= 2000
    assert "file.x" in caught.value.what
    return caught.value


@pytest.mark.parametrize("name", HOSTILE_YAML)
def test_hostile_yaml_is_refused_at_its_place(name: str) -> None:
    text, why, place = HOSTILE_YAML[name]
    error = refused(parse_yaml, text)
    assert why in (error.why or "")
    assert (error.where or "").startswith(f"some/file.x{place}")


@pytest.mark.parametrize("name", HOSTILE_JSON)
def test_hostile_json_is_refused(name: str) -> None:
    text, why = HOSTILE_JSON[name]
    error = refused(parse_json, text)
    assert why in (error.why or "")
    assert (error.where or "").startswith("some/file.x")


def test_the_bounds_admit_what_stands_just_within_them() -> None:
    depth, digits = bounds.MAX_DEPTH, bounds.MAX_DIGITS
    assert json.dumps(parse_json("[" * depth + "]" * depth, "x")) == "[" * depth + "]" * depth
    assert str(parse_yaml("[" * depth + "]" * depth, "x")) == "[" * depth + "]" * depth
    assert parse_json("9" * digits, "x") == parse_yaml("9" * digits, "x") == 10**digits - 1
    assert len(parse_yaml("[" + "1," * (yaml_text.MAX_VALUES - 2) + "1]", "x")) == yaml_text.MAX_VALUES - 1
    assert len(parse_json("[" + "1," * (json_text.MAX_JSON_VALUES - 2) + "1]", "x")) == json_text.MAX_JSON_VALUES - 1
    assert parse_json(r'["😀", "\\ud800"]', "x") == ["😀", r"\ud800"]
    assert parse_json('["' + "[" * 1000 + '\\"]"]', "x") == ["[" * 1000 + '"]']
    assert parse_yaml("x: &x {a: 1}\ny: {<<: *x, a: 2}\nz: [*x, *x]", "x")["y"] == {"a": 2}


def test_a_repeated_name_is_kept_where_a_publisher_repeats_names() -> None:
    found = parse_json('{"a": 1, "b": {"c": 2, "c": 2}}', "x", keep_repeated=True)
    assert found == {"a": 1, "b": {"c": Repeated([2, 2])}}
    assert isinstance(found["b"]["c"], Repeated)


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for parse in (parse_json, parse_yaml):
        with contextlib.suppress(DataInvalid):
            document = parse(data, "x")
            assert "\ud800" not in repr(document)
            assert not (isinstance(document, float) and math.isnan(document))


def test_a_file_that_is_none_is_told_by_its_path(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("a: 1\nb: 2026-99-99\n")
    with pytest.raises(DataInvalid) as caught:
        storage.read_yaml(tmp_path / "p.yaml")
    assert caught.value.where == f"{tmp_path}/p.yaml:2:4"
    with pytest.raises(DataInvalid, match="is a folder"):
        storage.read_json(tmp_path)
    with pytest.raises(DataInvalid, match="NUL"):
        storage.read_bytes(tmp_path / "a\0b")


def test_nothing_else_parses_json_or_yaml() -> None:
    package = ROOT / "pipeline" / "race_to_efficiency"
    found = []
    for path in sorted(package.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                name = f"{node.value.id}.{node.attr}"
                if name.startswith(("yaml.", "json.load", "json.JSONDecoder", "pickle.")):
                    found.append((path.relative_to(package).parts[0], node.value.id))
    # pickle carries calls between a run and a cluster that the user names, and reads no file
    assert set(found) == {("loading", "json"), ("loading", "yaml"), ("executors", "pickle")}

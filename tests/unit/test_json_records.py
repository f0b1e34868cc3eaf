"""JSON Schemas made from typed records: what a record says is asked of a document, and nothing else is let in."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any, Literal, NotRequired

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from race_to_efficiency import json_fields, json_records
from race_to_efficiency.json_fields import Cell, Count, Levels, Means, Share, Written, further, when
from typing_extensions import TypedDict


class Inner(TypedDict):
    """A part.

    Parameters
    ----------
    long
        A field told
        in two lines.
    """

    long: Annotated[float | None, Means("What is said of many.")]


@further(allOf=[when({"kind": {"const": "a"}}, {"value": {"type": "number"}}, {})])
class Outer(Inner):
    """A whole."""

    kind: Literal["a", "b"]
    value: Annotated[Share | None, Means("A share.")]
    counts: dict[str, Count]
    levels: Levels[float]
    cell: Cell
    parts: list[Inner]
    text: NotRequired[Annotated[Annotated[str, Means("Said of many.", minLength=1)], Means("A text.", minLength=2)]]


class Tree(TypedDict):
    """A tree."""

    leaves: list[Tree]


@dataclasses.dataclass(frozen=True)
class Kept:
    """A kept record.

    Parameters
    ----------
    first, second : int
        Two numbers.
    """

    first: Count
    second: int = 0
    inside: tuple[float, ...] = ()

    @property
    def both(self) -> int:
        """Their sum."""
        return self.first + self.second


class Holder(TypedDict):
    """Holds a dataclass."""

    one: Kept


def schema(monkeypatch: pytest.MonkeyPatch, record: Any) -> dict[str, Any]:
    """The schema of a record that the package does not have."""
    monkeypatch.setattr(json_fields, "Probe", record, raising=False)
    monkeypatch.setitem(json_records.DOCUMENTS, "probe", ("json_fields:Probe", "race probe --json"))
    made = json_records.schema_of("probe")
    Draft202012Validator.check_schema(made)
    return made


def document() -> dict[str, Any]:
    return {"long": 1.5, "kind": "a", "value": 0.5, "counts": {"x": 0}, "levels": {"0.5": 1.0}, "cell": None,
            "parts": [{"long": None}]}  # fmt: skip


def test_a_document_is_held_to_its_record(monkeypatch: pytest.MonkeyPatch) -> None:
    held = Draft202012Validator(schema(monkeypatch, Outer))
    good = document()
    for change in ({}, {"text": "xy"}, {"long": None}, {"kind": "b", "value": None}, {"parts": []}, {"cell": "x"}):
        assert held.is_valid(good | change), change
    for change in (
        {"long": "1"}, {"kind": "c"}, {"value": 1.5}, {"value": None}, {"counts": {"x": -1}}, {"counts": {"x": 0.5}},
        {"levels": {"half": 1.0}}, {"levels": {"0.5": None}}, {"cell": []}, {"parts": [{}]}, {"text": None},
        {"text": "x"},
        {"parts": [{"long": 1.0, "more": 1}]}, {"surprise": 1},
    ):  # fmt: skip
        assert not held.is_valid(good | change), change
    for key in good:
        assert not held.is_valid({name: value for name, value in good.items() if name != key}), key


@given(st.dictionaries(st.sampled_from(("first", "second", "inside", "both", "more")), st.integers(-3, 3) | st.none()))
def test_a_dataclass_is_held_to_its_fields_and_properties(found: dict[str, Any]) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(json_fields, "Kept", Kept, raising=False)
        record = Annotated[dict[str, Any], Written("json_fields:Kept", "both", without=("inside",), newer=("both",))]
        held = Draft202012Validator(schema(monkeypatch, record))
    whole = {"first", "second"} <= set(found) <= {"first", "second", "both"} and None not in found.values()
    assert held.is_valid(found) is (whole and found["first"] >= 0)


def test_a_field_added_to_a_record_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    longer = dataclasses.make_dataclass("Longer", [("added", float)], bases=(), frozen=True)
    monkeypatch.setattr(json_fields, "Kept", longer, raising=False)
    made = schema(monkeypatch, Annotated[dict[str, Any], Written("json_fields:Kept")])
    assert (made["required"], made["properties"]) == (["added"], {"added": {"type": "number"}})


def test_only_some_fields_of_a_record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_fields, "Kept", Outer, raising=False)
    made = schema(monkeypatch, Annotated[dict[str, Any], Written("json_fields:Kept", only=("kind", "long"))])
    assert made["required"] == ["long", "kind"]
    assert "allOf" not in made  # what holds fields to each other is said of the whole record
    assert made["properties"]["long"]["description"] == "A field told in two lines."


def test_descriptions_come_from_the_field_its_docstring_or_the_property(monkeypatch: pytest.MonkeyPatch) -> None:
    fields = schema(monkeypatch, Outer)["properties"]
    assert fields["long"] == {"description": "A field told in two lines.", "type": ["number", "null"]}
    assert (fields["value"]["description"], fields["text"]["description"]) == ("A share.", "A text.")
    monkeypatch.setattr(json_fields, "Kept", Kept, raising=False)
    kept = schema(monkeypatch, Annotated[dict[str, Any], Written("json_fields:Kept", "both")])
    assert kept["description"] == "A kept record."
    assert [kept["properties"][name]["description"] for name in ("first", "second", "both")] == [
        "Two numbers.", "Two numbers.", "Their sum.",
    ]  # fmt: skip


def test_a_dataclass_inside_a_record_is_written_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    made = schema(monkeypatch, Holder)
    assert "default" not in json.dumps(made)  # a record is written whole, whatever its code may leave out
    held = Draft202012Validator(made)
    whole = {"first": 1, "second": 2, "inside": [0.5]}
    assert held.is_valid({"one": whole})
    for wrong in ({"first": -1}, {"inside": ["x"]}, {"both": 3}):
        assert not held.is_valid({"one": whole | wrong}), wrong
    for key in whole:
        assert not held.is_valid({"one": {name: value for name, value in whole.items() if name != key}}), key


def test_a_record_without_a_docstring_is_described_by_none(monkeypatch: pytest.MonkeyPatch) -> None:
    made = schema(monkeypatch, TypedDict("Named", {"from": str, "to": str}))
    assert set(made["properties"]) == {"from", "to"}
    assert "description" not in made


def test_a_record_may_hold_its_own_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    made = schema(monkeypatch, Tree)
    assert made["description"] == "A tree."
    assert Draft202012Validator(made).is_valid({"leaves": [{"leaves": []}]})
    assert not Draft202012Validator(made).is_valid({"leaves": [{"leaves": [{}]}]})


def test_what_is_stale_is_told_and_only_then_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(json_records, "FOLDER", tmp_path)
    monkeypatch.setattr(json_records, "DOCUMENTS", {name: json_records.DOCUMENTS[name] for name in ("cache", "error")})
    assert json_records.main(["--check"]) == 1
    assert not list(tmp_path.iterdir())
    assert json_records.main([]) == 0
    assert json_records.main(["--check"]) == 0
    (tmp_path / "cache.json").write_text((tmp_path / "cache.json").read_text().replace("Bytes removed", "Bytes"))
    capsys.readouterr()
    assert json_records.main(["--check"]) == 1
    assert capsys.readouterr().out == "json_schemas/cache.json is stale: make json-schemas\n"
    (tmp_path / "left_over.json").write_text("{}")
    assert json_records.main([]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache.json", "error.json"]


def test_no_command_loads_the_generator_or_the_records_of_another() -> None:
    program = (
        "import sys; from race_to_efficiency import cli; "
        "cli.main('solve time --target 0.7 --kappa 0.05 --gamma 2 --json'.split()); "
        "print([name for name in sys.modules if name.endswith(('json_records', '_records', '.solved', '.predicted'))])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"

"""Nodes: what was read decides what is computed; what is remembered is believed only where no byte of it changed."""

from __future__ import annotations

import datetime as dt
import errno
import os
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from race_to_efficiency.calibration.kappa import group_fit
from race_to_efficiency.quarter.code import code_digest, files_reached, modules_reached
from race_to_efficiency.quarter.evaluation import Evaluation, Memory
from race_to_efficiency.quarter.here import memory_of
from race_to_efficiency.quarter.node import Computed, Node, Origin, Read
from race_to_efficiency.quarter.store import Store
from race_to_efficiency.quarter.world import LedgerView, Selection, World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from race_to_efficiency.quarter.reading import Reading

AS_OF = dt.date(2026, 3, 31)


@pytest.fixture(autouse=True, scope="module")
def code_of_this_module() -> Iterator[None]:
    """Give the nodes of this module a code digest: they do not stand in the package."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("race_to_efficiency.quarter.evaluation.code_digest", lambda module: module)
        yield


class Section(SimpleNamespace):
    """A section of the settings with just what a reading asks of one."""

    def model_dump(
        self, *, mode: str, exclude: set[str] | None = None, include: set[str] | None = None
    ) -> dict[str, Any]:
        assert mode == "json"
        told = {name: value for name, value in vars(self).items() if name not in (exclude or ())}
        return {name: value for name, value in told.items() if include is None or name in include}


def total(reading: Reading, group: str) -> Computed:
    rows = reading.rows("runs", where={"group": group}, columns=("run", "value"))
    factor = reading.settings("fit", only=("factor",)).factor
    value = float(rows["value"].sum()) * factor
    made = pd.DataFrame({"draw": np.arange(3), "value": value + np.arange(3.0)})
    used = tuple(f"runs/{name}" for name in rows["run"])
    return Computed({"value": value}, {"draws": made}, {f"total.{group}": Origin(rows=used)}, live=rows)


def summed(reading: Reading) -> Computed:
    found = {name: reading.ask(TOTAL, name) for name in reading.names("fit", "groups", "name")}
    value = sum(result.document["value"] for result in found.values())
    outputs = tuple(f"{result.node}#total.{name}" for name, result in found.items())
    return Computed({"value": value}, origins={"sum": Origin(outputs=outputs)})


def dated(reading: Reading) -> Computed:
    return Computed({"day": reading.as_of.isoformat(), "noise": float(np.random.default_rng(reading.seed).normal())})


TOTAL = Node("test.total", total)
SUM = Node("test.sum", summed)
DATED = Node("test.dated", dated)


def runs(**values: float) -> pd.DataFrame:
    names = list(values)
    return pd.DataFrame(
        {
            "run": names,
            "group": [name[0] for name in names],
            "value": list(values.values()),
            "note": [f"about {name}" for name in names],
            "recorded": pd.Timestamp("2025-01-01"),
        }
    )


def world(frame: pd.DataFrame | None = None, **fit: Any) -> World:
    groups = tuple(SimpleNamespace(name=name) for name in "ab")
    section = Section(**{"factor": 2.0, "unread": 1, "groups": groups, **fit})
    rows = runs(a1=1.0, a2=2.0, b1=10.0) if frame is None else frame
    return World({"runs": LedgerView(rows, "run")}, SimpleNamespace(fit=section), AS_OF, 7)  # type: ignore[arg-type]


def computed(memory: Memory, made: World, node: Node = SUM) -> list[str]:
    before = len(memory.computed)
    Evaluation(made, memory).ask(node)
    return memory.computed[before:]


def test_a_node_is_computed_again_only_where_it_read_something_else() -> None:
    memory = Memory()
    assert computed(memory, world()) == ["test.total:a", "test.total:b", "test.sum"]
    assert computed(memory, world()) == []
    assert computed(memory, world(unread=2)) == []
    assert computed(memory, world(factor=3.0)) == ["test.total:a", "test.total:b", "test.sum"]
    changed = runs(a1=1.0, a2=2.5, b1=10.0)
    assert computed(memory, world(changed)) == ["test.total:a", "test.sum"]
    assert computed(memory, world(changed.assign(note="other", recorded=pd.Timestamp("2026-01-01")))) == []
    assert computed(memory, replace(world(), as_of=dt.date(2027, 1, 1), seed=8)) == []
    assert computed(memory, world(runs(a1=2.0, a2=1.0, b1=10.0))) == [
        "test.total:a"
    ]  # the same sum: nothing above moves


def test_the_date_and_the_seed_count_where_they_are_read() -> None:
    memory = Memory()
    assert computed(memory, world(), DATED) == ["test.dated"]
    assert computed(memory, world(factor=9.0), DATED) == []
    assert computed(memory, replace(world(), as_of=dt.date(2026, 6, 30)), DATED) == ["test.dated"]
    assert computed(memory, replace(world(), seed=8), DATED) == ["test.dated"]


def test_lineage_is_what_the_functions_used() -> None:
    evaluation = Evaluation(world(), Memory())
    (origin,) = evaluation.ask(SUM).origins.values()
    assert origin.outputs == ("test.total:a#total.a", "test.total:b#total.b")
    assert evaluation.ask(TOTAL, "a").origins["total.a"].rows == ("runs/a1", "runs/a2")
    assert list(evaluation.live(TOTAL, "b")["run"]) == ["b1"]


def test_another_process_finds_what_this_one_stored(tmp_path: Path) -> None:
    computed(Memory(Store(tmp_path)), world())
    memory = Memory(Store(tmp_path))
    evaluation = Evaluation(world(), memory)
    assert evaluation.ask(SUM).document == {"value": 26.0}
    found = evaluation.ask(TOTAL, "a")
    pd.testing.assert_frame_equal(found.tables["draws"], pd.DataFrame({"draw": [0, 1, 2], "value": [6.0, 7.0, 8.0]}))
    assert memory.computed == []
    assert list(evaluation.live(TOTAL, "a")["run"]) == ["a1", "a2"]


@settings(max_examples=60)
@given(st.data())
def test_a_damaged_store_is_never_believed(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("store")
    computed(Memory(Store(folder)), world())
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    path = data.draw(st.sampled_from(files))
    content = path.read_bytes()
    place = data.draw(st.integers(0, len(content) - 1))
    how = data.draw(st.sampled_from(["flip", "cut", "empty", "gone", "swap"]))
    if how == "flip":
        path.write_bytes(
            content[:place] + bytes([content[place] ^ data.draw(st.integers(1, 255))]) + content[place + 1 :]
        )
    elif how == "swap":
        path.write_bytes(data.draw(st.sampled_from(files)).read_bytes())
    elif how == "gone":
        path.unlink()
    else:
        path.write_bytes(content[: place if how == "cut" else 0])
    evaluation = Evaluation(world(), Memory(Store(folder)))
    assert evaluation.ask(SUM).document == {"value": 26.0}
    assert list(evaluation.ask(TOTAL, "a").tables["draws"]["value"]) == [6.0, 7.0, 8.0]
    assert evaluation.ask(TOTAL, "b").document == {"value": 20.0}


def test_an_entry_of_another_layout_or_code_is_computed_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    computed(Memory(Store(tmp_path)), world())
    monkeypatch.setattr("race_to_efficiency.quarter.store.STORE_FORMAT", 2)
    assert len(computed(Memory(Store(tmp_path)), world())) == 3
    monkeypatch.setattr("race_to_efficiency.quarter.evaluation.code_digest", lambda module: f"other {module}")
    assert len(computed(Memory(Store(tmp_path)), world())) == 3


def test_the_store_is_bounded_and_can_be_cleared(tmp_path: Path) -> None:
    store = Store(tmp_path)
    computed(Memory(store), world())
    assert {name for name, _, _ in store.entries()} == {"test.total:a", "test.total:b", "test.sum"}
    whole = sum(size for _, size, _ in store.entries())
    oldest = next(path for path in tmp_path.glob("??/*.json") if '"node":"test.sum"' in path.read_text())
    os.utime(oldest, ns=(1, 1))
    size = next(size for name, size, _ in store.entries() if name == "test.sum")
    small = Store(tmp_path, limit_bytes=whole - 1)
    assert small.prune() == size
    assert {name for name, _, _ in small.entries()} == {"test.total:a", "test.total:b"}
    assert sum(size for _, size, _ in small.entries()) == whole - size
    assert small.prune() == 0
    assert store.clear() > 0
    assert store.entries() == []


def test_a_store_over_its_limit_that_may_only_be_read_stops_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data" / "processed" / "nodes").mkdir(parents=True)

    def refused(self: Store) -> int:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Store, "prune", refused)
    assert set(computed(memory_of(tmp_path), world())) == {"test.total:a", "test.total:b", "test.sum"}


def test_a_read_survives_json() -> None:
    asked = [
        Read("rows", (Selection("runs", (("group", "a"),), ("run", "value"), used=True, stating="value"),)),
        Read("settings", ("fit", ("groups",), ())),
        Read("node", (TOTAL, ("a",))),
        Read("date", ()),
    ]
    assert [Read.from_json(read.to_json()) for read in asked] == asked


def cells(frame: pd.DataFrame) -> str:
    return LedgerView(frame, "name").digest(Selection("runs"))


def test_cells_count_by_their_value_and_not_by_the_type_that_holds_them() -> None:
    frame = pd.DataFrame(
        {"name": ["a", None], "when": pd.to_datetime(["2026-01-02", None]), "n": [1, 2], "on": [True, False]}
    )
    other = frame.assign(
        name=frame["name"].astype("str"), when=frame["when"].astype("datetime64[ns]"), n=frame["n"].astype(float)
    ).set_index(pd.Index([5, 9]))
    assert cells(frame) == cells(other)
    for column, value in (("name", "b"), ("when", pd.Timestamp("2026-01-03")), ("n", 3), ("on", True)):
        changed = frame.copy()
        changed.loc[1, column] = value
        assert cells(changed) != cells(frame), column
    assert cells(frame.rename(columns={"n": "m"})) != cells(frame)
    assert cells(frame.iloc[::-1]) != cells(frame)


def test_the_code_a_node_reaches_is_its_import_closure() -> None:
    reached = modules_reached("race_to_efficiency.quarter.kappa")
    assert group_fit.__name__ in reached
    assert "race_to_efficiency.quarter.gamma" not in reached
    assert not any(name.startswith("race_to_efficiency.report") for name in reached)
    assert all(path.is_file() for path in files_reached("race_to_efficiency.quarter.kappa"))
    assert code_digest("race_to_efficiency.quarter.kappa") != code_digest("race_to_efficiency.quarter.gamma")
    with pytest.raises(ValueError, match="one of this package's"):
        modules_reached("race_to_efficiency.no_such_module")

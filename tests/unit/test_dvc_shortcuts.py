"""DVC's own reader and writer are the measure: what is remembered and shortened reads and writes the same."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from dvc.utils import serialize
from dvc.utils.serialize import YAMLFileCorruptedError
from hypothesis import given, settings
from hypothesis import strategies as st
from race_to_efficiency.commands.dvc_shortcuts import LOCK_HEAD, Texts, entries_of, outs_first

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]

NAMES = st.text("abcxyz_ :-'é0", min_size=1, max_size=12).filter(lambda name: name == name.strip())
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**12), 10**12),
    st.sampled_from([0.001, 1e-9, 0.95, -2.5, 10.0, 1e21]),  # of 17 digits DVC's own writer may lose the last one
    st.text("ab é:'\"{}[]-,&*!|>%@`?0123456789.e+", max_size=20),
    st.sampled_from(["1e-3", "0.1", "yes", "null", "2026-03-31", "~", "", "long words " * 12]),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=8,
)
FILES = st.fixed_dictionaries(
    {
        "path": st.one_of(
            st.sampled_from(["data/raw/a.csv", "null", "a b", "-a", "1e3", "é", "a" * 68, "a" * 69]), NAMES
        ),
        "hash": st.just("md5"),
    },
    optional={
        "md5": st.one_of(
            st.from_regex(r"[0-9a-f]{32}(\.dir)?", fullmatch=True), st.sampled_from(["1" * 32, "1e" + "2" * 30])
        ),
        "size": st.one_of(st.integers(0, 10**12), st.booleans(), st.just(3.0)),
        "nfiles": st.integers(0, 20),
    },
)
ENTRIES = st.fixed_dictionaries(
    {"cmd": NAMES, "deps": st.one_of(st.lists(FILES, max_size=4), st.lists(VALUES, max_size=3)), "params": VALUES}
)
LOCKS = st.dictionaries(NAMES, ENTRIES, min_size=1, max_size=4)


def texts() -> Texts:
    return Texts(serialize.parse_yaml, serialize.dumps_yaml)


def test_a_stage_that_stands_twice_is_refused_as_dvc_refuses_it() -> None:
    text = LOCK_HEAD + "  a:\n    cmd: x\n" * 2
    for parse in (serialize.parse_yaml, texts().parse):
        with pytest.raises(YAMLFileCorruptedError, match=r"dvc\.lock"):
            parse(text, "dvc.lock")


@contextmanager
def ours(path: Path) -> Iterator[Any]:
    with texts().modifying(serialize.modify_yaml)(path) as data:
        yield data


def both_ways(folder: Path, text: str | None, change: Any) -> tuple[str, str]:
    """Return what DVC and what we make of a dvc.lock."""
    found = []
    for modify in (serialize.modify_yaml, ours):
        path = folder / "dvc.lock"
        path.unlink(missing_ok=True)
        if text is not None:
            path.write_text(text, encoding="utf-8")
        with modify(path) as data:
            change(data)
        found.append(path.read_text(encoding="utf-8"))
    return found[0], found[1]


@settings(max_examples=25, deadline=None)
@given(before=LOCKS, after=LOCKS)
def test_a_stage_that_ran_is_written_as_dvc_writes_it(
    tmp_path_factory: pytest.TempPathFactory, before: dict[str, Any], after: dict[str, Any]
) -> None:
    text = serialize.dumps_yaml({"schema": "2.0", "stages": before})
    # one stage at a time, as DVC does, and one that was there already among them
    theirs, written = both_ways(tmp_path_factory.mktemp("lock"), text, lambda data: data["stages"].update(after))
    assert written == theirs
    assert texts().parse(written, "dvc.lock") == serialize.parse_yaml(theirs, "dvc.lock")


def test_the_checkout_s_own_lock_file_is_cut_into_its_stages_and_written_again_byte_for_byte(tmp_path: Path) -> None:
    shutil.copy(ROOT / "dvc.lock", tmp_path)
    text = (tmp_path / "dvc.lock").read_text()
    entries = entries_of(text)
    assert entries is not None
    assert len(entries) == 7
    assert LOCK_HEAD + "".join(entries) == text
    for name in ("ingest", "report"):
        # a copy is another object than the one that was read: its lines are written anew
        theirs, written = both_ways(
            tmp_path, text, lambda data, name=name: data["stages"].update({name: dict(data["stages"][name])})
        )
        assert written == theirs == text


def test_a_path_is_written_on_the_line_where_dvc_writes_it_however_long(tmp_path: Path) -> None:
    files = [{"path": "a" * length, "hash": "md5", "md5": "c" * 32, "size": length} for length in range(60, 104)]
    text = "schema: '2.0'\nstages:\n  a:\n    cmd: x\n"
    theirs, written = both_ways(tmp_path, text, lambda data: data["stages"].update({"a": {"cmd": "x", "deps": files}}))
    assert written == theirs
    assert 0 < theirs.count("- path: \n") < len(files)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "schema: '2.0'\nstages: {}\n",
        "schema: '2.0'\nstages:\n  a:\n    cmd: x  # by hand\n",
        "schema: '2.0'\nstages:\n  a:\n    cmd: x\n  # about c\n  c:\n    cmd: z\n",
        "schema: '2.0'\nstages:\n  a:\n    cmd: x\ndatasets:\n- name: d\n",
        "stages:\n  a:\n    cmd: x\nschema: '2.0'\n",
        "schema: '2.0'\nstages:\n  a:\n    cmd: \"x\n\n      y\"\n",
    ],
)
def test_a_lock_file_that_dvc_has_not_written_so_is_left_to_dvc(tmp_path: Path, text: str | None) -> None:
    def change(data: Any) -> None:
        data["schema"] = "2.0"
        data["stages"] = data.get("stages", {})
        data["stages"].update({"b": {"cmd": "y"}})

    theirs, written = both_ways(tmp_path, text, change)
    assert written == theirs


def test_what_else_is_added_to_a_lock_file_is_kept(tmp_path: Path) -> None:
    text = "schema: '2.0'\nstages:\n  a:\n    cmd: x\n"
    theirs, written = both_ways(tmp_path, text, lambda data: data.update({"datasets": [{"name": "d"}]}))
    assert "datasets" in theirs
    assert written == theirs


def test_another_file_is_modified_by_dvc_itself(tmp_path: Path) -> None:
    path = tmp_path / "dvc.yaml"
    path.write_text("schema: '2.0'\nstages:\n  a: {cmd: x}   # kept\n", encoding="utf-8")
    with ours(path) as data:
        data["stages"]["b"] = {"cmd": "y"}
    assert "# kept" in path.read_text(encoding="utf-8")


@settings(max_examples=25, deadline=None)
@given(documents=st.lists(st.dictionaries(NAMES, VALUES, max_size=3), min_size=1, max_size=4))
def test_texts_are_parsed_as_dvc_parses_them_however_often_and_whatever_became_of_an_answer(
    documents: list[dict[str, Any]],
) -> None:
    parse = texts().parse
    written = [serialize.dumps_yaml(document) for document in documents]
    for _ in range(2):
        for text in written:
            answer = parse(text, "params.yaml")
            assert answer == serialize.parse_yaml(text, "params.yaml")
            answer["planted"] = 1  # an answer belongs to who asked
            for value in answer.values():
                if isinstance(value, list):
                    value.append("planted")


def test_a_text_is_parsed_once_and_a_broken_one_is_told_with_its_path_each_time() -> None:
    asked: list[str] = []

    def counting(text: str, path: str, typ: str = "safe") -> Any:
        asked.append(typ)
        return serialize.parse_yaml(text, path, typ=typ)

    parse = Texts(counting, serialize.dumps_yaml).parse
    for _ in range(3):
        assert parse("a: [1]\n", Path("params.yaml")) == {"a": [1]}
        assert parse("a: 1\n", Path("params.yaml")) == {"a": 1}  # plain: DVC is not asked
    assert asked == ["safe"]
    assert parse("a: 1  # why\n", "params.yaml", typ="rt").ca.items  # with its comments, which plain data has not
    for name in ("one.yaml", "two.yaml"):
        with pytest.raises(YAMLFileCorruptedError, match=name):
            parse("a: [1\n", name)


@given(changes=st.lists(LOCKS, min_size=1, max_size=3))
@settings(max_examples=25, deadline=None)
def test_what_was_written_is_read_as_dvc_reads_it_after_every_change(
    tmp_path_factory: pytest.TempPathFactory, changes: list[dict[str, Any]]
) -> None:
    path = tmp_path_factory.mktemp("lock") / "dvc.lock"
    path.write_text(serialize.dumps_yaml({"schema": "2.0", "stages": {"first": {"cmd": "x"}}}), encoding="utf-8")
    one = texts()
    for change in changes:
        with one.modifying(serialize.modify_yaml)(path) as data:
            data["stages"].update(change)
        text = path.read_text(encoding="utf-8")
        assert one.parse(text, path) == serialize.parse_yaml(text, path)
        for stage in change.values():
            stage["deps"].append("planted")  # what was handed over is DVC's to change
        assert one.parse(text, path) == serialize.parse_yaml(text, path)


@pytest.mark.parametrize("persist", [(False,), (True,), (False, True)])
@pytest.mark.parametrize("can", [True, False])
def test_whether_a_run_may_be_kept_is_answered_as_dvc_answers_it(persist: tuple[bool, ...], can: bool) -> None:
    asked = []

    def can_hash(stage: Any) -> bool:  # as DVC's: what is read first, and then what persists
        asked.append(stage)
        return can and not any(out.persist for out in stage.outs)

    stage = SimpleNamespace(outs=[SimpleNamespace(persist=one) for one in persist])
    assert outs_first(can_hash)(stage) == can_hash(stage)
    assert len(asked) == 1 + (True not in persist)

"""What is out of date when a setting, a file or a line of code changes: the stages that read it, and no other.

`race run` tells it before it runs; here it is held against what the stages read, the import statements, and DVC.
"""

from __future__ import annotations

import ast
import shutil
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from dvc_view import dvc_repo
from import_statements import reached_by
from race_to_efficiency.commands import corridor, stale
from race_to_efficiency.errors import DataInvalid
from race_to_efficiency.executors.place import SCHEDULER_VARIABLE, WORKERS_VARIABLE, Place, chosen
from race_to_efficiency.settings.corridor import declared
from race_to_efficiency.settings.params import PARAMS_FILE, open_workspace

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT = Path(__file__).resolve().parents[2]
STAGES = declared(ROOT)
PACKAGE = ROOT / "pipeline" / "race_to_efficiency"


@contextmanager
def edited(root: Path, place: str, old: str, new: str) -> Iterator[None]:
    """Change one place of a file, for a while."""
    path = root / place
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, place
    path.write_text(text.replace(old, new), encoding="utf-8")
    try:
        yield
    finally:
        path.write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def read_once(locked: Path) -> tuple[dict[str, Any], dict[Path, str | None]]:
    """What dvc.lock and params.yaml say, and the digest of everything that a stage reads or writes."""
    named = {locked / path for stage in STAGES.values() for path in (*stage.deps, *stage.outs)}
    return {name: stale.as_dvc_reads(locked / name) for name in ("dvc.lock", PARAMS_FILE)}, {
        path: stale.md5(path) for path in named
    }


@pytest.fixture
def files(read_once: tuple[dict[str, Any], dict[Path, str | None]], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Files of YAML as `stale` finds them, for a test to change: none is parsed again for every comparison."""
    found = dict(read_once[0])
    monkeypatch.setattr(stale, "declared", lambda _: STAGES)
    monkeypatch.setattr(stale, "as_dvc_reads", lambda path: found[path.name])
    return found


@pytest.fixture
def digests(
    read_once: tuple[dict[str, Any], dict[Path, str | None]], monkeypatch: pytest.MonkeyPatch
) -> dict[Path, str | None]:
    """Digests as `stale` finds them, for a test to change or take out; what is not there is read."""
    found, md5 = dict(read_once[1]), stale.md5
    monkeypatch.setattr(stale, "md5", lambda path: found[path] if path in found else md5(path))
    return found


@pytest.mark.usefixtures("digests")
def test_a_changed_setting_runs_exactly_the_stages_that_read_it(
    readers: dict[str, set[str]], locked: Path, files: dict[str, Any]
) -> None:
    before = files[PARAMS_FILE]
    assert stale.out_of_date(locked) == {}
    for leaf, stages in readers.items():
        files[PARAMS_FILE] = document = dict(before)
        *way, last = leaf.split(".")
        for key in way:
            document[key] = dict(document[key])
            document = document[key]
        document[last] = ["another"] if document[last] != ["another"] else []
        found = stale.out_of_date(locked)
        assert set(found) == stages, leaf
        assert all(changes == [leaf] for changes in found.values()), leaf


def dvc_says(root: Path) -> set[str]:
    with dvc_repo(root) as repo:
        return {name.rpartition(":")[2] for name in repo.status()}


def test_nothing_is_out_of_date_where_nothing_changed(locked: Path) -> None:
    """DVC's digests of files and folders, and its numbers, are read as it wrote them."""
    assert stale.out_of_date(locked) == {}
    assert not stale.in_doubt(locked)
    assert dvc_says(locked) == set()


def one_of_each(paths: Iterable[str]) -> list[str]:
    """Return the first path of each set of stages that read or write it, and every folder."""
    found: dict[object, str] = {}
    for path in paths:
        uses = tuple((name, path in stage.deps, path in stage.outs) for name, stage in STAGES.items())
        found.setdefault((uses, None if Path(path).suffix else path), path)
    return list(found.values())


@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["one of each", "every"])
@pytest.mark.usefixtures("files")
def test_any_changed_or_missing_file_of_any_stage_is_seen(
    locked: Path, digests: dict[Path, str | None], monkeypatch: pytest.MonkeyPatch, every: bool
) -> None:
    """Each dependency and output: a byte more, none at all, and for a folder a file more, less or changed.

    One comparison serves every path, and which stages it should name depends on nothing but who reads and writes it:
    a path of each such set is tried here, and every folder; the slow one tries them all.
    """
    paths = sorted(path.relative_to(locked).as_posix() for path in digests)
    assert stale.out_of_date(locked) == {}
    for path in [locked / item for item in (paths if every else one_of_each(paths))]:
        file = next(item for item in path.rglob("*") if item.is_file()) if path.is_dir() else path
        data = file.read_bytes()
        for place, changed in ((file, data + b"."), (file, None), *([(path / "more", b"")] if path.is_dir() else [])):
            reached = [item for item in digests if item in (place, *place.parents)]
            place.unlink() if changed is None else place.write_bytes(changed)
            with monkeypatch.context() as patch:
                for item in reached:
                    patch.delitem(digests, item)
                found = set(stale.out_of_date(locked))
            place.unlink(missing_ok=True)
            file.write_bytes(data)
            assert found == {
                name
                for name, stage in STAGES.items()
                for item in (*stage.deps, *stage.outs)
                if locked / item in reached
            }, (place, changed)
    assert stale.out_of_date(locked) == {}


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("dvc.yaml", "    cmd: race stage fit_kappa\n", "    cmd: race stage fit_kappa\n    always_changed: true\n"),
        ("dvc.yaml", "    cmd: race stage fit_kappa\n", "    cmd: race stage fit_kappa\n    frozen: true\n"),
        ("dvc.yaml", "    cmd: race stage fit_kappa\n", "    cmd:\n    - race stage fit_kappa\n    - echo\n"),
        ("dvc.yaml", "      - fit_kappa\n", "      - fit_kappa\n      - other.yaml:\n        - a\n"),
        ("dvc.yaml", "\nstages:\n", "\nvars:\n- a: 1\nstages:\n"),
        (
            "dvc.yaml",
            "data/processed/account.json:\n          persist: true\n",
            "data/processed/account.json:\n          cache: false\n",
        ),
        ("dvc.lock", "schema: '2.0'\n", "schema: '2.0'\ndatasets: []\n"),
        (
            "dvc.lock",
            "path: data/raw/sources.csv\n      hash: md5\n",
            "path: data/raw/sources.csv\n      hash: sha256\n",
        ),
        ("dvc.lock", "path: data/raw/sources.csv\n", "path: data/raw/sources.csv\n      isexec: true\n"),
        ("dvc.lock", "    cmd: race stage ingest\n", "    cmd: race stage ingest\n    more: 1\n"),
    ],
)
def test_what_is_not_looked_at_here_is_left_to_dvc(locked: Path, tmp_path: Path, file: str, old: str, new: str) -> None:
    for name in ("dvc.yaml", "dvc.lock", PARAMS_FILE):
        shutil.copy(locked / name, tmp_path)
    assert not stale.in_doubt(tmp_path)
    text = (tmp_path / file).read_text(encoding="utf-8")
    assert old in text
    (tmp_path / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    assert stale.in_doubt(tmp_path)


def test_numbers_are_those_that_dvc_reads(tmp_path: Path) -> None:
    """YAML 1.1, which settings are read by, has other words for numbers; flow style is left to DVC's own parser."""
    path = tmp_path / PARAMS_FILE
    for text, value in (
        ("1e+20", 1e20),
        ("'1e+20'", "1e+20"),
        ("017", 17),
        ("[1e+20, off]", [1e20, "off"]),
        ("yes", "yes"),
    ):
        path.write_text(f"a: {text}\n", encoding="utf-8")
        assert stale.as_dvc_reads(path) == {"a": value}
    path.write_text("a: [1\n", encoding="utf-8")
    with pytest.raises(DataInvalid):
        stale.as_dvc_reads(path)


CHANGED = 12
"""Functions that are changed, evenly through the rooms."""


def functions() -> list[tuple[str, str, int]]:
    """Path, name and first line of the body of the last function of some modules, evenly through the package."""
    modules = [path for path in sorted(PACKAGE.rglob("*.py")) if "\ndef " in path.read_text(encoding="utf-8")]
    found = []
    for path in modules[:: len(modules) // CHANGED][:CHANGED]:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        last = [node for node in tree.body if isinstance(node, ast.FunctionDef)][-1]
        found.append((path.relative_to(ROOT).as_posix(), last.name, last.body[0].lineno))
    return found


@pytest.mark.usefixtures("files")
def test_a_changed_line_runs_exactly_the_stages_that_reach_it(
    locked: Path, digests: dict[Path, str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = set()
    for place, name, number in functions():
        path = locked / place
        text = path.read_text(encoding="utf-8")
        lines = text.splitlines(keepends=True)
        line = lines[number - 1]
        lines.insert(number - 1, line[: len(line) - len(line.lstrip())] + "assert True\n")
        path.write_text("".join(lines), encoding="utf-8")
        with monkeypatch.context() as patch:
            patch.delitem(digests, path, raising=False)
            found = stale.out_of_date(locked)
        path.write_text(text, encoding="utf-8")
        assert set(found) == {stage for stage in STAGES if place in reached_by(stage)}, (place, name)
        assert all(changes == [place] for changes in found.values())
        counts.add(len(found))
    assert {0, 1} < counts, "some function is reached by none, some by one stage, some by several"


@pytest.mark.parametrize(
    "edits",
    [
        [
            ("pipeline/race_to_efficiency/calibration/kappa/trust.py", "seen < headline", "seen <= headline"),
            ("data/published/another.csv", "another.csv", "a later publication"),
        ],
        [
            ("params.yaml", "pivot_compute_flop: 1.0e+20", "pivot_compute_flop: 1.0e+21"),
            ("params.yaml", "ahead_later: constant_power", "ahead_later: turtle"),
        ],
    ],
    ids=["code and a folder", "numbers and lists"],
)
def test_dvc_calls_the_same_stages_out_of_date(locked: Path, edits: list[tuple[str, str, str]]) -> None:
    with ExitStack() as stack:
        for edit in edits:
            stack.enter_context(edited(locked, *edit))
        assert set(stale.out_of_date(locked)) == dvc_says(locked) != set()


def test_race_run_says_which_stages_and_why_and_tells_them_where_to_compute(
    locked: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told: dict[str, str] = {}

    @contextmanager
    def nothing(*_: object, environment: dict[str, str], **__: object) -> Iterator[SimpleNamespace]:
        told.update(environment)
        yield SimpleNamespace(stdout=(), returncode=0)

    monkeypatch.setattr(corridor.children, "session", nothing)
    monkeypatch.setattr(corridor, "keep_statements", lambda *_: None)
    code = "pipeline/race_to_efficiency/report/annex/cost.py"
    setting = ("params.yaml", "publication_gap_days: 180", "publication_gap_days: 181")
    with (
        edited(locked, *setting),
        edited(locked, code, "TARGETS = (0.9,", "TARGETS = (0.85,"),
        chosen(Place(3, "tls://far:8786")),
    ):
        corridor.reproduce(open_workspace(locked), force=False)
    assert (told[WORKERS_VARIABLE], told[SCHEDULER_VARIABLE]) == ("3", "tls://far:8786")
    assert [line for line in capsys.readouterr().err.splitlines() if "out of date" in line] == [
        "  backtest is out of date: statements.publication_gap_days",
        f"  report is out of date: {code}",
    ]

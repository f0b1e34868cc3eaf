"""The process that DVC runs in: stages in it, everything else as DVC starts it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import dvc.stage.cache as dvc_cache
import dvc.stage.run as dvc_run
import pytest
from dvc import dvcfile
from dvc.fs import LocalFileSystem
from dvc.stage.exceptions import StageCmdFailedError
from dvc.utils import serialize, strictyaml
from dvc.utils.serialize import _yaml
from race_to_efficiency import cli, repro
from race_to_efficiency.commands import dvc_shortcuts, reproduction

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], list[list[str]]]:
    """Return a function that lets stages end with a code, and gives the list of what they were asked."""
    monkeypatch.setattr(dvc_run, "_run", dvc_run._run)  # put back after the test

    def ending(code: int) -> list[list[str]]:
        words: list[list[str]] = []

        def main(arguments: list[str]) -> int:
            words.append(arguments)
            return code

        monkeypatch.setattr(cli, "main", main)
        repro.stages_here()
        return words

    return ending


def stage(command: str, folder: Path) -> Any:
    return SimpleNamespace(cmd=command, addressing="one", wdir=str(folder), repo=SimpleNamespace(root_dir=str(folder)))


def test_dvc_runs_a_stage_of_ours_in_this_process(asked: Callable[[int], list[list[str]]], tmp_path: Path) -> None:
    words = asked(0)
    dvc_run.cmd_run(stage("race stage fit_kappa", tmp_path))
    assert words == [["stage", "fit_kappa"]]


def test_a_stage_that_fails_fails_for_dvc_with_its_command_and_code(
    asked: Callable[[int], list[list[str]]], tmp_path: Path
) -> None:
    asked(3)
    with pytest.raises(StageCmdFailedError, match="race stage ingest, exited with 3"):
        dvc_run.cmd_run(stage("race stage ingest", tmp_path))


@pytest.mark.parametrize("command", ["echo race stage x > said", "race-other stage > said || echo > said"])
def test_any_other_command_is_started_as_dvc_starts_it(
    asked: Callable[[int], list[list[str]]], tmp_path: Path, command: str
) -> None:
    words = asked(0)
    dvc_run.cmd_run(stage(command, tmp_path))
    assert words == []
    assert (tmp_path / "said").is_file()


def test_dvc_asks_the_reader_and_the_writer_that_remember(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for module in (_yaml, serialize, strictyaml):
        monkeypatch.setattr(module, "parse_yaml", module.parse_yaml)
    monkeypatch.setattr(dvcfile, "modify_yaml", dvcfile.modify_yaml)
    monkeypatch.setattr(dvc_cache, "_can_hash", dvc_cache._can_hash)
    own = _yaml.parse_yaml
    parsed: list[str] = []

    def counting(text: str, path: str, typ: str = "safe") -> Any:
        parsed.append(text)
        return own(text, path, typ=typ)

    monkeypatch.setattr(_yaml, "parse_yaml", counting)
    dvc_shortcuts.take()
    path = tmp_path / "params.yaml"
    path.write_text("a: [1]\n", encoding="utf-8")  # not plain: DVC's own parser is asked
    for _ in range(2):
        assert serialize.load_yaml(str(path)) == {"a": [1]}
        assert serialize.load_path(str(path), LocalFileSystem()) == {"a": [1]}
        assert strictyaml.load(str(path))[0] == {"a": [1]}
    assert parsed == ["a: [1]\n"]
    lock = tmp_path / "dvc.lock"
    lock.write_text("schema: '2.0'\nstages:\n  a:\n    cmd: x\n  b:\n    cmd: y\n", encoding="utf-8")
    with dvcfile.modify_yaml(str(lock)) as data:
        data["stages"].update({"b": {"cmd": "z"}})
    assert "schema" not in "".join(parsed)  # stage by stage, never the whole file
    assert lock.read_text(encoding="utf-8") == "schema: '2.0'\nstages:\n  a:\n    cmd: x\n  b:\n    cmd: z\n"


def test_the_module_that_a_run_starts_is_this_one() -> None:
    assert repro.__name__ == reproduction.MODULE


def test_dvc_answers_at_once_that_it_keeps_no_run_of_a_stage_whose_outputs_persist(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module, name in ((_yaml, "parse_yaml"), (serialize, "parse_yaml"), (strictyaml, "parse_yaml")):
        monkeypatch.setattr(module, name, getattr(module, name))
    monkeypatch.setattr(dvcfile, "modify_yaml", dvcfile.modify_yaml)
    monkeypatch.setattr(dvc_cache, "_can_hash", lambda stage: stage.asked.append(1) or True)
    dvc_shortcuts.take()
    for persist, answer in ((True, False), (False, True)):
        stage = SimpleNamespace(outs=[SimpleNamespace(persist=persist)], asked=[])
        assert dvc_cache._can_hash(stage) is answer
        assert bool(stage.asked) is answer

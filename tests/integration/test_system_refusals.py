"""What the operating system refuses is told in a sentence with exit code 8; what only reads goes on."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from race_to_efficiency import cli

ROOT = Path(__file__).resolve().parents[2]
PREDICT = ("predict", "--kappa", "0.05", "--gamma", "2", "--t", "1")
RUNS = "compute_flop,loss\n" + "".join(f"{10**18 * 2**n},{3.0 * 0.97**n:.6f}\n" for n in range(12))
FIT = ("fit", "kappa", "runs.csv", "--form", "power_law", "--bootstrap", "100", "--frontier", "all")
SPEEDRUN = ("import", "training-runs", "finch.csv", "--recorded", "2026-06-30")
NOTE = """\
{source_id: finch2026, title: T, authors: A, year: 2026, identifier: x, licence: MIT, family: f, loss_unit: nats/token,
 released: 2026-01-15}
"""
QUANTILES = (0.25, 0.5, 0.75)
SCORED = "model,day,quantile,predicted,observed\n" + "".join(f"a,1,{q},{1 + q},1.5\n" for q in QUANTILES)
FINCH = "params,tokens,loss_nats,model_family,dataset\n1e8,1e10,3.217,L,C4\n2e8,2e10,3.104,L,C4\n"

READING = (
    PREDICT, ("show",), ("show", "gamma", "--json"), ("audit", "verify"), ("audit", "verify", "--json"),
    ("export", "citations"), ("export", "datapackage"), (*SPEEDRUN, "--dry-run"), FIT, ("severity",),
    ("dictionary", "--check"), ("cache",), ("score", "scored.csv"),
    ("solve", "time", "--target", "0.7", "--kappa", "0.05", "--gamma", "2"),
    ("fit", "gamma", "data/raw/accelerators.csv", "--date", "released", "--value", "tdp_w", "--draws", "100"),
)  # fmt: skip
WRITING = (
    SPEEDRUN, ("run",), ("run", "--quarter", "2024Q4"), ("publish", "--quarter", "2024Q4"), ("report",),
    ("stage", "ingest"), ("recovery", "--datasets", "1", "--case", "joint_floor_2y", "--workers", "1"),
    ("export", "citations", "-o", "lines.txt"), (*FIT, "--plot", "fit.svg"),
)  # fmt: skip

REFUSED = (
    ("diff", "2024Q1", "2024Qx"), ("audit", "trace", "gamma", "--quarter", "2024Q4"), ("audit", "rederive", "2024Q1"),
    ("audit", "explain", "gamma", "2024Q1", "2024Qx"),
)  # fmt: skip
"""What is not there, of the verbs that compute for minutes where it is."""

CHILD = """\
import contextlib, functools, io, json, resource, sys
import typer.main
from race_to_efficiency import cli
cli.application = functools.cache(cli.application)
typer.main.get_command = functools.cache(typer.main.get_command)  # once, not for every command
if "full" in sys.argv[2:]:
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
found = []
for words in json.loads(sys.argv[1]):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = cli.main(words)
    found.append([words, code, out.getvalue()[-200:], err.getvalue()])
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout's inputs and its newest publications, with two small files of an analyst."""
    folder = tmp_path_factory.mktemp("refused") / "checkout"
    for name in ("data/raw", "data/published", "reports"):
        shutil.copytree(ROOT / name, folder / name)
    for name in ("params.yaml", "dvc.yaml", "dvc.lock", "requirements.lock"):
        shutil.copy(ROOT / name, folder)
    (folder / "runs.csv").write_text(RUNS)
    (folder / "scored.csv").write_text(SCORED)
    (folder / "finch.csv").write_text(FINCH)
    (folder / "finch.source.yaml").write_text(NOTE)
    return folder


def told(checkout: Path, calls: tuple[tuple[str, ...], ...], *more: str, before: tuple[str, ...] = ()) -> list[Any]:
    """Run commands in one child process that the system refuses something; return words, code, stdout, stderr."""
    places = {"HOME": "/nowhere", "TMPDIR": "/nowhere", "XDG_CACHE_HOME": "/nowhere", "PYTHONDONTWRITEBYTECODE": "1"}
    path = os.pathsep.join([str(ROOT / "pipeline"), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [*before, sys.executable, "-c", CHILD, json.dumps(calls), *more],
        cwd=checkout,
        env={**os.environ, **places, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found: list[Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def ledgers(checkout: Path) -> dict[str, bytes]:
    return {
        str(path): path.read_bytes()
        for name in ("data", "reports")
        for path in (checkout / name).rglob("*.*")
        if path.is_file()
    }


SOME_OR_ALL = pytest.mark.parametrize("every", [4, pytest.param(1, marks=pytest.mark.slow)])
"""Each fourth verb, and all of them where minutes may be spent."""


def check(checkout: Path, found: list[Any], before: dict[str, bytes]) -> None:
    for words, code, _, err in found:
        assert "Traceback" not in err, err
        if tuple(words) in (*READING, *REFUSED):
            assert code == 0 if tuple(words) in READING else code in (2, 6), (words, err)
        else:
            assert code == 8, (words, err)
            assert err.split("race: system refused: ")[1].startswith("the operating system refused "), err
            assert err.count("\n  why: ") == 1
    assert ledgers(checkout) == before


@SOME_OR_ALL
def test_nothing_can_be_written(checkout: Path, every: int) -> None:
    """A full disk, as a limit of 0 bytes a file: every write of every process fails, on any machine.

    No fit is asked for: a library of lmfit needs a folder for temporary files to be imported at all.
    """
    before = ledgers(checkout)
    calls = tuple(words for words in (*READING, *REFUSED, *WRITING) if "fit" not in words)
    check(checkout, told(checkout, calls[::every], "full"), before)


def read_only(folder: Path) -> tuple[str, ...]:
    """Return the start of a command line for which ``folder`` is mounted read-only."""
    script = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && cd "$0" && exec "$@"'
    command = ("unshare", "--mount", "--map-root-user", "sh", "-c", script, str(folder))
    if (
        shutil.which("unshare") is None
        or subprocess.run([*command, "true"], check=False, capture_output=True).returncode
    ):
        pytest.skip("this machine lets no test mount a folder read-only; the test above refuses the same writes")
    return command


@SOME_OR_ALL
def test_a_checkout_that_may_only_be_read(checkout: Path, every: int) -> None:
    """What the full disk refused above, and the fits that it cannot ask for; what only reads has read there."""
    before = ledgers(checkout)
    calls = (*(words for words in READING if "fit" in words), *WRITING)
    check(checkout, told(checkout, calls[::every], before=read_only(checkout)), before)


FORKING = """\
import json, os, sys
import pandas, pyarrow.parquet, yaml  # once, not in every child
from race_to_efficiency import cli
for words in json.loads(sys.argv[1]):
    child = os.fork()
    if not child:
        with open("err", "wb") as err, open("/dev/full", "wb") as full:
            os.dup2(err.fileno(), 2), os.dup2(full.fileno(), 1)
        sys.exit(cli.main(words))
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with open("err", encoding="utf-8") as err:
        print(json.dumps([words, code, err.read()]), flush=True)
"""


@SOME_OR_ALL
def test_no_verb_fails_over_a_full_standard_output_or_changes_a_ledger(checkout: Path, every: int) -> None:
    before = ledgers(checkout)
    calls = [*(words for words in READING if words != FIT), *REFUSED, (*SPEEDRUN, "--json"), SPEEDRUN][::-every][::-1]
    done = subprocess.run(
        [sys.executable, "-c", FORKING, json.dumps(calls)],
        cwd=checkout, env={**os.environ, "PYTHONPATH": str(ROOT / "pipeline")},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [tuple(words) for words, *_ in found] == calls
    for words, code, err in found:
        assert "Traceback" not in err, err
        assert "Exception ignored" not in err, err
        if tuple(words) in REFUSED:
            assert code in (2, 6), (words, code, err)
        elif words != ["dictionary", "--check"]:  # which is silent when all is well
            assert (code, "the operating system refused the standard output" in err) == (8, True), (words, code, err)
    assert ledgers(checkout) == before
    assert not list((checkout / ".tmp").glob(".race-*"))


def test_a_reader_who_has_gone_stops_no_import(checkout: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(checkout, tmp_path / "copy"))
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "race_to_efficiency", *SPEEDRUN]
    env = {**os.environ, "PYTHONPATH": str(ROOT / "pipeline")}
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, check=False, env=env, cwd=copy)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")
    old, new = ((folder / "data" / "raw" / "training_runs.csv").read_bytes() for folder in (checkout, copy))
    assert new.startswith(old)
    assert new[len(old) :].count(b"\n") == 2


def leaves(command: Any, *words: str) -> list[tuple[str, ...]]:
    """Return every command of the application, by its words."""
    inner = getattr(command, "commands", {})
    return [leaf for name, one in inner.items() for leaf in leaves(one, *words, name)] or [words]


def test_every_verb_is_refused_something_here() -> None:
    tried = [*READING, *REFUSED, *WRITING]
    missing = [leaf for leaf in leaves(typer.main.get_command(cli.application()))
               if not any(words[: len(leaf)] == leaf for words in tried)]  # fmt: skip
    assert [leaf for leaf in missing if leaf[0] != "solve"] == []


@pytest.mark.parametrize("words", [PREDICT, (*PREDICT, "--json"), ("--help",), ("solve", "nothing")])
def test_standard_output_that_is_full_or_gone(words: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "race_to_efficiency", *words]
    env = {**os.environ, "PYTHONPATH": str(ROOT / "pipeline")}
    with open("/dev/full", "w") as full:  # noqa: PTH123
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False, env=env)
    writes = words[0] != "solve"
    assert done.returncode == (8 if writes else 2)
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    if writes:
        stream = "a file or stream" if words == ("--help",) else "the standard output"
        assert f"race: system refused: the operating system refused {stream}: No space left" in done.stderr
    reading, writing = os.pipe()
    os.close(reading)
    gone = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, check=False, env=env)
    os.close(writing)
    assert (gone.returncode, "Traceback" in gone.stderr) == (0 if writes else 2, False)
    if writes:
        assert gone.stderr == ""


FOLDERS = (
    ("fit", "kappa", "."), ("fit", "gamma", ".", "--date", "d", "--value", "v"), ("import", "training-runs", "."),
    ("import", "epoch-hardware", ".", "--recorded", "2026-06-30"), ("import", "mlperf", "runs.csv"),
    ("import", "speedrun", "runs.csv/deeper"), ("audit", "verify", "runs.csv"), ("fit", "kappa", "runs.csv/deeper"),
    ("audit", "trace", "gamma", "--folder", "runs.csv"), ("publish", "--quarter", "2024Q4", "--sign-key", "."),
    ("import", "epoch-models", "~nobody-at-all/x.csv", "--recorded", "2026-06-30"),
    ("fit", "kappa", "x" * 5000), ("audit", "verify", "y" * 5000),
)  # fmt: skip


@pytest.mark.parametrize("words", FOLDERS, ids=lambda words: " ".join(words)[:40])
def test_a_folder_as_file_and_a_file_as_folder(
    checkout: Path, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(checkout)
    assert cli.main(list(words)) in ({8} if len(words[-1]) > 1000 else {2, 3, 6})
    shown = capsys.readouterr().err
    assert "Traceback" not in shown
    assert len(shown.encode()) <= 2048


@pytest.mark.parametrize("kind", [MemoryError(), RecursionError("too deep"), OSError(5, "Input/output error", "/x")])
def test_what_python_raises_for_the_system_is_told(
    kind: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise kind

    monkeypatch.setattr("race_to_efficiency.commands.predict.prediction", refuse)
    assert cli.main([*PREDICT, "--json"]) == 8
    shown = capsys.readouterr()
    document = json.loads(shown.out)["error"]
    assert (document["kind"], document["exit_code"]) == ("system refused", 8)
    assert "Traceback" not in shown.err
    if isinstance(kind, OSError):
        assert (document["where"], document["why"]) == ("/x", "Input/output error")

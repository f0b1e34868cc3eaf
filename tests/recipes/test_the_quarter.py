"""CONTRIBUTING's page of commands for a quarter, copied line by line into a scratch copy with small settings."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import small_quarter
import yaml
from race_to_efficiency.cli import application
from small_settings import document
from typer.testing import CliRunner

COPIED = ("pipeline", "data/raw", "data/published", "reports")
FILES = ("dvc.yaml", "pyproject.toml", "requirements.lock", "README.md")


def commands(root: Path) -> list[str]:
    """Return the first block of commands of the page."""
    page = (root / "CONTRIBUTING.md").read_text(encoding="utf-8").split("## The quarter, as commands", 1)[1]
    return page.split("```sh\n", 1)[1].split("```", 1)[0].splitlines()


def run(line: str, place: Path) -> str:
    """Run one line of the page with this interpreter; its standard output."""
    _, *words = shlex.split(line)
    environment = {**os.environ, "PYTHONPATH": str(place / "pipeline"), "NO_COLOR": "1", "COLUMNS": "200"}
    environment["RACE_KEYS"] = str(place.parent / "keys")
    call = [sys.executable, "-m", "race_to_efficiency", *words]
    done = subprocess.run(call, cwd=place, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{line}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout


def a_copy(root: Path, shared: Path, tmp_path: Path) -> Path:
    """Return a copy of the checkout with small settings, beside what it reads."""
    place = tmp_path / "checkout"
    for name in COPIED:
        shutil.copytree(root / name, place / name, ignore=shutil.ignore_patterns("__pycache__", "*-draft"))
    for name in FILES:
        shutil.copy(root / name, place / name)
    (place / "params.yaml").write_text(yaml.safe_dump(document(**small_quarter.FEW)), encoding="utf-8")
    (tmp_path / "shared").symlink_to(shared)
    return place


def test_every_line_of_the_page_is_a_command_with_options_it_has(root: Path) -> None:
    lines = commands(root)
    assert [line.split()[1] for line in lines] == [
        *("import", "import", "import", "run", "diff", "publish", "audit", "audit")
    ]
    runner, race = CliRunner(), application()
    for line in lines:
        verb, *words = shlex.split(line)
        assert verb == "race"
        told = runner.invoke(race, [*words, "--help"])  # options are looked up before the help is shown
        assert told.exit_code == 0, told.output
    assert runner.invoke(race, ["run", "--no-such", "--help"]).exit_code == 2


@pytest.mark.slow
@pytest.mark.upstream
def test_the_page_ends_in_a_published_quarter_that_verifies_and_rederives(
    root: Path, shared: Path, tmp_path: Path
) -> None:
    place = a_copy(root, shared, tmp_path)
    before = {path.name: path.read_bytes() for path in (place / "data" / "raw").glob("*.csv")}
    lines = commands(root)
    said = [run(line, place) for line in lines]
    for name, held in before.items():
        assert (place / "data" / "raw" / name).read_bytes() == held, "what is in already is not appended again"
    assert "Everything published verifies." in said[6]
    assert "Every number comes out again, identical." in said[7]
    entries = json.loads((place / "reports" / "registry.json").read_text(encoding="utf-8"))["entries"]
    assert [(item["quarter"], item["reconstructed"]) for item in entries[-2:]] == [("2026Q2", True), ("2026Q3", True)]
    assert (place / "params.yaml").read_text(encoding="utf-8") == yaml.safe_dump(document(**small_quarter.FEW))


@pytest.mark.slow
@pytest.mark.upstream
def test_news_enters_the_ledgers_and_makes_a_quarter(root: Path, shared: Path, tmp_path: Path) -> None:
    """2026Q2 made again in a copy that knows nothing of it yet: news taken out of the ledgers, the chain left aside."""
    place = a_copy(root, shared, tmp_path)
    shutil.rmtree(place / "reports")
    shutil.rmtree(place / "data" / "published")
    for name in ("accelerators", "speedrun_records"):
        path = place / "data" / "raw" / f"{name}.csv"
        rows = pd.read_csv(path, dtype=str, keep_default_na=False)
        rows[rows["recorded"] <= "2026-03-31"].to_csv(path, index=False)
    before = pd.read_csv(place / "data" / "raw" / "speedrun_records.csv")
    for line in commands(root)[1:3]:
        run(line, place)
    records = pd.read_csv(shared / "data" / "news" / "speedrun" / "speedrun_2026-06-30.csv")
    assert len(pd.read_csv(place / "data" / "raw" / "speedrun_records.csv")) == len(before) + len(records)
    assert (place / "data" / "raw" / "accelerators.csv").read_bytes() == (
        root / "data" / "raw" / "accelerators.csv"
    ).read_bytes()
    run("race publish --quarter 2026Q2", place)
    assert "Everything published verifies." in run("race audit verify", place)

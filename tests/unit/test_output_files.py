"""Output options are fenced off what is published, kept and run: exit 2, and not a byte is changed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from race_to_efficiency import cli
from race_to_efficiency.commands import export, recovery
from race_to_efficiency.commands.output_files import output_file
from race_to_efficiency.errors import UsageError

ROOT = Path(__file__).resolve().parents[2]
RUNS = "compute_flop,loss\n" + "".join(f"{10**18 * 2**n},{3.0 * 0.97**n:.6f}\n" for n in range(12))


KEPT = ("data/raw/training_runs.csv", "reports/registry.json", "reports/2026Q1/kappa.json", ".git/config",
        "reports/2026Q1/registry_entry.json",
        "pipeline/race_to_efficiency/cli.py", "tests/x.py", "params.yaml", "README.md", "mine/old.svg")  # fmt: skip


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout's skeleton, with links into it."""
    folder = tmp_path / "checkout"
    for name in KEPT:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"{name} as it was")
    (folder / "mine" / "raw").symlink_to(folder / "data" / "raw", target_is_directory=True)
    (folder / "mine" / "ledger.svg").symlink_to(folder / "data" / "raw" / "training_runs.csv")
    (folder / "mine" / "new.svg").symlink_to(folder / "data" / "raw" / "not_there_yet.csv")
    return folder


FENCED = (
    "data/raw/training_runs.csv", "data/raw/new.csv", "data/new/deeper/x.svg", "reports/registry.json",
    "reports/2026Q1/new.svg", "pipeline/new.py", "tests/x.py", ".git/config", ".git/hooks/post-commit", "params.yaml",
    "README.md", "Makefile", ".gitignore", "mine/raw/training_runs.csv", "mine/raw/new.svg", "mine/ledger.svg",
    "mine/new.svg", "mine/../data/raw/x.svg", "mine", "/dev/null", "/dev/full",
)  # fmt: skip


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("name", FENCED)
@pytest.mark.parametrize("absolute", [True, False], ids=["absolute", "relative"])
def test_an_output_among_what_is_kept_is_refused(
    checkout: Path, name: str, absolute: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(checkout / "mine")
    given = checkout / name if absolute else Path("..") / name
    with pytest.raises(UsageError):
        output_file(given, "--plot")


@pytest.mark.parametrize("name", ["mine/new/deep.svg", "mine/old.svg", "fit.svg", "../elsewhere.svg", "datasets.json"])
def test_an_output_elsewhere_is_taken(checkout: Path, name: str) -> None:
    assert output_file(checkout / name, "--plot") == checkout / name
    assert output_file(None, "--plot") is None


def test_a_published_folder_is_fenced_wherever_it_lies(checkout: Path, tmp_path: Path) -> None:
    shutil.move(checkout / "reports", tmp_path / "copied")
    with pytest.raises(UsageError):
        output_file(tmp_path / "copied" / "2026Q1" / "kappa.json", "--output")
    with pytest.raises(UsageError):
        output_file(tmp_path / "copied" / "registry.json", "--output")
    with pytest.raises(UsageError):
        output_file(Path(export.__file__), "--output")
    shutil.move(tmp_path / "copied" / "2026Q1", tmp_path / "alone")
    with pytest.raises(UsageError):
        output_file(tmp_path / "alone" / "kappa.json", "--output")
    (tmp_path / "page").mkdir()
    for name in ("manifest.json", "registry.json"):  # other programs have such files too
        (tmp_path / "page" / name).write_text("{}")
    assert output_file(tmp_path / "page" / "out" / "fit.svg", "--plot") is not None


def test_every_command_that_writes_a_named_file_is_fenced(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(ROOT / "params.yaml", checkout)
    (checkout / "runs.csv").write_text(RUNS)
    monkeypatch.chdir(checkout)
    monkeypatch.setattr(export, "make", lambda *_: {"citations": ["one"]})
    monkeypatch.setattr(recovery, "FULL", 10**9)
    before = contents(checkout)
    fit = ("fit", "kappa", "runs.csv", "--form", "power_law", "--bootstrap", "100", "--frontier", "all", "--plot")
    study = ("recovery", "--datasets", "1", "--output")
    for words in (fit, ("export", "citations", "-o"), ("export", "prov", "--output"), study):
        for name in ("data/raw/training_runs.csv", "reports/registry.json", "mine/raw/x.md", "mine/ledger.svg"):
            assert cli.main([*words, name]) == 2, (words, name)
            assert "would write among" in (shown := capsys.readouterr().err) or "is no plain file" in shown
    assert contents(checkout) == before
    assert cli.main([*fit, "mine/fit.svg"]) == 0
    assert cli.main(["export", "citations", "-o", "mine/lines.txt"]) == 0
    assert (checkout / "mine" / "lines.txt").read_text() == "one\n"
    assert "<svg" in (checkout / "mine" / "fit.svg").read_text()


def test_no_option_that_names_a_file_to_write_goes_around_the_fence() -> None:
    found = set()
    for path in sorted((ROOT / "pipeline" / "race_to_efficiency" / "commands").glob("*.py")):
        text = path.read_text(encoding="utf-8")
        if any(f'"{option}"' in text for option in ("--output", "-o", "--out")) or "plot: Annotated" in text:
            found.add(path.name)
            assert "output_file(" in text, path.name
    assert found >= {"export.py", "fit_kappa.py", "recovery.py"}

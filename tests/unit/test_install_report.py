"""What a run says of a published quarter: that it comes out again, or which settings and files are others."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from race_to_efficiency import storage
from race_to_efficiency.commands.installed_report import install_report
from race_to_efficiency.settings.params import Workspace, check_params
from race_to_efficiency.settings.sealed import complete
from small_settings import PARAMS, laid_over

if TYPE_CHECKING:
    from race_to_efficiency.settings.sections import Params

RECORDS = ("anchors.json", "milestones.parquet", "scores.parquet")
PAGES = ("report.html", "numbers.json", "figures/fan.svg")


@pytest.fixture
def space(tmp_path: Path) -> Workspace:
    """A run whose files, and settings, are those of the published quarter."""
    shutil.copy(PARAMS.parent / "dvc.yaml", tmp_path)
    processed, published = tmp_path / "data" / "processed", tmp_path / "reports" / "2026Q1"
    for name in RECORDS:
        for folder in (processed, published):
            storage.write_text(folder / name, name)
    for name in PAGES:
        for folder in (processed / "report", published):
            storage.write_text(folder / name, name)
    storage.write_text(published / "manifest.json", "{}")
    shutil.copy(PARAMS.parent / "reports" / "2026Q1" / "params.yaml", published)
    return Workspace(tmp_path, published_params(), processed, tmp_path / "reports")


def published_params(**changes: Any) -> Params:
    """The settings of a quarter that 0.1 published, with changes laid over them."""
    document, _ = complete(storage.read_yaml(PARAMS.parent / "reports" / "2026Q1" / "params.yaml"))
    return check_params(laid_over(document, changes), PARAMS)


def test_the_same_settings_and_bytes_leave_the_published_folder_alone(space: Workspace) -> None:
    page, note = install_report(space)
    assert page == space.reports / "2026Q1" / "report.html"
    assert note == (
        "2026Q1 is published; this run has its settings and reproduces its 6 files of results byte for byte"
    )
    assert [path.name for path in space.reports.iterdir()] == ["2026Q1"]


@pytest.mark.parametrize("name", [*RECORDS, *(f"report/{page}" for page in PAGES)])
def test_any_other_file_is_named_and_the_run_goes_to_a_draft(space: Workspace, name: str) -> None:
    storage.write_text(space.processed / name, "other")
    page, note = install_report(space)
    assert page == space.reports / "2026Q1-draft" / "report.html"
    assert f"differs in 1 of 6 files ({name.removeprefix('report/')}), so it stands in 2026Q1-draft" in note
    assert (space.reports / "2026Q1" / name.removeprefix("report/")).read_text() == name.removeprefix("report/")


def test_another_setting_is_another_run_whatever_its_bytes(space: Workspace) -> None:
    """Also one that 0.1 knew only in code, which the published file does not name."""
    other = Workspace(
        space.root,
        published_params(fit_kappa={"delta": 0.002, "gates": {"bound_sigmas": 2.0}}),
        space.processed,
        space.reports,
    )
    _, note = install_report(other)
    assert "differs in 2 settings (fit_kappa.delta, fit_kappa.gates.bound_sigmas), so it stands in 2026Q1-draft" in note


def test_what_no_stage_reads_and_what_another_quarter_implies_is_no_difference(space: Workspace) -> None:
    aside = published_params(own_tables={"draws": 500}, report={"reconstructed": False})
    assert "byte for byte" in install_report(Workspace(space.root, aside, space.processed, space.reports))[1]

"""A stage has one name in five places, and dvc.yaml declares what each stage really imports."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from race_to_efficiency.settings.params import STAGES, read_params

ROOT = Path(__file__).resolve().parents[2]

STAGE_ENTRIES = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]


def test_dvc_lists_the_corridor_in_order() -> None:
    assert tuple(STAGE_ENTRIES) == STAGES


@pytest.mark.parametrize("name", STAGES)
def test_one_name_in_five_places(name: str) -> None:
    assert STAGE_ENTRIES[name]["cmd"] == f"race stage {name}"
    assert (ROOT / "pipeline" / "race_to_efficiency" / "stages" / f"{name}.py").is_file()
    assert (ROOT / "tests" / "integration" / f"test_{name}.py").is_file()
    assert hasattr(read_params(ROOT / "params.yaml"), name)


def imported_files(name: str) -> set[Path]:
    """Return the files under pipeline/ a fresh process has loaded after importing all a stage names, lazily or not."""
    script = (
        "import grimp, sys\n"
        "graph = grimp.build_graph('race_to_efficiency', cache_dir=None, exclude_type_checking_imports=True)\n"
        "print('\\n'.join(sorted(graph.find_upstream_modules(sys.argv[1]) | {sys.argv[1]})))"
    )
    result = subprocess.run(
        [sys.executable, "-c", script, f"race_to_efficiency.stages.{name}"],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    files = set()
    for module in result.stdout.split():
        path = ROOT / "pipeline" / Path(*module.split("."))
        files.add(path / "__init__.py" if path.is_dir() else path.with_suffix(".py"))
    return files


@pytest.mark.parametrize("name", STAGES)
def test_dvc_deps_cover_what_the_stage_imports(name: str) -> None:
    """Otherwise an edit of the code would leave a stale result standing."""
    declared = [ROOT / item for item in STAGE_ENTRIES[name]["deps"]]
    missing = [
        path.relative_to(ROOT).as_posix()
        for path in imported_files(name)
        if path.name != "__init__.py" and not any(path == item or item in path.parents for item in declared)
    ]
    assert not missing, f"add to the deps of {name} in dvc.yaml: {missing}"


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_reads_only_what_earlier_stages_wrote(name: str) -> None:
    earlier = {"data/raw", "data/published"}
    for stage in STAGES[: STAGES.index(name)]:
        for item in STAGE_ENTRIES[stage]["outs"]:
            earlier.add(item if isinstance(item, str) else next(iter(item)))
    for item in STAGE_ENTRIES[name]["deps"]:
        if item.startswith("data/"):
            assert any(item == out or item.startswith(out + "/") for out in earlier), item


def test_an_import_reruns_only_the_fits_that_read_its_ledger() -> None:
    """A fit depends on single ledgers' views, not on all of data/raw: new chips leave kappa as it is."""
    from race_to_efficiency.quarter.world import GAMMA_TABLES, KAPPA_TABLES

    for stage, tables in (("fit_kappa", KAPPA_TABLES), ("fit_gamma", GAMMA_TABLES)):
        read = {
            Path(item) for item in STAGE_ENTRIES[stage]["deps"] if item.startswith(("data/raw", "data/processed/l"))
        }
        assert read == {Path("data/processed/ledger") / f"{name}.parquet" for name in tables}

"""What each stage read while the suite's small quarter was made, and a checkout that DVC takes for up to date."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from dvc_view import dvc_repo
from race_to_efficiency import storage
from race_to_efficiency.settings.corridor import declared
from race_to_efficiency.settings.params import check_params
from reads import leaves
from small_settings import DOCUMENT, PARAMS

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def readers(reads: dict[str, dict[str, list[str]]]) -> dict[str, set[str]]:
    """Setting -> the stages that read it: every setting of params.yaml."""
    params = check_params(DOCUMENT, PARAMS)
    return {leaf: {name for name, read in reads.items() if leaf in read["settings"]} for leaf in leaves(params)}


@pytest.fixture(scope="session")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with a file for everything dvc.yaml names, and the dvc.lock that DVC itself writes for it."""
    root = tmp_path_factory.mktemp("locked")
    shutil.copytree(ROOT / "pipeline", root / "pipeline", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("dvc.yaml", "params.yaml", ".dvcignore"):
        shutil.copy(ROOT / name, root / name)
    named = {path for stage in declared(ROOT).values() for path in (*stage.deps, *stage.outs)}
    for path in (root / item for item in sorted(named) if not (root / item).exists()):
        for file in [path] if path.suffix else [path / "b" / "one.csv", path / "another.csv"]:
            storage.write_text(file, file.name)
    storage.write_text(root / ".dvc" / "config", "[core]\n    no_scm = true\n    analytics = false\n")
    with dvc_repo(root) as repo:
        repo.commit(force=True)
    return root

"""The package beside a user's own files, and as it is installed: one name, one file of settings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from race_to_efficiency.relative_loss import relative_loss

OWN = {
    "pipeline.py": "raise SystemExit('this is a user's own pipeline.py')\n",
    "utils.py": "raise SystemExit('this is a user's own utils.py')\n",
    "settings.py": "raise SystemExit('this is a user's own settings.py')\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of a user's, with files of names that a package might take."""
    for name, text in OWN.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def python(folder: Path, *words: str, path: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": str(path), "NO_COLOR": "1", "COLUMNS": "120"}
    done = subprocess.run(
        [sys.executable, *words], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_race_and_the_import_work_beside_a_user_s_own_files(folder: Path, root: Path) -> None:
    """The folder itself stands first on the path of ``python -m`` and ``python -c``."""
    source = root / "pipeline"
    assert "race" in python(folder, "-m", "race_to_efficiency", "--help", path=source)
    words = ("predict", "--kappa", "0.05", "--gamma", "1", "--t", "5", "--json")
    found = python(folder, "-m", "race_to_efficiency", *words, path=source)
    (answer,) = json.loads(found)["results"]
    assert answer["relative_loss"] == pytest.approx(relative_loss(5, 0.05, 1), rel=1e-14)
    python(folder, "-c", "import race_to_efficiency.cli, race_to_efficiency.stages.forecast", path=source)


EVERY_MODULE = """
import importlib, pkgutil, sys
import race_to_efficiency
for item in pkgutil.walk_packages(race_to_efficiency.__path__, "race_to_efficiency."):
    if not item.name.endswith("__main__"):
        importlib.import_module(item.name)
files = {}
for name, module in list(sys.modules.items()):
    path = getattr(module, "__file__", None)
    if path and path.startswith(race_to_efficiency.__path__[0]):
        files.setdefault(path, []).append(name)
twice = {path: names for path, names in files.items() if len(names) > 1}
assert not twice, twice
assert all(names[0].startswith("race_to_efficiency") for names in files.values()), files
print(len(files))
"""


def test_no_module_is_imported_under_two_names(folder: Path, root: Path) -> None:
    modules = list((root / "pipeline" / "race_to_efficiency").rglob("*.py"))
    found = int(python(folder, "-c", EVERY_MODULE, path=root / "pipeline"))
    assert found == len(modules) - 1, "every module but __main__"


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built and unpacked as an installer does."""
    place = tmp_path_factory.mktemp("wheel")
    words = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(place)]
    subprocess.run(words, cwd=root, check=True, capture_output=True)
    (file,) = place.glob("*.whl")
    with zipfile.ZipFile(file) as archive:
        archive.extractall(place / "site")
    return place / "site"


def test_the_wheel_installs_one_name_and_the_checkout_s_own_settings(wheel: Path, root: Path) -> None:
    names = {path.name for path in wheel.iterdir()}
    assert {name for name in names if not name.endswith(".dist-info")} == {"race_to_efficiency"}
    for name in ("params.yaml", "dvc.yaml"):
        assert (wheel / "race_to_efficiency" / "settings" / name).read_bytes() == (root / name).read_bytes()
    inside = {path.relative_to(wheel) for path in (wheel / "race_to_efficiency").rglob("*.py")}
    assert inside == {path.relative_to(root / "pipeline") for path in (root / "pipeline").rglob("*.py")}


def test_an_installed_package_fits_with_the_settings_it_came_with(wheel: Path, folder: Path) -> None:
    script = (
        "from pathlib import Path\n"
        "from race_to_efficiency.settings.params import find_params, read_params\n"
        "from race_to_efficiency.settings.corridor import declared\n"
        "found = find_params(Path.cwd())\n"
        "print(found, read_params(found).fit_kappa.delta, *declared(Path.cwd()))\n"
    )
    where, delta, *stages = python(folder, "-c", script, path=wheel).split()
    assert Path(where) == wheel / "race_to_efficiency" / "settings" / "params.yaml"
    assert float(delta) == 0.001
    assert stages[0] == "ingest"
    found = python(folder, "-m", "race_to_efficiency", "severity", "--json", path=wheel)
    assert json.loads(found)["baseline_power_w"] > 0

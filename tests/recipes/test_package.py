"""The package beside a user's own files, and as it is installed: one name, one file of settings."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import numpy as np
import pytest
from race_to_efficiency import storage
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


SCRIPTS = {
    "fit, plot and predict": """\
import race_to_efficiency as race
fit = race.fit_kappa("runs.csv", forms="chinchilla", bootstrap=100)
fit.plot().figure.savefig("fit.png")
told = race.predict_loss(fit, params=2e10, tokens=4e11)
best = race.optimal_allocation(fit, 1e23)
print(fit.estimate().value, told.to_frame()["loss"][0], best.to_frame()["params"][0])
""",
    "bands of the relative loss": """\
import race_to_efficiency as race
kappa = race.fit_kappa("runs.csv", forms="power_law", bootstrap=100)
gamma = race.fit_gamma("chips.csv", date="day", value="speed", draws=200)
bands = race.forecast(kappa, gamma, years=[1, 2, 5])
bands.plot().figure.savefig("bands.png")
print(*bands.to_frame().loc[2, ["low95", "relative_loss", "high95"]])
""",
    "what a quarter stated, what a ledger knew": """\
import race_to_efficiency as race
stated = race.load_quarter("2026Q1").to_frame()
known = race.load_ledger("training_runs", as_of="2023-12-31")
known = known[known["group"] == "muennighoff2023"]
print(len(stated), len(known), known["released"].max().year)
""",
}


@pytest.mark.slow
def test_three_scripts_of_ten_lines_run_in_an_empty_folder(wheel: Path, folder: Path, root: Path) -> None:
    rng = np.random.default_rng(1)
    n, d = np.geomspace(1e8, 1e10, 36), 10.0 ** rng.uniform(9, 12, 36)
    loss = (1.8 + 480 * n**-0.35 + 2000 * d**-0.37) * np.exp(rng.normal(0, 0.003, 36))
    runs = "\n".join(["params,tokens,loss", *(f"{a},{b},{c}" for a, b, c in zip(n, d, loss, strict=True))])
    storage.write_text(folder / "runs.csv", runs + "\n")
    years = [2010 + 0.4 * k for k in range(30)]
    chips = [f"{year},{2 ** (0.5 * (year - 2010) + 0.2 * (-1) ** k)}" for k, year in enumerate(years)]
    storage.write_text(folder / "chips.csv", "\n".join(["day,speed", *chips]) + "\n")
    said = {}
    for name, script in SCRIPTS.items():
        assert len(script.splitlines()) <= 10
        said[name] = [float(word) for word in python(folder, "-c", script, path=wheel).split()]
    words = ("fit", "kappa", "runs.csv", "--form", "chinchilla", "--bootstrap", "100", "--save", "fit.json", "--json")
    found = json.loads(python(folder, "-m", "race_to_efficiency", *words, path=wheel))
    predict = ("-m", "race_to_efficiency", "predict", "--fit", "fit.json", "--json")
    told = json.loads(python(folder, *predict, "--params", "2e10", "--tokens", "4e11", path=wheel))
    best = json.loads(python(folder, *predict, "--budget", "1e23", path=wheel))
    theirs = [found["estimates"][0]["value"], told["results"][0]["loss"], best["results"][0]["params"]]
    assert said["fit, plot and predict"] == pytest.approx(theirs, rel=1e-12)
    low, middle, high = said["bands of the relative loss"]
    assert 0 < low < middle < high < 1
    statements, known, year = said["what a quarter stated, what a ledger knew"]
    assert statements == len(storage.read_json(root / "data" / "published" / "2026Q1.json")["statements"])
    with (root / "data" / "raw" / "training_runs.csv").open(encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["group"] == "muennighoff2023"]
    by_then = [row for row in rows if row["recorded"] <= "2023-12-31" and "multi_epoch" not in row["run_flags"]]
    assert known == len(by_then)
    assert year <= 2023
    assert {path.name for path in folder.iterdir()} >= {"fit.png", "bands.png"}


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


BASE_ALONE = """
import sys

class Absent:
    names = {names}

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.names:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Absent())
import importlib.util
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name in Absent.names else found(name, *rest)
import race_to_efficiency as race
from race_to_efficiency import cli

fit = race.fit_kappa("runs.csv", forms="power_law", bootstrap=100)
fit.plot()
race.load_ledger("accelerators")
race.predict_loss(fit, compute=1e23)
print(cli.main(["run"]))
"""


def test_the_base_alone_fits_predicts_reads_and_plots_and_a_run_names_its_extras(folder: Path, root: Path) -> None:
    with (root / "pyproject.toml").open("rb") as stream:
        project = tomllib.load(stream)["project"]
    optional = project["optional-dependencies"]
    assert not {word.partition(">")[0] for word in project["dependencies"]} & {
        word.partition(">")[0] for words in optional.values() for word in words
    }
    compute = np.geomspace(1e18, 1e22, 24)
    loss = 3 * (compute / 1e20) ** -0.05 * (1 + 0.002 * np.sin(np.arange(24) * 2.4))
    lines = [f"{c},{y}" for c, y in zip(compute, loss, strict=True)]
    storage.write_text(folder / "runs.csv", "\n".join(["compute_flop,loss", *lines]) + "\n")
    absent = {"dvc", "grimp", "psutil", "cryptography", "jinja2", "typst", "dask"}
    script = BASE_ALONE.replace("{names}", repr(absent)) + "sys.exit(0)\n"
    environment = {**os.environ, "PYTHONPATH": str(root / "pipeline"), "NO_COLOR": "1"}
    words = [sys.executable, "-c", script]
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1] == "6"
    assert "race-to-efficiency[pipeline,report]" in done.stderr

"""The code each stage reaches, held against dvc.yaml: a command of ``make lint``, and of ``make dvc-yaml`` to write it.

It is the modules a stage reaches through imports, also inside functions, the models of the sections it reads, and the
workspace. Settings and data files are held by the test suite, which sees a small quarter's stages read them.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from race_to_efficiency import storage
from race_to_efficiency.quarter.code import IMPORT_NAME, files_reached, package_root
from race_to_efficiency.settings.corridor import declared
from race_to_efficiency.settings.section import SettingsSection
from race_to_efficiency.settings.sections import Params

if TYPE_CHECKING:
    from collections.abc import Iterable

    from race_to_efficiency.settings.corridor import Declared

WORKSPACE = f"{IMPORT_NAME}/settings/params.py"
"""What hands every stage its settings; it knows all sections, a stage only those it reads."""

HEADER = """\
# The corridor. A stage reads only what earlier stages wrote and writes only its own files. Published quarters under
# reports/ are never a stage's output. `cmd` and `outs` are written by hand; `desc` is the first line of the stage's
# module; params and deps are written by `make dvc-yaml`, from what a small quarter's stages read and from the code they
# reach, and held to it by `make lint` and the tests.
# persist: DVC would delete a stage's outputs before running it, and a stage that then refuses its input would leave
# less than there was.
"""

PLOTS = """\
plots:
  - kappa of every family:
      template: scatter
      x:
        data/processed/plots/kappa_families.csv: value
      y:
        data/processed/plots/kappa_families.csv: group
      x_label: kappa
  - gamma of every series:
      template: scatter
      x:
        data/processed/plots/gamma_series.csv: value
      y:
        data/processed/plots/gamma_series.csv: component
      x_label: doublings a year
  - relative loss:
      template: scatter
      x:
        data/processed/plots/fan.csv: years
      y:
        data/processed/plots/fan.csv:
          - low95
          - low80
          - median
          - high80
          - high95
      x_label: years from the reference date
      y_label: loss relative to today
  - calibration of forecasts at past origins:
      template: bar_horizontal
      x:
        data/processed/plots/calibration.csv: share
      y:
        data/processed/plots/calibration.csv: to
      y_label: quantile at which the outcome fell, up to
artifacts:
  published:
    path: reports/registry.json
    type: registry
    desc: the published quarters, each sealed to the one before
"""
"""Definitions of DVC's plots over the tables of stage report, and what is published."""


def code_of_stage(name: str, settings: Iterable[str]) -> tuple[str, ...]:
    """Return the source files a stage reaches, as paths of the checkout, sorted.

    Parameters
    ----------
    name : str
        A module of `race_to_efficiency.stages`.
    settings : iterable of str
        What it reads, as `Declared.settings`.
    """
    kinds: list[Any] = [Params.model_fields[setting.partition(".")[0]].annotation for setting in settings]
    models = {kind.__module__ for kind in kinds if isinstance(kind, type) and issubclass(kind, SettingsSection)}
    files = files_reached(f"{IMPORT_NAME}.stages.{name}", *models, f"{IMPORT_NAME}.units")
    paths = {path.relative_to(package_root()).as_posix() for path in files} | {WORKSPACE}
    return tuple(f"pipeline/{path}" for path in sorted(paths))


def described(name: str) -> str:
    """Return the first line of a stage's module, without its name."""
    text = storage.read_text(package_root() / IMPORT_NAME / "stages" / f"{name}.py")
    return (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0].removeprefix(f"Stage {name}: ")


def written(stages: Iterable[Declared]) -> str:
    """Return the text of dvc.yaml, with the code each stage reaches."""
    lines = [HEADER + "stages:"]
    for stage in stages:
        lines += [f"  {stage.name}:", f"    desc: {storage.dumps(described(stage.name)).strip()}"]
        lines += [f"    cmd: {stage.command}", "    params:", *(f"      - {name}" for name in stage.settings)]
        deps = [*stage.data, *code_of_stage(stage.name, stage.settings)]
        lines += ["    deps:", *(f"      - {path}" for path in deps)]
        for kind, paths in (("outs", [it for it in stage.outs if it not in stage.metrics]), ("metrics", stage.metrics)):
            lines += [f"    {kind}:"] if paths else []
            lines += [f"      - {path}:\n          persist: true" for path in paths]
    return "\n".join(lines) + "\n" + PLOTS


def check_declared(words: list[str], root: Path) -> int:
    """Compare dvc.yaml with the code, or with ``--write`` bring it up to date; return the exit code."""
    path = root / "dvc.yaml"
    stages = declared(root)
    text = written(stages.values())
    if storage.read_text(path) == text:
        return 0
    if "--write" in words:
        storage.write_text(path, text)
        return 0
    for stage in stages.values():
        reached, listed = set(code_of_stage(stage.name, stage.settings)), set(stage.code)
        for file in sorted(reached ^ listed):
            what = "reached, not listed" if file in reached else "listed, not reached"
            sys.stderr.write(f"dvc.yaml: {stage.name}: {file}: {what}\n")
    sys.stderr.write("dvc.yaml is not what the stages reach: run `make dvc-yaml`\n")
    return 1


if __name__ == "__main__":
    sys.exit(check_declared(sys.argv[1:], Path.cwd()))

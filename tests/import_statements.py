"""The code a stage reaches, by a reading of the import statements of its own, without grimp."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

from race_to_efficiency.settings.corridor import declared
from race_to_efficiency.settings.params import read_params
from race_to_efficiency.settings.section import SettingsSection

ROOT = Path(__file__).resolve().parents[1]
STAGES = declared(ROOT)
SETTINGS = "race_to_efficiency.settings."
ALL_SETTINGS = (f"{SETTINGS}params", f"{SETTINGS}sections")


@cache
def reached_by(stage: str) -> frozenset[str]:
    """Return the files a stage reaches, as paths of the checkout."""
    params = read_params(ROOT / "params.yaml")
    read = [getattr(params, setting.partition(".")[0]) for setting in STAGES[stage].settings]
    models = {type(section).__module__ for section in read if isinstance(section, SettingsSection)}
    waiting = [f"race_to_efficiency.stages.{stage}", "race_to_efficiency.units", *models]
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += imports_of(name)
    return frozenset(map(file_of, found)) | {"pipeline/race_to_efficiency/settings/params.py"}


def file_of(name: str) -> str:
    path = ROOT / "pipeline" / Path(*name.split("."))
    return (path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).relative_to(ROOT).as_posix()


@cache
def imports_of(name: str) -> tuple[str, ...]:
    """Return the modules a module imports, and the packages around it that import; typed, settings' models alone."""
    found: list[str] = []
    text = (ROOT / file_of(name)).read_text(encoding="utf-8")
    visit(ast.parse(text), found, typed=False)
    if "pkgutil.iter_modules(" in text:  # it imports what it finds beside itself
        here = name.rpartition(".")[0]
        beside = (ROOT / file_of(here)).parent.glob("*.py")
        found += [f"{here}.{path.stem}" for path in beside if path.stem not in ("__init__", name.rpartition(".")[2])]
    parts = name.split(".")
    around = [".".join(parts[:depth]) for depth in range(2, len(parts))]
    return (*found, *(item for item in around if "\nfrom " in (ROOT / file_of(item)).read_text(encoding="utf-8")))


def visit(node: ast.AST, found: list[str], *, typed: bool) -> None:
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
        for inner in node.body:
            visit(inner, found, typed=True)
        return
    found += [name for name in named(node) if not typed or (name.startswith(SETTINGS) and name not in ALL_SETTINGS)]
    for inner in ast.iter_child_nodes(node):
        if not isinstance(inner, ast.expr):  # no import stands in one
            visit(inner, found, typed=typed)


def named(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [item.name for item in node.names if item.name.startswith("race_to_efficiency")]
    if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("race_to_efficiency"):
        longer = [f"{node.module}.{item.name}" for item in node.names]
        return [name if (ROOT / file_of(name)).is_file() else str(node.module) for name in longer]
    return []

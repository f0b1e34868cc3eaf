"""Which code a function reaches: the static import closure of its module, and one digest of it with the libraries.

A type-only import runs nothing, but for the models of settings: their checks and properties run wherever a setting is
read, and who reads one says so in a type.
"""

from __future__ import annotations

import ast
from functools import cache
from importlib.metadata import version
from pathlib import Path

from race_to_efficiency import storage
from race_to_efficiency.executors.identity import LIBRARIES

IMPORT_NAME = "race_to_efficiency"

SETTINGS_PREFIX = f"{IMPORT_NAME}.settings."
ALL_SETTINGS = (f"{SETTINGS_PREFIX}params", f"{SETTINGS_PREFIX}sections")
"""What knows every section: who names it in a type reads one section or the other, and names that one too."""


@cache
def _graph() -> dict[str, set[str]]:
    """Return module -> the modules of the package it runs: imported, also inside functions, or a package around it.

    A package counts where its own file does something; the outermost one where it is imported by name. A module that
    looks for others beside it (`pkgutil.iter_modules`) runs whatever lies there.
    """
    import grimp

    graph, typed = (
        grimp.build_graph(IMPORT_NAME, cache_dir=None, exclude_type_checking_imports=excluded)
        for excluded in (True, False)
    )
    found = {}
    for name in graph.modules:
        inside = name.split(".")
        around = {".".join(inside[:depth]) for depth in range(2, len(inside))}
        models = {item for item in typed.find_modules_directly_imported_by(name) if item.startswith(SETTINGS_PREFIX)}
        found[name] = graph.find_modules_directly_imported_by(name) | models.difference(ALL_SETTINGS)
        found[name] |= {package for package in around if _does_something(package)}
        if _looks_beside(name):
            found[name] |= graph.find_children(name.rpartition(".")[0]) - {name}
    return found


def _looks_beside(module: str) -> bool:
    """Tell whether a module imports others that it finds beside it."""
    text = storage.read_text(_file(package_root(), module))
    return "iter_modules" in text and any(
        isinstance(node, ast.Attribute) and node.attr == "iter_modules" for node in ast.walk(ast.parse(text))
    )


@cache
def _does_something(package: str) -> bool:
    """Tell whether a package's own file holds more than words."""
    tree = ast.parse(storage.read_text(_file(package_root(), package)))
    return any(not isinstance(node, ast.Expr) for node in tree.body)


def modules_reached(module: str) -> tuple[str, ...]:
    """Return the modules of this package that ``module`` reaches through imports, itself among them, sorted.

    Parameters
    ----------
    module : str
        Dotted name.

    Raises
    ------
    ValueError
        When the package has no such module.
    """
    graph = _graph()
    if module not in graph:
        raise ValueError(f"module must be one of this package's, got {module!r}")
    found, waiting = {module}, [module]
    while waiting:
        for name in graph[waiting.pop()]:
            if name not in found:
                found.add(name)
                waiting.append(name)
    return tuple(sorted(found))


def is_module(name: str) -> bool:
    """Tell whether a dotted name is a module of this package."""
    return name in _graph()


def files_reached(*modules: str) -> tuple[Path, ...]:
    """Return the source files of the `modules_reached` from any of some, sorted."""
    root = package_root()
    return tuple(sorted({_file(root, name) for module in modules for name in modules_reached(module)}))


def package_root() -> Path:
    """Return the folder that holds the package this process runs."""
    return Path(__file__).resolve().parents[2]


def _file(root: Path, module: str) -> Path:
    path = root / Path(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@cache
def code_digest(module: str) -> str:
    """Return one digest of the code a module reaches and of the libraries it stands on."""
    versions = {name: version(name) for name in LIBRARIES}
    return storage.digest_document([storage.digest_tree(package_root(), files_reached(module)), versions])

"""Which code a function reaches: the static import closure of its module, and one digest of it with the libraries."""

from __future__ import annotations

from functools import cache
from importlib.metadata import version
from pathlib import Path

from race_to_efficiency import storage

PACKAGE = "race_to_efficiency"

LIBRARIES = ("numpy", "scipy", "pandas", "lmfit", "statsmodels")
"""Libraries whose release can move a digit of a fit."""


@cache
def _graph() -> dict[str, tuple[str, ...]]:
    """Return module -> the modules of the package it imports, also inside functions; type-only imports aside."""
    import grimp

    graph = grimp.build_graph(PACKAGE, cache_dir=None, exclude_type_checking_imports=True)
    return {name: tuple(graph.find_modules_directly_imported_by(name)) for name in graph.modules}


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


def files_reached(module: str) -> tuple[Path, ...]:
    """Return the source files of `modules_reached`."""
    root = package_root()
    return tuple(_file(root, name) for name in modules_reached(module))


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

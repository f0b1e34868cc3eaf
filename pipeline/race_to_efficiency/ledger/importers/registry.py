"""Every importer by the word after ``race import``: one file a publisher, found by its ``IMPORTER``."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import TYPE_CHECKING

from race_to_efficiency.errors import UsageError
from race_to_efficiency.ledger import importers

if TYPE_CHECKING:
    from race_to_efficiency.ledger.importers.parsed import Importer


def _found() -> dict[str, Importer]:
    """Return the importers of the modules beside this one, by their word, in alphabetical order of the modules."""
    names = sorted(item.name for item in pkgutil.iter_modules(importers.__path__) if item.name != "registry")
    modules = [import_module(f"{importers.__name__}.{name}") for name in names]
    found = [module.IMPORTER for module in modules if hasattr(module, "IMPORTER")]
    return {importer.source: importer for importer in found}


IMPORTERS = _found()


def importer_of(source: str) -> Importer:
    """Return an importer by its word.

    Raises
    ------
    UsageError
        When there is none of this name; those that exist are listed.
    """
    if source not in IMPORTERS:
        known = "; ".join(f"{name}: {importer.summary}" for name, importer in IMPORTERS.items())
        raise UsageError(f"there is no importer '{source}'", why=known, remedy="name one of them")
    return IMPORTERS[source]

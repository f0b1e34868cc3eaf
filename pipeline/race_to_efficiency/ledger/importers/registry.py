"""Every importer by the word after ``race import``: one file a publisher, one name here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from race_to_efficiency.errors import UsageError
from race_to_efficiency.ledger.importers import epoch_hardware, epoch_models, mlperf, speedrun, training_runs

if TYPE_CHECKING:
    from race_to_efficiency.ledger.importers.parsed import Importer

IMPORTERS: dict[str, Importer] = {
    module.IMPORTER.source: module.IMPORTER
    for module in (epoch_hardware, epoch_models, mlperf, speedrun, training_runs)
}


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

"""What made what: a quarter's files, the stages between them (from dvc.yaml) and the sources underneath."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pipeline
from pipeline import storage
from pipeline.errors import DataInvalid

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pipeline.config import Workspace


@dataclass(frozen=True)
class StageFlow:
    """One stage of the corridor: what it read and what it wrote, as paths of the checkout.

    Parameters
    ----------
    name : str
    command : str
    reads, writes : tuple of str
    """

    name: str
    command: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]


@dataclass(frozen=True)
class QuarterFlow:
    """A quarter described for exchange with other tools.

    Parameters
    ----------
    quarter, as_of, version : str
        Version is the software's.
    digests : mapping
        Published file name -> SHA-256.
    sizes : mapping
        Published file name -> bytes.
    ledgers : mapping
        Ledger file name -> SHA-256 as it stood.
    stages : tuple of StageFlow
    sources : sequence of mapping
        Source documents (`sources.source_documents`).
    """

    quarter: str
    as_of: str
    version: str
    digests: Mapping[str, str]
    sizes: Mapping[str, int]
    ledgers: Mapping[str, str]
    stages: tuple[StageFlow, ...]
    sources: Sequence[Mapping[str, Any]]

    def published_name(self, path: str) -> str | None:
        """Return the published file a path of the checkout became, or None when it is not published."""
        for folder in ("data/processed/report/", "data/processed/", ""):
            name = path.removeprefix(folder)
            if path.startswith(folder) and name in self.digests:
                return name
        return None


def quarter_flow(workspace: Workspace, files: Mapping[str, bytes], sources: Sequence[Mapping[str, Any]]) -> QuarterFlow:
    """Describe a quarter about to be published.

    Raises
    ------
    InputMissing, DataInvalid
        When dvc.yaml is missing or lists no stages.
    """
    ledgers = {path.name: storage.digest_file(path) for path in sorted(workspace.raw.glob("*.csv"))}
    return QuarterFlow(
        quarter=str(workspace.quarter),
        as_of=workspace.quarter.as_of.isoformat(),
        version=pipeline.__version__,
        digests={name: storage.digest_bytes(files[name]) for name in sorted(files)},
        sizes={name: len(files[name]) for name in sorted(files)},
        ledgers=ledgers,
        stages=read_stages(workspace.root / "dvc.yaml"),
        sources=sources,
    )


def read_stages(path: Path) -> tuple[StageFlow, ...]:
    """Return the stages that dvc.yaml lists, in order.

    Raises
    ------
    InputMissing, DataInvalid
        When the file is missing or lists no stages.
    """
    document = storage.read_yaml(path)
    stages = document.get("stages") if isinstance(document, dict) else None
    if not stages:
        raise DataInvalid("dvc.yaml lists no stages", where=str(path))
    return tuple(
        StageFlow(name, str(stage.get("cmd", "")), _paths(stage.get("deps")), _paths(stage.get("outs")))
        for name, stage in stages.items()
    )


def _paths(items: Sequence[str | Mapping[str, Any]] | None) -> tuple[str, ...]:
    """Return the paths of a dvc.yaml list, whose items are paths or one-key mappings of a path to its options."""
    return tuple(item if isinstance(item, str) else next(iter(item)) for item in items or ())

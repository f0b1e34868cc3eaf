"""What made what: a quarter's files, the stages between them (from dvc.yaml) and the sources underneath."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import race_to_efficiency
from race_to_efficiency import storage
from race_to_efficiency.provenance.kept_files import GZ
from race_to_efficiency.settings.corridor import declared

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from race_to_efficiency.quarter.lineage import Edges
    from race_to_efficiency.settings.params import Workspace


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
    edges : Edges
        What every number rests on, as the stages wrote it.
    """

    quarter: str
    as_of: str
    version: str
    digests: Mapping[str, str]
    sizes: Mapping[str, int]
    ledgers: Mapping[str, str]
    stages: tuple[StageFlow, ...]
    sources: Sequence[Mapping[str, Any]]
    edges: Edges

    def published_name(self, path: str) -> str | None:
        """Return the published file a path of the checkout became, or None when it is not published."""
        for folder in ("data/processed/report/", "data/processed/", ""):
            name = path.removeprefix(folder)
            kept = next((one for one in (name, name + GZ) if one in self.digests), None)
            if path.startswith(folder) and kept is not None:
                return kept
        return None


def quarter_flow(
    workspace: Workspace, files: Mapping[str, bytes], sources: Sequence[Mapping[str, Any]], edges: Edges
) -> QuarterFlow:
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
        version=race_to_efficiency.__version__,
        digests={name: storage.digest_bytes(files[name]) for name in sorted(files)},
        sizes={name: len(files[name]) for name in sorted(files)},
        ledgers=ledgers,
        stages=spelt_out(read_stages(workspace.root), partial(files_under, workspace)),
        sources=sources,
        edges=edges,
    )


def read_stages(root: Path) -> tuple[StageFlow, ...]:
    """Return the stages that a checkout's dvc.yaml lists, in order; errors as `declared`."""
    return tuple(StageFlow(item.name, item.command, item.deps, item.outs) for item in declared(root).values())


def spelt_out(stages: Sequence[StageFlow], files_of: Callable[[str], Sequence[str]]) -> tuple[StageFlow, ...]:
    """Return the stages with folders spelt out, so that what one stage wrote meets what another read.

    Parameters
    ----------
    stages : sequence of StageFlow
    files_of : callable
        Path of the checkout -> the files under it when it is a folder, else nothing.
    """
    return tuple(
        replace(stage, reads=_spelt(stage.reads, files_of), writes=_spelt(stage.writes, files_of)) for stage in stages
    )


def _spelt(paths: Sequence[str], files_of: Callable[[str], Sequence[str]]) -> tuple[str, ...]:
    named = (item for path in paths for item in (() if path.startswith("pipeline") else files_of(path)) or (path,))
    return tuple(dict.fromkeys(named))


def files_under(workspace: Workspace, path: str) -> list[str]:
    """Return the files of a folder that dvc.yaml names, as paths of the checkout; none when it is a file.

    Of the ledgers' folder the ledgers alone; generated folders are those of the workspace's quarter.
    """
    below = path.rstrip("/").removeprefix("data/processed/")
    generated = path.startswith("data/processed/")
    folder = workspace.processed / below if generated else workspace.root / path
    if not folder.is_dir():
        return []
    prefix = "data/processed/" if generated else ""
    base = workspace.processed if generated else workspace.root
    found = sorted(folder.glob("*.csv")) if folder == workspace.raw else sorted(folder.rglob("*"))
    return [prefix + item.relative_to(base).as_posix() for item in found if item.is_file()]

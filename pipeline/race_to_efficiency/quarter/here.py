"""The world of a workspace's quarter, and what its checkout remembers: where a stage begins."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from race_to_efficiency import storage
from race_to_efficiency.quarter.evaluation import Memory
from race_to_efficiency.quarter.store import STORE, Store
from race_to_efficiency.quarter.world import LedgerView, World

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from race_to_efficiency.settings.params import Workspace


def store_of(root: Path) -> Store:
    """Return the store of a checkout."""
    return Store(root.joinpath(*STORE))


def memory_of(root: Path) -> Memory:
    """Return the memory of a checkout, within its limit."""
    store = store_of(root)
    with contextlib.suppress(OSError):  # a checkout that may only be read
        store.prune()
    return Memory(store)


def world_here(workspace: Workspace, tables: Sequence[str]) -> World:
    """Return the world of a workspace's quarter from the as-of views that stage ingest wrote.

    Raises
    ------
    InputMissing
        When ingest has not run.
    """
    from race_to_efficiency.ledger.schemas import TABLES as SCHEMAS

    folder, quarter = workspace.processed / "ledger", workspace.quarter
    views = {name: LedgerView(storage.read_parquet(folder / f"{name}.parquet"), SCHEMAS[name].key) for name in tables}
    return World(views, workspace.params, quarter.as_of, workspace.seed)

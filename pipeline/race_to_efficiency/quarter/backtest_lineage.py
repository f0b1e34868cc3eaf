"""What the numbers of the backtest rest on: observations, the sources of statements, earlier publications."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from race_to_efficiency.evaluation.targets import TARGETS
from race_to_efficiency.ledger.schemas import table_of
from race_to_efficiency.quarter.lineage import Lineage
from race_to_efficiency.quarter.world import RUNS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    import pandas as pd

    from race_to_efficiency.evaluation.origin_views import LedgerViews
    from race_to_efficiency.evaluation.statements import Statement
    from race_to_efficiency.evaluation.targets import Target


REDUCIBLE_OF_GROUP = "kappa_reducible.{}.chinchilla"
"""Estimate that a larger run's loss is stated from."""


def backtest_lineage(
    views: LedgerViews,
    targets: Sequence[str],
    statements: Sequence[Statement],
    publications: Sequence[Mapping[str, Any]],
    as_of: date,
) -> Lineage:
    """Return the edges of the backtest: each target's observations, each statement's source, the track record.

    Parameters
    ----------
    views : LedgerViews
    targets : sequence of str
        Those that were forecast.
    statements : sequence of Statement
    publications : sequence of mapping
        Of the track record.
    as_of : date
    """
    code, lineage = "race_to_efficiency.stages.backtest", Lineage()
    runs = views.used(RUNS, as_of)
    for name in dict.fromkeys(targets):
        if name in TARGETS:
            target = TARGETS[name]
            items = views.known(target, as_of).observations["item"].astype(str)
            ids = ids_of_items(target, views.used(target.table, as_of))
            rows = [f"{target.table}/{ids.get(item, item)}" for item in items]
        else:
            group = name.removeprefix("loss.")
            rows = [f"{RUNS}/{run}" for run in runs.loc[runs["group"] == group, "run_id"].astype(str)]
        lineage.add(f"backtest.{name}", code=code, rows=rows)
    for item in statements:
        lineage.add(f"statement.{item.id}", code=code, sources=_behind(item))
    lineage.add("backtest.all", code=code, sources=[f"backtest.{name}" for name in dict.fromkeys(targets)])
    told = [f"backtest.{name}" for name in dict.fromkeys(targets) if name in TARGETS]
    for publication in publications:
        lineage.add(f"record.{publication['publication']}", code=code, sources=told)
    return lineage


def ids_of_items(target: Target, view: pd.DataFrame) -> dict[str, str]:
    """Return the ledger's id of each item of a target, where the item has a name of its own (a benchmark's round)."""
    filled = view[view[list(target.needs)].notna().all(axis=1)]
    items = target.rows(filled)["item"].astype(str)
    ids = view.loc[items.index, table_of(target.table).key].astype(str)
    return dict(zip(items, ids, strict=True))


def _behind(statement: Statement) -> list[str]:
    """Return the outputs a statement is made from, by what settles it."""
    kind, _, name = statement.target.partition(":")
    if kind == "estimate":
        return [f"gamma.{name}"]
    if kind == "loss":
        return [REDUCIBLE_OF_GROUP.format(name)]
    return ["pool.reducible"] if kind == "kappa_eff" else [f"backtest.{statement.target}"]

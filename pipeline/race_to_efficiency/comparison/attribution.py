"""Why an estimate moved: every part of its change is the difference of two actual refits.

A *world* (`quarter.world`) is all an estimate depends on; the code is today's, and what older code gave is on record.
Between two worlds the causes are applied one after the other; the step each cause makes is a
difference of refits, so the steps of one ordering telescope to the whole change. Averaging over orderings shares out
what causes do only together (Shapley 1953, 'A value for n-person games'): over all orderings for up to three active
causes, else over an ordering and its reverse.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from typing import TYPE_CHECKING, Annotated

import numpy as np
from typing_extensions import TypedDict

from race_to_efficiency.comparison.rounding import NOTHING
from race_to_efficiency.json_fields import Means
from race_to_efficiency.quarter.world import LedgerView, World

if TYPE_CHECKING:
    from numpy.typing import NDArray

DATA_CAUSES = ("added", "revised", "withdrawn", "reclassified", "entered_late")
"""Kinds of change of a ledger's as-of view (`race_to_efficiency.ledger.changes`)."""

CAUSES = (*DATA_CAUSES, "settings", "reference_date", "code", "resampling")
"""Everything that can move an estimate, in the order it is reported."""

MOST_ROWS = 5
"""How many rows are named a cause."""

MAX_ORDERED = 3
"""Up to this many active causes every ordering is averaged; beyond, an ordering and its reverse."""


Evaluate = Callable[[World], Mapping[str, float]]
"""Refits everything in a world and returns estimate id -> value."""


@dataclass(frozen=True)
class ViewChange:
    """One row that differs between two views."""

    table: str
    row: str
    cause: str

    @property
    def label(self) -> str:
        """TABLE/ID."""
        return f"{self.table}/{self.row}"


class RowEffect(TypedDict):
    """What one row changed."""

    row: Annotated[str, Means("TABLE/ID, or how many rows.")]
    effect: Annotated[float | None, Means("Change from this row alone.")]


@dataclass(frozen=True)
class CausePart:
    """The share of one cause in an estimate's change."""

    cause: str
    value: float
    rows: tuple[RowEffect, ...] = ()


@dataclass(frozen=True)
class Attribution:
    """An estimate's change and its parts, which sum to it."""

    id: str
    old: float | None
    new: float | None
    parts: tuple[CausePart, ...]

    @property
    def delta(self) -> float | None:
        """New minus old; None when the estimate exists on one side only."""
        return None if self.old is None or self.new is None else self.new - self.old

    def naming(self, rows_of: Callable[[CausePart], tuple[RowEffect, ...]]) -> Attribution:
        """Return the change with the rows behind each part."""
        return replace(self, parts=tuple(replace(part, rows=rows_of(part)) for part in self.parts))


def applied(old: World, new: World, changes: Sequence[ViewChange]) -> Mapping[str, LedgerView]:
    """Return the old tables with some of the row changes made."""
    import pandas as pd

    tables = dict(old.tables)
    for name in sorted({change.table for change in changes}):
        rows = {change.row for change in changes if change.table == name}
        after = new.tables[name]
        parts = [(after, np.flatnonzero(_has(after, rows)))]
        if name in old.tables:
            before = old.tables[name]
            parts = [(before, np.flatnonzero(~_has(before, rows))), *parts]
        parts = [part for part in parts if len(part[1])] or parts[:1]
        joined = pd.concat([view.rows.iloc[places] for view, places in parts], ignore_index=True)
        made = joined.sort_values(after.key, kind="stable")
        tables[name] = LedgerView(made.reset_index(drop=True), after.key, tuple(parts), made.index.to_numpy())
    return tables


def _has(view: LedgerView, rows: Collection[str]) -> NDArray[np.bool_]:
    """Return which rows of a view have one of some ids."""
    return view.rows[view.key].astype(str).isin(rows).to_numpy(dtype=bool)


def orderings(causes: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the orderings averaged over."""
    if len(causes) <= MAX_ORDERED:
        return list(permutations(causes))
    return [tuple(causes), tuple(reversed(causes))]


def attribute(
    old: World,
    new: World,
    changes: Sequence[ViewChange],
    evaluate: Evaluate,
    *,
    published: Mapping[str, float] | None = None,
) -> list[Attribution]:
    """Share out the change of every estimate between two worlds among its causes.

    Parameters
    ----------
    old, new : World
    changes : sequence of ViewChange
        Every row that differs between their views, each with one cause.
    evaluate : callable
        Refits a world with today's code; called once a distinct world.
    published : mapping of str to float, optional
        Values the old world's code gave (a published quarter's record). Where given, the old side is that value, and
        the difference to what today's code gives on the old world is the part of ``code``: the old world must then be
        made of what the quarter had, the rows of its seal.

    Returns
    -------
    list of Attribution
        One for each estimate of either side; parts sum to the delta. An estimate that exists on one side only has no
        parts.
    """
    active = [cause for cause in DATA_CAUSES if any(change.cause == cause for change in changes)]
    differs = {
        "settings": (old.settings, old.scenarios) != (new.settings, new.scenarios),
        "reference_date": old.as_of != new.as_of,
        "resampling": old.seed != new.seed,
    }
    active += [cause for cause, differ in differs.items() if differ]
    known: dict[frozenset[str], Mapping[str, float]] = {}

    def value(causes: frozenset[str]) -> Mapping[str, float]:
        if causes not in known:
            known[causes] = evaluate(_hybrid(old, new, changes, causes))
        return known[causes]

    start, end = value(frozenset()), value(frozenset(active))
    chosen = orderings(active)
    found = []
    for name in sorted(set(start) | set(end)):
        if name not in start or name not in end:
            found.append(Attribution(name, start.get(name), end.get(name), ()))
            continue
        shares = dict.fromkeys(CAUSES, 0.0)
        for ordering in chosen:
            for index, cause in enumerate(ordering):
                before = value(frozenset(ordering[:index])).get(name, start[name])
                after = value(frozenset(ordering[: index + 1])).get(name, start[name])
                shares[cause] += (after - before) / len(chosen)
        first = start[name]
        if published is not None and name in published:
            shares["code"], first = start[name] - published[name], published[name]
        found.append(Attribution(name, first, end[name], tuple(CausePart(cause, shares[cause]) for cause in CAUSES)))
    return found


def _hybrid(old: World, new: World, changes: Sequence[ViewChange], causes: frozenset[str]) -> World:
    """Return the old world with some causes applied."""
    made = [change for change in changes if change.cause in causes]
    return replace(
        old,
        tables=applied(old, new, made) if made else old.tables,
        settings=new.settings if "settings" in causes else old.settings,
        scenarios=new.scenarios if "settings" in causes else old.scenarios,
        as_of=new.as_of if "reference_date" in causes else old.as_of,
        seed=new.seed if "resampling" in causes else old.seed,
    )


def name_rows(
    item: Attribution, worlds: RowWorlds, changes: Sequence[ViewChange], evaluate: Evaluate, *, limit: int = 80
) -> Attribution:
    """Name, in each data part of an estimate's change, the rows that move it most.

    Each row's effect is a refit of the old world with that row's change alone.

    Parameters
    ----------
    item : Attribution
    worlds : RowWorlds
    changes : sequence of ViewChange
        Those that can matter to this estimate: rows it uses on either side.
    evaluate : callable
        A refit of at least this estimate.
    limit : int
        Beyond this many changed rows of one cause none is tried; the part says how many there are and names the first.
    """

    def rows_of(part: CausePart) -> tuple[RowEffect, ...]:
        mine = [change for change in changes if change.cause == part.cause]
        if not mine or abs(part.value) <= NOTHING or item.old is None:
            return part.rows
        if len(mine) > limit:
            names = [f"{len(mine)} rows", *(change.label for change in mine[:MOST_ROWS])]
            return tuple(RowEffect(row=name, effect=None) for name in names)
        return effects(item.id, worlds, [(change.label, [change]) for change in mine], evaluate)

    return item.naming(rows_of)


class RowWorlds:
    """The old world with some row changes made: one and the same object whenever the same changes are asked for."""

    def __init__(self, old: World, new: World) -> None:
        self.old, self.new = old, new
        self.made: dict[tuple[tuple[str, str], ...], World] = {}

    def __call__(self, changes: Sequence[ViewChange]) -> World:
        """Return the old world with these changes made."""
        key = tuple((change.table, change.row) for change in changes)
        if key not in self.made:
            self.made[key] = replace(self.old, tables=applied(self.old, self.new, changes))
        return self.made[key]


def effects(
    name: str, worlds: RowWorlds, named: Sequence[tuple[str, Sequence[ViewChange]]], evaluate: Evaluate
) -> tuple[RowEffect, ...]:
    """Return what each set of row changes alone does to an estimate of the old world, the largest first.

    What does nothing is left out, and what comes after the first `MOST_ROWS`.
    """
    base = evaluate(worlds.old).get(name)
    found: list[tuple[str, float]] = []
    for label, changes in named:
        moved = evaluate(worlds(changes)).get(name)
        if base is not None and moved is not None and abs(moved - base) > NOTHING:
            found.append((label, moved - base))
    ordered = sorted(found, key=lambda item: (-abs(item[1]), item[0]))
    return tuple(RowEffect(row=row, effect=effect) for row, effect in ordered[:MOST_ROWS])

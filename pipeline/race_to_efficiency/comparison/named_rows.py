"""The rows behind each part of a change: what each of them alone does, found by asking the nodes it can move."""

from __future__ import annotations

from typing import TYPE_CHECKING

from race_to_efficiency.comparison.attribution import DATA_CAUSES, RowEffect, RowWorlds, effects, name_rows
from race_to_efficiency.comparison.rounding import NOTHING
from race_to_efficiency.quarter.gamma import FIT, QUICK
from race_to_efficiency.quarter.kappa import ALONE, POOL
from race_to_efficiency.quarter.node import NODES
from race_to_efficiency.quarter.world import RUNS, changed_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from race_to_efficiency.comparison.attribution import Attribution, CausePart, ViewChange
    from race_to_efficiency.quarter.evaluate import Quarters
    from race_to_efficiency.quarter.node import Node, NodeResult
    from race_to_efficiency.quarter.world import World

MOST_BEHIND = 3
"""Rows of each pooled kappa and of the route that are tried on R."""

MOST_RUNS = 5
"""Up to this many changed training runs of a group each is tried alone; a refit of kappa takes its time."""


def name_all(
    items: Sequence[Attribution], old: World, new: World, changes: Sequence[ViewChange], quarters: Quarters
) -> list[Attribution]:
    """Name the rows behind the parts of every estimate that moved.

    A fitted component names rows it uses; a mixture or a route those that moved its components most; a pooled kappa
    whole groups. The part of the settings names the settings, that of the reference date the days.

    Parameters
    ----------
    items : sequence of Attribution
    old, new : World
    changes : sequence of ViewChange
    quarters : Quarters
    """
    words = {"settings": changed_settings(old, new), "reference_date": [f"{old.as_of} -> {new.as_of}"]}
    naming = Naming(old, new, changes, quarters)
    named = [naming.fitted(_with_words(item, words)) for item in items]
    known = {item.id: item for item in named}
    named = [naming.composed(item, known) for item in named]
    return [naming.relative_loss(item, {item.id: item for item in named}) for item in named]


def _with_words(item: Attribution, told: Mapping[str, Sequence[str]]) -> Attribution:
    """Name what changed in the parts of settings and date; the effect of each is known when it is the only one."""

    def rows_of(part: CausePart) -> tuple[RowEffect, ...]:
        words = told.get(part.cause, ())
        if not words or abs(part.value) <= NOTHING:
            return part.rows
        alone = part.value if len(words) == 1 else None
        return tuple(RowEffect(row=text, effect=alone) for text in words)

    return item.naming(rows_of)


class Naming:
    """Worlds with one row changed, asked for what that moves.

    Parameters
    ----------
    old, new : World
    changes : sequence of ViewChange
    quarters : Quarters
    """

    def __init__(self, old: World, new: World, changes: Sequence[ViewChange], quarters: Quarters) -> None:
        self.old, self.new, self.changes, self.quarters = old, new, changes, quarters
        self.worlds = RowWorlds(old, new)
        self.groups = _groups(old, new)
        self.sets: dict[str, list[ViewChange]] = {}
        self.results: list[dict[str, NodeResult]] = [
            {record["id"]: result for result, record in quarters.records(world)} for world in (old, new)
        ]

    def fitted(self, item: Attribution) -> Attribution:
        """Name the rows behind an estimate that is fitted on rows; others are returned as they are."""
        if not _moved_by_data(item) or item.id.startswith("R."):
            return item
        if not item.id.startswith("gamma."):
            return self._pooled_kappa(item) if item.id.split(".")[1] == "pooled" else self._kappa(item)
        part = self._part(item.id)
        if part is None:
            return item
        used = {row for found in self.results if item.id in found for row in found[item.id].origins[item.id].rows}
        main = {row.partition("/")[0] for row in used}
        tables = {
            read.what[0].table
            for world in (self.old, self.new)
            for read, _ in self.quarters.ask(world, FIT, part).reads
            if read.kind == "rows"
        }
        near = [change for change in self.changes if change.table in tables]
        mine = [change for change in near if change.label in used or change.table not in main]
        return name_rows(item, self.worlds, mine, self._values(QUICK, part))

    def composed(self, item: Attribution, known: Mapping[str, Attribution]) -> Attribution:
        """Name the rows of a mixture or route, among those that moved what it is made of; with all draws it needs."""
        if not _moved_by_data(item) or not item.id.startswith("gamma.") or self._part(item.id) is not None:
            return item
        sources = [known[name] for name in self._behind(item.id) if name in known]
        rows = {row["row"] for source in sources for part in source.parts for row in part.rows if row["effect"]}
        mine = [change for change in self.changes if change.label in rows]
        name, *arguments = self._result(item.id).node.split(":")

        def evaluate(world: World) -> Mapping[str, float]:
            fits = self.quarters.ask(world, NODES[name], *arguments).document["fits"]
            return {fit["estimate"]["id"]: fit["estimate"]["value"] for fit in fits}

        return name_rows(item, self.worlds, mine, evaluate)

    def relative_loss(self, item: Attribution, known: Mapping[str, Attribution]) -> Attribution:
        """Name what moved R, among what moved the pooled kappas and the route of gamma it is drawn from most."""
        if not _moved_by_data(item) or not item.id.startswith("R."):
            return item
        scenario = self.new.scenario(self.new.settings.report.headline_scenario)
        route = None if scenario is None else scenario.route
        behind = [known[name] for name in known if ".pooled." in name or name == f"gamma.route.{route}"]

        def rows_of(part: CausePart) -> tuple[RowEffect, ...]:
            mine = [one for source in behind for one in source.parts if one.cause == part.cause]
            names = dict.fromkeys(str(row["row"]) for one in mine for row in one.rows[:MOST_BEHIND] if row["effect"])
            labels = [(name, self._changes_of(name)) for name in names if part.cause in DATA_CAUSES]
            return effects(item.id, self.worlds, labels, self.quarters.points) if labels else part.rows

        return item.naming(rows_of)

    def _result(self, name: str) -> NodeResult:
        """Return the result an estimate stands in, on the new side where it is there."""
        return next(found[name] for found in reversed(self.results) if name in found)

    def _part(self, name: str) -> str | None:
        """Return the part of gamma an estimate is fitted in; None for what is composed (mixture, routes)."""
        node, _, part = self._result(name).node.partition(":")
        return part if node == FIT.name else None

    def _behind(self, name: str) -> list[str]:
        """Return what a mixture or a route is composed of, down to what is fitted, by estimate id."""
        if self._part(name) is not None:
            return [name]
        outputs = self._result(name).origins[name].outputs
        found = [one for output in outputs for one in self._behind(output.partition("#")[2])]
        return list(dict.fromkeys(found))

    def _changes_of(self, label: str) -> list[ViewChange]:
        """Return the changes a label stands for: a set of runs, or one row."""
        return self.sets.get(label) or [one for one in self.changes if one.label == label]

    def _kappa(self, item: Attribution) -> Attribution:
        """Name the runs behind a group's estimate."""
        _, group, form = item.id.split(".", 2)
        mine = [change for change in self.changes if change.table == RUNS and self.groups.get(change.row) == group]
        return name_rows(item, self.worlds, mine, self._values(ALONE, group, form), limit=MOST_RUNS)

    def _pooled_kappa(self, item: Attribution) -> Attribution:
        """Name the groups behind a pooled kappa."""
        form = item.id.rpartition(".")[2]

        def evaluate(world: World) -> Mapping[str, float]:
            pool = self.quarters.ask(world, POOL, form).document
            return {} if pool is None else {item.id: pool["value"]}

        def rows_of(part: CausePart) -> tuple[RowEffect, ...]:
            by_group: dict[str, list[ViewChange]] = {}
            for change in self.changes if abs(part.value) > NOTHING else ():
                if change.table == RUNS and change.cause == part.cause:
                    by_group.setdefault(self.groups[change.row], []).append(change)
            labels = [(_label(group, found), found) for group, found in by_group.items()]
            self.sets |= dict(labels)
            return effects(item.id, self.worlds, labels, evaluate) if labels else part.rows

        return item.naming(rows_of)

    def _values(self, node: Node, *arguments: str) -> Callable[[World], Mapping[str, float]]:
        """Return the evaluation of a node whose document is values by estimate id."""

        def evaluate(world: World) -> Mapping[str, float]:
            document = self.quarters.ask(world, node, *arguments).document
            return {name: value for name, value in document.items() if value is not None}

        return evaluate


def _moved_by_data(item: Attribution) -> bool:
    return any(part.cause in DATA_CAUSES and abs(part.value) > NOTHING for part in item.parts)


def _label(group: str, changes: Sequence[ViewChange]) -> str:
    return changes[0].label if len(changes) == 1 else f"{RUNS}: {len(changes)} rows of {group}"


def _groups(old: World, new: World) -> dict[str, str]:
    """Return the group of every training run in either world."""
    found: dict[str, str] = {}
    for world in (old, new):
        frame = world.rows(RUNS)
        found |= dict(zip(frame["run_id"].astype(str), frame["group"].astype(str), strict=True))
    return found

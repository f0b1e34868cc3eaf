"""The rows behind each part of a change: what each of them alone does, found by refits of what it can move."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from race_to_efficiency.comparison.attribution import DATA_CAUSES, MOST_ROWS, NOTHING, RowWorlds, effects, name_rows
from race_to_efficiency.quarter.worlds import changed_settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from race_to_efficiency.comparison.attribution import Attribution, RowChange, World
    from race_to_efficiency.quarter.refits import QuarterRefits

MOST_BEHIND = 3
"""Rows of each pooled kappa and of the route that are tried on R."""

MOST_RUNS = 5
"""Up to this many changed training runs of a group each is tried alone; a refit of kappa takes its time."""


def name_all(
    items: Sequence[Attribution], old: World, new: World, changes: Sequence[RowChange], refits: QuarterRefits
) -> list[Attribution]:
    """Name the rows behind the parts of every estimate that moved.

    A fitted component names rows it uses; a mixture or a route those that moved its components most; a pooled kappa
    whole groups. The part of the settings names the settings.

    Parameters
    ----------
    items : sequence of Attribution
    old, new : World
    changes : sequence of RowChange
    refits : QuarterRefits
    """
    words = changed_settings(old, new)
    naming = Naming(old, new, changes, refits)
    named = [naming.fitted(_with_settings(item, words)) for item in items]
    known = {item.id: item for item in named}
    named = [naming.composed(item, known) for item in named]
    return [naming.relative_loss(item, {item.id: item for item in named}) for item in named]


def _with_settings(item: Attribution, words: Sequence[str]) -> Attribution:
    """Name the changed settings in the part of the settings; the effect of each is known when it is the only one."""
    parts = []
    for part in item.parts:
        if part.cause == "settings" and abs(part.value) > NOTHING:
            alone = part.value if len(words) == 1 else None
            part = replace(part, rows=tuple({"row": text, "effect": alone} for text in words))  # noqa: PLW2901
        parts.append(part)
    return replace(item, parts=tuple(parts))


class Naming:
    """Refits with one row changed, each made once for all estimates.

    Parameters
    ----------
    old, new : World
    changes : sequence of RowChange
    refits : QuarterRefits
    """

    def __init__(self, old: World, new: World, changes: Sequence[RowChange], refits: QuarterRefits) -> None:
        self.old, self.new, self.changes, self.refits = old, new, changes, refits
        self.worlds = RowWorlds(old, new)
        self.groups = _groups(old, new)
        self.sets: dict[str, list[RowChange]] = {}

    def fitted(self, item: Attribution) -> Attribution:
        """Name the rows behind an estimate that is fitted on rows; others are returned as they are."""
        if not _moved_by_data(item) or item.id.startswith("R."):
            return item
        if not item.id.startswith("gamma."):
            return self._pooled_kappa(item) if item.id.split(".")[1] == "pooled" else self._kappa(item)
        gamma = self.refits.gamma
        part = gamma.part_of(item.id.removeprefix("gamma."), self.new)
        if part is None:
            return item
        used = gamma.fits(self.old).rows_of(item.id) | gamma.fits(self.new).rows_of(item.id)
        near = [change for change in self.changes if change.table in part.tables]
        mine = [change for change in near if f"{change.table}/{change.row}" in used or change.table != part.tables[0]]
        return name_rows(item, self.old, self.new, mine, gamma.quick({part.name}), worlds=self.worlds)

    def composed(self, item: Attribution, known: Mapping[str, Attribution]) -> Attribution:
        """Name the rows of a mixture or route, among those that moved what it is made of; with all draws it needs."""
        key, gamma = item.id.removeprefix("gamma."), self.refits.gamma
        if not _moved_by_data(item) or key == item.id or gamma.part_of(key, self.new) is not None:
            return item
        keys = gamma.behind(key, self.new)
        sources = [known[f"gamma.{name}"] for name in keys if f"gamma.{name}" in known]
        rows = {row["row"] for source in sources for part in source.parts for row in part.rows if row["effect"]}
        fitted = {part.name for name in keys if (part := gamma.part_of(name, self.new)) is not None}
        mine = [change for change in self.changes if f"{change.table}/{change.row}" in rows]

        def evaluate(world: World) -> Mapping[str, float]:
            return gamma.fits(world, fitted).value_by_id

        return name_rows(item, self.old, self.new, mine, evaluate, worlds=self.worlds)

    def relative_loss(self, item: Attribution, known: Mapping[str, Attribution]) -> Attribution:
        """Name what moved R, among what moved the pooled kappas and the route of gamma it is drawn from most."""
        if not _moved_by_data(item) or not item.id.startswith("R."):
            return item
        settings = self.new.settings
        route = next((one.route for one in settings.forecast.scenarios if one.name == settings.scenario), None)
        behind = [known[name] for name in known if ".pooled." in name or name == f"gamma.route.{route}"]
        parts = []
        for part in item.parts:
            mine = [one for source in behind for one in source.parts if one.cause == part.cause]
            names = dict.fromkeys(str(row["row"]) for one in mine for row in one.rows[:MOST_BEHIND] if row["effect"])
            labels = [(name, self._changes_of(name)) for name in names if part.cause in DATA_CAUSES]
            found = effects(item.id, self.worlds, labels, self._medians)[:MOST_ROWS] if labels else part.rows
            parts.append(replace(part, rows=found))
        return replace(item, parts=tuple(parts))

    def _medians(self, world: World) -> Mapping[str, float]:
        return self.refits.outlook(world).medians

    def _changes_of(self, label: str) -> list[RowChange]:
        """Return the changes a label stands for: a set of runs, or one row."""
        return self.sets.get(label) or [one for one in self.changes if f"{one.table}/{one.row}" == label]

    def _kappa(self, item: Attribution) -> Attribution:
        """Name the runs behind a group's estimate."""
        _, group, form = item.id.split(".", 2)
        mine = [
            change
            for change in self.changes
            if change.table == "training_runs" and self.groups.get(change.row) == group
        ]
        evaluate = self.refits.kappa.alone(group, form)
        return name_rows(item, self.old, self.new, mine, evaluate, limit=MOST_RUNS, worlds=self.worlds)

    def _pooled_kappa(self, item: Attribution) -> Attribution:
        """Name the groups behind a pooled kappa."""
        parts = []
        for part in item.parts:
            by_group: dict[str, list[RowChange]] = {}
            for change in self.changes if abs(part.value) > NOTHING else ():
                if change.table == "training_runs" and change.cause == part.cause:
                    by_group.setdefault(self.groups[change.row], []).append(change)
            labels = [(_label(group, found), found) for group, found in by_group.items()]
            self.sets |= dict(labels)
            rows = effects(item.id, self.worlds, labels, self.refits.kappa)[:MOST_ROWS] if labels else part.rows
            parts.append(replace(part, rows=rows))
        return replace(item, parts=tuple(parts))


def _moved_by_data(item: Attribution) -> bool:
    return any(part.cause in DATA_CAUSES and abs(part.value) > NOTHING for part in item.parts)


def _label(group: str, changes: Sequence[RowChange]) -> str:
    only = f"training_runs/{changes[0].row}"
    return only if len(changes) == 1 else f"training_runs: {len(changes)} rows of {group}"


def _groups(old: World, new: World) -> dict[str, str]:
    """Return the group of every training run in either world."""
    found: dict[str, str] = {}
    for world in (old, new):
        frame = world.views["training_runs"]
        found |= dict(zip(frame["run_id"].astype(str), frame["group"].astype(str), strict=True))
    return found

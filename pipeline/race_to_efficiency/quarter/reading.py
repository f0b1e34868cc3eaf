"""What a node's function is given: the one handle to rows, settings, the date, the seed and other nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from race_to_efficiency.quarter.node import Node, NodeResult, Read
from race_to_efficiency.quarter.world import Selection

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date

    import pandas as pd

    from race_to_efficiency.quarter.evaluation import Evaluation
    from race_to_efficiency.quarter.world import World
    from race_to_efficiency.settings.scenarios import ScenarioParams


class Reading:
    """What a node's function can see, each request written down.

    Parameters
    ----------
    evaluation : Evaluation
    """

    def __init__(self, evaluation: Evaluation) -> None:
        self._evaluation = evaluation
        self.reads: dict[Read, str] = {}

    def _note(self, kind: str, *what: Any) -> None:
        read = Read(kind, what)
        self.reads[read] = self._evaluation.digest(read)

    def rows(
        self,
        table: str,
        *,
        where: Mapping[str, str] | None = None,
        columns: Sequence[str] = (),
        used: bool = False,
        stating: str = "",
    ) -> pd.DataFrame:
        """Return rows of an as-of view; see `world.Selection`. With ``columns`` the frame holds no other."""
        selection = Selection(table, tuple((where or {}).items()), tuple(columns), used, stating)
        self._note("rows", selection)
        frame = self._evaluation.world.tables[table].select(selection)
        return frame[list(columns)] if columns else frame

    def lines(
        self, table: str, *, columns: Sequence[str], where: Mapping[str, str] | None = None, recorded_by: str = ""
    ) -> None:
        """Count rows as read that are seen through another node's live object, which holds more of them."""
        self._note("rows", Selection(table, tuple((where or {}).items()), tuple(columns), recorded_by=recorded_by))

    def settings(self, section: str, *, without: Sequence[str] = (), only: Sequence[str] = ()) -> Any:
        """Return a section of the settings; only the fields not ``without``, or ``only`` these, count as read."""
        self._note("settings", section, tuple(without), tuple(only))
        return getattr(self._evaluation.world.settings, section)

    def item(self, section: str, field_name: str, key: str, value: str) -> Any:
        """Return the item of a list of the settings whose ``key`` is ``value``; it alone counts as read."""
        self._note("item", section, field_name, key, value)
        return item_of(self._evaluation.world, section, field_name, key, value)

    def names(self, section: str, field_name: str, key: str) -> list[str]:
        """Return the ``key`` of every item of a list of the settings, in order; they alone count as read."""
        self._note("names", section, field_name, key)
        return names_of(self._evaluation.world, section, field_name, key)

    def scenario(self, name: str) -> ScenarioParams | None:
        """Return a scenario by its name; it alone counts as read."""
        self._note("scenario", name)
        return self._evaluation.world.scenario(name)

    @property
    def as_of(self) -> date:
        """The reference date."""
        self._note("date")
        return self._evaluation.world.as_of

    @property
    def seed(self) -> int:
        """The root of every random stream."""
        self._note("seed")
        return self._evaluation.world.seed

    def ask(self, node: Node, *arguments: str) -> NodeResult:
        """Return another node's result in the same world."""
        self._note("node", node, arguments)
        return self._evaluation.ask(node, *arguments)

    def live(self, node: Node, *arguments: str) -> Any:
        """Return another node's live object, made again where only its result is remembered."""
        self._note("node", node, arguments)
        return self._evaluation.live(node, *arguments)

    def ask_each(self, node: Node, calls: Sequence[tuple[str, ...]], *, size: Callable[..., int]) -> list[NodeResult]:
        """Return the results of several calls; those to be computed share the evaluation's place."""
        found = self._evaluation.ask_each(node, calls, size=size)
        for arguments in calls:
            self._note("node", node, arguments)
        return found


def item_of(world: World, section: str, field_name: str, key: str, value: str) -> Any:
    """Return the item of a list of the settings whose ``key`` is ``value``, or None."""
    items = getattr(getattr(world.settings, section), field_name)
    return next((item for item in items if getattr(item, key) == value), None)


def names_of(world: World, section: str, field_name: str, key: str) -> list[str]:
    """Return the ``key`` of every item of a list of the settings."""
    return [str(getattr(item, key)) for item in getattr(getattr(world.settings, section), field_name)]


def told_of(world: World, read: Read) -> Any:
    """Return what a world says to a request for settings, the date or the seed, as JSON."""
    if read.kind == "settings":
        section, without, only = read.what
        model = getattr(world.settings, section)
        return model.model_dump(mode="json", exclude=set(without) or None, include=set(only) or None)
    if read.kind == "names":
        return names_of(world, *read.what)
    if read.kind in ("item", "scenario"):
        found = item_of(world, *read.what) if read.kind == "item" else world.scenario(*read.what)
        return None if found is None else found.model_dump(mode="json")
    return str(world.as_of) if read.kind == "date" else world.seed

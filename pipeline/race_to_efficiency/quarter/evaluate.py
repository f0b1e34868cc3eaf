"""A quarter as a value: the numbers of any world, each asked of its node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from race_to_efficiency.calibration.gamma.composition import PARTS
from race_to_efficiency.executors.place import HERE
from race_to_efficiency.quarter import forecast, gamma, kappa
from race_to_efficiency.quarter.evaluation import Evaluation, Memory
from race_to_efficiency.quarter.forecast import forecast_id
from race_to_efficiency.quarter.world import RUNS, LedgerView, World

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date
    from pathlib import Path

    from race_to_efficiency.executors.place import Place
    from race_to_efficiency.ledger.vintages import View
    from race_to_efficiency.quarter.node import Node, NodeResult
    from race_to_efficiency.settings.sections import Params


def world_of(views: Mapping[str, View], *, settings: Params, as_of: date, root: Path) -> World:
    """Return the world of some as-of views and settings, with the settings' own seed.

    Parameters
    ----------
    views : mapping of str to View
    settings : Params
    as_of : date
    root : Path
        Where scenario files that the settings name are found.
    """
    from race_to_efficiency.ledger.schemas import TABLES as SCHEMAS
    from race_to_efficiency.scenarios import load_scenarios

    tables = {name: LedgerView(view.rows, SCHEMAS[name].key) for name, view in views.items()}
    return World(tables, settings, as_of, settings.seed, load_scenarios(settings.forecast, root))


class Quarters:
    """Numbers of worlds, remembered by what each node read.

    Parameters
    ----------
    memory : Memory
    place : Place
        Where groups of kappa are computed.
    """

    def __init__(self, memory: Memory | None = None, *, place: Place = HERE) -> None:
        self.memory, self.place = memory or Memory(), place
        self._evaluations: dict[World, Evaluation] = {}

    def of(self, world: World) -> Evaluation:
        """Return the evaluation of a world: one and the same for one world."""
        if world not in self._evaluations:
            self._evaluations[world] = Evaluation(world, self.memory, place=self.place)
        return self._evaluations[world]

    def ask(self, world: World, node: Node, *arguments: str) -> NodeResult:
        """Return a node's result in a world."""
        return self.of(world).ask(node, *arguments)

    def records(self, world: World) -> Iterator[tuple[NodeResult, dict[str, Any]]]:
        """Yield every estimate of kappa and gamma as a record, with the result it stands in.

        Those of gamma are as they were fitted: their values, rows and units, but not how far they are to be trusted.
        """
        evaluation, settings = self.of(world), world.settings
        groups = [(spec.group,) for spec in settings.fit_kappa.groups]
        runs = world.rows(RUNS)["group"].value_counts()
        for result in evaluation.ask_each(kappa.GROUP, groups, size=lambda name: int(runs.get(name, 0))):
            for record in result.document["estimates"] if result.document else ():
                yield result, record
        for form in settings.fit_kappa.forms:
            result = evaluation.ask(kappa.POOL, form)
            if result.document is not None:
                yield result, result.document
        routes = [(gamma.FITTED_ROUTE, (route.id,)) for route in settings.fit_gamma.routes]
        calls = [*((gamma.FIT, (part,)) for part in PARTS), (gamma.FITTED_MIXTURE, ()), *routes]
        for node, arguments in calls:
            result = evaluation.ask(node, *arguments)
            for fit in result.document["fits"]:
                yield result, fit["estimate"]

    def values(self, world: World) -> dict[str, float]:
        """Return every estimate's value, and relative loss by ``R.READING.YEARS``; what has no value is left out."""
        found = {record["id"]: record["value"] for _, record in self.records(world)}
        return {name: value for name, value in found.items() if value is not None} | self.points(world)

    def points(self, world: World) -> dict[str, float]:
        """Return what the headline prints, the equation at the printed inputs, by ``R.READING.YEARS``."""
        rows = self.ask(world, forecast.POINTS_NODE).document["rows"]
        return {forecast_id(row["reading"], row["years"]): row["point"] for row in rows}


__all__ = ["Quarters", "forecast_id", "world_of"]

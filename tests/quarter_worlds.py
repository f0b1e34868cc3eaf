"""Worlds made by hand, and what the nodes of kappa and gamma find in them."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from race_to_efficiency.calibration.common.estimates import Estimate
from race_to_efficiency.calibration.gamma.composition import PARTS
from race_to_efficiency.executors.place import HERE
from race_to_efficiency.ledger.schemas import TABLES as SCHEMAS
from race_to_efficiency.quarter import gamma, gamma_document, kappa_document
from race_to_efficiency.quarter.evaluate import Quarters
from race_to_efficiency.quarter.world import RUNS, LedgerView, World

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from race_to_efficiency.executors.place import Place
    from race_to_efficiency.quarter.evaluation import Evaluation


def world_of(tables: Mapping[str, pd.DataFrame], as_of: dt.date, seed: int, **sections: Any) -> World:
    """A world of some as-of views and sections of the settings."""
    made = {name: LedgerView(rows, SCHEMAS[name].key) for name, rows in tables.items()}
    return World(made, SimpleNamespace(**sections), as_of, seed)


def kappa_of(runs: pd.DataFrame, params: Any, *, seed: int, place: Place = HERE) -> SimpleNamespace:
    """What the nodes of kappa find in a view of training_runs: records, draws and tables."""
    world = world_of({RUNS: runs}, dt.date(2026, 3, 31), seed, fit_kappa=params)
    result = Quarters(place=place).ask(world, kappa_document.KAPPA_DOCUMENT)
    tables = {name: rows for name, rows in result.document.items() if name != "estimates"}
    return SimpleNamespace(estimates=records_of(result.document), draws=result.tables["draws"], **tables)


def gamma_of(
    views: Mapping[str, pd.DataFrame], params: Any, kappas: Any, *, as_of: dt.date, seed: int
) -> SimpleNamespace:
    """What the nodes of gamma find in views of its ledgers: records, draws, tables and the components themselves."""
    evaluation = Quarters().of(world_of(views, as_of, seed, fit_gamma=params))
    document = gamma_document.with_kappa(evaluation, kappas)
    draws = evaluation.ask(gamma_document.GAMMA_DOCUMENT).tables["draws"]
    tables = {name: rows for name, rows in document.items() if name != "estimates"}
    return SimpleNamespace(
        estimates=records_of(document), draws=draws, fits=components_of(evaluation), to_json=lambda: document, **tables
    )


def components_of(evaluation: Evaluation) -> dict[str, Any]:
    """Every component, mixture and route by its key, as the nodes made it."""
    routes = [(gamma.ROUTE_NODE, (route.id,)) for route in evaluation.world.settings.fit_gamma.routes]
    calls = [*((gamma.CHECKED, (part,)) for part in PARTS), (gamma.MIXTURE, ()), *routes]
    return {fit.component.key: fit for node, words in calls for fit in evaluation.live(node, *words)}


def records_of(document: Mapping[str, Any]) -> tuple[Estimate, ...]:
    """The records of a document."""
    return tuple(Estimate.from_json(item) for item in document["estimates"])

"""Node of gamma.json: every part, mixture and route, and what is told beside them."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from race_to_efficiency.calibration.gamma.components import Inputs
from race_to_efficiency.quarter.gamma import (
    CHECKED,
    COMPOSING,
    MIXTURE,
    ROUTE_NODE,
    estimate_origin,
    fits_of,
    inputs_of,
)
from race_to_efficiency.quarter.node import Computed, Node, Origin

if TYPE_CHECKING:
    from race_to_efficiency.calibration.gamma.roadmap import Kappas
    from race_to_efficiency.quarter.evaluation import Evaluation
    from race_to_efficiency.quarter.node import NodeResult
    from race_to_efficiency.quarter.reading import Reading


def gamma_document(reading: Reading) -> Computed:
    """Return gamma.json without its stamp and without what needs kappa, and gamma_draws."""
    import numpy as np
    import pandas as pd

    from race_to_efficiency.calibration.gamma.composition import component_row
    from race_to_efficiency.calibration.gamma.fragility import tornado_rows
    from race_to_efficiency.calibration.gamma.published import compare_published
    from race_to_efficiency.calibration.gamma.routes import graded_routes

    inputs = inputs_of(reading, without=tuple(name for name in COMPOSING if name != "default_route"))
    parts, routes = _parts(reading), _routes(reading)
    default = reading.ask(ROUTE_NODE, inputs.params.default_route)
    fragility = [row for result in parts for row in result.document["fragility"]]
    (headline,) = fits_of(default)
    graded = graded_routes([fit for result in routes for fit in fits_of(result)])
    everything = {fit.component.key: fit for fit in (*(fit for part in parts for fit in fits_of(part)), *graded)}
    changes = sorted(
        (row for result in parts for row in result.document.get("slope_change", ())), key=lambda row: row["place"]
    )
    beside, trends = compare_published(inputs, everything)
    document = {
        "estimates": [fit.estimate.to_json() for fit in everything.values()],
        "components": [component_row(fit) for result in parts for fit in fits_of(result)],
        "routes": [
            {**result.document["row"], "grade": asdict(fit.estimate.grade), "default": result.node == default.node}
            for result, fit in zip(routes, graded, strict=True)
        ],
        "fragility": fragility + tornado_rows(headline, default.document["terms"], fragility),
        "slope_change": [{key: value for key, value in row.items() if key != "place"} for row in changes],
        "published": beside,
    }
    node = {fit.estimate.id: result.node for result in (*parts, *routes) for fit in fits_of(result)}
    tables = [
        pd.DataFrame({"draw": np.arange(inputs.params.draws)}),
        *(item.tables["draws"] for item in (*parts, *routes)),
    ]
    origins = {name: Origin(outputs=(f"{place}#{name}",)) for name, place in node.items()}
    origins |= {fit.estimate.id: estimate_origin(fit.estimate) for fit in trends}
    return Computed(document, {"draws": pd.concat(tables, axis=1)}, origins)


def _parts(asked: Reading | Evaluation) -> list[NodeResult]:
    """Return every part, and the mixture after them."""
    from race_to_efficiency.calibration.gamma.composition import PARTS

    return [*(asked.ask(CHECKED, name) for name in PARTS), asked.ask(MIXTURE)]


def _routes(reading: Reading) -> list[NodeResult]:
    return [reading.ask(ROUTE_NODE, name) for name in reading.names("fit_gamma", "routes", "id")]


def with_kappa(evaluation: Evaluation, kappa: Kappas) -> dict[str, Any]:
    """Return gamma.json without its stamp: the node's document, and what needs kappa beside it.

    Parameters
    ----------
    evaluation : Evaluation
    kappa : Kappas
        As the stage before found it.
    """
    from race_to_efficiency.calibration.gamma.roadmap import product_check, roadmap

    settings = evaluation.world.settings.fit_gamma
    results = [*_parts(evaluation), *(evaluation.ask(ROUTE_NODE, route.id) for route in settings.routes)]
    everything = {fit.component.key: fit for result in results for fit in fits_of(result)}
    inputs = Inputs({}, settings, evaluation.world.as_of, evaluation.world.seed)
    document = dict(evaluation.ask(GAMMA_DOCUMENT).document)
    published = document.pop("published")
    return {
        **document,
        "roadmap": roadmap(inputs, everything, kappa),
        "published": published,
        "product": product_check(everything, kappa),
    }


GAMMA_DOCUMENT = Node("gamma", gamma_document)

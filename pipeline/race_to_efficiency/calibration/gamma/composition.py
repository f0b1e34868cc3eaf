"""gamma, composed: every component, the routes that add them, and how far each may be trusted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from race_to_efficiency.calibration.gamma.components import Fitted, Inputs
from race_to_efficiency.calibration.gamma.components_algorithm import (
    algorithmic_lm,
    algorithmic_published,
    mixture,
    speedrun,
)
from race_to_efficiency.calibration.gamma.components_hardware import hardware
from race_to_efficiency.calibration.gamma.components_system import (
    mlperf_same_chip,
    mlperf_system,
    training_flop_per_joule,
    utilisation,
)
from race_to_efficiency.calibration.gamma.fragility import fragility_rows, mixture_rows, tornado_rows, verdict
from race_to_efficiency.calibration.gamma.growth import chip_growth, frontier_growth, run_duration
from race_to_efficiency.calibration.gamma.published import compare_published
from race_to_efficiency.calibration.gamma.roadmap import product_check, roadmap
from race_to_efficiency.calibration.gamma.routes import build_route, fit_route
from race_to_efficiency.calibration.gamma.slope_change import slope_change

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    import pandas as pd

    from race_to_efficiency.calibration.common.estimates import Estimate
    from race_to_efficiency.calibration.gamma.roadmap import Kappas
    from race_to_efficiency.settings.gamma import GammaParams

MIXED = {
    "algorithmic_lm": "algorithmic_lm.ln_loss",
    "algorithmic_published": "algorithmic_published.prior",
    "speedrun_tokens": "speedrun_tokens.recent",
}
"""Parts of the algorithmic mixture: the name of the weight, and the estimate it belongs to."""


@dataclass(frozen=True, eq=False)
class GammaResult:
    """Everything the calibration of gamma found.

    Parameters
    ----------
    estimates : tuple of Estimate
    draws : DataFrame
        ``draw`` and one column per ``component.estimator``, ``route.ID``, ``growth.NAME`` and ``level.NAME``.
    components, routes, fragility, slope_change, roadmap, published : list of dict
        JSON-ready tables.
    product : dict
        The check of b_t against kappa x gamma_algorithmic x ln 2.
    fits : mapping of str to Fitted
        By ``component.estimator``; for further work in memory, not serialised.
    """

    estimates: tuple[Estimate, ...]
    draws: pd.DataFrame
    components: list[dict[str, Any]]
    routes: list[dict[str, Any]]
    fragility: list[dict[str, Any]] = field(default_factory=list)
    slope_change: list[dict[str, Any]] = field(default_factory=list)
    roadmap: list[dict[str, Any]] = field(default_factory=list)
    published: list[dict[str, Any]] = field(default_factory=list)
    product: dict[str, Any] = field(default_factory=dict)
    fits: Mapping[str, Fitted] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return gamma.json's content without quarter and as_of."""
        return {
            "estimates": [item.to_json() for item in self.estimates],
            "components": self.components,
            "routes": self.routes,
            "fragility": self.fragility,
            "slope_change": self.slope_change,
            "roadmap": self.roadmap,
            "published": self.published,
            "product": self.product,
        }


def fit_parts(inputs: Inputs) -> dict[str, Fitted]:
    """Return every component that is fitted on rows or taken from a paper, by ``component.estimator``."""
    time_covers = ("format", "utilisation", "algorithm")
    found = [
        *hardware(inputs),
        *hardware(inputs, "hardware_fp32", "fp32_flop_s"),
        utilisation(inputs),
        training_flop_per_joule(inputs),
        *mlperf_same_chip(inputs),
        *mlperf_system(inputs),
        *algorithmic_lm(inputs),
        algorithmic_published(inputs),
        *speedrun(inputs, "speedrun_tokens", "tokens", ("algorithm",)),
        *speedrun(inputs, "speedrun_time", "record_time_s", time_covers),
        *frontier_growth(inputs),
        *chip_growth(inputs),
        run_duration(inputs),
    ]
    return {fit.component.key: fit for fit in found}


def judged(inputs: Inputs, fits: dict[str, Fitted]) -> tuple[dict[str, Fitted], list[dict[str, Any]]]:
    """Return the components with the status their fragility leaves them, and the fragility table."""
    table: list[dict[str, Any]] = []
    result = {}
    for key, fit in fits.items():
        rows = fragility_rows(inputs, fit, fits)
        reasons = verdict(rows)
        result[key] = fit.with_status("weak", reasons) if reasons else fit
        table += rows
    return result, table


def fit_routes(
    inputs: Inputs, fits: dict[str, Fitted], fragility: list[dict[str, Any]]
) -> tuple[dict[str, Fitted], list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the routes of the settings, their table, and what each other choice does to the default route."""
    routes, table, tornado = {}, [], []
    for settings in inputs.params.routes:
        route = build_route(settings, fits)
        fit, row = fit_route(inputs, route, fits)
        default = settings.id == inputs.params.default_route
        routes[fit.component.key] = fit
        table.append({**row, "title": settings.title or "", "default": default})
        if default:
            terms = {part.key: 1 for part in route.components} | dict(route.conversion)
            tornado = tornado_rows(fit, terms, fragility)
    return routes, table, tornado


def fit_components(
    views: Mapping[str, pd.DataFrame], params: GammaParams, *, as_of: date, seed: int, kappa: Kappas | None = None
) -> GammaResult:
    """Fit every component and route of gamma on as-of views.

    Parameters
    ----------
    views : mapping of str to DataFrame
        As-of views by table name; rows with a non-empty ``exclusion`` are not used.
    params : GammaParams
    as_of : date
        The quarter's last day.
    seed : int
    kappa : Kappas, optional
        kappa in both readings, for the roadmap and the check on the product.

    Returns
    -------
    GammaResult

    Raises
    ------
    UsageError
        When a route of the settings counts a layer twice or mixes bases.
    """
    import numpy as np
    import pandas as pd

    inputs = Inputs(views, params, as_of, seed)
    fits, fragility = judged(inputs, fit_parts(inputs))
    blend = mixture(inputs, {name: fits[key] for name, key in MIXED.items()})
    fits[blend.component.key] = blend
    fragility += mixture_rows(inputs, blend, {key: fits[key] for key in MIXED.values()})
    routes, table, tornado = fit_routes(inputs, fits, fragility)
    changes = [slope_change(inputs, change, fits) for change in params.slope_changes]
    everything = fits | routes
    columns = {key: fit.draws for key, fit in everything.items() if fit.draws is not None}
    return GammaResult(
        estimates=tuple(fit.estimate for fit in everything.values()),
        draws=pd.DataFrame({"draw": np.arange(params.draws), **columns}),
        components=[component_row(fit) for fit in fits.values()],
        routes=table,
        fragility=fragility + tornado,
        slope_change=changes,
        roadmap=roadmap(inputs, everything, kappa),
        published=compare_published(inputs, everything),
        product=product_check(everything, kappa),
        fits=everything,
    )


def component_row(fit: Fitted) -> dict[str, Any]:
    """Return a component's row of the components table."""
    component, estimate = fit.component, fit.estimate
    headline = estimate.interval()
    return {
        "component": component.name,
        "estimator": component.estimator,
        "coverage": list(component.coverage),
        "omits": list(component.omits) if component.coverage else [],
        "basis": component.basis,
        "value": estimate.value,
        "low": None if headline is None else headline.low,
        "high": None if headline is None else headline.high,
        "unit": estimate.unit,
        "n_rows": estimate.n_rows,
        "n_clusters": estimate.n_clusters,
        "status": estimate.status,
        "reasons": list(estimate.reasons),
        "cap_doublings": component.cap_doublings,
        "meaning": component.meaning,
        "caveat": component.caveat,
        "estimate": estimate.id,
    }

"""gamma, composed: every component, the routes that add them, and how far each may be trusted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pipeline.calibration.components import Fitted, Inputs
from pipeline.calibration.components_algorithm import (
    algorithmic_lm,
    algorithmic_published,
    mixture,
    speedrun,
)
from pipeline.calibration.components_hardware import hardware
from pipeline.calibration.components_system import (
    mlperf_same_chip,
    mlperf_system,
    training_flop_per_joule,
    utilisation,
)
from pipeline.calibration.growth import chip_growth, frontier_growth, run_duration
from pipeline.calibration.routes import build_route, fit_route

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    import pandas as pd

    from pipeline.calibration.estimates import Estimate
    from pipeline.config_gamma import GammaParams


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
        }


def fit_parts(inputs: Inputs) -> dict[str, Fitted]:
    """Return every component of the inputs by ``component.estimator``."""
    time_covers = ("format", "utilisation", "algorithm")
    tokens = speedrun(inputs, "speedrun_tokens", "tokens", ("algorithm",))
    language = algorithmic_lm(inputs)
    prior = algorithmic_published(inputs)
    recent = next(fit for fit in tokens if fit.component.estimator == "recent")
    found = [
        *hardware(inputs),
        *hardware(inputs, "hardware_fp32", "fp32_flop_s"),
        utilisation(inputs),
        training_flop_per_joule(inputs),
        mlperf_same_chip(inputs),
        *mlperf_system(inputs),
        language,
        algorithmic_lm(inputs, estimator="ln_perplexity", column="perplexity"),
        prior,
        *tokens,
        *speedrun(inputs, "speedrun_time", "record_time_s", time_covers),
        mixture(inputs, {"algorithmic_lm": language, "algorithmic_published": prior, "speedrun_tokens": recent}),
        *frontier_growth(inputs),
        *chip_growth(inputs),
        run_duration(inputs),
    ]
    return {fit.component.key: fit for fit in found}


def fit_components(
    views: Mapping[str, pd.DataFrame], params: GammaParams, *, as_of: date, seed: int, kappa: float | None = None
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
    kappa : float, optional
        A kappa at fixed algorithm, for the check on the product.

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
    fits = fit_parts(inputs)
    table = []
    for settings in params.routes:
        fit, row = fit_route(inputs, build_route(settings, fits), fits)
        fits[fit.component.key] = fit
        table.append({**row, "title": settings.title, "default": settings.id == params.default_route})
    columns = {key: fit.draws for key, fit in fits.items() if fit.draws is not None}
    draws = pd.DataFrame({"draw": np.arange(params.draws), **columns})
    return GammaResult(
        estimates=tuple(fit.estimate for fit in fits.values()),
        draws=draws,
        components=[component_row(fit) for fit in fits.values() if fit.component.name != "route"],
        routes=table,
        fits=fits,
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

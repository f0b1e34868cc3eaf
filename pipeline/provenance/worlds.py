"""Quarters as worlds: what the ledgers said then, and the refits that turn it into estimates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline import storage
from pipeline.provenance.attribution import World

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date

    from pipeline.ledger.vintages import View

GAMMA_TABLES = (
    "accelerators",
    "notable_training_runs",
    "mlperf_training",
    "speedrun_records",
    "language_model_perplexity",
    "published_values",
)
"""Ledgers that gamma is fitted on."""

KAPPA_TABLES = ("training_runs",)
"""Ledgers that kappa is fitted on."""

ROW_DRAWS = 100
"""Draws of the refits that find which row mattered: a fitted rate does not depend on their number."""


def world_of(views: Mapping[str, View], *, settings: Any, as_of: date, seed: int) -> World:
    """Return the world of some as-of views, settings and seed."""
    from pipeline.ledger.schemas import TABLES

    return World(
        views={name: view.rows for name, view in views.items()},
        keys={name: TABLES[name].key for name in views},
        settings=settings,
        as_of=as_of,
        seed=seed,
    )


def _inputs(world: World) -> Any:
    from pipeline.calibration.components import Inputs

    return Inputs(world.views, world.settings, world.as_of, world.seed)


def evaluate_gamma(world: World) -> dict[str, float]:
    """Refit every component and route of gamma in a world; what has no value is left out.

    The checks that only move a status (fragility, changes of slope) are not run: they move no value.
    """
    from pipeline.calibration.components_algorithm import mixture
    from pipeline.calibration.gamma import MIXED, fit_parts, fit_routes

    inputs = _inputs(world)
    fits = fit_parts(inputs)
    blend = mixture(inputs, {name: fits[key] for name, key in MIXED.items()})
    fits[blend.component.key] = blend
    routes, _, _ = fit_routes(inputs, fits, [])
    estimates = [fit.estimate for fit in (fits | routes).values()]
    return {item.id: item.value for item in estimates if item.value is not None}


def component_evaluation(component: str) -> Callable[[World], dict[str, float]] | None:
    """Return a refit of one component of gamma alone, or None for what is not fitted on rows (sums and mixtures)."""
    from pipeline.calibration.components_algorithm import algorithmic_lm, speedrun
    from pipeline.calibration.components_hardware import hardware
    from pipeline.calibration.components_system import (
        mlperf_same_chip,
        mlperf_system,
        training_flop_per_joule,
        utilisation,
    )
    from pipeline.calibration.growth import chip_growth, frontier_growth

    covers = ("format", "utilisation", "algorithm")
    fitters: dict[str, Callable[[Any], Any]] = {
        "hardware_tensor16": hardware,
        "hardware_fp32": lambda inputs: hardware(inputs, "hardware_fp32", "fp32_flop_s"),
        "utilisation": utilisation,
        "training_flop_per_joule": training_flop_per_joule,
        "mlperf_same_chip": mlperf_same_chip,
        "mlperf_system": mlperf_system,
        "algorithmic_lm": algorithmic_lm,
        "speedrun_tokens": lambda inputs: speedrun(inputs, "speedrun_tokens", "tokens", covers[-1:]),
        "speedrun_time": lambda inputs: speedrun(inputs, "speedrun_time", "record_time_s", covers),
        "growth": lambda inputs: [*frontier_growth(inputs), *chip_growth(inputs)],
    }
    fitter = fitters.get(component)
    if fitter is None:
        return None

    def evaluate(world: World) -> dict[str, float]:
        quick = world.settings.model_copy(update={"draws": ROW_DRAWS})
        found = fitter(_inputs(World(world.views, world.keys, quick, world.as_of, world.seed)))
        fits = found if isinstance(found, (list, tuple)) else [found]
        return {fit.estimate.id: fit.estimate.value for fit in fits if fit.estimate.value is not None}

    return evaluate


class KappaEvaluation:
    """Refits of kappa that fit a group once for each distinct set of its rows: groups do not depend on each other."""

    def __init__(self) -> None:
        self.known: dict[str, Any] = {}

    def __call__(self, world: World) -> dict[str, float]:
        """Refit kappa in a world (the reference date plays no part: the views are already cut)."""
        from pipeline.calibration.kappa import estimates_of
        from pipeline.calibration.pooled import pooled_estimates

        runs, settings = world.views["training_runs"], world.settings
        fits = [
            fit
            for spec in settings.groups
            for fit in self.group_fits(runs[runs["group"] == spec.group], spec, settings, world.seed)
        ]
        estimates = [item for fit in fits for item in estimates_of(fit, settings, seed=world.seed)]
        estimates += pooled_estimates(fits, settings)
        return {item.id: item.value for item in estimates if item.value is not None}

    def group_fits(self, runs: Any, spec: Any, settings: Any, seed: int) -> list[Any]:
        """Return the fits of a comparable group, remembered by everything they depend on."""
        from pipeline.calibration.group_rows import GroupRows
        from pipeline.calibration.kappa import fit_group

        rows = GroupRows.of(runs, spec)
        if rows is None:
            return []
        own = settings.model_copy(update={"groups": (spec,)}).model_dump(mode="json")
        cells = {key: values.tolist() for key, values in rows.quantities.items()}
        fingerprint = storage.digest_document([list(rows.ids), list(rows.clusters), cells, own, seed])
        if fingerprint not in self.known:
            self.known[fingerprint] = fit_group(rows, settings, seed=seed)
        fits: list[Any] = self.known[fingerprint]
        return fits

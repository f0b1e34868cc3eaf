"""Refits of gamma: a part is fitted once for every state of the ledgers it reads, whatever else differs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from race_to_efficiency import storage
from race_to_efficiency.quarter.worlds import rows_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    import pandas as pd

    from race_to_efficiency.calibration.gamma.components import Fitted, Inputs
    from race_to_efficiency.comparison.attribution import World
    from race_to_efficiency.settings.gamma import GammaParams, RouteParams

ROW_DRAWS = 100
"""Draws of the refits that find which row mattered: a fitted rate does not depend on their number."""

COMPOSING = {"mixture", "routes", "default_route", "roadmap"}
"""Settings of what is made from the parts: no part reads them."""

CHIPS, RUNS, MLPERF = "accelerators", "notable_training_runs", "mlperf_training"


@dataclass(frozen=True)
class Part:
    """Components that are fitted together.

    Parameters
    ----------
    name : str
    tables : tuple of str
        Ledgers the fit reads.
    fit : callable
        From the inputs to the components.
    dated : bool
        Whether a value depends on the reference date (a status may in any case).
    column : str, optional
        The figure without which a row is not read.
    alone : bool
        Whether every value is a fit's and not a median of draws, so that few draws do where no route uses them.
    """

    name: str
    tables: tuple[str, ...]
    fit: Callable[[Inputs], Sequence[Fitted]]
    dated: bool = False
    column: str | None = None
    alone: bool = False


def parts() -> tuple[Part, ...]:
    """Return the parts of `calibration.gamma.composition.fit_parts`, each with the ledgers it reads."""
    from race_to_efficiency.calibration.gamma import components_algorithm as algorithm
    from race_to_efficiency.calibration.gamma import components_system as system
    from race_to_efficiency.calibration.gamma import growth
    from race_to_efficiency.calibration.gamma.components_hardware import hardware

    covers = ("format", "utilisation", "algorithm")
    speedrun, fp32 = ("speedrun_records",), "fp32_flop_s"
    return (
        Part("hardware_tensor16", (CHIPS,), hardware, column="fp16_tensor_flop_s"),
        Part(
            "hardware_fp32", (CHIPS,), lambda inputs: hardware(inputs, "hardware_fp32", fp32), column=fp32, alone=True
        ),
        Part("utilisation", (RUNS,), lambda inputs: [system.utilisation(inputs)]),
        Part("training_flop_per_joule", (RUNS,), lambda inputs: [system.training_flop_per_joule(inputs)]),
        Part("mlperf_same_chip", (MLPERF,), system.mlperf_same_chip, alone=True),
        Part("mlperf_system", (MLPERF, CHIPS), system.mlperf_system),
        Part("algorithmic_lm", ("language_model_perplexity",), algorithm.algorithmic_lm),
        Part("algorithmic_published", ("published_values",), lambda inputs: [algorithm.algorithmic_published(inputs)]),
        Part(
            "speedrun_tokens",
            speedrun,
            lambda inputs: algorithm.speedrun(inputs, "speedrun_tokens", "tokens", covers[-1:]),
        ),
        Part(
            "speedrun_time",
            speedrun,
            lambda inputs: algorithm.speedrun(inputs, "speedrun_time", "record_time_s", covers),
        ),
        Part("frontier_growth", (RUNS,), growth.frontier_growth, dated=True),
        Part("chip_growth", (CHIPS,), growth.chip_growth),
        Part("run_duration", (RUNS,), lambda inputs: [growth.run_duration(inputs)]),
    )


@dataclass(frozen=True, eq=False)
class GammaFits:
    """gamma in one world.

    Parameters
    ----------
    components : mapping of str to Fitted
        By ``component.estimator``; mixture and routes among them.
    routes : list of dict
        The table of routes.
    """

    components: Mapping[str, Fitted]
    routes: list[dict[str, Any]]

    @property
    def value_by_id(self) -> dict[str, float]:
        """Value by estimate id; what is refused is left out."""
        estimates = [fit.estimate for fit in self.components.values()]
        return {item.id: item.value for item in estimates if item.value is not None}

    def rows_of(self, estimate_id: str) -> frozenset[str]:
        """Return the rows an estimate uses, as TABLE/ID."""
        fit = self.components.get(estimate_id.removeprefix("gamma."))
        return frozenset() if fit is None else frozenset(fit.estimate.rows_used)


class GammaRefits:
    """Refits of gamma in any world, remembered by everything a part depends on.

    The checks that only move a status (fragility, changes of slope) are not run: they move no value.
    """

    def __init__(self) -> None:
        self.parts = parts()
        self.fitted: dict[tuple[Any, ...], tuple[Fitted, ...]] = {}
        self.digests: dict[tuple[int, str | None], tuple[Any, str]] = {}
        self.quickened: dict[int, tuple[GammaParams, GammaParams]] = {}
        self.composed: dict[tuple[Any, ...], GammaFits] = {}

    def __call__(self, world: World) -> dict[str, float]:
        """Refit every component and route of gamma in a world; what has no value is left out."""
        return self.fits(world).value_by_id

    def fits(self, world: World, only: Collection[str] | None = None) -> GammaFits:
        """Return every component, the mixture and the routes in a world; or what some parts alone allow of these."""
        from race_to_efficiency.calibration.gamma.components_algorithm import mixture
        from race_to_efficiency.calibration.gamma.composition import MIXED, fit_routes

        chosen = [part for part in self.parts if only is None or part.name in only]
        key = (
            *(self._key(part, world) for part in chosen),
            self._settings(world.settings.fit_gamma, parts_only=False),
            world.seed,
        )
        if key not in self.composed:
            found = {fit.component.key: fit for part in chosen for fit in self._fit(part, world)}
            if found.keys() >= set(MIXED.values()):
                blend = mixture(inputs_of(world), {name: found[place] for name, place in MIXED.items()})
                found[blend.component.key] = blend
            params = world.settings.fit_gamma
            names = found.keys() | {key.partition(".")[0] for key in found}
            routes = [route for route in params.routes if only is None or names >= set(route.components)]
            inputs = replace(inputs_of(world), params=params.model_copy(update={"routes": tuple(routes)}))
            built, table, _ = fit_routes(inputs, found, [])
            self.composed[key] = GammaFits(found | built, table)
        return self.composed[key]

    def quick(self, names: Collection[str]) -> Callable[[World], dict[str, float]]:
        """Return a refit of some parts alone, with few draws: for values, never for spreads."""

        def evaluate(world: World) -> dict[str, float]:
            world = self._with_few_draws(world)
            fits = [fit for part in self.parts if part.name in names for fit in self._fit(part, world)]
            return {fit.estimate.id: fit.estimate.value for fit in fits if fit.estimate.value is not None}

        return evaluate

    def _with_few_draws(self, world: World) -> World:
        """Return the world with few draws; its settings are one object for one object."""
        settings = world.settings.fit_gamma
        if id(settings) not in self.quickened:
            few = settings if settings.draws == ROW_DRAWS else settings.model_copy(update={"draws": ROW_DRAWS})
            self.quickened[id(settings)] = (settings, few)
        return replace(world, settings=replace(world.settings, fit_gamma=self.quickened[id(settings)][1]))

    def part_of(self, key: str, world: World) -> Part | None:
        """Return the part a ``component.estimator`` is fitted in; None for what is composed (mixture, routes)."""
        for part in self.parts:
            if any(fit.component.key == key for fit in self._fit(part, world)):
                return part
        return None

    def behind(self, key: str, world: World) -> tuple[str, ...]:
        """Return what a mixture or a route is composed of, down to what is fitted, as ``component.estimator``."""
        from race_to_efficiency.calibration.gamma.composition import MIXED

        if self.part_of(key, world) is not None:
            return (key,)
        if key == "algorithmic.mixture":
            return tuple(MIXED.values())
        row = next((row for row in self.fits(world).routes if f"route.{row['route']}" == key), None)
        if row is None:
            return ()
        terms = [*row["components"], *(item["term"] for item in row["conversion"])]
        return tuple(dict.fromkeys(name for term in terms for name in self.behind(term, world)))

    def _fit(self, part: Part, world: World) -> tuple[Fitted, ...]:
        if part.alone and not any(part.name in _names(route) for route in world.settings.fit_gamma.routes):
            world = self._with_few_draws(world)
        key = self._key(part, world)
        if key not in self.fitted:
            self.fitted[key] = tuple(part.fit(inputs_of(world)))
        return self.fitted[key]

    def _key(self, part: Part, world: World) -> tuple[Any, ...]:
        seen = tuple(self._seen(world.views.get(name), part.column) for name in part.tables)
        settings = self._settings(world.settings.fit_gamma, parts_only=True)
        return part.name, seen, settings, world.seed, world.as_of if part.dated else None

    def _seen(self, frame: pd.DataFrame | None, column: str | None) -> str:
        """Return the digest of a view's used rows, computed once a frame (kept alive, so that its id stays its own)."""
        if (id(frame), column) not in self.digests:
            self.digests[id(frame), column] = (frame, rows_digest(frame, column))
        return self.digests[id(frame), column][1]

    def _settings(self, settings: GammaParams, *, parts_only: bool) -> str:
        """Return the digest of all settings, or of those the parts read, computed once an object."""
        key = (id(settings), "parts" if parts_only else None)
        if key not in self.digests:
            document = settings.model_dump(mode="json", exclude=COMPOSING if parts_only else None)
            self.digests[key] = (settings, storage.digest_document(document))
        return self.digests[key][1]


def _names(route: RouteParams) -> set[str]:
    """Return the components a route names, without their estimators."""
    return {name.partition(".")[0] for name in route.components}


def inputs_of(world: World) -> Inputs:
    """Return what gamma's components read in a world."""
    from race_to_efficiency.calibration.gamma.components import Inputs

    return Inputs(world.views, world.settings.fit_gamma, world.as_of, world.seed)

"""The node of the headline: relative loss of one scenario and anchor, by the forecast stage's own steps."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from race_to_efficiency.errors import RaceError
from race_to_efficiency.quarter.gamma import FIT, FITTED_ROUTE, Fits
from race_to_efficiency.quarter.kappa import GROUP, POOL, RUN_COLUMNS, concatenated
from race_to_efficiency.quarter.node import Computed, Node, Origin
from race_to_efficiency.quarter.world import HEADLINE_SETTINGS as SHOWN
from race_to_efficiency.quarter.world import RUNS

if TYPE_CHECKING:
    from race_to_efficiency.calibration.common.estimates import Estimate
    from race_to_efficiency.forecasting.basis import Basis, StageFiles
    from race_to_efficiency.quarter.reading import Reading
    from race_to_efficiency.settings.forecast import ForecastParams
    from race_to_efficiency.settings.scenarios import ScenarioParams

LEVEL_COLUMNS = {0.025: "low95", 0.1: "low80", 0.5: "median", 0.9: "high80", 0.975: "high95"}

ASIDE = ("anchors", "crossovers", "nats_anchors", "scenarios", "scenario_files", "threads", "write_draws")
"""Settings of the forecast that the headline does not depend on, or reads by name."""


def forecast_id(reading: str, years: float) -> str:
    """Return the name of one number of the headline."""
    return f"R.{reading.replace(', ', '_').replace(' ', '_')}.{years:g}"


def forecast_headline(reading: Reading) -> Computed:
    """Return the headline's points and quantiles by reading and year, or why there are none."""
    return _headline(reading, quantiles=True)


def headline_points(reading: Reading) -> Computed:
    """Return what `forecast_headline` does without quantiles: the equation at the printed inputs."""
    return _headline(reading, quantiles=False)


def _headline(reading: Reading, *, quantiles: bool) -> Computed:
    report = reading.settings("report", only=SHOWN)
    settings: ForecastParams = reading.settings("forecast", without=ASIDE)
    anchor = reading.item("forecast", "anchors", "name", report.headline_anchor)
    scenario = reading.scenario(report.headline_scenario)
    if scenario is None or anchor is None:
        name = report.headline_scenario if scenario is None else report.headline_anchor
        return Computed({"rows": [], "missing": f"the headline names {name}, which the settings do not have"})
    try:
        params = settings.model_copy(
            update={"anchors": (anchor,), "crossovers": (), "nats_anchors": (), "scenarios": (scenario,)}
        )
        years = tuple(float(year) for year in report.headline_years)
        return _found(reading, params, scenario, years, quantiles=quantiles)
    except RaceError as error:
        return Computed({"rows": [], "missing": error.what})


def _found(
    reading: Reading, params: ForecastParams, scenario: ScenarioParams, years: tuple[float, ...], *, quantiles: bool
) -> Computed:
    import numpy as np

    from race_to_efficiency.forecasting.basis import gather
    from race_to_efficiency.forecasting.curves import READINGS
    from race_to_efficiency.forecasting.engine import quantile_table
    from race_to_efficiency.forecasting.plans import grid_of, plan, points_of, printed_ratios
    from race_to_efficiency.scenarios import build_paths

    sources, gamma_outputs = _sources(reading, params, scenario)
    basis = gather(sources, params, as_of=reading.as_of, seed=reading.seed)
    paths, left_out = build_paths(
        [scenario], basis.rates, measured_baseline_years=basis.runs.baseline_years, route_caps=basis.route_caps
    )
    if scenario.name not in paths:
        raise RaceError(f"scenario {scenario.name} has no path: {left_out[scenario.name]}")
    planned = plan(basis, scenario, paths[scenario.name], params)
    printed, _ = build_paths(
        [scenario], basis.points, measured_baseline_years=basis.runs.baseline_years, route_caps=basis.route_caps
    )
    grid = grid_of(params)

    @cache
    def cells() -> Any:
        table = quantile_table([planned.path], [planned.readings], grid, tuple(LEVEL_COLUMNS), threads=1)
        return table.quantiles[0]

    times = [float(time) for time in grid.times]
    rows, origins = [], {}
    for year in years:
        for name, target, form, _ in READINGS:
            for position, labels in enumerate(planned.labels):
                label = next((item for item in labels if (item.target, item.form) == (target, form)), None)
                if year in times and label is not None:
                    path = printed.get(scenario.name)
                    ratios = None if path is None else printed_ratios(path, np.array([year]))
                    point = points_of(basis, scenario, label, ratios)
                    ends: dict[str, float] = {}
                    if quantiles or point is None:  # what has no point is told by its median
                        found: Any = cells()[position, times.index(year)]
                        ends = {word: float(x) for word, x in zip(LEVEL_COLUMNS.values(), found, strict=True)}
                    told = ends["median"] if point is None else float(point[0])
                    rows.append({"reading": name, "years": year, "point": told, **ends})
                    origins[forecast_id(name, year)] = _origin(basis, form, gamma_outputs)
    return Computed({"rows": rows, "missing": None}, origins=origins)


def _sources(reading: Reading, params: ForecastParams, scenario: ScenarioParams) -> tuple[StageFiles, dict[str, str]]:
    """Return what the headline is drawn from, and the outputs of gamma among it by column of draws."""
    import pandas as pd

    from race_to_efficiency.calibration.kappa.forms import CHINCHILLA
    from race_to_efficiency.calibration.kappa.pooled import POOLS
    from race_to_efficiency.calibration.kappa.pooling import ADMITTED
    from race_to_efficiency.forecasting.basis import StageFiles

    pools = [found for form in POOLS if (found := reading.ask(POOL, form).document) is not None]
    names = [
        item["group"]
        for pool in pools
        for item in pool["diagnostics"]["groups"]
        if pool["form"] == CHINCHILLA.name and item["verdict"] == ADMITTED
    ]
    groups = [reading.ask(GROUP, name) for name in names]
    fits, routes = Fits(reading, FIT), []
    keys = [params.algorithmic_component]
    if scenario.route is not None:
        route = reading.ask(FITTED_ROUTE, scenario.route)
        fits.take(route, reading.live(FITTED_ROUTE, scenario.route))
        routes = [route.document["row"]]
        keys += [f"route.{scenario.route}", *routes[0]["components"]]
    keys += [f"growth.{what}" for what in ("power", "duration") if getattr(scenario, f"{what}_growth") == "measured"]
    fits.take(reading.ask(FIT, "frontier_growth"))
    kept = {key: fits[key] for key in dict.fromkeys(keys) if key in fits}
    kept |= {key: fits[key] for key in fits.at_hand if key.startswith("level.")}
    draws = {key: fit.draws for key, fit in kept.items() if fit.draws is not None}
    count = reading.settings("fit_gamma", only=("draws",)).draws
    sources = StageFiles(
        kappa={"estimates": [*(item for group in groups for item in group.document["estimates"]), *pools]},
        gamma={"estimates": [_told(fit.estimate) for fit in kept.values()], "routes": routes},
        kappa_draws=concatenated([item.tables["draws"] for item in groups]),
        gamma_draws=pd.DataFrame({"draw": range(count), **draws}),
        training_runs=pd.concat(
            [reading.rows(RUNS, where={"group": name}, columns=RUN_COLUMNS) for name in names] or [pd.DataFrame()],
            ignore_index=True,
        ),
        notable_training_runs=reading.rows("notable_training_runs", columns=NOTABLE_COLUMNS),
    )
    return sources, {key: fits.output(key) for key in draws}


NOTABLE_COLUMNS = ("model_id", "exclusion", "compute_flop", "hours")
"""What a forecast sees of a notable run."""


def _told(estimate: Estimate) -> dict[str, Any]:
    """Return what a forecast reads of an estimate of gamma besides its draws."""
    names = ("component", "estimator", "value", "status", "reasons", "window", "diagnostics")
    return {name: getattr(estimate, name) for name in names}


def _origin(basis: Basis, form: str, gamma_outputs: dict[str, str]) -> Origin:
    """Return what a curve rests on: the pool its kappa is drawn from, the rate, the anchor where it has a floor."""
    record = basis.pool(form).record
    kappas = (f"{POOL.called((record['form'],))}#{record['id']}",)
    rates = [key for key in gamma_outputs if key.startswith(("route.", "growth."))]
    anchored = [] if form == "total" else [key for key in gamma_outputs if key not in rates]
    return Origin(outputs=(*kappas, *(gamma_outputs[key] for key in (*rates, *anchored))))


HEADLINE_NODE = Node("forecast.headline", forecast_headline)
POINTS_NODE = Node("forecast.points", headline_points)

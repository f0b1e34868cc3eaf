"""The headline's relative loss in any world: the forecast stage's own steps, for one scenario and anchor."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from race_to_efficiency import storage
from race_to_efficiency.errors import RaceError
from race_to_efficiency.quarter.kappa import document_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from race_to_efficiency.calibration.common.estimates import Estimate
    from race_to_efficiency.comparison.attribution import World
    from race_to_efficiency.quarter.gamma import GammaFits
    from race_to_efficiency.quarter.kappa import GroupRecord
    from race_to_efficiency.quarter.worlds import Settings

LEVELS = {0.025: "low95", 0.1: "low80", 0.5: "median", 0.9: "high80", 0.975: "high95"}


@dataclass(frozen=True)
class Outlook:
    """Relative loss of the headline's scenario in one world.

    Parameters
    ----------
    rows : mapping of (str, float) to (mapping of str to float)
        Median and interval ends by reading and years.
    missing : str or None
        Why there is none.
    """

    rows: dict[tuple[str, float], dict[str, float]] = field(default_factory=dict)
    missing: str | None = None

    @property
    def medians(self) -> dict[str, float]:
        """Medians by id, ``R.READING.YEARS``."""
        return {forecast_id(*key): row["median"] for key, row in self.rows.items()}


def forecast_id(reading: str, years: float) -> str:
    """Return the name of one number of the headline."""
    return f"R.{reading.replace(', ', '_').replace(' ', '_')}.{years:g}"


def outlook(world: World, records: Sequence[GroupRecord], gamma: GammaFits) -> Outlook:
    """Return the headline's relative loss in a world, or why it has none."""
    settings: Settings = world.settings
    try:
        return Outlook(_rows(world, settings, records, gamma))
    except RaceError as error:
        return Outlook(missing=error.what)


def _rows(
    world: World, settings: Settings, records: Sequence[GroupRecord], gamma: GammaFits
) -> dict[tuple[str, float], dict[str, float]]:
    import pandas as pd

    from race_to_efficiency.forecasting.basis import Sources, gather
    from race_to_efficiency.forecasting.engine import quantile_table
    from race_to_efficiency.forecasting.projection import grid_of, plan
    from race_to_efficiency.forecasting.tables import READINGS
    from race_to_efficiency.scenarios import build_paths, load_scenarios

    params = _headline_only(settings)
    kappa, kappa_draws = document_of(records)
    columns = drawn_columns(settings, gamma)
    sources = Sources(
        kappa=kappa,
        gamma={"estimates": [_record(fit.estimate) for fit in gamma.components.values()], "routes": gamma.routes},
        kappa_draws=kappa_draws,
        gamma_draws=pd.DataFrame({"draw": range(settings.fit_gamma.draws), **columns}),
        training_runs=world.views["training_runs"],
        notable_training_runs=world.views["notable_training_runs"],
    )
    basis = gather(sources, params, as_of=world.as_of, seed=world.seed)
    scenarios = [item for item in load_scenarios(params, settings.root) if item.name == settings.scenario]
    paths, left_out = build_paths(
        scenarios,
        basis.rates,
        measured_baseline_years=basis.runs.baseline_years,
        route_caps=basis.route_caps,
    )
    if settings.scenario not in paths:
        raise RaceError(f"scenario {settings.scenario} has no path: {left_out.get(settings.scenario, 'not found')}")
    planned = plan(basis, scenarios[0], paths[settings.scenario], params)
    table = quantile_table([planned.path], [planned.readings], grid_of(params), tuple(LEVELS), threads=params.threads)
    times = [float(time) for time in table.times]
    found = {}
    for years in settings.years:
        for name, target, form, _ in READINGS:
            for position, labels in enumerate(planned.labels):
                if years in times and any((item.target, item.form) == (target, form) for item in labels):
                    cells: Any = table.quantiles[0][position, times.index(years)]
                    found[name, years] = {word: float(x) for word, x in zip(LEVELS.values(), cells, strict=True)}
    return found


def _record(estimate: Estimate) -> dict[str, Any]:
    """Return what a forecast reads of an estimate of gamma besides its draws."""
    names = ("component", "estimator", "status", "reasons", "window", "diagnostics")
    return {name: getattr(estimate, name) for name in names}


def drawn_columns(settings: Settings, gamma: GammaFits) -> dict[str, Any]:
    """Return gamma's draws by column, as fit_gamma writes them (what was refitted with few draws is in no route)."""
    count = settings.fit_gamma.draws
    found = {key: fit.draws for key, fit in gamma.components.items() if fit.draws is not None}
    return {key: draws for key, draws in found.items() if len(draws) == count}


def gamma_digest(settings: Settings, gamma: GammaFits) -> str:
    """Return a digest of all of gamma that the headline's relative loss can depend on."""
    scenario = next((item for item in settings.forecast.scenarios if item.name == settings.scenario), None)
    columns = drawn_columns(settings, gamma)
    row = None if scenario is None else next((r for r in gamma.routes if r["route"] == scenario.route), None)
    if scenario is None or row is None or "measured" in (scenario.power_growth, scenario.duration_growth):
        kept = list(columns)
    else:
        wanted = {f"route.{row['route']}", *row["components"], settings.forecast.algorithmic_component}
        kept = [key for key in columns if key in wanted or key.startswith("level.")]
    draws = [[key, storage.digest_bytes(columns[key].tobytes())] for key in sorted(kept)]
    return storage.digest_document([draws, row and row.get("caps")])


def _headline_only(settings: Settings) -> Any:
    """Return the forecast's settings with the headline's anchor alone (draws do not depend on the other ones)."""
    chosen = tuple(item for item in settings.forecast.anchors if item.name == settings.anchor)
    return settings.forecast.model_copy(update={"anchors": chosen, "crossovers": (), "nats_anchors": ()})

"""Stage forecast: kappa's and gamma's draws in; the forecast, its milestones, scenarios, anchors and headline out."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from race_to_efficiency import storage
from race_to_efficiency.forecasting.basis import gather, read_sources
from race_to_efficiency.forecasting.documents import anchors_document, scenarios_document
from race_to_efficiency.forecasting.draws_file import open_draws
from race_to_efficiency.forecasting.fields import FORECAST_FIELDS, MILESTONE_FIELDS, SOURCE
from race_to_efficiency.forecasting.plans import grid_of, plan
from race_to_efficiency.forecasting.projection import draws_sink, project
from race_to_efficiency.forecasting.tables import headline_rows
from race_to_efficiency.quarter.forecast_lineage import forecast_lineage
from race_to_efficiency.scenarios import build_paths, load_scenarios

if TYPE_CHECKING:
    from collections.abc import Sequence

    from race_to_efficiency.settings.params import Workspace
    from race_to_efficiency.settings.scenarios import ScenarioParams

DRAWS_FILE = "forecast_draws.parquet"


def run(workspace: Workspace, *, draws: bool | None = None) -> dict[str, Any]:
    """Forecast relative loss for the workspace's quarter.

    Parameters
    ----------
    workspace : Workspace
    draws : bool, optional
        Write every draw too (`forecast_draws.parquet`); as params.yaml says when None.

    Raises
    ------
    InputMissing, DataInvalid, NotTrustworthy
        When earlier stages have not run, a scenario is wrong, or nothing is left to forecast from.
    """
    folder, params, as_of = workspace.processed, workspace.params.forecast, workspace.quarter.as_of
    sources = read_sources(folder)
    scenarios = load_scenarios(params, workspace.root)
    basis = gather(sources, params, as_of=as_of, seed=workspace.seed)
    (paths, left_out), (printed, _) = (
        build_paths(scenarios, rates, measured_baseline_years=basis.runs.baseline_years, route_caps=basis.route_caps)
        for rates in (basis.rates, basis.points)
    )
    plans = [plan(basis, item, paths[item.name], params) for item in scenarios if item.name in paths]
    estimates = sources.kappa["estimates"]
    caps = workspace.params.fit_gamma.caps
    write_draws = params.write_draws if draws is None else draws
    with open_draws(folder / DRAWS_FILE) if write_draws else nullcontext() as draws_file:
        projection = project(
            basis,
            plans,
            params,
            printed=printed,
            estimates=estimates,
            headroom=(caps.cmos_headroom_low, caps.cmos_headroom, caps.cmos_headroom_high),
            run_id=run_id(workspace, scenarios),
            sink=None if draws_file is None else draws_sink(draws_file, plans, grid_of(params)),
        )
    stamp = workspace.quarter.stamp
    storage.write_parquet(folder / "forecast.parquet", projection.forecast, FORECAST_FIELDS, SOURCE)
    storage.write_parquet(folder / "milestones.parquet", projection.milestones, MILESTONE_FIELDS, SOURCE)
    storage.write_json(folder / "scenarios.json", stamp | scenarios_document(basis, plans, params, left_out))
    storage.write_json(folder / "anchors.json", stamp | anchors_document(basis, params, projection.limits, estimates))
    forecast_lineage(basis, [item.scenario for item in plans], params).write(folder, "forecast")
    report = workspace.params.report
    rows = headline_rows(
        projection.forecast,
        scenario_id=report.headline_scenario,
        anchor=report.headline_anchor,
        years=report.headline_years,
    )
    storage.write_json(folder / "headline.json", rows)
    return {"scenarios": len(plans), "rows": len(projection.forecast), "draws": basis.n_draws}


def run_id(workspace: Workspace, scenarios: Sequence[ScenarioParams]) -> str:
    """Return the name of this forecast: the quarter and a digest of everything it is computed from.

    The draws' files need not be read for it: they come from the same seed, rows and settings as their JSON files.
    """
    digest = storage.digest_document(
        [
            workspace.seed,
            workspace.params.forecast.model_dump(mode="json", exclude={"threads", "write_draws"}),
            [item.model_dump(mode="json") for item in scenarios],
            *(storage.digest_file(workspace.processed / name) for name in ("kappa.json", "gamma.json")),
        ]
    )
    return f"{workspace.quarter}-{digest[:12]}"

"""Stage fit_gamma: the as-of ledgers and kappa in, gamma.json and gamma_draws.parquet out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from race_to_efficiency import storage

if TYPE_CHECKING:
    from race_to_efficiency.settings.params import Workspace

TABLES = (
    "accelerators",
    "notable_training_runs",
    "mlperf_training",
    "speedrun_records",
    "language_model_perplexity",
    "published_values",
)


def run(workspace: Workspace) -> dict[str, Any]:
    """Fit every component and route of gamma for the workspace's quarter.

    Parameters
    ----------
    workspace : Workspace

    Returns
    -------
    dict
        What was written, in a few numbers.

    Raises
    ------
    InputMissing
        When ingest or fit_kappa has not run.
    UsageError
        When a route of params.yaml overlaps.
    """
    from race_to_efficiency.calibration.gamma.composition import fit_components
    from race_to_efficiency.calibration.gamma.roadmap import Kappas

    folder = workspace.processed / "ledger"
    views = {name: storage.read_parquet(folder / f"{name}.parquet") for name in TABLES}
    quarter = workspace.quarter
    kappa = Kappas.of_document(storage.read_json(workspace.processed / "kappa.json"))
    result = fit_components(views, workspace.params.fit_gamma, as_of=quarter.as_of, seed=workspace.seed, kappa=kappa)
    document = {"quarter": str(quarter), "as_of": quarter.as_of.isoformat(), **result.to_json()}
    storage.write_json(workspace.processed / "gamma.json", document)
    storage.write_parquet(workspace.processed / "gamma_draws.parquet", result.draws)
    states = [estimate.status for estimate in result.estimates]
    counts = {state: states.count(state) for state in ("trusted", "weak", "refused")}
    routes = ", ".join(f"{row['route']} {row['value']:.2f}" for row in result.routes if row["value"] is not None)
    line = f"{len(states)} estimates: " + ", ".join(f"{n} {s}" for s, n in counts.items()) + f"; routes {routes}"
    return {"estimates": len(states), **counts, "line": line}

"""Stage fit_gamma: as-of ledgers in, gamma.json and gamma_draws.parquet out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline import storage

if TYPE_CHECKING:
    from pipeline.config import Workspace

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
        When ingest has not run.
    UsageError
        When a route of params.yaml overlaps.
    """
    from pipeline.calibration.gamma import fit_components

    folder = workspace.processed / "ledger"
    views = {name: storage.read_parquet(folder / f"{name}.parquet") for name in TABLES}
    quarter = workspace.quarter
    result = fit_components(views, workspace.params.fit_gamma, as_of=quarter.as_of, seed=workspace.seed)
    document = {"quarter": str(quarter), "as_of": quarter.as_of.isoformat(), **result.to_json()}
    storage.write_json(workspace.processed / "gamma.json", document)
    storage.write_parquet(workspace.processed / "gamma_draws.parquet", result.draws)
    statuses = [estimate.status for estimate in result.estimates]
    return {"estimates": len(statuses), **{status: statuses.count(status) for status in ("trusted", "weak", "refused")}}

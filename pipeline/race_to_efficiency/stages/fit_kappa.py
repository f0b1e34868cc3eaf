"""Stage fit_kappa: the as-of training runs in, kappa.json and kappa_draws.parquet out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from race_to_efficiency import storage

if TYPE_CHECKING:
    from race_to_efficiency.settings.params import Workspace


def run(workspace: Workspace) -> dict[str, Any]:
    """Fit kappa of every comparable group in every form, and pool the families.

    Beside the results, kappa_inputs.json says what each group's fits were made from.

    Parameters
    ----------
    workspace : Workspace

    Returns
    -------
    dict
        What was written, in a few numbers, and the line shown as progress.

    Raises
    ------
    InputMissing
        When ingest has not run.
    """
    from race_to_efficiency.calibration.common.processes import WORKERS
    from race_to_efficiency.calibration.kappa.fingerprints import kappa_inputs
    from race_to_efficiency.calibration.kappa.groups import fit_groups

    runs = storage.read_parquet(workspace.processed / "ledger" / "training_runs.parquet")
    result = fit_groups(runs, workspace.params.fit_kappa, seed=workspace.seed, workers=WORKERS)
    quarter = workspace.quarter
    storage.write_json(
        workspace.processed / "kappa.json",
        {
            "quarter": str(quarter),
            "as_of": quarter.as_of.isoformat(),
            "estimates": [estimate.to_json() for estimate in result.estimates],
            "influence": result.influence,
            "extrapolation": result.extrapolation,
            "forms": result.forms,
            "frontier": result.frontier,
            "profiles": result.profiles,
        },
    )
    storage.write_parquet(workspace.processed / "kappa_draws.parquet", result.draws)
    inputs = kappa_inputs(runs, workspace.params.fit_kappa, seed=workspace.seed)
    files = [storage.digest_file(workspace.processed / name) for name in ("kappa.json", "kappa_draws.parquet")]
    storage.write_json(workspace.processed / "kappa_inputs.json", {"quarter": str(quarter), "files": files, **inputs})
    states = [estimate.status for estimate in result.estimates]
    counts = {state: states.count(state) for state in ("trusted", "weak", "refused")}
    groups = {estimate.group for estimate in result.estimates} - {"pooled"}
    line = f"{len(states)} estimates of {len(groups)} groups: " + ", ".join(f"{n} {s}" for s, n in counts.items())
    return {"estimates": len(states), **counts, "line": line}

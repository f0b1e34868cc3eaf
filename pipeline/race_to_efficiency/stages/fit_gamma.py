"""Stage fit_gamma: the as-of ledgers and kappa in, gamma.json and gamma_draws.parquet out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from race_to_efficiency import storage

if TYPE_CHECKING:
    from race_to_efficiency.settings.params import Workspace


def run(workspace: Workspace) -> dict[str, Any]:
    """Fit every component and route of gamma for the workspace's quarter.

    Raises
    ------
    InputMissing
        When ingest or fit_kappa has not run.
    UsageError
        When a route of params.yaml overlaps.
    """
    from race_to_efficiency.calibration.common.grades import counted
    from race_to_efficiency.calibration.gamma.roadmap import Kappas
    from race_to_efficiency.quarter.evaluation import Evaluation
    from race_to_efficiency.quarter.gamma_document import GAMMA_DOCUMENT, with_kappa
    from race_to_efficiency.quarter.here import memory_of, world_here
    from race_to_efficiency.quarter.lineage import Lineage
    from race_to_efficiency.quarter.world import GAMMA_TABLES

    evaluation = Evaluation(world_here(workspace, GAMMA_TABLES), memory_of(workspace.root))
    kappa = Kappas.of_document(storage.read_json(workspace.processed / "kappa.json"))
    document, lineage = with_kappa(evaluation, kappa), Lineage()
    lineage.add_nodes(evaluation, evaluation.ask(GAMMA_DOCUMENT))
    lineage.write(workspace.processed, "fit_gamma")
    storage.write_json(workspace.processed / "gamma.json", workspace.quarter.stamp | document)
    storage.write_parquet(workspace.processed / "gamma_draws.parquet", evaluation.ask(GAMMA_DOCUMENT).tables["draws"])
    states = [estimate["status"] for estimate in document["estimates"]]
    counts = {state: states.count(state) for state in ("trusted", "weak", "refused")}
    told = {"grades": counted(document["estimates"]), "routes": document["routes"]}
    return {"estimates": len(states), **counts, "told": told}

"""Stage fit_kappa: the as-of training runs in, kappa.json and kappa_draws.parquet out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from race_to_efficiency import storage

if TYPE_CHECKING:
    from race_to_efficiency.settings.params import Workspace


def run(workspace: Workspace) -> dict[str, Any]:
    """Fit kappa of every comparable group in every form, and pool the families.

    Raises
    ------
    InputMissing
        When ingest has not run.
    """
    from race_to_efficiency.calibration.common.grades import counted
    from race_to_efficiency.executors.place import place_here
    from race_to_efficiency.quarter.evaluation import Evaluation
    from race_to_efficiency.quarter.here import memory_of, world_here
    from race_to_efficiency.quarter.kappa_document import KAPPA_DOCUMENT
    from race_to_efficiency.quarter.lineage import Lineage
    from race_to_efficiency.quarter.world import KAPPA_TABLES

    evaluation = Evaluation(world_here(workspace, KAPPA_TABLES), memory_of(workspace.root), place=place_here())
    result, lineage = evaluation.ask(KAPPA_DOCUMENT), Lineage()
    lineage.add_nodes(evaluation, result)
    lineage.write(workspace.processed, "fit_kappa")
    storage.write_json(workspace.processed / "kappa.json", workspace.quarter.stamp | result.document)
    storage.write_parquet(workspace.processed / "kappa_draws.parquet", result.tables["draws"])
    estimates = result.document["estimates"]
    states = [estimate["status"] for estimate in estimates]
    counts = {state: states.count(state) for state in ("trusted", "weak", "refused")}
    groups = {estimate["group"] for estimate in estimates} - {"pooled"}
    return {"estimates": len(states), **counts, "told": {"groups": len(groups), "grades": counted(estimates)}}

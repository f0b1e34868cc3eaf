"""Node of the backtest: forecasts of larger runs' losses, made from nothing but the training runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from race_to_efficiency.quarter.node import Computed, Node
from race_to_efficiency.quarter.world import RUNS

if TYPE_CHECKING:
    import pandas as pd

    from race_to_efficiency.evaluation.weights import Learned
    from race_to_efficiency.quarter.node import NodeResult, Reading

RUN_COLUMNS = ("run_id", "group", "cluster", "released", "params", "tokens", "compute_flop", "loss_nats")
"""What a nested cut-off sees of a run."""


def losses_node(reading: Reading) -> Computed:
    """Backtest the losses of every group with enough runs; see `loss_targets.backtest_losses`."""
    from race_to_efficiency.evaluation.loss_targets import backtest_losses

    runs = reading.rows(RUNS, columns=RUN_COLUMNS, used=True)
    kappa = reading.settings("fit_kappa", only=("groups", "gates"))
    forecasts, learned = backtest_losses(runs, reading.settings("backtest"), reading.seed, kappa)
    weights = {name: one.to_json() for name, one in learned.items()}
    return Computed(weights, tables={"forecasts": forecasts} if len(forecasts) else {})


LOSSES = Node("backtest.losses", losses_node)


def loss_forecasts(result: NodeResult) -> tuple[pd.DataFrame, dict[str, Learned]]:
    """Return the forecasts with their outcomes, and what each group's were weighted by, as they were kept."""
    import pandas as pd

    from race_to_efficiency.evaluation.weights import Learned

    learned = {name: Learned.from_json(item) for name, item in result.document.items()}
    return result.tables.get("forecasts", pd.DataFrame()), learned

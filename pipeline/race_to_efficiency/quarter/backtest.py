"""Nodes of the backtest of larger runs' losses, made from nothing but the training runs: a group's fits, and all of it.

A cut-off in compute plays the part of an origin. What takes long is to fit below the cut-offs: each group's fits are
remembered, and a new group leaves those of the others. What the groups teach one another is worked out from them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from race_to_efficiency.quarter.node import Computed, Node
from race_to_efficiency.quarter.world import RUNS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from race_to_efficiency.evaluation.loss_fits import Fit
    from race_to_efficiency.evaluation.weights import Learned
    from race_to_efficiency.quarter.node import NodeResult
    from race_to_efficiency.quarter.reading import Reading

RUN_COLUMNS = ("run_id", "group", "cluster", "released", "params", "tokens", "compute_flop", "loss_nats")
"""What a nested cut-off sees of a run."""

FIT_COLUMNS = ("run_id", "group", "cluster", "params", "tokens", "compute_flop", "loss_nats")
"""What a fit below a cut-off sees of a run."""

PARAMETERS = ("A", "B", "E", "alpha", "beta")


def fits_node(reading: Reading, group: str) -> Computed:
    """Fit a group's law below every cut-off; see `loss_targets.group_fits`."""
    import pandas as pd

    from race_to_efficiency.evaluation.loss_targets import filled_runs, group_fits, group_runs

    runs = filled_runs(reading.rows(RUNS, where={"group": group}, columns=FIT_COLUMNS, used=True))
    settings = reading.settings("backtest", only=("loss",))
    # a group of another world may be asked for here, to see whether what was found there holds
    found = group_fits(group, group_runs(runs, group), settings, reading.seed) if len(runs) else []
    told = [
        {"cutoff": cut, "theta": fit.theta, "residual_log2": fit.residual_log2, "free": fit.free} for cut, fit in found
    ]
    frames = [pd.DataFrame(fit.replicates, columns=list(PARAMETERS)).assign(cutoff=cut) for cut, fit in found]
    return Computed(told, tables={"replicates": pd.concat(frames, ignore_index=True)} if frames else {})


def fits_of(result: NodeResult) -> list[tuple[float, Fit]]:
    """Return the fits of a group as they were kept, with the log2 compute of their cut-offs."""
    import numpy as np

    from race_to_efficiency.evaluation.loss_fits import Fit

    found = []
    for told in result.document:
        table = result.tables["replicates"]
        replicates = table.loc[table["cutoff"] == told["cutoff"], list(PARAMETERS)].to_numpy(dtype=np.float64)
        found.append((told["cutoff"], Fit(np.array(told["theta"]), replicates, told["residual_log2"], told["free"])))
    return found


def losses_node(reading: Reading) -> Computed:
    """Backtest the losses of every group with enough runs; see `loss_targets.backtest_losses`."""
    from race_to_efficiency.evaluation.loss_targets import backtest_losses

    runs = reading.rows(RUNS, columns=RUN_COLUMNS, used=True)
    kappa = reading.settings("fit_kappa", only=("groups", "gates"))
    settings = reading.settings("backtest")

    def fits(group: str) -> Sequence[tuple[float, Fit]]:
        return fits_of(reading.ask(FITS, group))

    forecasts, learned = backtest_losses(runs, settings, kappa, fits)
    weights = {name: one.to_json() for name, one in learned.items()}
    return Computed(weights, tables={"forecasts": forecasts} if len(forecasts) else {})


FITS = Node("backtest.fits", fits_node)

LOSSES = Node("backtest.losses", losses_node)


def groups_of(runs: pd.DataFrame) -> list[tuple[str]]:
    """Return the calls of `FITS` that `LOSSES` makes on some used rows."""
    from race_to_efficiency.evaluation.loss_targets import filled_runs

    return [(str(group),) for group in filled_runs(runs)["group"].drop_duplicates()]


def loss_forecasts(result: NodeResult) -> tuple[pd.DataFrame, dict[str, Learned]]:
    """Return the forecasts with their outcomes, and what each group's were weighted by, as they were kept."""
    import pandas as pd

    from race_to_efficiency.evaluation.weights import Learned

    learned = {name: Learned.from_json(item) for name, item in result.document.items()}
    return result.tables.get("forecasts", pd.DataFrame()), learned

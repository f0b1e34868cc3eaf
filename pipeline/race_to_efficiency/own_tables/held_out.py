"""The test a scaling law must pass: fitted to the smaller runs of a table, it predicts the larger ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.calibration.kappa.prediction import predicted
from race_to_efficiency.errors import UsageError
from race_to_efficiency.own_tables.efficient_runs import efficient_weights

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from race_to_efficiency.calibration.kappa.law import Law
    from race_to_efficiency.own_tables.run_table import RunTable
    from race_to_efficiency.settings.kappa import FrontierRule

HELD_OUT_LEVEL = 0.95


def split_below(table: RunTable, below: float) -> tuple[RunTable, NDArray[np.bool_]]:
    """Return the runs of at most so much compute, and which rows of the table those are.

    Parameters
    ----------
    table : RunTable
    below : float, FLOP

    Raises
    ------
    UsageError
        When the compute is not known, or no run lies on one of the two sides.
    """
    compute = table.quantities.get("compute_flop")
    if compute is None:
        raise UsageError("runs are held out by their compute, which this table does not tell", where=table.name)
    small = np.asarray(compute <= below, dtype=np.bool_)
    if small.all() or not small.any():
        raise UsageError(
            f"{'every' if small.all() else 'no'} run has at most {below:.4g} FLOP",
            where=table.name,
            why=f"compute goes from {compute.min():.4g} to {compute.max():.4g} FLOP",
            remedy="name a compute between the two, that leaves runs on both sides",
        )
    held = [(table.names[k], f"held out: compute above {below:.4g} FLOP") for k in np.flatnonzero(~small).tolist()]
    return table.without(~small, [reason for _, reason in held]), small


def held_out_rows(
    laws: Sequence[Law], rule: FrontierRule, table: RunTable, small: NDArray[np.bool_], *, tolerance_dex: float
) -> list[dict[str, Any]]:
    """Return how well each law of the smaller runs predicts the larger ones.

    Parameters
    ----------
    laws : sequence of Law
        Of the smaller runs.
    rule : {'pareto', 'isoflop_minima', 'all'}
        Which runs are efficient.
    table : RunTable
        All runs.
    small : (n,) bool
    tolerance_dex : float, decades
        Width of a compute budget, where the efficient runs are the best of each.

    Returns
    -------
    list of dict
        group, form, cutoff_flop, n_fitted, n_predicted, decades_beyond, errors of ln(loss) (positive: the runs are
        worse than predicted), coverage of the 95 % interval of a new run, and the runs one by one. A form on compute
        alone predicts efficient runs, and is judged by those.
    """
    quantities = table.quantities
    efficient = efficient_weights(rule, quantities, np.ones((1, len(table))), tolerance_dex)
    rows: list[dict[str, Any]] = []
    for law in laws:
        judged = ~small if law.form.terms > 1 else ~small & (efficient[0] > 0)
        if law.status == "refused" or not judged.any():
            continue
        says = predicted(law, [quantities[name][judged] for name in law.form.inputs], level=HELD_OUT_LEVEL)
        loss = quantities["loss"][judged]
        error = np.log(loss) - np.log(says.loss)
        covered = (says.new_low <= loss) & (loss <= says.new_high)
        runs = zip(np.flatnonzero(judged).tolist(), loss, says.loss, says.new_low, says.new_high, strict=True)
        rows.append(
            {
                "group": law.group,
                "form": law.form.name,
                "cutoff_flop": law.ranges["compute_flop"][1],
                "n_fitted": law.n_rows,
                "n_predicted": len(loss),
                "decades_beyond": float(says.decades_beyond.max()),
                "mean_error": float(error.mean()),
                "mean_absolute_error": float(np.abs(error).mean()),
                "worst_error": float(error[np.abs(error).argmax()]),
                "coverage": float(covered.mean()),
                "level": HELD_OUT_LEVEL,
                "runs": [
                    {"row": table.names[k], "loss": float(y), "predicted": float(p), "low": float(a), "high": float(b)}
                    for k, y, p, a, b in runs
                ],
            }
        )
    return rows

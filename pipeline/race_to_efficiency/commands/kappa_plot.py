"""The picture of ``race fit kappa``: runs and fits in loss against compute, and the residuals, as an SVG file."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

from race_to_efficiency import storage
from race_to_efficiency.visible import visible

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes

    from race_to_efficiency.calibration.kappa.group_fit import GroupFit
    from race_to_efficiency.own_tables.run_fit import TableFit

COLOURS = {"chinchilla": "#0b6e4f", "floor": "#b3541e", "power_law": "#3a4f9a"}


def write_plot(path: Path, found: TableFit) -> Path:
    """Write the figure: the same bytes for the same fits (no date, fixed element ids).

    Parameters
    ----------
    path : Path
        SVG file to write.
    found : TableFit
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    quantities = found.table.quantities
    with mpl.rc_context({"svg.hashsalt": "race fit kappa", "svg.fonttype": "none"}):
        figure = Figure(figsize=(8.0, 7.0), layout="constrained")
        top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=[2, 1])
        compute = quantities.get("compute_flop")
        if compute is not None:
            top.scatter(compute, quantities["loss"], s=10, color="#9a9a9a", label="runs")
        for fit in found.fits:
            _draw(top, bottom, fit)
        top.set(xscale="log", yscale="log", ylabel="loss, nats/token")
        top.set_title(visible(found.table.name), parse_math=False)
        bottom.set(xlabel="training compute, FLOP", ylabel="ln(observed) - ln(fitted)")
        bottom.axhline(0.0, color="#333333", linewidth=0.6)
        top.legend(frameon=False)
        stream = io.BytesIO()
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    return storage.write_bytes(path, stream.getvalue())


def _draw(top: Axes, bottom: Axes, fit: GroupFit) -> None:
    """Draw one form: its frontier law above, its residuals below."""
    from race_to_efficiency.calibration.kappa.compute_frontier import frontier_quantities

    form, theta, colour = fit.form, fit.record.theta, COLOURS[fit.form.name]
    bottom.scatter(fit.rows.quantities["compute_flop"], fit.record.residuals, s=8, color=colour, alpha=0.6)
    if not (np.isfinite(theta).all() and (theta[form.terms + form.floor :] > 0).all()):
        return
    grid = np.geomspace(*fit.rows.compute_range_flop, 100)
    law = [float(frontier_quantities(form, theta, compute)["loss_nats"]) for compute in grid]
    top.plot(grid, law, color=colour, label=f"{form.name}: kappa {fit.kappa:.3g}")

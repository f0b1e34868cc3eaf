"""The picture of ``race fit kappa``: runs and laws in loss against compute, and the residuals, as an SVG file."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from race_to_efficiency import storage
from race_to_efficiency.api.kappa_fit import COLOURS, KappaFit

if TYPE_CHECKING:
    from pathlib import Path


def write_plot(path: Path, found: KappaFit) -> Path:
    """Write the figure: the same bytes for the same fits (no date, fixed element ids).

    Parameters
    ----------
    path : Path
        SVG file to write.
    found : KappaFit
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context({"svg.hashsalt": "race fit kappa", "svg.fonttype": "none"}):
        figure = Figure(figsize=(8.0, 7.0), layout="constrained")
        top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=[2, 1])
        found.plot(top)
        top.set_xlabel("")
        for law in found.laws:
            bottom.scatter(law.compute_flop, law.residuals, s=8, color=COLOURS[law.form.name], alpha=0.6)
        bottom.set(xlabel="training compute, FLOP", ylabel="ln(observed) - ln(fitted)")
        bottom.axhline(0.0, color="#333333", linewidth=0.6)
        stream = io.BytesIO()
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    return storage.write_bytes(path, stream.getvalue())

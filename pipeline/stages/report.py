"""Stage report: everything the other stages wrote in; the report as page, paper, Markdown and data out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline import __version__, storage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.config import Workspace

FOLDER = "report"


def run(workspace: Workspace, *, formats: Sequence[str] = ("html", "pdf", "md")) -> dict[str, Any]:
    """Write the report of the workspace's quarter to data/processed/report.

    Parameters
    ----------
    workspace : Workspace
    formats : sequence of str
        html, pdf and md; numbers.json and the figures are always written.

    Returns
    -------
    dict
        What was written, in a few numbers, and the line shown as progress.

    Raises
    ------
    InputMissing
        When no stage before has run.
    """
    from pipeline.report.inputs import read_inputs
    from pipeline.report.report import make_report

    quarter = workspace.quarter
    inputs = read_inputs(workspace.processed, str(quarter), quarter.as_of, workspace.params)
    made = make_report(
        inputs,
        title=workspace.params.report.title,
        version=__version__,
        digests=inputs.digests,
        formats=formats,
    )
    folder = workspace.processed / FOLDER
    for name, data in made.files.items():
        storage.write_bytes(folder / name, data)
    forecast = workspace.processed / "forecast.parquet"
    if forecast.is_file():
        storage.write_bytes(folder / forecast.name, storage.read_bytes(forecast))
    size = len(made.files.get("report.html", b""))
    line = f"{made.numbers} numbers, {sum(name.endswith('.svg') for name in made.files)} figures, {size / 1e6:.2f} MB"
    if made.problems:
        line += f"; could not be written: {'; '.join(made.problems)}"
    return {"numbers": made.numbers, "problems": list(made.problems), "html_bytes": size, "line": line}

"""Stage report: everything the other stages wrote in; the report as page, paper and data, and DVC's metrics, out."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from race_to_efficiency import __version__, storage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from race_to_efficiency.settings.params import Workspace

STAGE = FOLDER = "report"

METRICS, PLOTS = "metrics.json", "plots"

MOST_DRAWINGS = 70
"""Charts that are remembered: those of four reports."""


@contextmanager
def nothing_collected() -> Iterator[None]:
    """Leave reference cycles alone: nearly all that a report makes lives until it is written.

    Looking through it again and again took an eighth of the stage's time, to free some 30 MB of finished drawings.
    """
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()  # with `unfreeze`: what lives by now counts as old, and is not looked through at once
        gc.unfreeze()
        if before:
            gc.enable()


@nothing_collected()
def run(workspace: Workspace) -> dict[str, Any]:
    """Write the report of the workspace's quarter to data/processed/report.

    Raises
    ------
    InputMissing
        When no stage before has run.
    ValueError
        When a number was made with an output of which no stage tells what it rests on.
    """
    from race_to_efficiency.quarter.answers import Answers
    from race_to_efficiency.quarter.lineage import Edges, gathered
    from race_to_efficiency.report.inputs import read_inputs
    from race_to_efficiency.report.metrics import flat_metrics, plot_tables
    from race_to_efficiency.report.report import make_report

    quarter = workspace.quarter
    inputs = read_inputs(workspace.processed, str(quarter), quarter.as_of, workspace.params)
    before = Edges.read(gathered(workspace.processed, without=STAGE))
    made = make_report(
        inputs,
        title=workspace.params.report.title,
        version=__version__,
        digests=inputs.digests,
        edges=before,
        drawings=Answers(workspace.root, "drawings", MOST_DRAWINGS),
    )
    made.lineage.write(workspace.processed, STAGE)
    files = dict(made.files)
    forecast = workspace.processed / "forecast.parquet"
    if forecast.is_file():
        files[forecast.name] = storage.read_bytes(forecast)
    storage.write_json(workspace.processed / METRICS, flat_metrics(inputs))
    plots = {name: table.to_csv(index=False).encode() for name, table in plot_tables(inputs).items()}
    fill(workspace.processed / PLOTS, plots)
    fill(workspace.processed / FOLDER, files)
    size = len(made.files.get("report.html", b""))
    told = {"figures": sum(name.endswith(".svg") for name in made.files)}
    return {"numbers": made.numbers, "problems": list(made.problems), "html_bytes": size, "told": told}


def fill(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files into a folder that holds nothing else."""
    for name, data in files.items():
        storage.write_bytes(folder / name, data)
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.relative_to(folder).as_posix() not in files:
            path.unlink()

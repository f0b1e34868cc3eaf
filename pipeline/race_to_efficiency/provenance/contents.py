"""What a published folder holds: the report, the records behind it, and what describes them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from race_to_efficiency import storage
from race_to_efficiency.errors import NOT_WRITTEN, DataInvalid, InputMissing
from race_to_efficiency.evaluation.published_inputs import earlier_files
from race_to_efficiency.loading.json_text import parse_json
from race_to_efficiency.parquet import parquet_bytes, parquet_frame
from race_to_efficiency.provenance import manifest
from race_to_efficiency.provenance.export import process_run_crate, prov_document
from race_to_efficiency.provenance.flow import quarter_flow
from race_to_efficiency.provenance.kept_files import as_kept, plain_name, unpacked
from race_to_efficiency.provenance.records import LINEAGE, SOURCES_FILE, source_list
from race_to_efficiency.provenance.stamps import require_own
from race_to_efficiency.quarter.lineage import Edges, gathered

if TYPE_CHECKING:
    from race_to_efficiency.settings.params import Workspace

INPUTS = "inputs/"
"""Where a published folder keeps inputs that are neither ledgers nor settings."""

REQUIRED = (
    "kappa.json",
    "gamma.json",
    "account.json",
    "milestones.parquet",
    "report/numbers.json",
    "report/report.html",
)
"""Generated files without which nothing is published."""

RECORDS = (
    "account.json",
    "anchors.json",
    "changes.json",
    "gamma.json",
    "headline.json",
    "kappa.json",
    "milestones.parquet",
    "scenarios.json",
    "scores.json",
    "scores.parquet",
    "statements.json",
    "statements.parquet",
    "track_record.json",
)
"""Generated files, beside the report's own, that a published folder keeps where the stages wrote them."""


def published_files(workspace: Workspace) -> dict[str, bytes]:
    """Return name -> bytes of all that the published folder will hold, but the manifest, its marks and its seals.

    Long records are named and packed as `kept_files.as_kept` says.

    Raises
    ------
    InputMissing, DataInvalid
        When the quarter was not run, or a file is of another quarter or too large.
    """
    require_own(workspace)
    for name in REQUIRED:
        if not (workspace.processed / name).is_file():
            raise InputMissing(
                f"{name} of {workspace.quarter} is not here",
                where=str(workspace.processed / name),
                remedy=f"race run --quarter {workspace.quarter}",
            )
    report = workspace.processed / "report"
    files = {
        path.relative_to(report).as_posix(): storage.read_bytes(path)
        for path in sorted(report.rglob("*"))
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(report).parts)
    }
    files |= {
        name: storage.read_bytes(workspace.processed / name)
        for name in RECORDS
        if name not in files and (workspace.processed / name).is_file()
    }
    files[LINEAGE] = parquet_bytes(gathered(workspace.processed))
    files |= {f"{INPUTS}{name}": data for name, data in input_files(workspace).items()}
    files[manifest.PARAMS] = storage.read_bytes(workspace.root / "params.yaml")
    files = as_kept(files)
    files |= _written(_descriptions(workspace, files))
    if NOT_WRITTEN.encode() in files.get("report.html", b""):
        raise DataInvalid(
            f"a part of the report of {workspace.quarter} could not be written",
            where="report.html",
            why="what is published says all it was to say",
            remedy="the report names the part and why, in its place",
        )
    for name, data in files.items():
        if len(data) > manifest.MAX_FILE_BYTES:
            raise DataInvalid(
                f"{name} is too large to publish",
                why=f"{len(data):,} bytes; published files are kept in git and may have {manifest.MAX_FILE_BYTES:,}",
            )
    return files


def input_files(workspace: Workspace) -> dict[str, bytes]:
    """Return the inputs beside ledgers and settings, by path under the checkout.

    These are the files the settings name (a user's scenarios) and what earlier publications stated.

    Raises
    ------
    InputMissing, DataInvalid
        When one is missing or lies outside the checkout: nobody could compute the quarter again.
    """
    names = getattr(getattr(workspace.params, "forecast", None), "scenario_files", ())
    root, quarter = workspace.root.resolve(), str(workspace.quarter)
    for name in names:
        if not (root / name).resolve().is_relative_to(root):
            raise DataInvalid(
                f"{name} lies outside the checkout",
                where="params.yaml: forecast.scenario_files",
                why="what a published quarter is computed from must be published with it",
                remedy="move it into the checkout",
            )
    stated = [path.relative_to(workspace.root).as_posix() for path in earlier_files(workspace.published, quarter)]
    return {name: storage.read_bytes(root / name) for name in [*names, *stated]}


def _descriptions(workspace: Workspace, files: dict[str, bytes]) -> dict[str, Any]:
    """Return the documents that describe a quarter: its sources, PROV-JSON, RO-Crate."""
    sources = source_list(workspace)
    files = {**files, **_written({SOURCES_FILE: sources})}
    edges = Edges.read(parquet_frame(files[LINEAGE]))
    flow = quarter_flow(workspace, files, sources["sources"], edges)
    provenance = prov_document(flow)
    files |= _written({"prov.json": provenance})
    crate = process_run_crate(quarter_flow(workspace, files, sources["sources"], edges))
    return {SOURCES_FILE: sources, "prov.json": provenance, "ro-crate-metadata.json": crate}


def _written(documents: dict[str, Any]) -> dict[str, bytes]:
    return as_kept({name: storage.record_lines(document).encode() for name, document in documents.items()})


def described_files(workspace: Workspace) -> dict[str, Any]:
    """Return those documents for the last run of a quarter that is not published.

    Raises
    ------
    InputMissing, DataInvalid
        When the quarter was not run.
    """
    files = published_files(workspace)
    kept = {plain_name(name): (name, data) for name, data in files.items()}
    wanted = {name: kept[name] for name in (SOURCES_FILE, "prov.json", "ro-crate-metadata.json")}
    return {name: parse_json(unpacked(data, Path(place)), name) for name, (place, data) in wanted.items()}

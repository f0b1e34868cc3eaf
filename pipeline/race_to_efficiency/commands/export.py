"""``race export``: a quarter's provenance and the ledgers' description in public formats."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from race_to_efficiency import storage
from race_to_efficiency.commands import export_hub, terminal
from race_to_efficiency.commands.output_files import output_file
from race_to_efficiency.errors import InputMissing, UsageError
from race_to_efficiency.loading.json_text import parse_json

if TYPE_CHECKING:
    from race_to_efficiency.settings.params import Workspace

EXPORTS = ("crate", "prov", "datapackage", "citations", "hub", "release-notes")
AS_TEXT = ("citations", "release-notes")
"""Exports that are lines of text, unless JSON is asked for."""

PUBLISHED_AS = {"crate": "ro-crate-metadata.json", "prov": "prov.json", "citations": "sources.json"}


def register(app: typer.Typer) -> None:
    """Add the verb ``export``."""

    @app.command(epilog="Example: race export prov --quarter 2026Q1 --output prov.json")
    def export(
        kind: Annotated[
            str, typer.Argument(help="crate (RO-Crate), prov (PROV-JSON), datapackage, citations, hub, release-notes")
        ],
        quarter: Annotated[str | None, typer.Option(help="another quarter than params.yaml's")] = None,
        output: Annotated[
            Path | None,
            typer.Option("--output", "-o", help="file to write (hub: a folder; ledgers: .zip); else stdout"),
        ] = None,
        as_json: Annotated[bool, typer.Option("--json", help="one JSON document on stdout (citations too)")] = False,
    ) -> None:
        """Write a quarter's provenance as RO-Crate or PROV-JSON, the ledgers as a data package, citations, or a hub.

        A hub is hubverse's: all quarters' forecasts and outcomes; on stdout its tasks.json. Release notes are Markdown:
        what changed since the quarter before (rows, estimates, forecasts), each change divided among its causes.
        """
        from race_to_efficiency.settings.params import find_root, open_workspace

        if kind not in EXPORTS:
            raise UsageError(f"there is no export '{kind}'", why=f"the kinds are {', '.join(EXPORTS)}")
        workspace = open_workspace(find_root(Path.cwd()), quarter)
        if kind == "hub" and output is not None:
            export_hub.write_folder(output, export_hub.hub_files(workspace))
            return
        target = output_file(output, "--output")
        if kind == "datapackage" and target is not None and target.suffix == ".zip":
            storage.write_bytes(target, package(workspace))
            return
        document = make(kind, workspace)
        lines = document[kind.replace("-", "_")] if kind in AS_TEXT and not as_json else None
        if target is not None:
            text = storage.dumps(document) if lines is None else "".join(f"{line}\n" for line in lines)
            storage.write_text(target, text)
        elif lines is None:
            terminal.document(document)
        else:
            terminal.lines(lines)


def package(workspace: Workspace) -> bytes:
    """Return the ledgers as a zip that stands alone: a data package with dictionary and licence."""
    from race_to_efficiency.ledger.archive import packed
    from race_to_efficiency.provenance.datapackage import LICENCE, package_files

    return packed(package_files(workspace.raw, storage.read_bytes(workspace.root / LICENCE)))


def make(kind: str, workspace: Workspace) -> dict[str, Any]:
    """Return the document of one kind for a quarter: as published, else of its last run here."""
    from race_to_efficiency.provenance import published_files
    from race_to_efficiency.provenance.contents import described_files
    from race_to_efficiency.provenance.records import open_records
    from race_to_efficiency.provenance.sources import citation_line
    from race_to_efficiency.report.annex.changes import CHANGES_TITLE

    if kind == "datapackage":
        from race_to_efficiency.provenance.datapackage import datapackage

        return datapackage(workspace.raw)
    if kind == "hub":
        tasks: dict[str, Any] = parse_json(export_hub.hub_files(workspace)["hub-config/tasks.json"], "tasks.json")
        return tasks
    records = open_records(workspace)
    if kind == "release-notes":
        report = published_files.published_bytes(records.path("report.md")).decode("utf-8")
        return {"quarter": records.quarter, "release_notes": section(report, CHANGES_TITLE)}
    name = PUBLISHED_AS[kind]
    document: dict[str, Any] = (
        published_files.published_json(records.folder / name) if records.published else described_files(workspace)[name]
    )
    if kind == "citations":
        return {"quarter": records.quarter, "citations": [citation_line(source) for source in document["sources"]]}
    return document


def section(page: str, title: str) -> list[str]:
    """Return the lines of a section of a Markdown page with what stands below it; pictures, which lie beside it, not.

    Raises
    ------
    InputMissing
        When the page has no such section.
    """
    lines = page.splitlines()
    if f"## {title}" not in lines:
        raise InputMissing(f"the report has no section '{title}'", remedy="race diff compares any two quarters")
    start = lines.index(f"## {title}")
    inside = itertools.takewhile(lambda line: not line.startswith("## "), lines[start + 1 :])
    return [lines[start], *(line for line in inside if not line.startswith("!["))]

"""``race report``: render a quarter's report again and say where it is, or open it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from race_to_efficiency.commands import terminal
from race_to_efficiency.errors import InputMissing, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from race_to_efficiency.commands.kept_records import Rendered
    from race_to_efficiency.settings.params import Workspace

FORMATS = ("html", "pdf", "md")


def register(app: typer.Typer) -> None:
    """Add the verb ``report``."""

    @app.command(epilog="Example: race report --quarter 2025Q4 --format pdf --open")
    def report(
        quarter: Annotated[str | None, typer.Option(help="another quarter than params.yaml's, e.g. 2025Q4")] = None,
        form: Annotated[str, typer.Option("--format", help="html, pdf or md: which file to name and open")] = "html",
        open_it: Annotated[bool, typer.Option("--open", help="open it with the program the system has for it")] = False,
        as_json: Annotated[bool, typer.Option("--json", help="one JSON document on stdout")] = False,
    ) -> None:
        """Render the report from the quarter's files (page, paper, Markdown, numbers, figures) and name its path.

        A published quarter that was not run here is not rendered: its published file is named. The index page of all
        published quarters is brought up to date.
        """
        from pathlib import Path

        from race_to_efficiency.settings.params import find_root, open_workspace

        if form not in FORMATS:
            raise UsageError(f"there is no format '{form}'", why=f"the formats are {', '.join(FORMATS)}")
        workspace = open_workspace(find_root(Path.cwd()), quarter)
        folder, note = rendered(workspace)
        index = write_index(workspace)
        path = folder / f"report.{form}"
        shown: Rendered = {
            "quarter": str(workspace.quarter),
            "format": form,
            "path": path.relative_to(workspace.root).as_posix(),
            "bytes": path.stat().st_size,
            "index": None if index is None else index.relative_to(workspace.root).as_posix(),
            "note": note,
        }
        if as_json:
            terminal.document(shown)
        else:
            terminal.line(str(shown["path"]))
            if note:
                terminal.progress(note)
        if open_it:
            typer.launch(str(path))


def rendered(workspace: Workspace) -> tuple[Path, str]:
    """Return the folder of the report, rendered again where the quarter's files are here, and a note.

    Raises
    ------
    InputMissing
        When the quarter was neither run here nor published.
    """
    from race_to_efficiency import checkout
    from race_to_efficiency.commands.corridor import run_stage
    from race_to_efficiency.commands.installed_report import install_report
    from race_to_efficiency.provenance import registry
    from race_to_efficiency.provenance.stamps import require_own

    if (workspace.processed / "kappa.json").exists():
        require_own(workspace)
        with checkout.locked(workspace.root, f"race report {workspace.quarter}"):
            run_stage("report", workspace)
            page, note = install_report(workspace)
        return page.parent, note
    entry = registry.latest(registry.read_entries(workspace.reports), str(workspace.quarter))
    if entry is None:
        raise InputMissing(
            f"{workspace.quarter} was neither run here nor published",
            where=str(workspace.processed),
            remedy=f"race run --quarter {workspace.quarter}",
        )
    return workspace.reports / entry.folder, f"{entry.folder} as it was published"


def write_index(workspace: Workspace) -> Path | None:
    """Write reports/index.html when there is a registry; return its path."""
    from race_to_efficiency import storage
    from race_to_efficiency.provenance import registry
    from race_to_efficiency.report.index import render_index

    entries = registry.read_entries(workspace.reports)
    if not entries:
        return None
    told = [{**entry.to_json(), **headline_of(workspace.reports / entry.folder)} for entry in entries]
    newest = max(entries, key=lambda entry: (entry.quarter, entry.revision))
    record = record_lines(workspace.reports / newest.folder)
    page = render_index(told, title=workspace.params.report.title, record=record)
    return storage.write_text(workspace.reports / "index.html", page)


def headline_of(folder: Path) -> dict[str, Any]:
    """Return a published quarter's finding and its loss above the floor in five years; nothing without a brief."""
    from race_to_efficiency.commands.views import BRIEF
    from race_to_efficiency.provenance import published_files
    from race_to_efficiency.provenance.kept_files import is_kept
    from race_to_efficiency.report.annex.headline import SENTENCE_YEARS

    if not is_kept(folder / BRIEF):
        return {}
    rows = published_files.published_json(folder / "headline.json")
    loss = [row["point"] for row in rows if row["reading"] == "reducible" and row["years"] == SENTENCE_YEARS]
    finding = published_files.published_json(folder / BRIEF)["finding"]
    return {"finding": finding, "loss": loss[0] if loss else None}


def record_lines(folder: Path) -> list[str]:
    """Return how earlier statements did, as the newest quarter says it: a sentence for each set that came due."""
    from race_to_efficiency.provenance import published_files
    from race_to_efficiency.provenance.kept_files import is_kept

    if not is_kept(folder / "track_record.json"):
        return []
    totals = published_files.published_json(folder / "track_record.json").get("totals", ())
    return [
        f"{item['name']}: {item['settled']} of {item['due']} statements that were due have settled; "
        f"{item['inside_80']} of {item['in_80_of']} fell inside their 8-in-10 range, "
        f"{item['better']} of {item['with_baseline']} beat doing nothing."
        for item in totals
        if item["due"]
    ]

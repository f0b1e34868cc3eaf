"""``race show``: the estimates, gamma's routes, the scores or the statements of a quarter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.config import Workspace

VIEWS = ("estimates", "gamma", "scores", "statements")


def register(app: typer.Typer) -> None:
    """Add the verb ``show``."""

    @app.command(epilog="Example: race show gamma --quarter 2025Q2 --json")
    def show(
        view: Annotated[str, typer.Argument(help="estimates, gamma, scores or statements")] = "estimates",
        quarter: Annotated[str | None, typer.Option(help="another quarter than params.yaml's, e.g. 2025Q2")] = None,
        as_json: Annotated[bool, typer.Option("--json", help="one JSON document on stdout")] = False,
    ) -> None:
        """Show what was estimated, by which routes, how it scored, or what was stated."""
        from pathlib import Path

        from pipeline import storage
        from pipeline.config import find_root, open_workspace

        if view not in VIEWS:
            raise UsageError(f"there is no view '{view}'", why=f"the views are {', '.join(VIEWS)}")
        workspace = open_workspace(find_root(Path.cwd()), quarter)
        document = {
            "quarter": str(workspace.quarter),
            "as_of": workspace.quarter.as_of.isoformat(),
            **READERS[view](workspace),
        }
        if as_json:
            typer.echo(storage.dumps(document), nl=False)
        else:
            print_view(view, document)


def locate(workspace: Workspace, name: str) -> Path:
    """Return a quarter's file: of its last run here, else of its published folder.

    Raises
    ------
    InputMissing
        When the quarter was neither run here nor published.
    """
    from pipeline.commands.corridor import require_processed
    from pipeline.provenance.registry import newest_folder

    published = newest_folder(workspace.reports, str(workspace.quarter))
    if published is not None and not (workspace.processed / name).exists():
        return published / name
    return require_processed(workspace, name)


def read_estimates(workspace: Workspace) -> dict[str, Any]:
    """Return every estimate of kappa and gamma."""
    from pipeline import storage

    documents = [storage.read_json(locate(workspace, name)) for name in ("kappa.json", "gamma.json")]
    return {"estimates": [item for document in documents for item in document["estimates"]]}


def read_gamma(workspace: Workspace) -> dict[str, Any]:
    """Return gamma's components, routes and tables."""
    from pipeline import storage

    document = storage.read_json(locate(workspace, "gamma.json"))
    return {key: value for key, value in document.items() if key not in ("quarter", "as_of")}


def read_scores(workspace: Workspace) -> dict[str, Any]:
    """Return the scorecard of the backtest."""
    from pipeline import storage

    return {"scores": storage.read_json(locate(workspace, "scores.json"))["scores"]}


def read_statements(workspace: Workspace) -> dict[str, Any]:
    """Return the quarter's dated statements."""
    from pipeline import storage

    return {"statements": storage.read_json(locate(workspace, "statements.json"))["statements"]}


READERS = {
    "estimates": read_estimates,
    "gamma": read_gamma,
    "scores": read_scores,
    "statements": read_statements,
}


def print_view(view: str, document: dict[str, Any]) -> None:
    """Print a view as a table for a person."""
    from rich.console import Console

    from pipeline.commands.tables import interval_text, number_text, table_of

    console = Console()
    if view in ("estimates", "gamma"):
        rows = [
            (
                item["id"],
                number_text(item["value"]),
                interval_text(item["intervals"], 0.95).replace("\\", ""),
                item["unit"],
                item["n_rows"],
                item["status"],
            )
            for item in document["estimates"]
        ]
        columns = ("id", "value", "95 % interval", "unit", "rows", "status")
        console.print(table_of(f"Estimates as of {document['as_of']}", columns, rows))
    else:
        items = document[view]
        columns = tuple(items[0]) if items else ("nothing",)
        console.print(table_of(f"{view} of {document['quarter']}", columns, [tuple(item.values()) for item in items]))

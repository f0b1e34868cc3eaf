"""``race show``: the headline, the estimates, gamma's routes, the scores or the statements of a quarter."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Annotated, Any

import typer

from race_to_efficiency.commands import terminal
from race_to_efficiency.errors import InputMissing, UsageError
from race_to_efficiency.visible import SCREEN_WIDTH

if TYPE_CHECKING:
    from pathlib import Path

    from race_to_efficiency.settings.params import Workspace

BRIEF = "brief.json"
VIEWS = ("headline", "estimates", "gamma", "scores", "statements")


def register(app: typer.Typer) -> None:
    """Add the verb ``show``."""

    @app.command(epilog="Example: race show gamma --quarter 2025Q2 --json")
    def show(
        view: Annotated[str, typer.Argument(help="headline, estimates, gamma, scores or statements")] = "estimates",
        quarter: Annotated[str | None, typer.Option(help="another quarter than params.yaml's, e.g. 2025Q2")] = None,
        details: Annotated[bool, typer.Option("--details", help="scores, statements: everything behind them")] = False,
        as_json: Annotated[bool, typer.Option("--json", help="one JSON document on stdout")] = False,
    ) -> None:
        """Show the brief on one screen, what was estimated, by which routes, how it scored, or what was stated."""
        from pathlib import Path

        from race_to_efficiency.ledger.freshness import freshness
        from race_to_efficiency.settings.params import find_root, open_workspace

        if view not in VIEWS:
            raise UsageError(f"there is no view '{view}'", why=f"the views are {', '.join(VIEWS)}")
        workspace = open_workspace(find_root(Path.cwd()), quarter)
        document = {
            "quarter": str(workspace.quarter),
            "as_of": workspace.quarter.as_of.isoformat(),
            **READERS[view](workspace),
            "freshness": [item.to_json() for item in freshness(workspace.raw, workspace.quarter.as_of)],
        }
        if as_json:
            terminal.document(document)
        else:
            print_view(view, document, details=details)
            for text in freshness_lines(document) if view != "headline" else ():
                terminal.line(text, "dim")


def locate(workspace: Workspace, name: str) -> Path:
    """Return a quarter's file: of its last run here, else of its published folder.

    Raises
    ------
    InputMissing
        When the quarter was neither run here nor published.
    """
    from race_to_efficiency.commands.corridor import require_processed
    from race_to_efficiency.provenance.registry import newest_folder

    published = newest_folder(workspace.reports, str(workspace.quarter))
    if published is not None and not (workspace.processed / name).exists():
        return published / name
    return require_processed(workspace, name)


def read_headline(workspace: Workspace) -> dict[str, Any]:
    """Return the brief: the finding, its lines for a screen, its numbers.

    Raises
    ------
    InputMissing
        When the quarter was not run here, or was published before there was a brief.
    """
    from race_to_efficiency.provenance import published_files

    path = locate(workspace, f"report/{BRIEF}")
    if not path.is_file():
        path = path.parents[1] / BRIEF  # a published folder keeps the report's files beside the records
    if not path.is_file():
        raise InputMissing(
            f"{workspace.quarter} was published before reports had a brief",
            where=str(path),
            remedy=f"race run --quarter {workspace.quarter} makes one from today's code",
        )
    found: dict[str, Any] = published_files.published_json(path)
    return found


def read_estimates(workspace: Workspace) -> dict[str, Any]:
    """Return every estimate of kappa and gamma."""
    from race_to_efficiency.provenance import published_files

    documents = [published_files.published_json(locate(workspace, name)) for name in ("kappa.json", "gamma.json")]
    return {"estimates": [item for document in documents for item in document["estimates"]]}


def read_gamma(workspace: Workspace) -> dict[str, Any]:
    """Return gamma's components, routes and tables."""
    from race_to_efficiency.provenance import published_files

    document = published_files.published_json(locate(workspace, "gamma.json"))
    return {key: value for key, value in document.items() if key not in ("quarter", "as_of")}


def read_scores(workspace: Workspace) -> dict[str, Any]:
    """Return the scorecard of the backtest, and how earlier statements did, as they were made."""
    from race_to_efficiency.evaluation.track_record import completed
    from race_to_efficiency.provenance import published_files

    names = ("scores.json", "track_record.json")
    scores, record = (published_files.published_json(locate(workspace, name)) for name in names)
    document = completed(scores, record, workspace.quarter.as_of)
    return {key: value for key, value in document.items() if key not in ("quarter", "as_of")}


def read_stated(workspace: Workspace) -> dict[str, Any]:
    """Return the quarter's dated statements."""
    from race_to_efficiency.evaluation.statements import read_statements
    from race_to_efficiency.provenance import published_files

    found = read_statements(published_files.published_json(locate(workspace, "statements.json"))["statements"])
    return {"statements": [item.to_json() for item in found]}


READERS = {
    "headline": read_headline,
    "estimates": read_estimates,
    "gamma": read_gamma,
    "scores": read_scores,
    "statements": read_stated,
}


def freshness_lines(document: dict[str, Any]) -> list[str]:
    """Return the newest row of each ledger, with its age at the quarter's end, in lines of 80 characters."""
    told = []
    for item in document["freshness"]:
        day, age = item["newest_recorded"], item["age_days"]
        told.append(f"{item['table']} {'has none yet' if day is None else f'{day} ({age} days)'}")
    return textwrap.wrap(f"Newest entry of each ledger by {document['as_of']}: {', '.join(told)}", SCREEN_WIDTH)


def print_view(view: str, document: dict[str, Any], *, details: bool) -> None:
    """Print a view for a person."""
    from race_to_efficiency.commands.scores_view import print_scores
    from race_to_efficiency.commands.tables import digits_text, interval_text

    if view in ("estimates", "gamma"):
        rows = [
            (
                item["id"],
                digits_text(item["value"]),
                interval_text(item["intervals"], 0.95),
                item["unit"],
                item["n_rows"],
                item["status"],
            )
            for item in document["estimates"]
        ]
        columns = ("id", "value", "95 % interval", "unit", "rows", "status")
        terminal.table(f"Estimates as of {document['as_of']}", columns, rows)
    elif view == "headline":
        print_headline(document)
    elif view == "scores":
        print_scores(document, details=details)
    else:
        print_statements(document, details=details)


def print_headline(document: dict[str, Any]) -> None:
    """Print the brief: the finding, and a paragraph a part."""
    for text in textwrap.wrap(f"{document['finding']}.", SCREEN_WIDTH):
        terminal.line(text, "bold")
    for text in document["lines"]:
        terminal.line(text)
    terminal.line(f"Data to {document['as_of']}. The rest: reports/{document['quarter']}/report.html", "dim")


def print_statements(document: dict[str, Any], *, details: bool) -> None:
    """Print the statements in plain words, with their sources and rules on request."""
    terminal.line(f"Statements of {document['quarter']}: {len(document['statements'])}")
    for item in document["statements"]:
        terminal.line(f"- {item.get('plain') or item['what'] + ': ' + stated_words(item)}")
        if details:
            rate = item.get("rate") or {}
            told = (
                item["id"],
                f"source: {item['resolution_source']}",
                f"rule: {item['resolution_rule']}",
                rate.get("why"),
            )
            for text in told:
                if text:
                    terminal.line(f"    {text}")
    if not details:
        terminal.line("Sources and rules: race show statements --details")


def stated_words(item: dict[str, Any]) -> str:
    """Return what a statement says: a probability, or a median with its 95 % interval and unit."""
    from race_to_efficiency.commands.tables import digits_text

    if item["probability"] is not None:
        return f"probability {item['probability']:.2f}"
    dates, levels = item["dates"], item["quantiles"] or {}
    shown = dates or {level: digits_text(value, 3) for level, value in levels.items()}
    middle, low, high = (shown.get(level) or "never" for level in ("0.5", "0.025", "0.975"))
    return f"{middle} ({low} to {high})" + ("" if dates else f" {item['unit']}")

"""``race show``: the brief, the scenarios, what is due, gamma's routes, the estimates, the scores or the statements."""

from __future__ import annotations

import textwrap
from functools import partial
from typing import Annotated, Any

import typer

from race_to_efficiency.commands import terminal
from race_to_efficiency.commands.views import VIEWS
from race_to_efficiency.errors import UsageError
from race_to_efficiency.visible import SCREEN_WIDTH

WORDS = f"{', '.join(list(VIEWS)[:-1])} or {list(VIEWS)[-1]}"


def register(app: typer.Typer) -> None:
    """Add the verb ``show``."""

    @app.command(epilog="Example: race show estimates --quarter 2025Q2 --symbol kappa_total --json")
    def show(
        view: Annotated[str, typer.Argument(help=WORDS)] = "estimates",
        quarter: Annotated[str | None, typer.Option(help="another quarter than params.yaml's, e.g. 2025Q2")] = None,
        symbol: Annotated[
            str | None, typer.Option(help="estimates, gamma, routes: only this, e.g. kappa_total")
        ] = None,
        group: Annotated[str | None, typer.Option(help="estimates, gamma: only of this group or component")] = None,
        target: Annotated[str | None, typer.Option(help="scores, due, statements: only this, e.g. fp8")] = None,
        scenario: Annotated[str | None, typer.Option(help="scenarios: only this")] = None,
        status: Annotated[str | None, typer.Option(help="only in this state, e.g. weak")] = None,
        details: Annotated[bool, typer.Option("--details", help="every row, and what is behind it")] = False,
        as_json: Annotated[bool, typer.Option("--json", help="one JSON document on stdout")] = False,
    ) -> None:
        """Show one view of a quarter on one screen; options pick rows by any part of their name."""
        from pathlib import Path

        from race_to_efficiency.ledger.freshness import freshness
        from race_to_efficiency.settings.params import find_root, open_workspace

        if view not in VIEWS:
            raise UsageError(f"there is no view '{view}'", why=f"the views are {WORDS}")
        workspace = open_workspace(find_root(Path.cwd()), quarter)
        picks = {
            "--symbol": symbol, "--group": group, "--target": target, "--scenario": scenario, "--status": status,
        }  # fmt: skip
        document = {
            **workspace.quarter.stamp,
            **VIEWS[view].pick(VIEWS[view].read(workspace), picks),
            "freshness": [item.to_json() for item in freshness(workspace.raw, workspace.quarter.as_of)],
        }
        printer = partial(print_view, view, details=details, picked=any(picks.values()))
        terminal.tell(document, printer, as_json=as_json)


def print_view(view: str, document: dict[str, Any], *, details: bool, picked: bool) -> None:
    """Print a view for a person."""
    from race_to_efficiency.commands.scores_view import print_scores
    from race_to_efficiency.commands.screens import screen, statement_details

    foot = freshness_lines(document)
    if view == "headline":
        print_headline(document)
    elif view == "scores":
        print_scores(document, foot, details=details, picked=picked)
    elif view == "statements" and details:
        terminal.lines((*statement_details(document), *foot))
    else:
        terminal.lines(screen(view, document, foot, details=details))


def freshness_lines(document: dict[str, Any]) -> list[str]:
    """Return the newest row of each ledger, with its age at the quarter's end, in lines of 80 characters."""
    told = []
    for item in document["freshness"]:
        day, age = item["newest_recorded"], item["age_days"]
        told.append(f"{item['table']} {'has none yet' if day is None else f'{day} ({age} days)'}")
    return textwrap.wrap(f"Newest entry of each ledger by {document['as_of']}: {', '.join(told)}", SCREEN_WIDTH)


def print_headline(document: dict[str, Any]) -> None:
    """Print the brief: the finding, and a paragraph a part."""
    for text in textwrap.wrap(f"{document['finding']}.", SCREEN_WIDTH):
        terminal.line(text, "bold")
    terminal.lines(document["lines"])
    terminal.line(f"Data to {document['as_of']}. The rest: reports/{document['quarter']}/report.html", "dim")

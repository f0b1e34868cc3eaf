"""``race show``: the estimates, gamma's routes, the scores or the statements of a quarter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from race_to_efficiency.commands import terminal
from race_to_efficiency.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from race_to_efficiency.settings.params import Workspace

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

        from race_to_efficiency.settings.params import find_root, open_workspace

        if view not in VIEWS:
            raise UsageError(f"there is no view '{view}'", why=f"the views are {', '.join(VIEWS)}")
        workspace = open_workspace(find_root(Path.cwd()), quarter)
        document = {
            "quarter": str(workspace.quarter),
            "as_of": workspace.quarter.as_of.isoformat(),
            **READERS[view](workspace),
        }
        if as_json:
            terminal.document(document)
        else:
            print_view(view, document)


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


def read_estimates(workspace: Workspace) -> dict[str, Any]:
    """Return every estimate of kappa and gamma."""
    from race_to_efficiency.provenance import published_files

    documents = [published_files.read_json(locate(workspace, name)) for name in ("kappa.json", "gamma.json")]
    return {"estimates": [item for document in documents for item in document["estimates"]]}


def read_gamma(workspace: Workspace) -> dict[str, Any]:
    """Return gamma's components, routes and tables."""
    from race_to_efficiency.provenance import published_files

    document = published_files.read_json(locate(workspace, "gamma.json"))
    return {key: value for key, value in document.items() if key not in ("quarter", "as_of")}


def read_scores(workspace: Workspace) -> dict[str, Any]:
    """Return the scorecard of the backtest, and how earlier publications' statements did, as published.

    Beside each published statement stands what today's code states for its quarter, where that was run here.
    """
    from race_to_efficiency.evaluation.backtesting import LEDGERS
    from race_to_efficiency.evaluation.origin_views import LedgerViews
    from race_to_efficiency.evaluation.track_record import (
        growths_of,
        read_published,
        score_published_quarters,
        track_record,
    )
    from race_to_efficiency.provenance import published_files

    scores = published_files.read_json(locate(workspace, "scores.json"))["scores"]
    earlier, day = read_published(workspace.published, str(workspace.quarter)), workspace.quarter.as_of
    if not earlier:
        return {"scores": scores, "published": [], "publications": []}
    scored = score_published_quarters(
        earlier,
        LedgerViews.read(workspace.raw, LEDGERS, day),
        day,
        workspace.params.statements,
        recomputed=workspace.root / "data" / "processed",
        own_growths={str(workspace.quarter): growths_of(published_files.read_json(locate(workspace, "gamma.json")))},
    )
    return {"scores": scores, **track_record(scored)}


def read_statements(workspace: Workspace) -> dict[str, Any]:
    """Return the quarter's dated statements."""
    from race_to_efficiency.provenance import published_files

    return {"statements": published_files.read_json(locate(workspace, "statements.json"))["statements"]}


READERS = {
    "estimates": read_estimates,
    "gamma": read_gamma,
    "scores": read_scores,
    "statements": read_statements,
}


def print_view(view: str, document: dict[str, Any]) -> None:
    """Print a view as a table for a person."""
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
    elif view == "scores":
        terminal.table(f"Scores of {document['quarter']}", SCORE_COLUMNS, score_cells(document["scores"]))
        settled = [row for row in document["published"] if row["status"] == "resolved"]
        title = f"Published statements settled by {document['as_of']}, scored as published"
        terminal.table(title, RECORD_COLUMNS, record_cells(settled))
        for item in document["publications"]:
            terminal.line(
                f"{item['publication']}: {item['resolved']} of {item['n']} settled, {item['open']} open, "
                f"{item['void']} void, {item['by_hand']} to be settled by hand; {item['better_than_baseline']} of "
                f"{item['with_baseline']} did better than their baseline"
            )
    else:
        made = [(item["what"], item["by"], stated(item)) for item in document["statements"]]
        titles = ("what", "by", "probability, or median and 95 %")
        terminal.table(f"Statements of {document['quarter']}", titles, made)


SCORE_COLUMNS = ("target", "quarters", "vintage", "n", "n eff", "WIS", "skill", "50/80/95 %", "verdict")


def score_cells(rows: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    """Return the scorecard's cells; skill is against the last value with the spread of its past changes."""
    from race_to_efficiency.commands.tables import digits_text

    return [
        (
            row["target"],
            str(row["horizon_quarters"]),
            row["vintage"],
            str(row["n"]),
            digits_text(row["n_eff"], 3),
            digits_text(row["wis"], 3),
            digits_text(row["skill"], 2),
            "/".join(digits_text(row[f"interval_coverage_{level}"], 2) for level in (50, 80, 95)),
            row["verdict"],
        )
        for row in rows
    ]


RECORD_COLUMNS = ("published statement", "stated, came out", "score, baseline's, today's code's", "drift of method")


def record_cells(rows: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    """Return the cells of settled statements; scores are smaller the better: Brier, or weighted interval score."""
    from race_to_efficiency.commands.tables import digits_text

    return [
        (
            f"{row['publication']}: {row['what']}",
            ", ".join(digits_text(row[key], 3) for key in ("median", "observed")),
            ", ".join(digits_text(row[key], 2) for key in ("score", "score_baseline", "score_today")),
            row["drift"],
        )
        for row in rows
    ]


def stated(item: dict[str, Any]) -> str:
    """Return what a statement says: a probability, or a median with its 95 % interval and unit."""
    from race_to_efficiency.commands.tables import digits_text

    if item["probability"] is not None:
        return f"probability {item['probability']:.2f}"
    dates, levels = item["dates"], item["quantiles"] or {}
    shown = dates or {level: digits_text(value, 3) for level, value in levels.items()}
    middle, low, high = (shown.get(level) or "never" for level in ("0.5", "0.025", "0.975"))
    return f"{middle} ({low} to {high})" + ("" if dates else f" {item['unit']}")

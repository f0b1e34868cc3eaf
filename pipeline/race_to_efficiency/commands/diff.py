"""``race diff``: what changed between two quarters in the data, the estimates and the forecast, and why."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from race_to_efficiency.commands import terminal
from race_to_efficiency.commands.places import Scheduler, Workers, computing
from race_to_efficiency.comparison.rounding import NOTHING


def register(app: typer.Typer) -> None:
    """Add the verb ``diff``."""

    @app.command(epilog="Example: race diff 2025Q4 2026Q1")
    def diff(
        before: Annotated[str, typer.Argument(help="the earlier quarter")],
        after: Annotated[str, typer.Argument(help="the later quarter")],
        rows: Annotated[bool, typer.Option("--rows/--no-rows", help="name the rows behind each part")] = True,
        workers: Workers = None,
        scheduler: Scheduler = None,
        as_json: Annotated[bool, typer.Option("--json", help="one JSON document on stdout")] = False,
    ) -> None:
        """Tell what moved between two quarters and why; the parts of every change are refits and sum to it."""
        from pathlib import Path

        from race_to_efficiency.provenance.quarters import compare
        from race_to_efficiency.settings.params import find_root, open_workspace
        from race_to_efficiency.units import Quarter

        root = find_root(Path.cwd())
        if Quarter.parse(before).as_of > Quarter.parse(after).as_of:
            terminal.progress(f"{before} is later than {after}: every change below runs backwards in time")
        with computing(workers, scheduler):
            document = compare(open_workspace(root, before), open_workspace(root, after), name_changed_rows=rows)
        terminal.tell(document, print_difference, as_json=as_json)


def print_difference(document: dict[str, Any]) -> None:
    """Print the three tables for a person: data, estimates with their parts, forecasts."""
    from race_to_efficiency.commands.tables import digits_text

    title = f"{document['from']['quarter']} -> {document['to']['quarter']}"
    causes = ("added", "revised", "withdrawn", "reclassified", "entered_late")
    data = [
        (table, *(str(diff["counts"][cause]) for cause in causes))
        for table, diff in document["data"].items()
        if any(diff["counts"].values())
    ]
    titles = ["ledger", *(cause.replace("_", " ") for cause in causes)]
    terminal.table(f"Data, {title}: rows by what happened to them", titles, data)
    moved = [item for item in document["estimates"] if item["delta"] and abs(item["delta"]) > NOTHING]
    estimates = [
        (
            item["id"],
            digits_text(item["old"]),
            digits_text(item["new"]),
            signed(item["delta"]),
            causes_text(item),
            "; ".join(
                f"{row['row']} {signed(row['effect'])}" if row["effect"] is not None else row["row"]
                for part in item["parts"]
                for row in part["rows"][:2]
            ),
        )
        for item in sorted(moved, key=lambda item: item["id"])
    ]
    columns = ("estimate", "old", "new", "change", "because of", "largest rows")
    terminal.table(f"Estimates, {title}: every part is a refit", columns, estimates)
    one_sided = [item for item in document["estimates"] if item["delta"] is None]
    terminal.line(f"{len(document['estimates']) - len(moved) - len(one_sided)} estimates did not move.")
    for word, side in (("new", "old"), ("gone", "new")):
        names = [item["id"] for item in one_sided if item[side] is None]
        if names:
            terminal.line(f"{len(names)} {'is' if len(names) == 1 else 'are'} {word}: {', '.join(names)}")
    if document["forecasts_missing"]:
        terminal.line(document["forecasts_missing"])
    else:
        forecasts = [
            (
                row["reading"],
                f"{row['years']:g}",
                digits_text(row["old"]),
                digits_text(row["new"]),
                signed(row["delta"]),
                causes_text(row),
            )
            for row in document["forecasts"]
        ]
        headings = ("reading", "years", "old median", "new median", "change", "because of")
        terminal.table(f"Relative loss, {title}", headings, forecasts)


def causes_text(item: dict[str, Any]) -> str:
    """Return the causes that did something, each with its part."""
    parts = [part for part in item["parts"] if abs(part["value"]) > NOTHING]
    return ", ".join(f"{part['cause'].replace('_', ' ')} {signed(part['value'])}" for part in parts)


def signed(value: float) -> str:
    """Return a number with its sign and three significant digits."""
    return f"{value:+.3g}"

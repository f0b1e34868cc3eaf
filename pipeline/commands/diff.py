"""``race diff``: what changed between two quarters in the data, the estimates and the forecast, and why."""

from __future__ import annotations

from typing import Annotated, Any

import typer


def register(app: typer.Typer) -> None:
    """Add the verb ``diff``."""

    @app.command(epilog="Example: race diff 2025Q4 2026Q1")
    def diff(
        before: Annotated[str, typer.Argument(help="the earlier quarter")],
        after: Annotated[str, typer.Argument(help="the later quarter")],
        rows: Annotated[bool, typer.Option("--rows/--no-rows", help="name the rows behind each part")] = True,
        as_json: Annotated[bool, typer.Option("--json", help="one JSON document on stdout")] = False,
    ) -> None:
        """Tell what moved between two quarters and why; the parts of every change are refits and sum to it."""
        from pathlib import Path

        from pipeline import storage
        from pipeline.config import find_root, open_workspace
        from pipeline.provenance.difference import compare

        root = find_root(Path.cwd())
        document = compare(open_workspace(root, before), open_workspace(root, after), name_changed_rows=rows)
        if as_json:
            typer.echo(storage.dumps(document), nl=False)
        else:
            print_difference(document)


def print_difference(document: dict[str, Any]) -> None:
    """Print the three tables for a person: data, estimates with their parts, forecasts."""
    from rich.console import Console

    from pipeline.commands.tables import number_text, table_of

    console = Console()
    title = f"{document['from']['quarter']} -> {document['to']['quarter']}"
    causes = ("added", "revised", "withdrawn", "reclassified")
    data = [
        (table, *(str(diff["counts"][cause]) for cause in causes))
        for table, diff in document["data"].items()
        if any(diff["counts"].values())
    ]
    console.print(table_of(f"Data, {title}: rows by what happened to them", ("ledger", *causes), data))
    moved = [item for item in document["estimates"] if item["delta"]]
    estimates = [
        (
            item["id"],
            number_text(item["old"]),
            number_text(item["new"]),
            signed(item["delta"]),
            ", ".join(f"{part['cause']} {signed(part['value'])}" for part in item["parts"] if part["value"]),
            "; ".join(
                f"{row['row']} {signed(row['effect'])}" if row["effect"] is not None else row["row"]
                for part in item["parts"]
                for row in part["rows"][:2]
            ),
        )
        for item in sorted(moved, key=lambda item: item["id"])
    ]
    columns = ("estimate", "old", "new", "change", "because of", "largest rows")
    console.print(table_of(f"Estimates, {title}: every part is a refit", columns, estimates))
    same = sum(item["delta"] == 0 for item in document["estimates"])
    console.print(f"{same} estimates did not move.")
    for item in document["estimates"]:
        if item["delta"] is None:
            side = "new" if item["old"] is None else "gone"
            console.print(f"{item['id']} is {side}: {number_text(item['old'] if side == 'gone' else item['new'])}")
    if document["forecasts_missing"]:
        console.print(document["forecasts_missing"])
    else:
        forecasts = [
            (
                row["reading"],
                f"{row['years']:g}",
                number_text(row["old"]),
                number_text(row["new"]),
                signed(row["delta"]),
            )
            for row in document["forecasts"]
        ]
        names = ("reading", "years", "old median", "new median", "change")
        console.print(table_of(f"Relative loss, {title}", names, forecasts))


def signed(value: float) -> str:
    """Return a number with its sign and three significant digits."""
    return f"{value:+.3g}"

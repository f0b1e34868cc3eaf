"""What ``race audit`` tells a person: each outcome as text and tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from race_to_efficiency.commands.tables import interval_text, number_text, status_text, table_of

if TYPE_CHECKING:
    from collections.abc import Mapping

SHOWN_DIFFERENCES = 20


def print_trace(document: Mapping[str, Any], *, rows: bool) -> None:
    """Print where a number comes from."""
    from rich.console import Console
    from rich.markup import escape

    from race_to_efficiency.provenance.sources import citation_line, count_rows
    from race_to_efficiency.report.forecasts import LIMIT_WORDS

    console = Console()
    for item in document.get("readings", [document]):
        reading = f" ({item['reading']} reading)" if item.get("reading") else ""
        value = "never," if item.get("unreachable") else number_text(item["value"], 6)
        console.print(
            f"[bold]{escape(item['target'])}[/bold]{reading} = {value} {escape(item['unit'])}  "
            f"95 % {interval_text(item['intervals'], 0.95)}  {status_text(item['status'])}"
        )
        if item.get("reason"):
            console.print(f"  {escape(item['reason'])}")
        for reason in item["reasons"]:
            console.print(f"  because {escape(LIMIT_WORDS.get(reason, reason))}")
        console.print(f"  computed by {escape(str(item['computed_by']))}; data as of {item['as_of']}")
    _print_rows(console, document, listed=rows)
    console.print("  sources:")
    for source in document["sources"]:
        dates = f"released {source['released'] or 'unknown'}, recorded {source['recorded']}"
        console.print(f"    {count_rows(source)} rows from {escape(citation_line(source))} {dates}.", soft_wrap=True)
    for file in document["code"]["files"]:
        state = {True: "as published", False: "CHANGED since publication", None: "not published"}[file["unchanged"]]
        console.print(f"  code {file['file']}  {file['sha256'][:16]}  {state}")
    _print_chain(console, document["chain"])


def _print_rows(console: Any, document: Mapping[str, Any], *, listed: bool) -> None:
    from rich.markup import escape

    found = document["rows"]
    console.print(
        f"  rows: {found['used']} used, {found['excluded']} excluded{'' if listed else ' (--rows lists them)'}"
    )
    for item in found["most_influential"]:
        change = number_text(item["change"])
        console.print(f"  without {escape(', '.join(item['rows']))}: {change} on {escape(item['estimate'])}")
    if listed:
        for row in found["used_ids"]:
            console.print(f"    used {escape(row)}")
        for row in found["excluded_ids"]:
            console.print(f"    excluded {escape(row['row'])}: {escape(row['reason'])}")


def _print_chain(console: Any, chain: Mapping[str, Any]) -> None:
    if not chain["published"]:
        console.print(f"  chain: {chain['note']}")
        return
    state = "intact" if chain["intact"] else f"BROKEN at {chain['first_bad']['artefact']}"
    console.print(
        f"  chain: number {chain['number']} of {chain['length']}, {chain['quarter']} revision {chain['revision']}, "
        f"manifest {str(chain['manifest_sha256'])[:16]}, {chain['signature']}, {state}"
    )


def print_verification(document: Mapping[str, Any]) -> None:
    """Print what holds, what does not, and what cannot be known."""
    from rich.console import Console
    from rich.markup import escape

    console = Console()
    columns = ("quarter", "revision", "files", "signature", "holds")
    cells = [
        (item["quarter"], item["revision"], item["files"], item["signature"], "yes" if item["holds"] else "NO")
        for item in document["quarters"]
    ]
    console.print(table_of("Published quarters", columns, cells))
    for line in document["holds"]:
        console.print(f"  holds: {escape(line)}")
    for note in document["notes"]:
        console.print(f"  note: {escape(note)}")
    for item in document["warnings"]:
        console.print(f"  [yellow]warning[/yellow] {escape(item['artefact'])}: {escape(item['what'])}")
    for index, item in enumerate(document["broken"]):
        label = "first bad artefact" if index == 0 else "also bad"
        console.print(f"[red]{label}[/red] {escape(item['artefact'])}: {escape(item['what'])}")
        console.print(f"  restore: {escape(item['restore'])}")
    console.print("Everything published verifies." if document["verified"] else "[red]Verification failed.[/red]")


def print_rederivation(document: Mapping[str, Any]) -> None:
    """Print what came out again, what did not, and which input changed."""
    from rich.console import Console
    from rich.markup import escape

    console = Console()
    counts = ", ".join(f"{count} in {name}" for name, count in document["compared"].items())
    console.print(f"{document['quarter']} computed again; compared: {counts or 'nothing'}")
    for note in document["notes"]:
        console.print(f"  note: {escape(note)}")
    for item in document["causes"]:
        colour = "red" if item["level"] == "broken" else "yellow"
        console.print(f"  [{colour}]{item['level']}[/{colour}] {escape(item['artefact'])}: {escape(item['what'])}")
    differences = document["differences"]
    if differences:
        columns = ("file", "number", "published", "recomputed", "relative")
        cells = [
            (item["where"], item["name"], item["published"], item["recomputed"], number_text(item["relative"], 3))
            for item in differences[:SHOWN_DIFFERENCES]
        ]
        counts = ", ".join(f"{count} in {name}" for name, count in document["different"].items())
        console.print(table_of(f"Different: {counts}. The report's numbers first, the largest first", columns, cells))
    within = "identical" if document["tolerance"] == 0 else f"within {document['tolerance']:g} relative"
    console.print(f"Every number comes out again, {within}." if document["agrees"] else "[red]It does not agree.[/red]")


def print_explanation(document: Mapping[str, Any]) -> None:
    """Print an estimate's change and its parts."""
    from rich.console import Console

    console = Console()
    for item in document["estimates"]:
        name = item.get("id") or item["symbol"]
        if item["delta"] == 0 and not any(part["value"] for part in item["parts"]):
            console.print(f"{name} did not move: {number_text(item['new'])}")
            continue
        if item["delta"] is None:
            word, value = ("new", item["new"]) if item["old"] is None else ("gone", item["old"])
            console.print(f"{name} is {word}: {number_text(value)}")
            continue
        title = (
            f"{name}: {number_text(item['old'])} -> {number_text(item['new'])} (change {number_text(item['delta'])})"
        )
        cells = [
            (part["cause"], number_text(part["value"]), ", ".join(str(row.get("row", row)) for row in part["rows"][:5]))
            for part in item["parts"]
        ]
        console.print(table_of(title, ("cause", "share of the change", "rows"), cells))

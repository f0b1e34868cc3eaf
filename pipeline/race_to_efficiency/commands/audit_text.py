"""What ``race audit`` tells a person: each outcome as text and tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from race_to_efficiency.commands import terminal
from race_to_efficiency.commands.tables import digits_text, interval_text

if TYPE_CHECKING:
    from collections.abc import Mapping

SHOWN_DIFFERENCES = 20


def print_trace(document: Mapping[str, Any], *, rows: bool) -> None:
    """Print where a number comes from."""
    from race_to_efficiency.provenance.sources import citation_line, count_rows
    from race_to_efficiency.report.forecasts import LIMIT_WORDS

    if document["kind"] == "row":
        _print_reaches(document)
    for item in document.get("readings", [document] if document["kind"] != "row" else []):
        reading = f" ({item['reading']} reading)" if item.get("reading") else ""
        value = "never," if item.get("unreachable") else digits_text(item["value"], 6)
        words = f"{reading} = {value} {item['unit']}  {_intervals(item)}  {item['grade'] or 'no grade'}"
        terminal.labelled(item["target"], words, "bold")
        if item.get("text"):
            terminal.line(f"  shown as {_as_shown(item)}")
        if item.get("reason"):
            terminal.line(f"  {item['reason']}")
        terminal.lines(f"  because {LIMIT_WORDS.get(reason, reason)}" for reason in item["reasons"])
        terminal.line(f"  computed by {item['computed_by']}; data as of {item['as_of']}")
    _print_rows(document, listed=rows)
    terminal.line("  sources:")
    for source in document["sources"]:
        dates = f"released {source['released'] or 'unknown'}, recorded {source['recorded']}"
        terminal.line(f"    {count_rows(source)} rows from {citation_line(source)} {dates}.")
    for file in document["code"]["files"]:
        state = {True: "as published", False: "CHANGED since publication", None: "not published"}[file["unchanged"]]
        terminal.line(f"  code {file['file']}  {file['sha256'][:16]}  {state}")
    _print_chain(document["chain"])


def _intervals(item: Mapping[str, Any]) -> str:
    """Return a number's intervals, the narrowest level first, one a level; or that it has none."""
    levels = sorted({interval["level"] for interval in item["intervals"]})
    return (
        "  ".join(f"{100 * level:g} % {interval_text(item['intervals'], level)}" for level in levels) or "no interval"
    )


def _as_shown(item: Mapping[str, Any]) -> str:
    """Return a number as the report shows it, with the ends of the intervals that stand beside it there."""
    ends = (f"{100 * end['level']:g} % {end['low']} to {end['high']}" for end in item.get("interval_texts", ()))
    return ", ".join((item["text"], *ends))


def _print_reaches(document: Mapping[str, Any]) -> None:
    """Print what a ledger row takes part in; data as of which day."""
    terminal.labelled(document["target"], f"  a ledger row; data as of {document['as_of']}", "bold")
    for words, names in document["reaches"].items():
        terminal.line(f"  {words} it takes part in: {', '.join(names) or 'none'}")


def _print_rows(document: Mapping[str, Any], *, listed: bool) -> None:

    found = document["rows"]
    terminal.line(
        f"  rows: {found['used']} used, {found['excluded']} excluded{'' if listed else ' (--rows lists them)'}"
    )
    for item in found["most_influential"]:
        change = digits_text(item["change"])
        terminal.line(f"  without {', '.join(item['rows'])}: {change} on {item['estimate']}")
    if listed:
        terminal.lines(f"    used {row}" for row in found["used_ids"])
        terminal.lines(f"    excluded {row['row']}: {row['reason']}" for row in found["excluded_ids"])


def _print_chain(chain: Mapping[str, Any]) -> None:
    if not chain["published"]:
        terminal.line(f"  chain: {chain['note']}")
        return
    state = "intact" if chain["intact"] else f"BROKEN at {chain['first_bad']['artefact']}"
    terminal.line(
        f"  chain: number {chain['number']} of {chain['length']}, {chain['quarter']} revision {chain['revision']}, "
        f"manifest {str(chain['manifest_sha256'])[:16]}, {chain['signature']}, {state}"
    )


def print_verification(document: Mapping[str, Any]) -> None:
    """Print what holds, what does not, and what cannot be known."""
    terminal.line(document["notes"][0])
    if document["head"]:
        terminal.line(f"head of the chain: {document['head']}")
    columns = ("quarter", "revision", "files", "signature", "holds")
    cells = [
        (item["quarter"], item["revision"], item["files"], item["signature"], "yes" if item["holds"] else "NO")
        for item in document["quarters"]
    ]
    terminal.table("Published quarters", columns, cells)
    terminal.lines(f"  holds: {line}" for line in document["holds"])
    terminal.lines(f"  unsealed: {item['artefact']}: {item['why']}" for item in document["unsealed"])
    terminal.lines(f"  note: {note}" for note in document["notes"][1:])
    for item in document["warnings"]:
        terminal.labelled("  warning", f" {item['artefact']}: {item['what']}")
    for index, item in enumerate(document["broken"]):
        label = "first bad artefact" if index == 0 else "also bad"
        terminal.labelled(label, f" {item['artefact']}: {item['what']}", "red")
        terminal.line(f"  restore: {item['restore']}")
    good = document["verified"]
    terminal.line("Everything published verifies." if good else "Verification failed.", None if good else "red")


def print_rederivation(document: Mapping[str, Any]) -> None:
    """Print what came out again, what did not, and which input changed."""
    counts = ", ".join(f"{count} in {name}" for name, count in document["compared"].items())
    terminal.line(f"{document['quarter']} computed again; compared: {counts or 'nothing'}")
    terminal.lines(f"  note: {note}" for note in document["notes"])
    for item in document["causes"]:
        terminal.labelled(f"  {item['level']}", f" {item['artefact']}: {item['what']}")
    differences = document["differences"]
    if differences:
        columns = ("file", "number", "published", "recomputed", "relative")
        cells = [
            (item["where"], item["name"], item["published"], item["recomputed"], digits_text(item["relative"], 3))
            for item in differences[:SHOWN_DIFFERENCES]
        ]
        counts = ", ".join(f"{count} in {name}" for name, count in document["different"].items())
        terminal.table(f"Different: {counts}. The report's numbers first, the largest first", columns, cells)
    within = "identical" if document["tolerance"] == 0 else f"within {document['tolerance']:g} relative"
    good = document["agrees"]
    terminal.line(f"Every number comes out again, {within}." if good else "It does not agree.", None if good else "red")


def print_explanation(document: Mapping[str, Any]) -> None:
    """Print an estimate's change and its parts."""
    for item in document["estimates"]:
        name = item.get("id") or item["symbol"]
        if item["delta"] == 0 and not any(part["value"] for part in item["parts"]):
            terminal.line(f"{name} did not move: {digits_text(item['new'])}")
            continue
        if item["delta"] is None:
            word, value = ("new", item["new"]) if item["old"] is None else ("gone", item["old"])
            terminal.line(f"{name} is {word}: {digits_text(value)}")
            continue
        title = (
            f"{name}: {digits_text(item['old'])} -> {digits_text(item['new'])} (change {digits_text(item['delta'])})"
        )
        cells = [
            (part["cause"], digits_text(part["value"]), ", ".join(str(row.get("row", row)) for row in part["rows"][:5]))
            for part in item["parts"]
        ]
        terminal.table(title, ("cause", "share of the change", "rows"), cells)

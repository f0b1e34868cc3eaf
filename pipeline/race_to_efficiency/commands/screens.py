"""The views of ``race show`` as lines of a screen: none wider than eighty characters, no name broken across two."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from race_to_efficiency.calibration.common.grades import confidence_of
from race_to_efficiency.commands.tables import digits_text, estimate_cells
from race_to_efficiency.visible import SCREEN_WIDTH, visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MOST_LINES = 40
"""Lines of a screen."""

GAP = 2
"""Blanks between two columns."""


def listing(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[list[str]]:
    """Return a table as its lines, each row's of its own: names to the left, values to the right.

    A column's title begins with ``>`` where it holds values. A row whose name leaves no room for its values has them
    on a second line, so that a name can be copied whole.

    Parameters
    ----------
    columns : sequence of str
    rows : sequence of sequence of str

    Returns
    -------
    list of list of str, the titles' line first
    """
    table = [[visible(cell) for cell in row] for row in ([title.lstrip(">") for title in columns], *rows)]
    rest = [max(len(row[place]) for row in table) for place in range(1, len(columns))]
    room = max(SCREEN_WIDTH - sum(rest) - GAP * len(rest), 0)
    name = max((len(row[0]) for row in table if len(row[0]) <= room), default=0)
    made = []
    for first, *cells in table:
        told = (
            cell.rjust(width) if title.startswith(">") else cell.ljust(width)
            for cell, width, title in zip(cells, rest, columns[1:], strict=True)
        )
        values = "".join(" " * GAP + cell for cell in told).rstrip()
        made.append([f"{first:<{name}}{values}"] if len(first) <= name else [first, " " * name + values])
    return made


def fitted(blocks: Sequence[Sequence[str]], room: int, more: str) -> Iterator[str]:
    """Yield the lines of as many blocks as there is room for; what is left out is counted, and how to see it said."""
    lines = [line for block in blocks for line in block]
    if len(lines) <= room:
        yield from lines
        return
    shown = 0
    for place, block in enumerate(blocks):
        if shown + len(block) > room - 1:
            yield f"... and {len(blocks) - place} more: {more}"
            return
        yield from block
        shown += len(block)


def estimate_lines(document: dict[str, Any]) -> tuple[str, list[list[str]], str]:
    """Return the title of the estimates, their rows, and how the others are reached: what is pooled comes first."""
    found = sorted(document["estimates"], key=lambda item: not pooled(item))
    rows = [
        (item["id"], *estimate_cells(item), item["unit"], str(item["n_rows"]), confidence_of(item)) for item in found
    ]
    columns = ("estimate", ">value", ">95 % interval", "unit", ">rows", "confidence")
    lines = [*beside_default(document.get("routes", ())), *listing(columns, rows)]
    return f"Estimates as of {document['as_of']}", lines, "--symbol kappa_total, --group, --status"


def beside_default(routes: Sequence[dict[str, Any]]) -> list[list[str]]:
    """Return in a line how far the other routes on the basis of the default one lie from it; none where there are none.

    Parameters
    ----------
    routes : sequence of dict
        route, basis, value and default of each.
    """
    default = next((item for item in routes if item["default"] and item["value"] is not None), None)
    if default is None:
        return []
    others = [
        item["value"]
        for item in routes
        if item is not default and item["basis"] == default["basis"] and item["value"] is not None
    ]
    if not others:
        return []
    ends = " to ".join(dict.fromkeys(f"{value:.2f}" for value in (min(others), max(others))))
    return [[f"route {default['route']} gives {default['value']:.2f}, the other routes per {default['basis']} {ends}"]]


def pooled(item: dict[str, Any]) -> bool:
    """Tell whether an estimate is one that forecasts rest on: a pool, a mixture or a route."""
    return item["symbol"] == "gamma_route" or any(word in item["id"].split(".") for word in ("pooled", "mixture"))


def route_lines(document: dict[str, Any]) -> tuple[str, list[list[str]], str]:
    """Return gamma by route: doublings a year with both intervals, and in words what each is made of and leaves out."""
    rows, words = [], []
    for item in document["routes"]:
        levels = item["quantiles"] or {}
        inner = bracket(levels.get("0.1"), levels.get("0.9"))
        name = f"{item['route']}{' (the headline)' if item['default'] else ''}"
        values = (digits_text(item["value"], 3), inner, bracket(item.get("low"), item.get("high")))
        refused = item["status"] == "refused"
        rows.append((name, *(("refused", "-", "-") if refused else values), item["basis"], confidence_of(item)))
        omits = f"; leaves out {', '.join(item['omits'])}" if item["omits"] else ""
        words.append(indented(f"{item['title']}{omits}"))
    first, *others = listing(("route", ">doublings/yr", ">80 %", ">95 %", "per", "confidence"), rows)
    blocks = [first, *([*row, *said] for row, said in zip(others, words, strict=True))]
    lines = [*beside_default(document["routes"]), *blocks]
    return f"Gamma by route, as of {document['as_of']}", lines, "--symbol A_frontier"


def scenario_lines(document: dict[str, Any]) -> tuple[str, list[list[str]], str]:
    """Return each scenario: energy, loss above its floor and whole loss, as shares of today's, after some years."""
    rows, words = [], []
    last = max((item["t"] for row in document["scenarios"] for item in row["results"]), default=0.0)
    for row in document["scenarios"]:
        found = {item["reading"]: item for item in row["results"] if item["t"] == last}
        energy = f"1/{short(1 / found['energy']['point'])}" if "energy" in found else "-"
        loss, whole = (
            digits_text(found[name]["point"], 3) if name in found else "-" for name in ("reducible", "total")
        )
        ends = found["reducible"]["quantiles"] if "reducible" in found else {}
        grade = next((confidence_of(item) for item in found.values() if item["reading"] != "energy"), "-")
        rows.append((row["scenario"], energy, loss, bracket(ends.get("0.1"), ends.get("0.9")), whole, grade))
        words.append(indented(row["title"]))
    first, *others = listing(("scenario", ">energy", ">r", ">8 of 10", ">R", "confidence"), rows)
    blocks = [first, *([*one, *said] for one, said in zip(others, words, strict=True))]
    title = f"Scenarios as of {document['as_of']}: shares of today's {last:g} years on; r: loss above floor"
    return title, blocks, "--scenario hare"


def due_lines(document: dict[str, Any]) -> tuple[str, list[list[str]], str]:
    """Return what is awaited: what comes due next first, then what is overdue, the latest first."""
    ahead = [row for row in document["due"] if row["status"] == "open"]
    past = [row for row in document["due"] if row["status"] != "open"]
    rows = [
        (row["id"], row["by"] if row in ahead else f"{row['by']}, {row['status']}", *said_cells(row))
        for row in (*ahead, *reversed(past))
    ]
    columns = ("statement", "by", ">said", ">8 of 10", "unit")
    title = f"Outcomes awaited on {document['as_of']}: {len(ahead)} to come, {len(past)} past their day"
    return title, listing(columns, rows), "--target frontier_power, --status overdue"


def statement_lines(document: dict[str, Any]) -> tuple[str, list[list[str]], str]:
    """Return the quarter's statements, one a row."""
    rows = []
    for item in document["statements"]:
        levels = item["quantiles"] or {}
        ends = {"median": levels.get("0.5") if item["probability"] is None else item["probability"]}
        ends |= {"low80": levels.get("0.1"), "high80": levels.get("0.9")}
        day = {name: item["dates"].get(level) or "never" for name, level in DATED} if item["dates"] else {}
        rows.append((item["id"], item["by"], *said_cells({**item, **ends, **day})))
    title = f"Statements of {document['quarter']}: {len(rows)}"
    return title, listing(("statement", "by", ">said", ">8 of 10", "unit"), rows), "--target frontier"


def statement_details(document: dict[str, Any]) -> Iterator[str]:
    """Yield every statement in plain words, with its source and its rule."""
    yield f"Statements of {document['quarter']}: {len(document['statements'])}"
    for item in document["statements"]:
        yield from textwrap.wrap(f"- {item.get('plain') or item['what']}", SCREEN_WIDTH, subsequent_indent="  ")
        rate = item.get("rate") or {}
        told = (f"source: {item['resolution_source']}", f"rule: {item['resolution_rule']}", rate.get("why") or "")
        yield f"    {item['id']}"
        yield from (line for text in told for line in indented(text))


DATED = (("median", "0.5"), ("low80", "0.1"), ("high80", "0.9"))


def said_cells(row: dict[str, Any]) -> tuple[str, str, str]:
    """Return what a statement says: its median and 80 % range with their unit, or the chance of an event."""
    if row["kind"] == "probability":
        return (f"{row['median']:.0%}" if row["median"] is not None else "-", "chance", "")
    middle, low, high = (row[name] for name, _ in DATED)
    return (short(middle), bracket(low, high), "" if row["unit"] == "1" else row["unit"])


def short(value: float | str | None) -> str:
    """Return a value with two digits, or a date as it is."""
    if isinstance(value, str):
        return value
    return "-" if value is None else f"{float(f'{value:.2g}'):g}".replace("e+", "e")


def bracket(low: float | str | None, high: float | str | None) -> str:
    """Return the ends of an interval with few digits; a dash where there is none."""
    if low is None and high is None:
        return "-"
    return f"{short(low)} to {short(high)}"


def indented(text: str) -> list[str]:
    """Return words under a row."""
    return textwrap.wrap(visible(text), SCREEN_WIDTH, initial_indent="  ", subsequent_indent="  ")


LISTED = {
    "scenarios": scenario_lines,
    "due": due_lines,
    "routes": route_lines,
    "estimates": estimate_lines,
    "gamma": estimate_lines,
    "statements": statement_lines,
}
"""View to its title, its rows, and an example of what picks among them."""


def screen(view: str, document: dict[str, Any], foot: Sequence[str], *, details: bool) -> Iterator[str]:
    """Yield a listed view on one screen with its foot, or with ``details`` every row of it."""
    title, blocks, example = LISTED[view](document)
    yield title
    room = len(blocks) * MOST_LINES if details else MOST_LINES - 1
    yield from fitted(blocks, room, f"{example}; all: --details")
    if details or sum(map(len, blocks)) + len(foot) <= room:
        yield from foot

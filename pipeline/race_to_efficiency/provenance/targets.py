"""What can be traced: a symbol, R at a horizon, an estimate, a number of the report, a row of the forecast."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from race_to_efficiency.errors import UsageError
from race_to_efficiency.units import Quarter

if TYPE_CHECKING:
    import pandas as pd

    from race_to_efficiency.provenance.records import QuarterRecords

TraceKind = Literal["estimate", "number", "forecast", "row"]

_QUARTER_AT_END = re.compile(r"@(\d{4}[Qq][1-4])$")
_RELATIVE_LOSS = re.compile(r"^([Rr])\(\s*([0-9]+(?:\.[0-9]+)?)\s*(?:y|yr|yrs|year|years)?\s*\)$")

TRACED_TABLES = ("forecast", "milestones")
"""Tables a row can be selected from: ``forecast:column=value,...``."""

HEADLINE = {"scenario_id": "constant_power", "anchor": "frontier_trend"}
"""The curve meant by ``R(5)``: the report's headline scenario and anchor."""

READING_TARGETS = {"total": ("relative_loss", "total"), "reducible": ("reducible_loss", "reducible")}
"""Reading -> (target, form) of the forecast table."""


@dataclass(frozen=True)
class TraceTarget:
    """One thing to trace.

    Parameters
    ----------
    kind : {'estimate', 'number', 'forecast', 'row'}
    name : str
        Estimate id, number id, ``TABLE/ID``, or the words that select forecast rows.
    reading : str
        ``total`` or ``reducible`` where the forecast is meant in one reading.
    row : int or None
        Position in the table.
    table : {'forecast', 'milestones'}
    """

    kind: TraceKind
    name: str
    reading: str = ""
    row: int | None = None
    table: str = "forecast"


def split_quarter(text: str) -> tuple[str, str | None]:
    """Return the target without its ``@QUARTER``, and the quarter (None when none is named)."""
    match = _QUARTER_AT_END.search(text)
    return (text[: match.start()], str(Quarter.parse(match[1]))) if match else (text, None)


def resolve(name: str, records: QuarterRecords) -> list[TraceTarget]:
    """Return what a name means in a quarter; ``R(5)`` means two targets, one a reading.

    Raises
    ------
    UsageError
        When nothing bears that name; the nearest names are listed.
    """
    relative = _RELATIVE_LOSS.match(name)
    if relative:
        readings = ("reducible",) if relative[1] == "r" else ("total", "reducible")
        return [_headline_row(records, name, float(relative[2]), reading) for reading in readings]
    table = name.partition(":")[0]
    if table in TRACED_TABLES and ":" in name:
        return [_selected_row(records, name, table)]
    if name in records.numbers:
        return [TraceTarget("number", name)]
    if name in records.estimates:
        return [TraceTarget("estimate", name)]
    if f"{name.partition('/')[0]}.csv" in records.ledgers:
        return [TraceTarget("row", name)]
    estimate = _by_symbol(records, name)
    if estimate is not None:
        return [TraceTarget("estimate", estimate)]
    raise UsageError(
        f"'{name}' is neither a symbol, an estimate, a number nor a forecast row of {records.quarter}",
        why=f"near it: {', '.join(_near(name, records)) or 'nothing'}",
        remedy="try gamma, kappa_total, kappa_reducible, R(5), an id of `race show`, a data-id of report.html, or "
        "forecast:scenario_id=constant_power,horizon=5,form=total,output_type_id=0.5",
    )


def _by_symbol(records: QuarterRecords, symbol: str) -> str | None:
    """Return the estimate a bare symbol stands for: default route, pooled kappa, else the first of that name."""
    if symbol == "gamma":
        routes = records.documents["gamma.json"].get("routes", [])
        default = next((route for route in routes if route.get("default")), None)
        candidates = [str(default.get("estimate"))] if default else []
        return next((name for name in [*candidates, "gamma.route.D"] if name in records.estimates), None)
    bearing = [item for item in records.estimates.values() if item["symbol"] == symbol]
    pooled = [item for item in bearing if item.get("group") == "pooled"]
    preferred = [item for item in pooled or bearing if item.get("form") in ("power_law", "chinchilla")]
    found = next(iter(preferred or pooled or bearing), None)
    if found is not None:
        return str(found["id"])
    return next((name for name in (f"gamma.{symbol}", f"growth.{symbol}") if name in records.estimates), None)


def _near(name: str, records: QuarterRecords) -> list[str]:
    import difflib

    symbols = {item["symbol"] for item in records.estimates.values()}
    return difflib.get_close_matches(name, sorted({*records.numbers, *records.estimates, *symbols}), n=5, cutoff=0.5)


def _headline_row(records: QuarterRecords, name: str, years: float, reading: str) -> TraceTarget:
    """Return the printed point of the headline curve at a horizon, in one reading; the median of older quarters."""
    target, form = READING_TARGETS[reading]
    table = records.table("forecast")
    row = {"target": target, "form": form, "horizon": years, **HEADLINE}
    chosen = _where(table, {**row, "output_type": "point"})
    chosen = _where(table, {**row, "output_type_id": 0.5}) if chosen.empty else chosen
    if "group" in table.columns and len(chosen) > 1:
        chosen = chosen[chosen["group"].isin(["pooled", "given"])]
    if chosen.empty:
        known = sorted({float(value) for value in table["horizon"]})
        raise UsageError(
            f"the forecast of {records.quarter} has no {name} in the {reading} reading",
            why=f"its horizons are {', '.join(f'{value:g}' for value in known)} years",
        )
    return TraceTarget("forecast", name, reading, int(chosen.index[0]))


def _selected_row(records: QuarterRecords, name: str, table: str) -> TraceTarget:
    """Return the one row that ``TABLE:column=value,...`` selects."""
    words, rows = name.partition(":")[2], records.table(table)
    wanted: dict[str, Any] = {}
    for word in filter(None, re.split(r"[,;|]", words)):
        column, sign, value = word.partition("=")
        if not sign or column.strip() not in rows.columns:
            raise UsageError(
                f"'{word}' selects nothing in the {table} table",
                why=f"write column=value; its columns are {', '.join(rows.columns)}",
            )
        wanted[column.strip()] = value.strip()
    chosen = _where(rows, wanted)
    if len(chosen) != 1:
        open_columns = [column for column in chosen.columns if len(set(chosen[column].astype(str))) > 1]
        raise UsageError(
            f"{len(chosen)} {table} rows match '{words}', one is needed",
            why=f"still open: {', '.join(open_columns)}" if open_columns else "nothing matches",
        )
    return TraceTarget("forecast", name, str(chosen.iloc[0].get("form", "")), int(chosen.index[0]), table)


def _where(table: pd.DataFrame, wanted: dict[str, Any]) -> pd.DataFrame:
    """Return the rows whose columns hold the wanted values; numbers are compared as numbers, absent columns ignored."""
    import pandas as pd

    numeric = {column for column in wanted if column in table and pd.api.types.is_numeric_dtype(table[column])}
    chosen = table
    for column in sorted(wanted, key=lambda name: name not in numeric):  # numbers first: they leave few rows to read
        if column in numeric:
            chosen = chosen[(chosen[column] - float(wanted[column])).abs() < 1e-9]
        elif column in table:
            chosen = chosen[chosen[column].astype(str) == str(wanted[column])]
    return chosen

"""From a number back to the rows it was computed from, along the edges that the functions wrote which used them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from race_to_efficiency import storage
from race_to_efficiency.calibration.common.grades import GRADES, REFUSED, UNGRADED, confidence_of
from race_to_efficiency.provenance.lineage import code_of, most_influential
from race_to_efficiency.provenance.targets import TraceTarget, resolve
from race_to_efficiency.quarter.forecast_lineage import output_of_row

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from race_to_efficiency.provenance.audit_records import Traced, TracedRows
    from race_to_efficiency.provenance.records import QuarterRecords

CURVE = ("horizon", "threshold", "target", "scenario_id", "form", "convention", "anchor", "route", "group")
"""Columns that tell one curve and horizon, or one milestone, from another."""

BEHIND_KEYS = ("id", "value", "unit", "status", "n_rows", "seed", "computed_by")
"""What is told of an estimate that a number rests on."""


def trace(name: str, records: QuarterRecords, chain: Mapping[str, Any]) -> Traced:
    """Return where a number comes from: value, how it was computed, rows, sources, chain.

    Parameters
    ----------
    name : str
        A symbol, estimate id, number id, ``R(5)``, ``forecast:...`` or a ledger row (see `targets.resolve`), without
        its quarter.
    records : QuarterRecords
    chain : mapping
        State of the published chain (`chain_state`).

    Returns
    -------
    dict
        target, value, unit, intervals, status, computed_by, rows, sources, chain and more; for ``R(5)`` the document
        of the paper's reading, with both under ``readings``; for a row what it reaches.

    Raises
    ------
    UsageError
        When the name means nothing in that quarter.
    """
    documents = [_document(name, target, records, chain) for target in resolve(name, records)]
    if len(documents) == 1:
        return documents[0]
    return {**documents[0], "readings": documents}


def _document(name: str, target: TraceTarget, records: QuarterRecords, chain: Mapping[str, Any]) -> Traced:
    of = {"estimate": _of_estimate, "number": _of_number, "forecast": _of_forecast, "row": _of_row}[target.kind]
    head, edges = of(target, records), records.edges
    outputs = head.pop("outputs")
    reached = edges.reached(outputs)
    estimates = [records.estimates[output] for output in reached if output in records.estimates]
    used = [target.name] if target.kind == "row" else edges.rows(outputs)
    excluded = _excluded(outputs, used, records)
    rows: TracedRows = {
        "used": len(used),
        "excluded": len(excluded),
        "most_influential": most_influential(estimates, records),
        "used_ids": used,
        "excluded_ids": [{"row": row, "reason": reason} for row, reason in excluded.items()],
    }
    told = {
        "target": f"{name}@{records.quarter}",
        "kind": target.kind,
        "quarter": records.quarter,
        "as_of": records.as_of,
        **head,
        "derived_from": [{key: item.get(key) for key in BEHIND_KEYS} for item in estimates],
        "rows": rows,
        "sources": records.sources(used),
        "code": code_of(edges.modules(outputs), records),
        "chain": dict(chain),
    }
    return cast("Traced", told)


def _excluded(outputs: Iterable[str], used: list[str], records: QuarterRecords) -> dict[str, str]:
    """Return the rows that were set aside, with the reason: as the fits say, else as the ledgers' views say."""
    edges = records.edges
    excluded = edges.left_out(outputs)
    told = {row.partition("/")[0] for row in excluded}
    tables = dict.fromkeys(row.partition("/")[0] for row in used)
    excluded |= edges.left_out(f"ledger.{table}" for table in tables if table not in told)
    taken = set(used)
    return {row: reason for row, reason in excluded.items() if row not in taken}


def _of_estimate(target: TraceTarget, records: QuarterRecords) -> dict[str, Any]:
    item = records.estimates[target.name]
    keys = ("value", "unit", "intervals", "status", "reasons", "computed_by", "seed", "diagnostics")
    told = {key: item.get(key) for key in keys} | {"grade": confidence_of(item)}
    return {"id": item["id"], **told, "outputs": [item["id"]]}


def _of_number(target: TraceTarget, records: QuarterRecords) -> dict[str, Any]:
    """Return a number of the report: what it shows, and the outputs it was made with."""
    item = records.numbers[target.name]
    named = item.get("estimates", item["nodes"])  # numbers.json leaves them out where they are the nodes
    found = [records.estimates[name] for name in named if name in records.estimates]
    same = next((one for one in found if one["value"] == item["value"]), None)
    stated = "estimates" in item or "status" in item  # a node alone is what a number was made with, not what it is
    own = found if stated else [same] if same else []
    outputs, cells = list(item["nodes"]), list(item.get("forecast_rows", ()))
    printed = [_printed_interval(interval, records) for interval in item.get("ends", ())]
    head: dict[str, Any] = {
        "intervals": same["intervals"] if same else [],
        "reasons": list(dict.fromkeys(why for one in own for why in one.get("reasons", ()))),
        "computed_by": own[0]["computed_by"] if own else _code_of_first(outputs, records),
    }
    behind = [records.estimates[name] for name in records.edges.reached(outputs) if name in records.estimates]
    head["grade"] = _least(confidence_of(one) for one in own or behind)
    if cells:
        (cell,) = resolve(cells[0], records)
        row = _of_forecast(cell, records)
        told = ("intervals", "grade", "reasons", "reading", "table", "forecast_row")
        head |= {key: row[key] for key in told}
    levels = {interval["level"] for interval, _ in printed}
    others = [interval for interval in head["intervals"] if interval["level"] not in levels]
    head["intervals"] = [*(interval for interval, _ in printed), *others]
    if printed:
        head["interval_texts"] = [text for _, text in printed]
    shown = {"id": target.name, "value": item["value"], "unit": item.get("unit", ""), "text": item.get("text", "")}
    status = item.get("status") or _worst(one["status"] for one in behind)
    return {**head, **shown, "status": status, "nodes": outputs, "forecast_rows": cells, "outputs": outputs}


def _printed_interval(item: dict[str, Any], records: QuarterRecords) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return an interval that the page prints beside a number, as values and as its two ends are shown there."""
    low, high = (records.numbers[item[end]] for end in ("low", "high"))
    interval = {"method": item["method"], "level": item["level"], "low": low["value"], "high": high["value"]}
    return interval, {"level": item["level"], "low": low["text"], "high": high["text"]}


def _code_of_first(outputs: list[str], records: QuarterRecords) -> str:
    return next((name for output in outputs for name in records.edges.targets(output, "code")), "")


def _of_forecast(target: TraceTarget, records: QuarterRecords) -> dict[str, Any]:
    """Return a cell of the forecast table: value, the intervals of its curve, and the output the curve is."""
    table = records.table(target.table)
    row = table.iloc[target.row or 0].to_dict()
    curve = table
    for column in (name for name in CURVE if name in table.columns):
        curve = curve[curve[column] == row[column]]
    cells = {float(level): float(value) for level, value in zip(curve["output_type_id"], curve["value"], strict=True)}
    ends = ((0.95, 0.025, 0.975), (0.8, 0.1, 0.9))
    intervals = [
        {"method": "draws", "level": level, "low": cells[low], "high": cells[high]}
        for level, low, high in ends
        if low in cells and high in cells
    ]
    output = output_of_row({str(name): value for name, value in row.items()})
    reasons = [text for text in str(row.get("reasons") or "").split(";") if text]
    shown = [name for name in table.columns if name not in ("value", "reasons", "status")]
    return {
        "id": target.name,
        "reading": target.reading,
        "value": float(row["value"]),
        "unit": str(row["unit"]),
        "intervals": intervals,
        "status": str(row["status"]),
        "grade": confidence_of({"grade": row.get("grade"), "status": row["status"]}),
        "reasons": reasons,
        "computed_by": _code_of_first([output], records),
        "table": target.table,
        "forecast_row": {name: storage.json_value(row[name]) for name in shown},
        "outputs": [output],
    }


def _of_row(target: TraceTarget, records: QuarterRecords) -> dict[str, Any]:
    """Return what a ledger row reaches: estimates, and whether any number of the headline is among it."""
    found = records.edges.resting_on(target.name)
    headline = [output for output in found if output in records.headline_outputs]
    words = "it takes part in no number of the headline" if not headline else ""
    return {
        "id": target.name,
        "value": None,
        "unit": "",
        "intervals": [],
        "status": None,
        "grade": None,
        "reasons": [words] if words else [],
        "computed_by": "race_to_efficiency.stages.ingest",
        "reaches": {"estimates": [name for name in found if name in records.estimates], "headline": headline},
        "outputs": [],
    }


def _least(told: Iterable[str]) -> str | None:
    """Return the lowest of some grades; None of none."""
    order = (*GRADES, UNGRADED, REFUSED)
    return max(told, key=order.index, default=None)


def _worst(states: Iterable[str]) -> str:
    order = ("trusted", "weak", "refused")
    return max(states, key=order.index, default="trusted")

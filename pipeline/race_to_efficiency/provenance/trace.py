"""From a number back to the rows it was computed from and the citations those rest on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from race_to_efficiency import storage
from race_to_efficiency.provenance.lineage import closure, code_of, most_influential
from race_to_efficiency.provenance.records import ESTIMATE_FILES
from race_to_efficiency.provenance.targets import Target, resolve

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from race_to_efficiency.provenance.records import QuarterRecords

CURVE = ("horizon", "threshold", "target", "scenario_id", "form", "convention", "anchor", "route", "group")
"""Columns that tell one curve and horizon, or one milestone, from another."""


def trace(name: str, records: QuarterRecords, chain: Mapping[str, Any]) -> dict[str, Any]:
    """Return where a number comes from: value, how it was computed, rows, sources, chain.

    Parameters
    ----------
    name : str
        A symbol, estimate id, number id, ``R(5)`` or ``forecast:...`` (see `targets.resolve`), without its quarter.
    records : QuarterRecords
    chain : mapping
        State of the published chain (`chain_state`).

    Returns
    -------
    dict
        target, value, unit, intervals, status, computed_by, rows, sources, chain and more; for ``R(5)`` the document
        of the paper's reading, with both under ``readings``.

    Raises
    ------
    UsageError
        When the name means nothing in that quarter.
    """
    documents = [_document(name, target, records, chain) for target in resolve(name, records)]
    if len(documents) == 1:
        return documents[0]
    return {**documents[0], "readings": documents}


def _document(name: str, target: Target, records: QuarterRecords, chain: Mapping[str, Any]) -> dict[str, Any]:
    head = {"estimate": _of_estimate, "number": _of_number, "forecast": _of_forecast}[target.kind](target, records)
    estimates = closure(head.pop("estimates"), records)
    used = list(dict.fromkeys([*head.pop("rows", []), *(row for item in estimates for row in item["rows_used"])]))
    excluded = _excluded(estimates, set(used), records)
    return {
        "target": f"{name}@{records.quarter}",
        "kind": target.kind,
        "quarter": records.quarter,
        "as_of": records.as_of,
        **head,
        "derived_from": [
            {key: item.get(key) for key in ("id", "value", "unit", "status", "n_rows", "seed", "computed_by")}
            for item in estimates
        ],
        "rows": {
            "used": len(used),
            "excluded": len(excluded),
            "most_influential": most_influential(estimates, records),
            "used_ids": used,
            "excluded_ids": [{"row": row, "reason": reason} for row, reason in excluded.items()],
        },
        "sources": records.sources(used),
        "code": code_of({str(item["computed_by"]) for item in estimates} | {str(head["computed_by"])}, records),
        "chain": dict(chain),
    }


def _of_estimate(target: Target, records: QuarterRecords) -> dict[str, Any]:
    item = records.estimates[target.name]
    keys = ("value", "unit", "intervals", "status", "reasons", "computed_by", "seed", "diagnostics")
    return {"id": item["id"], **{key: item.get(key) for key in keys}, "estimates": [item["id"]]}


def _excluded(estimates: list[dict[str, Any]], used: set[str], records: QuarterRecords) -> dict[str, str]:
    """Return the rows that were set aside, with the reason: as the estimates say, else as the ledgers' views say."""
    excluded = {item["row"]: item["reason"] for estimate in estimates for item in estimate["rows_excluded"]}
    told = {row.partition("/")[0] for row in excluded}
    tables = {row.partition("/")[0] for item in estimates for row in item["rows_used"]} - told
    excluded |= records.excluded(tables)
    return {row: reason for row, reason in excluded.items() if row not in used}


def _of_number(target: Target, records: QuarterRecords) -> dict[str, Any]:
    """Return a number of the report: what it shows, and the estimates, forecast rows or ledger rows it is."""
    item = records.numbers[target.name]
    source, cells = str(item.get("source") or ""), list(item.get("forecast_rows", ()))
    own = [name for name in (*item.get("estimates", ()), *item.get("refs", ())) if name in records.estimates]
    head: dict[str, Any] = {"intervals": [], "status": None, "reasons": [], "estimates": own, "rows": []}
    if own:
        first = records.estimates[own[0]]
        same = next(
            (records.estimates[name] for name in own if records.estimates[name]["value"] == item["value"]), None
        )
        head |= {"computed_by": first["computed_by"], "intervals": same["intervals"] if same else []}
        head["reasons"] = list(dict.fromkeys(why for name in own for why in records.estimates[name].get("reasons", ())))
    elif cells:
        (cell,) = resolve(cells[0], records)
        head |= {key: value for key, value in _of_forecast(cell, records).items() if key not in ("id", "value", "unit")}
    else:
        head |= _of_source(source, records)
    status = (
        item.get("status") or head["status"] or _worst(records.estimates[name]["status"] for name in head["estimates"])
    )
    shown = {"id": target.name, "value": item["value"], "unit": item.get("unit", ""), "text": item.get("text", "")}
    return {**head, **shown, "status": status, "source": source or None, "forecast_rows": cells}


def _of_source(source: str, records: QuarterRecords) -> dict[str, Any]:
    """Return what lies behind a number that is neither an estimate nor a forecast, from where the report read it.

    A ledger row is its own end; the equation alone needs no rows; a table of a stage rests on all that stage used.
    """
    first = re.split(r"[:(]", source, maxsplit=1)[0].strip()
    if first.startswith("race_to_efficiency."):
        return {"computed_by": first, "estimates": []}
    table, _, key = first.partition("/")
    if key and f"{table}.csv" in records.ledgers:
        return {"computed_by": "race_to_efficiency.stages.ingest.run", "estimates": [], "rows": [first]}
    name = first.partition(".")[0]
    stage = STAGE_OF.get(name, "forecast")
    names = [*ESTIMATE_FILES] if stage in ("ingest", "backtest", "compare") else [f"{name.partition('_')[0]}.json"]
    documents = [records.documents[file] for file in names if file in records.documents]
    everything = [item["id"] for document in documents for item in document["estimates"]]
    behind = everything or [*_drawn_from(records, "total", ""), *_drawn_from(records, "reducible", "")]
    return {"computed_by": f"race_to_efficiency.stages.{stage}.run", "estimates": list(dict.fromkeys(behind))}


STAGE_OF = {
    "account": "ingest",
    "quarantine": "ingest",
    "kappa": "fit_kappa",
    "kappa_draws": "fit_kappa",
    "gamma": "fit_gamma",
    "gamma_draws": "fit_gamma",
    "backtest": "backtest",
    "scores": "backtest",
    "changes": "compare",
}
"""File a number was read from -> the stage that wrote it; every other file is the forecast's."""


def _drawn_from(records: QuarterRecords, reading: str, route: str) -> list[str]:
    """Return the estimates a forecast is drawn from: kappa's pool, the route of gamma, the anchor's compute."""
    symbol = SYMBOLS[reading]
    pool = records.settings.get("forecast", {}).get("pool") or {}
    form = pool.get(f"{reading}_form") or FORMS[reading]
    groups = [f"{symbol}.{group}.{form}" for group in pool.get(f"{reading}_groups") or ()]
    drawn = [name for name in groups if name in records.estimates and records.estimates[name]["status"] != "refused"]
    gamma = [route] if route in records.estimates else [target.name for target in resolve("gamma", records)]
    anchor = [name for name in records.estimates if "frontier_compute" in name and name.startswith("gamma.")]
    pooled = [name for name in (f"{symbol}.pooled.{form}",) if name in records.estimates]
    return list(dict.fromkeys([*(drawn or pooled), *gamma, *anchor]))


SYMBOLS = {"total": "kappa_total", "reducible": "kappa_reducible"}
FORMS = {"total": "power_law", "reducible": "chinchilla"}
"""Functional form whose draws each reading uses where params.yaml does not name another."""


def _of_forecast(target: Target, records: QuarterRecords) -> dict[str, Any]:
    """Return a cell of the forecast table: value, the intervals of its curve, the estimates it was drawn from."""
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
    reading = "total" if row.get("form") == "total" else "reducible"
    parents = _drawn_from(records, reading, f"gamma.route.{row.get('route', 'D')}")
    reasons = [text for text in str(row.get("reasons") or "").split(";") if text]
    shown = [name for name in table.columns if name not in ("value", "reasons", "status")]
    return {
        "id": target.name,
        "reading": target.reading,
        "value": float(row["value"]),
        "unit": str(row["unit"]),
        "intervals": intervals,
        "status": str(row.get("status") or _worst(records.estimates[name]["status"] for name in parents)),
        "reasons": reasons,
        "computed_by": "race_to_efficiency.stages.forecast.run",
        "table": target.table,
        "forecast_row": {name: storage.finite(row[name]) for name in shown},
        "estimates": parents,
    }


def _worst(states: Iterable[str]) -> str:
    order = ("trusted", "weak", "refused")
    return max(states, key=order.index, default="trusted")

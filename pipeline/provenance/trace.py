"""From a number back to the rows it was computed from and the citations those rest on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline import storage
from pipeline.provenance.lineage import closure, code_of, most_influential
from pipeline.provenance.targets import Target, resolve

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pipeline.provenance.records import QuarterRecords

CURVE = ("target", "scenario_id", "horizon", "form", "convention", "anchor", "route", "group")
"""Columns that tell one curve and horizon of the forecast from another."""


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
    estimates = closure(head.pop("estimates"), records.estimates)
    used = list(dict.fromkeys(row for item in estimates for row in item["rows_used"]))
    kept = set(used)
    excluded = {item["row"]: item["reason"] for estimate in estimates for item in estimate["rows_excluded"]}
    excluded = {row: reason for row, reason in excluded.items() if row not in kept}
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


def _of_number(target: Target, records: QuarterRecords) -> dict[str, Any]:
    """Return a number of the report: what it shows, and the estimates or forecast rows it is."""
    item = records.numbers[target.name]
    refs = [*item.get("estimates", ()), *item.get("refs", ()), *item.get("forecast_rows", ())]
    own = [name for name in refs if name in records.estimates]
    parents = own or _behind(str(item.get("source") or ""), refs, records)
    same = next((records.estimates[name] for name in own if records.estimates[name]["value"] == item["value"]), None)
    status = item.get("status") or _worst(records.estimates[name]["status"] for name in parents)
    return {
        "id": target.name,
        "value": item["value"],
        "unit": item.get("unit", ""),
        "text": item.get("text", ""),
        "intervals": same["intervals"] if same else [],
        "status": status,
        "reasons": list(dict.fromkeys(why for name in parents for why in records.estimates[name].get("reasons", ()))),
        "computed_by": (
            records.estimates[own[0]]["computed_by"] if own else _stage_behind(str(item.get("source") or ""), refs)
        ),
        "source": item.get("source") or None,
        "forecast_rows": list(item.get("forecast_rows", ())),
        "estimates": parents,
    }


def _behind(source: str, refs: list[str], records: QuarterRecords) -> list[str]:
    """Return the estimates behind a number that is none itself: those of its file, or the headline's."""
    for file_name, document in records.documents.items():
        if source.startswith(file_name.removesuffix(".json")):
            return [item["id"] for item in document["estimates"]]
    routes = [
        f"gamma.route.{name}" for ref in refs for name in ref.split("|") if f"gamma.route.{name}" in records.estimates
    ]
    return _headline_parents(records, routes)


def _headline_parents(records: QuarterRecords, routes: list[str]) -> list[str]:
    """Return both pooled kappas and gamma: what every forecast rests on."""
    pooled = [item["id"] for item in records.estimates.values() if item.get("group") == "pooled"]
    if not pooled:
        pooled = [name for name in records.estimates if ".pooled." in name]
    gammas = routes or [target.name for target in resolve("gamma", records)]
    growth = [name for name in records.estimates if "frontier_compute" in name]
    return list(dict.fromkeys([*pooled, *gammas, *growth]))


def _stage_behind(source: str, refs: list[str]) -> str:
    """Return the code that wrote the file a number was read from."""
    stages = {
        "kappa": "fit_kappa",
        "gamma": "fit_gamma",
        "backtest": "backtest",
        "scores": "backtest",
        "account": "ingest",
    }
    first = source.partition(".")[0].partition(":")[0]
    stage = stages.get(first, "forecast" if refs or first else "report")
    return f"pipeline.stages.{stage}.run"


def _of_forecast(target: Target, records: QuarterRecords) -> dict[str, Any]:
    """Return a cell of the forecast table: value, the intervals of its curve, the estimates it was drawn from."""
    table = records.forecast
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
    symbol = "kappa_total" if row.get("form") == "total" else "kappa_reducible"
    route = f"gamma.route.{row.get('route', 'D')}"
    pooled = _headline_parents(records, [route] if route in records.estimates else [])
    parents = [name for name in pooled if not name.startswith("kappa_") or name.startswith(symbol)]
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
        "computed_by": "pipeline.stages.forecast.run",
        "forecast_row": {name: storage.finite(row[name]) for name in shown},
        "estimates": parents,
    }


def _worst(states: Iterable[str]) -> str:
    order = ("trusted", "weak", "refused")
    return max(states, key=order.index, default="trusted")

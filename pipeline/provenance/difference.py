"""Two quarters side by side: what changed in the data, in the estimates and why, and in the forecast."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline import storage
from pipeline.config import read_params
from pipeline.errors import UsageError
from pipeline.provenance import registry
from pipeline.provenance.attribution import Attribution, RowChange, attribute, name_rows
from pipeline.provenance.worlds import (
    GAMMA_TABLES,
    KAPPA_TABLES,
    KappaEvaluation,
    component_evaluation,
    evaluate_gamma,
    world_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from pipeline.config import Params, Workspace
    from pipeline.ledger.changes import TableDiff
    from pipeline.ledger.intake import Intake
    from pipeline.ledger.vintages import View

ESTIMATE_FILES = ("kappa.json", "gamma.json")


def compare(before: Workspace, after: Workspace, *, name_changed_rows: bool = True) -> dict[str, Any]:
    """Compare two quarters.

    Parameters
    ----------
    before, after : Workspace
        The earlier and the later quarter of one checkout. A published quarter is compared as it was published, with the
        settings it was published with; what today's code changes about it is a part of its own.
    name_changed_rows : bool
        Name the rows behind each part of the fitted components (one refit a row).

    Returns
    -------
    dict
        ``data`` (rows and cells by table and cause), ``estimates`` (old, new, delta, parts) and ``forecasts``.
    """
    from pipeline.ledger.changes import diff_views
    from pipeline.ledger.intake import read_all
    from pipeline.ledger.vintages import view_of

    intakes = read_all(after.raw, max_characters=after.params.ingest.max_cell_characters)
    tables = (*KAPPA_TABLES, *GAMMA_TABLES)
    old_views = {name: view_of(intakes[name], before.quarter.as_of) for name in tables}
    new_views = {name: view_of(intakes[name], after.quarter.as_of) for name in tables}
    diffs = {name: diff_views(old_views[name], new_views[name]) for name in tables}
    estimates = [
        *_compare_kappa(before, after, old_views, new_views, diffs),
        *_compare_gamma(before, after, old_views, new_views, diffs, name_changed_rows=name_changed_rows),
    ]
    return {
        "from": _side(before, intakes),
        "to": _side(after, intakes),
        "data": {name: diff.to_json() for name, diff in diffs.items()},
        "estimates": [_estimate_row(item) for item in estimates],
        **_forecasts(before, after),
    }


def explain(symbol: str, before: Workspace, after: Workspace) -> dict[str, Any]:
    """Return the part of `compare` about one symbol or estimate id.

    Raises
    ------
    UsageError
        When no estimate of either quarter has that name; near names are listed.
    """
    document = compare(before, after)
    wanted = {"gamma": f"gamma.route.{after.params.fit_gamma.default_route}"}.get(symbol, symbol)
    exact = [item for item in document["estimates"] if item["id"] == wanted]
    chosen = exact or [
        item
        for item in document["estimates"]
        if item["symbol"] == wanted or item["id"].startswith(wanted + ".") or item["id"].startswith(f"gamma.{wanted}")
    ]
    if not chosen:
        names = sorted({item["symbol"] for item in document["estimates"]})
        raise UsageError(f"there is no estimate '{symbol}'", why=f"the symbols are {', '.join(names)}")
    return {"symbol": symbol, "from": document["from"], "to": document["to"], "estimates": chosen}


def settings_of(workspace: Workspace) -> Params:
    """Return the settings a quarter was published with, else today's."""
    folder = registry.newest_folder(workspace.reports, str(workspace.quarter))
    return workspace.params if folder is None else read_params(folder / "params.yaml")


def places(workspace: Workspace) -> list[Path]:
    """Return where a quarter's files may lie: its last run here, then its newest publication."""
    published = registry.newest_folder(workspace.reports, str(workspace.quarter))
    return [workspace.processed] if published is None else [workspace.processed, published]


def published_values(workspace: Workspace) -> dict[str, float] | None:
    """Return the estimates a quarter was published with, or None when it was not published."""
    folder = registry.newest_folder(workspace.reports, str(workspace.quarter))
    if folder is None:
        return None
    documents = [storage.read_json(folder / name) for name in ESTIMATE_FILES]
    return {
        item["id"]: item["value"]
        for document in documents
        for item in document["estimates"]
        if item["value"] is not None
    }


def _side(workspace: Workspace, intakes: Mapping[str, Intake]) -> dict[str, Any]:
    return {
        "quarter": str(workspace.quarter),
        "as_of": workspace.quarter.as_of.isoformat(),
        "published": registry.newest_folder(workspace.reports, str(workspace.quarter)) is not None,
        "ledger_lines": {name: intake.n_read for name, intake in intakes.items()},
    }


def _changes(diffs: Mapping[str, TableDiff], tables: Iterable[str]) -> list[RowChange]:
    return [RowChange(name, change.row_id, change.cause) for name in tables for change in diffs[name].changes]


def _compare_kappa(
    before: Workspace,
    after: Workspace,
    old_views: Mapping[str, View],
    new_views: Mapping[str, View],
    diffs: Mapping[str, TableDiff],
) -> list[Attribution]:
    """Attribute kappa's changes; groups whose rows did not change are fitted once."""
    earlier, later = settings_of(before), after.params
    old = world_of(
        {name: old_views[name] for name in KAPPA_TABLES},
        settings=earlier.fit_kappa,
        as_of=after.quarter.as_of,  # a kappa does not depend on the reference date
        seed=earlier.seed,
    )
    new = world_of(
        {name: new_views[name] for name in KAPPA_TABLES},
        settings=later.fit_kappa,
        as_of=after.quarter.as_of,
        seed=later.seed,
    )
    changes = _changes(diffs, KAPPA_TABLES)
    return attribute(old, new, changes, KappaEvaluation(), published=_only(published_values(before), kappa=True))


def _compare_gamma(
    before: Workspace,
    after: Workspace,
    old_views: Mapping[str, View],
    new_views: Mapping[str, View],
    diffs: Mapping[str, TableDiff],
    *,
    name_changed_rows: bool,
) -> list[Attribution]:
    """Attribute gamma's changes and name the rows behind those of the fitted components."""
    earlier, later = settings_of(before), after.params
    old = world_of(
        {name: old_views[name] for name in GAMMA_TABLES},
        settings=earlier.fit_gamma,
        as_of=before.quarter.as_of,
        seed=earlier.seed,
    )
    new = world_of(
        {name: new_views[name] for name in GAMMA_TABLES},
        settings=later.fit_gamma,
        as_of=after.quarter.as_of,
        seed=later.seed,
    )
    changes = _changes(diffs, GAMMA_TABLES)
    found = attribute(old, new, changes, evaluate_gamma, published=_only(published_values(before), kappa=False))
    if not name_changed_rows:
        return found
    used = _used_rows(before) | _used_rows(after)
    named = []
    for item in found:
        evaluate = component_evaluation(item.id.split(".")[1])
        mine = [change for change in changes if (item.id, f"{change.table}/{change.row}") in used]
        named.append(name_rows(item, old, new, mine, evaluate) if evaluate and mine and item.delta else item)
    return named


def _only(values: Mapping[str, float] | None, *, kappa: bool) -> dict[str, float] | None:
    """Return the published values of kappa's estimates, or of gamma's."""
    if values is None:
        return None
    return {name: value for name, value in values.items() if name.startswith("gamma.") != kappa}


def _used_rows(workspace: Workspace) -> set[tuple[str, str]]:
    """Return (estimate id, row) of gamma's estimates as last run or published; empty when neither is here."""
    for folder in places(workspace):
        if (folder / "gamma.json").exists():
            document = storage.read_json(folder / "gamma.json")
            return {(item["id"], row) for item in document["estimates"] for row in item["rows_used"]}
    return set()


def _estimate_row(item: Attribution) -> dict[str, Any]:
    symbol, _, rest = item.id.partition(".")
    place, _, tail = rest.partition(".")
    gamma = symbol == "gamma"
    return {
        "id": item.id,
        "symbol": f"gamma_{place}" if gamma else symbol,
        "group": None if gamma else place,
        "component": place if gamma else None,
        "form": None if gamma else tail,
        "estimator": tail if gamma else None,
        "old": item.old,
        "new": item.new,
        "delta": item.delta,
        "parts": [{"cause": part.cause, "value": part.value, "rows": list(part.rows)} for part in item.parts],
    }


def _forecasts(before: Workspace, after: Workspace) -> dict[str, Any]:
    """Return R by reading and year on both sides, where both quarters were run or published."""
    sides: list[dict[tuple[str, float], Mapping[str, Any]]] = []
    for workspace in (before, after):
        rows = _headline(workspace)
        if rows is None:
            why = f"no forecast of {workspace.quarter} is here: race run --quarter {workspace.quarter}"
            return {"forecasts": [], "forecasts_missing": why}
        sides.append({(row["reading"], row["years"]): row for row in rows})
    keys = [key for key in sides[1] if key in sides[0]]
    return {"forecasts": [_forecast_row(key, sides[0][key], sides[1][key]) for key in keys], "forecasts_missing": None}


def _forecast_row(key: tuple[str, float], old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "reading": key[0],
        "years": key[1],
        "old": old["median"],
        "new": new["median"],
        "delta": new["median"] - old["median"],
        "old_interval_95": [old["low95"], old["high95"]],
        "new_interval_95": [new["low95"], new["high95"]],
    }


def _headline(workspace: Workspace) -> Sequence[Mapping[str, Any]] | None:
    for folder in places(workspace):
        if (folder / "headline.json").exists():
            rows: Sequence[Mapping[str, Any]] = storage.read_json(folder / "headline.json")
            return rows
    return None

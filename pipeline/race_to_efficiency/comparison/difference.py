"""Two quarters side by side: what changed in the data, in the estimates and why, and in the forecast."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from race_to_efficiency.comparison.attribution import ViewChange, attribute
from race_to_efficiency.comparison.named_rows import name_all
from race_to_efficiency.quarter.evaluate import Quarters, world_of
from race_to_efficiency.quarter.forecast import HEADLINE_NODE, forecast_id
from race_to_efficiency.quarter.world import RUN_AND_CHIP_TABLES

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from race_to_efficiency.comparison.attribution import Attribution
    from race_to_efficiency.comparison.difference_records import (
        ChangedEstimate,
        ChangedForecast,
        Compared,
        Difference,
        ForecastChanges,
        Part,
    )
    from race_to_efficiency.ledger.intake import Intake
    from race_to_efficiency.quarter.node import NodeResult
    from race_to_efficiency.settings.sections import Params
    from race_to_efficiency.units import Quarter


@dataclass(frozen=True)
class Side:
    """One of the two quarters.

    Parameters
    ----------
    quarter : Quarter
    settings : Params
    root : Path
        Where scenario files that the settings name are found.
    published : mapping of str to float, optional
        What the quarter was published with: estimates by id and relative loss by `forecast_id`.
    sealed : mapping of str to collection of int, optional
        By ledger, the lines of today's file that it was published with; whole where it is not named.
    """

    quarter: Quarter
    settings: Params
    root: Path
    published: Mapping[str, float] | None = field(default=None)
    sealed: Mapping[str, Collection[int]] | None = field(default=None)


def read_ledgers(raw: Path, *, max_characters: int) -> dict[str, Intake]:
    """Return every ledger that kappa, gamma and the forecast read."""
    from race_to_efficiency.ledger.intake import read_ledger

    return {name: read_ledger(name, raw, max_characters=max_characters) for name in RUN_AND_CHIP_TABLES}


def difference(
    intakes: Mapping[str, Intake],
    before: Side,
    after: Side,
    *,
    quarters: Quarters | None = None,
    name_changed_rows: bool = True,
) -> Difference:
    """Compare two quarters.

    Parameters
    ----------
    intakes : mapping of str to Intake
        The ledgers, every version of every row.
    before, after : Side
    quarters : Quarters, optional
        With a memory of what need not be computed again.
    name_changed_rows : bool
        Name the rows behind each part (refits with one row changed).

    Returns
    -------
    dict
        ``from``, ``to``, ``data`` (rows and cells by table and cause), ``estimates`` (old, new, delta, parts),
        ``forecasts`` (relative loss, the same) and ``forecasts_missing``.
    """
    from race_to_efficiency.ledger.changes import diff_views
    from race_to_efficiency.ledger.vintages import view_of

    day, sealed = before.quarter.as_of, before.sealed or {}
    then = {name: intake.of(sealed[name]) if name in sealed else intake for name, intake in intakes.items()}
    views = [
        {name: view_of(intake, day) for name, intake in then.items()},
        {name: view_of(intake, after.quarter.as_of) for name, intake in intakes.items()},
    ]
    late = {name: view_of(intakes[name], day) for name in sealed if name in intakes}
    diffs = {name: diff_views(views[0][name], views[1][name], late.get(name)) for name in intakes}
    old, new = (
        world_of(view, settings=timeless(side.settings), as_of=side.quarter.as_of, root=side.root)
        for view, side in zip(views, (before, after), strict=True)
    )
    changes = [ViewChange(name, change.row_id, change.cause) for name in diffs for change in diffs[name].changes]
    quarters = quarters or Quarters()
    found = attribute(old, new, changes, quarters.values, published=before.published)
    if name_changed_rows:
        found = name_all(found, old, new, changes, quarters)
    units = {record["id"]: record["unit"] for world in (old, new) for _, record in quarters.records(world)}
    return {
        "from": _side(before, then),
        "to": _side(after, intakes),
        "data": {name: diff.to_json() for name, diff in diffs.items()},
        "estimates": [_estimate_row(item, units) for item in found if not item.id.startswith("R.")],
        **_forecasts(
            {item.id: item for item in found},
            quarters.ask(old, HEADLINE_NODE),
            quarters.ask(new, HEADLINE_NODE),
            before,
            after,
        ),
    }


def timeless(settings: Params) -> Params:
    """Return settings that name no quarter, nor when it was worked out: a world's date is no choice of theirs."""
    report = settings.report.model_copy(update={"reconstructed": False})
    return settings.model_copy(update={"quarter": "", "report": report})


def _side(side: Side, intakes: Mapping[str, Intake]) -> Compared:
    return {
        "quarter": str(side.quarter),
        "as_of": side.quarter.as_of.isoformat(),
        "published": side.published is not None,
        "ledger_lines": {name: intake.n_read for name, intake in intakes.items()},
    }


def _estimate_row(item: Attribution, units: Mapping[str, str]) -> ChangedEstimate:
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
        "unit": units.get(item.id, "1"),
        "old": item.old,
        "new": item.new,
        "delta": item.delta,
        "parts": _parts(item),
    }


def _parts(item: Attribution) -> list[Part]:
    return [{"cause": part.cause, "value": part.value, "rows": list(part.rows)} for part in item.parts]


def _forecasts(
    found: Mapping[str, Attribution], old: NodeResult, new: NodeResult, before: Side, after: Side
) -> ForecastChanges:
    """Return the change of relative loss by reading and year; where a quarter has no forecast, why."""
    missing = [
        f"{side.quarter} has no forecast: {item.document['missing']}"
        for side, item in ((before, old), (after, new))
        if item.document["missing"] is not None
    ]
    earlier, later = ({(row["reading"], row["years"]): row for row in item.document["rows"]} for item in (old, new))
    keys = [key for key in later if key in earlier]
    rows = [_forecast_row(key, found[forecast_id(*key)], earlier[key], later[key]) for key in keys]
    return {"forecasts": rows, "forecasts_missing": "; ".join(missing) or None}


def _forecast_row(
    key: tuple[str, float], item: Attribution, old: Mapping[str, float], new: Mapping[str, float]
) -> ChangedForecast:
    return {
        "id": item.id,
        "reading": key[0],
        "years": key[1],
        "old": item.old,
        "new": item.new,
        "delta": item.delta,
        "old_interval_95": [old["low95"], old["high95"]],
        "new_interval_95": [new["low95"], new["high95"]],
        "parts": _parts(item),
    }


def chosen(document: Mapping[str, Any], symbol: str, default_route: str) -> list[Any]:
    """Return the rows of a comparison that a symbol or id means: estimates, or R with its reading and years."""
    wanted = {"gamma": f"gamma.route.{default_route}"}.get(symbol, symbol)
    everything: list[Any] = [*document["estimates"], *document["forecasts"]]
    exact = [item for item in everything if item["id"] == wanted]
    return exact or [
        item
        for item in everything
        if item.get("symbol") == wanted
        or item["id"].startswith(wanted + ".")
        or item["id"].startswith(f"gamma.{wanted}")
    ]

"""Two quarters of one checkout compared; a published one as it was published, with the settings of that time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from race_to_efficiency import storage
from race_to_efficiency.comparison.difference import Side, chosen, difference, read_ledgers
from race_to_efficiency.errors import UsageError
from race_to_efficiency.executors.place import place_here
from race_to_efficiency.provenance import published_files, registry
from race_to_efficiency.provenance.kept_files import is_kept
from race_to_efficiency.provenance.records import ESTIMATE_FILES
from race_to_efficiency.provenance.sealed_rows import sealed_lines
from race_to_efficiency.quarter.code import code_digest
from race_to_efficiency.quarter.evaluate import Quarters
from race_to_efficiency.quarter.forecast import forecast_id
from race_to_efficiency.quarter.here import memory_of
from race_to_efficiency.quarter.node import Computed, NodeResult
from race_to_efficiency.scenarios import load_scenarios
from race_to_efficiency.settings.sealed import read_sealed

if TYPE_CHECKING:
    from pathlib import Path

    from race_to_efficiency.comparison.difference_records import Explained
    from race_to_efficiency.settings.params import Workspace


def compare(before: Workspace, after: Workspace, *, name_changed_rows: bool = True) -> dict[str, Any]:
    """Compare two quarters of one checkout; see `race_to_efficiency.comparison.difference.difference`.

    Parameters
    ----------
    before, after : Workspace
        The earlier and the later quarter. What today's code changes about an earlier one that was published is a part
        of its own, and so are rows that entered since; the later one is always what today makes of it.
    name_changed_rows : bool
    """
    memory, pair = memory_of(after.root), f"comparison:{before.quarter}:{after.quarter}"
    ledgers = storage.digest_tree(after.raw, sorted(after.raw.glob("*.csv")))
    call = storage.digest_json([pair, code_digest(__name__)])
    key = storage.digest_json([call, ledgers, earlier_state(before), _settings(after), name_changed_rows])
    found = memory.result(key)
    if found is None:
        intakes = read_ledgers(after.raw, max_characters=after.params.ingest.max_cell_characters)
        today = Side(after.quarter, after.params, after.root)
        quarters = Quarters(memory, place=place_here())
        told = difference(intakes, side_of(before), today, quarters=quarters, name_changed_rows=name_changed_rows)
        found = NodeResult.of(pair, __name__, Computed(told), ())
        memory.keep(call, key, found, None)
    return dict(found.document)


def earlier_state(workspace: Workspace) -> list[Any]:
    """Return what tells one state of an earlier quarter from another: every published byte, or the settings."""
    folder = registry.newest_folder(workspace.reports, str(workspace.quarter))
    if folder is None:
        return _settings(workspace)
    return [storage.digest_tree(folder, sorted(path for path in folder.rglob("*") if path.is_file()))]


def _settings(workspace: Workspace) -> list[Any]:
    """Return every setting, those of the scenario files among them, as JSON."""
    scenarios = load_scenarios(workspace.params.forecast, workspace.root)
    return [workspace.params.model_dump(mode="json"), [item.model_dump(mode="json") for item in scenarios]]


def side_of(workspace: Workspace) -> Side:
    """Return a quarter as published, on the rows of its seal; else as today's rows, settings and code make it."""
    folder = registry.newest_folder(workspace.reports, str(workspace.quarter))
    if folder is None:
        return Side(workspace.quarter, workspace.params, workspace.root)
    params = read_sealed(folder / "params.yaml")
    sealed = sealed_lines(folder, workspace.raw)
    return Side(workspace.quarter, params, folder / "inputs", published_values(folder), sealed)


def published_values(folder: Path) -> dict[str, float]:
    """Return what a published folder says: estimates by id, and the headline as printed by `forecast_id`."""
    documents = [published_files.published_json(folder / name) for name in ESTIMATE_FILES]
    values = {item["id"]: item["value"] for document in documents for item in document["estimates"]}
    if is_kept(folder / "headline.json"):
        rows = published_files.published_json(folder / "headline.json")
        # a quarter of 0.1 printed the median of its draws
        values |= {forecast_id(row["reading"], row["years"]): row.get("point", row["median"]) for row in rows}
    return {name: value for name, value in values.items() if value is not None}


def explain(symbol: str, before: Workspace, after: Workspace) -> Explained:
    """Return the part of `compare` about one symbol or id: an estimate, or R with reading and years.

    Raises
    ------
    UsageError
        When neither quarter has that name; the symbols there are are listed.
    """
    document = compare(before, after)
    found = chosen(document, symbol, after.params.fit_gamma.default_route)
    if not found:
        names = sorted({item["symbol"] for item in document["estimates"]} | {"R"})
        raise UsageError(f"there is no estimate '{symbol}'", why=f"the symbols are {', '.join(names)}")
    return {"symbol": symbol, "from": document["from"], "to": document["to"], "estimates": found}

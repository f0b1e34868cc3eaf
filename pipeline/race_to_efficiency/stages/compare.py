"""Stage compare: this quarter beside the one before it, from the ledgers as of both; what changed and why out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from race_to_efficiency import storage
from race_to_efficiency.errors import RaceError
from race_to_efficiency.forecasting.curves import READINGS
from race_to_efficiency.quarter.forecast_lineage import output_of_row
from race_to_efficiency.quarter.lineage import Lineage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from race_to_efficiency.settings.params import Workspace
    from race_to_efficiency.settings.report import ReportParams

NOT_COMPARED = "not compared"
"""Why changes.json compares nothing; the quarters and the reason stand beside it."""


def run(workspace: Workspace) -> dict[str, Any]:
    """Compare the workspace's quarter with an earlier one and write changes.json.

    Settings and code are this run's on both sides, so that only what became known moves a number, and the day it is
    counted from. Fits of kappa that stage fit_kappa has just made are taken from its files.

    Raises
    ------
    InputMissing, DataInvalid
        When a ledger is missing or its header is broken.
    """
    from race_to_efficiency.comparison.difference import Side, difference, read_ledgers
    from race_to_efficiency.comparison.rounding import NOTHING
    from race_to_efficiency.executors.place import place_here
    from race_to_efficiency.quarter.evaluate import Quarters
    from race_to_efficiency.quarter.here import memory_of

    params, quarter = workspace.params, workspace.quarter
    after = Side(quarter, params, workspace.root)
    before = Side(quarter.shift(-params.compare.quarters_back), params, workspace.root)
    ledgers = read_ledgers(workspace.raw, max_characters=params.ingest.max_cell_characters)
    memory = memory_of(workspace.root)
    try:
        document = difference(ledgers, before, after, quarters=Quarters(memory, place=place_here()))
    except RaceError as error:  # an early quarter may have nothing to fit; the report then says so
        missing = {"code": NOT_COMPARED, "quarter": str(quarter), "before": str(before.quarter), "why": error.what}
        storage.write_json(workspace.processed / "changes.json", {"missing": missing})
        comparison_edges({}, params.report).write(workspace.processed, "compare")
        return {"rows": 0, "moved": 0, "missing": error.what, "told": {"missing": missing}}
    storage.write_json(workspace.processed / "changes.json", document)
    comparison_edges(document, params.report).write(workspace.processed, "compare")
    counts: list[Mapping[str, Any]] = [table["counts"] for table in document["data"].values()]
    rows = sum(sum(item.values()) for item in counts)
    moved = sum(abs(item["delta"] or 0.0) > NOTHING for item in document["estimates"])
    fitted = sum(name.startswith("kappa.group:") for name in memory.computed)
    told = {"before": str(before.quarter), "quarter": str(quarter), "fitted": fitted}
    return {"rows": rows, "moved": moved, "missing": None, "told": told}


def comparison_edges(document: Mapping[str, Any], report: ReportParams) -> Lineage:
    """Return the edges of a comparison: each change rests on this quarter's number, if it has one, and the rows named.

    Parameters
    ----------
    document : mapping
        changes.json.
    report : ReportParams
        Names the scenario and the anchor whose relative loss is compared.
    """
    lineage = Lineage()
    headline = {"scenario_id": report.headline_scenario, "anchor": report.headline_anchor, "group": "pooled"}
    curves = {name: output_of_row({**headline, "target": target, "form": form}) for name, target, form, _ in READINGS}
    for item in (*document.get("estimates", ()), *document.get("forecasts", ())):
        now = [] if item["new"] is None else [curves[item["reading"]] if "reading" in item else item["id"]]
        named = [str(row["row"]) for part in item["parts"] for row in part["rows"]]
        rows = [row for row in named if "/" in row and " " not in row]
        lineage.add(f"change.{item['id']}", code="race_to_efficiency.stages.compare", rows=rows, sources=now)
    return lineage

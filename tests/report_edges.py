"""What the numbers of the small quarter of `report_quarter` rest on: the edges its stages would have written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from race_to_efficiency.quarter.forecast_lineage import output_of_row
from race_to_efficiency.quarter.lineage import Lineage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    import pandas as pd


def write_edges(processed: Path, documents: Mapping[str, Any], tables: Mapping[str, pd.DataFrame]) -> None:
    """Write one file of edges a stage, for documents and tables of a quarter."""
    kappa, gamma = ({item["id"]: item["rows_used"] for item in documents[name]["estimates"]} for name in KINDS)
    gamma |= {f"gamma.{item['component']}": () for item in documents["gamma"]["slope_change"]}
    forecast = {output_of_row(row): () for name in ("forecast", "milestones") for row in records(tables[name])}
    forecast |= {f"pool.{form}": () for form in documents["scenarios"]["pools"]} | {"anchor.baseline_years": ()}
    forecast |= {f"anchor.{item['name']}": () for item in documents["anchors"]["anchors"]}
    forecast |= {f"scenario.{item['name']}": () for item in documents["scenarios"]["scenarios"]}
    pairs = documents["scenarios"]["crossovers"]
    forecast |= {f"crossover.{item['ahead_first']}.{item['ahead_later']}": () for item in pairs}
    backtest = {f"backtest.{name}": () for name in tables["scores"]["target"]}
    backtest |= {f"statement.{item['id']}": () for item in documents["statements"]["statements"]}
    changes = documents.get("changes", {"estimates": (), "forecasts": ()})
    compare = {f"change.{item['id']}": () for item in (*changes["estimates"], *changes["forecasts"])}
    ingest = {f"ledger.{name}": () for name in documents["account"]["tables"]}
    stages: dict[str, dict[str, Iterable[str]]] = {
        "ingest": ingest, "fit_kappa": kappa, "fit_gamma": gamma, "forecast": forecast, "backtest": backtest,
        "compare": compare,
    }  # fmt: skip
    for stage, outputs in stages.items():
        lineage = Lineage()
        for output, rows in outputs.items():
            lineage.add(output, code=f"race_to_efficiency.stages.{stage}", rows=rows)
        lineage.write(processed, stage)


KINDS = ("kappa", "gamma")


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a table's rows."""
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]

"""Stage ingest: the ledgers in, each validated; their as-of views, the quarantine and the account out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from race_to_efficiency import storage
from race_to_efficiency.ledger.account import account_of
from race_to_efficiency.ledger.freshness import freshness
from race_to_efficiency.ledger.intake import read_all
from race_to_efficiency.ledger.schemas import TABLES
from race_to_efficiency.ledger.vintages import view_of
from race_to_efficiency.quarter.lineage import Lineage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from race_to_efficiency.settings.params import Workspace


def run(workspace: Workspace) -> dict[str, Any]:
    """Read data/raw, write data/processed/ledger, quarantine.parquet and account.json.

    Parameters
    ----------
    workspace : Workspace
        Gives the quarter, the folders and the settings.

    Returns
    -------
    dict
        quarter, as_of, tables (the account of each), freshness (the newest row of each) and quarantined (the findings,
        for the screen).

    Raises
    ------
    InputMissing, DataInvalid
        When a ledger is missing or its header is broken; nothing is written then.
    IntegrityError
        When a line is unaccounted for.
    """
    import pandas as pd

    intakes = read_all(workspace.raw, max_characters=workspace.params.ingest.max_cell_characters)
    day = workspace.quarter.as_of
    views = {name: view_of(intake, day) for name, intake in intakes.items() if TABLES[name].versioned}
    accounts = {name: account_of(intake, views.get(name)) for name, intake in intakes.items()}
    quarantined = pd.concat([intake.quarantined for intake in intakes.values()], ignore_index=True)
    fresh = [item.to_json() for item in freshness(workspace.raw, day)]
    summary = {**workspace.quarter.stamp, "tables": accounts, "freshness": fresh}
    held = {name: views[name].rows if name in views else intake.rows for name, intake in intakes.items()}
    folder = workspace.processed / "ledger"
    for name in intakes:
        table = TABLES[name]
        storage.write_parquet(folder / f"{name}.parquet", held[name], table.fields, f"data/raw/{table.file_name}")
    ingest_edges(held, {name: TABLES[name].key for name in held}).write(workspace.processed, "ingest")
    storage.write_parquet(workspace.processed / "quarantine.parquet", quarantined)
    storage.write_json(workspace.processed / "account.json", summary)
    return {**summary, "quarantined": quarantined.to_dict("records")}


def ingest_edges(views: Mapping[str, Any], keys: Mapping[str, str]) -> Lineage:
    """Return the edges of the counts of every ledger: its rows, and those set aside with the reason.

    Parameters
    ----------
    views : mapping of str to DataFrame
        As-of views, or all rows of a table without versions.
    keys : mapping of str to str
        Column of ids by table.
    """
    lineage = Lineage()
    for table, rows in views.items():
        ids = (table + "/" + rows[keys[table]].astype(str)).tolist()
        reasons = rows["exclusion"].fillna("").tolist() if "exclusion" in rows else [""] * len(ids)
        told = list(zip(ids, reasons, strict=True))
        lineage.add(
            f"ledger.{table}",
            code="race_to_efficiency.stages.ingest",
            rows=[row for row, reason in told if not reason],
            left_out=[(row, reason) for row, reason in told if reason],
        )
    return lineage

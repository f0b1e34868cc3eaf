"""ingest: validate every ledger and write its as-of view, the quarantine and the account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from race_to_efficiency import storage
from race_to_efficiency.ledger.account import account_of
from race_to_efficiency.ledger.intake import read_all
from race_to_efficiency.ledger.schemas import TABLES
from race_to_efficiency.ledger.vintages import view_of

if TYPE_CHECKING:
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
        quarter, as_of, tables (the account of each) and quarantined (the findings, for the screen).

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
    summary = {"quarter": str(workspace.quarter), "as_of": day.isoformat(), "tables": accounts}
    folder = workspace.processed / "ledger"
    for name, intake in intakes.items():
        storage.write_parquet(folder / f"{name}.parquet", views[name].rows if name in views else intake.rows)
    storage.write_parquet(workspace.processed / "quarantine.parquet", quarantined)
    storage.write_json(workspace.processed / "account.json", summary)
    total = {key: sum(account[key] for account in accounts.values()) for key in ("read", "used", "quarantined")}
    line = f"{total['read']:,} rows read, {total['used']:,} used, {total['quarantined']} quarantined"
    return {**summary, "quarantined": quarantined.to_dict("records"), "line": line}

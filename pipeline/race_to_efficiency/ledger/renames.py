"""Reviewed renames: a withdrawal and a newcomer of the same snapshot that the alias table joins are one id."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from race_to_efficiency.ledger.metadata import Table


def canonical_ids(table: Table, rows: pd.DataFrame, aliases: pd.DataFrame) -> dict[str, str]:
    """Return {id: the id it had first} for renames accepted after their lines were written.

    Joined are only an id withdrawn in the alias's snapshot under the old name, and an id that enters in that very
    snapshot under the new one: a name that returns years later for another product stays another product.

    Parameters
    ----------
    table : Table
        With `name_column`.
    rows : DataFrame
        Every valid line, all versions.
    aliases : DataFrame
        old_name, new_name, snapshot.
    """
    key, name = table.key, table.name_column
    first = rows.groupby(key)["recorded"].transform("min")
    gone = rows.loc[rows["withdrawn"], [name, "recorded", key]]
    entered = rows.loc[~rows["withdrawn"] & (rows["recorded"] == first), [name, "recorded", key]]
    old = gone.rename(columns={name: "old_name", "recorded": "snapshot", key: "old_id"})
    new = entered.rename(columns={name: "new_name", "recorded": "snapshot", key: "new_id"})
    pairs = aliases.merge(old, on=["old_name", "snapshot"]).merge(new, on=["new_name", "snapshot"])
    joined: dict[str, str] = {}
    for pair in pairs.sort_values(["snapshot", "new_id"]).itertuples():
        old_id, new_id = str(pair.old_id), str(pair.new_id)
        if old_id != new_id and new_id not in joined:
            joined[new_id] = joined.get(old_id, old_id)
    return joined

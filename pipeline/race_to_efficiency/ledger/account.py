"""The account: read = used + excluded (by reason) + quarantined, for every ledger, asserted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, NotRequired

from typing_extensions import TypedDict

from race_to_efficiency.errors import IntegrityError
from race_to_efficiency.json_fields import AsOf, AtLeast1, Count, Means
from race_to_efficiency.ledger.vintages import View, Vintage

if TYPE_CHECKING:
    from race_to_efficiency.ledger.intake import Intake


class Account(TypedDict):
    """read = used + excluded + quarantined."""

    read: Annotated[Count, Means("Lines.")]
    used: Annotated[Count, Means("Lines.")]
    excluded: Annotated[dict[str, AtLeast1], Means("Lines by reason.")]
    quarantined: Annotated[Count, Means("Lines.")]
    as_of: NotRequired[AsOf]
    vintage: NotRequired[Vintage]
    pseudo: NotRequired[Annotated[bool, Means("Whether values recorded later stand in for those of the date.")]]
    rows: NotRequired[Annotated[Count, Means("Rows of the view.")]]


def account_of(intake: Intake, view: View | None) -> Account:
    """Return one ledger's account as a JSON-ready mapping.

    Parameters
    ----------
    intake : Intake
    view : View or None
        None for tables without versions: every valid line is used.

    Raises
    ------
    IntegrityError
        When a line is unaccounted for.
    """
    excluded: dict[str, int] = {}
    used = len(intake.rows)
    if view is not None:
        counts = view.account.loc[view.account["fate"] == "excluded", "reason"].value_counts()
        excluded = {str(reason): int(counts[reason]) for reason in sorted(counts.index)}
        used = int((view.account["fate"] == "used").sum())
    account: Account = {
        "read": intake.n_read,
        "used": used,
        "excluded": excluded,
        "quarantined": intake.n_quarantined,
    }
    unused = sum(excluded.values())
    if account["read"] != used + unused + account["quarantined"]:
        raise IntegrityError(
            f"the account of {intake.table} does not add up",
            where=f"data/raw/{intake.table}.csv",
            why=f"{account['read']} read, {used} used, {unused} excluded, {account['quarantined']} quarantined",
            remedy="this is a fault of the program: report it with the ledger",
        )
    if view is not None:
        account |= {"as_of": view.as_of.isoformat(), "vintage": view.vintage, "pseudo": view.pseudo}
        account["rows"] = len(view.rows)
    return account

"""What ``race import`` prints with ``--json``."""

from __future__ import annotations

from typing import Annotated, Any, NotRequired

from typing_extensions import TypedDict

from race_to_efficiency.json_fields import AtLeast1, Cell, Count, Day, Means, Share, Written
from race_to_efficiency.ledger.changes import ChangedCell
from race_to_efficiency.ledger.listing import MOVING

RowId = Annotated[str, Means("Id in the ledger.")]
ProblemRecord = Annotated[dict[str, Any], Written("ledger.importers.parsed:Problem")]
UNMOVING = ("absent_column", "name_reused", "one_version_a_day", "read_as", "several_numbers", "unknown_column")
"""Kinds of flags that no estimate can move by."""


class NamedRow(TypedDict):
    """A row of the ledger."""

    id: RowId
    name: str


class NewRow(NamedRow):
    """A line that is appended.

    Parameters
    ----------
    what
        kept: a later snapshot's state, written out so that it stays as it was.
    """

    what: Annotated[str, Means(enum=["new", "revised", "withdrawn", "kept"])]
    released: Annotated[str | None, Means("ISO date; null: undated.")]
    recorded: Annotated[str, Means("ISO date.")]
    column: Annotated[str | None, Means("The figure that estimates turn on.")]
    value: Annotated[float | None, Means("Its value, in the column's unit.")]
    after_quarter: Annotated[bool | None, Means("Whether it falls after the current quarter; null when there is none.")]


class Revision(NamedRow, ChangedCell):
    """One revised cell."""

    line: Count
    where: NotRequired[Annotated[str, Means("Path inside a folder delivery.")]]


class OldNew(TypedDict):
    """A text before and after."""

    old: str | None
    new: str | None


class OldNewDate(OldNew):
    """Release dates."""

    changed: bool


class ProposedRename(TypedDict):
    """Two names that may be one row; merged only when accepted."""

    old_name: str
    new_name: str
    id: RowId
    accepted: Annotated[bool, Means("Whether the two are one row from now on.")]
    basis: Annotated[str, Means("proposed, alias table, or a name this id has had.")]
    name_similarity: Annotated[Share, Means("0 to 1.")]
    figures_equal: Count
    figures_different: Count
    released: OldNewDate
    changed: Annotated[dict[str, OldNew], Means("Column -> old and new text.")]
    evidence: str


class ProposedCluster(TypedDict):
    """A row that its publisher seems to have split: equal compute and hours, the parent gone."""

    parent: Annotated[str, Means("Id that is withdrawn.")]
    rows: Annotated[list[str], Means("New ids.")]
    evidence: str


class FlagCount(TypedDict):
    """The flags of one kind."""

    kind: str
    count: AtLeast1
    why: Annotated[str, Means("Of the first of them.")]
    moves_estimates: bool


class Flag(TypedDict):
    """Something a person should look at."""

    kind: Annotated[str, Means(enum=[*MOVING, *UNMOVING])]
    why: Annotated[str, Means("What looks wrong.")]
    id: NotRequired[str]
    name: NotRequired[str]
    column: NotRequired[str]
    line: NotRequired[Count]
    where: NotRequired[str]
    path: NotRequired[Annotated[str, Means("File inside a folder delivery.")]]
    old: NotRequired[Cell]
    new: NotRequired[Cell]
    factor: NotRequired[Annotated[float, Means("New over old.")]]
    frontier: NotRequired[Annotated[float, Means("Best value known.")]]
    add: NotRequired[Annotated[str, Means("Lines to add to params.yaml.")]]


class PlanDocument(TypedDict):
    """What an import does to a ledger."""

    read: Annotated[Count, Means("Records in the delivery.")]
    unchanged: Annotated[Count, Means("Rows as the ledger has them.")]
    new: Count
    revised: Annotated[Count, Means("Rows with at least one other figure.")]
    withdrawn: Annotated[Count, Means("Rows of the ledger no longer in the delivery.")]
    excluded: Count
    quarantined: Count
    new_rows: Annotated[list[NewRow], Means("Every line appended, or with dry_run to be appended, in their order.")]
    revisions: list[Revision]
    proposed_renames: list[ProposedRename]
    proposed_clusters: list[ProposedCluster]
    flag_counts: Annotated[list[FlagCount], Means("Flags by kind, those that an estimate can move by first.")]
    flags: list[Flag]
    withdrawals: Annotated[list[NamedRow], Means("Rows that are no longer in the delivery.")]
    exclusions: list[ProblemRecord]
    quarantine: list[ProblemRecord]
    appended: Annotated[Count, Means("Lines appended to the ledger, or with dry_run to be appended.")]


class Imported(PlanDocument):
    """What a publication changed, or with --dry-run would change, in the ledger.

    read = unchanged + new + revised + excluded + quarantined; withdrawn stands beside it.
    """

    source: Annotated[str, Means("The importer's word.", pattern="^[a-z][a-z0-9-]*$")]
    recorded: Annotated[Day, Means("Day the publisher's table looked like this.")]
    table: Annotated[str, Means("Ledger, without .csv.")]
    dry_run: Annotated[bool, Means("Whether nothing was written.")]

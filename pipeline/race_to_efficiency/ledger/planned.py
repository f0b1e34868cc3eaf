"""What an import would append, and what it tells of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from race_to_efficiency.ledger.listing import counted

if TYPE_CHECKING:
    from race_to_efficiency.ledger import import_records
    from race_to_efficiency.ledger.importers.parsed import Parsed


@dataclass
class Plan:
    """An import, worked out.

    Parameters
    ----------
    parsed : Parsed
        The delivery.
    recorded : str
        ISO date the versions count from.
    lines : list of dict
        Ledger lines to append, as texts.
    alias_lines : list of dict
        Accepted renames to append to the alias table.
    unchanged, new, revised, withdrawn : int
    new_rows : list of dict
        One for each line, in their order (`listing.listed`).
    revisions, withdrawals, proposed_renames, proposed_clusters, flags : list of dict
        For the reader, JSON-ready.
    """

    parsed: Parsed
    recorded: str
    lines: list[dict[str, str]] = field(default_factory=list)
    alias_lines: list[dict[str, str]] = field(default_factory=list)
    unchanged: int = 0
    new: int = 0
    revised: int = 0
    withdrawn: int = 0
    new_rows: list[import_records.NewRow] = field(default_factory=list)
    revisions: list[dict[str, Any]] = field(default_factory=list)
    withdrawals: list[import_records.NamedRow] = field(default_factory=list)
    proposed_renames: list[import_records.ProposedRename] = field(default_factory=list)
    proposed_clusters: list[import_records.ProposedCluster] = field(default_factory=list)
    flags: list[dict[str, Any]] = field(default_factory=list)

    def to_json(self) -> import_records.PlanDocument:
        """Return the report of the import: counts as integers, read = the sum of what became of the rows."""
        parsed = self.parsed
        return {
            "read": parsed.n_read,
            "unchanged": self.unchanged,
            "new": self.new,
            "revised": self.revised,
            "withdrawn": self.withdrawn,
            "excluded": len(parsed.excluded),
            "quarantined": len(parsed.quarantined),
            "new_rows": self.new_rows,
            "revisions": cast("list[import_records.Revision]", self.revisions),
            "proposed_renames": self.proposed_renames,
            "proposed_clusters": self.proposed_clusters,
            "flag_counts": counted(self.flags),
            "flags": cast("list[import_records.Flag]", self.flags),
            "withdrawals": self.withdrawals,
            "exclusions": [problem.to_json() for problem in parsed.excluded],
            "quarantine": [problem.to_json() for problem in parsed.quarantined],
            "appended": len(self.lines),
        }

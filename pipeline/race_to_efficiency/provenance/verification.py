"""The outcome of a verification: what holds, what does not, who vouches for it, and what nothing vouches for."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from race_to_efficiency.provenance.findings import Finding, broken
from race_to_efficiency.provenance.folder import UNSIGNED
from race_to_efficiency.provenance.vouching import COVERED, TRUSTED

if TYPE_CHECKING:
    from race_to_efficiency.provenance.audit_records import Publication, Verified
    from race_to_efficiency.provenance.folder import FolderCheck


@dataclass(frozen=True)
class Unsealed:
    """A file, or lines of one, that nothing holds to what it was: no publication, and nothing it is made from."""

    artefact: str
    why: str


@dataclass
class Verification:
    """The outcome of a verification.

    Parameters
    ----------
    scope : {'repository', 'reports', 'folder'}
        What was checked: registry, folders and ledgers; registry and folders; one folder alone.
    folders : list of FolderCheck
    findings : list of Finding
        In the order of the chain; the first broken one is the first bad artefact.
    ledgers : list of str
        Ledger files whose sealed lines hold, with what they cover.
    notes : list of str
        What could not be known, in words; the first says what the signatures are worth.
    unsealed : list of Unsealed
    head : str or None
        Digest of the newest manifest of the chain.
    """

    scope: str
    folders: list[FolderCheck] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    ledgers: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unsealed: list[Unsealed] = field(default_factory=list)
    head: str | None = None

    @property
    def verified(self) -> bool:
        """Whether nothing is broken."""
        return not broken(self.findings)

    @property
    def holds(self) -> list[str]:
        """What still holds, in words."""
        words = [
            f"{check.place or 'this folder'}: manifest and {check.files} files, {check.signature}"
            for check in self.folders
            if not broken(check.findings)
        ]
        return words + self.ledgers

    @property
    def vouched_for(self) -> bool:
        """Whether keys the reader trusts vouch for everything that was checked."""
        return all(check.signature in (TRUSTED, COVERED) for check in self.folders)

    @property
    def unsigned(self) -> list[str]:
        """Published quarters that carry no signature and are covered by none."""
        return [check.title for check in self.folders if check.manifest and check.signature == UNSIGNED]

    def to_json(self) -> Verified:
        """Return the outcome as a JSON-ready mapping."""
        bad = broken(self.findings)
        return {
            "verified": self.verified,
            "scope": self.scope,
            "head": self.head,
            "first_bad": bad[0].to_json() if bad else None,
            "broken": [item.to_json() for item in bad],
            "warnings": [item.to_json() for item in self.findings if item.level == "warning"],
            "holds": self.holds,
            "quarters": [quarter_json(check) for check in self.folders],
            "unsigned": self.unsigned,
            "unsealed": [asdict(item) for item in self.unsealed],
            "notes": self.notes,
        }


def quarter_json(check: FolderCheck) -> Publication:
    """Return how one published quarter stands as a JSON-ready mapping."""
    entry = check.entry
    return {
        "quarter": entry.quarter if entry else None,
        "revision": entry.revision if entry else None,
        "folder": check.place,
        "reconstructed": entry.reconstructed if entry else None,
        "manifest_sha256": entry.manifest_sha256 if entry else None,
        "files": check.files,
        "signature": check.signature,
        "holds": not broken(check.findings),
    }

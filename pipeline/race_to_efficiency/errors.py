"""Errors a person can act on: what happened, where, why, and what to do; each class carries its exit code."""

from __future__ import annotations

from typing import ClassVar


class RaceError(Exception):
    """Base of every error the command reports without a traceback.

    Parameters
    ----------
    what : str
        One sentence naming the failure.
    where : str, optional
        File, row and column (``file:row:column``), or the argument.
    why : str, optional
        The rule that was broken.
    remedy : str, optional
        What to do next; a command where there is one.
    """

    exit_code: ClassVar[int] = 1
    kind: ClassVar[str] = "bug"

    def __init__(
        self, what: str, *, where: str | None = None, why: str | None = None, remedy: str | None = None
    ) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.why = why
        self.remedy = remedy

    def __str__(self) -> str:
        lines = [self.what]
        lines += [
            f"  {label}: {text}"
            for label, text in (("where", self.where), ("why", self.why), ("do", self.remedy))
            if text
        ]
        return "\n".join(lines)

    def to_json(self) -> dict[str, object]:
        """Return the error as a JSON-ready mapping (what, where, why, remedy, kind, exit_code)."""
        return {
            "error": {
                "kind": self.kind,
                "exit_code": self.exit_code,
                "what": self.what,
                "where": self.where,
                "why": self.why,
                "remedy": self.remedy,
            }
        }


class UsageError(RaceError):
    """The call's words are off: unknown name, missing or contradictory option."""

    exit_code = 2
    kind = "usage"


class DataInvalid(RaceError):
    """A file cannot be read as what it claims to be; nothing was changed."""

    exit_code = 3
    kind = "data invalid"


class NotTrustworthy(RaceError):
    """Every estimate asked for was refused by the trust gate."""

    exit_code = 4
    kind = "not trustworthy"


class IntegrityError(RaceError):
    """A digest, chain or re-derivation does not hold."""

    exit_code = 5
    kind = "integrity"


class InputMissing(RaceError):
    """An input is missing or stale; an earlier step must run first."""

    exit_code = 6
    kind = "input missing"


class Locked(RaceError):
    """Another process holds the ledger or the workspace."""

    exit_code = 7
    kind = "locked"

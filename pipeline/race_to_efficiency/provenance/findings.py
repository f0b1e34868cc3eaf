"""What a check found: the artefact, what is wrong with it, and how to get the true one back."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from race_to_efficiency.errors import IntegrityError, RaceError

Level = Literal["broken", "warning"]


@dataclass(frozen=True)
class Finding:
    """One thing a check found.

    Parameters
    ----------
    artefact : str
        File (``reports/2026Q1/report.html``), with line or entry where one is known.
    what : str
        What is wrong, in one sentence.
    restore : str
        What brings the true artefact back; a command where there is one.
    level : {'broken', 'warning'}
        ``broken`` ends in exit code 5; a warning is said and passes.
    """

    artefact: str
    what: str
    restore: str = ""
    level: Level = "broken"

    def to_json(self) -> dict[str, Any]:
        """Return the finding as a JSON-ready mapping."""
        return asdict(self)

    def error(self, what: str, then: str = "") -> IntegrityError:
        """Return the error of what cannot be done because of the finding; ``then`` follows its remedy."""
        return IntegrityError(what, where=self.artefact, why=self.what, remedy=self.restore + then)


def reason(error: Exception) -> str:
    """Return in words why a file could not be read as what it should be."""
    return error.why or error.what if isinstance(error, RaceError) else f"{type(error).__name__} {error}"


def broken(findings: list[Finding]) -> list[Finding]:
    """Return the findings that end in exit code 5, in the order they were made."""
    return [item for item in findings if item.level == "broken"]

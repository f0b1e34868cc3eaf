"""Errors a person can act on: what happened, where, why, and what to do; each class carries its exit code."""

from __future__ import annotations

import errno
import os
from typing import ClassVar, Self

from race_to_efficiency.visible import shortened, visible, width

MAX_MESSAGE_BYTES = 1_500
"""Most that the words of one error take; what is quoted from a file may be of any length."""

MAX_LINES = 20
"""Most line ends of a quoted text that are followed; where there are more they are spelt out."""

PARTS = ("what", "where", "why", "remedy")


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

    def __init_subclass__(cls, *, kind: str, exit_code: int) -> None:
        super().__init_subclass__()
        cls.kind, cls.exit_code = kind, exit_code

    def __init__(
        self, what: str, *, where: str | None = None, why: str | None = None, remedy: str | None = None
    ) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.why = why
        self.remedy = remedy

    def __str__(self) -> str:
        labels = {"what": "", "where": "  where: ", "why": "  why: ", "remedy": "  do: "}
        lines = (labels[name] + _indented(text) for name, text in self.parts().items() if text)
        return "\n".join(lines)

    def parts(self) -> dict[str, str | None]:
        """Return what, where, why and remedy, the longest of them cut so that together they stay within 2 kB."""
        given = {name: getattr(self, name) for name in PARTS}
        lengths = sorted(width(text or "") for text in given.values())
        room, most = MAX_MESSAGE_BYTES, MAX_MESSAGE_BYTES
        for place, length in enumerate(lengths):
            share = room // (len(lengths) - place)
            if length > share:
                most = share
                break
            room -= length
        return {name: text and shortened(text, most) for name, text in given.items()}

    def to_json(self) -> dict[str, object]:
        """Return the error as a JSON-ready mapping (what, where, why, remedy, kind, exit_code)."""
        return {"error": {"kind": self.kind, "exit_code": self.exit_code, **self.parts()}}


def _indented(text: str) -> str:
    """Return a text as a terminal may show it; its own line ends can start no line that looks like ours."""
    lines = text.split("\n")
    return "\n      ".join(map(visible, lines)) if len(lines) <= MAX_LINES else visible(text)


class UsageError(RaceError, kind="usage", exit_code=2):
    """The call's words are off: unknown name, missing or contradictory option."""


class DataInvalid(RaceError, kind="data invalid", exit_code=3):
    """A file cannot be read as what it claims to be; nothing was changed."""


class NotTrustworthy(RaceError, kind="not trustworthy", exit_code=4):
    """Every estimate asked for was refused by the trust gate."""


class IntegrityError(RaceError, kind="integrity", exit_code=5):
    """A digest, chain or re-derivation does not hold."""


class InputMissing(RaceError, kind="input missing", exit_code=6):
    """An input is missing or stale; an earlier step must run first."""


class Locked(RaceError, kind="locked", exit_code=7):
    """Another process holds the ledger or the workspace."""


class SystemRefused(RaceError, kind="system refused", exit_code=8):
    """The operating system refused: no space, no permission, a read-only place, no memory."""

    @classmethod
    def of(cls, error: OSError | MemoryError | RecursionError, where: str | None = None) -> Self:
        """Return the sentence for what Python raised; ``where`` names the place the error itself does not know."""
        if isinstance(error, MemoryError):
            return cls("there is not enough memory", where=where, remedy="give it more, or a smaller input")
        if isinstance(error, RecursionError):
            return cls("the input is nested too deeply to be worked on", where=where, why=str(error))
        if where is None and isinstance(error.filename, str | bytes | os.PathLike):
            where = os.fsdecode(error.filename)
        why = error.strerror or str(error) or type(error).__name__
        what = f"the operating system refused {where or 'a file or stream'}: {why}"
        return cls(what, where=where, why=why, remedy=_REMEDIES.get(error.errno or 0, _REMEDY))


_REMEDY = "once that is seen to, run again; nothing was left half written"
_REMEDIES = {
    errno.ENOSPC: f"free some space; {_REMEDY}",
    errno.EDQUOT: f"free some space; {_REMEDY}",
    errno.EROFS: "make the place writable, or work on a copy that is",
    errno.EACCES: "make the place accessible to you, or work on a copy that is",
    errno.EPERM: "make the place accessible to you, or work on a copy that is",
    errno.EMFILE: "allow more open files (ulimit -n), then run again",
}

NOT_WRITTEN = "Could not be written."
"""What a report says in the place of a part that failed; no such report is published."""

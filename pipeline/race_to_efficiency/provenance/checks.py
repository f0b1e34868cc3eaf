"""What a run found when it last looked at published files and ledgers, kept under the digests of all that it read.

Every run asks the same of files that seldom change. A damaged memory is none (`quarter.store`), other code remembers
nothing, and what is asked by `race audit` or `race publish` is looked at anew.
"""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any

from race_to_efficiency import storage
from race_to_efficiency.errors import SystemRefused
from race_to_efficiency.quarter.code import IMPORT_NAME, package_root
from race_to_efficiency.quarter.here import store_of
from race_to_efficiency.quarter.store import seal, sealed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FILE = "checks.json"
"""Beside what the nodes found, and forgotten with it by `race cache --clear`."""

MOST = 1_000
"""Answers kept, those asked for last first; a run asks for some forty."""


class Checks:
    """Answers to questions about files, from memory where nothing that was read has changed.

    Parameters
    ----------
    root : Path, optional
        The checkout that remembers; without one nothing is remembered.
    """

    def __init__(self, root: Path | None = None) -> None:
        self._path = store_of(root).folder / FILE if root else None
        self._code = _code() if root else ""
        self._before: dict[str, Any] = sealed(self._path, self._code).get("answers", {}) if self._path else {}
        self._found: dict[str, Any] = {}

    def of(self, question: object, answer: Callable[[], Any]) -> Any:
        """Return the answer to a question.

        Parameters
        ----------
        question : object
            JSON-ready: what is asked, and the digests of all that the answer rests on.
        answer : callable
            Works it out; what it returns is JSON-ready.
        """
        key = storage.digest_json(question)
        if key not in self._found:
            self._found[key] = self._before[key] if key in self._before else answer()
        return self._found[key]

    def keep(self) -> None:
        """Write down what was found; where nothing can be written, nothing is remembered."""
        if self._path is None or self._found.keys() <= self._before.keys():
            return
        kept = dict(
            list((self._found | {key: self._before[key] for key in self._before.keys() - self._found}).items())[:MOST]
        )
        with contextlib.suppress(SystemRefused):
            seal(self._path, {"name": self._code, "answers": kept})


def _code() -> str:
    """Return one digest of all the code there is and of the Python that runs it."""
    root = package_root()
    return storage.digest_json([storage.digest_tree(root, (root / IMPORT_NAME).rglob("*.py")), sys.version])

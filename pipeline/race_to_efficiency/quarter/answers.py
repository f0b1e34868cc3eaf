"""Answers that a checkout remembers beside its nodes, each under the digest of all that it rests on.

For what is no number of a quarter: whether published files are what they were, and drawings. A damaged memory is none
(`store`), and other code, another Python or another drawing library remembers nothing.
"""

from __future__ import annotations

import contextlib
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from race_to_efficiency import storage
from race_to_efficiency.errors import SystemRefused
from race_to_efficiency.quarter.code import IMPORT_NAME, package_root
from race_to_efficiency.quarter.store import STORE, seal, sealed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Answers:
    """Answers to questions, from memory where nothing they rest on has changed.

    Parameters
    ----------
    root : Path, optional
        The checkout that remembers; without one nothing is remembered.
    about : str
        Name of the memory: a file that `race cache --clear` removes with what the nodes found.
    most : int
        Answers kept, those asked for last first.
    """

    def __init__(self, root: Path | None = None, about: str = "", most: int = 1_000) -> None:
        self._path = root.joinpath(*STORE, f"{about}.json") if root else None
        self._most = most
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
        older = {key: self._before[key] for key in self._before if key not in self._found}
        kept = dict(list((self._found | older).items())[: self._most])
        with contextlib.suppress(SystemRefused):
            seal(self._path, {"name": self._code, "answers": kept})


def _code() -> str:
    """Return one digest of all the code there is, and of what runs it and draws."""
    root = package_root()
    code = storage.digest_tree(root, (root / IMPORT_NAME).rglob("*.py"))
    return storage.digest_json([code, sys.version, version("matplotlib"), version("numpy")])

"""The stages as dvc.yaml lists them, the one list there is: their order, and the settings and files each reads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from race_to_efficiency import storage
from race_to_efficiency.errors import DataInvalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True)
class Declared:
    """One stage of dvc.yaml.

    Parameters
    ----------
    name, command : str
    settings : tuple of str
        Dotted names of sections and of single settings.
    deps, outs : tuple of str
        Paths of the checkout.
    metrics : tuple of str
        Those of ``outs`` that DVC compares as metrics.
    """

    name: str
    command: str
    settings: tuple[str, ...]
    deps: tuple[str, ...]
    outs: tuple[str, ...]
    metrics: tuple[str, ...] = ()

    @property
    def code(self) -> tuple[str, ...]:
        """The deps that are imported."""
        return tuple(path for path in self.deps if path.endswith(".py"))

    @property
    def data(self) -> tuple[str, ...]:
        """The deps that are opened: tables, documents, templates."""
        return tuple(path for path in self.deps if not path.endswith(".py"))


def shipped(name: str) -> Path:
    """Return a file that came with the code: beside this module where installed, else at the root of the checkout."""
    beside = Path(__file__).with_name(name)
    return beside if beside.is_file() else Path(__file__).parents[3] / name


def declared(root: Path) -> dict[str, Declared]:
    """Return the stages of a checkout's dvc.yaml, in order; those that came with the code where it has none.

    Raises
    ------
    DataInvalid
        When it lists no stages.
    """
    own = root / "dvc.yaml"
    document = storage.read_yaml(own if own.is_file() else shipped(own.name))
    stages = document.get("stages") if isinstance(document, dict) else None
    if not isinstance(stages, dict):
        raise DataInvalid("dvc.yaml lists no stages", where=str(own))
    return {
        name: Declared(
            name,
            str(entry.get("cmd", "")),
            tuple(entry.get("params") or ()),
            _paths(entry.get("deps")),
            _paths(entry.get("outs")) + _paths(entry.get("metrics")),
            _paths(entry.get("metrics")),
        )
        for name, entry in stages.items()
    }


def _paths(items: Iterable[str | Mapping[str, Any]] | None) -> tuple[str, ...]:
    return tuple(item if isinstance(item, str) else next(iter(item)) for item in items or ())

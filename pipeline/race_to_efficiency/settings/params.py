"""params.yaml, typed and checked, and the workspace a run reads and writes.

The quarter in params.yaml is the only "now" of the pipeline. A section of params.yaml is one pydantic model; an unknown
key is refused with the keys that exist, so a misspelt setting can never be silently ignored.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pydantic

from race_to_efficiency import storage
from race_to_efficiency.checkout import root_of
from race_to_efficiency.errors import DataInvalid, InputMissing
from race_to_efficiency.settings.corridor import shipped
from race_to_efficiency.settings.sections import Params
from race_to_efficiency.units import Quarter

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

PARAMS_FILE = "params.yaml"


@dataclass(frozen=True)
class Workspace:
    """Where a run reads and writes: one checkout, one quarter.

    Parameters
    ----------
    root : Path
        The checkout: holds data/raw, params.yaml and pipeline/.
    params : Params
        Checked settings, with the quarter of this run.
    processed : Path
        Folder of everything generated.
    reports : Path
        Folder that holds one folder a quarter and registry.json.
    """

    root: Path
    params: Params
    processed: Path
    reports: Path

    @property
    def quarter(self) -> Quarter:
        """The quarter of this run; its last day is ``quarter.as_of``."""
        return Quarter.parse(self.params.quarter)

    @property
    def raw(self) -> Path:
        """The ledgers' folder."""
        return self.root / "data" / "raw"

    @property
    def published(self) -> Path:
        """The folder of what was stated in earlier publications: one file each, an input of the track record."""
        return self.root / "data" / "published"

    @property
    def seed(self) -> int:
        """The root seed; every stage derives its own streams from it by name."""
        return self.params.seed

    def showing(self, settings: Collection[str]) -> Workspace:
        """Return the workspace with only the sections these dotted names lie in: asking for another is an error."""
        shown = {name: getattr(self.params, name) for name in {setting.partition(".")[0] for setting in settings}}
        return replace(self, params=Params.model_construct(**shown))


def read_params(path: Path) -> Params:
    """Read and check params.yaml.

    Raises
    ------
    InputMissing, DataInvalid
        When the file is missing, is not YAML, or holds an unknown key or a wrong value (each is named).
    """
    document = storage.read_yaml(path)
    return check_params(document, path)


def check_params(document: Any, path: Path) -> Params:
    """Check a parsed params document; ``path`` only names the place in errors."""
    try:
        return Params.model_validate(document)
    except pydantic.ValidationError as error:
        lines = []
        for item in error.errors():
            place = ".".join(str(part) for part in item["loc"])
            given = "" if item["type"] == "missing" else f" (got {item['input']!r})"
            lines.append(f"{place}: {item['msg']}{given}")
        raise DataInvalid(
            f"{path.name} is not valid: {len(lines)} problem{'s' if len(lines) > 1 else ''}",
            where=str(path),
            why="; ".join(lines),
            remedy="correct or remove the named keys; the keys that exist are described in CONTRIBUTING.md",
        ) from None


def find_params(start: Path | None = None) -> Path:
    """Return the params.yaml that holds in a folder: its checkout's, else the one that came with the code."""
    root = None if start is None else root_of(start)
    if root is not None:
        return root / PARAMS_FILE
    return shipped(PARAMS_FILE)


@functools.cache
def shipped_params() -> Params:
    """Return the settings that came with the code, for what is computed outside any checkout's run."""
    return read_params(find_params())


def find_root(start: Path) -> Path:
    """Return the checkout that holds ``start``: the nearest folder upwards with params.yaml and data/raw.

    Raises
    ------
    InputMissing
        When there is none.
    """
    root = root_of(start)
    if root is not None:
        return root
    raise InputMissing(
        "this folder is not inside a race-to-efficiency checkout",
        where=str(start.resolve()),
        why="no params.yaml beside a data/raw folder was found here or above",
        remedy="change into the checkout",
    )


def open_workspace(root: Path, quarter: str | None = None) -> Workspace:
    """Return the workspace of the default quarter, or of another one in folders of its own.

    Raises
    ------
    UsageError, InputMissing, DataInvalid
        When the quarter or params.yaml is wrong.
    """
    params = read_params(root / PARAMS_FILE)
    processed = root / "data" / "processed"
    if quarter is not None and str(Quarter.parse(quarter)) != params.quarter:
        name = str(Quarter.parse(quarter))
        # a quarter that is not the present one is always worked out afterwards
        report = params.report.model_copy(update={"reconstructed": True})
        params = params.model_copy(update={"quarter": name, "report": report})
        processed = processed / name
    return Workspace(root=root, params=params, processed=processed, reports=root / "reports")

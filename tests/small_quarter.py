"""The suite's one small quarter: 2026Q1 of the real ledgers through all seven stages, with few draws, made once.

What it prints is what the code computes on the real rows: only replicates, draws and past origins are fewer.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from filelock import FileLock
from race_to_efficiency import storage
from race_to_efficiency.executors import place
from race_to_efficiency.settings.corridor import declared
from race_to_efficiency.settings.params import Workspace, open_workspace
from reads import recorded
from small_settings import DOCUMENT, document

if TYPE_CHECKING:
    from pathlib import Path

QUARTER = "2026Q1"
READS = "reads.json"
"""What each stage read while it was made: settings by dotted name, files as paths of the checkout."""

SUMMARIES = "summaries.json"
"""What each stage said of its work."""

GROUPS = ("chinchilla_besiroglu2024", "gadre2024_c4", "muennighoff2023")
WEIGHTS = {"algorithmic_lm": 3.0, "algorithmic_published": 2.0, "speedrun_tokens": 1.0}
"""Unequal, so that a mixture that forgets them is seen."""

FEW: dict[str, Any] = {
    "fit_kappa": {
        "bootstrap_replicates": 100,
        "groups": [item for item in DOCUMENT["fit_kappa"]["groups"] if item["group"] in GROUPS],
    },
    "fit_gamma": {"draws": 400, "mixture": WEIGHTS},
    "forecast": {"draws": 1000},
    "backtest": {
        "first_origin": "2024Q4",
        "horizon_quarters": 4,
        "members": {"draws": 200},
        "loss": {"replicates": 20, "cutoff_step_doublings": 12.0},
    },
}


def make(root: Path, folder: Path) -> Workspace:
    """Return the small quarter in ``folder``; whichever process comes first runs the stages, the others wait for it."""
    with FileLock(folder.with_suffix(".lock")):
        if not (folder / "made").is_file():
            lay_out(root, folder)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(place, "WORKERS", 1)  # what another process reads is not seen here
                found = {name: run_and_listen(name, root, folder) for name in declared(root)}
            storage.write_json(folder / READS, {name: reads for name, (_, reads) in found.items()})
            storage.write_json(folder / SUMMARIES, {name: summary for name, (summary, _) in found.items()})
            (folder / "made").touch()
    return open_workspace(folder, QUARTER)


def lay_out(root: Path, folder: Path) -> None:
    """Give a folder what the first stage reads: the ledgers and small settings."""
    (folder / "data").mkdir(parents=True)
    for name in ("raw", "published"):
        (folder / "data" / name).symlink_to(root / "data" / name)
    (folder / "params.yaml").write_text(yaml.safe_dump(document(**FEW)), encoding="utf-8")


def run_and_listen(name: str, root: Path, folder: Path) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """Run a stage; return what it says, the settings it read and the files it opened, the package's own code aside."""
    workspace = open_workspace(folder, QUARTER)
    with recorded(workspace.params) as reads:
        summary = import_module(f"race_to_efficiency.stages.{name}").run(workspace)
    assert not summary.get("problems"), summary["problems"]
    files = set()
    for path in reads.files:
        place = next((place for place in (folder, root) if path.is_relative_to(place)), None)
        if place is not None and path.suffix not in (".py", ".pyc") and path.name != "params.yaml":
            files.add(path.relative_to(place).as_posix())
    return summary, {"settings": sorted(reads.settings), "files": sorted(files)}

"""What no publication holds to what it was: every file under data/ and reports/ that is neither sealed nor derived."""

from __future__ import annotations

from typing import TYPE_CHECKING

from race_to_efficiency.checkout import TEMPORARY
from race_to_efficiency.provenance.registry import REGISTRY
from race_to_efficiency.provenance.verification import Unsealed

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

PROCESSED = "processed"
"""What the stages wrote is made again by any run, and read by none that has not made it."""

WHY = {
    "reports/recovery.md": "what `make recovery` finds: half an hour of simulations makes it again",
    "reports/recovery_forms.md": "the same for fits under conditions: a few minutes make it again",
    "reports/recovery_larger_runs.md": "the same for laws that are used: half an hour makes it again",
    "reports/index.html": "a list of what is published: `race report` makes it again",
}
"""Files that are known to be unsealed, and why they are."""


def unsealed_files(root: Path, reports: Path, published: Collection[str], sealed: Collection[str]) -> list[Unsealed]:
    """Return what stands under data/ and reports/ and is held by nothing.

    Parameters
    ----------
    root, reports : Path
    published : collection of str
        Folders that were checked: their manifests list every file.
    sealed : collection of str
        Names of the files in data/raw that a publication seals.
    """
    found = []
    for path in sorted(reports.iterdir()):
        if path.name not in (*published, REGISTRY, TEMPORARY):
            place = f"{reports.name}/{path.name}{'/' if path.is_dir() else ''}"
            usual = "a run's report, not published" if path.is_dir() else "it is no part of any publication"
            found.append(Unsealed(place, WHY.get(place, usual)))
    data = root / "data"
    for folder in sorted(data.iterdir()) if data.is_dir() else ():
        if folder.name == "raw":
            found += [
                Unsealed(f"data/raw/{path.name}", "in no published quarter: nothing is known of its history")
                for path in sorted(folder.iterdir())
                if path.name not in (*sealed, TEMPORARY)
            ]
        elif folder.name not in (PROCESSED, "published", TEMPORARY):
            found.append(Unsealed(f"data/{folder.name}", "it is no part of any publication"))
    return found

"""What lies under estimates: the rows that move them most, and the code that made them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from race_to_efficiency import storage
from race_to_efficiency.provenance import published_files
from race_to_efficiency.quarter.code import files_reached, is_module, package_root

if TYPE_CHECKING:
    from collections.abc import Iterable

    from race_to_efficiency.provenance.audit_records import Code, CodeFile, Influential
    from race_to_efficiency.provenance.records import QuarterRecords

MOST = 5
"""How many of the rows that mattered most are named."""


def most_influential(estimates: list[dict[str, Any]], records: QuarterRecords) -> list[Influential]:
    """Return the rows whose removal moves the estimates most, as the stages' own tables tell: largest change first.

    For kappa single runs, from the exact leave-one-out table; for gamma the pairs of rows that move it most.
    """
    used = {row for item in estimates for row in item["rows_used"]}
    kappas = {(item.get("group"), item.get("form")): item["id"] for item in estimates if item["symbol"][:6] == "kappa_"}
    kept: list[Influential] = []
    for entry in records.documents["kappa.json"].get("influence", []):
        name = kappas.get((entry.get("group"), entry.get("form")))
        row = f"training_runs/{entry.get('run')}"
        if name is not None and row in used and entry.get("set", "used") == "used":
            kept.append({"rows": [row], "estimate": name, "change": entry["change"]})
    wanted = {item["id"] for item in estimates}
    for entry in records.documents["gamma.json"].get("fragility", []):
        name = f"gamma.{entry.get('component')}"
        if name in wanted and entry.get("rows"):
            kept.append({"rows": list(entry["rows"]), "estimate": name, "change": entry.get("delta")})
    kept.sort(key=lambda item: (-abs(float(item["change"] or 0.0)), item["rows"]))
    once = {tuple(item["rows"]): item for item in reversed(kept)}
    return [item for item in kept if once[tuple(item["rows"])] is item][:MOST]


def code_of(modules: Iterable[str], records: QuarterRecords) -> Code:
    """Return the source files that some modules reach: as published, and whether the code in use is the same.

    Parameters
    ----------
    modules : iterable of str
        Where the functions stand that made the numbers.
    records : QuarterRecords
    """
    root = package_root().parent
    published = published_files.read_manifest(records.folder)["code"] if records.published else {}
    paths = {path for name in modules if is_module(name) for path in files_reached(name)}
    files: list[CodeFile] = []
    for path in sorted(item.relative_to(root).as_posix() for item in paths):
        now = storage.digest_file(root / path)
        then = published.get("files", {}).get(path)
        files.append({"file": path, "sha256": then or now, "unchanged": None if then is None else then == now})
    return {"digest": published.get("digest"), "commit": published.get("commit"), "files": files}

"""What lies under an estimate: the estimates it pools, the rows that move it most, the code that made it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline import storage
from pipeline.provenance.manifest import MANIFEST, code_in_use

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pipeline.provenance.records import QuarterRecords

MOST = 5
"""How many of the rows that mattered most are named."""


def closure(names: Iterable[str], estimates: Mapping[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the named estimates and, below a pooled one that lists no rows itself, the groups it pools."""
    found: dict[str, dict[str, Any]] = {}
    for name in names:
        item = estimates[name]
        found[name] = item
        if item["rows_used"] or item.get("group") != "pooled":
            continue
        for other in estimates.values():
            alike = other["symbol"] == item["symbol"] and other.get("form") == item.get("form")
            if alike and other.get("group") != "pooled" and other["status"] != "refused":
                found[other["id"]] = other
    return list(found.values())


def most_influential(estimates: list[dict[str, Any]], records: QuarterRecords) -> list[dict[str, Any]]:
    """Return the rows whose removal moves the estimates most, as the stages' own tables tell: largest change first."""
    wanted = {item["id"] for item in estimates}
    used = {row for item in estimates for row in item["rows_used"]}
    kept: list[dict[str, Any]] = []
    for entry in records.documents["kappa.json"].get("influence", []):
        name = str(
            entry.get("estimate")
            or entry.get("id")
            or f"{entry.get('symbol')}.{entry.get('group')}.{entry.get('form')}"
        )
        row = str(entry.get("row") or entry.get("row_id") or entry.get("run_id") or "")
        row = row if "/" in row else f"training_runs/{row}"
        if name in wanted and row in used:
            kept.append({"rows": [row], "estimate": name, "change": _change(entry)})
    for entry in records.documents["gamma.json"].get("fragility", []):
        name = f"gamma.{entry.get('component')}"
        if name in wanted and entry.get("kind") == "leave_two_out":
            words = set(str(entry["change"]).replace(",", " ").split())
            rows = [row for row in sorted(used) if row in words or row.partition("/")[2] in words]
            kept.append({"rows": rows, "estimate": name, "change": _change(entry)})
    kept.sort(key=lambda item: (-abs(float(item["change"] or 0.0)), item["rows"]))
    return kept[:MOST]


def _change(entry: Mapping[str, Any]) -> float | None:
    """Return how far an estimate moves without some rows."""
    for key in ("change", "delta", "effect"):
        if isinstance(entry.get(key), (int, float)):
            return float(entry[key])
    return None


def code_of(names: set[str], records: QuarterRecords) -> dict[str, Any]:
    """Return the source files behind dotted names: as published, and whether the code in use is the same.

    Parameters
    ----------
    names : set of str
        ``pipeline.calibration.kappa.fit_group`` and the like.
    """
    root = code_in_use()
    published: dict[str, Any] = {}
    if records.published:
        published = storage.read_json(records.folder / MANIFEST)["code"]
    files = []
    for path in sorted({path for name in names if (path := module_file(name))}):
        now = storage.digest_file(root / path)
        then = published.get("files", {}).get(path)
        files.append({"file": path, "sha256": then or now, "unchanged": None if then is None else then == now})
    return {"digest": published.get("digest"), "commit": published.get("commit"), "files": files}


def module_file(name: str) -> str | None:
    """Return the path of the module a dotted name lies in, or None when the package has none such."""
    parts = name.split(".")
    for length in range(len(parts), 1, -1):
        path = "/".join(parts[:length]) + ".py"
        if parts[0] == "pipeline" and (code_in_use() / path).is_file():
            return path
    return None

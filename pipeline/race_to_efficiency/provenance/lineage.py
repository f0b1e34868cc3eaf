"""What lies under an estimate: the estimates it pools, the rows that move it most, the code that made it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from race_to_efficiency import storage
from race_to_efficiency.provenance.manifest import MANIFEST, code_in_use

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from race_to_efficiency.provenance.records import QuarterRecords

MOST = 5
"""How many of the rows that mattered most are named."""


def closure(names: Iterable[str], records: QuarterRecords) -> list[dict[str, Any]]:
    """Return the named estimates and those they are made of: a route's components, the groups a pooled kappa pools."""
    found: dict[str, dict[str, Any]] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop(0)
        if name not in found:
            found[name] = records.estimates[name]
            waiting += members(found[name], records)
    return list(found.values())


def members(estimate: Mapping[str, Any], records: QuarterRecords) -> list[str]:
    """Return the ids of the estimates that one is directly composed of."""
    known = records.estimates
    if estimate.get("group") == "pooled":
        families = estimate.get("diagnostics", {}).get("families", [])
        pooled = {group for family in families for group in family.get("groups", [])}
        return [
            name
            for name, other in known.items()
            if other["symbol"] == estimate["symbol"]
            and other.get("form") == estimate.get("form")
            and other.get("group") not in (None, "pooled")
            and (other["group"] in pooled if pooled else other["status"] != "refused")
        ]
    routes = records.documents["gamma.json"].get("routes", [])
    route = next((item for item in routes if item.get("estimate") == estimate["id"]), None)
    if route is not None:
        terms = [*route.get("components", []), *(item["term"] for item in route.get("conversion", []))]
        return [f"gamma.{term}" for term in terms if f"gamma.{term}" in known]
    if estimate["id"] == "gamma.algorithmic.mixture":
        used = set(estimate["rows_used"])
        return [name for name in MIXED if name in known and set(known[name]["rows_used"]) <= used]
    return []


MIXED = ("gamma.algorithmic_lm.ln_loss", "gamma.algorithmic_published.prior", "gamma.speedrun_tokens.recent")
"""Estimates the algorithmic mixture may be made of; a part is one when its rows are among the mixture's."""


def most_influential(estimates: list[dict[str, Any]], records: QuarterRecords) -> list[dict[str, Any]]:
    """Return the rows whose removal moves the estimates most, as the stages' own tables tell: largest change first.

    For kappa single runs, from the exact leave-one-out table; for gamma the pairs of rows that move it most.
    """
    used = {row for item in estimates for row in item["rows_used"]}
    kappas = {(item.get("group"), item.get("form")): item["id"] for item in estimates if item["symbol"][:6] == "kappa_"}
    kept: list[dict[str, Any]] = []
    for entry in records.documents["kappa.json"].get("influence", []):
        name = kappas.get((entry.get("group"), entry.get("form")))
        row = f"training_runs/{entry.get('run')}"
        if name is not None and row in used and entry.get("set", "used") == "used":
            kept.append({"rows": [row], "estimate": name, "change": entry["change"]})
    wanted = {item["id"] for item in estimates}
    for entry in records.documents["gamma.json"].get("fragility", []):
        name = f"gamma.{entry.get('component')}"
        if name in wanted and entry.get("kind") == "leave_two_out":
            words = set(str(entry["change"]).replace(",", " ").split())
            rows = [row for row in sorted(used) if row in words or row.partition("/")[2] in words]
            kept.append({"rows": rows, "estimate": name, "change": entry.get("delta")})
    kept.sort(key=lambda item: (-abs(float(item["change"] or 0.0)), item["rows"]))
    once = {tuple(item["rows"]): item for item in reversed(kept)}
    return [item for item in kept if once[tuple(item["rows"])] is item][:MOST]


def code_of(names: set[str], records: QuarterRecords) -> dict[str, Any]:
    """Return the source files behind dotted names: as published, and whether the code in use is the same.

    Parameters
    ----------
    names : set of str
        ``race_to_efficiency.calibration.kappa.groups.fit_group`` and the like.
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
        path = "/".join(("pipeline", *parts[:length])) + ".py"
        if parts[0] == "race_to_efficiency" and (code_in_use() / path).is_file():
            return path
    return None

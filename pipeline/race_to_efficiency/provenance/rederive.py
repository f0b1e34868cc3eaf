"""A published quarter computed again from nothing but the ledgers and its settings, held against what was published.

The work happens in a folder of its own with no generated files and no reports in it. The ledgers hold the rows that the
quarter was published with and no others; the as-of views then see what the quarter could see. The stages are handed in
by the caller: this room knows nothing above it.
"""

from __future__ import annotations

import shutil
import tempfile
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from race_to_efficiency import storage
from race_to_efficiency.errors import RaceError
from race_to_efficiency.ledger.lines import csv_text
from race_to_efficiency.provenance.compare import ESTIMATES, Comparison, check_page, compare_quarter, pages_that_differ
from race_to_efficiency.provenance.contents import INPUTS
from race_to_efficiency.provenance.findings import Finding, broken
from race_to_efficiency.provenance.folder import check_folder
from race_to_efficiency.provenance.kept_files import kept_bytes, plain_name
from race_to_efficiency.provenance.ledger_history import sealed_finding
from race_to_efficiency.provenance.manifest import PARAMS, code_in_use, code_record, libraries, machine
from race_to_efficiency.provenance.sealed_rows import sealed_ledger
from race_to_efficiency.settings.sealed import complete

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from race_to_efficiency.provenance.audit_records import Rederived
    from race_to_efficiency.provenance.row_seals import Found, Ledger
    from race_to_efficiency.settings.params import Workspace

Runner = Callable[["Workspace"], object]
"""Runs all stages of a workspace."""

Opener = Callable[[Path, str], "Workspace"]
"""Opens the workspace of a quarter under a root."""

LISTED = 500
"""Differences listed one by one; beyond that they are counted by file."""

PACKAGE = "pipeline/race_to_efficiency/"

UPSTAIRS = tuple(PACKAGE + name for name in ("provenance/", "commands/", "cli.py", "__main__.py"))
"""Code that hands numbers on and computes none."""

ELSEWHERE_TOLERANCE = 1e-6
"""Relative tolerance where libraries or machine differ from those of the publication: optimisers stop within it."""


@dataclass
class Rederivation:
    """What came of computing a quarter again.

    Parameters
    ----------
    quarter : str
    same_environment : bool
        Libraries and machine are those of the publication.
    comparison : Comparison
    causes : list of Finding
        Inputs that are not what they were: published files, ledger lines, settings, code.
    notes : list of str
    settings_before : dict
        Settings born after the publication, by dotted name: the value that does what was done before them.
    """

    quarter: str
    same_environment: bool
    comparison: Comparison
    causes: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    settings_before: dict[str, Any] = field(default_factory=dict)

    @property
    def agrees(self) -> bool:
        """Whether every published number came out again from untouched inputs."""
        return not self.comparison.differences and not broken(self.causes)

    def to_json(self) -> Rederived:
        """Return the outcome as a JSON-ready mapping; the report's numbers first, the largest differences first."""
        found = self.comparison.differences
        order = ("numbers.json", *ESTIMATES)
        rank = {name: place for place, name in enumerate(order)}
        ordered = sorted(found, key=lambda item: (rank.get(item.where, len(order)), -(item.relative or 0.0)))
        counts: dict[str, int] = {}
        for item in ordered:
            counts[item.where] = counts.get(item.where, 0) + 1
        return {
            "quarter": self.quarter,
            "agrees": self.agrees,
            "tolerance": self.comparison.tolerance,
            "same_environment": self.same_environment,
            "compared": self.comparison.compared,
            "different": counts,
            "differences": [item.to_json() for item in ordered[:LISTED]],
            "causes": [item.to_json() for item in self.causes],
            "notes": self.notes,
            "settings_before": self.settings_before,
        }


def rederive(
    folder: Path,
    raw: Path,
    runner: Runner,
    opener: Opener,
    *,
    checkout: Path | None = None,
    tolerance: float | None = None,
) -> Rederivation:
    """Compute a published quarter again and compare every number.

    Parameters
    ----------
    folder : Path
        The published folder.
    raw : Path
        The ledgers.
    runner, opener : callable
        Run the stages; open a workspace (`race_to_efficiency.settings.params.open_workspace`).
    checkout : Path, optional
        The checkout whose params.yaml is held against the published settings.
    tolerance : float, optional
        Relative; by default 0 (identity) on the same libraries and machine, else `ELSEWHERE_TOLERANCE`.

    Raises
    ------
    IntegrityError
        When the folder has no manifest that can be read.
    InputMissing, DataInvalid
        When a ledger or a published file is missing or cannot be read.
    """
    place = f"{folder.parent.name}/{folder.name}" if (folder.parent / "registry.json").exists() else folder.name
    check = check_folder(folder, place=place)
    causes, manifest = check.findings, check.manifest
    if manifest is None:
        raise causes[0].error("there is nothing to hold a recomputation against")
    causes += page_findings(folder, place)
    held = [sealed_ledger(folder, raw, name, manifest) for name in manifest["ledgers"]]
    causes += [item for ledger, found in held for item in ledger_findings(ledger, found, manifest["quarter"])]
    if checkout is not None:
        causes += settings_findings(folder, checkout / PARAMS, manifest["quarter"])
    same = {"machine": machine(), "libraries": libraries()} == manifest["environment"]
    allowed = tolerance if tolerance is not None else (0.0 if same else ELSEWHERE_TOLERANCE)
    notes = [] if same else [environment_words(manifest["environment"])]
    settings, settings_before = complete(storage.read_yaml(folder / PARAMS))
    with tempfile.TemporaryDirectory(prefix="race-rederive-") as name:
        root = prepare(Path(name), folder, held, manifest)
        storage.write_json(root / PARAMS, settings)  # JSON is YAML
        try:
            workspace = opener(root, manifest["quarter"])
            runner(workspace)
        except Exception as error:  # noqa: BLE001 (changed code or data may fail in any way, and that is a finding)
            causes.append(stopped(error))
            comparison = Comparison(allowed)
        else:
            comparison = compare_quarter(folder, workspace.processed, allowed)
            pages = pages_that_differ(folder, workspace.processed)
            notes += [f"not the same bytes again: {', '.join(pages)}"] if pages else []
    unexplained = (comparison.differences or not comparison.compared) and not broken(causes)
    causes += code_findings(manifest, decisive=bool(unexplained) or not comparison.compared)
    return Rederivation(manifest["quarter"], same, comparison, causes, notes, settings_before)


def stopped(error: Exception) -> Finding:
    """Return the finding that the stages no longer run through."""
    if isinstance(error, RaceError):
        return Finding("the stages", f"they no longer run on this quarter: {error.what}", error.remedy or "")
    frames = traceback.extract_tb(error.__traceback__)
    place = f" in {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return Finding("the stages", f"they no longer run on this quarter: {type(error).__name__}: {error}{place}")


def prepare(root: Path, folder: Path, ledgers: Iterable[tuple[Ledger, Found]], manifest: Mapping[str, Any]) -> Path:
    """Lay out a clean checkout but for its settings: the sealed rows, the code in use; nothing generated.

    Where sealed rows are missing the whole ledger is taken: what stands in their place tells what the change does.
    """
    for ledger, found in ledgers:
        rows = [ledger.rows[place].cells for place in found.rows]
        data = csv_text([ledger.header, *rows]).encode() if found.holds else ledger.data
        storage.write_bytes(root / "data" / "raw" / ledger.name, data)
    for name in manifest["files"]:
        if name.startswith(INPUTS):
            plain = plain_name(name)
            storage.write_bytes(root / plain.removeprefix(INPUTS), kept_bytes(folder / plain))
    code = code_in_use()
    shutil.copytree(code / "pipeline", root / "pipeline", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("requirements.lock", "pyproject.toml", "dvc.yaml"):
        if (code / name).exists():
            storage.write_bytes(root / name, storage.read_bytes(code / name))
    return root


def page_findings(folder: Path, place: str) -> list[Finding]:
    """Return the numerals of the published page that are not what numbers.json says."""
    try:
        differences = check_page(folder).differences
    except RaceError as error:
        return [Finding(f"{place}/report.html", f"its numerals cannot be read: {error.what}")]
    return [
        Finding(
            f"{place}/report.html",
            f"{item.name} is {item.recomputed!r} on the page and {item.published!r} in numbers.json",
        )
        for item in differences
    ]


def ledger_findings(ledger: Ledger, found: Found, quarter: str) -> list[Finding]:
    """Return the row that is not what it was; a change of what was recorded after the quarter's last day only warns."""
    if found.holds:
        return []
    item = sealed_finding(ledger, quarter, found)
    return [replace(item, level="warning") if found.as_of_holds else item]


def settings_findings(folder: Path, params: Path, quarter: str) -> list[Finding]:
    """Return the settings that differ from the published ones, by key; broken where the checkout is on that quarter."""
    if not params.is_file() or storage.read_bytes(params) == storage.read_bytes(folder / PARAMS):
        return []
    then, now = (_flat(complete(storage.read_yaml(path))[0]) for path in (folder / PARAMS, params))
    own = str(now.get("quarter")) == quarter
    return [
        Finding(
            f"{PARAMS}: {key}",
            f"it is {now.get(key, 'absent')!r} here, {quarter} was published with {then.get(key, 'absent')!r}",
            f"take it back from {folder.name}/{PARAMS}, or move on to another quarter",
            "broken" if own else "warning",
        )
        for key in sorted(set(then) | set(now))
        if key != "quarter" and then.get(key) != now.get(key)
    ]


def _flat(document: Any, prefix: str = "") -> dict[str, Any]:
    """Return a nested document as dotted key -> value; lists are values."""
    if not isinstance(document, dict):
        return {prefix: document}
    flat: dict[str, Any] = {}
    for key, value in document.items():
        flat |= _flat(value, f"{prefix}.{key}" if prefix else str(key))
    return flat


def code_findings(manifest: Mapping[str, Any], *, decisive: bool) -> list[Finding]:
    """Return the source files that changed since the publication.

    Broken where numbers differ and nothing else explains it and the file computes numbers; else a warning.
    """
    then, now = manifest["code"]["files"], code_record(code_in_use())["files"]
    commit = manifest["code"]["commit"]
    restore = f"git worktree add ../then {commit}" if commit else "take the code of that time"
    return [
        Finding(
            name,
            "removed since" if name not in now else "added since" if name not in then else "changed since publication",
            restore,
            "broken" if decisive and _computes(name) else "warning",
        )
        for name in sorted(set(then) | set(now))
        if then.get(name) != now.get(name)
    ]


def _computes(name: str) -> bool:
    """Tell whether a source file can change a published number."""
    return not name.startswith(UPSTAIRS)


def environment_words(published: Mapping[str, Any]) -> str:
    """Return in words how this environment differs from that of the publication."""
    then = {**published["machine"], **published["libraries"]}
    now = {**machine(), **libraries()}
    changes = [
        f"{name} {then.get(name)} -> {now.get(name)}"
        for name in sorted(set(then) | set(now))
        if then.get(name) != now.get(name)
    ]
    return f"libraries or machine differ from the publication's: {', '.join(changes)}"

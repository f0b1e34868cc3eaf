"""A quarter's records read back: its numbers, estimates, forecast and sources, from a published folder or a run."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from race_to_efficiency import storage
from race_to_efficiency.errors import InputMissing
from race_to_efficiency.provenance import published_files, registry, sources
from race_to_efficiency.provenance.manifest import PARAMS
from race_to_efficiency.provenance.stamps import require_own
from race_to_efficiency.quarter.forecast_lineage import curve_of, loss_of
from race_to_efficiency.quarter.lineage import Edges, gathered
from race_to_efficiency.settings.sealed import complete

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import pandas as pd

    from race_to_efficiency.settings.params import Workspace

SOURCES_FILE = "sources.json"
"""A published folder's own list of the sources its numbers rest on, so that it can be traced with no ledger at hand."""

ESTIMATE_FILES = ("kappa.json", "gamma.json")

LINEAGE = "lineage.parquet"
"""A published folder's edges, of all stages."""


@dataclass(frozen=True)
class QuarterRecords:
    """The records of one quarter, read when asked for.

    Parameters
    ----------
    quarter : str
    as_of : str
        Last day of the quarter, ISO.
    folder : Path
        Where the stages' files lie: data/processed, or a published folder.
    published : bool
    raw : Path or None
        The ledgers, where they are at hand.
    """

    quarter: str
    as_of: str
    folder: Path
    published: bool
    raw: Path | None = None

    def path(self, name: str) -> Path:
        """Return the path of a file of the quarter: beside the others, or under report/ in an unpublished run."""
        direct = self.folder / name
        return direct if direct.exists() or self.published else self.folder / "report" / name

    @cached_property
    def numbers(self) -> dict[str, dict[str, Any]]:
        """numbers.json: number id -> value, unit, text, refs."""
        document = published_files.published_json(self.path("numbers.json"))
        numbers: dict[str, dict[str, Any]] = document.get("numbers", document)
        return numbers

    @cached_property
    def documents(self) -> dict[str, dict[str, Any]]:
        """kappa.json and gamma.json."""
        return {name: published_files.published_json(self.folder / name) for name in ESTIMATE_FILES}

    @cached_property
    def settings(self) -> dict[str, Any]:
        """params.yaml as the quarter was published with, or as it stands; empty where there is none."""
        path = self.folder / PARAMS if self.published else self.raw.parents[1] / PARAMS if self.raw else None
        return complete(published_files.published_yaml(path))[0] if path is not None and path.exists() else {}

    @cached_property
    def estimates(self) -> dict[str, dict[str, Any]]:
        """Estimate id -> record."""
        return {item["id"]: item for document in self.documents.values() for item in document["estimates"]}

    @cached_property
    def edges(self) -> Edges:
        """What every number rests on, as the stages wrote it.

        Raises
        ------
        InputMissing
            When the quarter was published or run before edges were kept.
        """
        kept = self.folder / LINEAGE
        frame = published_files.published_parquet(kept) if kept.is_file() else gathered(self.folder)
        if frame.empty:
            raise InputMissing(
                f"what the numbers of {self.quarter} rest on was not kept with them",
                where=str(self.folder),
                remedy=f"race run --quarter {self.quarter}, which writes it",
            )
        return Edges.read(frame)

    @cached_property
    def headline_outputs(self) -> frozenset[str]:
        """Outputs that the headline's numbers are: its curves in both readings, and the loss from its anchor."""
        report = self.settings["report"]
        scenario, anchor = report["headline_scenario"], report["headline_anchor"]
        curves = [curve_of(scenario, form, "pooled") for form in ("total", "reducible")]
        return frozenset([*curves, loss_of(scenario, anchor, "pooled")])

    @cached_property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Tables read so far, by name."""
        return {}

    def table(self, name: str) -> pd.DataFrame:
        """Return ``forecast`` or ``milestones``."""
        if name not in self.tables:
            self.tables[name] = published_files.published_parquet(self.path(f"{name}.parquet"))
        return self.tables[name]

    @cached_property
    def ledgers(self) -> frozenset[str]:
        """File names of the ledgers: as sealed where published, else as they lie."""
        if self.published:
            return frozenset(published_files.read_manifest(self.folder)["ledgers"])
        return frozenset(path.name for path in self.raw.glob("*.csv")) if self.raw else frozenset()

    def excluded(self, tables: Iterable[str]) -> dict[str, str]:
        """Return the rows of some tables that the as-of views set aside, with the reason: ``TABLE/ID`` -> reason."""
        kept = self.folder / SOURCES_FILE
        listed = published_files.published_json(kept)["excluded"] if self.published else excluded_rows(self.folder)
        wanted = sorted(set(tables) & set(listed))
        return {f"{table}/{key}": reason for table in wanted for reason, keys in listed[table].items() for key in keys}

    def sources(self, row_ids: list[str]) -> list[dict[str, Any]]:
        """Return the sources that rows rest on, from the published list or from the ledgers."""
        if self.published:
            return sources.narrow(published_files.published_json(self.folder / SOURCES_FILE)["sources"], row_ids)
        if self.raw is None:
            raise InputMissing("no ledgers are at hand to find the sources in", where=str(self.folder))
        return sources.narrow(sources.source_documents(self.raw, self.as_of, row_ids), row_ids)


def excluded_rows(processed: Path) -> dict[str, dict[str, list[str]]]:
    """Return the rows that a run's as-of views set aside: table -> reason -> ids, sorted."""
    found: dict[str, dict[str, list[str]]] = {}
    for path in sorted((processed / "ledger").glob("*.parquet")):
        view = storage.read_parquet(path)
        if "exclusion" not in view.columns:
            continue
        aside = view[view["exclusion"].fillna("") != ""]
        reasons: dict[str, list[str]] = {}
        for key, reason in zip(aside.iloc[:, 0].astype(str), aside["exclusion"].astype(str), strict=True):
            reasons.setdefault(reason, []).append(key)
        if reasons:
            found[path.stem] = {reason: sorted(reasons[reason]) for reason in sorted(reasons)}
    return found


def source_list(workspace: Workspace) -> dict[str, Any]:
    """Return sources.json of a quarter about to be published."""
    as_of = workspace.quarter.as_of.isoformat()
    edges = gathered(workspace.processed)
    counted = edges["output"].str.startswith("ledger.")  # a count of rows cites nothing
    rows = sorted(set(edges.loc[(edges["kind"] == "row") & ~counted, "target"]))
    found = sources.source_documents(workspace.raw, as_of, rows)
    excluded = excluded_rows(workspace.processed)
    return {"quarter": str(workspace.quarter), "as_of": as_of, "sources": found, "excluded": excluded}


def open_records(workspace: Workspace) -> QuarterRecords:
    """Return a quarter's records: of its newest published revision, else of its last run here.

    Raises
    ------
    InputMissing
        When the quarter was neither published nor run.
    """
    name, as_of = str(workspace.quarter), workspace.quarter.as_of.isoformat()
    entry = registry.latest(registry.read_entries(workspace.reports), name)
    run_here = not gathered(workspace.processed).empty
    if entry is not None and ((workspace.reports / entry.folder / LINEAGE).is_file() or not run_here):
        return QuarterRecords(name, as_of, workspace.reports / entry.folder, published=True, raw=workspace.raw)
    if not (workspace.processed / ESTIMATE_FILES[0]).exists():
        raise InputMissing(
            f"{name} was neither published nor run here",
            where=str(workspace.processed),
            remedy=f"race run --quarter {name}",
        )
    require_own(workspace)
    return QuarterRecords(name, as_of, workspace.processed, published=False, raw=workspace.raw)


def open_folder(folder: Path) -> QuarterRecords:
    """Return the records of a published folder wherever it lies.

    Raises
    ------
    InputMissing, IntegrityError
        When it is no published folder, or its manifest is none any more.
    """
    manifest = published_files.read_manifest(folder)
    return QuarterRecords(manifest["quarter"], manifest["as_of"], folder, published=True)

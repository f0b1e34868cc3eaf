"""What each view of ``race show`` is: where it is read from, what its rows are, and what they are picked by."""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, cast

from race_to_efficiency.errors import InputMissing, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from race_to_efficiency.calibration.gamma.records import GammaDocument
    from race_to_efficiency.commands.view_records import (
        Brief,
        Due,
        Estimates,
        Routes,
        ScenarioReadings,
        Scenarios,
        Scores,
        Stated,
    )
    from race_to_efficiency.settings.params import Workspace

BRIEF = "brief.json"
YEARS = (1.0, 5.0)
"""Horizons at which scenarios stand beside each other, in years."""

ENDED = ("resolved", "void")
"""States of a statement from which nothing is awaited any more."""

DUE_KEYS = ("id", "what", "by", "unit", "kind")
PUBLISHED_KEYS = ("publication", *DUE_KEYS, "status", "median", "low80", "high80")
"""What is told of a statement of this quarter, and of an earlier one."""


@dataclass(frozen=True)
class View:
    """One view.

    Parameters
    ----------
    read : callable
        From a workspace to the document, without quarter and date.
    rows : str
        Key of its list.
    picked_by : mapping of str to sequence of str
        Option to the keys of a row it looks into.
    """

    read: Callable[[Workspace], Mapping[str, Any]]
    rows: str
    picked_by: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def pick(self, document: Mapping[str, Any], picks: Mapping[str, str | None]) -> dict[str, Any]:
        """Return the document with the rows alone whose names hold what was asked for.

        Raises
        ------
        UsageError
            When the view is not picked by an option, or no row is left; the nearest name is suggested.
        """
        rows: list[dict[str, Any]] = document[self.rows]
        for option, text in picks.items():
            if text is None:
                continue
            if option not in self.picked_by:
                known = ", ".join(self.picked_by)
                raise UsageError(f"{option} picks nothing here", why=f"this view knows {known or 'no such option'}")
            keys = self.picked_by[option]
            names = sorted({str(row.get(key) or "") for row in rows for key in keys} - {""})
            rows = [row for row in rows if any(text in str(row.get(key) or "") for key in keys)]
            if not rows:
                near = get_close_matches(text, names, n=1, cutoff=0.4)
                raise UsageError(
                    f"{option} {text} leaves no row",
                    why=f"it is part of none of the {len(names)} names there are",
                    remedy=f"did you mean {near[0]}?" if near else None,
                )
        return {**document, self.rows: rows}


def locate(workspace: Workspace, name: str) -> Path:
    """Return a quarter's file: of its last run here, else of its published folder.

    Raises
    ------
    InputMissing
        When the quarter was neither run here nor published.
    """
    from race_to_efficiency.commands.corridor import require_processed
    from race_to_efficiency.provenance.registry import newest_folder

    published = newest_folder(workspace.reports, str(workspace.quarter))
    if published is not None and not (workspace.processed / name).exists():
        return published / name
    return require_processed(workspace, name)


def part(workspace: Workspace, name: str) -> dict[str, Any]:
    """Return one document of a quarter without its quarter and date, which every view names itself."""
    from race_to_efficiency.provenance import published_files

    document = published_files.published_json(locate(workspace, name))
    return {key: value for key, value in document.items() if key not in ("quarter", "as_of")}


def read_headline(workspace: Workspace) -> Brief:
    """Return the brief: the finding, its lines for a screen, its numbers.

    Raises
    ------
    InputMissing
        When the quarter was not run here, or was published before there was a brief.
    """
    from race_to_efficiency.provenance import published_files
    from race_to_efficiency.provenance.kept_files import is_kept

    path = locate(workspace, f"report/{BRIEF}")
    if not is_kept(path):
        path = path.parents[1] / BRIEF  # a published folder keeps the report's files beside the records
    if not is_kept(path):
        raise InputMissing(
            f"{workspace.quarter} was published before reports had a brief",
            where=str(path),
            remedy=f"race run --quarter {workspace.quarter} makes one from today's code",
        )
    found: Brief = published_files.published_json(path)
    return found


def read_scenarios(workspace: Workspace) -> Scenarios:
    """Return each scenario with its readings at `YEARS`."""
    from race_to_efficiency.commands.quarter_forecast import QuarterForecast

    forecast = QuarterForecast(workspace)
    rows: list[ScenarioReadings] = [
        {"scenario": item["name"], "title": item["title"], "results": forecast.of(item["name"], YEARS)["results"]}
        for item in part(workspace, "scenarios.json")["scenarios"]
    ]
    return {"anchor": workspace.params.report.headline_anchor, "scenarios": rows}


def read_estimates(workspace: Workspace) -> Estimates:
    """Return every estimate of kappa and gamma."""
    return {"estimates": [item for name in ("kappa.json", "gamma.json") for item in part(workspace, name)["estimates"]]}


def read_gamma(workspace: Workspace) -> GammaDocument:
    """Return gamma's components, routes and tables."""
    return cast("GammaDocument", part(workspace, "gamma.json"))


def read_routes(workspace: Workspace) -> Routes:
    """Return gamma's routes alone, the headline's first."""
    routes = part(workspace, "gamma.json")["routes"]
    return {"routes": sorted(routes, key=lambda item: not item["default"])}


def read_scores(workspace: Workspace) -> Scores:
    """Return the scorecard of the backtest, and how earlier statements did, as they were made."""
    from race_to_efficiency.evaluation.track_record import completed

    scores, record = (part(workspace, name) for name in ("scores.json", "track_record.json"))
    return cast("Scores", completed(scores, record, workspace.quarter.as_of))


def read_stated(workspace: Workspace) -> Stated:
    """Return the quarter's dated statements."""
    from race_to_efficiency.evaluation.statements import read_statements

    found = read_statements(part(workspace, "statements.json")["statements"])
    return {"statements": [item.to_json() for item in found]}


def read_due(workspace: Workspace) -> Due:
    """Return the statements whose outcome is awaited, of earlier quarters and this one, the earliest day first."""
    published: Sequence[Mapping[str, Any]] = read_scores(workspace)["published"]
    rows = [{key: row[key] for key in PUBLISHED_KEYS} for row in published if row["status"] not in ENDED]
    for item in read_stated(workspace)["statements"]:
        levels, chance = item["quantiles"] or {}, item["probability"]
        said = {"median": levels.get("0.5") if chance is None else chance}
        said |= {"low80": levels.get("0.1"), "high80": levels.get("0.9")}
        own = {key: item[key] for key in DUE_KEYS}
        rows.append({"publication": str(workspace.quarter), **own, "status": "open", **said})
    ordered = sorted(rows, key=lambda row: (row["by"], row["id"], row["publication"]))
    return {"due": ordered}


ESTIMATED = {"--symbol": ("id", "symbol"), "--group": ("group", "component")}
VIEWS = {
    "headline": View(read_headline, "lines"),
    "scenarios": View(read_scenarios, "scenarios", {"--scenario": ("scenario",)}),
    "due": View(read_due, "due", {"--target": ("id", "what"), "--status": ("status",)}),
    "routes": View(read_routes, "routes", {"--symbol": ("route", "estimate")}),
    "estimates": View(read_estimates, "estimates", {**ESTIMATED, "--status": ("status",)}),
    "gamma": View(read_gamma, "estimates", {**ESTIMATED, "--status": ("status",)}),
    "scores": View(read_scores, "scores", {"--target": ("target",)}),
    "statements": View(read_stated, "statements", {"--target": ("id", "what")}),
}
"""The views of `race show`, the first to look at first."""

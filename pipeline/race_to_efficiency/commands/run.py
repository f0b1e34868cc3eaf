"""``race run``: the whole corridor, from the ledgers to the report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from race_to_efficiency.commands import options as opt
from race_to_efficiency.commands import terminal
from race_to_efficiency.commands.extras import require_extras
from race_to_efficiency.commands.installed_report import install_report
from race_to_efficiency.commands.places import Scheduler, Workers, computing
from race_to_efficiency.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from race_to_efficiency.commands.run_records import Figures, QuarterRun
    from race_to_efficiency.ledger.intake import Quarantined
    from race_to_efficiency.settings.params import Workspace

HEADLINE_ESTIMATES = ("kappa_total.pooled.power_law", "kappa_reducible.pooled.chinchilla", "gamma.route.D")
"""The three estimates every run ends with."""

ESTIMATE_KEYS = ("id", "symbol", "value", "unit", "intervals", "status", "reasons", "grade", "n_rows")
ROUTE_KEYS = ("route", "basis", "value", "default")
"""What is told of each estimate, and of each route of gamma."""


def register(app: typer.Typer) -> None:
    """Add the verb ``run``."""

    @app.command(epilog="Example: race run --quarter 2025Q2")
    def run(
        quarter: Annotated[str | None, typer.Option(help="rebuild another quarter, in folders of its own")] = None,
        quarters: Annotated[
            str | None, typer.Option(help="rebuild every quarter of a range, in order: 2025Q1..2026Q2")
        ] = None,
        force: Annotated[bool, typer.Option("--force", help="run every stage, also where nothing changed")] = False,
        allow_empty: Annotated[
            bool, typer.Option("--allow-empty", help="run a quarter without a single new row")
        ] = False,
        workers: Workers = None,
        scheduler: Scheduler = None,
        wait: opt.Wait = opt.WAIT,
        as_json: Annotated[bool, typer.Option("--json", help="one JSON document on stdout")] = False,
    ) -> None:
        """Run the whole pipeline: ledgers, kappa, gamma, forecast, backtest, report.

        A stage runs only when something it reads has changed. Ends with a table of kappa, gamma and R, and the
        report's path. Exits 4 when a headline estimate is refused.
        """
        from pathlib import Path

        from race_to_efficiency import checkout
        from race_to_efficiency.settings.params import find_root

        require_extras("pipeline", "report")
        root = find_root(Path.cwd())
        spaces = asked_quarters(root, quarter, quarters)
        said = str(spaces[0].quarter) if len(spaces) == 1 else f"{spaces[0].quarter}..{spaces[-1].quarter}"
        summaries = []
        with computing(workers, scheduler), checkout.locked(root, f"race run {said}", wait_seconds=wait):
            for workspace in spaces:
                summaries.append(run_quarter(workspace, force=force, allow_empty=allow_empty))
                if not as_json:
                    print_summary(summaries[-1])
        if as_json:
            terminal.document(summaries[0] if quarters is None else {"quarters": summaries})
        if any(item["status"] == "refused" for summary in summaries for item in summary["estimates"]):
            raise typer.Exit(4)


def asked_quarters(root: Path, quarter: str | None, quarters: str | None) -> list[Workspace]:
    """Return the workspaces that --quarter or --quarters ask for, in order; without either the settings' own.

    Raises
    ------
    UsageError
        When both are given, or the range is none.
    """
    from race_to_efficiency.settings.params import open_workspace

    if quarters is not None and quarter is not None:
        raise UsageError("--quarter and --quarters exclude each other", where="--quarters")
    names = quarters_between(quarters) if quarters is not None else [quarter]
    return [open_workspace(root, name) for name in names]


def quarters_between(text: str) -> list[str | None]:
    """Return the quarters that ``2025Q1..2026Q2`` names, in order.

    Raises
    ------
    UsageError
        When it is no such range, or runs backwards.
    """
    from race_to_efficiency.units import Quarter

    first, mark, last = text.partition("..")
    if not mark or Quarter.parse(first) > Quarter.parse(last):
        raise UsageError(
            f"'{text}' is no range of quarters", where="--quarters", remedy="write first and last: 2025Q1..2026Q2"
        )
    found = [Quarter.parse(first)]
    while found[-1] < Quarter.parse(last):
        found.append(found[-1].shift(1))
    return [str(quarter) for quarter in found]


def run_quarter(workspace: Workspace, *, force: bool, allow_empty: bool) -> QuarterRun:
    """Bring one quarter up to date and install its report; return the closing figures. The checkout is locked."""
    from race_to_efficiency.commands import corridor
    from race_to_efficiency.ledger.freshness import Freshness, freshness
    from race_to_efficiency.provenance.made_from import ledger_digests
    from race_to_efficiency.provenance.verify import changed_ledger_lines
    from race_to_efficiency.quarter.answers import Answers

    root = workspace.root
    terminal.progress(f"race run {workspace.quarter} (data as of {workspace.quarter.as_of})")
    checks = Answers(root, "checks")
    for warning in changed_ledger_lines(root, checks):
        terminal.progress(f"  warning: {warning}")
    if not allow_empty:
        require_something_new(workspace)
    default = workspace.processed == root / "data" / "processed"
    rebuild = corridor.reproduce if default else corridor.reproduce_quarter
    ran = rebuild(workspace, force=force, checks=checks)
    report, note = install_report(workspace)
    if not ran:
        terminal.progress("Nothing to do: ledgers, settings and code are as they were at the last run.")
    day = workspace.quarter.as_of
    asked = ["freshness", day.isoformat(), ledger_digests(workspace)]
    found = checks.of(asked, lambda: [vars(item) for item in freshness(workspace.raw, day)])
    checks.keep()
    fresh = [Freshness(**item) for item in found]
    if old := [f"{item.table} {item.newest_recorded or 'never'}" for item in fresh if item.old]:
        terminal.progress(f"  older than a quarter at {day}: {', '.join(old)}")
    if after := [f"{item.lines_after} of {item.table}" for item in fresh if item.lines_after]:
        terminal.progress(f"  recorded or released after {day}, no part of it: {', '.join(after)}")
    return {
        **summarise(workspace),
        "freshness": [item.to_json() for item in fresh],
        "ran": ran,
        "report": str(report.relative_to(root)),
        "note": note,
    }


def require_something_new(workspace: Workspace) -> None:
    """Refuse a quarter none of whose rows is new since the one published before it; a published one always runs again.

    Raises
    ------
    InputMissing
        The newest row of every ledger is named.
    """
    from race_to_efficiency.ledger.freshness import require_new_rows
    from race_to_efficiency.provenance import registry
    from race_to_efficiency.units import Quarter

    published = [Quarter.parse(entry.quarter) for entry in registry.read_entries(workspace.reports)]
    if workspace.quarter not in published:
        before = max((quarter for quarter in published if quarter.as_of < workspace.quarter.as_of), default=None)
        require_new_rows(workspace.raw, workspace.quarter, before)


def summarise(workspace: Workspace) -> Figures:
    """Return the closing table's figures from the stages' files: estimates, R by year in both readings, quarantine."""
    from race_to_efficiency import storage
    from race_to_efficiency.commands.corridor import require_processed

    documents = [storage.read_json(require_processed(workspace, name)) for name in ("kappa.json", "gamma.json")]
    known = {item["id"]: item for document in documents for item in document["estimates"]}
    return {
        "quarter": str(workspace.quarter),
        "as_of": workspace.quarter.as_of.isoformat(),
        "estimates": [{key: known[name][key] for key in ESTIMATE_KEYS} for name in HEADLINE_ESTIMATES if name in known],
        "routes": [{key: row[key] for key in ROUTE_KEYS} for row in documents[1]["routes"]],
        "headline": storage.read_json(require_processed(workspace, "headline.json")),
        "quarantined": quarantined_rows(workspace),
    }


def quarantined_rows(workspace: Workspace) -> list[Quarantined]:
    """Return the findings of the intake; the table is only opened when the account says there are any."""
    from race_to_efficiency import storage
    from race_to_efficiency.commands.corridor import require_processed

    account = storage.read_json(require_processed(workspace, "account.json"))
    if not any(table["quarantined"] for table in account["tables"].values()):
        return []
    frame = storage.read_parquet(require_processed(workspace, "quarantine.parquet"))
    return cast("list[Quarantined]", frame.to_dict("records"))


def print_summary(summary: Mapping[str, Any]) -> None:
    """Print the closing tables for a person."""
    from race_to_efficiency.calibration.common.grades import confidence_of
    from race_to_efficiency.commands.screens import beside_default
    from race_to_efficiency.commands.tables import estimate_cells

    if summary["quarantined"]:
        keys = ("row_id", "column", "rule", "value", "remedy")
        rows = [(f"{row['file']}:{row['line']}", *(row[key] for key in keys)) for row in summary["quarantined"]]
        titles = ("file:line", "row", "column", "rule", "value", "what to do")
        terminal.table("Quarantined: these rows took no part", titles, rows[:20])
        if len(rows) > 20:
            terminal.line(f"... and {len(rows) - 20} more in data/processed/quarantine.parquet")
    names = [item["symbol" if item["symbol"].startswith("kappa") else "id"] for item in summary["estimates"]]
    estimates = [
        (name, *estimate_cells(item), item["unit"], confidence_of(item))
        for name, item in zip(names, summary["estimates"], strict=True)
    ]
    columns = ("estimate", "value", "95 % interval", "unit", "confidence")
    terminal.table(f"Estimates as of {summary['as_of']}", columns, estimates)
    terminal.lines(line for (line,) in beside_default(summary["routes"]))
    print_headline(summary["headline"])
    for item in summary["estimates"]:
        if item["reasons"]:
            terminal.line(f"{item['symbol']}, {confidence_of(item)}: {'; '.join(item['reasons'])}", "dim")
    if summary["note"]:
        terminal.line(summary["note"])
    terminal.line(f"Report: {summary['report']}")


def print_headline(rows: list[dict[str, Any]]) -> None:
    """Print the table of relative loss by year and reading (point and 95 % interval, or what the row says)."""
    from race_to_efficiency.calibration.common.grades import confidence_of
    from race_to_efficiency.commands.tables import digits_text

    cells = [
        (
            row["reading"],
            row["scenario_id"],
            f"{row['years']:g}",
            digits_text(row["point"]),
            f"[{digits_text(row['low95'])}, {digits_text(row['high95'])}]",
            confidence_of(row),
        )
        for row in rows
    ]
    columns = ("reading", "scenario", "years", "point", "95 % interval", "confidence")
    terminal.table("Relative loss: a conditional projection, not a prediction of any one model", columns, cells)

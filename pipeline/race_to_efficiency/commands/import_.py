"""``race import SOURCE PATH``: bring a publication into the ledger, and say what it changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from race_to_efficiency.commands import options as opt
from race_to_efficiency.commands import terminal
from race_to_efficiency.commands.places import Scheduler, Workers, computing

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from race_to_efficiency.ledger.import_records import Imported, NewRow, ProposedRename, Revision
    from race_to_efficiency.ledger.importing import ImportReport

_SHOWN = 25
"""How many revisions, flags or findings a person is shown; --json holds all."""


def register(app: typer.Typer) -> None:
    """Add the verb ``import``."""

    @app.command("import", epilog="Example: race import epoch-hardware ml_hardware-2026-06-30.csv --dry-run")
    def import_(
        source: Annotated[str, typer.Argument(help="epoch-hardware, epoch-models, mlperf, speedrun or training-runs")],
        path: Annotated[str, typer.Argument(help="the publisher's file, or for mlperf the folder of a round")],
        recorded: Annotated[
            str | None,
            typer.Option(help="day it could be known, YYYY-MM-DD, also long past; else the date in the name"),
        ] = None,
        released: Annotated[
            str | None,
            typer.Option(help="day it became public (mlperf, training-runs); else as rounds and source records say"),
        ] = None,
        accept_renames: Annotated[
            bool, typer.Option("--accept-renames", help="make every proposed rename one version of one id")
        ] = False,
        accept_withdrawals: Annotated[
            bool, typer.Option("--accept-withdrawals", help="withdraw more than a fifth of the publisher's rows")
        ] = False,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="say what would change and write nothing")] = False,
        workers: Workers = None,
        scheduler: Scheduler = None,
        wait: opt.Wait = opt.WAIT,
        as_json: Annotated[bool, typer.Option("--json", help="one JSON document on stdout")] = False,
    ) -> None:
        """Bring a publication into the ledger: what is new, revised, withdrawn, quarantined.

        An export of another publisher in a known format takes a NAME.source.yaml beside it, as training runs do.
        A large round of mlperf is read by several processes (--workers), or by a cluster that sees its folder.
        """
        from pathlib import Path

        from race_to_efficiency.ledger.importing import run_import
        from race_to_efficiency.settings.params import find_root

        root = find_root(Path.cwd())
        fitted_groups, last_day = _settings(root)

        def tell(report: ImportReport) -> None:
            document = report.to_json()
            with terminal.told_before():
                terminal.tell(document, show_report, as_json=as_json)

        with computing(workers, scheduler):
            run_import(
                source,
                Path(path),
                root / "data" / "raw",
                fitted_groups=fitted_groups if source == "training-runs" else None,
                last_day=last_day,
                recorded=recorded,
                released=released,
                accept_renames=accept_renames,
                accept_withdrawals=accept_withdrawals,
                dry_run=dry_run,
                wait_seconds=wait,
                tell=tell,
            )


def _settings(root: Path) -> tuple[set[str] | None, dt.date | None]:
    """Return the groups of runs a fit uses and the last day of the quarter; neither where no settings can be read."""
    from race_to_efficiency.errors import RaceError
    from race_to_efficiency.settings.params import read_params
    from race_to_efficiency.units import Quarter

    try:
        params = read_params(root / "params.yaml")
        return {group.group for group in params.fit_kappa.groups}, Quarter.parse(params.quarter).as_of
    except RaceError:  # an import does not need them
        return None, None


def show_report(document: Imported) -> None:
    """Print an import's report for a person."""
    verb = "would append" if document["dry_run"] else "appended"
    file = f"data/raw/{document['table']}.csv"
    terminal.line(f"{document['source']} as of {document['recorded']}: {verb} {document['appended']} lines to {file}")
    terminal.line(_counts(document))
    _show_new_rows(document["new_rows"])
    _show_renames(document["proposed_renames"])
    _show_findings("Perhaps one training run", document["proposed_clusters"], lambda item: item["evidence"])
    _show_revisions(document["revisions"])
    if document["flag_counts"]:
        told = (f"{item['count']} {item['kind'].replace('_', ' ')}" for item in document["flag_counts"])
        terminal.line(f"Flags, those that move an estimate first: {', '.join(told)}")
    ranks = {item["kind"]: place for place, item in enumerate(document["flag_counts"])}
    flags = sorted(document["flags"], key=lambda item: ranks[item["kind"]])
    _show_findings("Flagged: look before you trust", flags, _flag_line)
    _show_findings("Quarantined", document["quarantine"], _problem_line)
    _show_findings("Excluded", document["exclusions"], _problem_line)
    _show_findings("Withdrawn", document["withdrawals"], lambda item: f"{item['id']} ({item['name']})")
    if document["appended"] and not document["dry_run"]:
        terminal.line("Next: race run, then race diff with the quarter before.")


def _counts(document: Mapping[str, Any]) -> str:
    parts = ("unchanged", "new", "revised", "excluded", "quarantined")
    words = " + ".join(f"{document[name]} {name}" for name in parts)
    return f"{document['read']} read = {words}; {document['withdrawn']} withdrawn beside them"


def _show_new_rows(rows: list[NewRow]) -> None:
    """Print every line, those that only close or carry on a version last."""
    order = {"new": 0, "revised": 1, "withdrawn": 2, "kept": 3}
    shown = sorted(rows, key=lambda item: order[item["what"]])
    cells = [
        (item["what"], item["id"], item["released"] or "undated", item["recorded"], _text(item["value"]))
        for item in shown[:_SHOWN]
    ]
    if cells:
        columns = ("line", "id", "released", "recorded", rows[0]["column"] or "value")
        terminal.table(f"Lines: {len(rows)}", columns, cells)
    if len(rows) > _SHOWN:
        terminal.line(f"... and {len(rows) - _SHOWN} more: --json lists them all")
    after = [item["id"] for item in rows if item["after_quarter"]]
    if after:
        some = ", ".join(after[:3]) + (", ..." if len(after) > 3 else "")
        terminal.line(f"{len(after)} lines fall after the current quarter and take no part in it: {some}")


def _show_renames(renames: list[ProposedRename]) -> None:
    for item in renames:
        state = f"settled ({item['basis']})" if item["basis"] != "proposed" else "proposed"
        state = "accepted" if item["accepted"] and item["basis"] == "proposed" else state
        terminal.line(f"Rename {state}: {item['old_name']} -> {item['new_name']}")
        terminal.line(f"  {item['evidence']}")
    if any(not item["accepted"] for item in renames):
        terminal.line(
            "A proposed rename stands as withdrawal and newcomer. To make it one row: --accept-renames, or a line in "
            "the alias table."
        )


def _show_revisions(revisions: list[Revision]) -> None:
    if not revisions:
        return
    rows = [(item["id"], item["column"], _text(item["old"]), _text(item["new"])) for item in revisions[:_SHOWN]]
    terminal.table(f"Revised cells: {len(revisions)}", ("id", "column", "old", "new"), rows)
    if len(revisions) > _SHOWN:
        terminal.line(f"... and {len(revisions) - _SHOWN} more: --json lists them all")


def _show_findings(title: str, items: Sequence[Mapping[str, Any]], line: Any) -> None:
    if not items:
        return
    terminal.line(f"{title}: {len(items)}")
    terminal.lines(f"  {line(item)}" for item in items[:_SHOWN])
    if len(items) > _SHOWN:
        terminal.line(f"  ... and {len(items) - _SHOWN} more: --json lists them all")


def _flag_line(item: Mapping[str, Any]) -> str:
    place = item.get("path") or " ".join(str(item[name]) for name in ("id", "column") if item.get(name))
    change = f": {_text(item['old'])} -> {_text(item['new'])}" if "old" in item and "new" in item else ""
    return f"{item['kind']}  {place}{change}  ({item['why']})" + (f"\n{item['add']}" if item.get("add") else "")


def _problem_line(item: Mapping[str, Any]) -> str:
    place = item["where"] or f"line {item['line']}"
    column = f", {item['column']}" if item["column"] else ""
    found = f" (found {item['value'][:60]!r})" if item["value"] or item["column"] else ""
    return f"{place}{column}: {item['rule']}{found}" + (f" - {item['remedy']}" if item["remedy"] else "")


def _text(value: Any) -> str:
    if value is None:
        return "(empty)"
    return f"{value:.12g}" if isinstance(value, float) else str(value)

"""``race audit``: from any published number to its rows and citations, and out again."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from race_to_efficiency.commands import audit_text, terminal
from race_to_efficiency.commands import options as opt
from race_to_efficiency.errors import InputMissing, UsageError

if TYPE_CHECKING:
    from race_to_efficiency.provenance.records import QuarterRecords

Folder = Annotated[
    Path | None, typer.Option("--folder", help="a published folder, also one copied away from its repository")
]


def register(app: typer.Typer) -> None:
    """Add ``race audit`` with its four verbs."""
    audit = typer.Typer(help="Trace, explain, recompute and verify what was published.", no_args_is_help=True)
    audit.command(epilog="Example: race audit trace gamma@2026Q1 --json")(trace)
    audit.command(epilog="Example: race audit explain gamma --from 2025Q4 --to 2026Q1")(explain)
    audit.command(epilog="Example: race audit rederive 2026Q1")(rederive)
    audit.command(epilog="Example: race audit verify reports/2026Q1")(verify)
    app.add_typer(audit, name="audit")


def trace(
    target: Annotated[str, typer.Argument(help="gamma@2026Q1, R(5)@2026Q1, an estimate, a number id, forecast:...")],
    quarter: Annotated[str | None, typer.Option(help="the quarter, where the target names none")] = None,
    folder: Folder = None,
    rows: Annotated[bool, typer.Option("--rows", help="list every row used and excluded")] = False,
    as_json: opt.AsJson = False,
) -> None:
    """Tell where a number comes from: value, code, rows, sources with licence and dates, state of the chain.

    TARGET is a symbol (gamma, kappa_total, kappa_reducible), R(5) for the relative loss after 5 years in both readings
    (r(5) for the reducible one alone), an id of `race show`, a data-id of report.html, or a row of the forecast as
    forecast:column=value,column=value; each with @QUARTER behind it, or --quarter.
    """
    from race_to_efficiency.provenance.targets import split_quarter
    from race_to_efficiency.provenance.trace import trace as trace_number
    from race_to_efficiency.provenance.verify import chain_state

    name, named = split_quarter(target)
    records, place = open_quarter(named or quarter, folder)
    if named is None and target in records.numbers:
        name = target
    document = trace_number(name, records, chain_state(place, records.folder if records.published else None))
    for item in (document, *document.get("readings", ())):
        item.update(why_no_number(item, records))
    terminal.tell(document, partial(audit_text.print_trace, rows=rows), as_json=as_json)


def why_no_number(document: dict[str, Any], records: QuarterRecords) -> dict[str, Any]:
    """Return ``unreachable`` and ``reason`` for a traced number or forecast without a finite value; else nothing."""
    import math

    value = document["value"]
    if value is not None and math.isfinite(value):
        return {}
    if document["kind"] == "number":
        item = records.numbers[document["id"]]
        return {name: item[name] for name in ("unreachable", "reason") if name in item}
    if document["kind"] in ("estimate", "row"):
        return {}  # its reasons say why it was refused; a ledger row is no number
    share = document["forecast_row"].get("unreachable_probability")
    reason = "never reached" if share is None else f"never reached in {share:.1%} of the draws"
    return {"unreachable": True, "reason": reason}


def open_quarter(quarter: str | None, folder: Path | None) -> tuple[QuarterRecords, Path]:
    """Return a quarter's records and the place to verify: a published folder given or at hand, else the checkout."""
    from race_to_efficiency.provenance.records import open_folder, open_records
    from race_to_efficiency.settings.params import find_root, open_workspace

    folder = folder or copied_folder(quarter)
    if folder is not None:
        records = open_folder(folder)
        if quarter not in (None, records.quarter):
            raise UsageError(f"{folder} holds {records.quarter}, not {quarter}")
        return records, folder
    root = find_root(Path.cwd())
    return open_records(open_workspace(root, quarter)), root


def copied_folder(quarter: str | None) -> Path | None:
    """Return the published folder one stands in; outside any checkout, the quarter's own, here or under reports/."""
    from race_to_efficiency.provenance.manifest import MANIFEST
    from race_to_efficiency.settings.params import find_root

    here = Path.cwd()
    if (here / MANIFEST).exists():
        return here
    try:
        find_root(here)
    except InputMissing:
        places = (here / quarter, here / "reports" / quarter) if quarter else ()
        return next((place for place in places if (place / MANIFEST).exists()), None)
    return None


def explain(
    symbol: Annotated[str, typer.Argument(help="gamma, kappa_total, or an estimate id")],
    before: Annotated[str, typer.Option("--from", help="the earlier quarter")],
    after: Annotated[str, typer.Option("--to", help="the later quarter")],
    as_json: opt.AsJson = False,
) -> None:
    """Tell why a number moved between two quarters: rows added, revised, withdrawn, settings, code, resampling."""
    from importlib import import_module

    from race_to_efficiency.settings.params import find_root, open_workspace

    root = find_root(Path.cwd())
    explain_number = import_module("race_to_efficiency.provenance.quarters").explain
    document: dict[str, Any] = explain_number(symbol, open_workspace(root, before), open_workspace(root, after))
    terminal.tell(document, audit_text.print_explanation, as_json=as_json)


def rederive(
    target: Annotated[str | None, typer.Argument(help="a quarter, or a published folder")] = None,
    ledgers: Annotated[Path | None, typer.Option(help="folder of the ledgers, where it is not data/raw")] = None,
    tolerance: Annotated[float | None, typer.Option(min=0.0, help="relative; default 0 on the same machine")] = None,
    as_json: opt.AsJson = False,
) -> None:
    """Compute a published quarter again, from the ledgers and its settings alone, and compare every number.

    Works in a clean temporary folder. The same libraries and machine must give identical numbers; elsewhere they must
    agree within 1e-6 relative. Exits 5 and names what differs and which ledger line, setting or source file changed.
    """
    from race_to_efficiency.commands.corridor import run_corridor
    from race_to_efficiency.provenance.rederive import rederive as compute_again
    from race_to_efficiency.settings.params import open_workspace

    folder, checkout = locate_publication(target)
    raw = ledgers or find_ledgers(folder, checkout)
    result = compute_again(folder, raw, run_corridor, open_workspace, checkout=checkout, tolerance=tolerance)
    document = result.to_json()
    terminal.tell(document, audit_text.print_rederivation, as_json=as_json)
    if not result.agrees:
        raise typer.Exit(5)


def locate_publication(target: str | None) -> tuple[Path, Path | None]:
    """Return the published folder a quarter or a path means, and the checkout around it (None for a copied folder)."""
    from race_to_efficiency.provenance import registry
    from race_to_efficiency.provenance.manifest import MANIFEST
    from race_to_efficiency.settings.params import find_root, read_params
    from race_to_efficiency.units import Quarter

    given = Path(target) if target is not None else Path.cwd()
    if not (given / MANIFEST).exists():
        given = copied_folder(target) or given
    if (given / MANIFEST).exists():
        try:
            return given.resolve(), find_root(given)
        except InputMissing:
            return given.resolve(), None
    root = find_root(Path.cwd())
    quarter = str(Quarter.parse(target)) if target is not None else read_params(root / "params.yaml").quarter
    entry = registry.latest(registry.read_entries(root / "reports"), quarter)
    if entry is None:
        raise InputMissing(
            f"{quarter} is not published here",
            where=str(root / "reports"),
            remedy=f"race run --quarter {quarter}, then race publish --quarter {quarter}",
        )
    return root / "reports" / entry.folder, root


def find_ledgers(folder: Path, checkout: Path | None) -> Path:
    """Return the ledgers' folder: the checkout's, else the nearest data/raw above the published or current folder."""
    here = Path.cwd()
    bases = [*([checkout] if checkout else []), folder, *folder.parents, here, *here.parents]
    found = next((base / "data" / "raw" for base in bases if (base / "data" / "raw").is_dir()), None)
    if found is None:
        raise InputMissing(
            "no ledgers are at hand to compute from",
            where=str(folder),
            remedy="put data/raw beside the published folder, or give --ledgers DIR",
        )
    return found


def verify(
    path: Annotated[Path | None, typer.Argument(help="a checkout, its reports folder, or one published folder")] = None,
    key: Annotated[
        Path | None, typer.Option(help="the only public key to trust, or a folder of them, obtained elsewhere")
    ] = None,
    head: Annotated[str | None, typer.Option(help="digest noted elsewhere, which must be in the chain")] = None,
    as_json: opt.AsJson = False,
) -> None:
    """Check that everything published is still what it was: chain, files, signatures, the ledgers' history.

    Exits 5 and names the first bad artefact, what still holds, and how to restore it. Says first what the signatures
    are worth; keys in your own folder (RACE_KEYS, else race-to-efficiency/keys in your configuration) are trusted.
    Lists what is under data/ and reports/ and sealed by nothing.
    """
    from race_to_efficiency.provenance.keys import user_folder
    from race_to_efficiency.provenance.verify import is_place
    from race_to_efficiency.provenance.verify import verify as check_all
    from race_to_efficiency.settings.params import find_root

    here = Path.cwd()
    place = path or (here if is_place(here) or is_place(here / "reports") else find_root(here))
    if not place.is_dir():
        raise InputMissing(f"{place} is no folder", where=str(place))
    result = check_all(place, public_key=key, key_folder=user_folder(), head=head)
    document = result.to_json()
    if not result.vouched_for:
        terminal.progress(f"race: {result.notes[0]}")
    terminal.tell(document, audit_text.print_verification, as_json=as_json)
    if not result.verified:
        raise typer.Exit(5)

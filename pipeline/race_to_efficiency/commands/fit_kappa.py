"""``race fit kappa``: the scaling exponent of any table of training runs, or the reason why there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from race_to_efficiency.commands import terminal
from race_to_efficiency.commands.output_files import output_file
from race_to_efficiency.errors import NotTrustworthy, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from race_to_efficiency.own_tables.run_fit import TableFit
    from race_to_efficiency.own_tables.run_table import RunTable

SHOWN = 20
"""Rows set aside or left out that are listed on the screen."""

FORM_NAMES = ("chinchilla", "floor", "power_law")
FRONTIER_RULES = ("pareto", "isoflop_minima", "all")

EXAMPLE = (
    "Example: race fit kappa runs.csv --form chinchilla --cluster model --exclude 'loss > 4' --plot fit.svg --json"
)

COLUMNS = (
    "CSV (any separator), Parquet or JSON, gzipped or not, or - for stdin; columns: params (count), tokens (count), "
    "compute_flop (FLOP), loss (nats per token); "
    "one of params, tokens and compute_flop may be missing (C = 6 N D)"
)


def register(app: typer.Typer) -> None:
    """Add the command ``kappa`` to ``race fit``."""

    @app.command(name="kappa", epilog=EXAMPLE)
    def kappa(
        file: Annotated[str, typer.Argument(help=COLUMNS)],
        form: Annotated[str, typer.Option(help="chinchilla, floor, power_law or all")] = "all",
        group: Annotated[str | None, typer.Option(help="column: one fit for each of its values")] = None,
        cluster: Annotated[
            str | None, typer.Option(help="column of models whose runs are not independent; none: all are")
        ] = None,
        delta: Annotated[
            float | None, typer.Option(help="Huber threshold on ln(loss); as in params.yaml if absent")
        ] = None,
        bootstrap: Annotated[
            int | None, typer.Option(help="bootstrap refits; as in params.yaml if absent", min=100)
        ] = None,
        exclude: Annotated[
            list[str] | None, typer.Option(help="rows to leave out: 'loss > 4', 'dataset == C4', or a flag; repeatable")
        ] = None,
        where: Annotated[
            list[str] | None, typer.Option(help="rows to keep, written as for --exclude; repeatable")
        ] = None,
        column: Annotated[
            list[str] | None,
            typer.Option(
                help="another name of a column: loss=val_loss, with a factor: params=params_M*1e6; repeatable"
            ),
        ] = None,
        loss_unit: Annotated[str, typer.Option(help="unit of the loss a token: nats, bits or perplexity")] = "nats",
        frontier: Annotated[
            str | None,
            typer.Option(help="efficient runs: pareto, isoflop_minima or all; chosen from the data if absent"),
        ] = None,
        plot: Annotated[str | None, typer.Option(help="write the fits over the runs to this SVG file")] = None,
        seed: Annotated[
            int | None, typer.Option(help="seed of the bootstrap; as in params.yaml if absent", min=0)
        ] = None,
        as_json: Annotated[bool, typer.Option("--json", help="one JSON document on stdout")] = False,
    ) -> None:
        """Fit kappa to your own training runs with intervals and a status; touches nothing."""
        from pathlib import Path

        from race_to_efficiency.own_tables.run_fit import fit_divided
        from race_to_efficiency.own_tables.run_rows import LOSS_UNITS, read_runs
        from race_to_efficiency.settings.params import find_params, read_params

        if delta is not None and not 0 < delta < float("inf"):
            raise UsageError(f"--delta must be positive, got {delta:g}")
        if plot is not None and group is not None:
            raise UsageError("--plot draws one fit", remedy="take one group with --where, or leave out --plot")
        picture = output_file(plot, "--plot")
        _one_of("--loss-unit", loss_unit, tuple(LOSS_UNITS))
        _one_of("--form", form, (*FORM_NAMES, "all"))
        if frontier is not None:
            _one_of("--frontier", frontier, FRONTIER_RULES)
        settings = read_params(find_params(Path.cwd()))
        given = {
            "forms": FORM_NAMES if form == "all" else (form,),
            "bootstrap_replicates": settings.own_tables.bootstrap_replicates if bootstrap is None else bootstrap,
        }
        params = settings.fit_kappa.model_copy(update=given if delta is None else {**given, "delta": delta})
        seed = settings.own_tables.seed if seed is None else seed
        with terminal.steps() as step:
            step(f"reading {file}")
            columns = _renamed(column or [])
            table = read_runs(
                Path(file), columns=columns, loss_unit=loss_unit, exclude=exclude or [], where=where or []
            )
            found = fit_divided(
                table,
                params,
                group=group,
                cluster=cluster,
                frontier=frontier,  # type: ignore[arg-type]
                seed=seed,
                bounded=bootstrap is None,
                step=step,
            )
        if picture is not None:
            from race_to_efficiency.commands.kappa_plot import write_plot

            write_plot(picture, found[0])
        if as_json:
            terminal.document(_document(table, found))
        else:
            _print(table, found)
        _leave_if_refused(found, Path(file), as_json=as_json)


def _one_of(option: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise UsageError(f"{option} must be one of {', '.join(known)}, got '{value}'")


def _renamed(pairs: list[str]) -> dict[str, str]:
    """Return quantity -> column from ``loss=val_loss`` words."""
    from race_to_efficiency.cells.run_columns import SPELLINGS

    columns = {}
    for pair in pairs:
        quantity, mark, name = pair.partition("=")
        if not mark or quantity.strip() not in SPELLINGS:
            raise UsageError(
                f"--column '{pair}' names no quantity",
                why=f"write QUANTITY=COLUMN with a quantity of {', '.join(SPELLINGS)}",
            )
        columns[quantity.strip()] = name.strip().strip("'\"")
    return columns


def _leave_if_refused(found: list[TableFit], path: Path, *, as_json: bool) -> None:
    """Leave with exit code 4 when every estimate is refused; with --json the document already says why."""
    if not all(fit.all_refused for fit in found):
        return
    if as_json:
        raise typer.Exit(NotTrustworthy.exit_code)
    reasons = [estimate.reasons[0] for fit in found for estimate in fit.estimates]
    raise NotTrustworthy("every estimate was refused", where=str(path), why="; ".join(dict.fromkeys(reasons)))


def _document(table: RunTable, found: list[TableFit]) -> dict[str, Any]:
    """Return the records with the account of the file's rows."""
    from race_to_efficiency.calibration.kappa.influence import influence_table

    excluded = [row for fit in found for row in fit.table.excluded]
    return {
        "estimates": [estimate.to_json() for fit in found for estimate in fit.estimates],
        "account": {
            "read": table.n_read,
            "used": sum(len(fit.table) for fit in found),
            "excluded": len(excluded),
            "quarantined": len(table.set_aside),
        },
        "excluded": [{"row": row, "reason": reason} for row, reason in excluded],
        "quarantined": table.set_aside,
        "notes": _notes(found),
        "influence": [
            {"form": fit.form.name, **row}
            for part in found
            for fit in part.fits
            if not fit.evidence.fatal
            for row in influence_table(fit.influence, fit.rows.ids, fit.form, fit.stderr_of(fit.form.symbol))
        ],
    }


def _notes(found: list[TableFit]) -> list[str]:
    """Return the notes of each fit once, after the name of its group."""
    said: dict[str, list[str]] = {}
    for fit in found:
        for note in (*fit.table.notes, *fit.findings.notes):
            said.setdefault(note, []).append(fit.table.group)
    return [note if len(groups) == len(found) else f"{', '.join(groups)}: {note}" for note, groups in said.items()]


def _print(table: RunTable, found: list[TableFit]) -> None:
    """Print one line an estimate, the reasons of each form, and the account of the rows."""
    used, excluded = sum(len(fit.table) for fit in found), [row for fit in found for row in fit.table.excluded]
    terminal.line(
        f"{table.name}: {used} of {table.n_read} rows used; {len(excluded)} left out, {len(table.set_aside)} set aside"
    )
    for fit in found:
        if fit.table.group:
            terminal.line(f"{fit.table.group}: {len(fit.table)} rows")
        shown: set[tuple[str | None, tuple[str, ...]]] = set()
        for estimate in fit.estimates:
            terminal.line(_line(estimate))
            if estimate.reasons and (estimate.form, estimate.reasons) not in shown:
                shown.add((estimate.form, estimate.reasons))
                for reason in estimate.reasons:
                    terminal.line(f"    {reason}")
    for note in _notes(found):
        terminal.line(note)
    for row, reason in excluded[:SHOWN]:
        terminal.line(f"{row} left out: {reason}")
    for item in table.set_aside[:SHOWN]:
        place = ":".join(str(part) for part in (item["file"], item["line"], item["column"]) if part)
        terminal.line(f"{place}: '{item['value']}' set aside: {item['rule']}; {item['remedy']}")
    if max(len(excluded), len(table.set_aside)) > SHOWN:
        terminal.line("... and more rows; --json lists them all")


def _line(estimate: Any) -> str:
    """Return an estimate in one line: value, interval and its method, unit, rows, status."""
    value = "-" if estimate.value is None else f"{estimate.value:.5g}"
    interval = estimate.interval()
    ends = ""
    if interval is not None:
        low = "open" if interval.low is None else f"{interval.low:.4g}"
        high = "open" if interval.high is None else f"{interval.high:.4g}"
        ends = f" [{low}, {high}] (95 %, {interval.method})"
    pivot = f" at {estimate.pivot_compute_flop:.3g} FLOP" if estimate.pivot_compute_flop else ""
    unit = "" if estimate.unit == "1" else f" {estimate.unit}"
    name = f"{estimate.form:<10} {estimate.symbol:<15}"
    return f"{name} {value}{unit}{ends}{pivot}; {estimate.n_rows} rows, {estimate.status}"

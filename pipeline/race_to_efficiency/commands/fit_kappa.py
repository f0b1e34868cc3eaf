"""``race fit kappa``: the scaling exponent of any table of training runs, or the reason why there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from race_to_efficiency import storage
from race_to_efficiency.commands import places, terminal
from race_to_efficiency.commands.output_files import output_file
from race_to_efficiency.commands.step_logs import LogOptions
from race_to_efficiency.errors import NotTrustworthy, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from race_to_efficiency.api.kappa_fit import KappaFit

SHOWN = 20
"""Rows set aside or left out that are listed on the screen."""

EXAMPLE = (
    "Example: race fit kappa runs.csv --form chinchilla --cluster model --exclude 'loss > 4' --plot fit.svg --json; "
    "of logs: race fit kappa 'logs/*.parquet' --step-column step --run-column run"
)

RUN_COLUMNS_HELP = (
    "CSV (any separator), Parquet or JSON, gzipped or not, or - for stdin; columns: params (count), tokens (count), "
    "compute_flop (FLOP), loss (nats per token); "
    "one of params, tokens and compute_flop may be missing (C = 6 N D)"
)


def register(app: typer.Typer) -> None:
    """Add the command ``kappa`` to ``race fit``."""

    @app.command(name="kappa", epilog=EXAMPLE)
    def kappa(
        file: Annotated[str, typer.Argument(help=RUN_COLUMNS_HELP)],
        form: Annotated[str, typer.Option(help="chinchilla, floor, power_law or all; repeated, moe")] = "all",
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
        fix: Annotated[list[str] | None, typer.Option(help="parameter that is not fitted: E=1.69; repeatable")] = None,
        tie: Annotated[list[str] | None, typer.Option(help="parameters that are equal: alpha=beta; repeatable")] = None,
        weight: Annotated[str | None, typer.Option(help="column of how much each run counts")] = None,
        under_tuned: Annotated[
            float, typer.Option(help="what a run above the law counts against one below, where not all are well tuned")
        ] = 1.0,
        fit_below: Annotated[
            float | None, typer.Option(help="FLOP: fit the smaller runs, and see how they predict the larger ones")
        ] = None,
        compare: Annotated[bool, typer.Option("--compare", help="score the forms on the same efficient runs")] = False,
        plot: Annotated[str | None, typer.Option(help="write the fits over the runs to this SVG file")] = None,
        save: Annotated[str | None, typer.Option(help="write the fit to this JSON, for race predict --fit")] = None,
        draws: Annotated[str | None, typer.Option(help="write the laws' joint draws to this Parquet file")] = None,
        seed: Annotated[
            int | None, typer.Option(help="seed of the bootstrap; as in params.yaml if absent", min=0)
        ] = None,
        step_column: Annotated[
            str | None,
            typer.Option(help="column of the step: FILE is a log, a folder or a pattern such as 'logs/*.parquet'"),
        ] = None,
        run_column: Annotated[
            str | None, typer.Option(help="column of the logs that names the run; a file is a run if absent")
        ] = None,
        smoothed: Annotated[
            bool, typer.Option("--smoothed", help="of a log take the mean loss at the end, not the last row's")
        ] = False,
        summaries: Annotated[
            str | None, typer.Option(help="write what the logs say of each run to this Parquet file")
        ] = None,
        runs: Annotated[
            str | None, typer.Option(help="table with a row a run: what the logs do not say of it, such as params")
        ] = None,
        workers: places.Workers = None,
        scheduler: places.Scheduler = None,
        as_json: Annotated[bool, typer.Option("--json", help="one JSON document on stdout")] = False,
    ) -> None:
        """Fit kappa to your own training runs with intervals and a grade; touches nothing.

        With --step-column the file, folder or pattern holds step-level logs, of any length: they are read piece by
        piece, a run becomes one row, and runs that diverged or stopped before the end of their schedule are left out. A
        chart's export of Weights & Biases is such a log; --runs adds what logs do not say, such as the runs' sizes.
        """
        from dataclasses import replace
        from inspect import unwrap
        from pathlib import Path

        from race_to_efficiency.api.kappa import fit_kappa

        if plot is not None and group is not None:
            raise UsageError("--plot draws one fit", remedy="take one group with --where, or leave out --plot")
        options = LogOptions(step_column, run_column, smoothed, summaries, runs, workers, scheduler)
        picture, kept, table = output_file(plot, "--plot"), output_file(save, "--save"), output_file(draws, "--draws")
        named, left_out = _renamed(column or []), exclude or []
        with terminal.steps() as step:
            step(f"reading {file}")
            also = [*(where or []), *left_out, *filter(None, (group, cluster, weight))]
            logs = options.read(file, named, also, progress=step)
            if logs is not None:
                from race_to_efficiency.own_tables.run_summaries import FLAGS

                left_out = [*left_out, *FLAGS]
            found = unwrap(fit_kappa)(
                Path(file) if logs is None else logs.runs,
                name="logs",
                forms=form,
                columns=named if logs is None else logs.figures.columns,
                loss_unit=loss_unit,
                where=where or [],
                exclude=left_out,
                group=group,
                cluster=cluster,
                frontier=frontier,
                fix={name: _figure(name, value) for name, value in _pairs("--fix", fix or []).items()},
                tie=_pairs("--tie", tie or []),
                weight=weight,
                under_tuned=under_tuned,
                fit_below=fit_below,
                compare=compare,
                delta=delta,
                bootstrap=bootstrap,
                seed=seed,
                step=step,
            )
        if logs is not None:
            found = replace(found, notes=(*logs.notes, *found.notes))
        if picture is not None:
            from race_to_efficiency.commands.kappa_plot import write_plot

            write_plot(picture, found)
        if kept is not None:
            found.save(kept)
        if table is not None:
            storage.write_parquet(table, found.draws())
        if as_json:
            terminal.document(found.to_json())
        else:
            _print(found)
        _leave_if_refused(found, Path(file), as_json=as_json)


def _pairs(option: str, words: list[str]) -> dict[str, str]:
    """Return name -> value from ``E=1.69`` words."""
    pairs = {}
    for word in words:
        name, mark, value = (part.strip() for part in word.partition("="))
        if not (mark and name and value) or name in pairs:
            raise UsageError(f"{option} '{word}' is no NAME=VALUE" if name not in pairs else f"{option} {name} twice")
        pairs[name] = value
    return pairs


def _figure(name: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise UsageError(f"--fix {name}='{value}' is no number") from None


def _renamed(pairs: list[str]) -> dict[str, str]:
    """Return quantity -> column from ``loss=val_loss`` words."""
    from race_to_efficiency.cells.run_columns import FURTHER, SPELLINGS

    known = (*SPELLINGS, *FURTHER)

    columns = {}
    for pair in pairs:
        quantity, mark, name = pair.partition("=")
        if not mark or quantity.strip() not in known:
            raise UsageError(
                f"--column '{pair}' names no quantity",
                why=f"write QUANTITY=COLUMN with a quantity of {', '.join(known)}",
            )
        columns[quantity.strip()] = name.strip().strip("'\"")
    return columns


def _leave_if_refused(found: KappaFit, path: Path, *, as_json: bool) -> None:
    """Leave with exit code 4 when every estimate is refused; with --json the document already says why."""
    if not found.all_refused:
        return
    if as_json:
        raise typer.Exit(NotTrustworthy.exit_code)
    reasons = [estimate.reasons[0] for estimate in found.estimates]
    raise NotTrustworthy("every estimate was refused", where=str(path), why="; ".join(dict.fromkeys(reasons)))


def _print(found: KappaFit) -> None:
    """Print the summary, the notes, and the rows that were left out or set aside."""
    terminal.lines((*found.summary().splitlines(), *found.notes))
    terminal.lines(f"{row} left out: {reason}" for row, reason in found.excluded[:SHOWN])
    for item in found.quarantined[:SHOWN]:
        place = ":".join(str(part) for part in (item["file"], item["line"], item["column"]) if part)
        terminal.line(f"{place}: '{item['value']}' set aside: {item['rule']}; {item['remedy']}")
    if max(len(found.excluded), len(found.quarantined)) > SHOWN:
        terminal.line("... and more rows; --json lists them all")
    for score in found.compared:
        loo = score["leave_one_out_error"]
        terminal.line(
            f"{score['form']}: AICc {score['aicc_difference']:.3g} above the best of {score['n_rows']} efficient runs, "
            f"leave-one-out error {'-' if loo is None else f'{loo:.3g}'} of ln(loss)"
        )

"""``race fit gamma``: the growth rate of any dated table, with honest intervals, in every unit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from race_to_efficiency.commands import terminal
from race_to_efficiency.errors import DataInvalid, NotTrustworthy, RaceError

if TYPE_CHECKING:
    from pathlib import Path

    from race_to_efficiency.api.gamma import GammaFit

MOST_GROUPS_SHOWN = 3
"""Rows set aside for one reason that are listed one by one on the screen."""

GAMMA_EXAMPLE = "Example: race fit gamma chips.csv --date released --value flop_per_joule --cluster maker --json"


def register(app: typer.Typer) -> None:
    """Add the command ``gamma`` to ``race fit``."""

    @app.command(name="gamma", epilog=GAMMA_EXAMPLE)
    def gamma(
        file: Annotated[str, typer.Argument(help="CSV (any separator), Parquet or JSON, gzipped or not; - for stdin")],
        date_column: Annotated[str, typer.Option("--date", help="column of dates: ISO, decimal year, month by name")],
        value: Annotated[str, typer.Option("--value", help="column of positive numbers, or a ratio: flop_s/tdp_w")],
        compute: Annotated[
            str | None, typer.Option(help="column of training FLOP; value is a loss: the rate of algorithms")
        ] = None,
        group: Annotated[str | None, typer.Option(help="column: one fit for each of its values")] = None,
        cluster: Annotated[str | None, typer.Option(help="column: rows that share a value are not independent")] = None,
        estimator: Annotated[str, typer.Option(help="mean, quantile or frontier (records)")] = "mean",
        quantile: Annotated[
            float | None, typer.Option(help="which quantile, in (0, 1); as in params.yaml if absent")
        ] = None,
        where: Annotated[
            list[str] | None, typer.Option(help="rows to use: 'price > 0', 'maker == Acme', or a flag; repeatable")
        ] = None,
        falling: Annotated[bool, typer.Option("--falling", help="smaller is better: the rate of 1/value")] = False,
        start: Annotated[str | None, typer.Option(help="first date used, YYYY-MM-DD")] = None,
        end: Annotated[str | None, typer.Option(help="last date used, YYYY-MM-DD")] = None,
        date_order: Annotated[
            str | None, typer.Option(help="day_first or month_first, for dates as 03/04/2021")
        ] = None,
        truncated_below: Annotated[float | None, typer.Option(help="rows below this value are missing")] = None,
        censored_below: Annotated[
            float | None, typer.Option(help="values at or below this are only upper ends")
        ] = None,
        draws: Annotated[int | None, typer.Option(help="bootstrap draws; as in params.yaml if absent", min=100)] = None,
        seed: Annotated[int | None, typer.Option(help="seed of the draws; as in params.yaml if absent", min=0)] = None,
        as_json: Annotated[bool, typer.Option("--json", help="one JSON document on stdout")] = False,
    ) -> None:
        """Fit doublings a year, doubling time and growth a year to your own table; touches nothing."""
        from inspect import unwrap
        from pathlib import Path

        from race_to_efficiency.api.gamma import fit_gamma

        with terminal.steps() as step:
            step(f"reading {file}")
            found = unwrap(fit_gamma)(
                Path(file),
                date=date_column,
                value=value,
                compute=compute,
                group=group,
                cluster=cluster,
                estimator=estimator,
                quantile=quantile,
                where=where or [],
                falling=falling,
                start=start,
                end=end,
                date_order=date_order,
                truncated_below=truncated_below,
                censored_below=censored_below,
                draws=draws,
                seed=seed,
                step=step,
            )
        if as_json:
            terminal.document(found.to_json())
        else:
            _print(found)
        _refuse_if_all_refused(found, Path(file), as_json=as_json)


def _refuse_if_all_refused(found: GammaFit, path: Path, *, as_json: bool) -> None:
    """Leave with the right exit code when no group has a number; with --json the document already says why."""
    if not found.all_refused:
        return
    if not found.account["used"]:
        summary = _summary(found)
        error: RaceError = DataInvalid(
            f"no row of {path.name} can be used",
            where=str(path),
            why="; ".join([found.lost, *(said for said, _ in summary)]),
            remedy="; ".join(dict.fromkeys(remedy for _, remedy in summary)) or "widen the window",
        )
    else:
        reasons = "; ".join(item.reasons[0] for item in found.estimates[:5])
        error = NotTrustworthy("every estimate was refused", where=str(path), why=reasons)
    if as_json:
        raise typer.Exit(error.exit_code)
    raise error


def _print(found: GammaFit) -> None:
    """Print one line a group, then why a grade lost steps, then the rows set aside."""
    terminal.lines((*found.summary().splitlines(), *found.notes))
    terminal.lines(f"{said}; {remedy}" for said, remedy in _summary(found))


def _summary(found: GammaFit) -> list[tuple[str, str]]:
    """Return the rows set aside in one line a kind, and what to do; few of a kind are listed one by one."""
    kinds: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for item in found.quarantined:
        kinds.setdefault((item["column"], item["rule"]), []).append(item)
    said = []
    for (column, rule), items in kinds.items():
        first, last = items[0], items[-1]
        if len(items) > MOST_GROUPS_SHOWN:
            lines = f"{first['file']}:{first['line']}-{last['line']}:{column}"
            said.append((f"{lines}: {len(items)} cells such as '{first['value']}' set aside: {rule}", first["remedy"]))
        else:
            places = [f"{item['file']}:{item['line']}:{column}: '{item['value']}'" for item in items]
            said += [(f"{place} set aside: {rule}", first["remedy"]) for place in places]
    return said

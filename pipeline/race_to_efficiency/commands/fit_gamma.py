"""``race fit gamma``: the growth rate of any dated table, with honest intervals, in every unit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from race_to_efficiency.commands import terminal
from race_to_efficiency.errors import DataInvalid, NotTrustworthy, UsageError

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from race_to_efficiency.calibration.gamma.components import Fitted
    from race_to_efficiency.own_tables.table_rows import DatedRows

SHOWN = 3
"""Rows set aside for one reason that are listed one by one on the screen."""

EXAMPLE = "Example: race fit gamma chips.csv --date released --value flop_per_joule --cluster maker --json"


def register(app: typer.Typer) -> None:
    """Add the command ``gamma`` to ``race fit``."""

    @app.command(name="gamma", epilog=EXAMPLE)
    def gamma(
        file: Annotated[str, typer.Argument(help="CSV (any separator), Parquet or JSON, gzipped or not; - for stdin")],
        date_column: Annotated[str, typer.Option("--date", help="column of dates: ISO, decimal year, month by name")],
        value: Annotated[str, typer.Option("--value", help="column of positive numbers, or a ratio: flop_s/tdp_w")],
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
        from pathlib import Path

        from race_to_efficiency.own_tables.table_rows import Question, read_rows
        from race_to_efficiency.own_tables.table_trend import fit_table
        from race_to_efficiency.settings.params import find_params, read_params

        if truncated_below is not None and censored_below is not None:
            raise UsageError("rows are either truncated or censored", remedy="give one of the two limits")
        question = Question(
            date_column=date_column,
            value_column=value,
            group_column=group,
            cluster_column=cluster,
            estimator=estimator,
            falling=falling,
            start=_day("--start", start),
            end=_day("--end", end),
            order=_order(date_order),
            limit=censored_below if truncated_below is None else truncated_below,
            limit_kind="censored" if truncated_below is None else "truncated",
            where=tuple(where or ()),
        )
        settings = read_params(find_params(Path.cwd()))
        params = settings.fit_gamma.model_copy(update={"draws": settings.own_tables.draws if draws is None else draws})
        seed = settings.own_tables.seed if seed is None else seed
        if quantile is not None:
            if not 0 < quantile < 1:
                raise UsageError(f"--quantile must lie between 0 and 1, got {quantile:g}")
            params = params.model_copy(update={"quantile": quantile})
        with terminal.steps() as step:
            step(f"reading {file}")
            table = read_rows(Path(file), question)
            step(f"fitting {len(table.line):,} rows")
            fits = fit_table(table, question, params, seed=seed)
        if as_json:
            terminal.document(_document(table, fits))
        else:
            _print(table, fits)
        _refuse_if_all_refused(table, fits, Path(file), as_json=as_json)


def _refuse_if_all_refused(table: DatedRows, fits: list[Fitted], path: Path, *, as_json: bool) -> None:
    """Leave with the right exit code when no group has a number; with --json the document already says why."""
    if any(fit.estimate.status != "refused" for fit in fits):
        return
    if not len(table.line):
        error: Exception = DataInvalid(
            f"no row of {path.name} can be used",
            where=str(path),
            why="; ".join([_lost(table), *(said for said, _ in _summary(table))]),
            remedy="; ".join(dict.fromkeys(remedy for _, remedy in _summary(table))) or "widen the window",
        )
    else:
        error = NotTrustworthy(
            "every estimate was refused", where=str(path), why="; ".join(fit.estimate.reasons[0] for fit in fits[:5])
        )
    if as_json:
        raise typer.Exit(getattr(error, "exit_code", 1))
    raise error


def _document(table: DatedRows, fits: list[Fitted]) -> dict[str, Any]:
    used = len(table.line)
    return {
        "estimates": [fit.estimate.to_json() for fit in fits],
        "account": {
            "read": table.n_read,
            "used": used,
            "outside_window": table.n_outside,
            "missing": table.n_missing,
            "quarantined": len(table.quarantined),
        },
        "quarantined": table.quarantined,
        "notes": list(table.notes),
    }


def _print(table: DatedRows, fits: list[Fitted]) -> None:
    """Print one line a group, then why a number is weak or refused, then the rows set aside."""
    terminal.line(f"{table.name}: {len(table.line)} of {table.n_read} rows used; {_lost(table)}")
    for fit in fits:
        terminal.line(_line(fit))
        for reason in fit.estimate.reasons:
            terminal.line(f"  {reason}")
    for note in table.notes:
        terminal.line(note)
    for said, remedy in _summary(table):
        terminal.line(f"{said}; {remedy}")


def _lost(table: DatedRows) -> str:
    return (
        f"{table.n_missing} lack a cell, {table.n_outside} lie outside the window, {len(table.quarantined)} set aside"
    )


def _summary(table: DatedRows) -> list[tuple[str, str]]:
    """Return the rows set aside in one line a kind, and what to do; few of a kind are listed one by one."""
    kinds: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for item in table.quarantined:
        kinds.setdefault((item["column"], item["rule"]), []).append(item)
    said = []
    for (column, rule), items in kinds.items():
        first, last = items[0], items[-1]
        if len(items) > SHOWN:
            lines = f"{first['file']}:{first['line']}-{last['line']}:{column}"
            said.append((f"{lines}: {len(items)} cells such as '{first['value']}' set aside: {rule}", first["remedy"]))
        else:
            places = [f"{item['file']}:{item['line']}:{column}: '{item['value']}'" for item in items]
            said += [(f"{place} set aside: {rule}", first["remedy"]) for place in places]
    return said


def _line(fit: Fitted) -> str:
    """Return an estimate in one line: the rate in three units, each with its interval."""
    estimate, facts = fit.estimate, fit.estimate.diagnostics
    name = estimate.group or estimate.component
    headline = estimate.interval()
    if estimate.value is None or headline is None:
        return f"{name}: {estimate.n_rows} rows, {estimate.status}"
    factor, doubling = facts["factor_per_year"], facts["doubling_time"]
    value, pieces, word = doubling["value"], doubling["intervals"], "doubling"
    if estimate.value < 0 and headline.high is not None and headline.high < 0:
        value, pieces, word = -value, [[-high, -low] for low, high in pieces], "halving"
    times = " or ".join(f"[{_end(low, '-inf')}, {_end(high, 'inf')}]" for low, high in pieces)
    return (
        f"{name}: {estimate.value:.4g} doublings/yr [{_end(headline.low)}, {_end(headline.high)}] "
        f"(95 %, {headline.method}); {word} in {_end(value, 'inf')} months {times}; "
        f"x{factor['value']:.4g} a year [{_end(factor['low'])}, {_end(factor['high'], 'inf')}]; "
        f"{estimate.n_rows} rows, {estimate.status}"
    )


def _end(value: float | None, missing: str = "-") -> str:
    return missing if value is None else f"{value:.4g}"


def _day(option: str, text: str | None) -> date | None:
    from datetime import date as calendar_date

    if text is None:
        return None
    try:
        return calendar_date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{option} must be a date as YYYY-MM-DD, got '{text}'") from None


def _order(text: str | None) -> Any:
    if text is None or text in ("day_first", "month_first"):
        return text
    raise UsageError(f"--date-order must be day_first or month_first, got '{text}'")

"""``race score``: anybody's quantile forecasts against outcomes, by the code that scores our own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from race_to_efficiency.commands import terminal
from race_to_efficiency.commands.tables import digits_text
from race_to_efficiency.errors import DataInvalid, UsageError

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLE = "Example: race score forecasts.csv --outcomes oracle-output.csv --baseline naive --json"

COLUMNS = ("model", "n", "n eff", "WIS", "over", "under", "dispersion", "bias", "50/80/95 %", "relative skill")


def register(app: typer.Typer) -> None:
    """Add the verb ``score``."""

    @app.command(epilog=EXAMPLE)
    def score(
        file: Annotated[str, typer.Argument(help="quantile forecasts in hubverse columns: CSV, Parquet or JSON")],
        outcomes: Annotated[str | None, typer.Option(help="table of outcomes; else they stand in FILE")] = None,
        baseline: Annotated[str | None, typer.Option(help="model whose relative skill is set to 1")] = None,
        log2: Annotated[bool, typer.Option("--log2", help="score doublings of positive quantities")] = False,
        as_json: Annotated[bool, typer.Option("--json", help="one JSON document on stdout")] = False,
    ) -> None:
        """Score quantile forecasts: weighted interval score and its parts, coverage, effective n, relative skill."""
        from pathlib import Path

        document = score_file(Path(file), None if outcomes is None else Path(outcomes), baseline, log2=log2)
        if as_json:
            terminal.document(document)
        else:
            print_scores(document)


def score_file(file: Path, outcomes: Path | None, baseline: str | None, *, log2: bool) -> dict[str, Any]:
    """Return what ``race score --json`` prints.

    Raises
    ------
    InputMissing, DataInvalid
        When a file is missing or no table, lacks a column, or holds no forecast that can be scored.
    UsageError
        When the baseline is none of the models.
    """
    from race_to_efficiency.evaluation.hub_scores import score_units, summarise
    from race_to_efficiency.evaluation.hub_table import read_forecasts

    found = read_forecasts(file, outcomes)
    units, refused = score_units(found, log2=log2)
    if units.empty:
        raise DataInvalid(
            f"no forecast of {file.name} can be scored",
            where=str(file),
            why="; ".join(f"{count} {reason}" for reason, count in {**found.set_aside, **refused}.items()) or "no rows",
            remedy="give every forecast quantiles at symmetric levels with the median, and its outcome",
        )
    models = sorted(units["model"].unique())
    if baseline is not None and baseline not in models:
        raise UsageError(f"there is no model '{baseline}'", why=f"the models are {', '.join(models)}")
    return {
        "scale": "log2" if log2 else "natural",
        "models": summarise(units, found.task, baseline),
        "forecasts_scored": len(units),
        "forecasts_refused": refused,
        "rows_set_aside": found.set_aside,
    }


def print_scores(document: dict[str, Any]) -> None:
    """Print the scores of every model, best first."""
    rows = []
    for item in document["models"]:
        cover = "/".join(digits_text(item[f"interval_coverage_{level}"], 2) for level in (50, 80, 95))
        skill = item["scaled_relative_skill"] or item["relative_skill"]
        figures = (item[name] for name in ("n_eff", "wis", "overprediction", "underprediction", "dispersion", "bias"))
        rows.append(
            (item["model"], item["n"], *(digits_text(value, 3) for value in figures), cover, digits_text(skill, 3))
        )
    terminal.table(f"{document['forecasts_scored']} forecasts, {document['scale']} scale", COLUMNS, rows)
    for reason, count in {**document["rows_set_aside"], **document["forecasts_refused"]}.items():
        terminal.line(f"set aside: {count} {reason}")

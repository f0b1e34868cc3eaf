"""``race score``: anybody's quantile forecasts against outcomes, by the code that scores our own."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from race_to_efficiency.commands import terminal
from race_to_efficiency.commands.tables import digits_text

SCORE_EXAMPLE = "Example: race score forecasts.csv --outcomes oracle-output.csv --baseline naive --json"

SCORE_COLUMNS_HELP = (
    "model",
    "n",
    "n eff",
    "WIS",
    "over",
    "under",
    "dispersion",
    "bias",
    "50/80/95 %",
    "relative skill",
)


def register(app: typer.Typer) -> None:
    """Add the verb ``score``."""

    @app.command(epilog=SCORE_EXAMPLE)
    def score(
        file: Annotated[str, typer.Argument(help="quantile forecasts in hubverse columns: CSV, Parquet or JSON")],
        outcomes: Annotated[str | None, typer.Option(help="table of outcomes; else they stand in FILE")] = None,
        baseline: Annotated[str | None, typer.Option(help="model whose relative skill is set to 1")] = None,
        log2: Annotated[bool, typer.Option("--log2", help="score doublings of positive quantities")] = False,
        as_json: Annotated[bool, typer.Option("--json", help="one JSON document on stdout")] = False,
    ) -> None:
        """Score quantile forecasts: weighted interval score and its parts, coverage, effective n, relative skill."""
        from inspect import unwrap
        from pathlib import Path

        from race_to_efficiency.api.scores import score as scored

        known = None if outcomes is None else Path(outcomes)
        document = unwrap(scored)(Path(file), known, baseline=baseline, log2=log2).to_json()
        terminal.tell(document, print_file_scores, as_json=as_json)


def print_file_scores(document: dict[str, Any]) -> None:
    """Print the scores of every model, best first."""
    rows = []
    for item in document["models"]:
        cover = "/".join(digits_text(item[f"interval_coverage_{level}"], 2) for level in (50, 80, 95))
        skill = item["scaled_relative_skill"] or item["relative_skill"]
        figures = (item[name] for name in ("n_eff", "wis", "overprediction", "underprediction", "dispersion", "bias"))
        rows.append(
            (item["model"], item["n"], *(digits_text(value, 3) for value in figures), cover, digits_text(skill, 3))
        )
    terminal.table(f"{document['forecasts_scored']} forecasts, {document['scale']} scale", SCORE_COLUMNS_HELP, rows)
    for reason, count in {**document["rows_set_aside"], **document["forecasts_refused"]}.items():
        terminal.line(f"set aside: {count} {reason}")

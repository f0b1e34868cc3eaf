"""Years until the headline scenario reaches a loss, in each reading, with the probability that it never does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from race_to_efficiency.quarter.forecast_lineage import output_of_row
from race_to_efficiency.report.content import Block, ContentTable, Label, Rich, Text, say
from race_to_efficiency.report.forecasts import SHOWN_READINGS, milestone_row_id
from race_to_efficiency.report.inputs import Missing
from race_to_efficiency.report.numbers import decimals, id_part, probability

if TYPE_CHECKING:
    import pandas as pd

    from race_to_efficiency.report.page import Page

MILESTONE_LEVELS = (0.5, 0.1, 0.9, 0.025, 0.975)


def milestones(page: Page) -> list[Block]:
    """Return years to each milestone in each reading, with the probability of never."""
    table = page.inputs.table("milestones")
    own = table[(table["scenario_id"] == page.scenario) & (table["anchor"] == page.anchor)]
    blocks: list[Block] = []
    for form, target, name, meaning in SHOWN_READINGS:
        chosen = own[(own["form"] == form) & (own["target"] == target)]
        rows = [milestone_row(page, rows, name) for _, rows in chosen.groupby("threshold", sort=True) if len(rows)]
        if rows:
            blocks.append(
                ContentTable.of(
                    f"milestones-{id_part(form)}-{id_part(target)}".replace("_", "-"),
                    say(
                        "Years until {name} ({meaning}) has fallen to a value", name=Label(name), meaning=Text(meaning)
                    ),
                    ("milestone", "#median", "#80 %", "#95 %", "#never", "confidence"),
                    reversed(rows),
                )
            )
    if not blocks:
        raise Missing("milestones.parquet holds none for the headline's scenario and anchor")
    return blocks


def milestone_row(page: Page, rows: pd.DataFrame, name: str) -> tuple[Rich, ...]:
    """Return one milestone as a row of quantiles; never has no number."""
    first = rows.iloc[0]
    key = f"years_to.{id_part(str(first['form']))}.{id_part(str(first['target']))}.{first['threshold']:g}"
    found = {}
    nodes = (output_of_row({str(name): value for name, value in first.items()}),)
    for _, row in rows.iterrows():
        level = float(row["output_type_id"])
        if any(abs(level - wanted) < 1e-9 for wanted in MILESTONE_LEVELS):
            found[round(level, 6)] = page.shown.cell(
                f"{key}.{id_part(page.scenario)}.q{level:g}",
                float(row["value"]),
                "years",
                decimals(1),
                absent="never",
                nodes=nodes,
                forecast_rows=(milestone_row_id(row),),
                status=str(row["status"]),
            )
    missing = say("–")
    never = page.shown.cell(
        f"{key}.{id_part(page.scenario)}.never",
        float(first["unreachable_probability"]),
        "share",
        probability,
        nodes=nodes,
        forecast_rows=(milestone_row_id(first),),
    )
    return (
        (Label(f"{name.rsplit(', ', maxsplit=1)[-1]} = {first['threshold']:g}"),),
        found.get(0.5, missing),
        say("[{low}, {high}]", low=found.get(0.1, missing), high=found.get(0.9, missing)),
        say("[{low}, {high}]", low=found.get(0.025, missing), high=found.get(0.975, missing)),
        never,
        (page.forecasts.recorded_badge(str(first.get("grade") or ""), str(first["status"])),),
    )

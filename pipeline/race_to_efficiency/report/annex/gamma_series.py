"""The components of gamma, and the two series that the routes rest on most."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.report.annex.forests import HOLLOW, bar, forest_data
from race_to_efficiency.report.content import Block, ContentTable, Fact, Figure, FigureData, Label, data_table, say
from race_to_efficiency.report.figures.forest import Group, forest
from race_to_efficiency.report.figures.scatter import Cloud, Line, Panel, scatter
from race_to_efficiency.report.inputs import Missing
from race_to_efficiency.report.shown import name_list, state, window
from race_to_efficiency.report.words.names import name_in_words
from race_to_efficiency.units import joules

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from race_to_efficiency.calibration.common.estimates import Estimate
    from race_to_efficiency.report.page import Page

    Record = tuple[dict[str, Any], Estimate]

UNIT = "doublings/yr"


def components(page: Page) -> list[Block]:
    """Return the components' forest plot, what each covers, and the growth of inputs."""
    rows = page.inputs.part("gamma", "components")
    records = [(row, page.inputs.estimate(row["estimate"])) for row in rows]
    efficiency = [(row, item) for row, item in records if row["coverage"]]
    growth = [(row, item) for row, item in records if not row["coverage"] and item.unit == UNIT]
    caption = say("Growth of inputs: no efficiency; for the scenario of measured growth and to convert bases")
    named = [((Fact(component_name(row).removeprefix("growth, ")),), item) for row, item in growth]
    inputs_grow = data_table("growth", forest_data(page, caption, "doublings a year", named))
    return [component_figure(page, efficiency), meaning_table(records), inputs_grow]


def component_name(row: dict[str, Any]) -> str:
    """Return a component's name in words."""
    return name_in_words(f"{row['component']}.{row['estimator']}")


def component_figure(page: Page, efficiency: list[Record]) -> Figure:
    """Return the forest plot of the components."""
    bars = [bar(item, component_name(row)) for row, item in efficiency]
    return page.figure(
        "fig-components",
        partial(forest, [Group(bars, "doublings a year")]),
        title="Components of gamma",
        short="Measured rates of efficiency growth by series and estimator, with intervals.",
        caption="Each line is one series and one estimator. Lines that cover the same layer are alternatives and are "
        "never added.",
        long=f"{HOLLOW.capitalize()}. The intervals allow for rows that belong together: one maker, one laboratory, "
        "one benchmark.",
        data=forest_data(
            page,
            "components of gamma",
            "doublings a year",
            [((Fact(component_name(row)),), item) for row, item in efficiency],
        ),
    )


def meaning_table(records: list[Record]) -> ContentTable:
    """Return what each component is, covers and must be read with."""
    return ContentTable.of(
        "components",
        "What each component measures, covers and cannot tell",
        ("component", "~measures", "covers", "per", "dates", "~read with care", "~confidence and why"),
        [
            (
                (Fact(component_name(row)),),
                (Fact(row["meaning"]),),
                name_list(row["coverage"]) if row["coverage"] else say("growth of inputs"),
                name_list([row["basis"]]),
                window(item),
                (Fact(row["caveat"] or "–"),),
                state(item),
            )
            for row, item in records
        ],
        folded=True,
    )


def series(page: Page) -> list[Block]:
    """Return the scatter of the chips and of the training runs, each with the line quoted for it."""
    chip, chips = series_points(
        page, "gamma.hardware_tensor16.mean_chip", "accelerators", "accelerator_id", chip_efficiency
    )
    run, runs = series_points(
        page, "gamma.training_flop_per_joule.ols", "notable_training_runs", "model_id", run_efficiency
    )
    content = [
        panel("Chips: tensor FP16 per watt", "log₂ of FLOP per joule", chip, chips),
        panel("Training runs: FLOP per joule", "log₂ of FLOP per joule", run, runs),
    ]
    best = float(chips["value"].max())
    both = (chip.id, run.id)
    above = page.numbers.add(
        "series.runs_above_best_chip",
        int((runs["value"] > best).sum()),
        "rows",
        nodes=page.numbers.made("page.series", code=__name__, sources=both),
        estimates=both,
    )
    figure = page.figure(
        "fig-series",
        partial(scatter, content),
        title="Efficiency of chips and of training runs",
        short="Two scatter plots of log efficiency against date, each with its fitted line.",
        caption=say(
            "One point is one row of the ledger. Chips improve by {chip} doublings a year, training runs by {run}. "
            "Power draw of the runs is modelled from rated power, so that series is partly circular; and {above} "
            "of its {rows} runs lie above the rated efficiency of the best chip in the ledger: their compute, power or "
            "hours cannot all be right.",
            chip=page.shown.with_interval(chip),
            run=page.shown.with_interval(run),
            above=above,
            rows=page.shown.rows(run),
        ),
        long="Both panels rise from left to right with wide scatter; the line is the fit quoted in the caption.",
        data=point_data([("chips", chips), ("training runs", runs)]),
    )
    return [figure]


def panel(heading: str, axis: str, estimate: Estimate, points: pd.DataFrame) -> Panel:
    """Return one scatter with the estimate's own line."""
    years = points["year"].to_numpy()
    ends = np.array([years.min(), years.max()])
    level, centre = estimate.diagnostics["level"], estimate.diagnostics["center_year"]
    line = Line("least squares", ends, level + float(estimate.value or 0.0) * (ends - centre))
    cloud = Cloud("rows as recorded by the data date", years, points["value"].to_numpy())
    return Panel(heading, "year of release", axis, [cloud], [line])


def point_data(content: list[tuple[str, pd.DataFrame]]) -> FigureData:
    """Return the points, one row of the ledger a line: what the ledger gives is a fact, not a result."""
    rows = [
        ((Fact(str(row.id)),), (Label(heading),), (Fact(f"{row.year:.3f}"),), (Fact(f"{row.value:.3f}"),))
        for heading, points in content
        for row in points.itertuples()
    ]
    return "one row of the ledger a line", ("row", "panel", "#decimal year", "#log₂ efficiency"), rows


def series_points(
    page: Page, estimate_id: str, table: str, key: str, efficiency: Callable[[pd.DataFrame], Any]
) -> tuple[Estimate, pd.DataFrame]:
    """Return an estimate and its used rows as id, decimal year and log2 efficiency."""
    import pandas as pd

    from race_to_efficiency.units import decimal_years

    estimate = page.inputs.estimate(estimate_id)
    wanted = {row.partition("/")[2] for row in estimate.rows_used}
    rows = page.inputs.view(table)
    rows = rows[rows[key].isin(wanted)]
    if rows.empty or "level" not in estimate.diagnostics:
        raise Missing(f"{estimate_id} names no rows of {table}, or no level of its line")
    years = decimal_years(rows["released"].to_numpy())
    points = pd.DataFrame({"id": rows[key], "year": years, "value": np.log2(efficiency(rows))})
    return estimate, points.sort_values(["year", "id"])


def chip_efficiency(rows: pd.DataFrame) -> Any:
    """Return FLOP/s per watt of rated power."""
    return rows["fp16_tensor_flop_s"] / rows["tdp_w"]


def run_efficiency(rows: pd.DataFrame) -> Any:
    """Return FLOP per joule: compute over power times time."""
    return rows["compute_flop"] / joules(rows["power_draw_w"], rows["hours"])

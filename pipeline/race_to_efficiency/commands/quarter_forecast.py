"""``race predict --quarter``: what a quarter forecasts for one of its scenarios, with the quantiles of its draws."""

from __future__ import annotations

from difflib import get_close_matches
from functools import cached_property
from typing import TYPE_CHECKING, Any

from race_to_efficiency.calibration.common.grades import confidence_of
from race_to_efficiency.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import pandas as pd

    from race_to_efficiency.commands.predicted import PredictedQuarter, QuarterReading
    from race_to_efficiency.settings.params import Workspace

READINGS = (
    ("energy", "energy of today's best run", None, None),
    ("reducible", "r, loss above its floor", "reducible_loss", "reducible"),
    ("total", "R, whole loss, no floor", "relative_loss", "total"),
    ("whole", "L/L0, floor and loss above it", "relative_loss", "reducible"),
)
"""Name, words, target and form of each reading, in the order of the brief."""

LEVELS = (0.025, 0.1, 0.5, 0.9, 0.975)


class QuarterForecast:
    """What a quarter forecasts: its table and its routes, each read once.

    Parameters
    ----------
    workspace : Workspace
    """

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    @cached_property
    def scenarios(self) -> dict[str, pd.DataFrame]:
        """The forecast table by scenario, without the rows of single groups."""
        from race_to_efficiency.commands.views import locate
        from race_to_efficiency.provenance.published_files import published_parquet

        table = published_parquet(locate(self.workspace, "forecast.parquet"))
        pooled = table[table["group"].isin(["pooled", "given"])]
        return {str(name): rows for name, rows in pooled.groupby("scenario_id", sort=False)}

    @cached_property
    def gamma(self) -> dict[str, Any]:
        """Gamma's routes and estimates."""
        from race_to_efficiency.commands.views import part

        return part(self.workspace, "gamma.json")

    def of(self, scenario: str | None, years: Sequence[float]) -> PredictedQuarter:
        """Return the forecast of one scenario at some years: point and quantiles of every reading.

        Parameters
        ----------
        scenario : str or None
            The headline's where none is named.
        years : sequence of float, years
            Horizons of the forecast table.

        Raises
        ------
        UsageError
            When there is no such scenario or horizon; what is nearest is named.
        """
        report = self.workspace.params.report
        name = scenario or report.headline_scenario
        known_scenario(name, self.scenarios)
        own = self.scenarios[name]
        known_years(years, sorted({float(value) for value in own["horizon"]}))
        found = [
            row
            for year in years
            for row in (*energy(self.gamma, own, year), *readings(own, report.headline_anchor, year))
        ]
        head = self.workspace.quarter.stamp
        return {**head, "scenario": name, "anchor": report.headline_anchor, "results": found}


def known_scenario(name: str, names: Collection[str]) -> None:
    """Refuse a scenario that the quarter does not have; the one meant is suggested."""
    if name not in names:
        near = get_close_matches(name, list(names), n=1)
        raise UsageError(
            f"there is no scenario '{name}'",
            why=f"the scenarios are {', '.join(sorted(names))}",
            remedy=f"did you mean {near[0]}?" if near else None,
        )


def known_years(years: Sequence[float], horizons: Sequence[float]) -> None:
    """Refuse a horizon that the table does not hold."""
    for year in years:
        if round(float(year), 6) not in {round(value, 6) for value in horizons}:
            near = min(horizons, key=lambda value: abs(value - year))
            raise UsageError(
                f"the forecast holds no horizon of {year:g} years",
                why=f"it runs from {horizons[0]:g} to {horizons[-1]:g} years by {horizons[1] - horizons[0]:g}",
                remedy=f"--t {near:g} is the nearest",
            )


def readings(own: pd.DataFrame, anchor: str, year: float) -> list[QuarterReading]:
    """Return the readings of the loss at one horizon."""
    found: list[QuarterReading] = []
    at = own[(own["anchor"] == anchor) & ((own["horizon"] - year).abs() < 1e-9)]
    for name, words, target, form in READINGS:
        rows = at[(at["target"] == target) & (at["form"] == form)]
        if rows.empty:
            continue
        drawn = rows[rows["output_type"] == "quantile"]
        levels = {float(level): float(x) for level, x in zip(drawn["output_type_id"], drawn["value"], strict=True)}
        point = rows.loc[rows["output_type"] == "point", "value"]
        found.append(
            {
                "t": float(year),
                "reading": name,
                "words": words,
                "point": float(point.iloc[0]) if len(point) else levels[0.5],
                "quantiles": {f"{level:g}": levels[level] for level in LEVELS},
                "status": str(rows["status"].iloc[0]),
                "grade": str(rows["grade"].iloc[0]) if "grade" in rows else None,
            }
        )
    return found


def energy(document: dict[str, Any], own: pd.DataFrame, year: float) -> list[QuarterReading]:
    """Return the share of today's energy at a scenario's measured gamma; nothing where its gamma is assumed."""
    from race_to_efficiency.report.annex.energy import energy_share

    route = next((str(value) for value in own["route"] if value == value and value), None)  # noqa: PLR0124  (NaN)
    item = next((one for one in document["routes"] if one["route"] == route), None)
    if item is None:
        return []
    estimate = next(one for one in document["estimates"] if one["id"] == item["estimate"])
    if estimate["value"] is None:
        return []
    quantiles = {f"{level:g}": energy_share(item["quantiles"][f"{round(1 - level, 6):g}"], year) for level in LEVELS}
    return [
        {
            "t": float(year),
            "reading": "energy",
            "words": READINGS[0][1],
            "point": energy_share(estimate["value"], year),
            "quantiles": quantiles,
            "status": str(estimate["status"]),
            "grade": (item.get("grade") or {}).get("confidence"),
        }
    ]


def print_forecast(document: PredictedQuarter) -> None:
    """Print the table for a person."""
    from race_to_efficiency.commands.answers import print_table

    rows = [
        (
            f"{row['t']:g}",
            row["words"],
            f"{row['point']:.4g}",
            f"{row['quantiles']['0.1']:.4g} to {row['quantiles']['0.9']:.4g}",
            confidence_of(row),
        )
        for row in document["results"]
    ]
    title = f"{document['quarter']}, scenario {document['scenario']}: shares of today's"
    print_table(title, ("year", "what", "point", "8 of 10 draws", "confidence"), rows, ())

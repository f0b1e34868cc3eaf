"""What ``race diff`` and ``race audit explain`` print with ``--json``."""

from __future__ import annotations

from typing import Annotated

from typing_extensions import TypedDict

from race_to_efficiency.comparison.attribution import CAUSES, RowEffect
from race_to_efficiency.forecasting.headline_records import Reading
from race_to_efficiency.json_fields import AsOf, Count, Means, QuarterName
from race_to_efficiency.ledger.changes import ChangedTable

Pair = Annotated[list[float | None], Means(minItems=2, maxItems=2)]
Delta = Annotated[float | None, Means("new - old.")]
Old = Annotated[float | None, Means("Value of the earlier quarter; null: not there.")]
New = Annotated[float | None, Means("Value of the later quarter; null: not there.")]


class Compared(TypedDict):
    """One of the two quarters."""

    quarter: QuarterName
    as_of: AsOf
    published: Annotated[bool, Means("Whether it is compared as it was published.")]
    ledger_lines: Annotated[dict[str, Count], Means("Lines read, by ledger.")]


class Part(TypedDict):
    """What one cause contributed; every part is a difference of refits."""

    cause: Annotated[str, Means(enum=[*CAUSES])]
    value: Annotated[float, Means("Share of the change, in the unit of the estimate.")]
    rows: Annotated[list[RowEffect], Means("The rows behind it, largest first.")]


Parts = Annotated[list[Part], Means("They sum to delta; none where the estimate exists on one side only.")]


class ChangedEstimate(TypedDict):
    """One estimate's change."""

    id: str
    symbol: str
    group: str | None
    component: str | None
    form: str | None
    estimator: str | None
    unit: Annotated[str, Means("Of old, new, delta and the parts.")]
    old: Old
    new: New
    delta: Delta
    parts: Parts


class ChangedForecast(TypedDict):
    """The change of relative loss (dimensionless) at one horizon."""

    id: Annotated[str, Means("R with its reading and years.")]
    reading: Reading
    years: Annotated[float, Means("Years after each quarter's last day.")]
    old: Annotated[float | None, Means("Median loss ratio of the earlier quarter.")]
    new: Annotated[float | None, Means("Median loss ratio of the later quarter.")]
    delta: Delta
    old_interval_95: Pair
    new_interval_95: Pair
    parts: Parts


Sides = TypedDict("Sides", {"from": Compared, "to": Compared})


class ForecastChanges(TypedDict):
    """How the forecast changed."""

    forecasts: list[ChangedForecast]
    forecasts_missing: Annotated[str | None, Means("Why there is no forecast to compare; null when there is.")]


class Difference(Sides, ForecastChanges):
    """What changed between two quarters in the data, the estimates and the forecast, and why."""

    data: Annotated[dict[str, ChangedTable], Means("By ledger.")]
    estimates: list[ChangedEstimate]


class Explained(Sides):
    """Why one number moved between two quarters."""

    symbol: Annotated[str, Means("As asked.")]
    estimates: Annotated[list[ChangedEstimate | ChangedForecast], Means("What the symbol means.", minItems=1)]

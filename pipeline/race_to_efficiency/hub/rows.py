"""What publications stated as tidy rows: one a forecast and level, and one an outcome.

References
----------
hubverse documentation, model output (docs.hubverse.io): file names, columns, and names of models.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from race_to_efficiency.evaluation.published_scores import NATURAL, scored_values, stated_values
from race_to_efficiency.evaluation.statements import Statement, read_statements
from race_to_efficiency.evaluation.track_record import FIRST
from race_to_efficiency.forecasting.curves import GIVEN, POOLED, READINGS
from race_to_efficiency.forecasting.tables import HEADLINE_YEARS
from race_to_efficiency.units import DATE_UNIT, Quarter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import pandas as pd

TEAM = "race"
TASK = ("reference_date", "target", "horizon", "target_end_date", "location", "threshold")
"""Columns that say what is forecast: the day it was said, the quantity, months ahead, and the day it is about; location
is the benchmark or group a quantity is about, threshold what a date waits for or the compute a loss is stated at."""

FIELDS = {
    "model_id": ("", "who forecast it: team and model"),
    "reference_date": ("date", "last day of the quarter it was forecast in"),
    "target": ("", "what was forecast; hub-config/tasks.json says by which rule it is settled"),
    "horizon": ("months", "time from the reference date to the date it is about"),
    "target_end_date": ("date", "day it is about; for a date that is waited for, the last one looked at"),
    "location": ("", "benchmark or group it is about"),
    "threshold": ("as the target's", "value a date waits for, or compute (FLOP) a loss is stated at"),
    "output_type": ("", "quantile"),
    "output_type_id": ("1", "probability level"),
    "value": ("target_units of the target in hub-config/tasks.json", "quantile"),
    "observed": ("as value", "outcome"),
    "oracle_value": ("target_units of the target in hub-config/tasks.json", "outcome"),
}
"""Columns of a hub's tables: unit and what stands in them."""

SOURCE = "published statements of race-to-efficiency; auxiliary-data/statements.csv names each one's sources"

COLUMNS = (*TASK, "output_type", "output_type_id", "value")
OF_STATEMENT = (
    *(
        "id",
        "what",
        "by",
        "kind",
        "unit",
        "probability",
        "resolution_source",
        "resolution_rule",
        "basis",
        "published_by",
    ),
    *("plain", "last"),
)
OF_RECORD = ("status", "observed", "matured", "score", "score_baseline", "pit")
SIDECAR = ("model_id", "publication", *TASK, *OF_STATEMENT, "scale", "baseline", "baseline_probability", *OF_RECORD)
"""Columns of the table that says what a hub's columns cannot, a row a statement, events too."""

EVERYWHERE, NO_THRESHOLD = "all", "none"


@dataclass(frozen=True)
class Publication:
    """What one publication stated.

    Parameters
    ----------
    document : mapping
        Of data/published, see `published_document`.
    forecast : DataFrame or None
        Its forecast.parquet, where its folder is at hand.
    scenario, anchor : str
        The headline's choice among its curves.
    """

    document: Mapping[str, Any]
    forecast: pd.DataFrame | None = None
    scenario: str = ""
    anchor: str = ""

    @property
    def quarter(self) -> Quarter:
        """The quarter it was published for."""
        return Quarter.parse(str(self.document["quarter"]))

    @property
    def model(self) -> str:
        """Name of its model: race-v0_1, race-v0_2 (live), race-v0_2_remade (reconstructed after its time)."""
        version = str(self.document.get("model", FIRST)).rpartition("-")[2].replace(".", "_")
        return f"{TEAM}-v{version}{'_remade' if self.document.get('reconstructed') else ''}"

    def statements(self) -> list[Statement]:
        """Return its statements."""
        return read_statements(self.document["statements"])


def newest(publications: Iterable[Publication]) -> list[Publication]:
    """Return the newest publication of every model and quarter: a correction takes the place of what it corrects."""
    return list({(item.model, item.quarter): item for item in publications}.values())


def task_of(statement: Statement) -> dict[str, Any]:
    """Return what a statement is about, in the columns of `TASK`."""
    made, due = (Quarter.parse(name) for name in (statement.id.split(".", 1)[0], statement.target_quarter))
    dated = statement.unit == DATE_UNIT
    return {
        "reference_date": made.as_of,
        "target": f"{statement.target} reached" if dated else statement.target.partition(":")[0],
        "horizon": months_between(made, due),
        "target_end_date": dt.date.fromisoformat(statement.by),
        "location": statement.cell or statement.target.partition(":")[2] or EVERYWHERE,
        "threshold": NO_THRESHOLD if statement.threshold is None else f"{statement.threshold!r}",
    }


def months_between(made: Quarter, due: Quarter) -> int:
    """Return the months from one quarter's end to another's."""
    return 12 * (due.year - made.year) + 3 * (due.number - made.number)


def model_rows(publication: Publication) -> Iterator[dict[str, Any]]:
    """Yield the tidy rows of a publication's statements of quantiles, and of the relative losses of its headline."""
    for item in publication.statements():
        if item.quantiles:
            yield from _levels(task_of(item), item.quantiles, stated_values(item, item.quantiles))
    yield from _loss_rows(publication)


def baseline_rows(publication: Publication) -> Iterator[dict[str, Any]]:
    """Yield the rows of what each statement is held against: the last value, or a random walk with drift."""
    for item in publication.statements():
        held = item.baseline.get("quantiles") if item.quantiles else None
        if held:
            yield from _levels(task_of(item), held, stated_values(item, held))


def scored_rows(item: Statement, model: str, observed: float) -> Iterator[dict[str, Any]]:
    """Yield the rows of a settled statement and of its baseline with the outcome, on the scale it is scored on."""
    for name, held in ((model, item.quantiles), (f"{model}_base", item.baseline.get("quantiles"))):
        if item.quantiles and held:
            outcome, values = scored_values(item, held, observed)
            yield from _levels({"model_id": name, **task_of(item), "observed": outcome}, held, values)


def _levels(task: Mapping[str, Any], levels: Iterable[str], values: Sequence[float]) -> Iterator[dict[str, Any]]:
    for level, value in zip(levels, values, strict=True):
        yield {**task, "output_type": "quantile", "output_type_id": float(level), "value": value}


def _loss_rows(publication: Publication) -> Iterator[dict[str, Any]]:
    """Yield R at the headline's years, in all its readings: nothing settles it, so it is never scored."""
    table = publication.forecast
    if table is None:
        return
    made = publication.quarter
    chosen = table[
        (table["scenario_id"] == publication.scenario)
        & (table["anchor"] == publication.anchor)
        & table["group"].isin([POOLED, GIVEN])
        & (table["output_type"] == "quantile")
        & table["horizon"].isin(HEADLINE_YEARS)
    ]
    for _, target, form, _ in READINGS:
        rows = chosen[(chosen["target"] == target) & (chosen["form"] == form)]
        columns = (rows[name] for name in ("horizon", "target_end_date", "output_type_id", "value"))
        for years, end, level, value in zip(*columns, strict=True):
            task = (made.as_of, f"{target} {form}", round(12 * years), dt.date.fromisoformat(end))
            named = dict(zip(TASK, (*task, EVERYWHERE, NO_THRESHOLD), strict=True))
            yield {**named, "output_type": "quantile", "output_type_id": float(level), "value": float(value)}


def sidecar_row(publication: Publication, statement: Statement, known: Mapping[str, Any]) -> dict[str, Any]:
    """Return everything else a publication says of a statement, and its row of the track record (`SIDECAR`)."""
    return {
        "model_id": publication.model,
        "publication": publication.document["publication"],
        **task_of(statement),
        **{name: getattr(statement, name) for name in OF_STATEMENT},
        "scale": "natural" if statement.unit in NATURAL else "log2",
        "baseline": statement.baseline.get("method", ""),
        "baseline_probability": statement.baseline.get("probability"),
        **{name: known.get(name) for name in OF_RECORD},
    }


def frame(rows: Iterable[Mapping[str, Any]], columns: Sequence[str] = COLUMNS) -> pd.DataFrame:
    """Return rows as a table, months as 32-bit integers as hubverse's reader has them."""
    import pandas as pd

    return pd.DataFrame(list(rows), columns=list(columns)).astype({"horizon": "int32"})

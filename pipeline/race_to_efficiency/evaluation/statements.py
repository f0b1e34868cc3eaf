"""Dated statements anyone can settle: what, by when, how likely, from which source and by which rule.

They are generated from the draws and the predictive models that the backtest scores; nothing is typed by hand and
nothing recorded after the quarter's last day is used.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from race_to_efficiency.evaluation.score_records import StatementKind  # noqa: TC001 - named in a record
from race_to_efficiency.evaluation.scoring import LEVELS
from race_to_efficiency.evaluation.statement_calendar import next_publication
from race_to_efficiency.json_fields import LEVELS_NAMED, Day, QuarterName, Share, Written, further, when
from race_to_efficiency.loading.json_text import parse_json

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.evaluation.origin_views import LedgerViews
    from race_to_efficiency.evaluation.targets import Target
    from race_to_efficiency.evaluation.weights import Learned
    from race_to_efficiency.settings.statements import StatementParams
    from race_to_efficiency.units import Quarter

_MAPPINGS = ("quantiles", "dates", "baseline", "rate")
"""Fields that are JSON texts in a table."""


@further(
    allOf=[
        when(
            {"kind": {"const": "probability"}},
            {"probability": {"type": "number"}},
            {"probability": {"type": "null"}, "quantiles": {"type": "object", "minProperties": 1}},
        )
    ]
)
@dataclass(frozen=True)
class Statement:
    """One dated, resolvable statement.

    Parameters
    ----------
    id : str
        ``QUARTER.NAME``.
    what : str
        The quantity or event in words.
    by : str
        ISO date by which it resolves.
    kind : {'probability', 'quantiles'}
    unit : str
        Unit of the quantiles; ``decimal year`` for dates.
    resolution_source, resolution_rule : str
    basis : str
        What the numbers were computed from.
    probability : float or None
        Of an event; else null.
    quantiles : mapping of level to value, or None
        Level -> value in `unit`; a null value lies beyond the years looked at.
    dates : mapping of level to ISO date, or None
        Level -> date, where the quantity is one; null lies beyond the years looked at.
    baseline : mapping
        What is stated beside it for comparison.
    target : str
        What settles it: a target of the backtest, ``estimate:COLUMN`` or ``loss:GROUP`` or ``kappa_eff``.
    target_quarter : str
        Quarter that settles it.
    cell : str
    threshold : float or None
        In the unit of the target.
    plain : str
        The statement in plain words.
    published_by : str
        ISO date by which the source is expected to publish next.
    last : float or None
        The level when it was made, in the unit of the target.
    rate : mapping
        Growth the median implies, beside the one the same report prints, doublings/yr.
    """

    id: str
    what: str
    by: Day
    kind: StatementKind
    unit: str
    resolution_source: str
    resolution_rule: str
    basis: str
    probability: Share | None = None
    quantiles: Annotated[Mapping[str, float | None], LEVELS_NAMED] | None = None
    dates: Annotated[Mapping[str, str | None], LEVELS_NAMED] | None = None
    baseline: Annotated[Mapping[str, Any], Written("evaluation.statement_records:StatedBeside")] = field(
        default_factory=dict
    )
    target: str = ""
    target_quarter: QuarterName = ""
    cell: str = ""
    threshold: float | None = None
    plain: str = ""
    published_by: str = ""
    last: float | None = None
    rate: Annotated[Mapping[str, Any], Written("evaluation.statement_records:ImpliedRate")] = field(
        default_factory=dict
    )

    def __post_init__(self) -> None:
        if (self.kind == "probability") != (self.probability is not None):
            raise ValueError(f"statement {self.id!r} of kind {self.kind!r} has probability {self.probability!r}")
        if (self.kind == "quantiles") != bool(self.quantiles):
            raise ValueError(f"statement {self.id!r} of kind {self.kind!r} has quantiles {self.quantiles!r}")
        if self.probability is not None and not 0 <= self.probability <= 1:
            raise ValueError(f"probability must lie in [0, 1], got {self.probability!r} in {self.id!r}")
        found = [value for value in (self.quantiles or {}).values() if value is not None]
        if any(b < a for a, b in itertools.pairwise(found)):
            raise ValueError(f"quantiles of {self.id!r} fall: {found!r}")

    def to_json(self) -> dict[str, Any]:
        """Return the statement as a JSON-ready mapping, all fields present."""
        return dataclasses.asdict(self)


@dataclass(frozen=True)
class Sources:
    """What the statements of a quarter are generated from.

    Parameters
    ----------
    quarter : Quarter
    views : LedgerViews
        The ledgers; read as of the quarter's last day.
    forecasts : DataFrame
        The backtest's forecasts and baselines; those made in the quarter are used.
    earlier : sequence of Statement
        What the same forecaster stated before: a question that is open is not asked again.
    params : StatementParams
    rates : mapping of estimate to (value, low, high), doublings/yr
        Growths the quarter's report prints, with their 95 %.
    weights : mapping of target to Learned
        Of the members, to say why a median implies another growth.
    """

    quarter: Quarter
    views: LedgerViews
    forecasts: pd.DataFrame
    earlier: Sequence[Statement]
    params: StatementParams
    rates: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)
    weights: Mapping[str, Learned] = field(default_factory=dict)

    @functools.cached_property
    def made(self) -> dict[tuple[str, str], pd.DataFrame]:
        """Forecasts and baselines made in the quarter, by target and target quarter."""
        own = self.forecasts[self.forecasts["origin"] == str(self.quarter)]
        grouped = own.groupby(["target", "target_quarter"], sort=False)
        return {(str(target), str(quarter)): rows for (target, quarter), rows in grouped}

    def at_levels(self, log2_quantiles: Floats) -> dict[str, float]:
        """Return the printed levels' values, in the unit, out of (23,) log2 quantiles at `scoring.LEVELS`."""
        levels = self.params.quantile_levels
        picked = np.exp2(np.interp(levels, LEVELS, log2_quantiles))
        return {f"{level:g}": float(value) for level, value in zip(levels, picked, strict=True)}

    def name(self, text: str) -> str:
        """Return a statement's id."""
        return f"{self.quarter}.{text}"

    def next_publication(self, target: Target) -> dt.date | None:
        """Return when a target's source may be expected to publish again; None when it has fallen silent."""
        gap = self.params.publication_gap_days
        return next_publication(target, self.views, self.quarter.as_of, gap)

    def is_open(self, target: str, cell: str, *, quarter: str = "", threshold: float | None = None) -> bool:
        """Return whether a quantity has been asked for a quarter, or an event for a threshold, by an earlier one."""
        return any(
            one.target == target
            and one.cell == cell
            and (one.target_quarter == quarter if threshold is None else one.threshold == threshold)
            and (one.kind == "quantiles") == (threshold is None)
            for one in self.earlier
        )


def printed_rates(gamma: Mapping[str, Any]) -> dict[str, tuple[float, float, float]]:
    """Return value and 95 % interval of every growth out of gamma.json, by ``component.estimator``."""
    found = {}
    for item in gamma["estimates"]:
        ends = [one for one in item.get("intervals") or () if one["level"] == 0.95]
        if item.get("component") and item.get("value") is not None and ends:
            name = f"{item['component']}.{item['estimator']}"
            found[name] = (float(item["value"]), float(ends[0]["low"]), float(ends[0]["high"]))
    return found


def make_statements(sources: Sources) -> list[Statement]:
    """Return the quarter's statements; those whose inputs are not there by then are left out.

    Parameters
    ----------
    sources : Sources

    Returns
    -------
    list of Statement
        Ids are unique; the order is that of the report.
    """
    from race_to_efficiency.evaluation.statement_observables import observable_statements

    found = observable_statements(sources)
    ids = [item.id for item in found]
    if len(set(ids)) != len(ids):
        raise ValueError(f"statement ids repeat: {sorted({one for one in ids if ids.count(one) > 1})}")
    return found


def statements_frame(statements: Iterable[Statement]) -> pd.DataFrame:
    """Return statements as a table; quantiles, dates and baseline are JSON texts in it."""
    import pandas as pd

    names = [item.name for item in dataclasses.fields(Statement)]
    rows = []
    for item in statements:
        row = item.to_json()
        for name in _MAPPINGS:
            row[name] = "" if not row[name] else json.dumps(row[name], sort_keys=True, allow_nan=False)
        rows.append(row)
    frame = pd.DataFrame(rows, columns=names)
    numbers = {"probability", "threshold", "last"}
    return frame.astype({name: "float64" if name in numbers else "str" for name in names})


def read_statements(documents: Iterable[Mapping[str, Any]]) -> list[Statement]:
    """Return statements from statements.json's list, or from the records of statements.parquet.

    Raises
    ------
    ValueError, TypeError
        When a field is missing, unknown or inconsistent.
    """
    found = []
    for document in documents:
        row = dict(document)
        for name in _MAPPINGS:
            if isinstance(row.get(name), str):
                row[name] = parse_json(row[name], f"statements: {name}") if row[name] else None
        row |= {name: row.get(name) or {} for name in ("baseline", "rate")}
        for name in ("probability", "threshold", "last"):
            value = row.get(name)
            row[name] = None if value is None or not np.isfinite(value) else float(value)
        found.append(Statement(**row))
    return found

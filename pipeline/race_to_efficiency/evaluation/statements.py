"""Dated statements anyone can settle: what, by when, how likely, from which source and by which rule.

They are generated from the draws and the predictive models that the backtest scores; nothing is typed by hand and
nothing recorded after the quarter's last day is used.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from race_to_efficiency.evaluation.scoring import LEVELS
from race_to_efficiency.loading.json_text import parse_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from race_to_efficiency.evaluation.choices import Choice
    from race_to_efficiency.evaluation.origin_views import LedgerViews
    from race_to_efficiency.settings.backtest import BacktestParams
    from race_to_efficiency.settings.statements import StatementParams
    from race_to_efficiency.units import Quarter

    Array = NDArray[np.float64]

MINIMUM_STATEMENTS = 20
"""Statements a quarter with all ledgers makes at least."""


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
    quantiles : mapping of level to value, or None
        A value is None where a date lies beyond the years looked at.
    dates : mapping of level to ISO date, or None
        The same for a date.
    baseline : mapping
        method, and its own probability or quantiles.
    target : str
        What settles it: a target of the backtest, ``estimate:COLUMN`` or ``loss:GROUP`` or ``kappa_eff``.
    target_quarter, cell : str
    threshold : float or None
        In the unit of the target.
    """

    id: str
    what: str
    by: str
    kind: Literal["probability", "quantiles"]
    unit: str
    resolution_source: str
    resolution_rule: str
    basis: str
    probability: float | None = None
    quantiles: Mapping[str, float | None] | None = None
    dates: Mapping[str, str | None] | None = None
    baseline: Mapping[str, Any] = field(default_factory=dict)
    target: str = ""
    target_quarter: str = ""
    cell: str = ""
    threshold: float | None = None

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
    choices : mapping of target to Choice
        Models of the dated targets and of the loss groups.
    gamma_draws : DataFrame
        Columns ``growth.NAME`` and ``level.NAME``, doublings/yr and log2.
    windows : mapping of column to (str, str)
        First and last date of the rows behind a growth.
    kappa_draws : DataFrame
    backtest : BacktestParams
    params : StatementParams
    seed : int
    """

    quarter: Quarter
    views: LedgerViews
    choices: Mapping[str, Choice]
    gamma_draws: pd.DataFrame
    windows: Mapping[str, tuple[str, str]]
    kappa_draws: pd.DataFrame
    backtest: BacktestParams
    params: StatementParams
    seed: int

    def at_levels(self, draws_or_quantiles: Array, *, quantiles: bool = False) -> dict[str, float]:
        """Return the printed levels' values from draws, or picked out of (23,) quantiles at `scoring.LEVELS`."""
        levels = self.params.quantile_levels
        if quantiles:
            picked = np.interp(levels, LEVELS, np.asarray(draws_or_quantiles, dtype=np.float64))
        else:
            picked = np.quantile(draws_or_quantiles, levels)
        return {f"{level:g}": float(value) for level, value in zip(levels, picked, strict=True)}

    def name(self, text: str) -> str:
        """Return a statement's id."""
        return f"{self.quarter}.{text}"


def windows_of(gamma: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Return the window of every growth and level out of gamma.json, by ``component.estimator``."""
    return {
        f"{item['component']}.{item['estimator']}": (item["window"][0], item["window"][1])
        for item in gamma["estimates"]
        if item.get("window") and item.get("component") and item.get("estimator")
    }


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
    from race_to_efficiency.evaluation.statement_estimates import estimate_statements
    from race_to_efficiency.evaluation.statement_observables import observable_statements

    found = [*observable_statements(sources), *estimate_statements(sources)]
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
        for name in ("quantiles", "dates", "baseline"):
            row[name] = "" if not row[name] else json.dumps(row[name], sort_keys=True, allow_nan=False)
        rows.append(row)
    frame = pd.DataFrame(rows, columns=names)
    numbers = {"probability", "threshold"}
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
        for name in ("quantiles", "dates", "baseline"):
            if isinstance(row.get(name), str):
                row[name] = parse_json(row[name], f"statements: {name}") if row[name] else None
        row["baseline"] = row.get("baseline") or {}
        for name in ("probability", "threshold"):
            value = row.get(name)
            row[name] = None if value is None or not np.isfinite(value) else float(value)
        found.append(Statement(**row))
    return found

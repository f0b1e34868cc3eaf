"""What became of a statement, by its own rule: a value, a date, yes or no, still open, or void."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

import numpy as np

from race_to_efficiency.evaluation.outcomes import outcomes
from race_to_efficiency.evaluation.score_records import State
from race_to_efficiency.evaluation.targets import TARGETS
from race_to_efficiency.units import DATE_UNIT, Quarter, decimal_year

if TYPE_CHECKING:
    from collections.abc import Mapping

    from race_to_efficiency.evaluation.origin_views import LedgerViews
    from race_to_efficiency.evaluation.statements import Statement
    from race_to_efficiency.settings.statements import StatementParams

STATES = get_args(State)
"""What a statement can be: overdue is one whose date is past but which its source does not reach yet."""


@dataclass(frozen=True)
class Outcome:
    """What became of a statement.

    Parameters
    ----------
    status : str
        One of `STATES`.
    observed : float or None
        In the statement's unit; 1 for yes, 0 for no.
    matured : float or None
        The same two quarters on, when late entries and corrections have come in; None until then.
    """

    status: str
    observed: float | None = None
    matured: float | None = None


def settle(
    statement: Statement,
    views: LedgerViews,
    day: dt.date,
    params: StatementParams,
    *,
    estimates: Mapping[str, Mapping[str, float]] | None = None,
) -> Outcome:
    """Return what became of a statement by ``day``, by its own rule.

    The passing of time settles nothing: a statement that is due is void, or its re-estimate counts, only once rows that
    can tell have been recorded; until then it is overdue.

    Parameters
    ----------
    statement : Statement
    views : LedgerViews
        Ledgers read today; only what was recorded by ``day`` counts.
    day : date
    params : StatementParams
        Gives the tolerance of a next-scale run.
    estimates : mapping of quarter to (mapping of name to value), optional
        Later quarters' estimates, for statements about re-estimates, by ``component.estimator``.
    """
    made = Quarter.parse(statement.id.split(".", 1)[0]).as_of
    due = dt.date.fromisoformat(statement.by)
    waiting = Outcome("overdue" if day >= due else "open")
    if statement.target in TARGETS and statement.unit == DATE_UNIT:
        return _settle_date(statement, views, day)
    if statement.target in TARGETS:
        return _settle_observable(statement, views, day) or waiting
    if statement.target.startswith("loss:"):
        told = any(due <= one for one in views.recorded("training_runs", day))
        unmet = Outcome("void") if told else waiting
        return _settle_loss(statement, views, min(day, due), made, params) or unmet
    if not statement.target.startswith("estimate:"):
        return Outcome("by hand")
    later = (estimates or {}).get(statement.target_quarter)
    quarter = Quarter.parse(statement.target_quarter)
    entered = (one for name in views.intakes for one in views.recorded(name, quarter.as_of))
    if later is None or day < due or not any(quarter.shift(-1).as_of < one for one in entered):
        return waiting
    found = later.get(statement.target.removeprefix("estimate:"))
    return Outcome("void") if found is None else Outcome("resolved", float(found))


def _settle_observable(statement: Statement, views: LedgerViews, day: dt.date) -> Outcome | None:
    target, quarter = TARGETS[statement.target], Quarter.parse(statement.target_quarter)
    if views.settled_by(target, quarter.as_of, day) is None:
        return None
    known = outcomes(target, views, day, quarter)
    own = known[(known["target_quarter"] == str(quarter)) & (known["cell"] == statement.cell)]
    if own.empty:
        return Outcome("void")
    first, again = (own[name].iloc[0] for name in ("observed", "matured"))
    return Outcome("resolved", _value(statement, first), _value(statement, again) if np.isfinite(again) else None)


def _value(statement: Statement, log2_value: float) -> float:
    """Return an outcome in the statement's unit: the quantity, or whether the threshold was reached."""
    sign, value = TARGETS[statement.target].sign, float(np.exp2(log2_value))
    return value if statement.threshold is None else float(sign * value >= sign * statement.threshold)


def _settle_date(statement: Statement, views: LedgerViews, day: dt.date) -> Outcome:
    target = TARGETS[statement.target]
    known = views.known(target, day).observations
    threshold = np.log2(statement.threshold) if statement.threshold else np.inf
    reached = known[target.sign * known["value"] >= target.sign * threshold]
    if len(reached):
        return Outcome("resolved", decimal_year(reached["released"].min().date()))
    due = dt.date.fromisoformat(statement.by)
    if day < due:
        return Outcome("open")
    return Outcome("overdue" if views.settled_by(target, due, day) is None else "void")


def _settle_loss(
    statement: Statement, views: LedgerViews, day: dt.date, made: dt.date, params: StatementParams
) -> Outcome | None:
    runs = views.used("training_runs", day)
    own = runs[(runs["group"] == statement.target.removeprefix("loss:")) & (runs["recorded"].dt.date > made)]
    distance = np.abs(np.log(own["compute_flop"].to_numpy(dtype=np.float64) / float(statement.threshold or np.nan)))
    near = own[distance <= np.log(params.next_scale_tolerance)].sort_values(["recorded", "run_id"])
    if near.empty:
        return None
    return Outcome("resolved", float(near["loss_nats"].iloc[0]))

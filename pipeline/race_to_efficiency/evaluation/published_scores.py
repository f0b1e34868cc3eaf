"""Published statements scored as published, beside what today's code would have said.

A frozen statement is never recomputed to be scored. Recomputing the same quarter from the same as-of ledgers with
today's code shows how far the method has moved since; both scores stand side by side.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.evaluation import scoring
from race_to_efficiency.evaluation.settlement import settle
from race_to_efficiency.units import DATE_UNIT, decimal_year

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd

    from race_to_efficiency.evaluation.origin_views import LedgerViews
    from race_to_efficiency.evaluation.statements import Statement
    from race_to_efficiency.settings.statements import StatementParams

COLUMNS = [
    *("quarter", "publication", "id", "what", "by", "unit", "status", "observed", "median", "low80", "high80"),
    *("score", "score_baseline", "pit", "score_today", "median_today", "width_ratio", "drift"),
]
"""Columns of the record, in order."""


def score_statement(statement: Statement, outcome: float) -> dict[str, float | None]:
    """Return one statement's score: Brier for an event, weighted interval score for quantiles, and its baseline's.

    Quantiles of positive quantities are scored on log2 (doublings), dates in years, growth in doublings/yr. A date
    beyond the years looked at counts as the last one looked at.
    """
    base = statement.baseline
    if statement.kind == "probability":
        naive = base.get("probability")
        return {
            "score": float(scoring.brier_score(outcome, statement.probability or 0.0)),
            "score_baseline": None if naive is None else float(scoring.brier_score(outcome, naive)),
            "pit": None,
        }
    value, own = _scored(statement, statement.quantiles or {}, outcome)
    naive_quantiles = base.get("quantiles")
    naive_score = None
    if naive_quantiles:
        _, other = _scored(statement, naive_quantiles, outcome)
        naive_score = float(scoring.weighted_interval_score([value], [other], _levels(statement)).wis[0])
    return {
        "score": float(scoring.weighted_interval_score([value], [own], _levels(statement)).wis[0]),
        "score_baseline": naive_score,
        "pit": float(scoring.pit([value], [own], _levels(statement))[0]),
    }


def _levels(statement: Statement) -> list[float]:
    return [float(level) for level in statement.quantiles or {}]


def _scored(
    statement: Statement, quantiles: Mapping[str, float | None], outcome: float
) -> tuple[float, Sequence[float]]:
    """Return outcome and quantiles on the scale they are scored on."""
    found = [value for value in quantiles.values() if value is not None]
    last = decimal_year(dt.date.fromisoformat(statement.by)) if statement.unit == DATE_UNIT else np.nan
    values = np.array([last if value is None else value for value in quantiles.values()], dtype=np.float64)
    if statement.unit in (DATE_UNIT, "doublings/yr") or min([*found, outcome]) <= 0:
        return outcome, values.tolist()
    return float(np.log2(outcome)), np.log2(values).tolist()


def score_published(
    frozen: Iterable[Statement],
    recomputed: Iterable[Statement],
    views: LedgerViews,
    day: dt.date,
    params: StatementParams,
    *,
    estimates: Mapping[str, Mapping[str, float]] | None = None,
) -> pd.DataFrame:
    """Score a published quarter's statements as published, and beside them what today's code says for that quarter.

    Parameters
    ----------
    frozen : iterable of Statement
        As published.
    recomputed : iterable of Statement
        Made by today's code from the same as-of ledgers.
    views : LedgerViews
    day : date
        The view that settles.
    params : StatementParams
    estimates : mapping, optional
        See `settle`.

    Returns
    -------
    DataFrame
        id, status, observed, median (or probability), low80, high80, score, score_baseline, pit (as published);
        score_today, median_today, width_ratio and drift: what of the difference is drift of method, in words. A
        statement only one side makes is named so.
    """
    import pandas as pd

    today = {item.id: item for item in recomputed}
    rows: list[dict[str, Any]] = []
    for item in frozen:
        status, observed = settle(item, views, day, params, estimates=estimates)
        row: dict[str, Any] = {"id": item.id, "what": item.what, "by": item.by, "unit": item.unit}
        row |= {"status": status, "observed": observed, "median": middle(item)}
        row |= {name: (item.quantiles or {}).get(level) for name, level in (("low80", "0.1"), ("high80", "0.9"))}
        row |= (
            score_statement(item, observed)
            if observed is not None
            else dict.fromkeys(("score", "score_baseline", "pit"))
        )
        rows.append(row | drift_of_method(item, today.pop(item.id, None), observed))
    rows += [_only_today(item) for item in today.values()]
    return pd.DataFrame(rows, columns=COLUMNS[2:])


def _only_today(item: Statement) -> dict[str, Any]:
    return {
        "id": item.id,
        "what": item.what,
        "by": item.by,
        "status": "not published",
        "median_today": middle(item),
        "drift": "made by today's code only",
    }


def middle(statement: Statement) -> float | None:
    """Return a statement's median, or its probability."""
    return statement.probability if statement.quantiles is None else statement.quantiles.get("0.5")


def width(statement: Statement) -> float | None:
    """Return the width of a statement's 80 % interval on the scale it is scored on; None without one."""
    quantiles = statement.quantiles or {}
    low, high = quantiles.get("0.1"), quantiles.get("0.9")
    if low is None or high is None:
        return None
    _, (scored_low, scored_high) = _scored(statement, {"0.1": low, "0.9": high}, low)
    return scored_high - scored_low


def drift_of_method(published: Statement, today: Statement | None, observed: float | None) -> dict[str, Any]:
    """Return how today's code differs from what was published for the same quarter and the same data."""
    if today is None:
        return {
            "score_today": None,
            "median": middle(published),
            "median_today": None,
            "width_ratio": None,
            "drift": "no longer made by today's code",
        }
    score = score_statement(today, observed)["score"] if observed is not None else None
    before, after = width(published), width(today)
    ratio = after / before if before and after is not None else None
    a, b = middle(published), middle(today)
    same = a == b and (ratio is None or ratio == 1.0)
    words = "none" if same else f"median {a if a is not None else 'none'} -> {b if b is not None else 'none'}"
    if not same and ratio is not None:
        words += f", 80 % width times {ratio:.3g}"
    return {"score_today": score, "median": a, "median_today": b, "width_ratio": ratio, "drift": words}

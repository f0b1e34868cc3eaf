"""Statements scored as they were made, beside what today's forecaster says for the same day and question.

A statement is never recomputed to be scored. What today's code would have said from the same as-of ledgers stands in
the backtest; both scores stand side by side, and tell what was learnt.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.evaluation import scoring
from race_to_efficiency.evaluation.averaging import probability_up_to
from race_to_efficiency.evaluation.score_records import PublishedScore
from race_to_efficiency.evaluation.scoring import LEVELS, QUANTILE_COLUMNS
from race_to_efficiency.evaluation.settlement import settle
from race_to_efficiency.evaluation.targets import TARGETS
from race_to_efficiency.units import DATE_UNIT, decimal_year

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.evaluation.origin_views import LedgerViews
    from race_to_efficiency.evaluation.statements import Statement
    from race_to_efficiency.settings.statements import StatementParams

PUBLISHED_COLUMNS = list(PublishedScore.__annotations__)
"""Columns of the record, in order."""

NATURAL = (DATE_UNIT, "doublings/yr")
"""Units that are scored as they stand."""


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
    levels, naive_quantiles = _levels(statement), base.get("quantiles")
    value, own = scored_values(statement, statement.quantiles or {}, outcome)
    naive_score = None
    if naive_quantiles:
        naive_score = _wis(value, scored_values(statement, naive_quantiles, outcome)[1], levels)
    return {
        "score": _wis(value, own, levels),
        "score_baseline": naive_score,
        "pit": float(scoring.pit([value], [own], levels)[0]),
    }


def _levels(statement: Statement) -> list[float]:
    return [float(level) for level in statement.quantiles or {}]


def _wis(value: float, quantiles: list[float], levels: list[float]) -> float:
    return float(scoring.weighted_interval_score([value], [quantiles], levels).wis[0])


def stated_values(statement: Statement, quantiles: Mapping[str, float | None]) -> list[float]:
    """Return quantiles in the statement's unit; a date beyond the years looked at is the last one looked at."""
    last = decimal_year(dt.date.fromisoformat(statement.by)) if statement.unit == DATE_UNIT else np.nan
    return [last if value is None else float(value) for value in quantiles.values()]


def scored_values(
    statement: Statement, quantiles: Mapping[str, float | None], outcome: float
) -> tuple[float, list[float]]:
    """Return outcome and quantiles on the scale they are scored on: doublings where positive, but for `NATURAL`."""
    values = stated_values(statement, quantiles)
    if statement.unit in NATURAL or min(*values, outcome) <= 0:
        return outcome, values
    return float(np.log2(outcome)), np.log2(values).tolist()


def by_question(forecasts: pd.DataFrame) -> dict[tuple[str, str, str, str], Floats]:
    """Return today's forecasts, (23,) log2 quantiles, by origin, target, target quarter and cell."""
    own = forecasts[forecasts["method"] == "forecast"]
    keys = zip(*(own[name] for name in ("origin", "target", "target_quarter", "cell")), strict=True)
    return dict(zip(keys, own[list(QUANTILE_COLUMNS)].to_numpy(dtype=np.float64), strict=True))


def score_statements(
    statements: Iterable[Statement],
    today: Mapping[tuple[str, str, str, str], Floats],
    views: LedgerViews,
    day: dt.date,
    params: StatementParams,
    *,
    estimates: Mapping[str, Mapping[str, float]] | None = None,
) -> list[dict[str, Any]]:
    """Score statements as they were made, and beside them what today's forecaster says.

    Parameters
    ----------
    statements : iterable of Statement
    today : mapping
        See `by_question`.
    views : LedgerViews
    day : date
        The view that settles.
    params : StatementParams
    estimates : mapping, optional
        See `settle`.

    Returns
    -------
    list of dict
        `PUBLISHED_COLUMNS` without quarter, publication, model and reconstructed; None where not defined.
    """
    found = []
    for item in statements:
        outcome = settle(item, views, day, params, estimates=estimates)
        row: dict[str, Any] = {"id": item.id, "what": item.what, "by": item.by, "unit": item.unit, "kind": item.kind}
        row |= {"status": outcome.status, "observed": outcome.observed, "matured": outcome.matured}
        row["median"] = item.probability if item.quantiles is None else item.quantiles.get("0.5")
        row |= {name: (item.quantiles or {}).get(level) for name, level in (("low80", "0.1"), ("high80", "0.9"))}
        row |= _scores(item, outcome.observed)
        row["score_matured"] = _scores(item, outcome.matured)["score"]
        again = today.get((item.id.split(".", 1)[0], item.target, item.target_quarter, item.cell))
        found.append(row | _today(item, again, outcome.observed))
    return found


def _scores(item: Statement, outcome: float | None) -> dict[str, float | None]:
    return dict.fromkeys(("score", "score_baseline", "pit")) if outcome is None else score_statement(item, outcome)


def _today(item: Statement, quantiles: Floats | None, outcome: float | None) -> dict[str, float | None]:
    """Return the median, or the probability, of today's forecaster for the same question, and its score."""
    if quantiles is None or item.unit == DATE_UNIT:
        return {"median_today": None, "score_today": None}
    if item.threshold is not None and item.kind == "probability":
        below = probability_up_to(quantiles, float(np.log2(item.threshold)))
        chance = below if TARGETS[item.target].sign < 0 else 1.0 - below
        score = None if outcome is None else float(scoring.brier_score(outcome, chance))
        return {"median_today": chance, "score_today": score}
    levels = _levels(item)
    picked = np.interp(levels, LEVELS, quantiles)
    score = None if outcome is None else _wis(float(np.log2(outcome)), picked.tolist(), levels)
    return {"median_today": float(np.exp2(np.interp(0.5, LEVELS, quantiles))), "score_today": score}

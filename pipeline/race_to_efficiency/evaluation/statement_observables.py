"""Statements about observables: the very forecasts the backtest scores, asked as questions and put in plain words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.evaluation.averaging import probability_up_to
from race_to_efficiency.evaluation.scoring import LEVELS, QUANTILE_COLUMNS
from race_to_efficiency.evaluation.statement_calendar import live_cells, lives, next_round
from race_to_efficiency.evaluation.statement_words import event_words, level_words, why
from race_to_efficiency.evaluation.statements import Statement
from race_to_efficiency.evaluation.targets import TARGETS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from race_to_efficiency.arrays import Floats
    from race_to_efficiency.evaluation.statements import Sources
    from race_to_efficiency.evaluation.targets import Target
    from race_to_efficiency.units import Quarter

_MEDIAN = LEVELS.index(0.5)
_LEAST = 0.005
"""Nothing is said to be more certain than half the outermost level."""


@dataclass(frozen=True)
class Outlook:
    """One forecast of the backtest, as a statement reads it.

    Parameters
    ----------
    target : Target
    quarter : Quarter
        Target quarter.
    cell : str
    quantiles, baseline : (23,) float, log2 of the unit
        The forecast's, and those of the last value: what comes if nothing happens.
    last : float, log2 of the unit
        The level at the origin.
    years : float
        From the origin to the end of the target quarter.
    vintage : str
    n_rows : int
        Observations behind it.
    """

    target: Target
    quarter: Quarter
    cell: str
    quantiles: Floats
    baseline: Floats
    last: float
    years: float
    vintage: str
    n_rows: int

    def probability(self, threshold: float, quantiles: Floats) -> float:
        """Return the probability of reaching a threshold (in the unit): at least it, or at most it for a time."""
        below = probability_up_to(quantiles, float(np.log2(threshold)))
        reached = below if self.target.sign < 0 else 1.0 - below
        return float(np.clip(reached, _LEAST, 1.0 - _LEAST))


def observable_statements(sources: Sources) -> list[Statement]:
    """Return the statements about the largest runs, chips, records and benchmarks."""
    params = sources.params
    found: list[Statement | None] = []
    for question in params.quantities:
        made = outlooks(sources, question.target, sources.quarter.shift(question.quarters))
        found += [_level(sources, outlook, question.rate) for outlook in made]
    rounds = TARGETS[params.rounds.target]
    if len(sources.views.known(rounds, sources.quarter.as_of).observations):
        held = next_round(rounds, sources.views, sources.quarter)
        live = live_cells(rounds, sources.views, sources.quarter)[: params.rounds.most]
        by_cell = {one.cell: one for one in outlooks(sources, rounds.id, held)}
        found += [_level(sources, by_cell[cell], params.rounds.rate) for cell in live if cell in by_cell]
    for event in params.events:
        made = outlooks(sources, event.target, sources.quarter.shift(event.quarters))
        found += [_event(sources, outlook) for outlook in made]
    return [one for one in found if one is not None]


def outlooks(sources: Sources, target_id: str, quarter: Quarter) -> Iterator[Outlook]:
    """Yield the forecasts of a target for a quarter, where its source publishes before then and its series lives."""
    target = TARGETS[target_id]
    expected = sources.next_publication(target)
    if expected is None or expected > quarter.as_of or not lives(target, sources.views, sources.quarter):
        return
    made = sources.made.get((target_id, str(quarter)))
    if made is None:
        return
    for cell, rows in made.groupby("cell", sort=True):
        own, naive = (rows[rows["method"] == name].iloc[0] for name in ("forecast", "last_value"))
        yield Outlook(
            target,
            quarter,
            str(cell),
            own[list(QUANTILE_COLUMNS)].to_numpy(dtype=np.float64),
            naive[list(QUANTILE_COLUMNS)].to_numpy(dtype=np.float64),
            float(own["last"]),
            float(own["window_end"] - own["window_start"]),
            str(own["vintage"]),
            int(own["n_rows"]),
        )


def _about(sources: Sources, outlook: Outlook, name: str) -> dict[str, Any]:
    """Return the fields every statement about a target shares."""
    expected = sources.next_publication(outlook.target)
    return {
        "id": sources.name(f"{name}_{outlook.cell}" if outlook.cell else name),
        "by": outlook.quarter.as_of.isoformat(),
        "resolution_source": f"{outlook.target.table}, {outlook.target.id}",
        "resolution_rule": outlook.target.rule,
        "basis": f"backtest, {outlook.n_rows} rows of {outlook.target.table} ({outlook.vintage} view)",
        "target": outlook.target.id,
        "target_quarter": str(outlook.quarter),
        "cell": outlook.cell,
        "published_by": "" if expected is None else expected.isoformat(),
        "last": float(np.exp2(outlook.last)),
    }


def _when(outlook: Outlook) -> str:
    return "in" if outlook.target.kind in ("panel", "aggregate", "observation") else "by the end of"


def _level(sources: Sources, outlook: Outlook, rate: str | None) -> Statement | None:
    about = _about(sources, outlook, outlook.target.id)
    if sources.is_open(outlook.target.id, outlook.cell, quarter=str(outlook.quarter)):
        return None
    quantiles = sources.at_levels(outlook.quantiles)
    of = f" ({outlook.cell})" if outlook.cell else ""
    what = f"{outlook.target.what}{of} {_when(outlook)} {outlook.quarter}"
    unit = outlook.target.unit
    return Statement(
        what=what,
        plain=level_words(what, quantiles, unit, about["last"]),
        kind="quantiles",
        unit=unit,
        quantiles=quantiles,
        baseline={"method": "last_value", "quantiles": sources.at_levels(outlook.baseline)},
        rate=_rate(sources, outlook, rate),
        **about,
    )


def _rate(sources: Sources, outlook: Outlook, name: str | None) -> Mapping[str, Any]:
    """Return the growth a median implies beside the one the same report prints, and why where they differ."""
    implied = outlook.target.sign * float(outlook.quantiles[_MEDIAN] - outlook.last) / outlook.years
    printed = sources.rates.get(name or "")
    if printed is None:
        return {"implied_per_year": implied}
    value, low, high = printed
    beside = {"implied_per_year": implied, "printed": name, "value": value, "low": low, "high": high}
    if low <= implied <= high:
        return beside
    learned = sources.weights.get(outlook.target.id)
    h = round(4 * outlook.years) - 1
    weights = dict(zip(learned.names, learned.weights[:, h].tolist(), strict=True)) if learned else {}
    return {**beside, "why": why(implied, printed, weights, mean=outlook.target.kind == "aggregate")}


def _event(sources: Sources, outlook: Outlook) -> Statement | None:
    """State how likely a round number is to be reached: the one nearest to even odds that has not been asked yet."""
    params, sign = sources.params, outlook.target.sign
    start = float(np.exp2(outlook.last))
    decade = int(np.floor(np.log10(start)))
    grid = sorted(step * 10.0**k for k in range(decade - 2, decade + 8) for step in params.event_steps)
    ahead = [one for one in grid if sign * one > sign * start]
    odds = {one: outlook.probability(one, outlook.quantiles) for one in ahead}
    low, high = params.event_odds
    asked = [
        one
        for one, chance in odds.items()
        if low <= chance <= high and not sources.is_open(outlook.target.id, outlook.cell, threshold=one)
    ]
    if not asked:
        return None
    threshold = min(asked, key=lambda one: (abs(odds[one] - 0.5), one))
    side = "at least" if sign > 0 else "at most"
    what = f"{outlook.target.what} is {side} {threshold:.3g} {outlook.target.unit} by the end of {outlook.quarter}"
    about = _about(sources, outlook, f"{outlook.target.id}_reaches")
    return Statement(
        what=what,
        plain=event_words(what, odds[threshold], about["last"], outlook.target.unit),
        kind="probability",
        unit="1",
        probability=odds[threshold],
        baseline={"method": "last_value", "probability": outlook.probability(threshold, outlook.baseline)},
        threshold=threshold,
        **about,
    )

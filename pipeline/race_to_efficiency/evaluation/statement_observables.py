"""Statements about observables, by the very models and baselines the backtest scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.evaluation import baselines
from race_to_efficiency.evaluation.origin_forecasts import forecast
from race_to_efficiency.evaluation.origins import ForecastOrigin, end_time
from race_to_efficiency.evaluation.scoring import LEVELS
from race_to_efficiency.evaluation.statements import Statement
from race_to_efficiency.evaluation.targets import TARGETS
from race_to_efficiency.units import DATE_UNIT, decimal_year

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from race_to_efficiency.evaluation.origins import CellForecast
    from race_to_efficiency.evaluation.statements import Sources
    from race_to_efficiency.units import Quarter

    Array = NDArray[np.float64]

_TAU = np.array(LEVELS)


class Outlook:
    """A target's forecasts from the quarter's end, as far ahead as statements look."""

    def __init__(self, sources: Sources, target_id: str, quarters: int) -> None:
        self.sources, self.target = sources, TARGETS[target_id]
        quarter = sources.quarter
        ends = np.array([end_time(quarter.shift(h)) for h in range(1, quarters + 1)])
        known = sources.views.known(self.target, quarter.as_of)
        self.origin = ForecastOrigin(self.target, quarter, known, ends, sources.backtest, sources.seed)
        choice = sources.choices.get(target_id)
        kind = sources.backtest.candidates[self.target.kind]
        self.model = kind[0] if choice is None else choice.next_model
        self.cells: list[CellForecast] = forecast(self.origin)

    def quantiles(self, cell: CellForecast, h: int) -> Array:
        """Return the (23,) quantiles ``h`` quarters ahead in the target's unit."""
        return self.in_unit(cell.models[self.model].quantiles[h - 1])

    def last_value(self, cell: CellForecast, h: int) -> Array | None:
        """Return the last-value baseline's quantiles in the target's unit."""
        changes = baselines.past_changes(cell.series, float(cell.ahead[h - 1]))
        return None if changes.size == 0 else self.in_unit(baselines.last_value(cell.last, changes))

    def in_unit(self, log2_better: Array) -> Array:
        """Return quantiles in the target's unit from log2 ones of which larger is better."""
        signed = log2_better if self.target.sign > 0 else -log2_better[::-1]
        return np.asarray(np.exp2(signed), dtype=np.float64)

    def probability(self, quantiles: Array, threshold: float) -> float:
        """Return the probability of reaching a threshold: at least it, or at most it where smaller is better.

        Beyond the outermost quantiles it is the middle of the tail: nothing is said to be certain.
        """
        below = float(np.interp(threshold, quantiles, _TAU, left=_TAU[0] / 2, right=(1.0 + _TAU[-1]) / 2))
        return below if self.target.sign < 0 else 1.0 - below

    def basis(self) -> str:
        """Return what the numbers rest on, in words."""
        count, vintage = len(self.origin.known.observations), self.origin.known.vintage
        return f"model {self.model} of the backtest on {count} rows of {self.target.table} ({vintage} view)"

    def about(self, quarter: Quarter, cell: str = "") -> dict[str, Any]:
        """Return the fields every statement about this target shares."""
        return {
            "by": quarter.as_of.isoformat(),
            "resolution_source": f"{self.target.table}, {self.target.id}",
            "resolution_rule": self.target.rule,
            "basis": self.basis(),
            "target": self.target.id,
            "target_quarter": str(quarter),
            "cell": cell,
        }


def observable_statements(sources: Sources) -> list[Statement]:
    """Return the statements about the largest runs, chips, records and benchmarks."""
    params = sources.params
    far = 4 * params.search_years
    compute, power = Outlook(sources, "frontier_compute", far), Outlook(sources, "frontier_power", far)
    found = [_level(compute, f"largest_run_compute_{years}y", 4 * years) for years in params.largest_run_years]
    found += [
        _first(compute, "first_run_compute", params.first_run_flop),
        _first(power, "first_run_power", params.first_run_watts),
        _reached(compute, "compute_threshold", 4 * params.threshold_years, params.first_run_flop),
        _reached(power, "power_threshold", 4 * params.threshold_years, params.first_run_watts),
        _exceeded(compute, "larger_run", 4),
    ]
    steps = max(*params.record_quarters, 4)
    for target_id, name in (("tensor16_record", "best_16_bit"), ("fp8_record", "best_8_bit")):
        outlook = Outlook(sources, target_id, steps)
        found += [_level(outlook, f"{name}_{h}q", h) for h in params.record_quarters]
    found.append(_exceeded(Outlook(sources, "tensor16_record", steps), "new_16_bit_record", 4))
    speedrun = Outlook(sources, "speedrun_record_time", steps)
    found += [_level(speedrun, f"speedrun_{h}q", h) for h in params.record_quarters]
    found.append(_reached(speedrun, "speedrun_threshold", 4, params.speedrun_seconds))
    found.append(_level(Outlook(sources, "tensor16_quarter_mean", 1), "mean_chip_next_quarter", 1))
    found += _panel(Outlook(sources, "mlperf_best8_minutes", 4))
    return [item for item in found if item is not None]


def _quantile_statement(outlook: Outlook, cell: CellForecast, name: str, h: int) -> Statement:
    quarter, sources = outlook.sources.quarter.shift(h), outlook.sources
    baseline: dict[str, Any] = {"method": "last_value"}
    naive = outlook.last_value(cell, h)
    if naive is not None:
        baseline["quantiles"] = sources.at_levels(naive, quantiles=True)
    of = f" ({cell.cell})" if cell.cell else ""
    when = "in" if outlook.target.kind in ("panel", "aggregate", "observation") else "by the end of"
    return Statement(
        id=sources.name(name),
        what=f"{outlook.target.what}{of} {when} {quarter}",
        kind="quantiles",
        unit=outlook.target.unit,
        quantiles=sources.at_levels(outlook.quantiles(cell, h), quantiles=True),
        baseline=baseline,
        **outlook.about(quarter, cell.cell),
    )


def _level(outlook: Outlook, name: str, h: int) -> Statement | None:
    return _quantile_statement(outlook, outlook.cells[0], name, h) if outlook.cells else None


def _panel(outlook: Outlook) -> list[Statement | None]:
    """State each live benchmark's best time in the next quarter of the year in which rounds have been published.

    A benchmark is live when the newest round has an entry: a retired one would only ever be void.
    """
    observations = outlook.origin.known.observations
    released = observations["released"]
    if not outlook.cells or released.empty:
        return []
    by_count = released.dt.quarter.value_counts()
    usual = {int(number) for number, count in by_count.items() if count >= by_count.max() / 4}
    quarter = outlook.sources.quarter
    h = next((h for h in range(1, 5) if quarter.shift(h).number in usual), 4)
    live = set(observations["cell"][observations["block"] == observations["block"].iloc[-1]])
    return [_quantile_statement(outlook, cell, f"mlperf_{cell.cell}", h) for cell in outlook.cells if cell.cell in live]


def _event(outlook: Outlook, name: str, what: str, h: int, threshold: float) -> Statement:
    cell, quarter = outlook.cells[0], outlook.sources.quarter.shift(h)
    naive = outlook.last_value(cell, h)
    baseline: dict[str, Any] = {"method": "last_value"}
    if naive is not None:
        baseline["probability"] = outlook.probability(naive, threshold)
    return Statement(
        id=outlook.sources.name(name),
        what=what,
        kind="probability",
        unit="1",
        probability=outlook.probability(outlook.quantiles(cell, h), threshold),
        baseline=baseline,
        threshold=threshold,
        **outlook.about(quarter, cell.cell),
    )


def _reached(outlook: Outlook, name: str, h: int, threshold: float) -> Statement | None:
    if not outlook.cells:
        return None
    side = "at least" if outlook.target.sign > 0 else "at most"
    quarter = outlook.sources.quarter.shift(h)
    what = f"{outlook.target.what} is {side} {threshold:.3g} {outlook.target.unit} by the end of {quarter}"
    return _event(outlook, name, what, h, threshold)


def _exceeded(outlook: Outlook, name: str, h: int) -> Statement | None:
    """State how likely today's record is to fall."""
    if not outlook.cells:
        return None
    sign, last = outlook.target.sign, outlook.cells[0].last
    record = float(np.exp2(sign * last))
    threshold = float(np.nextafter(record, sign * np.inf))
    quarter = outlook.sources.quarter.shift(h)
    what = f"{outlook.target.what} beats {record:.4g} {outlook.target.unit} by the end of {quarter}"
    return _event(outlook, name, what, h, threshold)


def _first(outlook: Outlook, name: str, threshold: float) -> Statement | None:
    """State the date on which a record first reaches a threshold."""
    if not outlook.cells:
        return None
    cell, sources = outlook.cells[0], outlook.sources
    start = decimal_year(sources.quarter.shift(1).first_day)
    span = range(1, outlook.origin.ends.size + 1)
    reached = [outlook.probability(outlook.quantiles(cell, h), threshold) for h in span]
    walk = [
        outlook.probability(
            outlook.in_unit(baselines.random_walk_drift(cell.series, cell.last, float(cell.ahead[h - 1]))), threshold
        )
        for h in span
    ]
    levels = sources.params.quantile_levels
    dates = first_passage(np.array(reached), start, outlook.origin.ends, levels)
    unit = outlook.target.unit
    about = outlook.about(sources.quarter.shift(len(reached)))
    return Statement(
        id=sources.name(name),
        what=f"date on which {outlook.target.what} first reaches {threshold:.3g} {unit}",
        kind="quantiles",
        unit=DATE_UNIT,
        quantiles=dates,
        dates={level: None if value is None else iso_date(value) for level, value in dates.items()},
        baseline={
            "method": "random_walk_drift",
            "quantiles": first_passage(np.array(walk), start, outlook.origin.ends, levels),
        },
        threshold=threshold,
        **(about | {"resolution_rule": f"release date of the first row that reaches it; {about['resolution_rule']}"}),
    )


def first_passage(probability: Array, start: float, ends: Array, levels: tuple[float, ...]) -> dict[str, float | None]:
    """Return the quantiles of the date of a first passage from the probability of having passed by each end.

    Parameters
    ----------
    probability : (h,) float
        Of having passed by each end; made non-decreasing.
    start : float, decimal years
        Nothing has passed by then.
    ends : (h,) float, decimal years
    levels : tuple of float

    Returns
    -------
    dict of level to decimal year
        None where the level is not reached by the last end.
    """
    passed = np.concatenate([[0.0], np.maximum.accumulate(probability)])
    when = np.concatenate([[start], ends])
    found: dict[str, float | None] = {}
    for level in levels:
        index = int(np.searchsorted(passed, level, side="left"))
        if index == passed.size:
            found[f"{level:g}"] = None
            continue
        share = (level - passed[index - 1]) / (passed[index] - passed[index - 1])
        found[f"{level:g}"] = float(when[index - 1] + share * (when[index] - when[index - 1]))
    return found


def iso_date(year: float) -> str:
    """Return the calendar date of a decimal year."""
    import datetime as dt

    from race_to_efficiency.units import add_years

    first = dt.date(int(year), 1, 1)
    return add_years(first, year - first.year).isoformat()

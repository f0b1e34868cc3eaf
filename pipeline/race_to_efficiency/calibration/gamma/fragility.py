"""How much an estimate hangs on choices: where it starts, which rows, which definition; and what that does to trust."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from race_to_efficiency.calibration.common.estimates import NO_ENDS
from race_to_efficiency.calibration.gamma.pairs_out import leave_pairs_out
from race_to_efficiency.calibration.gamma.trend_fit import aged, fit_trend
from race_to_efficiency.calibration.gamma.trends import line_slopes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from race_to_efficiency.calibration.common.series import Series
    from race_to_efficiency.calibration.gamma.components import Fitted, Inputs
    from race_to_efficiency.calibration.gamma.records import Choice, FragilityRow

QUICK_DRAWS = 200
"""Draws of a refit of which only value, interval and status are read."""

DAYS_PER_YEAR = 365.25

DEFINITIONS: dict[str, tuple[tuple[Choice, str], ...]] = {
    "hardware_tensor16.mean_chip": (
        ("definition", "hardware_tensor16.quantile_0.9"),
        ("definition", "hardware_tensor16.running_maximum"),
        ("definition", "hardware_tensor16.record_frontier"),
        ("window", "hardware_tensor16.recent"),
        ("format", "hardware_fp32.mean_chip"),
    ),
    "hardware_fp32.mean_chip": (
        ("definition", "hardware_fp32.running_maximum"),
        ("window", "hardware_fp32.recent"),
        ("format", "hardware_tensor16.mean_chip"),
    ),
    "hardware_tensor16.record_frontier": (
        ("definition", "hardware_tensor16.running_maximum"),
        ("definition", "hardware_tensor16.quantile_0.9"),
        ("format", "hardware_fp32.record_frontier"),
    ),
    "training_flop_per_joule.ols": (
        ("definition", "growth.identity_flop_per_joule"),
        ("format", "training_flop_per_joule.same_format"),
    ),
    "mlperf_same_chip.cell_effects": (("definition", "mlperf_same_chip.cell_effects_normalised"),),
    "mlperf_system.best_available": (("definition", "mlperf_system.best_any"),),
    "mlperf_system.best_any": (("definition", "mlperf_system.best_available"),),
    "algorithmic_lm.ln_loss": (
        ("definition", "algorithmic_lm.ln_perplexity"),
        ("window", "algorithmic_lm.ln_loss_recent"),
    ),
    "speedrun_tokens.recent": (("window", "speedrun_tokens.ols"),),
    "speedrun_time.recent": (("window", "speedrun_time.ols"),),
    "growth.frontier_compute": (
        ("definition", "growth.identity_compute"),
        ("definition", "growth.frontier_compute_truncated"),
    ),
}
"""Other answers to the same question, by component: shown beside the headline, and no ground for its status."""


def fragility_rows(inputs: Inputs, fit: Fitted, others: Mapping[str, Fitted]) -> list[FragilityRow]:
    """Return one row for each other choice: start two years earlier or later, two rows out, another definition.

    Parameters
    ----------
    inputs : Inputs
    fit : Fitted
    others : mapping of str to Fitted
        By ``component.estimator``.

    Returns
    -------
    list of dict
        component, kind, change, value, low, high, delta, n_rows, sign_changes, status_changes, outside_interval,
        moves_much, gate (whether it counts for the status).
    """
    if fit.draws is None:
        return []
    rows = []
    if fit.series is not None and fit.slopes is not None:
        rows += [
            *moved_starts(inputs, fit, lambda moved: _again(inputs, fit, moved)),
            *_two_rows_out(inputs, fit),
            *_other_clusters(inputs, fit),
        ]
    for kind, key in DEFINITIONS.get(fit.component.key, ()):
        other = others.get(key)
        if other is not None:
            rows.append(choice_row(inputs, fit, kind, key, other))
    return rows


def fragility_verdict(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return why an estimate is weak: its sign or status changes, it leaves its own interval, or it moves much.

    The gate looks at the start of the window (earlier and later by `gate.start_shift_years`) and at the two most
    influential rows; other definitions and clusterings are shown but do not count.
    """
    reasons = []
    for row in rows:
        if not row["gate"]:
            continue
        if row["sign_changes"]:
            reasons.append(f"the sign changes: {row['change']} gives {row['value']:.3g}")
        elif row["status_changes"]:
            reasons.append(f"the status changes: {row['change']} is {row['status']}")
        elif row["outside_interval"]:
            reasons.append(f"it leaves its own 95 % interval: {row['change']} gives {row['value']:.3g}")
        elif row["moves_much"]:
            moved = f"by {abs(row['delta'] / row['base']):.0%}" if row["base"] else "away from 0"
            reasons.append(f"it moves {moved}: {row['change']} gives {row['value']:.3g}")
    return reasons


def tornado_rows(route: Fitted, terms: Mapping[str, int], fragility: Sequence[FragilityRow]) -> list[FragilityRow]:
    """Return what each other choice for one component does to a route, the rest staying as it is.

    Parameters
    ----------
    route : Fitted
    terms : mapping of str to int
        The route's components and conversions with their signs.
    fragility : list of dict
        `fragility_rows` of those components.
    """
    if route.estimate.value is None:
        return []
    rows: list[FragilityRow] = []
    for row in fragility:
        sign = terms.get(row["component"])
        if sign is None or row["delta"] is None:
            continue
        value = route.estimate.value + sign * row["delta"]
        rows.append(
            {
                **row,
                "component": route.component.key,
                "change": f"{row['component']}: {row['change']}",
                "value": value,
                "low": None,
                "high": None,
                "delta": sign * row["delta"],
                "sign_changes": value * route.estimate.value < 0,
                "outside_interval": route.estimate.lies_outside(value),
                "moves_much": False,
                "gate": False,
            }
        )
    return rows


def mixture_rows(inputs: Inputs, blend: Fitted, parts: Mapping[str, Fitted]) -> list[FragilityRow]:
    """Return what each part of the mixture says alone: how much the stated weights decide."""
    usable = {key: part for key, part in parts.items() if blend.usable and part.usable}
    return [choice_row(inputs, blend, "definition", f"{key} alone", part) for key, part in usable.items()]


def moved_starts(inputs: Inputs, fit: Fitted, again: Callable[[Series], Fitted]) -> list[FragilityRow]:
    """Return the estimate with the window's start moved earlier and later; earlier only where such rows exist.

    Parameters
    ----------
    inputs : Inputs
    fit : Fitted
    again : callable
        Fits other rows in the same way.
    """
    series, whole = fit.series, fit.whole
    if series is None or whole is None or fit.slopes is None:
        return []
    shift = np.timedelta64(round(inputs.params.gate.start_shift_years * DAYS_PER_YEAR), "D")
    rows = []
    for sign, word in ((-1, "earlier"), (1, "later")):
        start = series.dates.min() + sign * shift
        moved = whole.since(start.astype("datetime64[D]").item())
        if len(moved) == len(series) or (sign < 0 and len(moved) < len(series)):
            continue
        change = f"start {inputs.params.gate.start_shift_years:g} years {word}"
        other = again(moved)
        rows.append(choice_row(inputs, fit, "window", change, other, gate=True))
    return rows


def _again(inputs: Inputs, fit: Fitted, series: Series) -> Fitted:
    """Return the component fitted to other rows, with fewer draws: only its value, interval and status are read."""
    quick = replace(inputs, params=inputs.params.model_copy(update={"draws": min(inputs.params.draws, QUICK_DRAWS)}))
    if fit.component.name == "algorithmic_lm":
        from race_to_efficiency.calibration.gamma.components_algorithm import fit_gain

        return aged(inputs, fit_gain(quick, fit.component, series))
    slopes = fit.slopes or line_slopes
    first = fit.estimate.intervals[0].method
    again = fit_trend(quick, fit.component, series, slopes=slopes, resampling=fit.resampling, first=first)
    return aged(inputs, again)


def _two_rows_out(inputs: Inputs, fit: Fitted) -> list[FragilityRow]:
    """Return the lowest and highest slope that leaving two rows out can give."""
    series, slopes = fit.series, fit.slopes
    if series is None or slopes is None or len(series) < 6:
        return []
    found, pairs = leave_pairs_out(series, fit)
    rows: list[FragilityRow] = []
    for word, position in (("lowest", int(np.nanargmin(found))), ("highest", int(np.nanargmax(found)))):
        names = " and ".join(str(series.row_ids[index]) for index in pairs[position])
        row = choice_row(
            inputs, fit, "leave_two_out", f"{word} without {names}", None, value=float(found[position]), gate=True
        )
        left_out = [series.rows_used[index] for index in pairs[position]]
        rows.append({**row, "n_rows": len(series) - 2, "rows": left_out})
    return rows


def _other_clusters(inputs: Inputs, fit: Fitted) -> list[FragilityRow]:
    """Return the interval under coarser clusters: by the label's first word (the maker), where that says something."""
    if fit.resampling != "clusters" or fit.series is None or fit.component.name == "algorithmic_lm":
        return []
    if not fit.component.name.startswith("hardware"):
        return []
    coarse = replace(fit.series, clusters=np.asarray([str(x).split(" ", 1)[0] for x in fit.series.clusters], object))
    other = _again(inputs, fit, coarse)
    if other.draws is None:
        return []
    interval = next((item for item in other.estimate.intervals if item.method == "cluster"), None)
    row = choice_row(inputs, fit, "clusters", f"clustered by maker ({coarse.n_clusters})", other)
    return [row if interval is None else {**row, "low": interval.low, "high": interval.high}]


def choice_row(
    inputs: Inputs,
    fit: Fitted,
    kind: Choice,
    change: str,
    other: Fitted | None,
    *,
    value: float | None = None,
    gate: bool = False,
) -> FragilityRow:
    """Return one row of `fragility_rows`: another fit, or another value, beside the fit in question."""
    limit = inputs.params.gate.max_relative_move
    base = float(fit.estimate.value or 0.0)
    estimate = None if other is None else other.estimate
    value = value if estimate is None else estimate.value
    low, high = NO_ENDS if estimate is None else estimate.ends
    order = ("trusted", "weak", "refused")
    status = fit.estimate.status if estimate is None else estimate.status
    return {
        "component": fit.component.key,
        "kind": kind,
        "change": change,
        "base": base,
        "value": value,
        "low": low,
        "high": high,
        "delta": None if value is None else value - base,
        "n_rows": len(fit.series or ()) if estimate is None else estimate.n_rows,
        "status": status,
        "sign_changes": value is not None and value * base < 0,
        "status_changes": order.index(status) > order.index(fit.estimate.status),
        "outside_interval": value is not None and fit.estimate.lies_outside(value),
        "moves_much": value is not None and abs(value - base) > max(limit * abs(base), fit.estimate.stderr or 0.0),
        "gate": gate,
    }
